"""A plan as plain rows: what `rackless plan` prints, and the keys of its `--json` (docs/reference/plan.md).

The rows hold no secret: the blueprint's passwords and communities stay in the plan.
"""

from __future__ import annotations

from collections.abc import Iterable

from typing_extensions import TypedDict

from rackless.model.errors import Problem
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
    place: str


class PlaceRow(TypedDict):
    """A place, and what it can do. `rewiring`: how a port comes to a wire (live, hotplug, power-cycle, trunk); `live_rewire`:
    without a reboot of the guest. `most_nics` of a machine, and `segment_most_mtu` in octets: null for no limit of its own.
    `numbers`: VLAN ids or VNIs that segments take, such as 2000-2099; null for none. `fabric`: wires can go to the places of the
    same one."""

    name: str
    provider: str
    rewiring: str
    live_rewire: bool
    carrier: bool
    capture: bool
    management: str
    most_nics: int | None
    segment_most_mtu: int | None
    numbers: str | None
    fabric: str
    notes: list[str]


class ProblemRow(TypedDict):
    """Why it can't be made."""

    message: str
    hint: str


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
    number: int | None
    places: list[str]


class NetworkRow(TypedDict):
    name: str
    owner: str
    mtu: int
    machines: list[str]
    number: int | None
    place: str


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
    places: list[PlaceRow]
    problems: list[ProblemRow]
    totals: Totals


def summary(plan: Plan, places: Iterable[PlaceRow] = (), problems: Iterable[Problem] = ()) -> Summary:
    """The rows of a plan, in the plan's order.

    Args:
        places: where something of it is.
        problems: what those places can't do of it.
    """
    ports = [row for machine in plan.machines for row in _ports(plan, machine)]
    return Summary(
        lab=plan.sandbox,
        provider=plan.provider,
        machines=[_machine(plan, machine) for machine in plan.machines],
        ports=ports,
        wires=_wires(plan),
        networks=_networks(plan),
        places=list(places),
        problems=[ProblemRow(message=problem.message, hint=problem.hint) for problem in problems],
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


def _machine(plan: Plan, machine: MachineSpec) -> MachineRow:
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
        place=plan.place_of(machine),
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
    segments = {segment.name: segment for segment in plan.segments}
    return [
        WireRow(
            a=str(wire.wire.ends[0]),
            b=str(wire.wire.ends[1]),
            segment=wire.segment,
            mtu=segments[wire.segment].mtu,
            number=segments[wire.segment].number,
            places=list(dict.fromkeys(map(plan.place_of, wire.ports))),
        )
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
            number=segment.number,
            place=plan.place_of(segment),
        )
        for segment in plan.segments
        if segment.kind == "internal"
    ]
