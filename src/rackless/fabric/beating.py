"""One node's own heart: it shows that it lives, and works only while the others can have seen it.

A beat counts from when it was sent: the others may have seen it at once and count its silence from there, however late the
answer comes back. So GIVE_UP after the sending of the last beat that was taken, this node has stopped; and DEAD is later than
that.
"""

from __future__ import annotations

import asyncio
from typing import NoReturn

from rackless.fabric import taking_over
from rackless.fabric.truth import Beat, Truth, as_text
from rackless.fabric.watching import BEAT, GIVE_UP
from rackless.fabric.world import World
from rackless.model.errors import RacklessError
from rackless.model.fabric import Function, Life

FACTS = 5.0
"""Seconds between two looks at this node's own facts."""
GUARD = BEAT / 4


class Beating:
    def __init__(self, world: World) -> None:
        self._world = world
        self._count = 0
        self._term = 0
        self._facts = ""
        self._taken: float | None = None
        """When the last beat was sent that was taken."""
        self._trouble = ""
        self._standing = "it was not heard yet"
        """Why this node may not work, by what it read last; "" if it may."""
        self._allowed: int | None = None
        self.begun = False
        """Its partner, if it has one, had nothing against it."""

    @property
    def why_not(self) -> str:
        """Why it does not work now; "" if it does."""
        if self._standing:
            return self._standing
        return "" if self._fresh() else f"none of its heartbeats was taken for {GIVE_UP:.0f} s"

    async def run(self) -> None:
        """Beat until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._beat())
            tasks.create_task(self._guard())
            tasks.create_task(self._look())

    async def end(self) -> None:
        """In order, after `run` was cancelled: what it had may be handed on at once. Nothing may be under way any more."""
        self._standing = "it ends"
        self._permit()
        await self._send(ended=True)

    async def _beat(self) -> NoReturn:
        while True:
            sent = self._world.monotonic()
            try:
                async with asyncio.timeout(GIVE_UP):
                    if await self._leads():
                        sent = self._world.monotonic()
                        await self._send()
                        self._standing = self._read((await self._world.read()).truth)
                        self._taken = sent
                        self._trouble = ""
            except (RacklessError, TimeoutError) as error:
                self._complain(str(error) or "etcd does not answer in time")
            self._permit()
            await asyncio.sleep(max(GUARD, sent + BEAT - self._world.monotonic()))

    async def _send(self, *, ended: bool = False) -> None:
        self._count += 1
        await self._world.beat(
            Beat(
                node=self._world.node,
                fabric=self._world.fabric,
                incarnation=self._world.incarnation,
                count=self._count,
                term=self._term,
                machine=self._world.machine,
                facts=self._facts,
                ended=ended,
            )
        )

    async def _leads(self) -> bool:
        """Of two without a third voice, one that starts asks the other, and one that runs looks whether it was taken over."""
        truth = await self._world.last()
        if not taking_over.paired(truth):
            self.begun = True
            return True
        heard = await self._world.partner()
        if self.begun and heard is None:
            return True
        why = taking_over.may_lead(truth, self._world.node, heard, self._world.told)
        other = taking_over.partner(truth, self._world.node)
        if heard is not None and heard > truth.generation:
            self._world.allow(None)
            await self._world.follow()
        here = truth.layout.node(self._world.node)
        stands_by = here is not None and other is not None and not here.has(Function.VOTE) and heard is not None
        if not stands_by:  # one that does works too: what it may do is read below
            self._standing = why
        self.begun = self.begun or not why or stands_by
        return self.begun

    def _complain(self, trouble: str) -> None:
        """Once for each kind of trouble, not every second."""
        if trouble != self._trouble:
            self._world.log(f"no heartbeat: {trouble}")
        self._trouble = trouble

    def _read(self, truth: Truth) -> str:
        if truth.layout.node(self._world.node) is None:
            return "it is no member"
        verdict = truth.verdict(self._world.node)
        if verdict.incarnation != self._world.incarnation:
            return "another start of it is heard, or this one is not yet"
        if verdict.term != self._term:
            # Whatever ran below that term is somebody else's. It is taken with the next beat, and all has stopped by then.
            self._world.allow(None)
            self._term = verdict.term
            return f"it takes term {verdict.term}"
        return "" if verdict.life in {Life.ALIVE, Life.SUSPECT} else f"it is {verdict.life} ({verdict.why})"

    async def _guard(self) -> NoReturn:
        """Nothing else that goes on may keep it from stopping in time."""
        while True:
            self._permit()
            left = self._taken + GIVE_UP - self._world.monotonic() if self._taken is not None else BEAT
            await asyncio.sleep(max(GUARD, left))

    def _permit(self) -> None:
        allowed = self._term if not self.why_not else None
        if allowed != self._allowed:
            self._world.log(
                "works" + (f" under term {allowed}" if allowed else "") if allowed is not None else f"stops: {self.why_not}"
            )
        self._allowed = allowed
        self._world.allow(allowed)

    def _fresh(self) -> bool:
        return self._taken is not None and self._world.monotonic() - self._taken < GIVE_UP

    async def _look(self) -> NoReturn:
        while True:
            try:
                self._facts = as_text(await self._world.health())
            except RacklessError as error:
                self._world.log(f"its facts are not known: {error}")
            await asyncio.sleep(FACTS)
