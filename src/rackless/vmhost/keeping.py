"""Looking after one guest: health.decide, carried out."""

from __future__ import annotations

from dataclasses import replace

from rackless.model.errors import RacklessError
from rackless.model.vmhost import Boot, GuestState, Reason
from rackless.vmhost import boot, health, recovery
from rackless.vmhost.actions import SaveGuest, StartGuest, WriteLoader
from rackless.vmhost.health import Look, Memory, Patience, Verdict
from rackless.vmhost.ledger import Ledger
from rackless.vmhost.reasons import Event, remember
from rackless.vmhost.world import Sign

SAVE_SECONDS = 3600.0
"""Between two copies of a healthy guest's configuration."""
MOST_STEPS = 20
"""That follow from each other without a pause: more than a start has."""


class Keeper:
    """One guest's. `stays_off`: it is not started again when it shuts itself down."""

    def __init__(self, ledger: Ledger, name: str, patience: Patience, *, stays_off: bool = False) -> None:
        self.name, self.stays_off = name, stays_off
        self.sign = Sign(running=False)
        self.memory = Memory()
        self.alive = ledger.world.monotonic()
        self._ledger, self._patience = ledger, patience
        self._world = ledger.world
        self._saved: float | None = None
        self._told = ""

    async def run(self) -> None:
        while True:
            self.alive = self._world.monotonic()
            try:
                for _ in range(MOST_STEPS):
                    if self._ledger.ending or not await self.step():
                        break
                self._told = ""
            except RacklessError as error:
                if error.message != self._told:  # once, not every few seconds
                    self._world.log(f"failed: looking after guest {self.name}: {error.message}")
                self._told = error.message
            await self._world.wait(self.name, self._patience.look)

    def try_again(self) -> None:
        """At once, where it was given up for a while."""
        if self.memory.state is GuestState.FAILED:
            self.memory = replace(self.memory, since=float("-inf"))

    async def step(self) -> bool:
        """One look and what follows of it. True: look again at once."""
        events = await self._world.events(self.name)
        self.sign = await self._world.sign(self.name)
        look = await self._look(events)
        verdict = health.decide(look, self.memory, self._patience)
        if any(isinstance(action, StartGuest) for action in verdict.actions) and await self._repaired(look):
            look = await self._look(events)
            verdict = health.decide(look, self.memory, self._patience)
        await self._carry_out(verdict)
        if verdict.why or verdict.actions:
            return True
        await self._while_healthy(look)
        return False

    async def _look(self, events: tuple[Event, ...]) -> Look:
        host = await self._world.look()
        record = self._ledger.record
        first = record.started.get(self.name) != self._world.boot_id
        return Look(
            now=self._world.monotonic(),
            host=host,
            guest=host.guest(self.name),
            sign=self.sign,
            events=events,
            wanted=self.name not in record.off,
            recovers=record.auto_recovery,
            first=record.boots[0] if first and record.boots else None,
            stays_off=self.stays_off,
        )

    async def _repaired(self, look: Look) -> bool:
        """Its files, before it is started."""
        guest, tried = look.guest, set[str]()
        while (repair := recovery.guest_files(guest)) is not None and repair.found not in tried:
            tried.add(repair.found)
            if not await self._ledger.repair(repair):
                break
            guest = (await self._world.look()).guest(self.name)
        return bool(tried)

    async def _carry_out(self, verdict: Verdict) -> None:
        before, self.memory = self.memory, verdict.memory
        if verdict.why and before.state is not verdict.memory.state:
            self._world.log(f"guest {self.name}: {before.state.value} => {verdict.memory.state.value} ({verdict.why})")
        elif verdict.why:
            self._world.log(f"guest {self.name}: {verdict.why}")
        if verdict.off:
            await self._ledger.remember(lambda record: replace(record, off=record.off | {self.name}))
        if verdict.boot is not None:
            await self._remember(*verdict.boot)
        for action in verdict.actions:
            if await self._ledger.attempt(action):
                break

    async def _remember(self, reason: Reason, why: str) -> None:
        """Written before the guest is touched: a cut between the two leaves a boot too many, never a wrong one."""
        there, boot_id = Boot(at=self._world.now(), reason=reason, detail=why), self._world.boot_id
        self._world.log(f"guest {self.name}: reboot reason {reason} ({why})")
        await self._ledger.remember(
            lambda record: replace(
                record,
                guests={**record.guests, self.name: remember(record.guests.get(self.name, ()), there)},
                started={**record.started, self.name: boot_id},
            )
        )

    async def _while_healthy(self, look: Look) -> None:
        memory, booted = self.memory, look.host.booted
        if not health.settled(memory, look.now, self._patience):
            self._saved = self._saved if memory.state is GuestState.RUNNING else None
            return
        if booted is not None and health.to_confirm(look, memory):
            why = f"guest {self.name} has been up for {self._patience.settle:.0f} s"
            await self._ledger.attempt(WriteLoader(loader=boot.confirmed(look.host.loader, booted), why=why))
        if self._saved is None or look.now - self._saved >= SAVE_SECONDS:
            self._saved = look.now
            await self._ledger.attempt(SaveGuest(guest=self.name))
