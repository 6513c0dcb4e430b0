"""`show route advertising-protocol bgp` and `receive-protocol bgp`: what BGP tells a neighbor, and hears from it
(the Adj-RIBs of RFC 4271, 3.2)."""

from __future__ import annotations

from ..routing.exterior import peers
from ..xmltree import Element
from .bgp import BGP
from .reply import fail, information
from .rib import as_path, tables
from .routes import counted, headline, order
from .table import Table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..session import Session
    from .rib import Row

    Given = dict[str, str]

EXCHANGED = Table(
    "rt-entry",
    ("active-tag", lambda row: "*" if row["best"] else "", "", 0),
    ("med", lambda row: row.get("metric"), "", 0),
    ("local-preference", lambda row: row.get("locPrf"), "", 0),
    ("as-path", "as-path", "", 0),
)


def advertised(session: Session, given: Given) -> Element:
    return _exchanged(session, given, "advertised-routes", "advertisedRoutes")


def received(session: Session, given: Given) -> Element:
    """What was accepted of a neighbor: bgpd keeps no more."""
    return _exchanged(session, given, "routes", "routes")


def _exchanged(session: Session, given: Given, what: str, key: str) -> Element:
    peer = given["neighbor-address"]
    root = information("route-information", "routing")
    for speaker in BGP.speakers(session, given):
        told = next((one for one in peers(speaker.configuration(), "") if one.address == peer), None)
        if told is None:
            continue
        for table in tables(session):
            if table.instance != speaker.instance or table.family.inet not in told.families:
                continue
            family = "ipv4" if table.family.version == 4 else "ipv6"
            routes = speaker.ask(f"show bgp {{vrf}}{family} unicast neighbors {peer} {what} json").get(key, {})
            if not routes or given.get("table", table.name) != table.name:
                continue
            made = root.add("route-table")
            counted(made, table.name, table.rows(session))
            for prefix, rows in sorted(routes.items(), key=lambda item: order({"prefix": item[0], "preference": 0})):
                _exchange(made, prefix, rows[0] if isinstance(rows, list) else rows)
        return root
    raise fail(f"error: BGP neighbor {peer} is not configured")


def _exchange(above: Element, prefix: str, row: Row) -> None:
    made = above.add("rt", junos_style="brief")
    made.add("rt-destination", prefix)
    origin = {"i": "IGP", "e": "EGP"}.get(row.get("bgpOriginCode", ""), str(row.get("origin", "incomplete")))
    best = bool(row.get("bestpath") or row.get("appliedStatusSymbols", {}).get(">"))
    entry = EXCHANGED.add(made, {**row, "best": best, "as-path": as_path(row.get("path", ""), origin)})
    to = row.get("nextHop") or next((hop.get("ip", "") for hop in row.get("nexthops", ())), "")
    entry.add("nh").add("to", "Self" if to in ("0.0.0.0", "::") else to)


def advertised_text(root: Element, given: Given) -> str:
    lines = []
    for table in root.children:
        lines.append(headline(table))
        lines.append(f"  {'Prefix':<23} {'Nexthop':<20} {'MED':<7} {'Lclpref':<10} AS path\n")
        for rt in table.all("rt"):
            entry = rt.all("rt-entry")[0]
            row = (f"{entry.value('active-tag') or ' ':<1} {rt.value('rt-destination'):<23} {entry.value('nh/to'):<20} "
                   f"{entry.value('med'):<7} {entry.value('local-preference'):<10} {entry.value('as-path')}")  # fmt: skip
            lines.append(row.rstrip() + "\n")
    return "".join(lines)


received_text = advertised_text
