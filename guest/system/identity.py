"""What this machine is: role, slot, name, NICs. Given by the host channel, kept on the disk, checked on arrival."""

from __future__ import annotations

import json
import os
import re
from dataclasses import asdict, dataclass
from pathlib import Path

IDENTITY_FILE = Path("/etc/rackless/identity.json")
ROLES = ("controller", "card", "host")
MOST_SLOT = 11
_HOSTNAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\Z")
_MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}\Z")


class BadIdentity(Exception):
    """One sentence for the host that sent it."""


@dataclass(frozen=True, kw_only=True)
class Nic:
    index: int
    mac: str
    label: str


@dataclass(frozen=True, kw_only=True)
class Identity:
    """`addresses`: (label, address with prefix length); `routes`: (destination, gateway); both for hosts."""

    role: str
    slot: int | None
    hostname: str
    nics: tuple[Nic, ...]
    addresses: tuple[tuple[str, str], ...] = ()
    routes: tuple[tuple[str, str], ...] = ()
    authorized_key: str = ""
    tag: int | None = None
    """VLAN tag that the place has put on the frames of every traffic NIC, and expects; None for none."""

    @property
    def fixed(self) -> int:
        """NICs before the first traffic NIC: management and internal."""
        return 0 if self.role == "host" else 2

    def interface(self, index: int) -> str:
        """The kernel name of the NIC with that index."""
        if self.role == "host":
            return f"eth{index}"
        if index < 2:
            return ("fxp0" if self.role == "controller" else "mgmt0", "int")[index]
        return f"p{index - 2}" if self.role == "card" else f"eth{index}"


NOBODY_SAID = Identity(role="controller", slot=None, hostname="", nics=())
"""What a machine becomes that nobody gives an identity to."""


def _text(values: dict[str, object], key: str) -> str:
    value = values.get(key)
    if not isinstance(value, str):
        raise BadIdentity(f"{key} is {value!r}, not a text.")
    return value


def _objects(values: dict[str, object], key: str) -> list[dict[str, object]]:
    value = values.get(key, [])
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise BadIdentity(f"{key} is not a list of objects.")
    return value


def _nic(values: dict[str, object]) -> Nic:
    index, mac = values.get("index"), _text(values, "mac").lower()
    if not isinstance(index, int) or isinstance(index, bool) or not 0 <= index < 64:
        raise BadIdentity(f"The NIC index {index!r} is not a number in 0..63.")
    if not _MAC.match(mac):
        raise BadIdentity(f"The MAC {mac!r} is not six pairs of hexadecimal digits.")
    return Nic(index=index, mac=mac, label=_text(values, "label"))


def _address(text: str) -> str:
    import ipaddress  # hosts only: importing it takes a third of a second under emulation

    try:
        return str(ipaddress.ip_interface(text))
    except ValueError as error:
        raise BadIdentity(f"The address {text!r} is no IP address with a prefix length.") from error


def _route(values: dict[str, object]) -> tuple[str, str]:
    import ipaddress

    to, via = _text(values, "to"), _text(values, "via")
    try:
        return ("default" if to == "default" else str(ipaddress.ip_network(to))), str(ipaddress.ip_address(via))
    except ValueError as error:
        raise BadIdentity(f"The route to {to!r} via {via!r} is not a network and an address.") from error


def _tag(value: object) -> int | None:
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= 4094:
        raise BadIdentity(f"The tag {value!r} is not a number in 1..4094.")
    return value


def parse(values: dict[str, object]) -> Identity:
    """
    Raises:
        BadIdentity: a field is missing or wrong; says which.
    """
    role, slot, hostname = _text(values, "role"), values.get("slot"), _text(values, "hostname")
    if role not in ROLES:
        raise BadIdentity(f"The role {role!r} is none of {', '.join(ROLES)}.")
    if role == "card" and (not isinstance(slot, int) or isinstance(slot, bool) or not 0 <= slot <= MOST_SLOT):
        raise BadIdentity(f"The slot {slot!r} of a card is not a number in 0..{MOST_SLOT}.")
    if not _HOSTNAME.match(hostname):
        raise BadIdentity(f"The host name {hostname!r} is no host name.")
    nics = tuple(sorted(map(_nic, _objects(values, "nics")), key=lambda nic: nic.index))
    if [nic.index for nic in nics] != list(range(len(nics))):
        raise BadIdentity("The NIC indexes do not count from 0 without a gap.")
    key = values.get("authorized_key") or ""
    if not isinstance(key, str) or "\n" in key.strip():
        raise BadIdentity("authorized_key is not one line.")
    return Identity(
        role=role,
        slot=slot if isinstance(slot, int) and role == "card" else None,
        hostname=hostname,
        nics=nics,
        addresses=tuple((_text(item, "label"), _address(_text(item, "address"))) for item in _objects(values, "addresses")),
        routes=tuple(map(_route, _objects(values, "routes"))),
        authorized_key=key.strip(),
        tag=_tag(values.get("tag")),
    )


def kept() -> Identity | None:
    """The identity of an earlier boot or of this one; None if there is none that can be used."""
    try:
        values = json.loads(IDENTITY_FILE.read_text())
        values["addresses"] = [{"label": label, "address": address} for label, address in values["addresses"]]
        values["routes"] = [{"to": to, "via": via} for to, via in values["routes"]]
        return parse(values)
    except (OSError, ValueError, KeyError, TypeError, BadIdentity):
        return None


def keep(identity: Identity) -> None:
    """Onto the disk, whole or not at all."""
    IDENTITY_FILE.parent.mkdir(parents=True, exist_ok=True)
    draft = IDENTITY_FILE.with_suffix(".new")
    with draft.open("w") as out:
        json.dump(asdict(identity), out)
        out.flush()
        os.fsync(out.fileno())
    os.replace(draft, IDENTITY_FILE)
