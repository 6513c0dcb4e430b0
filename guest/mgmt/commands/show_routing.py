"""`show route` and what the routing protocols know, from FRR's JSON, in the original's columns."""

from __future__ import annotations

import ipaddress
import json

from ..devices import logical_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..session import Session
    from ..statements import Operation
    from .words import Given

    Operations = tuple[Operation, ...]

PROTOCOLS = {
    "connected": "Direct",
    "kernel": "Access-internal",
    "static": "Static",
    "ospf": "OSPF",
    "ospf6": "OSPF3",
    "isis": "IS-IS",
    "bgp": "BGP",
}


def _ask(session: Session, daemon: str, command: str) -> Any:
    """FRR's answer, or None when the daemon is not running (which is then said)."""
    if daemon not in session.datastore.daemons():
        return None
    done = session.datastore.world.run(["vtysh", "-d", daemon, "-c", command], deadline=30.0)
    try:
        return json.loads(done.out or "{}")
    except ValueError:
        session.fail(f"error: {daemon} does not answer: {(done.err or done.out).strip().splitlines()[-1:]}")
        return None


def logical(kernel: str) -> str:
    """ge-0-0-0 (or FRR's ge-0-0-0:10.0.0.1) -> ge-0/0/0.0"""
    kernel = kernel.partition(":")[0]
    return logical_name(kernel)


def _not_running(session: Session, name: str, daemon: str) -> bool:
    if daemon in session.datastore.daemons():
        return False
    session.out(f"{name} instance is not running")
    return True


def ospf_neighbor(session: Session, given: Given, operations: Operations) -> None:
    if _not_running(session, "OSPF", "ospfd"):
        return
    answer = _ask(session, "ospfd", "show ip ospf neighbor json") or {}
    session.out(f"{'Address':<16} {'Interface':<22} {'State':<9} {'ID':<15} {'Pri':>4} {'Dead':>5}")
    for identity, rows in answer.get("neighbors", answer).items():
        for row in rows:
            state = str(row.get("nbrState", row.get("state", ""))).partition("/")[0]
            dead = int(row.get("routerDeadIntervalTimerDueMsec", row.get("deadTimeMsecs", 0))) // 1000
            priority = row.get("nbrPriority", row.get("priority", 0))
            session.out(
                f"{row.get('ifaceAddress', row.get('address', '')):<16} {logical(row['ifaceName']):<22} {state:<9} "
                f"{identity:<15} {priority:>4} {dead:>5}"
            )


OSPF_STATES = {
    "DR": "DR",
    "Backup": "BDR",
    "DROther": "DRother",
    "Point-To-Point": "PtToPt",
    "Loopback": "DRother",
    "Waiting": "Waiting",
    "Down": "Down",
}


def ospf_interface(session: Session, given: Given, operations: Operations) -> None:
    if _not_running(session, "OSPF", "ospfd"):
        return
    answer = _ask(session, "ospfd", "show ip ospf interface json") or {}
    session.out(f"{'Interface':<19} {'State':<7} {'Area':<15} {'DR ID':<15} {'BDR ID':<15} {'Nbrs':>4}")
    for name, row in answer.get("interfaces", {}).items():
        state = OSPF_STATES.get(row.get("state", "Down"), row.get("state", "Down"))
        area = str(row.get("area", "")).partition(" ")[0]
        session.out(
            f"{logical(name):<19} {state:<7} {area:<15} {row.get('drId', '0.0.0.0'):<15} {row.get('bdrId', '0.0.0.0'):<15} "
            f"{row.get('nbrCount', 0):>4}"
        )


def ospf_database(session: Session, given: Given, operations: Operations) -> None:
    if _not_running(session, "OSPF", "ospfd"):
        return
    session.out(session.datastore.world.run(["vtysh", "-d", "ospfd", "-c", "show ip ospf database"]).out)


def ospf3_neighbor(session: Session, given: Given, operations: Operations) -> None:
    if _not_running(session, "OSPF3", "ospf6d"):
        return
    answer = _ask(session, "ospf6d", "show ipv6 ospf6 neighbor json") or {}
    session.out(f"{'ID':<16} {'Interface':<22} {'State':<9} {'Pri':>4} {'Dead':>8}")
    for row in answer.get("neighbors", ()):
        session.out(
            f"{row.get('neighborId', ''):<16} {logical(row.get('interfaceName', '')):<22} {row.get('state', ''):<9} "
            f"{row.get('priority', 0):>4} {row.get('deadTime', ''):>8}"
        )


def isis_adjacency(session: Session, given: Given, operations: Operations) -> None:
    if _not_running(session, "IS-IS", "isisd"):
        return
    # Its JSON keeps one level only of an interface that has both.
    answer = session.datastore.world.run(["vtysh", "-d", "isisd", "-c", "show isis neighbor"]).out
    session.out(f"{'Interface':<22} {'System':<15} {'L':<3} {'State':<10} {'Hold (secs)':>11}")
    for line in answer.splitlines():
        words = line.split()
        if len(words) == 6 and words[2].isdigit():
            system, interface, level, state, hold, _ = words
            session.out(f"{logical(interface):<22} {system:<15} {level:<3} {state:<10} {hold:>11}")


def isis_interface(session: Session, given: Given, operations: Operations) -> None:
    if _not_running(session, "IS-IS", "isisd"):
        return
    session.out(session.datastore.world.run(["vtysh", "-d", "isisd", "-c", "show isis interface"]).out)


