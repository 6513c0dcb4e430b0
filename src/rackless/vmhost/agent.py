"""The agent: start-up, then a keeper for each guest, the alarms, the clock and the host's watchdog, each a task.

What it does is logged `noun name: a => b (reason)`. Whatever a loss of power cuts off is found as it is by the next start, and
gone on with.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection

from rackless.model.vmhost import Alarm
from rackless.vmhost import alarms, startup, timekeeping, watchdogs
from rackless.vmhost.health import Patience
from rackless.vmhost.keeping import Keeper
from rackless.vmhost.ledger import Ledger
from rackless.vmhost.operations import Operations
from rackless.vmhost.world import World

ALARM_SECONDS = 30.0
CLOCK_SECONDS = 300.0


class Agent:
    """`clock`: the host's follows the administrative guest's.

    `stays_off`: guests that are not started again when they shut themselves down. `oldest`: version of bundles that is
    taken."""

    def __init__(
        self,
        world: World,
        patience: Patience | None = None,
        *,
        stays_off: Collection[str] = (),
        oldest: str = "",
        clock: bool = True,
    ) -> None:
        self.world, self.patience = world, patience or Patience()
        self.ledger = Ledger(world)
        self.operations = Operations(self.ledger, oldest=oldest)
        self.keepers: dict[str, Keeper] = {}
        self.alarms: tuple[Alarm, ...] = ()
        self.up = asyncio.Event()
        """Start-up is over: guests are looked after."""
        self._stays_off, self._follows_clock = frozenset(stays_off), clock
        self._clock = Clock(self.ledger)

    async def run(self) -> None:
        """Until cancelled. Guests go on running."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._feed())
            await self._start_up()
            for guest in (await self.world.look()).guests:
                keeper = Keeper(self.ledger, guest.name, self.patience, stays_off=guest.name in self._stays_off)
                self.keepers[guest.name] = keeper
                tasks.create_task(keeper.run())
                if guest.administrative and self._follows_clock:
                    tasks.create_task(self._clock.run(keeper))
            tasks.create_task(self._watch())
            self.up.set()

    async def _start_up(self) -> None:
        await self.ledger.read()
        await startup.tell_reason(self.ledger)
        await startup.repair_disks(self.ledger)
        await self.operations.resume()
        await startup.settle_loader(self.ledger)

    async def _feed(self) -> None:
        """Start-up may take long; after it, a task that hangs lets the watchdog starve."""
        starving: tuple[str, ...] = ()
        while True:
            alive = {f"guest {name}": keeper.alive for name, keeper in self.keepers.items()}
            hung = watchdogs.hung(self.world.monotonic(), alive) if not self.ledger.ending else ()
            if not hung:
                self.world.feed()
            if hung != starving:
                change = f"fed => starving (looking after {', '.join(hung)} hangs)" if hung else "starving => fed (it goes on)"
                self.world.log(f"watchdog host: {change}")
            starving = hung
            await asyncio.sleep(watchdogs.FEED)

    async def _watch(self) -> None:
        while True:
            await self.look_for_alarms()
            await asyncio.sleep(ALARM_SECONDS)

    async def look_for_alarms(self) -> None:
        keepers = self.keepers
        guests = alarms.Guests(
            states={name: keeper.memory.state for name, keeper in keepers.items()},
            slots={name: keeper.memory.slot for name, keeper in keepers.items()},
            unrepaired=tuple(self.ledger.unrepaired),
            recovers=self.ledger.record.auto_recovery,
            clock=self._clock.wrong,
            failed=self.ledger.record.failed_disks,
        )
        before = {alarm.name: alarm for alarm in self.alarms}
        since = {name: alarm.since for name, alarm in before.items()}
        self.alarms = alarms.raised(await self.world.look(), guests, since, self.world.now())
        after = {alarm.name: alarm for alarm in self.alarms}
        for name in [*after, *before]:
            if name not in before:
                self.world.log(f"alarm {name}: clear => {after[name].severity.value} ({after[name].text})")
            elif name not in after:
                self.world.log(f"alarm {name}: {before[name].severity.value} => clear (it is in order)")


class Clock:
    """The administrative guest's time and zone, on the host."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger, self._world = ledger, ledger.world
        self.wrong = ""
        self._first = True
        self._due = 0.0
        """When the clock has made good what it was told, monotonic."""

    async def run(self, keeper: Keeper) -> None:
        while True:
            sign = keeper.sign
            if sign.answers and sign.time is not None:
                await self.follow(sign.time, sign.zone)
                await asyncio.sleep(CLOCK_SECONDS)
            else:
                await asyncio.sleep(5)

    async def follow(self, difference: float, zone: str) -> None:
        now = self._world.monotonic()
        slewing = max(0.0, self._due - now) * timekeeping.SLEW
        found = timekeeping.Difference(seconds=difference, first=self._first, slewing=slewing if difference > 0 else -slewing)
        self._first = False
        action, wrong = timekeeping.clock(found)
        if action is not None and not await self._ledger.attempt(action):
            self._due = 0.0 if action.step else now + timekeeping.duration(action.seconds)
        if wrong != self.wrong:
            self.wrong = wrong
        move = timekeeping.zone(zone, self._world.zone())
        if move is not None:
            await self._ledger.attempt(move)
