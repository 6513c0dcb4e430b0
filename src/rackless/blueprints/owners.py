"""Routers and hosts of a blueprint: what they are, and how many ports each has as far as that is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rackless.blueprints import amounts, host_network, management, startup, whereabouts
from rackless.blueprints.reading import Reading, opening, quoted, subject
from rackless.blueprints.source import Path
from rackless.model import naming
from rackless.model.blueprint import HostWish, Login, RouterWish, Snmp
from rackless.model.family import Family, Role
from rackless.model.suggestions import did_you_mean

RESERVED_USERS = frozenset(
    {
        "root",
        "daemon",
        "bin",
        "sys",
        "sync",
        "games",
        "man",
        "lp",
        "mail",
        "news",
        "uucp",
        "proxy",
        "www-data",
        "backup",
        "list",
        "irc",
        "gnats",
        "nobody",
        "sshd",
        "messagebus",
        "systemd-network",
        "systemd-timesync",
        "systemd-resolve",
        "frr",
        "frrvty",
        "snmp",
        "debian-snmp",
        "ntp",
        "ntpsec",
        "chrony",
        "rr-super",
        "rr-operators",
        "operator",
    }
)
"""Users that a Debian router has already (base-passwd, openssh, frr, snmpd, ntp, chrony) and its login classes' groups."""


@dataclass(frozen=True, kw_only=True)
class Room:
    """Where wires can end: `cards` x `ports` of a router, `ports` NICs of a host. None: not known."""

    name: str
    is_router: bool
    cards: int | None
    ports: int | None
    most_cards: int
    most_ports: int
    """What the family would allow."""


def routers(reading: Reading) -> tuple[list[RouterWish], list[Room]]:
    wishes, rooms = [], []
    for name in reading.entries("routers"):
        wish, room = _router(reading, name)
        wishes.append(wish)
        rooms.append(room)
    management.check_duplicates(reading, reading.entries("routers"))
    return wishes, rooms


def hosts(reading: Reading) -> tuple[list[HostWish], list[Room]]:
    wishes, rooms = [], []
    for name in reading.entries("hosts"):
        path: Path = ("hosts", name)
        family = _family(reading, (*path, "family"), "linux", routers=False)
        most, why = _most_nics(family)
        nics = amounts.count(reading, (*path, "nics"), most, 1, why)
        wishes.append(
            HostWish(
                name=name,
                family=family.name if family else "",
                nics=nics or 1,
                memory=amounts.memory(reading, (*path, "memory"), family, Role.HOST),
                addresses=host_network.addresses(reading, path, nics, most),
                routes=host_network.routes(reading, path),
                place=whereabouts.read(reading, (*path, "place")),
            )
        )
        rooms.append(Room(name=name, is_router=False, cards=None, ports=nics, most_cards=0, most_ports=most))
    return wishes, rooms


def _most_nics(family: Family | None) -> tuple[int, str]:
    if family is None:
        return 1 << 20, ""
    return family.most_ports, f"a host of the family '{family.name}' has at most"


def _router(reading: Reading, name: str) -> tuple[RouterWish, Room]:
    path: Path = ("routers", name)
    family = _family(reading, (*path, "family"), "reference", routers=True)
    most_cards = family.most_cards if family else 1 << 20
    most_ports = family.most_ports if family else 1 << 20
    kind = f"of the family '{family.name}' has at most" if family else ""
    cards = amounts.count(reading, (*path, "cards"), most_cards, 1, f"a router {kind}")
    part = "a card" if family is None or family.has_cards else "a router"
    ports = amounts.count(reading, (*path, "ports_per_card"), most_ports, 4, f"{part} {kind}")
    wish = RouterWish(
        name=name,
        family=family.name if family else "",
        cards=cards or 1,
        ports_per_card=ports or 4,
        controller_memory=amounts.memory(reading, (*path, "memory", "controller"), family, Role.CONTROLLER),
        card_memory=amounts.memory(reading, (*path, "memory", "card"), family, Role.CARD),
        login=_login(reading, (*path, "login")),
        snmp=Snmp(community=reading.get(*path, "snmp", "community")),
        fxp0=management.read(reading, (*path, "fxp0")),
        startup=startup.read(reading, (*path, "startup")),
        place=whereabouts.read(reading, (*path, "place")),
    )
    return wish, Room(name=name, is_router=True, cards=cards, ports=ports, most_cards=most_cards, most_ports=most_ports)


def _family(reading: Reading, path: Path, default: str, *, routers: bool) -> Family | None:
    """The family at `path`; None when it is not known, which has been said."""
    known: Sequence[Family] = [family for family in reading.families if family.is_router is routers]
    name = reading.get(*path)
    if name is None:
        if not reading.sound(*path):
            return None
        name = default
    for family in known:
        if family.name == name:
            return family
    kind, other = ("routers", "hosts") if routers else ("hosts", "routers")
    what = opening(subject(path))
    hint = did_you_mean(name, (family.name for family in known), f"families of {kind}")
    if any(family.name == name for family in reading.families):
        reading.problem(
            path,
            f"{what} is {quoted(name)}, which is a family of {other}.",
            f"Put it below `{other}:`, or change the family. {hint}",
        )
    else:
        reading.problem(path, f"{what} is {quoted(name)}, which does not exist.", hint)
    return None


def _login(reading: Reading, path: Path) -> Login:
    user = reading.get(*path, "user")
    if user in RESERVED_USERS:
        reading.problem(
            (*path, "user"),
            f"{opening(subject((*path, 'user')))} cannot be '{user}', which is a user of the system itself.",
            "Choose another name, such as lab.",
        )
    password = reading.get(*path, "password")
    if isinstance(password, str) and len({_kind(char) for char in password}) < 2:
        reading.problem(
            (*path, "password"),
            f"{opening(subject((*path, 'password')))} has characters of one kind only, which routers refuse.",
            "Mix upper case, lower case, digits and punctuation, or leave it out to have one generated.",
        )
    return Login(user=user or Login().user, password=password)


def _kind(char: str) -> int:
    """Junos wants a "change of case, digits or punctuation" in a plain-text password, and so does the reference router."""
    return (char.isupper(), char.islower(), char.isdigit(), True).index(True)


def check_names(reading: Reading) -> None:
    """Routers, hosts and the machines they become share one space of names."""
    machines: dict[str, str] = {}
    for name in reading.entries("routers"):
        machines[naming.controller(name)] = name
        cards = reading.get("routers", name, "cards")
        for slot in range(min(cards, 64) if isinstance(cards, int) else 1):
            machines[naming.card(name, slot)] = name
    for name in reading.entries("hosts"):
        path: Path = ("hosts", name)
        if name in reading.entries("routers"):
            line = reading.source.at_key(("routers", name)).line
            reading.key_problem(path, f"Host '{name}' has the name of the router in line {line}.", "Give each its own name.")
        elif name in machines:
            reading.key_problem(
                path,
                f"Host '{name}' has the name of a machine of router '{machines[name]}'.",
                "Give the host another name; a router R has the machines R-vcp, R-vfp0, R-vfp1 and so on.",
            )
