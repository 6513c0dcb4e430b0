"""Facts about a kind of machine, as data. `routers/` declares them; planning takes them as an argument."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    CONTROLLER = "controller"
    CARD = "card"
    HOST = "host"


class NicRole(StrEnum):
    MANAGEMENT = "management"
    INTERNAL = "internal"
    TRAFFIC = "traffic"


@dataclass(frozen=True, kw_only=True)
class RoleFacts:
    """What one machine of a family needs. Memory in MiB, `boot_seconds` is a first deadline under emulation."""

    role: Role
    image: str
    default_memory: int
    least_memory: int
    vcpus: int = 1
    fixed_nics: tuple[NicRole, ...] = ()
    """NICs before the first traffic NIC, in order (controller and card: management, internal)."""
    fixed_nic_names: tuple[str, ...] = ()
    """What the guest calls them."""


@dataclass(frozen=True, kw_only=True)
class Family:
    """A family of routers or hosts. `most_ports`: traffic NICs per card (or per host)."""

    name: str
    title: str
    roles: tuple[RoleFacts, ...]
    most_cards: int = 12
    most_ports: int = 10
    internal_mtu: int = 9600
    """Bytes. Below 1500 plus the encapsulation the internal network breaks silently (OpenStack VXLAN)."""
    wire_mtu: int = 9500
    live_cards: bool = False
    """True when cards may come and go while the controller runs."""
    host_channel: bool = False
    """True when the guest takes its identity over the virtio-serial host channel."""

    def facts(self, role: Role) -> RoleFacts:
        for facts in self.roles:
            if facts.role is role:
                return facts
        raise KeyError(f"family {self.name} has no {role.value}")

    @property
    def is_router(self) -> bool:
        return any(facts.role is Role.CONTROLLER for facts in self.roles)
