"""`ping` and `traceroute`: the program's own text at a terminal, elements for those who ask for them."""

from __future__ import annotations

import re

from ..devices import device
from ..xmltree import Element
from .reply import Reply, information

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ..session import Session
    from ..statements import Operation

    Given = dict[str, str]

DEFAULT_COUNT = "5"
"""Requests where nobody is there to stop them."""


class Probe(Reply):
    """`argv` makes the command, `parse` the elements of what it says."""

    def __init__(self, rpc: str, argv: Callable[[Session, Given], list[str]], parse: Callable[[str, Given], Element],
                 hidden: tuple[str, ...] = ()) -> None:  # fmt: skip
        super().__init__(rpc, self._build, hidden=hidden)
        self._argv = argv
        self._parse = parse

    def __call__(self, session: Session, given: Given, operations: tuple[Operation, ...]) -> None:
        form = dict(session.stages)
        if "xml" in form or "json" in form:
            super().__call__(session, given, operations)
        else:
            session.run_program(self._argv(session, given))

    def _captured(self, session: Session, given: Given) -> str:
        return session.channel.run(self._argv(session, given), capture=True)[1]

    def _build(self, session: Session, given: Given) -> Element:
        return self._parse(self._captured(session, _counted(given)), given)

    def text(self, session: Session, given: Given) -> str:
        return self._captured(session, _counted(given))


def _counted(given: Given) -> Given:
    """Somebody waits for the whole answer: it must have an end."""
    return {"count": DEFAULT_COUNT, **given}


# ---- ping


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
