"""ENTITY-MIB (RFC 6933): the chassis, its routing engine, each card with its PIC, the PIC's ports."""

from __future__ import annotations

from snmp.chassis_tables import serial
from snmp.smi import INTEGER, NOTHING, OBJECT, OCTETS
from system.product import DIALECT, MODEL, TITLE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from snmp.facts import Facts
    from snmp.smi import Oid, Row

ENTITY = (1, 3, 6, 1, 2, 1, 47, 1, 1, 1, 1)
ALIAS = (1, 3, 6, 1, 2, 1, 47, 1, 3, 2, 1, 2)
IF_INDEX = (1, 3, 6, 1, 2, 1, 2, 2, 1, 1)
CHASSIS, MODULE, PORT = 3, 9, 10
"""PhysicalClass (IANA-ENTITY-MIB)."""
ENGINE_INDEX, PIC = 2, 99
"""entPhysicalIndex of the routing engine; of a card's PIC, behind the card's own."""
JUNIPER_CHASSIS = (1, 3, 6, 1, 4, 1, 2636, 1, 1, 2, 1, 108)
JUNIPER_FPC = (1, 3, 6, 1, 4, 1, 2636, 1, 1, 3, 2, 12, 1)
JUNIPER_PIC = (1, 3, 6, 1, 4, 1, 2636, 1, 1, 3, 3, 12, 1)
"""jnxChassisVMX, jnxFPC, jnxPic of JUNIPER-CHASSIS-DEFINES-MIB: clients tell a card from others by the type."""
NOWHERE = -1
"""entPhysicalParentRelPos of what is in nothing, or has no place of its own kind there."""


def entity_table(facts: Facts) -> Iterator[Row]:
    """entPhysicalTable: chassis (1), routing engine (2), card N (100 (N+1)), its PIC (+99), its port P (+1+P);
    entAliasMappingTable from the ports to their ifIndex."""
    number = serial(facts.interfaces())
    yield from _entity(1, 0, NOWHERE, CHASSIS, "Chassis", TITLE, kind=JUNIPER_CHASSIS, serial=number, model=MODEL)
    yield from _entity(ENGINE_INDEX, 1, NOWHERE, MODULE, "Routing Engine 0", "Routing Engine 0", software=DIALECT, model="RE-VMX")
    for card in facts.cards():
        index = 100 * (card.slot + 1)
        title = f"Reference card @ {card.slot}/*/*"
        yield from _entity(index, 1, card.slot, MODULE, f"FPC {card.slot}", title, kind=JUNIPER_FPC, software=DIALECT)
        title, pic = f"{len(card.ports)}x 1GE @ {card.slot}/0/*", index + PIC
        yield from _entity(pic, index, 0, MODULE, f"PIC {card.slot}/0", title, kind=JUNIPER_PIC)
        for port in card.ports:
            at = index + 1 + port.port
            yield from _entity(at, pic, port.port, PORT, port.name, port.name)
            yield (*ALIAS, at, 0), OBJECT, (*IF_INDEX, port.if_index)


def _entity(index: int, within: int, place: int, sort: int, name: str, text: str, *, kind: Oid = NOTHING, serial: str = "",
            software: str = "", model: str = "reference") -> Iterator[Row]:  # fmt: skip
    yield (*ENTITY, 2, index), OCTETS, text.encode()
    yield (*ENTITY, 3, index), OBJECT, kind
    yield (*ENTITY, 4, index), INTEGER, within
    yield (*ENTITY, 5, index), INTEGER, sort
    yield (*ENTITY, 6, index), INTEGER, place
    yield (*ENTITY, 7, index), OCTETS, name.encode()
    yield (*ENTITY, 8, index), OCTETS, b""
    yield (*ENTITY, 9, index), OCTETS, b""
    yield (*ENTITY, 10, index), OCTETS, software.encode()
    yield (*ENTITY, 11, index), OCTETS, serial.encode()
    yield (*ENTITY, 12, index), OCTETS, b"Rackless"
    yield (*ENTITY, 13, index), OCTETS, model.encode()
    yield (*ENTITY, 14, index), OCTETS, b""
    yield (*ENTITY, 15, index), OCTETS, b""
    # A PIC of this router does not come and go without its card.
    yield (*ENTITY, 16, index), INTEGER, 1 if sort == MODULE and kind == JUNIPER_FPC else 2
