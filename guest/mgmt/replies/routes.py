"""`show route`: the tables of rib.py as elements and text."""

from __future__ import annotations

import ipaddress
import re

from ..xmltree import Element
from .frr import MASTER
from .reply import columns, fail, information
from .rib import named, tables
from .table import fill

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..session import Session
    from .rib import Row

    Given = dict[str, str]


def _tables(session: Session, given: Given) -> list[tuple[str, list[Row]]]:
    """(name, routes) of the tables that are asked for."""
    wanted = given.get("destination")
    version = ipaddress.ip_network(wanted).version if wanted else 0
    chosen = named(session, given["table"]) if given.get("table") else tables(session)
    return [(one.name, one.rows(session)) for one in chosen if version in (0, one.family.version)]


def counted(element: Element, title: str, rows: list[Row]) -> None:
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
        shown = sorted((row for row in rows if _wanted(row, given)), key=order)
        if shown and given.get("destination") and "/" not in given["destination"]:
            shown = [row for row in shown if row["prefix"] == shown[-1]["prefix"]]  # of an address the longest prefix only
        if not shown:
            continue
        table = root.add("route-table")
        counted(table, title, rows)
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


PATH = (
    ("local-preference", "local-preference", "", 0),
    ("learned-from", "from", "", 0),
    ("as-path", "as-path", "", 0),
    ("validation-state", lambda _: "unverified", "", 0),
)
"""What BGP adds to a route."""


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
    if "as-path" in row:
        fill(made, row, *PATH)
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


def order(row: Row) -> tuple[int, int, int]:
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
    kinds = {MASTER: "forwarding", **{name: entry.get("instance-type", "") for name, entry in configured.items()}}
    if wanted is not None and wanted not in kinds:
        raise fail(f"error: instance {wanted} not found")
    there = tables(session)
    for name, kind in kinds.items():
        if wanted not in (None, name):
            continue
        one = root.add("instance-core")
        one.add("instance-name", name)
        one.add("instance-type", kind)
        if "detail" in given or "extensive" in given:
            _about(session, one, configured.get(name, session.datastore.running))
        for table in there if name == MASTER or kind else ():
            rows = table.rows(session) if table.instance == name else []
            if not rows:
                continue
            rib = one.add("instance-rib")
            rib.add("irib-name", table.name)
            rib.add("irib-active-count", sum(row.get("active", True) for row in rows))
            rib.add("irib-holddown-count", 0)
            rib.add("irib-hidden-count", 0)
    return root


def _about(session: Session, one: Element, tree: Row) -> None:
    one.add("instance-state", "Active")
    if "router-id" in tree.get("routing-options", {}):
        one.add("router-id", tree["routing-options"]["router-id"])
    for name in tree.get("interface", {}):
        one.add("instance-interface").add("interface-name", name)


def instances_text(root: Element, given: Given) -> str:
    if "detail" in given or "extensive" in given:
        return "".join(_instance_lines(one) for one in root.children)
    lines = [f"{'Instance':<20} Type\n{'':<9}{'Primary RIB':<47} Active/holddown/hidden\n"]
    for one in root.children:
        lines.append(f"{one.value('instance-name'):<20} {one.value('instance-type')}\n")
        for rib in one.all("instance-rib"):
            counts = "/".join(rib.value(f"irib-{name}-count") for name in ("active", "holddown", "hidden"))
            lines.append(f"{'':<9}{rib.value('irib-name'):<47} {counts}\n")
    return "".join(lines)


def _instance_lines(one: Element) -> str:
    lines = [f"{one.value('instance-name')}:\n"]
    if one.find("router-id") is not None:
        lines.append(f"  Router ID: {one.value('router-id')}\n")
    lines.append(f"  Type: {one.value('instance-type'):<17} State: {one.value('instance-state')}\n")
    if one.all("instance-interface"):
        lines.append("  Interfaces:\n")
        lines += [f"    {each.value('interface-name')}\n" for each in one.all("instance-interface")]
    if one.all("instance-rib"):
        lines.append("  Tables:\n")
    for rib in one.all("instance-rib"):
        active, held, hidden = (rib.value(f"irib-{name}-count") for name in ("active", "holddown", "hidden"))
        lines.append(f"    {rib.value('irib-name'):<23}: {active} routes ({active} active, {held} holddown, {hidden} hidden)\n")
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
        counted(table, title, rows)
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
        lines.append(headline(table))
        for one in table.all("protocols"):
            lines.append(
                f"{one.value('protocol-name'):>20}: {one.value('protocol-route-count'):>6} routes, "
                f"{one.value('active-route-count'):>6} active\n"
            )
    return "".join(lines)


