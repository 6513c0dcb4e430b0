"""Set one router up: controller through the serial line, SSH, every port of every card, start-up configuration, inventory."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import sqlalchemy as sa

from rackless.deadline import Deadline
from rackless.model.errors import DeadlineError, GuestError, ProviderError
from rackless.model.family import NicRole, Role
from rackless.model.hooks import Phase
from rackless.model.lifecycle import MachineState
from rackless.model.plan import MachineSpec
from rackless.providers.contract import Power, at
from rackless.store import inventory, machines, ports, secrets
from rackless.workflows import relabelling
from rackless.workflows.deaths import DiedError, unless_dead
from rackless.workflows.driving import Driver, Spot, Tell
from rackless.workflows.machines import START, begun, ref_of, start, stop
from rackless.workflows.spots import controller_of, spot_of
from rackless.workflows.verb import Work

BOOTSTRAP = 900.0
"""Seconds for the serial dialogue, up to five resets included."""
REACH = 300.0
"""Seconds until SSH answers, once the serial dialogue is through."""
PORTS = (180.0, 240.0, 300.0)
"""Seconds to wait for all ports: at first, and after each restart of the cards that miss some."""
LOOK = 20.0
"""Seconds for one look at which cards are whole."""
QUIET = 20.0
"""Seconds for which a router is not asked for the ports of cards that are still booting."""
LOOK_STARTED = 0.1
"""Seconds between two looks at which cards have started, in the store."""
CONFIGURE = 120.0
"""Seconds to load and commit a start-up configuration."""
DISCOVER = 180.0
"""Seconds for the SNMP walk."""


OF_ROUTERS = frozenset({Phase.PROVISIONING, Phase.POST_PROVISIONING, Phase.CONFIGURATION})
"""Phases in which there is something to do with each router."""


async def set_up_router(work: Work, router: str, phases: frozenset[Phase]) -> None:
    """The steps of these phases. Every step is repeatable; what an earlier try reached is kept.

    A router that goes through all of them at once is configured while its cards boot.
    """
    spec = controller_of(work.lab.plan, router)
    if Phase.PROVISIONING in phases:
        name = f"start {spec.name}"
        await work.step(
            name, lambda: start(work.world, work.lab, spec, work.tell(name)), deadline=START, about=f"starting {spec.name}"
        )
    async with work.world.driver_of(work.lab.plan, spec).held(await spot_of(work.world, work.lab, router)):
        bootstrapped = False
        if Phase.PROVISIONING in phases:
            name = f"bootstrap {router}"
            bootstrapped = await work.step(
                name,
                lambda: _bootstrap(work, spec, work.tell(name)),
                deadline=patience(work, spec) + REACH,
                about=f"bootstrapping {router} over its serial line",
            )
        if Phase.CONFIGURATION in phases:
            await configure(work, spec, bootstrapped=bool(bootstrapped))
        if Phase.POST_PROVISIONING in phases:
            await await_ports(work, spec)
    if Phase.CONFIGURATION in phases:
        await read_inventory(work, router)


async def read_inventory(work: Work, router: str) -> None:
    """What SNMP says the router is, into the store."""
    name = f"inventory {router}"
    await work.step(
        name,
        lambda: _discover(work, router),
        deadline=2 * DISCOVER,
        about=f"reading the inventory of {router} over SNMP",
        tries=3,
    )


async def configure(work: Work, spec: MachineSpec, *, bootstrapped: bool = False) -> None:
    """Start-up configuration and SNMP, the first time only: later the router's own configuration counts.

    Args:
        bootstrapped: the serial dialogue was held just now, and SNMP can be read since: then an empty one needs no commit.
    """
    await work.step(
        f"configure {spec.owner}",
        lambda: _configure(work, spec, bootstrapped=bootstrapped),
        deadline=2 * CONFIGURE,
        about=f"loading the start-up configuration of {spec.owner}",
    )


async def await_ports(work: Work, spec: MachineSpec, *, only: int | None = None) -> None:
    """Wait for every port; restart the cards whose ports do not come, and wait again.

    Raises:
        GuestError: cards are still missing after the last restart.
    """
    router = spec.owner
    missing: list[int] = []
    for attempt, seconds in enumerate(PORTS):
        for slot in missing:
            card = _parts(work, router)[slot]
            if card.role is Role.CONTROLLER:
                continue  # a router of one machine, which was reached a moment ago
            name = f"restart {card.name} ({attempt})"
            await work.step(
                name,
                partial(_restart_card, work, card, work.tell(name)),
                deadline=START,
                about=f"restarting {card.name}, whose ports did not come",
            )
        name = f"ports {router}" + (f" ({attempt})" if attempt else "")
        missing = await work.step(
            name,
            partial(_ports, work, spec, seconds, work.tell(name)),
            deadline=START + 2 * seconds,
            about=f"waiting for every port of {router}",
        )
        if not missing:
            return
    if not any(card.role is Role.CARD for card in _parts(work, router).values()):
        raise GuestError(
            f"Router {router} is missing ports.",
            hint=f"See `rackless console {work.lab.name} {spec.name}`, then run `rackless up` again.",
        )
    raise GuestError(
        f"Router {router} is missing the ports of card {', '.join(map(str, missing))} after {len(PORTS) - 1} restarts of it.",
        hint=f"See `rackless console {work.lab.name} {_parts(work, router)[missing[0]].name}`, then run `rackless up` again.",
    )


def patience(work: Work, spec: MachineSpec) -> float:
    """Seconds for the serial dialogue: where a first boot is long, it may be had twice over."""
    family = work.world.site.family(spec.family)
    return BOOTSTRAP + (2 * family.facts(spec.role).first_boot if family is not None else 0.0)


async def _bootstrap(work: Work, spec: MachineSpec, tell: Tell) -> bool:
    """Whether the serial dialogue was held."""
    world, key = work.world, work.lab.id
    row = await world.database.run(machines.get, key, spec.name)
    driver = world.driver_of(work.lab.plan, spec)
    # Running says of a controller that it took logins: then only what came after the dialogue is left to do.
    fresh = not row.configured and row.state is not MachineState.RUNNING
    if fresh:
        await world.database.run(machines.move, key, spec.name, MachineState.BOOTSTRAPPING, "serial dialogue")
        mine = await world.database.run(secrets.of, key, spec.owner)
        hub = await world.consoles.open(ref_of(spec), Path(row.transcript), tuple(mine.values()))
        dialogue = driver.bootstrap(
            await spot_of(world, work.lab, spec.owner),
            hub,
            reset=lambda: world.provider.power(ref_of(spec), Power.RESET),
            deadline=Deadline(patience(work, spec)),
            tell=tell,
        )
        keys = await unless_dead(work, [spec], dialogue)
        if keys:
            await world.database.run(machines.learn, key, spec.name, keys)
    tell(f"waiting for {spec.owner} to take logins over SSH")
    reached = driver.reach(await spot_of(world, work.lab, spec.owner), deadline=Deadline(REACH), tell=tell)
    await unless_dead(work, [spec], reached)
    how = await begun(at(world.provider, work.lab.plan.place_of(spec)), spec)
    await world.database.run(machines.move, key, spec.name, MachineState.RUNNING, f"it takes logins over SSH{how}")
    return fresh


async def _configure(work: Work, spec: MachineSpec, *, bootstrapped: bool) -> bool:
    world = work.world
    if (await world.database.run(machines.get, work.lab.id, spec.name)).configured:
        return False
    driver, spot = world.driver_of(work.lab.plan, spec), await spot_of(world, work.lab, spec.owner)
    wish = next(wish for wish in work.lab.plan.blueprint.routers if wish.name == spec.owner)
    wanted = work.lab.plan.blueprint.file(wish.startup) if wish.startup is not None else ""
    if wanted or not bootstrapped:
        await driver.load(spot, wanted, deadline=Deadline(CONFIGURE))
    await world.database.run(machines.configured, work.lab.id, spec.name)
    return True


async def _ports(work: Work, spec: MachineSpec, seconds: float, tell: Tell) -> list[int]:
    """Record the MAC of every port. Returns the cards of which ports are missing; when cards have died, at once and only those.

    Raises:
        DiedError: the controller itself is not running.
        GuestError: a port has a MAC that is not its card's NIC's.
    """
    world, router = work.world, spec.owner
    cards = _parts(work, router)
    expected = {slot: sum(nic.role is NicRole.TRAFFIC for nic in card.nics) for slot, card in cards.items()}
    spot = await spot_of(world, work.lab, router)
    driver = world.driver_of(work.lab.plan, spec)

    async def see() -> Mapping[str, str]:
        deadline = await _started(work, frozenset(card.name for card in cards.values()), seconds)
        return await driver.ports(spot, expected, deadline=deadline, tell=tell)

    try:
        seen = await unless_dead(work, [spec, *cards.values()], see())
    except DiedError as error:
        if spec.name in error.names:
            raise
        tell(error.message)
        return sorted(slot for slot, card in cards.items() if card.name in error.names)
    except (GuestError, DeadlineError) as error:
        tell(error.message)
        seen = await _seen_anyway(driver, spot, expected)
    plan = await relabelling.follow(work, router, dict(seen), tell)
    planned = {nic.label: nic.mac for card in plan.machines_of(router) for nic in card.nics if nic.role is NicRole.TRAFFIC}
    wrong = [label for label, mac in seen.items() if label in planned and mac.lower() != planned[label]]
    if wrong:
        raise GuestError(
            f"Port {wrong[0]} of {router} has the MAC {seen[wrong[0]]}, and the plan gave its NIC {planned[wrong[0]]}.",
            hint="The controller talks to another router's card: take the lab down and up again.",
        )

    def record(db: sa.Connection) -> None:
        ports.seen(db, work.lab.id, router, {label: mac.lower() for label, mac in seen.items() if label in planned})

    await world.database.run(record)
    return sorted(
        slot for slot, card in cards.items() if any(n.role is NicRole.TRAFFIC and n.label not in seen for n in card.nics)
    )


async def _started(work: Work, names: frozenset[str], seconds: float) -> Deadline:
    """Wait until none of the machines is still booting, QUIET at most: asking for their ports before keeps an emulated
    controller from work.

    Returns:
        What is left of `seconds`, which count from when the last of them had its turn to boot.
    """
    deadline = Deadline(seconds)
    while True:
        rows = await work.world.database.run(machines.of, work.lab.id)
        states = {row.state for row in rows if row.name in names}
        starting = MachineState.STARTING in states
        # On a server with much to do minutes may go by before a card's own workflow begins.
        if MachineState.PLANNED in states or work.world.booting.awaited(f"{work.lab.name}/{name}" for name in names):
            deadline = Deadline(seconds)
        elif not starting or deadline.over or deadline.spent >= QUIET:
            return deadline
        await asyncio.sleep(LOOK_STARTED)


async def _seen_anyway(driver: Driver, spot: Spot, expected: Mapping[int, int]) -> dict[str, str]:
    """Ports of the cards that are whole, after the wait for all was in vain."""

    async def one(slot: int) -> dict[str, str]:
        try:
            return await driver.ports(spot, {slot: expected[slot]}, deadline=Deadline(LOOK), tell=lambda _: None)
        except (GuestError, DeadlineError):
            return {}

    found = await asyncio.gather(*(one(slot) for slot in expected))
    return {label: mac for ports in found for label, mac in ports.items()}


async def _restart_card(work: Work, card: MachineSpec, tell: Tell) -> None:
    """Off and on; nothing is made anew, so nothing of the first try can be left behind."""
    await stop(work.world, work.lab.id, card, "its ports did not come")
    try:
        await start(work.world, work.lab, card, tell, reason="restarted for its ports")
    except (DeadlineError, ProviderError) as error:
        tell(error.message)
        await stop(work.world, work.lab.id, card, error.message)


async def _discover(work: Work, router: str) -> None:
    world = work.world
    spec = controller_of(work.lab.plan, router)
    specs = work.lab.plan.machines_of(router)
    expected = [nic.label for machine in specs for nic in machine.nics if nic.role is NicRole.TRAFFIC]
    spot = await spot_of(world, work.lab, router)
    found = await world.driver_of(work.lab.plan, spec).discover(spot, expected, deadline=Deadline(DISCOVER))
    await world.database.run(inventory.put, work.lab.id, router, found)


def _parts(work: Work, router: str) -> dict[int, MachineSpec]:
    """The machines that have the router's ports, by slot: its cards, or itself as card 0."""
    specs = work.lab.plan.machines_of(router)
    return {spec.slot or 0: spec for spec in specs if any(nic.role is NicRole.TRAFFIC for nic in spec.nics)}
