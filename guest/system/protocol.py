"""Datagrams of the internal network (docs/reference/internal-protocol.md), checked on arrival. Pure."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass

VERSION = 1
CONTROL_PORT = 4800
VXLAN_PORT = 4789
CONTROLLER = "128.0.0.1"
CONTROLLER_ADDRESSES = ("128.0.0.1", "128.0.0.4")
INTERNAL_MTU = 9600
WIRE_MTU = 9500
LOST_AFTER = 4.0
"""Seconds without a hello after which a card is lost."""
MOST_BYTES = 8192
MOST_SLOT = 11
MOST_PORTS = 32
SPEED = 1_000_000_000
_MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}\Z")


class BadDatagram(Exception):
    """What arrived is not of this protocol; says what is wrong."""


@dataclass(frozen=True, kw_only=True)
class PortReport:
    """A card's port as the card has it. MTU in bytes, speed in bit/s."""

    port: int
    mac: str
    mtu: int
    carrier: bool
    speed: int = SPEED


@dataclass(frozen=True, kw_only=True)
class Hello:
    slot: int
    boot: str
    seq: int
    ports: tuple[PortReport, ...]


@dataclass(frozen=True, kw_only=True)
class PortWish:
    """What the controller's configuration wants of a card's port."""

    port: int
    up: bool
    mtu: int


@dataclass(frozen=True, kw_only=True)
class State:
    slot: int
    seq: int
    ports: tuple[PortWish, ...]


def card_address(slot: int) -> str:
    return f"128.0.0.{16 + slot}"


def vni(slot: int, port: int) -> int:
    return (slot << 8 | port) + 1


def interface(slot: int, port: int) -> str:
    return f"ge-{slot}-0-{port}"


def label(slot: int, port: int) -> str:
    return f"ge-{slot}/0/{port}"


def encode(message: Hello | State) -> bytes:
    kind = "hello" if isinstance(message, Hello) else "state"
    return json.dumps({"v": VERSION, "kind": kind, **asdict(message)}).encode()


def _number(values: dict[str, object], key: str, least: int, most: int) -> int:
    value = values.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise BadDatagram(f"{key} is {value!r}, not a number in {least}..{most}")
    return value


def _flag(values: dict[str, object], key: str) -> bool:
    value = values.get(key)
    if not isinstance(value, bool):
        raise BadDatagram(f"{key} is {value!r}, not true or false")
    return value


def _ports(values: dict[str, object]) -> list[dict[str, object]]:
    ports = values.get("ports")
    if not isinstance(ports, list) or len(ports) > MOST_PORTS or not all(isinstance(port, dict) for port in ports):
        raise BadDatagram(f"ports is not a list of at most {MOST_PORTS} objects")
    numbers = [port.get("port") for port in ports]
    if len(set(map(repr, numbers))) != len(numbers):
        raise BadDatagram("a port comes twice")
    return ports


def _report(values: dict[str, object]) -> PortReport:
    mac = values.get("mac")
    if not isinstance(mac, str) or not _MAC.match(mac):
        raise BadDatagram(f"mac is {mac!r}, not six pairs of hexadecimal digits")
    return PortReport(
        port=_number(values, "port", 0, 255),
        mac=mac,
        mtu=_number(values, "mtu", 68, 65535),
        carrier=_flag(values, "carrier"),
        speed=_number(values, "speed", 0, 10**13),
    )


def decode(datagram: bytes) -> Hello | State:
    """
    Raises:
        BadDatagram: it is no message of this protocol.
    """
    if len(datagram) > MOST_BYTES:
        raise BadDatagram(f"{len(datagram)} bytes are more than {MOST_BYTES}")
    try:
        values = json.loads(datagram)
    except ValueError as error:
        raise BadDatagram("not JSON") from error
    if not isinstance(values, dict) or values.get("v") != VERSION:
        raise BadDatagram(f"not an object of version {VERSION}")
    slot, seq, ports = _number(values, "slot", 0, MOST_SLOT), _number(values, "seq", 0, 2**63), _ports(values)
    if values.get("kind") == "hello":
        boot = values.get("boot")
        if not isinstance(boot, str) or not 1 <= len(boot) <= 64:
            raise BadDatagram(f"boot is {boot!r}, not a text of 1 to 64 characters")
        return Hello(slot=slot, boot=boot, seq=seq, ports=tuple(map(_report, ports)))
    if values.get("kind") == "state":
        wishes = (
            PortWish(port=_number(port, "port", 0, 255), up=_flag(port, "up"), mtu=_number(port, "mtu", 68, 65535))
            for port in ports
        )
        return State(slot=slot, seq=seq, ports=tuple(wishes))
    raise BadDatagram(f"kind is {values.get('kind')!r}, neither hello nor state")
