"""The routing tables: what zebra, or the kernel where FRR does not run, has in each table of the router and its instances."""

from __future__ import annotations

import json

from ..devices import instances, vrf_name, vrf_of
from .frr import MASTER, ask, logical
from .isis import ISIS, levels
from .ports import ports
from .reply import fail

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
ISIS_PREFERENCES = {1: 15, 2: 18}
"""The dialect's preferences of IS-IS, internal routes, by level. FRR has one distance for both, 115, which stands between the
same neighbors: after OSPF and before OSPF's external routes and BGP."""
ORIGINS = {"IGP": "I", "EGP": "E", "incomplete": "?"}


class Family:
    """`table`: the main table's name. `verb`: FRR's word for it, `switch` that of ip(8)."""

    def __init__(self, table: str, verb: str, switch: str, version: int) -> None:
        self.table = table
        self.verb = verb
        self.switch = switch
        self.version = version
        self.inet = "inet" if version == 4 else "inet6"


FAMILIES = (Family("inet.0", "ip", "-4", 4), Family("inet6.0", "ipv6", "-6", 6))


class Table:
    """One table. `instance` is that of the router itself where it is `master`."""

    def __init__(self, instance: str, family: Family) -> None:
        self.instance = instance
        self.family = family
        self.name = family.table if instance == MASTER else f"{instance}.{family.table}"

    def rows(self, session: Session) -> list[Row]:
        """Its routes, in no order. `active` is missing where there is but one of a prefix."""
        speaking = "zebra" in session.datastore.daemons()
        found = _from_zebra(session, self) if speaking else _from_kernel(session, self)
        return found + _local(session, self)


def tables(session: Session) -> list[Table]:
    """All tables: of each family the router's own first, then those of the instances by name."""
    names = [MASTER, *sorted(instances(session.datastore.running))]
    return [Table(name, family) for family in FAMILIES for name in names]


def named(session: Session, name: str) -> list[Table]:
    """The tables of that name, with or without its number, or of that instance; Refused when there is none."""
    chosen = [one for one in tables(session) if name in (one.name, one.name.removesuffix(".0"), one.instance)]
    if not chosen:
        raise fail(f"error: no routing table matches '{name}'")
    return chosen


def _from_zebra(session: Session, table: Table) -> list[Row]:
    vrf = "" if table.instance == MASTER else f"vrf {vrf_name(table.instance)} "
    answer = ask(session, "zebra", f"show {table.family.verb} route {vrf}json") or {}
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
                    "hops": [_zebra_hop(session, hop) for hop in entry.get("nexthops", ())],
                }
            )
    if any(row["protocol"] == "IS-IS" for row in found):
        _rank(session, table, found)
    if any(row["protocol"] == "BGP" for row in found):
        _describe(session, table, vrf, found)
    return found


def _zebra_hop(session: Session, hop: Row) -> Row:
    selected = bool(hop.get("fib", hop.get("active")))
    if hop.get("blackhole") or hop.get("unreachable"):
        return {"kind": "discard", "selected": selected}
    via = logical(session, hop["interfaceName"]) if hop.get("interfaceName") else ""
    return {"kind": "next", "selected": selected, "to": hop.get("ip", ""), "via": via}


def _rank(session: Session, table: Table, rows: list[Row]) -> None:
    """IS-IS routes get the preference of their level."""
    speaker = ISIS.speaker(session, {"instance": table.instance})
    level_one = speaker.configuration().get("level", {}).get("1", {})
    usual = 2 if "disable" in level_one else 1
    known = levels(speaker)
    for row in rows:
        if row["protocol"] == "IS-IS":
            row["preference"] = ISIS_PREFERENCES[known.get(row["prefix"], usual)]


def _describe(session: Session, table: Table, vrf: str, rows: list[Row]) -> None:
    """BGP routes get what BGP knows of them: path, local preference, and who told them."""
    answer = ask(session, "bgpd", f"show bgp {vrf}{'ipv4' if table.family.version == 4 else 'ipv6'} unicast json") or {}
    best = {
        prefix: next((path for path in paths if path.get("bestpath")), paths[0])
        for prefix, paths in answer.get("routes", {}).items()
        if paths
    }
    for row in rows:
        path = best.get(row["prefix"])
        if row["protocol"] == "BGP" and path is not None:
            row["from"] = path.get("peerId", "")
            row["local-preference"] = path.get("locPrf", answer.get("defaultLocPrf", 100))
            row["as-path"] = as_path(path.get("path", ""), path.get("origin", ""))


def as_path(path: str, origin: str) -> str:
    """`65002 I`, as the dialect writes a path with its origin."""
    return f"{path} {ORIGINS.get(origin, '?')}".strip()


def _from_kernel(session: Session, table: Table) -> list[Row]:
    """Without FRR: what the kernel has."""
    vrf = [] if table.instance == MASTER else ["vrf", vrf_name(table.instance)]
    done = session.datastore.world.run(["ip", "-j", table.family.switch, "route", "show", *vrf])
    found = []
    for row in json.loads(done.out or "[]"):
        prefix = row["dst"]
        if row.get("dev") == "int" or prefix.startswith(("fe80", "ff00", "multicast")):
            continue
        if prefix == "default":
            prefix = "0.0.0.0/0" if table.family.version == 4 else "::/0"
        elif "/" not in prefix:
            prefix += "/32" if table.family.version == 4 else "/128"
        direct = "gateway" not in row
        hop = {"kind": "next" if "dev" in row else "discard", "selected": True, "to": row.get("gateway", "")}
        hop["via"] = logical(session, row["dev"]) if "dev" in row else ""
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


def _local(session: Session, table: Table) -> list[Row]:
    """The router's own addresses, which the original lists as routes."""
    found = []
    length = 32 if table.family.version == 4 else 128
    own = None if table.instance == MASTER else vrf_name(table.instance)
    for unit in (unit for name, port in ports(session).items() if name not in ("em1", "lo0") for unit in port.units):
        if vrf_of(session.datastore.running, unit.name) != own:
            continue  # of another table
        for one in unit.link.get("addr_info", ()):
            if one["family"] != table.family.inet or one.get("scope") == "link" or one["prefixlen"] == length:
                continue
            hop = {"kind": "local", "selected": False, "via": unit.name}
            found.append({"prefix": f"{one['local']}/{length}", "protocol": "Local", "preference": 0, "metric": 0, "age": "",
                          "hops": [hop]})  # fmt: skip
    return found
