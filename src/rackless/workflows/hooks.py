"""Hooks: what users and the site have run in the phases of a lab. Each is a child workflow with one step, so it is at-least-once:
one that a crash interrupted is run again.

An executable gets the lab as JSON on its standard input, a request has it as its body. What they answer is kept as notes of the
job, without secrets and within bounds.
"""

from __future__ import annotations

import codecs
import collections
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager

from rackless import durable, running
from rackless.console.redaction import ESCAPES, Redactor
from rackless.model.errors import DeadlineError, HookError, InputError, RacklessError
from rackless.model.hooks import Hook
from rackless.sandboxes import hooks
from rackless.store import secrets
from rackless.workflows.calls import call, values
from rackless.workflows.verb import Work, work_of

GRACE = 15.0
"""Seconds beyond a hook's deadline in which its process is ended and its output kept."""
MOST_LINES, LAST_LINES = 150, 50
"""Lines of output that are kept: the first, and of the rest the last."""
MOST_WIDTH = 500
"""Characters of a line that are kept."""
KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TZ")
"""Variables of the server that an executable gets; none of the others, which may hold secrets."""


@durable.workflow("hook")
async def hook(job: str, number: int) -> None:
    """Run the `number`-th hook of the job.

    Raises:
        HookError: it failed.
    """
    work = await work_of(job)
    found = hooks.of(work.job.arguments)[number]
    name = f"hook {found}"
    about = f"running {found.run[0]}" if found.run else f"calling {found.call}"
    await work.step(name, lambda: _run(work, found, name), deadline=found.deadline + GRACE, about=about)


@asynccontextmanager
async def beside(work: Work, wanted: Iterable[Hook]) -> AsyncIterator[list[str]]:
    """Run these hooks beside the body, and wait for both, also when one fails.

    Yields:
        A list that has, after the body, what those that failed said.
    """
    handles = [await _begin(work, one) for one in wanted]
    failed: list[str] = []
    try:
        yield failed
    finally:
        for handle in handles:
            try:
                await handle.result()
            except RacklessError as error:
                failed.append(error.message)


async def _begin(work: Work, one: Hook) -> durable.Handle:
    number = hooks.of(work.job.arguments).index(one)
    return await durable.child(hook, f"hook-{number}", work.job.id, number)


async def _run(work: Work, one: Hook, step: str) -> None:
    async def note(line: str) -> None:
        await work.world.progress.note(work.job.id, step, "note", line)

    world = work.world
    secret = await world.database.read(secrets.all_of, work.lab.id)
    body = json.dumps(await world.describe(world, work.lab.name)).encode()
    try:
        if one.run:
            output = Output(secret, note)
            status = await _execute(work, one, body, output)
            await output.end()
            if status:
                raise HookError(f"The hook {one} failed: exit status {status}{output.last_words}.")
        else:
            output = Output([*secret, *values(world.site.hooks, one)], note)
            await call(world.site.hooks, one, body, _headers(work, one), output)
    except DeadlineError as error:
        raise HookError(
            f"The hook {one} failed: it did not end within {one.deadline:g} s.", hint="Give it a longer `deadline`."
        ) from error
    except InputError as error:
        raise HookError(error.message, hint=error.hint) from error


def _headers(work: Work, one: Hook) -> dict[str, str]:
    """The key is the same when the call is repeated after a crash, so that the other side can tell."""
    return {
        "X-Rackless-Lab": work.lab.name,
        "X-Rackless-Phase": one.phase.value,
        "X-Rackless-Job": work.job.id,
        "Idempotency-Key": f"{work.job.id}/{one}",
    }


async def _execute(work: Work, one: Hook, body: bytes, output: Output) -> int:
    settings = work.world.settings
    env = {name: os.environ[name] for name in KEPT if name in os.environ}
    env |= {
        "RACKLESS_LAB": work.lab.name,
        "RACKLESS_PHASE": one.phase.value,
        "RACKLESS_HOOK": one.name,
        "RACKLESS_JOB": work.job.id,
        "RACKLESS_SOCKET": str(settings.socket),
        "RACKLESS_STATE": str(settings.state),
        "RACKLESS_RUN": str(settings.run),
    }
    command = hooks.command(work.world.site.hooks, one)
    return await running.tied(command, deadline=one.deadline, stdin=body, env=env, said=output.feed)


class Output:
    """What a hook says, as lines: without secrets, without terminal control, the first lines at once and the last at the end."""

    def __init__(self, hidden: Iterable[str], note: Callable[[str], Awaitable[None]]) -> None:
        redactor = Redactor()
        for secret in hidden:
            redactor.add(secret)
        self._clean = redactor.stream()
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._note = note
        self._line = ""
        self._told = 0
        self._left_out = 0
        self._last: collections.deque[str] = collections.deque(maxlen=LAST_LINES)
        self._newest = ""

    @property
    def last_words(self) -> str:
        """ ": the last line", or nothing if there was none."""
        return f": {self._newest.rstrip('.')}" if self._newest else ""

    async def feed(self, data: bytes) -> None:
        await self._take(self._clean.feed(self._decoder.decode(data)))

    async def end(self) -> None:
        await self._take(self._clean.feed(self._decoder.decode(b"", True)) + self._clean.end())
        if self._line:
            await self._keep(self._line)
        if self._left_out:
            await self._note(f"[{self._left_out} lines left out]")
        for line in self._last:
            await self._note(line)

    async def _take(self, text: str) -> None:
        *lines, rest = (self._line + text).split("\n")
        for line in lines:
            await self._keep(line)
        self._line = rest[:MOST_WIDTH]

    async def _keep(self, line: str) -> None:
        plain = "".join(char if char.isprintable() else " " for char in ESCAPES.sub("", line)).strip()
        if not plain:
            return
        self._newest = plain if len(plain) <= MOST_WIDTH else f"{plain[: MOST_WIDTH - 3]}..."
        if self._told < MOST_LINES:
            self._told += 1
            await self._note(self._newest)
        else:
            self._left_out += len(self._last) == LAST_LINES
            self._last.append(self._newest)
