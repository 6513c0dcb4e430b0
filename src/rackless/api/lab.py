"""One lab as the API shows it: what was planned, what is known, and what the place says now. No secret is in it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa
from pydantic import BaseModel

from rackless.api.times import end_of
from rackless.model.durations import spoken
from rackless.model.errors import AbsentError, RacklessError, StateError
from rackless.model.family import NicRole, Role
from rackless.model.hooks import Phase
from rackless.model.inventory import Inventory
from rackless.model.lifecycle import MachineState, SandboxState, WireState
from rackless.model.plan import Plan
from rackless.planning import absent
from rackless.providers.contract import Ref, RefKind, at, served, survey
from rackless.providers.impairing import impaired_at
from rackless.providers.measuring import Usage, usage_at
from rackless.sandboxes import hooks
from rackless.sandboxes.times import moment
from rackless.store import inventory, jobs, machines, outlines, ports, sandboxes, wires
from rackless.workflows import phases
from rackless.workflows.spots import endpoint
from rackless.workflows.world import World, boot_id


class Management(BaseModel):
    """How fxp0 is reached: `address` (its own) or `forwarded` (ports of this machine); host:port of each service."""

    how: str
    address: str | None
    services: dict[str, str]


class LabCard(BaseModel):
    """A card in its slot; its state is that of the machine behind it."""

    slot: int
    state: MachineState
    reason: str


class LabNetwork(BaseModel):
    """The internal network of a router, for operators: `machines` are its controller and its cards."""

    name: str
    owner: str
    mtu: int
    machines: list[str]


class LabRouter(BaseModel):
    name: str
    family: str
    cards: int
    ports_per_card: int
    user: str
    management: Management
    system: str = ""
    chassis: str = ""
    serial: str = ""
    slots: list[LabCard] = []


class LabMachine(BaseModel):
    """`state` is what Rackless last brought it to, `running` what the place says now. `uuid`: what the place itself calls it.
    Memory in MiB: `memory` the guest's, `private` what its process alone takes of its host, `proportional` with its share of what
    it has together with others. `cpu_seconds`: of its process, since that was started. Null where the place does not tell."""

    name: str
    owner: str
    role: str
    slot: int | None
    state: MachineState
    reason: str
    running: bool
    since: float
    memory: int
    console_port: int | None
    place: str = ""
    uuid: str = ""
    private: float | None = None
    proportional: float | None = None
    cpu_seconds: float | None = None


class LabPort(BaseModel):
    """`ready`: the device itself reported it, with a MAC. `peer`: the other end of its wire. `up`: it has carrier now, because
    its wire is connected and its machine runs. Speed (bit/s), MTU and addresses are of the last inventory."""

    name: str
    owner: str
    machine: str
    nic: int
    planned_mac: str
    mac: str | None
    ready: bool
    peer: str | None
    up: bool
    speed: int | None = None
    mtu: int | None = None
    addresses: list[str] = []


class LabWire(BaseModel):
    """`drawn`: live, and no blueprint has it. `note`: why a wire of the blueprint is not connected yet; it has no segment; or why
    one carries nothing. `impairment`: delay, jitter, loss and rate, those of them that it has, as its place says."""

    ends: tuple[str, str]
    state: WireState
    since: float
    segment: str
    drawn: bool = False
    note: str = ""
    impairment: dict[str, str] = {}


class JobLine(BaseModel):
    id: str
    verb: str
    state: str
    started: float
    ended: float | None
    resumed: int


class Lab(BaseModel):
    """`note`: what to know first, for example that this machine was rebooted since."""

    name: str
    state: SandboxState
    reason: str
    note: str
    provider: str
    created: float
    since: float
    begins: float
    ends: float | None
    owner: str
    memory: int
    routers: list[LabRouter]
    machines: list[LabMachine]
    ports: list[LabPort]
    wires: list[LabWire]
    job: JobLine | None
    networks: list[LabNetwork] = []
    phase: Phase | None = None
    """Of the deployment that runs: the earliest with something left to do."""


@dataclass(frozen=True, kw_only=True)
class _Known:
    """All that the store has of a lab, at one moment."""

    row: sandboxes.SandboxRow
    machines: list[machines.MachineRow]
    ports: list[ports.PortRow]
    wires: list[wires.WireRow]
    inventory: dict[str, Inventory]
    job: jobs.JobRow | None
    phase: Phase | None


def _known(db: sa.Connection, name: str) -> _Known:
    row = sandboxes.get(db, name)
    job = next(iter(jobs.page(db, name, 1)), None)
    return _Known(
        row=row,
        machines=machines.of(db, row.id),
        ports=ports.of(db, row.id),
        wires=wires.of(db, row.id, name),
        inventory=inventory.of(db, row.id),
        job=job,
        phase=_phase(db, row, job) if job and row.state is SandboxState.DEPLOYING else None,
    )


async def lab_of(here: World, name: str) -> Lab:
    """Raises NotFoundError."""
    known = await here.database.recall(_known, name)
    row, found = known.row, known.inventory
    try:
        there = await survey(here.provider, name)
        refs, trouble = {ref.name: ref for ref in there.refs if ref.kind is RefKind.MACHINE}, str(there)
    except RacklessError as error:
        refs, trouble = {}, f"The place does not answer: {error.message}"
    joined = known.wires
    impaired = await impaired_at(here.provider, row.plan)
    used = await usage_at(here.provider, row.plan.places)
    lines = [_machine(row, machine, refs.get(machine.name), used.get((name, machine.name))) for machine in known.machines]
    running = {line.name for line in lines if line.running}
    live = {end for wire in joined if wire.state is WireState.CONNECTED for end in wire.ends}
    peers = {wire.ends[at]: wire.ends[1 - at] for wire in joined for at in (0, 1)}
    routers = []
    for wish in row.plan.blueprint.routers:
        seen = found.get(wish.name)
        routers.append(
            LabRouter(
                name=wish.name,
                family=wish.family,
                cards=wish.cards,
                ports_per_card=wish.ports_per_card,
                user=wish.login.user,
                management=_management(here, row.plan, wish.name, refs),
                system=seen.system_description if seen else "",
                chassis=seen.chassis if seen else "",
                serial=seen.serial if seen else "",
                slots=[
                    LabCard(slot=line.slot, state=line.state, reason=line.reason)
                    for line in lines
                    if line.owner == wish.name and line.slot is not None
                ],
            )
        )
    shown_ports = []
    for port in known.ports:
        seen_port = found[port.owner].port(port.label) if port.owner in found else None
        end = f"{port.owner}:{port.label}"
        shown_ports.append(
            LabPort(
                name=end,
                owner=port.owner,
                machine=port.machine,
                nic=port.nic,
                planned_mac=port.planned_mac,
                mac=port.mac,
                ready=port.mac is not None,
                peer=peers.get(end),
                up=end in live and port.machine in running,
                speed=seen_port.speed if seen_port else None,
                mtu=seen_port.mtu if seen_port else None,
                addresses=list(seen_port.addresses) if seen_port else [],
            )
        )
    last = known.job
    return Lab(
        name=name,
        state=row.state,
        reason=row.reason,
        note=trouble or note(row, stopped(known.machines, frozenset(running))),
        provider=row.plan.provider,
        created=row.created,
        since=row.since,
        begins=row.span.begins,
        ends=end_of(row),
        owner=row.owner,
        memory=row.plan.memory,
        routers=routers,
        machines=lines,
        ports=shown_ports,
        wires=[
            *(
                LabWire(
                    ends=wire.ends,
                    state=wire.state,
                    since=wire.since,
                    segment=wire.segment,
                    drawn=wire.drawn,
                    note=impaired[wire.segment].why if wire.segment in impaired else "",
                    impairment=impaired[wire.segment].how.texts() if wire.segment in impaired else {},
                )
                for wire in joined
            ),
            *_later(row),
        ],
        job=job_line(last) if last else None,
        networks=[
            LabNetwork(
                name=segment.name,
                owner=segment.name.removesuffix("-internal"),
                mtu=segment.mtu,
                machines=[port.machine for port in segment.ports],
            )
            for segment in row.plan.segments
            if segment.kind == "internal"
        ],
        phase=known.phase,
    )


def _phase(db: sa.Connection, row: sandboxes.SandboxRow, job: jobs.JobRow) -> Phase | None:
    done = [event.step for event in jobs.events_of(db, job.id) if event.kind == "done"]
    return phases.current(row.plan, hooks.of(job.arguments), done) if job.verb == "deploy" else None


def _later(row: sandboxes.SandboxRow) -> list[LabWire]:
    """Wires of the blueprint whose ports are not there yet."""
    plan = row.plan
    return [
        LabWire(
            ends=(str(wish.ends[0]), str(wish.ends[1])),
            state=WireState.PLANNED,
            since=row.created,
            segment="",
            note=f"not yet connected: {why}",
        )
        for wish in plan.blueprint.wires
        if wish.planned and (why := absent(plan, wish))
    ]


def job_line(job: jobs.JobRow) -> JobLine:
    return JobLine(id=job.id, verb=job.verb, state=job.state.value, started=job.started, ended=job.ended, resumed=job.resumed)


def _machine(row: sandboxes.SandboxRow, machine: machines.MachineRow, ref: Ref | None, used: Usage | None) -> LabMachine:
    going = {each.machine.name: each.machine for each in row.leaving}
    spec = going.get(machine.name) or row.plan.machine(machine.name)
    running = ref is not None and ref.running
    state, reason = machine.state, machine.reason
    if state is MachineState.RUNNING and not running:
        state, reason = MachineState.STOPPED, "it is not running any more"
    return LabMachine(
        name=machine.name,
        owner=machine.owner,
        role=machine.role,
        slot=machine.slot,
        state=state,
        reason=reason,
        running=running,
        since=ref.since if ref is not None and running else machine.since,
        memory=spec.memory if spec else 0,
        console_port=spec.console_port if spec else None,
        place=row.plan.place_of(spec) if spec else "",
        uuid=ref.uuid if ref is not None else "",
        private=_mib(used.private) if used is not None else None,
        proportional=_mib(used.proportional) if used is not None else None,
        cpu_seconds=used.cpu if used is not None else None,
    )


def _mib(octets: int | None) -> float | None:
    return round(octets / 1024**2, 1) if octets is not None else None


def _management(here: World, plan: Plan, router: str, refs: Mapping[str, Ref]) -> Management:
    controller = next(spec for spec in plan.machines_of(router) if spec.role is Role.CONTROLLER)
    nic = next((nic for nic in controller.nics if nic.role is NicRole.MANAGEMENT), None)
    seen = refs.get(controller.name)
    elsewhere = seen.endpoints.get("management", "") if seen is not None else ""
    services = {}
    for service, port in (("ssh", 22), ("netconf", 830), ("snmp", 161)):
        with contextlib.suppress(StateError):  # a lab whose time has not come has no ports yet
            host, number = endpoint(controller, service, port, elsewhere)
            services[service] = served(host, number)
    return Management(how=_how(here, plan.place_of(controller)), address=nic.address if nic else None, services=services)


def _how(here: World, place: str) -> str:
    try:
        return at(here.provider, place).info.management
    except AbsentError:  # a place that this site does not have any more
        return "address"


def stopped(known: list[machines.MachineRow], running: frozenset[str]) -> list[str]:
    """Machines that were on and are not."""
    return [m.name for m in known if m.name not in running and m.state in {MachineState.RUNNING, MachineState.STOPPED}]


def note(row: sandboxes.SandboxRow | outlines.Outline, stopped: list[str]) -> str:
    """What to know first of a lab; `stopped`: its machines that were on and are not."""
    if row.state is SandboxState.BOOKED:
        return f"It begins at {moment(row.span.begins)}."
    if row.state is SandboxState.WAITING:
        return "It waits until it fits; `rackless calendar` tells when."
    return _trouble(row, stopped) if row.state in {SandboxState.READY, SandboxState.FAILED} else ""


def _trouble(row: sandboxes.SandboxRow | outlines.Outline, stopped: list[str]) -> str:
    if row.boot_id != boot_id() and (stopped or row.state is SandboxState.FAILED):  # what is elsewhere runs on
        uptime = float(Path("/proc/uptime").read_text(encoding="ascii").split()[0])
        when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(time.time() - uptime))
        return f"This machine rebooted at {when}; run `rackless up` with the lab's blueprint to bring the lab back."
    if stopped:
        return f"Stopped: {', '.join(stopped)}. Run `rackless restart {row.name} {stopped[0]}`, or `rackless up` for all."
    if row.warned:
        left = spoken(row.span.ends - time.time())
        return f"It ends at {moment(row.span.ends)}, in {left}; `rackless extend {row.name} 1h` gives it an hour more."
    return ""
