"""Servers on one PostgreSQL keep each other's jobs: each shows that it lives, and what a silent one ran is handed on.

A heartbeat gives a lease (lease.py): a server acts on machines for GIVE_UP seconds after it sent one that was written. Then it
holds, which a database that is away for long makes all of them do; when the database is back they go on. Others take it for dead
after SILENT seconds in which they saw no heartbeat of it, and mark it first: a server that finds itself marked, or gone, ends.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import sqlalchemy as sa

from rackless import durable
from rackless.keepers.silence import Silence
from rackless.lease import Lease
from rackless.model.errors import RacklessError, StateError, UnavailableError
from rackless.store import answers, jobs, servers
from rackless.store.servers import ServerRow
from rackless.workflows.verbs import VERBS
from rackless.workflows.world import World

log = logging.getLogger(__name__)

BEAT = 0.5
"""Seconds between two heartbeats."""
GIVE_UP = 4.0
"""Seconds after a heartbeat was sent in which this server acts on machines."""
SILENT = 6.0
"""Seconds without one, watched without a break, until a server is taken for dead. What the dead one began before GIVE_UP was over
has ended, or been broken off, by then."""
HANDED_ON = 15.0
"""Seconds that a server which was taken for dead waits for others to come to an end with its earlier life."""


class Heartbeat:
    """Use `begin` before anything is resumed, then `run` as a task, and `end` when the server ends in order."""

    def __init__(self, world: World, lease: Lease, give_up: Callable[[], None]) -> None:
        self._world = world
        self._lease = lease
        self._give_up = give_up
        self._silence = Silence(SILENT)
        self._last = time.monotonic()
        self._started = 0.0
        self._away = False
        self._handing_on: asyncio.Task[None] | None = None
        self._beats = False

    async def begin(self) -> None:
        """From now on others may see this server live.

        Raises:
            UnavailableError: the database is away.
        """
        end = time.monotonic() + HANDED_ON
        while (row := await self._world.database.aside(servers.find, self._world.server)) is not None and row.marked:
            if time.monotonic() > end:  # whoever marked it has died too; the record hands its jobs to anybody who lives
                break
            await asyncio.sleep(BEAT)
        sent = time.monotonic()
        self._started = await self._world.database.aside(servers.beat, self._world.server, socket.gethostname(), os.getpid())
        self._world.database.fence = self._fence
        self._renewed(sent)
        self._beats = True

    async def run(self) -> None:
        """Beat until cancelled, between `begin` and `end`."""
        while True:
            try:
                if self._beats:
                    await self._beat()
            except (sa.exc.SQLAlchemyError, RacklessError) as error:
                if not self._away:
                    self._away = True
                    log.warning("heartbeat: %s", error)
            await asyncio.sleep(BEAT)

    async def _beat(self) -> None:
        sent = time.monotonic()
        lives, rows = await self._world.database.aside(self._renew)
        if not self._beats:
            return  # it has ended meanwhile
        if not lives:
            log.critical("others took this server for dead, and go on with its jobs: ending")
            self._lease.end()
            self._give_up()
            raise StateError("This server was taken for dead.")
        self._renewed(sent)
        dead = self._silence.look(rows, sent)
        if self._handing_on is None or self._handing_on.done():  # beside: no heartbeat waits for a turn, or for the record
            self._handing_on = asyncio.create_task(self._look_after(dead))

    async def _look_after(self, dead: list[ServerRow]) -> None:
        try:
            await self._hand_on(dead)
            for job in await self._world.database.read(jobs.cancelled):
                durable.cancel(job)
        except (sa.exc.SQLAlchemyError, RacklessError) as error:
            log.warning("handing on: %s", error)

    @contextmanager
    def meanwhile(self) -> Iterator[None]:
        """Beats go on in a thread, while the event loop is busy with the start of the workflow library."""
        ended = threading.Event()

        def beat() -> None:
            while not ended.wait(BEAT):
                with suppress(sa.exc.SQLAlchemyError), self._world.database.engine.begin() as db:
                    servers.renew(db, self._world.server, self._started)

        thread = threading.Thread(target=beat, name="heartbeat", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def _renew(self, db: sa.Connection) -> tuple[bool, list[ServerRow]]:
        lives = servers.renew(db, self._world.server, self._started)
        return lives, [row for row in servers.every(db) if row.id != self._world.server]

    def _renewed(self, sent: float) -> None:
        if self._away:
            self._away = False
            log.info("heartbeats are written again")
        self._last = sent
        self._lease.renew(sent)

    def _fence(self, db: sa.Connection) -> None:
        """In the turn of every transaction that writes: a server that was taken for dead writes nothing more."""
        if not servers.lives(db, self._world.server, self._started):
            log.critical("others took this server for dead in the midst of its work: ending")
            self._give_up()
            raise UnavailableError("This server was taken for dead by others; nothing was done.", hint="Ask again.")

    @property
    def age(self) -> float:
        """Seconds since the last one was sent that was written."""
        return time.monotonic() - self._last

    def quiet(self) -> None:
        """No more heartbeats: what is under way is broken off."""
        self._beats = False
        self._lease.end()
        if self._handing_on is not None:
            self._handing_on.cancel()

    async def end(self) -> None:
        """In order: from now on others may go on with its jobs."""
        self.quiet()
        self._world.database.fence = None
        try:
            await self._world.database.aside(servers.leave, self._world.server)
        except UnavailableError:
            log.warning("the database is away: others will find this server silent")

    async def _hand_on(self, dead: list[ServerRow]) -> None:
        """Marked first, then the record, which may be asked again, then the rows: a crash between two of them only has somebody
        repeat it at the next beat."""
        mine = [row.id for row in dead if row.marked or await self._world.database.aside(servers.mark, row)]
        if mine:
            await durable.take_over(mine)
        elif not await self._world.database.read(_unowned):
            return
        for job in await self._world.database.run(self._claim, mine):
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
