"""`show route`, from zebra, or from the kernel where FRR does not run."""

from __future__ import annotations

import ipaddress
import json
import re

from ..devices import vrf_of
from ..xmltree import Element
from .frr import ask, logical
from .ports import ports
from .reply import columns, information

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..session import Session

    Given = dict[str, str]
    Row = dict[str, Any]

PROTOCOLS = {
    "connected": "Direct",
    "kernel": "Access-internal",
    "static": "Static",
    "ospf": "OSPF",
    "ospf6": "OSPF3",
    "isis": "IS-IS",
    "bgp": "BGP",
}
TABLES = (("inet.0", "ip", "-4", 4), ("inet6.0", "ipv6", "-6", 6))


def _tables(session: Session, given: Given) -> list[tuple[str, list[Row]]]:
    wanted = given.get("destination")
    found = []
    for title, verb, switch, version in TABLES:
        if wanted and ipaddress.ip_network(wanted).version != version:
            continue
        if given.get("table", title) not in (title, title.removesuffix(".0")):
            continue
        rows = _from_zebra(session, verb) if "zebra" in session.datastore.daemons() else _from_kernel(session, switch)
        found.append((title, rows + _local(session, "inet" if version == 4 else "inet6")))
    return found


def _counted(element: Element, title: str, rows: list[Row]) -> None:
    element.add("table-name", title)
    element.add("destination-count", len({row["prefix"] for row in rows}))
    element.add("total-route-count", len(rows))
    element.add("active-route-count", sum(row.get("active", True) for row in rows))
    element.add("holddown-route-count", 0)
    element.add("hidden-route-count", 0)


def route(session: Session, given: Given) -> Element:
    root = information("route-information", "routing")
    detailed = "detail" in given or "extensive" in given
    for title, rows in _tables(session, given):
        shown = sorted((row for row in rows if _wanted(row, given)), key=_order)
        if not shown:
            continue
        table = root.add("route-table")
        _counted(table, title, rows)
        here: Element | None = None
        shown_prefix = ""
        for row in shown:
            if here is None or shown_prefix != row["prefix"]:
                here = table.add("rt", junos_style="brief")
                _destination(here, row["prefix"], detailed)
                shown_prefix = row["prefix"]
            here.append(_entry(row))
    return root


def _destination(made: Element, prefix: str, detailed: bool) -> None:
    """With its length, or, in the longer styles, apart from it."""
    address, _, length = prefix.partition("/")
    made.add("rt-destination", address if detailed else prefix)
    if detailed:
        made.add("rt-prefix-length", length)


def _entry(row: Row) -> Element:
    made = Element("rt-entry")
    active = row.get("active", True)
    made.add("active-tag", "*" if active else "")
    if active:
        made.add("current-active")
        made.add("last-active")
    made.add("protocol-name", row["protocol"])
    made.add("preference", row["preference"])
    age = row.get("age") or "00:00:00"
    made.add("age", age, junos_seconds=str(seconds(age)))
    if row.get("metric"):
        made.add("metric", row["metric"])
    if all(hop["kind"] == "discard" for hop in row["hops"]):
        made.add("nh-type", "Discard")
    for hop in row["hops"]:
        nh = made.add("nh")
        if hop["selected"]:
            nh.add("selected-next-hop")
        if hop["kind"] == "local":
            nh.add("nh-local-interface", hop["via"])
            continue
        for name in ("to", "via"):
            if hop.get(name):
                nh.add(name, hop[name])
    return made


def seconds(age: str) -> int:
    """Seconds of FRR's `00:01:09`, `1d02h03m` or `02w3d04h`."""
    if ":" in age:
        hours, minutes, rest = age.split(":")
        return int(hours) * 3600 + int(minutes) * 60 + int(rest)
    sizes = {"y": 31536000, "w": 604800, "d": 86400, "h": 3600, "m": 60}
    return sum(int(count) * sizes[unit] for count, unit in re.findall(r"(\d+)([ywdhm])", age))


def _order(row: Row) -> tuple[int, int, int]:
    network = ipaddress.ip_network(row["prefix"])
    return int(network.network_address), network.prefixlen, row["preference"]


def _wanted(row: Row, given: Given) -> bool:
    if "protocol" in given and row["protocol"].lower().replace("-", "") not in (given["protocol"], given["protocol"] + "3"):
        return False
    if "active-path" in given and not row.get("active", True):
        return False
    if not given.get("destination"):
        return True
    network = ipaddress.ip_network(given["destination"])
    here = ipaddress.ip_network(row["prefix"])
    if here.version != network.version:
        return False
    if "exact" in given:
        return here == network
    if "/" not in given["destination"]:
        return network.subnet_of(here)  # type: ignore[arg-type]  # the versions are equal
    return here.subnet_of(network)  # type: ignore[arg-type]  # the versions are equal


