"""What someone wants: immutable, without ids. Made by `rackless.blueprints` from one YAML file."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum

from rackless.model.hooks import Hook
from rackless.model.impairment import Impairment


class EndKind(StrEnum):
    ROUTER = "router"
    HOST = "host"


_PORT = re.compile(r"ge-(\d+)/0/(\d+)\Z")
_NIC = re.compile(r"eth([1-9]\d*)\Z")


@dataclass(frozen=True, kw_only=True, order=True)
class End:
    """One end of a wire: `west:ge-0/0/0` (router port) or `pc1:eth1` (NIC of a plain host)."""

    owner: str
    port: str

    def __str__(self) -> str:
        return f"{self.owner}:{self.port}"

    @property
    def card_and_port(self) -> tuple[int, int] | None:
        """(card, port) of a router port, None when the port is not of the form ge-<card>/0/<port>."""
        match = _PORT.match(self.port)
        return (int(match[1]), int(match[2])) if match else None

    @property
    def host_nic(self) -> int | None:
        """1 for eth1 and so on, None when the port is not of the form eth<number>."""
        match = _NIC.match(self.port)
        return int(match[1]) if match else None


@dataclass(frozen=True, kw_only=True)
class Login:
    """The user to create on the router. A missing password is generated at deployment."""

    user: str = "lab"
    password: str | None = field(default=None, repr=False)


@dataclass(frozen=True, kw_only=True)
class Snmp:
    """SNMP v2c read access. A missing community is generated at deployment."""

    community: str | None = field(default=None, repr=False)


@dataclass(frozen=True, kw_only=True)
class Management:
    """How fxp0 gets its address: by DHCP (None), or the static `address` with prefix length (192.0.2.7/24)."""

    address: str | None = None
    gateway: str | None = None


@dataclass(frozen=True, kw_only=True)
class RouterWish:
    """A router of `cards` cards with `ports_per_card` ports each. Memory in MiB; None takes the family's default."""

    name: str
    family: str = "reference"
    cards: int = 1
    ports_per_card: int = 4
    controller_memory: int | None = None
    card_memory: int | None = None
    login: Login = Login()
    snmp: Snmp = Snmp()
    fxp0: Management = Management()
    startup: str | None = None
    """Name of the start-up configuration file, relative to the blueprint."""
    place: str = ""
    """Where it is made; empty: where the blueprint says."""


@dataclass(frozen=True, kw_only=True)
class HostWish:
    """A plain Linux host: NIC eth0 is management, eth1..eth<nics> are for wires. Memory in MiB."""

    name: str
    family: str = "linux"
    nics: int = 1
    memory: int | None = None
    addresses: tuple[tuple[str, str], ...] = ()
    """(interface, address/prefix) pairs to configure, for example ("eth1", "192.0.2.10/24")."""
    routes: tuple[tuple[str, str], ...] = ()
    """(destination prefix, next hop) pairs."""
    place: str = ""


@dataclass(frozen=True, kw_only=True)
class Wire:
    """Two ends joined by one segment. Direction does not matter; `ends` keeps the file's order. `planned`: its ports need not
    be there yet; it is connected when they are. `impairment`: from when it is connected."""

    ends: tuple[End, End]
    planned: bool = False
    impairment: Impairment | None = None

    def __str__(self) -> str:
        return f"{self.ends[0]} -- {self.ends[1]}"


@dataclass(frozen=True, kw_only=True)
class Blueprint:
    name: str
    routers: tuple[RouterWish, ...] = ()
    hosts: tuple[HostWish, ...] = ()
    wires: tuple[Wire, ...] = ()
    hooks: tuple[Hook, ...] = ()
    locks: tuple[str, ...] = ()
    """What the lab holds from its begin to its end, so that no other has it then."""
    place: str = ""
    """Of all that names none itself; empty: the site's own choice."""
    files: tuple[tuple[str, str], ...] = ()
    """(name, content) of every file the blueprint refers to, so that a blueprint is whole in itself."""

    def file(self, name: str) -> str:
        return dict(self.files)[name]
