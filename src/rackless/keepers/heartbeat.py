"""Servers on one PostgreSQL keep each other's jobs: each shows that it lives, and what a silent one ran is handed on.

A server that could not show it in time ends itself before the others may take it for dead: nothing runs twice.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import time
from collections.abc import Callable

import sqlalchemy as sa

from rackless import durable
from rackless.model.errors import RacklessError
from rackless.store import answers, jobs, servers
from rackless.workflows.verbs import VERBS
from rackless.workflows.world import World

log = logging.getLogger(__name__)

BEAT = 1.0
"""Seconds between two heartbeats."""
SILENT = 8.0
"""Seconds without one until a server is taken for dead."""
GIVE_UP = 5.0
"""Seconds without one until a server ends itself; with one beat in between still before SILENT."""


class Heartbeat:
    """Use `begin` before anything is resumed, then `run` as a task, and `end` when the server ends in order."""

    def __init__(self, world: World, give_up: Callable[[], None]) -> None:
        self._world = world
        self._give_up = give_up
        self._last = time.monotonic()

    async def begin(self) -> None:
        await self._world.database.run(servers.beat, self._world.server, socket.gethostname(), os.getpid())
        self._last = time.monotonic()

    async def run(self) -> None:
        """Beat until cancelled."""
        while True:
            await asyncio.sleep(BEAT)
            try:
                async with asyncio.timeout_at(asyncio.get_running_loop().time() + GIVE_UP - (time.monotonic() - self._last)):
                    await self.begin()
                    await self._hand_on()
                    for job in await self._world.database.read(jobs.cancelled):
                        durable.cancel(job)
            except TimeoutError:
                log.critical("no heartbeat could be written for %g s: ending, so that others may go on with the jobs", GIVE_UP)
                self._give_up()
                return
            except (sa.exc.SQLAlchemyError, RacklessError) as error:
                log.warning("heartbeat: %s", error)

    @property
    def age(self) -> float:
        """Seconds since the last one was written."""
        return time.monotonic() - self._last

    async def end(self) -> None:
        await self._world.database.run(servers.leave, self._world.server)

    async def _hand_on(self) -> None:
        """The record first: it may be asked again. A crash before the rows follow only repeats this at the next beat."""
        dead = [row.id for row in await self._world.database.read(servers.silent, SILENT) if row.id != self._world.server]
        if dead:
            await durable.take_over(dead)
        elif not await self._world.database.read(_unowned):
            return
        for job in await self._world.database.run(self._claim, dead):
            await durable.start(VERBS[job.verb], job.id, job.id)  # one that had not begun; a begun one runs already

    def _claim(self, db: sa.Connection, dead: list[str]) -> list[jobs.JobRow]:
        left = [job for job in jobs.running(db) if job.server in dead] + _unowned(db)
        for job in left:
            log.info("job %s goes on here: its server %s is silent", job.id, job.server or "(none)")
            jobs.resume(db, job.id, self._world.server)
            jobs.note(db, job.id, "resume", "note", "its server is silent; another one goes on with this job")
        answers.forget(db, dead)
        for name in dead:
            servers.remove(db, name)
        return left


def _unowned(db: sa.Connection) -> list[jobs.JobRow]:
    """Jobs that were booked by a server which died before it took them."""
    return [job for job in jobs.running(db) if not job.server and job.started < time.time() - SILENT]
