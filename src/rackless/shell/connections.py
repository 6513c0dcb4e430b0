"""One SSH connection for several steps: a key exchange costs an emulated guest as much as all that is then said."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from rackless.deadline import Deadline
from rackless.model.errors import AbsentError, DeadlineError
from rackless.shell.ssh import Shell, SshTarget, wait_ssh


class _Held:
    """The connection of one login, opened at the first need and anew when it broke or the login changed."""

    def __init__(self) -> None:
        self.holders = 0
        self._lock = asyncio.Lock()
        self._stack = AsyncExitStack()
        self._shell: Shell | None = None

    async def shell(self, target: SshTarget, deadline: Deadline) -> Shell:
        async with self._lock:
            if self._shell is None or self._shell.closed or self._shell.target != target:
                await self.drop()
                self._shell = await self._stack.enter_async_context(wait_ssh(target, deadline=deadline))
            return self._shell

    async def drop(self) -> None:
        self._shell = None
        await self._stack.aclose()


class Connections:
    """Those who ask for a login that is held share its connection; others have one of their own."""

    def __init__(self) -> None:
        self._held: dict[tuple[str, int, str], _Held] = {}

    @asynccontextmanager
    async def hold(self, target: SshTarget) -> AsyncIterator[None]:
        """Keep what is opened to this host, port and user open until the end."""
        key = (target.host, target.port, target.user)
        held = self._held.setdefault(key, _Held())
        held.holders += 1
        try:
            yield
        finally:
            held.holders -= 1
            if not held.holders:
                del self._held[key]
                await held.drop()

    @asynccontextmanager
    async def shell(self, target: SshTarget, *, deadline: Deadline) -> AsyncIterator[Shell]:
        """As `wait_ssh`. A connection on which something did not end in time is not used again."""
        held = self._held.get((target.host, target.port, target.user))
        if held is None:
            async with wait_ssh(target, deadline=deadline) as shell:
                yield shell
            return
        try:
            yield await held.shell(target, deadline)
        except (AbsentError, DeadlineError):
            await held.drop()
            raise
