"""A server in maintenance finishes the steps that it is at, hands its jobs on to others, and is idle then: nothing is lost when
it is stopped. It still answers; a load balancer is told to send nobody. The mark stays when the server is started anew.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from enum import StrEnum
from pathlib import Path

from rackless import durable
from rackless.keepers.heartbeat import Heartbeat
from rackless.workflows.world import World

log = logging.getLogger(__name__)

FINISHING = 60.0
"""Seconds that steps under way are given to end; they are broken off then, and done anew elsewhere."""


class Duty(StrEnum):
    """What a server does."""

    WORKING = "working"
    FINISHING = "finishing"
    """In maintenance, with steps under way."""
    IDLE = "idle"


class Maintenance:
    """Args: `resume`: go on with what is this server's, as at its start."""

    def __init__(self, world: World, heartbeat: Heartbeat | None, resume: Callable[[World], Awaitable[None]]) -> None:
        self._world = world
        self._heartbeat = heartbeat
        self._resume = resume
        self._changing = asyncio.Lock()
        self.duty = Duty.WORKING
        self.stopping = False
        """The server was told to end."""

    @property
    def draining(self) -> bool:
        """Nobody should be sent here."""
        return self.stopping or self._world.idle.is_set()

    @property
    def _mark(self) -> Path:
        return self._world.settings.state / "maintenance"

    async def start(self) -> None:
        """At the start of the server: begin to work, unless it was in maintenance when it ended."""
        if self._mark.exists():
            self._world.idle.set()
            self.duty = Duty.IDLE
            log.warning("in maintenance since before the start: no job is begun here")
            return
        await self._work()

    async def begin(self) -> None:
        """Returns at once; `duty` tells when the server is idle. Again is success."""
        self._mark.touch(mode=0o600)
        self._world.idle.set()
        if self.duty is Duty.WORKING:
            self.duty = Duty.FINISHING
            self._task = asyncio.create_task(self._finish(), name="maintenance")

    async def end(self) -> None:
        """Work again. Again is success.

        Raises:
            UnavailableError: the database is away; it stays in maintenance.
        """
        async with self._changing:
            if self.duty is Duty.IDLE:
                await self._work()
            self._mark.unlink(missing_ok=True)
            self._world.idle.clear()
            self.duty = Duty.WORKING
            self._world.changed.set()

    async def _work(self) -> None:
        if self._heartbeat is None:
            self._world.lease.renew(0.0)
            await self._resume(self._world)
            return
        await self._heartbeat.begin()
        with self._heartbeat.meanwhile():
            await self._resume(self._world)

    async def _finish(self) -> None:
        async with self._changing:
            durable.hold()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(durable.quiet(), FINISHING)
            if self._heartbeat is None:
                self._world.lease.end()
                await durable.end()
            else:
                self._heartbeat.quiet()
                await durable.end()
                await self._heartbeat.end()
            self.duty = Duty.IDLE
            log.info("in maintenance: nothing is under way here")
