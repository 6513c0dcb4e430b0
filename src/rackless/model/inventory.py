"""What SNMP says a router really is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class InventoryPort:
    """Speed in bit/s, MTU in bytes as the device reports it; MAC lower-case with colons."""

    name: str
    mac: str
    speed: int
    mtu: int
    admin_up: bool
    oper_up: bool
    description: str = ""
    addresses: tuple[str, ...] = ()
    card: int | None = None


@dataclass(frozen=True, kw_only=True)
class InventoryCard:
    slot: int
    description: str
    serial: str = ""


@dataclass(frozen=True, kw_only=True)
class Inventory:
    """A chassis with its cards and ports."""

    system_name: str
    system_description: str
    system_object_id: str
    chassis: str
    serial: str
    cards: tuple[InventoryCard, ...]
    ports: tuple[InventoryPort, ...]

    def port(self, name: str) -> InventoryPort | None:
        return next((port for port in self.ports if port.name == name), None)
