"""What the conformance suite builds: a router of one controller and one card, a second one, and a wire between them."""

from __future__ import annotations

from rackless.model.family import NicRole, Role
from rackless.model.naming import mac
from rackless.model.plan import DiskSpec, Forward, MachineSpec, NicSpec, PortRef, SegmentSpec

IMAGE = "tiny"


def disk(sandbox: str, machine: str) -> DiskSpec:
    return DiskSpec(sandbox=sandbox, name=f"{machine}-disk0", image=IMAGE)


def machine(sandbox: str, name: str, *, number: int = 0, console: int | None = None, forward: int | None = None) -> MachineSpec:
    """A machine with management, internal and two traffic NICs (indices 2 and 3)."""
    router = name.split("-", maxsplit=1)[0]
    nics = [
        NicSpec(index=0, role=NicRole.MANAGEMENT, mac=mac(sandbox, name, 0), label="fxp0", address=f"172.29.0.{10 + number}/16"),
        NicSpec(index=1, role=NicRole.INTERNAL, mac=mac(sandbox, name, 1), label="int", segment=f"{router}-internal"),
        *(NicSpec(index=2 + p, role=NicRole.TRAFFIC, mac=mac(sandbox, name, 2 + p), label=f"ge-0/0/{p}") for p in range(2)),
    ]
    return MachineSpec(
        sandbox=sandbox,
        name=name,
        owner=router,
        family="reference",
        role=Role.CONTROLLER if name.endswith("-vcp") else Role.CARD,
        image=IMAGE,
        memory=64,
        vcpus=1,
        disks=(disk(sandbox, name),),
        nics=tuple(nics),
        slot=None if name.endswith("-vcp") else 0,
        console_port=console,
        forwards=() if forward is None else (Forward(service="ssh", proto="tcp", host_port=forward, guest_port=22),),
    )


def port(spec: MachineSpec, nic: int) -> PortRef:
    return PortRef(sandbox=spec.sandbox, machine=spec.name, nic=nic)


def internal(sandbox: str, router: str) -> SegmentSpec:
    ports = tuple(PortRef(sandbox=sandbox, machine=f"{router}-{end}", nic=1) for end in ("vcp", "vfp0"))
    return SegmentSpec(sandbox=sandbox, name=f"{router}-internal", kind="internal", ports=ports, mtu=9600)


def wire(sandbox: str, name: str, *ends: PortRef) -> SegmentSpec:
    return SegmentSpec(sandbox=sandbox, name=name, kind="wire", ports=tuple(ends), mtu=9500)
