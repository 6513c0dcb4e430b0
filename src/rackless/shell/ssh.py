"""SSH to a guest. The host's key is always checked against keys that came another way (console or host channel)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import asyncssh

from rackless.deadline import Deadline
from rackless.model.errors import AbsentError, DeadlineError, GuestError, InputError

CONNECT_TRY = 20.0
"""Seconds for one connection: key exchange takes up to 3 s in a guest under emulation."""
RETRY = 1.0


@dataclass(frozen=True, kw_only=True)
class SshTarget:
    """Where and as whom. `key` is an OpenSSH private key's text; `host_keys` are OpenSSH public keys, at least one."""

    host: str
    port: int = 22
    user: str = "root"
    password: str | None = field(default=None, repr=False)
    key: str | None = field(default=None, repr=False)
    host_keys: tuple[str, ...] = ()

    def as_user(self, user: str, password: str | None) -> SshTarget:
        return replace(self, user=user, password=password)

    def __str__(self) -> str:
        return f"{self.user}@{self.host}:{self.port}"


@dataclass(frozen=True, kw_only=True)
class Ran:
    code: int
    out: str
    err: str


class ShellSession:
    """An interactive session as a byte stream, with a terminal that can be resized. `read` gives b"" at the end."""

    def __init__(self, process: asyncssh.SSHClientProcess[bytes]) -> None:
        self._process = process

    async def read(self, most: int = 65536) -> bytes:
        try:
            return await self._process.stdout.read(most)
        except asyncssh.Error:
            # The connection is gone: for a byte stream that is its end; `wait` then gives 255.
            return b""

    async def write(self, data: bytes) -> None:
        self._process.stdin.write(data)
        await self._process.stdin.drain()

    def write_eof(self) -> None:
        self._process.stdin.write_eof()

    def resize(self, columns: int, rows: int) -> None:
        self._process.change_terminal_size(columns, rows)

    async def wait(self) -> int:
        """The exit status; 255 when the session ended without one."""
        done = await self._process.wait()
        return done.exit_status if done.exit_status is not None else 255

    async def close(self) -> None:
        self._process.close()
        await self._process.wait_closed()


class Shell:
    """An SSH connection. Use `connect`."""

    def __init__(self, target: SshTarget, connection: asyncssh.SSHClientConnection) -> None:
        self.target = target
        self._connection = connection

    @property
    def closed(self) -> bool:
        return self._connection.is_closed()

    async def run(self, command: str, *, stdin: str = "", deadline: Deadline) -> Ran:
        """Run to the end. Secrets belong into `stdin`. A non-zero exit is no error here; 255 when there was no exit status.

        Raises:
            DeadlineError, AbsentError (the connection was lost).
        """
        try:
            done = await deadline.wait(
                self._connection.run(command, input=stdin, encoding="utf-8", errors="replace"),
                f"{command.split(maxsplit=1)[0]!r} to end at {self.target}",
            )
        except (asyncssh.Error, OSError) as error:
            raise AbsentError(f"The SSH connection to {self.target} broke: {error}.") from error
        code = done.exit_status if done.exit_status is not None else 255
        return Ran(code=code, out=str(done.stdout or ""), err=str(done.stderr or ""))

    async def open_session(
        self, command: str | None = None, *, term: str = "xterm", columns: int = 80, rows: int = 24, deadline: Deadline
    ) -> ShellSession:
        """An interactive session (None: the login shell) on a terminal of the guest."""
        try:
            process = await deadline.wait(
                self._connection.create_process(
                    command,
                    term_type=term,
                    term_size=(columns, rows),
                    encoding=None,
                    stderr=asyncssh.STDOUT,
                ),
                f"a session at {self.target}",
            )
        except asyncssh.Error as error:
            raise GuestError(f"{self.target} gave no session: {error}.") from error
        return ShellSession(process)


def _known_hosts(target: SshTarget) -> asyncssh.SSHKnownHosts:
    if not target.host_keys:
        raise InputError(
            f"There is no known host key for {target.host}.", hint="Bootstrap reads it at the console; run `rackless up` again."
        )
    pattern = f"[{target.host}]:{target.port}" if target.port != 22 else target.host
    lines = [f"{pattern} {' '.join(key.split()[:2])}" for key in target.host_keys]
    return asyncssh.import_known_hosts("\n".join(lines) + "\n")


async def _connect(target: SshTarget) -> asyncssh.SSHClientConnection:
    return await asyncssh.connect(
        target.host,
        target.port,
        username=target.user,
        password=target.password,
        client_keys=[asyncssh.import_private_key(target.key)] if target.key else None,
        known_hosts=_known_hosts(target),
        config=None,
        agent_path=None,
        preferred_auth="publickey,password,keyboard-interactive",
        keepalive_interval=15,
    )


@asynccontextmanager
async def connect(target: SshTarget, *, deadline: Deadline) -> AsyncIterator[Shell]:
    """One connection, tried once.

    Raises:
        GuestError: login refused, or the host key is another machine's.
        AbsentError: nothing answers there (yet).
    """
    limit = deadline.within(CONNECT_TRY)
    try:
        connection = await limit.wait(_connect(target), f"SSH at {target}")
    except asyncssh.PermissionDenied as error:
        raise GuestError(
            f"{target} refuses the login: {error.reason}.", hint="Was the password changed on the router?"
        ) from error
    except asyncssh.HostKeyNotVerifiable as error:
        raise GuestError(
            f"{target} shows a host key that is not the one read at its console.",
            hint="Another machine answers at this address, or the keys were made anew: run `rackless up` again.",
        ) from error
    except (asyncssh.Error, OSError) as error:
        raise AbsentError(f"{target} does not speak SSH: {error}.", hint="It may still be starting.") from error
    try:
        yield Shell(target, connection)
    finally:
        connection.close()
        # A guest that is gone cannot say goodbye.
        with_limit = asyncio.wait_for(connection.wait_closed(), 5)
        await asyncio.gather(with_limit, return_exceptions=True)


@asynccontextmanager
async def wait_ssh(target: SshTarget, *, deadline: Deadline) -> AsyncIterator[Shell]:
    """As `connect`, but tries until SSH answers or the deadline is over.

    Raises:
        GuestError: login refused or wrong host key; repeating would not help.
        DeadlineError: with the last try's reason.
    """
    while True:
        try:
            manager = connect(target, deadline=deadline)
            shell = await manager.__aenter__()
            break
        except (AbsentError, DeadlineError) as error:
            if deadline.over:
                raise deadline.missed(f"SSH at {target} ({error.message})") from error
            await deadline.pause(RETRY)
    try:
        yield shell
    finally:
        await manager.__aexit__(None, None, None)
