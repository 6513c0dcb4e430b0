"""The events of a job: written to the store, and told at once to those who follow the job."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

from rackless import durable
from rackless.model.errors import RacklessError
from rackless.model.lifecycle import JobState
from rackless.store import jobs
from rackless.store.database import Database

Result = TypeVar("Result")

ELSEWHERE = 0.3
"""Seconds between two looks at a job that another server may run."""


class Progress:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._news: dict[str, asyncio.Event] = {}
        self._telling: set[asyncio.Task[None]] = set()

    async def note(self, job: str, step: str, kind: str, text: str) -> None:
        """Add an event of kind begin, note, done or failed."""
        await self._database.run(jobs.note, job, step, kind, text)
        self.wake(job)

    def teller(self, job: str, step: str) -> Callable[[str], None]:
        """A function that adds a note without being awaited. The same note twice in a row is one."""
        last = ""

        def tell(text: str) -> None:
            nonlocal last
            if text == last:
                return
            last = text
            task = asyncio.ensure_future(self.note(job, step, "note", text))
            self._telling.add(task)
            task.add_done_callback(self._telling.discard)

        return tell

    def wake(self, job: str) -> None:
        """Let followers look again."""
        if event := self._news.pop(job, None):
            event.set()

    async def follow(self, job: str, after: int = 0) -> AsyncIterator[jobs.Event]:
        """The job's events after that number; ends when the job has ended."""
        while True:
            news = self._news.setdefault(job, asyncio.Event())
            ended = (await self._database.read(jobs.get, job)).state is not JobState.RUNNING
            for event in await self._database.read(jobs.events_of, job, after):
                after = event.number
                yield event
            if ended:
                return
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(news.wait(), ELSEWHERE if self._database.shared else None)


async def step(
    progress: Progress,
    name: str,
    body: Callable[[], Awaitable[Result]],
    *,
    deadline: float,
    about: str = "",
    tries: int = 1,
) -> Result:
    """`durable.step` that is told to those who follow the job: its begin, its end with the seconds it took, its failure."""
    job = durable.job_id()

    async def told() -> Result:
        begun = time.monotonic()
        await progress.note(job, name, "begin", about or name)
        try:
            value = await body()
        except RacklessError as error:
            await progress.note(job, name, "failed", error.message)
            raise
        await progress.note(job, name, "done", f"{time.monotonic() - begun:.1f} s")
        return value

    return await durable.step(name, told, deadline=deadline, tries=tries)