def instances(session: Session, given: Given) -> Element:
    """The main one, `master`, and those that are configured."""
    root = information("instance-information", "routing")
    root.attributes["junos:style"] = "terse"
    wanted = given.get("instance")
    configured = session.datastore.active.get("routing-instances", {}).get("instance", {})
    kinds = {"master": "forwarding", **{name: entry.get("instance-type", "") for name, entry in configured.items()}}
    for name, kind in kinds.items():
        if wanted not in (None, name):
            continue
        one = root.add("instance-core")
        one.add("instance-name", name)
        one.add("instance-type", kind)
        for title, rows in _tables(session, {}) if name == "master" else ():
            rib = one.add("instance-rib")
            rib.add("irib-name", title)
            rib.add("irib-active-count", sum(row.get("active", True) for row in rows))
            rib.add("irib-holddown-count", 0)
            rib.add("irib-hidden-count", 0)
    return root


def instances_text(root: Element, given: Given) -> str:
    lines = [f"{'Instance':<20} Type\n{'':<9}{'Primary RIB':<47} Active/holddown/hidden\n"]
    for one in root.children:
        lines.append(f"{one.value('instance-name'):<20} {one.value('instance-type')}\n")
        for rib in one.all("instance-rib"):
            counts = "/".join(rib.value(f"irib-{name}-count") for name in ("active", "holddown", "hidden"))
            lines.append(f"{'':<9}{rib.value('irib-name'):<47} {counts}\n")
    return "".join(lines)


def summary(session: Session, given: Given) -> Element:
    root = information("route-summary-information", "routing")
    options = session.datastore.running.get("routing-options", {})
    if "autonomous-system" in options:
        root.add("as-number", options["autonomous-system"])
    if "router-id" in options:
        root.add("router-id", options["router-id"])
    for title, rows in _tables(session, given):
        if not rows:
            continue
        table = root.add("route-table")
        _counted(table, title, rows)
        for name in sorted({row["protocol"] for row in rows}):
            mine = [row for row in rows if row["protocol"] == name]
            one = table.add("protocols")
            one.add("protocol-name", name)
            one.add("protocol-route-count", len(mine))
            one.add("active-route-count", sum(row.get("active", True) for row in mine))
    return root


def summary_text(root: Element, given: Given) -> str:
    lines = []
    if root.find("as-number") is not None:
        lines.append(f"Autonomous system number: {root.value('as-number')}\n")
    if root.find("router-id") is not None:
        lines.append(f"Router ID: {root.value('router-id')}\n")
    for table in root.all("route-table"):
        lines.append(_head(table))
        for one in table.all("protocols"):
            lines.append(
                f"{one.value('protocol-name'):>20}: {one.value('protocol-route-count'):>6} routes, "
                f"{one.value('active-route-count'):>6} active\n"
            )
    return "".join(lines)


def _head(table: Element) -> str:
    counts = [f"{table.value(f'{name}-count')} {word}" for name, word in (
        ("destination", "destinations,"), ("total-route", "routes"), ("active-route", "active"), ("holddown-route", "holddown"),
        ("hidden-route", "hidden"))]  # fmt: skip
    return f"\n{table.value('table-name')}: {counts[0]} {counts[1]} ({', '.join(counts[2:])})\n"


def route_text(root: Element, given: Given) -> str:
    lines = []
    for table in root.children:
        lines.append(_head(table))
        if "terse" in given:
            lines.append(_terse(table))
            continue
        lines.append("+ = Active Route, - = Last Active, * = Both\n")
        for rt in table.all("rt"):
            head = rt.value("rt-destination")
            if rt.find("rt-prefix-length") is not None:
                head += "/" + rt.value("rt-prefix-length")
            for entry in rt.all("rt-entry"):
                lines += _entry_lines(head, entry)
                head = ""
    return "".join(lines)


def _entry_lines(head: str, entry: Element) -> list[str]:
    mark = entry.value("active-tag") or " "
    metric = f", metric {entry.value('metric')}" if entry.find("metric") is not None else ""
    first = f"{mark}[{entry.value('protocol-name')}/{entry.value('preference')}] {entry.value('age')}{metric}\n"
    lines = [f"{head}\n", f"{'':<18} {first}"] if len(head) > 18 else [f"{head:<18} {first}"]
    lines += [f"{'':<20}{_hop(nh, entry)}\n" for nh in entry.all("nh")]
    return lines


