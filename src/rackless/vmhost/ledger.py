"""Acting, and remembering what was done: the part that start-up, the keepers of guests and requests share."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

from rackless.model.errors import InputError, RacklessError
from rackless.model.vmhost import Decision
from rackless.vmhost.actions import Action, EndHost, StopGuest, WriteLoader, WriteRecord, told
from rackless.vmhost.record import DECISIONS, Record, as_text, from_text
from rackless.vmhost.recovery import Repair
from rackless.vmhost.world import World


class Ledger:
    """`unrepaired`: what recovery found and left alone, since the start. `ending`: how the host ends, once that has begun:
    from then on nobody starts anything."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.record = Record()
        self.unrepaired: list[str] = []
        self.ending = ""
        self._writing = asyncio.Lock()

    async def read(self) -> None:
        try:
            self.record = from_text(await self.world.record())
        except InputError as error:
            self.world.log(f"record: damaged => new ({error.message})")
            self.record = Record()

    async def act(self, action: Action) -> None:
        """Raises:
        RacklessError: it could not be done.
        """
        if isinstance(action, WriteLoader):
            before = (await self.world.look()).loader
            await self.world.act(action)
            self.world.log(f"loader: {told(before)} => {told(action.loader)} ({action.why})")
            return
        if isinstance(action, EndHost):
            await self.end_host(action)
            return
        self.world.log(f"do: {action}")
        await self.world.act(action)

    async def attempt(self, action: Action) -> str:
        """ "" or why it failed."""
        try:
            await self.act(action)
        except RacklessError as error:
            self.world.log(f"failed: {action}: {error.message}")
            return error.message
        return ""

    async def remember(self, change: Callable[[Record], Record]) -> None:
        """Change the record, and have it written before this returns. On a disk that can't be written it is known until we
        end."""
        async with self._writing:
            fresh = change(self.record)
            if fresh == self.record:
                return
            self.record = fresh
            try:
                await self.world.act(WriteRecord(text=as_text(fresh)))
            except RacklessError as error:
                self.world.log(f"failed: write the record: {error.message}")

    async def decided(self, found: str, done: str, kept: str = "") -> None:
        decision = Decision(at=self.world.now(), found=found, done=done, kept=kept)
        await self.remember(lambda record: replace(record, decisions=(decision, *record.decisions)[:DECISIONS]))

    async def repair(self, repair: Repair) -> bool:
        """Its steps up to the first that fails: what could not be kept aside is not written over."""
        if not self.record.auto_recovery:
            self._leave(repair, "auto-recovery is off")
            return False
        for action in repair.actions:
            failure = await self.attempt(action)
            if failure:
                self._leave(repair, failure)
                await self.decided(repair.found, f"left as it is: {failure}")
                return False
        self.world.log(f"recovery: {repair.found} => repaired ({repair.done})")
        await self.decided(repair.found, repair.done, repair.kept)
        return True

    def _leave(self, repair: Repair, why: str) -> None:
        if repair.found not in self.unrepaired:
            self.unrepaired.append(repair.found)
            self.world.log(f"recovery: {repair.found} => left as it is ({why})")

    async def end_host(self, action: EndHost) -> None:
        """Guests first, in order; then the host. Comes back only if the host could not be ended."""
        self.ending = action.how
        self.world.log(f"host: up => ending ({action.how}: {action.why})")
        for guest in (await self.world.look()).guests:
            if (await self.world.sign(guest.name)).running:
                await self.attempt(StopGuest(guest=guest.name))
        try:
            await self.world.act(action)
        finally:
            self.ending = ""