def headline(table: Element) -> str:
    counts = [f"{table.value(f'{name}-count')} {word}" for name, word in (
        ("destination", "destinations,"), ("total-route", "routes"), ("active-route", "active"), ("holddown-route", "holddown"),
        ("hidden-route", "hidden"))]  # fmt: skip
    return f"\n{table.value('table-name')}: {counts[0]} {counts[1]} ({', '.join(counts[2:])})\n"


def route_text(root: Element, given: Given) -> str:
    lines = []
    for table in root.children:
        lines.append(headline(table))
        if "terse" in given:
            lines.append(_terse(table))
            continue
        if "detail" in given or "extensive" in given:
            lines += [line for rt in table.all("rt") for line in _detail_lines(rt)]
            continue
        lines.append("+ = Active Route, - = Last Active, * = Both\n")
        for rt in table.all("rt"):
            head = rt.value("rt-destination")
            for entry in rt.all("rt-entry"):
                lines += _entry_lines(head, entry)
                head = ""
    return "".join(lines)


def _detail_lines(rt: Element) -> list[str]:
    entries = rt.all("rt-entry")
    announced = sum(entry.find("current-active") is not None for entry in entries)
    count = f"{len(entries)} entr{'y' if len(entries) == 1 else 'ies'}"
    lines = [f"{rt.value('rt-destination')}/{rt.value('rt-prefix-length')} ({count}, {announced} announced)\n"]
    for entry in entries:
        mark = entry.value("active-tag") or " "
        lines.append(f"        {mark}{entry.value('protocol-name'):<6} Preference: {entry.value('preference')}\n")
        margin = " " * 16
        if entry.find("nh-type") is not None:
            lines.append(f"{margin}Next hop type: {entry.value('nh-type')}\n")
        for nh in entry.all("nh"):
            selected = ", selected" if nh.find("selected-next-hop") is not None else ""
            where = " ".join(f"{word}{nh.value(tag)}" for word, tag in (("", "to"), ("via ", "via")) if nh.find(tag) is not None)
            local = nh.value("nh-local-interface")
            if where or local:
                lines.append(f"{margin}Interface: {local}\n" if local else f"{margin}Next hop: {where}{selected}\n")
        lines.append(f"{margin}State: <{'Active' if mark == '*' else 'NotBest'}>\n")
        age = entry.find("age")
        metric = f" \tMetric: {entry.value('metric')}" if entry.find("metric") is not None else ""
        lines.append(f"{margin}Age: {age.text if age is not None else ''}{metric}\n")
        if entry.find("as-path") is not None:
            lines.append(f"{margin}Source: {entry.value('learned-from')}\n{margin}AS path: {entry.value('as-path')}\n")
            lines.append(f"{margin}Localpref: {entry.value('local-preference')}\n")
        else:
            lines.append(f"{margin}AS path: I\n")
    return [*lines, "\n"]


def _entry_lines(head: str, entry: Element) -> list[str]:
    mark = entry.value("active-tag") or " "
    metric = f", metric {entry.value('metric')}" if entry.find("metric") is not None else ""
    if entry.find("as-path") is not None:
        metric += f", localpref {entry.value('local-preference')}"
    first = f"{mark}[{entry.value('protocol-name')}/{entry.value('preference')}] {entry.value('age')}{metric}\n"
    lines = [f"{head}\n", f"{'':<18} {first}"] if len(head) > 18 else [f"{head:<18} {first}"]
    if entry.find("as-path") is not None:
        lines.append(f"{'':<22}AS path: {entry.value('as-path')}, validation-state: {entry.value('validation-state')}\n")
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
