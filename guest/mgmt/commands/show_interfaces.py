"""`show interfaces`."""

from __future__ import annotations

import json

from ..render.interfaces import HEADER, kernel_name, router_name
from ..tree import natural

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..session import Session
    from ..statements import Operation
    from .words import Given

    Operations = tuple[Operation, ...]

__all__ = ["basic", "descriptions", "kernel_name", "known", "links", "router_name", "terse"]


def links(session: Session, *, counters: bool = False) -> dict[str, dict[str, Any]]:
    """The router's interfaces that the kernel has, by the router's name, in order."""
    done = session.datastore.world.run(["ip", "-j", *(["-s"] if counters else []), "addr", "show"])
    found = {}
    for link in json.loads(done.out or "[]"):
        name = router_name(link.get("ifname", ""))
        if name is not None:
            found[name] = link
    return {name: found[name] for name in sorted(found, key=_order)}


def _order(name: str) -> tuple[bool, list[tuple[int, int, str]]]:
    return not name.startswith("ge-"), natural(name)


def known(session: Session) -> list[str]:
    return list(links(session))


def _configured(session: Session, name: str) -> dict[str, Any]:
    tree: dict[str, Any] = session.datastore.active.get("interfaces", {}).get("interface", {}).get(name, {})
    return tree


def _states(link: dict[str, Any]) -> tuple[str, str]:
    """(admin, link) as the original says it. A link that is down by its card has no carrier."""
    flags = link.get("flags", ())
    admin = "up" if "UP" in flags else "down"
    carrier = "up" if "LOWER_UP" in flags and "NO-CARRIER" not in flags and not link.get("protodown") else "down"
    return admin, carrier


def _select(session: Session, given: Given, *, counters: bool) -> tuple[dict[str, dict[str, Any]], bool, bool] | None:
    """(links, show physical, show logical), or None after saying that the interface is not there."""
    shown = links(session, counters=counters)
    wanted = given.get("interface")
    if wanted is None:
        return shown, True, True
    name, dot, _ = wanted.partition(".")
    if name not in shown:
        session.fail(f"error: device {wanted} not found")
        return None
    return {name: shown[name]}, not dot, True


def _addresses(link: dict[str, Any], name: str) -> list[tuple[str, str]]:
    found = []
    for one in link.get("addr_info", ()):
        if name == "lo0" and (one["local"] == "::1" or one["local"].startswith("127.")):
            continue
        plain = (one["family"] == "inet" and one["prefixlen"] == 32) or (one["family"] == "inet6" and one["prefixlen"] == 128)
        text = one["local"] + ("" if plain and name == "lo0" else f"/{one['prefixlen']}")
        found.append((one["family"], text))
    return sorted(found, key=lambda row: row[0])


def terse(session: Session, given: Given, operations: Operations) -> None:
    chosen = _select(session, given, counters=False)
    if chosen is None:
        return
    shown, physical, logical = chosen
    rows: list[tuple[str, ...]] = [("Interface", "Admin", "Link", "Proto", "Local", "Remote")]
    for name, link in shown.items():
        admin, carrier = _states(link)
        if physical:
            rows.append((name, admin, carrier, "", "", ""))
        addresses = _addresses(link, name)
        families = _configured(session, name).get("unit", {}).get("0", {}).get("family", {})
        if not logical or (
            not (addresses and (families or name in ("em1", "fxp0"))) and "unit" not in _configured(session, name)
        ):
            continue
        listed = [row for row in addresses if row[0] in families or not families]
        listed += [("iso", address) for address in families.get("iso", {}).get("address", {})]
        rows += _logical_rows(name, admin, carrier, listed)
    session.out("".join(_terse_line(row) + "\n" for row in rows))


def _logical_rows(name: str, admin: str, carrier: str, addresses: list[tuple[str, str]]) -> list[tuple[str, ...]]:
    """The first address beside the interface's name, the others below, the family only when it changes."""
    rows: list[tuple[str, ...]] = []
    last = ""
    for family, address in addresses:
        head = (f"{name}.0", admin, carrier) if not rows else ("", "", "")
        remote = "0/0" if name == "lo0" and family == "inet" and "/" not in address else ""
        rows.append((*head, family if family != last else "", address, f"--> {remote}" if remote else ""))
        last = family
    return rows or [(f"{name}.0", admin, carrier, "", "", "")]


def _terse_line(row: tuple[str, ...]) -> str:
    return f"{row[0]:<23} {row[1]:<5} {row[2]:<4} {row[3]:<8} {row[4]:<21} {row[5]}".rstrip()


def descriptions(session: Session, given: Given, operations: Operations) -> None:
    rows = []
    for name, link in links(session).items():
        text = _configured(session, name).get("description")
        if text:
            rows.append((name, *_states(link), text))
    if rows:
        session.out(f"{'Interface':<15} {'Admin':<5} {'Link':<4} Description")
    for row in rows:
        session.out(f"{row[0]:<15} {row[1]:<5} {row[2]:<4} {row[3]}")


def basic(session: Session, given: Given, operations: Operations) -> None:
    if "terse" in given:
        terse(session, given, operations)
        return
    chosen = _select(session, given, counters=True)
    if chosen is None:
        return
    shown, physical, _ = chosen
    for name, link in shown.items():
        if physical:
            _physical(session, name, link)
        _logical(session, name, link)
        session.out("\n")


def _physical(session: Session, name: str, link: dict[str, Any]) -> None:
    admin, carrier = _states(link)
    state = "Enabled" if admin == "up" else "Administratively down"
    mtu = "Unlimited" if name == "lo0" else str(link.get("mtu", 0) + HEADER)
    speed = ", Speed: 1000mbps" if name.startswith("ge-") else ""
    session.out(f"Physical interface: {name}, {state}, Physical link is {carrier.capitalize()}")
    session.out(f"  Interface index: {link.get('ifindex', 0)}, SNMP ifIndex: {link.get('ifindex', 0)}")
    description = _configured(session, name).get("description")
    if description:
        session.out(f"  Description: {description}")
    kind, level = ("Loopback", "Unspecified") if name == "lo0" else ("Ethernet", "Ethernet")
    session.out(f"  Type: {kind}, Link-level type: {level}, MTU: {mtu}{speed}")
    flags = [word for word, there in (("Present", True), ("Running", carrier == "up"), ("Down", carrier != "up")) if there]
    session.out(f"  Device flags   : {' '.join(flags)}")
    if name != "lo0":
        session.out(f"  Current address: {link.get('address', '')}, Hardware address: {link.get('address', '')}")
    counters = link.get("stats64") or {}
    for title, way in (("Input packets :", "rx"), ("Output packets:", "tx")):
        count = counters.get(way, {})
        numbers = [
            f"{word}: {count.get(key, 0)}" for word, key in (("bytes", "bytes"), ("errors", "errors"), ("drops", "dropped"))
        ]
        session.out(f"  {title} {count.get('packets', 0)}, {', '.join(numbers)}")


def _logical(session: Session, name: str, link: dict[str, Any]) -> None:
    addresses = _addresses(link, name)
    if not addresses and "unit" not in _configured(session, name):
        return
    session.out(f"\n  Logical interface {name}.0 (Index {link.get('ifindex', 0)})")
    for family in ("inet", "inet6"):
        listed = [address for kind, address in addresses if kind == family]
        if listed:
            session.out(f"    Protocol {family}, MTU: {link.get('mtu', 0)}")
            for address in listed:
                session.out(f"      Addresses: Local: {address}")
