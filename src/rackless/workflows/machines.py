"""Steps on one machine that several verbs take: start it, tell it who it is."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from rackless.console.dialogue import Dialogue
from rackless.deadline import Deadline
from rackless.model.blueprint import HostWish
from rackless.model.errors import DefectError, GuestError
from rackless.model.family import NicRole, Role
from rackless.model.lifecycle import MachineState
from rackless.model.plan import MachineSpec, Plan
from rackless.providers.contract import Channel, Power, Provider, Ref, RefKind, Warming, at
from rackless.routers.linux import wait_ready
from rackless.routers.prompts import LOGIN, SHELL, At
from rackless.shell import hostchannel
from rackless.store import machines, ports, sandboxes, secrets
from rackless.workflows.booting import Place
from rackless.workflows.driving import Tell
from rackless.workflows.world import World

BOOT = 600.0
"""Seconds a machine may take from power-on to its answer on the host channel. Measured: 5 to 30 s alone under emulation; many
at once on two cores took several minutes."""
START = BOOT + 3000.0
"""Seconds until a machine has booted, its wait for a place to boot in included: a hundred boots of 30 s."""
RESETS = 2
"""How often a machine that refuses its identity is reset."""
ANSWER = 30.0
"""Seconds for one answer on the host channel."""


RANK = {Role.CONTROLLER: 0, Role.HOST: 1, Role.CARD: 2}
"""Which boot first: a controller has its dialogue before it when it has booted, in which there is time for the others."""


class _RefusedError(GuestError):
    """The guest took another identity in this boot."""


def ref_of(spec: MachineSpec) -> Ref:
    return Ref(kind=RefKind.MACHINE, sandbox=spec.sandbox, name=spec.name, place=spec.place)


async def start(world: World, row: sandboxes.SandboxRow, spec: MachineSpec, tell: Tell, *, reason: str = "") -> None:
    """Power on within what the host can bear, open the console, wait until the guest answers and tell it who it is.

    A machine that runs and knows who it is stays as it is.
    """
    database, key = world.database, row.id
    holder = await database.read(secrets.of, key, spec.owner)
    known = await database.read(machines.get, key, spec.name)
    if known.state is not MachineState.RUNNING:
        await database.run(machines.move, key, spec.name, MachineState.STARTING, reason or "power on")
    async with world.boots(row.plan.place_of(spec)).place(RANK[spec.role], f"{row.name}/{spec.name}", spec.memory) as place:
        await world.provider.power(ref_of(spec), Power.ON)
        await world.consoles.open(ref_of(spec), Path(known.transcript), tuple(holder.values()))
        there = at(world.provider, row.plan.place_of(spec))
        how = await begun(there, spec)
        if how:
            tell(f"{spec.name}{how}")
        if isinstance(there, Channel) and takes_identity(world, row.plan, spec):
            tell(f"waiting for {spec.name} to boot and answer on its host channel")
            keys, macs = await _told(there, row, spec, tell, place)
            await database.run(machines.learn, key, spec.name, keys)
            if spec.role is Role.HOST:
                await database.run(ports.seen, key, spec.owner, _checked(spec, macs))
            why = f"it answers on its host channel{how}"
        elif spec.role is Role.HOST:
            tell(f"waiting for a login prompt of {spec.name}")
            await _prompting(world, spec, Path(known.transcript), tuple(holder.values()))
            # Nobody can ask such a guest: its NICs are those that its place was told to make.
            await database.run(ports.seen, key, spec.owner, _planned(spec))
            why = "a login prompt stands on its serial line"
        else:
            why = "it was switched on"
    if spec.role is not Role.CONTROLLER:
        await database.run(machines.move, key, spec.name, MachineState.RUNNING, why)


async def begun(there: Provider, spec: MachineSpec) -> str:
    """How the machine was started last, as the end of a sentence; "" where there is no choice."""
    if not isinstance(there, Warming):
        return ""
    how = await there.begun(ref_of(spec))
    return ", started from a warm template" if how.warm else f", booted: {how.why}" if how.why else ""


def takes_identity(world: World, plan: Plan, spec: MachineSpec) -> bool:
    """Whether a host channel tells the machine who it is."""
    family, info = world.site.family(spec.family), at(world.provider, plan.place_of(spec)).info
    return info.host_channel and (info.pretended or family is None or family.host_channel)


def _planned(spec: MachineSpec) -> dict[str, str]:
    return {nic.label: nic.mac for nic in spec.nics if nic.role is NicRole.TRAFFIC}


async def _prompting(world: World, spec: MachineSpec, transcript: Path, secrets: tuple[str, ...]) -> None:
    """Wait until somebody could log in at the serial line."""
    hub = await world.consoles.open(ref_of(spec), transcript, secrets)
    async with hub.writer("start") as lease:
        await Dialogue(lease).expect(
            {At.LOGIN: LOGIN, At.SHELL: SHELL}, what="a login prompt", deadline=Deadline(BOOT), nudge=True, fresh=False
        )


async def _told(
    provider: Provider, row: sandboxes.SandboxRow, spec: MachineSpec, tell: Tell, place: Place
) -> tuple[tuple[str, ...], dict[str, str]]:
    """`_identify`; a guest that refuses (it took another role in this boot) is reset, a few times."""
    assert isinstance(provider, Channel)
    for left in range(RESETS, -1, -1):
        try:
            return await _identify(provider, row, spec, place)
        except _RefusedError as error:
            if not left:
                raise
            tell(f"{error.message} Resetting {spec.name}")
        await provider.power(ref_of(spec), Power.RESET)
    raise DefectError("No reset was allowed.")


def identity_of(row: sandboxes.SandboxRow, spec: MachineSpec) -> hostchannel.Identity:
    """What a machine of this lab is told that it is."""
    wish = next((host for host in row.plan.blueprint.hosts if host.name == spec.owner), HostWish(name=spec.owner))
    return hostchannel.identity(
        spec,
        hostname=spec.owner if spec.role is not Role.CARD else spec.name,
        addresses=wish.addresses if spec.role is Role.HOST else (),
        routes=wish.routes if spec.role is Role.HOST else (),
    )


async def _identify(
    provider: Channel, row: sandboxes.SandboxRow, spec: MachineSpec, place: Place
) -> tuple[tuple[str, ...], dict[str, str]]:
    """The SSH host keys of the guest, and the MAC of each of its ports (a controller's come with its cards, later).

    A guest that knows who it is has booted: what it still waits for (a card, for its controller) may need a place itself.
    """
    identity = identity_of(row, spec)
    deadline = Deadline(BOOT)
    stream = await provider.channel(ref_of(spec))
    channel = hostchannel.HostChannel(spec.name, stream)
    try:
        await channel.ping(deadline=deadline)
        try:
            keys = await channel.identify(identity, deadline=deadline.within(ANSWER))
        except GuestError as error:
            # Still answering: then it said no, and was not switched off by somebody else meanwhile.
            await channel.ping(deadline=deadline.within(ANSWER))
            raise _RefusedError(error.message, hint=error.hint) from error
        place.leave()
        if spec.role is Role.CONTROLLER:
            return keys, {}
        status = await wait_ready(channel, deadline=deadline)
        return keys, {port.label: port.mac.lower() for port in status.ports}
    finally:
        await channel.close()


def _checked(spec: MachineSpec, macs: dict[str, str]) -> dict[str, str]:
    """Raises GuestError when a port of the plan is not there, or is another NIC."""
    for nic in spec.nics:
        if nic.role is NicRole.TRAFFIC and macs.get(nic.label) != nic.mac:
            found = macs.get(nic.label, "no MAC")
            raise GuestError(
                f"Port {nic.label} of {spec.owner} has {found}, and the plan gave its NIC {nic.mac}.",
                hint=f"See `rackless console {spec.sandbox} {spec.name}`.",
            )
    return macs


def late(db: sa.Connection, key: int, plan: Plan) -> list[str]:
    """The machines of a lab that are not running when all has been done for them.

    A card that did not answer on its host channel in time, and whose ports its controller has all shown since, runs.
    """
    shown: dict[str, list[bool]] = {}
    for port in ports.of(db, key):
        shown.setdefault(port.machine, []).append(port.mac is not None)
    found = []
    for row in machines.of(db, key):
        spec = plan.machine(row.name)
        whole = spec is not None and spec.role is Role.CARD and all(shown.get(row.name, [False]))
        if row.state is MachineState.STARTING and whole:
            machines.move(db, key, row.name, MachineState.RUNNING, "its ports are there")
        elif row.state is not MachineState.RUNNING:
            found.append(row.name)
    return found


async def stop(world: World, key: int, spec: MachineSpec, reason: str) -> None:
    """Power off, as pulling the cord."""
    await world.provider.power(ref_of(spec), Power.OFF)
    await world.database.run(machines.move, key, spec.name, MachineState.STOPPED, reason)
