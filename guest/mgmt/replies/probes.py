"""`ping` and `traceroute`: the commands, and elements of what they say."""

from __future__ import annotations

import re

from ..devices import device, instances, vrf_name
from ..xmltree import Element
from .frr import MASTER
from .probe import DEFAULT_COUNT
from .reply import fail, information

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..session import Session

    Given = dict[str, str]


# ---- ping


def vrf(session: Session, given: Given) -> list[str]:
    """The Unix interface of the routing instance that is asked for; Refused when there is none."""
    name = given.get("routing-instance", MASTER)
    if name == MASTER:
        return []
    if name not in instances(session.datastore.running):
        raise fail(f"error: instance {name} not found")
    return [vrf_name(name)]


def ping_argv(session: Session, given: Given) -> list[str]:
    argv = ["ping"]
    if "inet" in given:
        argv.append("-4")
    if "inet6" in given:
        argv.append("-6")
    if "rapid" in given:
        argv += ["-i", "0.01" if session.user == "root" else "0.2"]
    for name, switch in (("count", "-c"), ("size", "-s"), ("source", "-I"), ("ttl", "-t"), ("interval", "-i"), ("wait", "-W")):
        if name in given:
            argv += [switch, given[name]]
    if "count" not in given and ("rapid" in given or not session.channel.tty):
        argv += ["-c", DEFAULT_COUNT]
    if "do-not-fragment" in given:
        argv += ["-M", "do"]
    for one in vrf(session, given) if "interface" not in given else ():
        argv += ["-I", one]
    if "interface" in given:
        argv += ["-I", device(session.datastore.running, given["interface"])]
    return [*argv, "--", given["host"]]


_ANSWER = re.compile(r"^(\d+) bytes from ([^\n]*): icmp_seq=(\d+) ttl=(\d+) time=([\d.]+) ms", re.MULTILINE)
_SENT = re.compile(r"^(\d+) packets transmitted, (\d+) received.*?([\d.]+)% packet loss", re.MULTILINE)
_TIMES = re.compile(r"^rtt min/avg/max/mdev = ([\d.]+)/([\d.]+)/([\d.]+)/([\d.]+) ms", re.MULTILINE)


def microseconds(milliseconds: str) -> int:
    return round(float(milliseconds) * 1000)


def ping_elements(text: str, given: Given) -> Element:
    """Of iputils' text; times in microseconds."""
    root = information("ping-results", "probe-tests")
    root.add("target-host", given["host"])
    target = re.search(r"^PING [^\n]*?\(([0-9a-fA-F.:]+)\)", text, re.MULTILINE)
    root.add("target-ip", target[1] if target else given["host"])
    root.add("packet-size", given.get("size", "56"))
    sent = _SENT.search(text)
    if sent is None:
        last = text.strip().splitlines()[-1:] or ["no answer"]
        root.add("ping-failure", last[0].removeprefix("ping: "))
        return root
    for index, answer in enumerate(_ANSWER.finditer(text), 1):
        one = root.add("probe-result")
        one.add("probe-index", index)
        one.add("probe-success")
        one.add("sequence-number", int(answer[3]) - 1)
        one.add("ip-address", answer[2].rpartition("(")[2].rstrip(")"))
        one.add("time-to-live", answer[4])
        one.add("response-size", answer[1])
        one.add("rtt", microseconds(answer[5]))
    summary = root.add("probe-results-summary")
    summary.add("probes-sent", sent[1])
    summary.add("responses-received", sent[2])
    summary.add("packet-loss", round(float(sent[3])))
    times = _TIMES.search(text)
    if times:
        for name, value in zip(("minimum", "average", "maximum", "stddev"), times.groups(), strict=True):
            summary.add(f"rtt-{name}", microseconds(value))
    if int(sent[2]):
        root.add("ping-success")
    else:
        root.add("ping-failure", "no response")
    return root


# ---- traceroute


def traceroute_argv(session: Session, given: Given) -> list[str]:
    argv = ["traceroute", "-n"]
    for name, switch in (("source", "-s"), ("ttl", "-m"), ("wait", "-w")):
        if name in given:
            argv += [switch, given[name]]
    for one in vrf(session, given):
        argv += ["-i", one]
    return [*argv, given["host"]]


_HOP = re.compile(r"^ ?(\d+)  (.*)$", re.MULTILINE)
_PROBE = re.compile(r"\*|(?:([0-9a-fA-F.:]{2,})  )?([\d.]+) ms(?: !\S*)?")


def traceroute_elements(text: str, given: Given) -> Element:
    """Of traceroute's text: each hop's probes, which name an address when it is another than the one before."""
    root = information("traceroute-results", "probe-tests")
    root.add("target-host", given["host"])
    target = re.search(r"^traceroute to \S+ \(([0-9a-fA-F.:]+)\), (\d+) hops max, (\d+) byte", text)
    if target is None:
        last = text.strip().splitlines()[-1:] or ["no answer"]
        root.add("traceroute-failure", last[0].removeprefix("traceroute: "))
        return root
    root.add("target-ip", target[1])
    root.add("max-hop-index", target[2])
    root.add("packet-size", target[3])
    reached = False
    for hop in _HOP.finditer(text):
        made = root.add("hop")
        made.add("ttl-value", hop[1])
        address = ""
        results = []
        for index, probe in enumerate(_PROBE.finditer(hop[2]), 1):
            one = Element("probe-result")
            one.add("probe-index", index)
            if probe[2] is None:
                one.add("probe-failure", "no-response")
            else:
                address = probe[1] or address
                one.add("ip-address", address)
                one.add("host-name", address)
                one.add("probe-success")
                one.add("rtt", microseconds(probe[2]))
            results.append(one)
        if address:
            made.add("last-ip-address", address)
            made.add("last-host-name", address)
        made.children += results
        reached = reached or address == target[1]
    if reached:
        root.add("traceroute-success")
    else:
        root.add("traceroute-failure", "maximum number of hops reached")
    return root
