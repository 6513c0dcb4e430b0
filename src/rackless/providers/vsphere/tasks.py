"""Waiting for vCenter's tasks: all that are under way are asked of in one request, so that fifty clones cost no more than one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from pyVmomi import vim

from rackless.deadline import Deadline
from rackless.providers.vsphere import faults, properties
from rackless.providers.vsphere.session import Session

FIRST, MOST = 0.05, 2.0
"""Seconds between two looks: the first, and what they grow to."""
Progress = Callable[[int], None]


class Tasks:
    def __init__(self, session: Session) -> None:
        self._session = session
        self._waiting: dict[str, tuple[Any, asyncio.Future[Any], str, Progress | None]] = {}
        self._watch: asyncio.Task[None] | None = None

    async def run(self, target: Any, method: str, *arguments: Any, doing: str, within: float, **named: Any) -> Any:
        """Call a method that makes a task, and wait for the task's result.

        Raises:
            RefusedError, CapacityError: the task failed. DeadlineError: it did not end in time; it goes on by itself.
        """
        return await self.done(await self._session.call(target, method, *arguments, doing=doing, **named), doing, within)

    async def done(self, task: Any, doing: str, within: float, progress: Progress | None = None) -> Any:
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting[task._moId] = (task, future, doing, progress)
        if self._watch is None or self._watch.done():
            self._watch = asyncio.create_task(self._look())
            self._watch.add_done_callback(self._fail)
        try:
            return await Deadline(within).wait(future, f"vCenter to {doing}", hint="The task goes on; look at it in vCenter.")
        finally:
            self._waiting.pop(task._moId, None)

    async def _look(self) -> None:
        pause = 0.0
        while self._waiting:
            await asyncio.sleep(pause)
            asked = list(self._waiting.values())
            if not asked:
                return
            ended = await self._ask([task for task, *_ in asked])
            pause = FIRST if ended else min(MOST, max(FIRST, pause * 1.5))

    def _fail(self, watch: asyncio.Task[None]) -> None:
        """Whatever ended the watch early ends all that wait for it: nobody would look for them any more."""
        error = None if watch.cancelled() else watch.exception()
        if error is None:
            return
        for _, future, *_ in self._waiting.values():
            if not future.done():
                future.set_exception(error)

    async def _ask(self, tasks: list[Any]) -> bool:
        """True when one of them has ended. `info` is read in parts: pyVmomi can't read the entity of a snapshot's task."""
        paths = ("info.state", "info.error", "info.result", "info.progress")
        ended = False
        for task, said in await self._session.read(properties.of(tasks, vim.Task, *paths)):
            _, future, doing, progress = self._waiting.get(task._moId, (None, None, "", None))
            if future is None or future.done():
                continue
            state = said.get("info.state")
            if progress is not None and said.get("info.progress") is not None:
                progress(int(said["info.progress"]))
            if state == "success":
                future.set_result(said.get("info.result"))
                ended = True
            elif state == "error":
                future.set_exception(faults.translated(said.get("info.error"), doing))
                ended = True
        return ended
