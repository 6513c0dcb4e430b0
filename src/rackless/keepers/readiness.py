"""Can this server do its work now? Each check has a deadline and answers with a reason that tells nothing of what is inside."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum

import sqlalchemy as sa

from rackless import durable
from rackless.keepers.heartbeat import SILENT, Heartbeat
from rackless.keepers.maintenance import Maintenance
from rackless.model.errors import RacklessError
from rackless.providers.contract import at
from rackless.workflows.world import World

log = logging.getLogger(__name__)

DEADLINE = 3.0
"""Seconds for one check."""
FRESH = 2.0
"""Seconds for which an answer is given again: anybody may ask, and asking must not be work."""
NOBODY = "-"
"""A lab of this name can't be: the provider is asked what it has of it, and has to look."""
AWAY = 60.0
"""Seconds without a heartbeat after which this server is no good for requests."""
ROOM = 100 * 1024 * 1024
"""Bytes that must be free where the state is."""


class Send(StrEnum):
    """Which requests should be sent here."""

    ALL = "ready"
    NONE = "draining"
    NOT_YET = "not ready"


@dataclass(frozen=True, kw_only=True)
class Check:
    """`reason`: why not, "" when `ok`."""

    name: str
    ok: bool
    reason: str = ""


class Readiness:
    """Args: `keeping`: tasks that must live as long as the server does."""

    def __init__(
        self,
        world: World,
        *,
        heartbeat: Heartbeat | None = None,
        keeping: Callable[[], list[asyncio.Task[None]]] = list,
        maintenance: Maintenance | None = None,
    ) -> None:
        self._world = world
        self._heartbeat = heartbeat
        self._maintenance = maintenance
        self._keeping = keeping
        self._found: tuple[Check, ...] = ()
        self._at = -FRESH
        self._looking = asyncio.Lock()

    async def look(self) -> tuple[Check, ...]:
        """Every check, at most FRESH seconds old."""
        async with self._looking:
            if time.monotonic() - self._at >= FRESH:
                bodies = {"store": self._store, "provider": self._provider, "workflows": self._workflows}
                bodies |= {"heartbeat": self._beats, "keepers": self._keepers, "disk": self._disk}
                self._found = tuple(await asyncio.gather(*(_checked(name, body) for name, body in bodies.items())))
                self._at = time.monotonic()
            return self._found

    async def balanced(self) -> Send:
        """What a load balancer should do. Asked every second by each of them: nothing is asked of the database or of places.

        A database that is away is away for all servers: a request is better refused by one of them, with a reason, than by the
        balancer. Only one that finds none for long, while others may, is no good.
        """
        if self._maintenance is not None and self._maintenance.draining:
            return Send.NONE
        away = self._heartbeat is not None and self._heartbeat.age > AWAY
        for reason in ("no heartbeat" if away else "", await self._keepers(), await self._workflows(), await self._disk()):
            if reason:
                log.warning("not ready: %s", reason)
                return Send.NOT_YET
        return Send.ALL

    async def _store(self) -> str:
        newest = await asyncio.to_thread(self._world.database.newest)
        found = await self._world.database.read(self._world.database.revision)
        return "" if found == newest else "the store is not of this version's form"

    async def _provider(self) -> str:
        """A server of several places is ready when one of them answers."""
        names = [place.name for place in self._world.site.everywhere]

        async def one(place: str) -> None:
            async with asyncio.timeout(0.9 * DEADLINE):
                await at(self._world.provider, place).owned(NOBODY)

        results = await asyncio.gather(*map(one, names), return_exceptions=True)
        failed = {name: result for name, result in zip(names, results, strict=True) if isinstance(result, BaseException)}
        for name, error in failed.items():
            if len(failed) == len(names) or not isinstance(error, RacklessError | TimeoutError):
                raise error
            log.warning("the place %s does not answer: %s", name, error)
        return ""

    async def _workflows(self) -> str:
        return "" if durable.launched() else "the workflow engine does not run"

    async def _beats(self) -> str:
        if self._heartbeat is None or self._heartbeat.age < SILENT:
            return ""
        return f"the last heartbeat is {self._heartbeat.age:.0f} s old"

    async def _keepers(self) -> str:
        """What runs by itself (begins and ends of labs, reconciliation) runs still."""
        dead = [task.get_name() for task in self._keeping() if task.done()]
        return f"ended: {', '.join(sorted(dead))}" if dead else ""

    async def _disk(self) -> str:
        state = self._world.settings.state
        free = shutil.disk_usage(state).free
        if free < ROOM:
            return f"{free // 1024**2} MiB are free, less than {ROOM // 1024**2}"
        return "" if os.access(state, os.W_OK) and not os.statvfs(state).f_flag & os.ST_RDONLY else "the state can't be written"


async def _checked(name: str, body: Callable[[], Awaitable[str]]) -> Check:
    try:
        reason = await asyncio.wait_for(body(), DEADLINE)
    except TimeoutError:
        reason = f"no answer within {DEADLINE:g} s"
    except (RacklessError, sa.exc.SQLAlchemyError, OSError) as error:
        log.warning("not ready: %s: %s", name, error)  # the answer is for anybody, the log is not
        reason = "it does not answer"
    return Check(name=name, ok=not reason, reason=reason)