def bgp_summary(session: Session, given: Given, operations: Operations) -> None:
    if _not_running(session, "BGP", "bgpd"):
        return
    answer = _ask(session, "bgpd", "show bgp summary json") or {}
    peers: dict[str, dict[str, Any]] = {}
    for family in answer.values():
        if isinstance(family, dict):
            for name, row in family.get("peers", {}).items():
                peers.setdefault(name, row)
    down = sum(row.get("state") != "Established" for row in peers.values())
    session.out(
        f"Groups: {len(session.datastore.active.get('protocols', {}).get('bgp', {}).get('group', {}))} "
        f"Peers: {len(peers)} Down peers: {down}"
    )
    session.out(
        f"{'Peer':<24} {'AS':>10} {'InPkt':>10} {'OutPkt':>10} {'OutQ':>7} {'Flaps':>7} {'Last Up/Dwn':>12} State|#Received"
    )
    for name, row in peers.items():
        state = f"Establ {row.get('pfxRcd', 0)}" if row.get("state") == "Established" else row.get("state", "")
        session.out(
            f"{name:<24} {row.get('remoteAs', 0):>10} {row.get('msgRcvd', 0):>10} {row.get('msgSent', 0):>10} "
            f"{row.get('outq', 0):>7} {row.get('connectionsDropped', 0):>7} {row.get('peerUptime', ''):>12} {state}"
        )


def bgp_neighbor(session: Session, given: Given, operations: Operations) -> None:
    if _not_running(session, "BGP", "bgpd"):
        return
    session.out(session.datastore.world.run(["vtysh", "-d", "bgpd", "-c", "show bgp neighbors"]).out)


# ---- routes


def route(session: Session, given: Given, operations: Operations) -> None:
    tables = (("inet.0", "ip", "-4", 4), ("inet6.0", "ipv6", "-6", 6))
    wanted = given.get("destination")
    for title, verb, switch, version in tables:
        if wanted is not None and ipaddress.ip_network(wanted).version != version:
            continue
        rows = _from_zebra(session, verb) if "zebra" in session.datastore.daemons() else _from_kernel(session, switch)
        rows += _local(session, "inet" if version == 4 else "inet6")
        everything = len({row["prefix"] for row in rows})
        active = sum(row.get("active", True) for row in rows)
        shown = [row for row in rows if _wanted(row, given)]
        if not shown:
            continue
        session.out(f"\n{title}: {everything} destinations, {len(rows)} routes ({active} active, 0 holddown, 0 hidden)")
        session.out("+ = Active Route, - = Last Active, * = Both\n")
        last = ""
        for row in sorted(shown, key=_order):
            session.out(_entry(row, last))
            last = row["prefix"]


def _order(row: dict[str, Any]) -> tuple[int, int, int]:
    network = ipaddress.ip_network(row["prefix"])
    return int(network.network_address), network.prefixlen, row["preference"]


def _wanted(row: dict[str, Any], given: Given) -> bool:
    if "protocol" in given and row["protocol"].lower().replace("-", "") not in (given["protocol"], given["protocol"] + "3"):
        return False
    if "destination" not in given:
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


def _entry(row: dict[str, Any], last: str) -> str:
    head = row["prefix"] if row["prefix"] != last else ""
    mark = "*" if row.get("active", True) else " "
    age = row.get("age") or "00:00:00"
    metric = f", metric {row['metric']}" if row.get("metric") else ""
    lines = [f"{head:<18} {mark}[{row['protocol']}/{row['preference']}] {age}{metric}"]
    if len(head) > 18:
        lines = [head, f"{'':<18} {lines[0][len(head) + 1 :]}"]
    for mark, text in row["hops"]:
        lines.append(f"{'':<20}{mark} {text}")
    return "\n".join(lines)


def _from_zebra(session: Session, verb: str) -> list[dict[str, Any]]:
    answer = _ask(session, "zebra", f"show {verb} route json") or {}
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


def _zebra_hop(hop: dict[str, Any]) -> tuple[str, str]:
    mark = ">" if hop.get("fib", hop.get("active")) else " "
    if hop.get("blackhole") or hop.get("unreachable"):
        return mark, "Discard"
    via = f"via {logical(hop['interfaceName'])}" if hop.get("interfaceName") else ""
    return mark, f"to {hop['ip']} {via}".strip() if hop.get("ip") else via


def _from_kernel(session: Session, switch: str) -> list[dict[str, Any]]:
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
        via = f"via {logical(row['dev'])}" if "dev" in row else "Discard"
        found.append(
            {
                "prefix": prefix,
                "protocol": "Direct" if direct else "Access-internal",
                "preference": 0 if direct else 12,
                "metric": 0,
                "age": "",
                "hops": [(">", via if direct else f"to {row['gateway']} {via}")],
            }
        )
    return found


def _local(session: Session, family: str) -> list[dict[str, Any]]:
    """The router's own addresses, which the original lists as routes."""
    from .show_interfaces import links

    found = []
    for name, link in links(session).items():
        if name in ("em1", "lo0"):
            continue
        for one in link.get("addr_info", ()):
            if one["family"] != family or one.get("scope") == "link":
                continue
            length = 32 if family == "inet" else 128
            if one["prefixlen"] != length:
                found.append(
                    {
                        "prefix": f"{one['local']}/{length}",
                        "protocol": "Local",
                        "preference": 0,
                        "metric": 0,
                        "age": "",
                        "hops": [(" ", f"Local via {name}.0")],
                    }
                )
    return found
