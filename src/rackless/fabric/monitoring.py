"""What a server shows of its nodes and alarms: the fabric's, as this node's daemon writes them to a file; or, where there is no
fabric, this one machine's, which it then looks at and raises alarms for itself."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from rackless.fabric import ailments, alarms, saying
from rackless.fabric.alarms import Pending
from rackless.fabric.truth import as_text, from_text
from rackless.model.errors import InputError, RacklessError, StateError
from rackless.model.fabric import Alarm, Function, Health, Layout, Life, Membership, Node, Severity, Status

log = logging.getLogger(__name__)

LOOK = 10.0
"""Seconds between two looks at this machine."""
OLD = 30.0
"""Seconds after which what the daemon wrote is no news any more; it writes every two."""


class Looking(Protocol):
    async def look(self) -> Health: ...


@dataclass(frozen=True, kw_only=True)
class _Kept:
    alarms: tuple[Alarm, ...] = ()


class Monitor:
    """`node`: this machine. `kept`: where its alarms outlive the server. `fabric`: what the fabric's daemon writes, if there is
    one. `tell`: told each alarm that is raised, gets worse or is cleared, once."""

    def __init__(
        self,
        node: Node,
        observer: Looking,
        *,
        database: str,
        kept: Path,
        fabric: Path | None = None,
        tell: Callable[[Alarm], Awaitable[None]] | None = None,
    ) -> None:
        self._node = replace(node, functions=frozenset({Function.APPLICATION}), number=1)
        self._observer, self._database, self._kept, self._fabric, self._tell = observer, database, kept, fabric, tell
        self._alarms = self._remembered()
        self._pending = Pending()
        self._health: Health | None = None
        self._seen = 0.0

    def _remembered(self) -> tuple[Alarm, ...]:
        try:
            return from_text(_Kept, self._kept.read_text()).alarms
        except (OSError, InputError):
            return ()

    async def keep(self) -> None:
        """Look until cancelled."""
        while True:
            try:
                await self.look()
            except (RacklessError, OSError) as error:
                log.warning("monitor: %s", error)
            await asyncio.sleep(LOOK)

    async def look(self) -> None:
        """Once. The alarms of a fabric are its decider's, so there is nothing to do then."""
        if self._fabric is not None and self._fabric.exists():
            return
        self._health = await self._observer.look()
        self._seen = time.monotonic()
        found = tuple(ailments.of_node(self._health, self._node, time.time()))
        step = alarms.step(self._alarms, self._pending, found, time.time(), time.monotonic())
        self._pending = step.pending
        self._remember(step.alarms)
        for alarm in step.changes:
            log.info("alarm %s: %s", alarm.key, "clear" if alarm.cleared_at is not None else f"{alarm.severity} ({alarm.cause})")
            if self._tell is not None:
                await self._tell(alarm)

    def _remember(self, standing: tuple[Alarm, ...]) -> None:
        if standing == self._alarms and self._kept.exists():
            return
        self._alarms = standing
        fresh = self._kept.with_suffix(".new")
        try:
            fresh.write_text(as_text(_Kept(alarms=standing)))
            os.replace(fresh, self._kept)
        except OSError as error:  # a disk that is full is itself an alarm, and that one is told
            log.warning("alarms are not kept: %s", error)

    def status(self) -> Status:
        """As it is known now; touches no network."""
        shared = self._shared()
        if shared is not None:
            return shared
        age = time.monotonic() - self._seen if self._health is not None else None
        return Status(
            layout=Layout(fabric="", name=self._node.name, nodes=(self._node,)),
            embedded=True,
            database=self._database,
            members=(Membership(node=self._node.id, life=Life.ALIVE, age=age),),
            health=(self._health,) if self._health is not None else (),
            alarms=self._alarms,
        )

    def _shared(self) -> Status | None:
        if self._fabric is None:
            return None
        try:
            age = time.time() - self._fabric.stat().st_mtime
            found = from_text(Status, self._fabric.read_text())
        except FileNotFoundError:
            return None
        except (OSError, InputError) as error:
            raise StateError(f"What the fabric's daemon wrote cannot be read: {error}", hint="See its log.") from error
        if age <= OLD:
            return found
        silent = Alarm(
            name="daemon-silent",
            severity=Severity.CRITICAL,
            since=time.time() - age,
            node=self._node.id,
            cause=f"The fabric's daemon on {self._node.name} has written nothing for {age:.0f} s: all of this is so old.",
            hint="`systemctl status rackless-fabric-node` on it says why.",
        )
        return replace(found, alarms=(silent, *found.alarms))

    async def acknowledge(self, key: str, who: str) -> Alarm:
        """A fabric's are acknowledged by its daemon on this node.

        Raises:
            NotFoundError: there is no such alarm.
            ProviderError: the daemon does not answer.
        """
        if self._fabric is not None and self._shared() is not None:
            return await saying.acknowledged(self._fabric.with_name(saying.SOCKET), key, who)
        after = alarms.acknowledge(self._alarms, key, who, time.time())
        self._remember(after)
        return next(each for each in after if each.key == key)
