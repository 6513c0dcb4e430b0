"""The pure answer to a blueprint: every machine, disk, segment and port, with final names, MACs and addresses.

A machine's device list is a function of its `MachineSpec` alone; what a guest *is* (host name, keys, slot, time) is
given after boot by its `Identity` through the host channel and never baked into an image.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from rackless.model.blueprint import Blueprint, Wire
from rackless.model.family import DiskBus, NicModel, NicRole, Role


@dataclass(frozen=True, kw_only=True, order=True)
class PortRef:
    """A NIC of a machine, named inside its sandbox. `nic` is the index in `MachineSpec.nics`. `place` is where the machine is, if
    that is known, and makes no other port of it."""

    sandbox: str
    machine: str
    nic: int
    place: str = field(default="", compare=False)

    def __str__(self) -> str:
        return f"{self.sandbox}/{self.machine}/{self.nic}"


@dataclass(frozen=True, kw_only=True)
class NicSpec:
    """`label` is what its user calls it (ge-0/0/0, fxp0, eth1). `segment` is set for NICs wired from boot."""

    index: int
    role: NicRole
    mac: str
    label: str
    segment: str | None = None
    address: str | None = None
    """Address with prefix length, for management and internal NICs."""


@dataclass(frozen=True, kw_only=True)
class DiskSpec:
    """A linked clone (qcow2 overlay) of an image."""

    sandbox: str
    name: str
    image: str
    place: str = ""
    """Where it is, for all specs alike; empty: at the plan's provider."""
    bus: DiskBus | None = None
    """None: the machine's."""


@dataclass(frozen=True, kw_only=True)
class Forward:
    """A loopback port of this machine that leads to a port of the guest. proto is tcp or udp."""

    service: str
    proto: str
    host_port: int
    guest_port: int


@dataclass(frozen=True, kw_only=True)
class ConfigFile:
    """A file of a machine's configuration drive. Its content goes through records and clouds: never a secret."""

    path: str
    content: str


@dataclass(frozen=True, kw_only=True)
class MachineSpec:
    """One VM. Memory in MiB. `console_port` and `forwards` come out of locked pools when the sandbox is booked."""

    sandbox: str
    name: str
    owner: str
    """The router or host (as the blueprint names it) that this machine is part of."""
    family: str
    role: Role
    image: str
    memory: int
    vcpus: int
    disks: tuple[DiskSpec, ...]
    nics: tuple[NicSpec, ...]
    slot: int | None = None
    """Card number, 0-based; None for controllers and hosts."""
    console_port: int | None = None
    forwards: tuple[Forward, ...] = ()
    place: str = ""
    nic_model: NicModel = NicModel.VIRTIO
    disk_bus: DiskBus = DiskBus.VIRTIO
    config_drive: tuple[ConfigFile, ...] = ()
    """Who the machine is, where no host channel tells it (docs/reference/config-drive.md)."""
    metadata: tuple[tuple[str, str], ...] = ()
    smbios: tuple[tuple[str, str], ...] = ()
    serial: bool = True
    nested: bool = False
    cpu_flags: tuple[str, ...] = ()
    """The last six, and the two models: see `RoleFacts`."""

    def nic(self, label: str) -> NicSpec | None:
        return next((nic for nic in self.nics if nic.label == label), None)

    def port(self, nic: NicSpec) -> PortRef:
        return PortRef(sandbox=self.sandbox, machine=self.name, nic=nic.index, place=self.place)


@dataclass(frozen=True, kw_only=True)
class SegmentSpec:
    """One L2 domain. `wire`: exactly two ports. `internal`: a router's controller (first) and its cards."""

    sandbox: str
    name: str
    kind: str
    ports: tuple[PortRef, ...]
    mtu: int
    place: str = ""
    number: int | None = None
    """VLAN id or VNI out of the place's range; None: the place has no range, and takes what it likes."""
    beyond: tuple[str, ...] = ()
    """In what one place is given of it: the other places where it goes on."""


@dataclass(frozen=True, kw_only=True)
class WireSpec:
    """A wire of the blueprint and the segment and ports that realise it, in the order of the wire's ends."""

    wire: Wire
    segment: str
    ports: tuple[PortRef, PortRef]


@dataclass(frozen=True, kw_only=True)
class Plan:
    sandbox: str
    provider: str
    blueprint: Blueprint
    machines: tuple[MachineSpec, ...]
    segments: tuple[SegmentSpec, ...]
    wires: tuple[WireSpec, ...]

    @property
    def memory(self) -> int:
        """MiB of all machines together."""
        return sum(machine.memory for machine in self.machines)

    def place_of(self, spec: MachineSpec | SegmentSpec | DiskSpec | PortRef) -> str:
        return spec.place or self.provider

    @property
    def places(self) -> frozenset[str]:
        """Where something of it is."""
        return frozenset(map(self.place_of, self.machines)) or frozenset({self.provider})

    def machine(self, name: str) -> MachineSpec | None:
        return next((machine for machine in self.machines if machine.name == name), None)

    def machines_of(self, owner: str) -> tuple[MachineSpec, ...]:
        return tuple(machine for machine in self.machines if machine.owner == owner)

    def segment(self, name: str) -> SegmentSpec | None:
        return next((segment for segment in self.segments if segment.name == name), None)
