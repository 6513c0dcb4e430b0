"""A plan as plain rows: what `rackless plan` prints, and the keys of its `--json` (docs/reference/plan.md).

The rows hold no secret: the blueprint's passwords and communities stay in the plan.
"""

from __future__ import annotations

from typing_extensions import TypedDict

from rackless.model.family import NicRole
from rackless.model.plan import MachineSpec, Plan


class MachineRow(TypedDict):
    name: str
    owner: str
    role: str
    family: str
    slot: int | None
    image: str
    memory: int
    vcpus: int
    management: str | None
    console_port: int | None


class PortRow(TypedDict):
    port: str
    owner: str
    label: str
    machine: str
    nic: int
    mac: str
    segment: str | None
    peer: str | None


class WireRow(TypedDict):
    a: str
    b: str
    segment: str
    mtu: int


class NetworkRow(TypedDict):
    name: str
    owner: str
    mtu: int
    machines: list[str]


class Totals(TypedDict):
    routers: int
    hosts: int
    machines: int
    ports: int
    wires: int
    memory: int
    vcpus: int


class Summary(TypedDict):
    lab: str
    provider: str
    machines: list[MachineRow]
    ports: list[PortRow]
    wires: list[WireRow]
    networks: list[NetworkRow]
    totals: Totals


def summary(plan: Plan) -> Summary:
    """The rows of a plan, in the plan's order."""
    ports = [row for machine in plan.machines for row in _ports(plan, machine)]
    return Summary(
        lab=plan.sandbox,
        provider=plan.provider,
        machines=[_machine(machine) for machine in plan.machines],
        ports=ports,
        wires=_wires(plan),
        networks=_networks(plan),
        totals=Totals(
            routers=len(plan.blueprint.routers),
            hosts=len(plan.blueprint.hosts),
            machines=len(plan.machines),
            ports=len(ports),
            wires=len(plan.wires),
            memory=plan.memory,
            vcpus=sum(machine.vcpus for machine in plan.machines),
        ),
    )


def _machine(machine: MachineSpec) -> MachineRow:
    return MachineRow(
        name=machine.name,
        owner=machine.owner,
        role=machine.role.value,
        family=machine.family,
        slot=machine.slot,
        image=machine.image,
        memory=machine.memory,
        vcpus=machine.vcpus,
        # A card's management NIC is never attached and has no address.
        management=next((nic.address for nic in machine.nics if nic.role is NicRole.MANAGEMENT), None),
        console_port=machine.console_port,
    )


def _ports(plan: Plan, machine: MachineSpec) -> list[PortRow]:
    wired = {}
    for wire in plan.wires:
        for at, other in ((0, 1), (1, 0)):
            wired[wire.ports[at]] = (wire.segment, str(wire.wire.ends[other]))
    rows = []
    for nic in machine.nics:
        if nic.role is NicRole.TRAFFIC:
            segment, peer = wired.get(machine.port(nic), (None, None))
            rows.append(
                PortRow(
                    port=f"{machine.owner}:{nic.label}",
                    owner=machine.owner,
                    label=nic.label,
                    machine=machine.name,
                    nic=nic.index,
                    mac=nic.mac,
                    segment=segment,
                    peer=peer,
                )
            )
    return rows


def _wires(plan: Plan) -> list[WireRow]:
    mtus = {segment.name: segment.mtu for segment in plan.segments}
    return [
        WireRow(a=str(wire.wire.ends[0]), b=str(wire.wire.ends[1]), segment=wire.segment, mtu=mtus[wire.segment])
        for wire in plan.wires
    ]


def _networks(plan: Plan) -> list[NetworkRow]:
    owners = {machine.name: machine.owner for machine in plan.machines}
    return [
        NetworkRow(
            name=segment.name,
            owner=owners[segment.ports[0].machine],
            mtu=segment.mtu,
            machines=[port.machine for port in segment.ports],
        )
        for segment in plan.segments
        if segment.kind == "internal"
    ]