def _hop(nh: Element, entry: Element) -> str:
    mark = ">" if nh.find("selected-next-hop") is not None else " "
    if nh.find("nh-local-interface") is not None:
        return f"{mark} Local via {nh.value('nh-local-interface')}"
    via = f"via {nh.value('via')}" if nh.find("via") is not None else ""
    if nh.find("to") is not None:
        return f"{mark} " + f"to {nh.value('to')} {via}".strip()
    return f"{mark} {via or entry.value('nh-type')}"


def _terse(table: Element) -> str:
    rows: list[tuple[str, ...]] = [("A", "V", "Destination", "P", "Prf", "Metric 1", "Next hop")]
    for rt in table.all("rt"):
        head = rt.value("rt-destination")
        for entry in rt.all("rt-entry"):
            hops = [nh.value("to") or nh.value("via") or nh.value("nh-local-interface") for nh in entry.all("nh")]
            shown = [f">{hops[0]}", *hops[1:]] if hops and hops[0] else [entry.value("nh-type")]
            letter = {"OSPF3": "O", "Access-internal": "A", "IS-IS": "I"}.get(
                entry.value("protocol-name"), entry.value("protocol-name")[:1]
            )
            rows.append(
                (entry.value("active-tag"), "?", head, letter, entry.value("preference"), entry.value("metric"), shown[0])
            )
            rows += [("", "", "", "", "", "", hop) for hop in shown[1:]]
            head = ""
    return columns(rows, (1, 1, 18, 1, -3, -10, 0))


# ---- where routes come from


def _from_zebra(session: Session, verb: str) -> list[Row]:
    answer = ask(session, "zebra", f"show {verb} route json") or {}
    found = []
    for prefix, entries in answer.items():
        for entry in entries:
            protocol = PROTOCOLS.get(entry.get("protocol", ""), entry.get("protocol", ""))
            if protocol == "Direct" and prefix.startswith("fe80::"):
                continue
            if any(hop.get("interfaceName") == "int" for hop in entry.get("nexthops", ())):
                continue
            found.append(
                {
                    "prefix": prefix,
                    "protocol": protocol,
                    "preference": entry.get("distance", 0),
                    "metric": entry.get("metric", 0),
                    "age": entry.get("uptime", ""),
                    "active": entry.get("selected", False),
                    "hops": [_zebra_hop(hop) for hop in entry.get("nexthops", ())],
                }
            )
    return found


def _zebra_hop(hop: Row) -> Row:
    selected = bool(hop.get("fib", hop.get("active")))
    if hop.get("blackhole") or hop.get("unreachable"):
        return {"kind": "discard", "selected": selected}
    via = logical(hop["interfaceName"]) if hop.get("interfaceName") else ""
    return {"kind": "next", "selected": selected, "to": hop.get("ip", ""), "via": via}


def _from_kernel(session: Session, switch: str) -> list[Row]:
    """Without FRR: what the kernel has."""
    done = session.datastore.world.run(["ip", "-j", switch, "route", "show"])
    found = []
    for row in json.loads(done.out or "[]"):
        prefix = row["dst"]
        if row.get("dev") == "int" or prefix.startswith(("fe80", "ff00", "multicast")):
            continue
        if prefix == "default":
            prefix = "0.0.0.0/0" if switch == "-4" else "::/0"
        elif "/" not in prefix:
            prefix += "/32" if switch == "-4" else "/128"
        direct = "gateway" not in row
        hop = {"kind": "next" if "dev" in row else "discard", "selected": True, "to": row.get("gateway", "")}
        hop["via"] = logical(row["dev"]) if "dev" in row else ""
        found.append(
            {
                "prefix": prefix,
                "protocol": "Direct" if direct else "Access-internal",
                "preference": 0 if direct else 12,
                "metric": 0,
                "age": "",
                "hops": [hop],
            }
        )
    return found


def _local(session: Session, family: str) -> list[Row]:
    """The router's own addresses, which the original lists as routes."""
    found = []
    length = 32 if family == "inet" else 128
    for unit in (unit for name, port in ports(session).items() if name not in ("em1", "lo0") for unit in port.units):
        if vrf_of(session.datastore.running, unit.name) is not None:
            continue  # of another table
        for one in unit.link.get("addr_info", ()):
            if one["family"] != family or one.get("scope") == "link" or one["prefixlen"] == length:
                continue
            hop = {"kind": "local", "selected": False, "via": unit.name}
            found.append({"prefix": f"{one['local']}/{length}", "protocol": "Local", "preference": 0, "metric": 0, "age": "",
                          "hops": [hop]})  # fmt: skip
    return found
