"""SNMP v2c -> Inventory: what a router really is. For the reference router and for a Junos.

Sources: IF-MIB (RFC 2863), IP-MIB (RFC 4293, and its older ipAddrTable), ENTITY-MIB (RFC 6933), and the vendor's
jnxBoxAnatomy (1.3.6.1.4.1.2636.3.1), whose jnxContentsTable has a row for each card (container index 7 is FPC).
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection

from rackless.autoload.walking import Column, Oid, Walker, agent, as_bytes, as_text
from rackless.deadline import Deadline
from rackless.model.errors import AbsentError, DeadlineError
from rackless.model.inventory import Inventory, InventoryCard, InventoryPort

AGAIN_FIRST, AGAIN_MOST = 0.25, 2.0
"""Seconds between two tries: first, doubling, at most. An agent may answer before its parts do; the original, too, asked several
times until all ports were there."""

SYSTEM = [(1, 3, 6, 1, 2, 1, 1, column, 0) for column in (1, 2, 5)]
IF = (1, 3, 6, 1, 2, 1, 2, 2, 1)
IFX = (1, 3, 6, 1, 2, 1, 31, 1, 1, 1)
INTERFACES = [(*IF, 2), (*IF, 4), (*IF, 5), (*IF, 6), (*IF, 7), (*IF, 8), (*IFX, 1), (*IFX, 15), (*IFX, 18)]
ADDRESSES = [(1, 3, 6, 1, 2, 1, 4, 34, 1, 3), (1, 3, 6, 1, 2, 1, 4, 34, 1, 5)]
OLD_ADDRESSES = [(1, 3, 6, 1, 2, 1, 4, 20, 1, 2), (1, 3, 6, 1, 2, 1, 4, 20, 1, 3)]
BOX = (1, 3, 6, 1, 4, 1, 2636, 3, 1)
BOX_NAMES = [(*BOX, 2, 0), (*BOX, 3, 0)]
CONTENTS = [(*BOX, 8, 1, 6), (*BOX, 8, 1, 7)]
FPC = 7
ENTITY = (1, 3, 6, 1, 2, 1, 47, 1, 1, 1, 1)
ENTITIES = [(*ENTITY, 5), (*ENTITY, 2), (*ENTITY, 7), (*ENTITY, 11)]
CHASSIS_CLASS, MODULE_CLASS = 3, 9
"""IANAPhysicalClass chassis(3), module(9)."""
SPEED_TOO_SMALL = 0xFFFFFFFF
"""ifSpeed of what is too fast for it."""

_PORT = re.compile(r"(?:ge|xe|et|fe)-(\d+)/\d+/\d+|(?:fxp|em)\d+")
_UNIT = re.compile(r"(.+)\.\d+")
_SLOT = re.compile(r"(?:FPC|slot)\D{0,3}(\d+)", re.IGNORECASE)


async def discover(host: str, port: int, community: str, *, deadline: Deadline, expected: Collection[str] = ()) -> Inventory:
    """What the router at `host` really is; asked again until every port named in `expected` is there.

    Raises:
        DeadlineError: no answer, or which of the expected ports are missing.
    """
    name, pause = f"{host}:{port}", AGAIN_FIRST
    while True:
        try:
            async with agent(host, port, community) as walker:
                inventory = await _once(walker, deadline)
            missing = [label for label in expected if inventory.port(label) is None]
            if not missing:
                return inventory
            reason = f"the ports {', '.join(missing)} in the SNMP inventory of {name}"
            hint = "Are their cards running? `rackless show` tells."
        except (AbsentError, DeadlineError) as error:
            reason, hint = f"SNMP from {name}", error.hint or "Is the community right? A wrong one is answered by silence."
        if deadline.left <= AGAIN_MOST:
            raise deadline.missed(reason, hint=hint)
        await deadline.pause(pause)
        pause = min(2 * pause, AGAIN_MOST)


async def _once(walker: Walker, deadline: Deadline) -> Inventory:
    await walker.answers(deadline=deadline)
    description, object_id, name = await walker.get(SYSTEM, deadline=deadline)
    interfaces = await walker.columns(INTERFACES, deadline=deadline)
    addresses = await _addresses(walker, deadline)
    box, serial = await walker.get(BOX_NAMES, deadline=deadline)
    contents = await walker.columns(CONTENTS, deadline=deadline)
    cards = _cards_of_contents(*contents)
    chassis, number = as_text(box or b""), as_text(serial or b"")
    if not cards or not chassis:
        entities = await walker.columns(ENTITIES, deadline=deadline)
        chassis, number = (chassis, number) if chassis else _chassis_of_entities(*entities)
        cards = cards or _cards_of_entities(*entities)
    return Inventory(
        system_name=as_text(name or b""),
        system_description=as_text(description or b""),
        system_object_id=str(object_id) if object_id is not None else "",
        chassis=chassis,
        serial=number,
        cards=cards,
        ports=ports(interfaces, addresses),
    )


async def _addresses(walker: Walker, deadline: Deadline) -> dict[int, list[str]]:
    """Addresses with prefix length by ifIndex."""
    owners, prefixes = await walker.columns(ADDRESSES, deadline=deadline)
    if owners:
        return new_addresses(owners, prefixes)
    owners, masks = await walker.columns(OLD_ADDRESSES, deadline=deadline)
    return old_addresses(owners, masks)


def new_addresses(owners: Column, prefixes: Column) -> dict[int, list[str]]:
    """ipAddressTable; its index is (type, length, octets), types ipv4(1), ipv6(2), ipv4z(3), ipv6z(4)."""
    found: dict[int, list[str]] = {}
    for index, owner in owners.items():
        width = {1: 4, 2: 16, 3: 4, 4: 16}.get(index[0])
        if width is None:
            continue
        octets = bytes(index[2 : 2 + width])
        pointer: Oid = tuple(prefixes.get(index, ()))
        # zeroDotZero stands for "no prefix": then the address is all that is known.
        length = pointer[-1] if len(pointer) > 2 else width * 8
        found.setdefault(int(owner), []).append(f"{ipaddress.ip_address(octets)}/{length}")
    return found


def old_addresses(owners: Column, masks: Column) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for index, owner in owners.items():
        mask = int.from_bytes(as_bytes(masks[index])) if index in masks else 0xFFFFFFFF
        found.setdefault(int(owner), []).append(f"{'.'.join(map(str, index))}/{mask.bit_count()}")
    return found


def ports(interfaces: list[Column], addresses: dict[int, list[str]]) -> tuple[InventoryPort, ...]:
    """Physical ports only; the addresses of their units (ge-0/0/0.0) are theirs."""
    descriptions, mtus, speeds, macs, admin, oper, names, high, aliases = interfaces
    name_of = {index: as_text(names.get(index, text)) for index, text in descriptions.items()}
    held: dict[str, list[str]] = {}
    for index, name in name_of.items():
        unit = _UNIT.fullmatch(name)
        held.setdefault(unit[1] if unit else name, []).extend(addresses.get(index[0], ()))
    found = []
    for index, name in name_of.items():
        match = _PORT.fullmatch(name)
        if not match:
            continue
        found.append(
            InventoryPort(
                name=name,
                mac=":".join(f"{octet:02x}" for octet in as_bytes(macs.get(index, b""))),
                speed=_speed(speeds.get(index), high.get(index)),
                mtu=int(mtus.get(index, 0)),
                admin_up=int(admin.get(index, 2)) == 1,
                oper_up=int(oper.get(index, 2)) == 1,
                description=as_text(aliases.get(index, b"")),
                addresses=tuple(sorted(held[name], key=_address_order)),
                card=int(match[1]) if match[1] else None,
            )
        )
    return tuple(sorted(found, key=_port_order))


def _speed(plain: object, high: object) -> int:
    """bit/s. ifHighSpeed is in units of 1,000,000 bit/s."""
    value = int(plain) if plain is not None else SPEED_TOO_SMALL  # type: ignore[call-overload]  # pysnmp's integers
    if value < SPEED_TOO_SMALL or high is None:
        return int(value)
    return int(high) * 1_000_000  # type: ignore[call-overload,no-any-return]  # pysnmp's integers


def _address_order(text: str) -> tuple[int, int]:
    address = ipaddress.ip_interface(text)
    return address.version, int(address)


def _port_order(port: InventoryPort) -> tuple[str, list[int]]:
    return re.split(r"[\d-]", port.name)[0], [int(number) for number in re.findall(r"\d+", port.name)]


def _cards_of_contents(descriptions: Column, serials: Column) -> tuple[InventoryCard, ...]:
    """jnxContentsTable's index is (container, L1, L2, L3); L1 counts cards from 1, L2 is 0 for the card itself."""
    return tuple(
        InventoryCard(slot=index[1] - 1, description=as_text(text), serial=as_text(serials.get(index, b"")))
        for index, text in sorted(descriptions.items())
        if index[0] == FPC and index[2:] == (0, 0)
    )


def _chassis_of_entities(classes: Column, texts: Column, names: Column, serials: Column) -> tuple[str, str]:
    for index, kind in sorted(classes.items()):
        if int(kind) == CHASSIS_CLASS:
            return as_text(texts.get(index, b"")), as_text(serials.get(index, b""))
    return "", ""


def _cards_of_entities(classes: Column, texts: Column, names: Column, serials: Column) -> tuple[InventoryCard, ...]:
    found = []
    for index, kind in sorted(classes.items()):
        slot = _SLOT.search(as_text(names.get(index, b"")))
        if int(kind) == MODULE_CLASS and slot:
            text, serial = as_text(texts.get(index, b"")), as_text(serials.get(index, b""))
            found.append(InventoryCard(slot=int(slot[1]), description=text, serial=serial))
    return tuple(found)
