"""The only file that starts a process. Commands are lists; every run has a deadline; secrets go by standard input."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rackless.model.errors import DeadlineError, ProviderError

LOOK = 0.2
"""Seconds between two looks at whether a command in the foreground is to stop."""
ORDERLY = 5.0
"""Seconds that it then has to end by itself."""
TETHER = Path(__file__).with_name("tether.py")
LATE = 2.0
"""Seconds after its deadline at which a command's own keeper kills it, if we could not."""
LAST_WORDS = 1.0
"""Seconds to read what a command wrote, once it has ended: what it left behind may hold its output open."""


@dataclass(frozen=True, kw_only=True)
class Finished:
    code: int
    out: bytes
    err: bytes


async def run(
    command: Sequence[str | Path],
    *,
    deadline: float,
    stdin: bytes | None = None,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    check: bool = True,
    hint: str = "",
    heard: Callable[[bytes], None] | None = None,
) -> Finished:
    """Run to the end, at most `deadline` seconds; then the whole process group is killed.

    Args:
        heard: told what it writes to standard output as it comes.

    Raises:
        ProviderError: the program is missing, or `check` and it exited non-zero.
        DeadlineError: it did not end in time.
    """
    words = [str(word) for word in command]
    try:
        process = await asyncio.create_subprocess_exec(
            *words,
            stdin=asyncio.subprocess.PIPE if stdin is not None else asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, **(env or {})},
            cwd=cwd,
            start_new_session=True,
        )
    except FileNotFoundError as error:
        raise ProviderError(f"The program {words[0]} is not installed.", hint=hint or "Run `rackless doctor`.") from error
    try:
        communicating = process.communicate(stdin) if heard is None else _listened(process, heard, stdin)
        out, err = await asyncio.wait_for(communicating, deadline)
    except (TimeoutError, asyncio.CancelledError) as error:
        _kill_group(process.pid)
        await process.wait()
        if isinstance(error, asyncio.CancelledError):
            raise
        raise DeadlineError(f"{words[0]} did not end within {deadline:g} s.", hint=hint) from error
    code = process.returncode if process.returncode is not None else -1
    if check and code:
        lines = err.decode(errors="replace").strip().splitlines() or ["no message"]
        raise ProviderError(f"{words[0]} failed with exit status {code}: {lines[-1]}", hint=hint)
    return Finished(code=code, out=out, err=err)


async def _listened(
    process: asyncio.subprocess.Process, heard: Callable[[bytes], None], stdin: bytes | None
) -> tuple[bytes, bytes]:
    assert process.stdout is not None
    assert process.stderr is not None
    if process.stdin is not None:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it ended without reading: its own words say why
            process.stdin.write(stdin or b"")
            await process.stdin.drain()
        process.stdin.close()
    complaints = asyncio.ensure_future(process.stderr.read())
    out = b""
    try:
        while piece := await process.stdout.read(1 << 16):
            out += piece
            heard(piece)
        await process.wait()
        return out, await complaints
    finally:
        complaints.cancel()


def spawn(
    command: Sequence[str | Path],
    *,
    log: Path,
    env: Mapping[str, str] | None = None,
    pass_fds: Sequence[int] = (),
    cwd: Path | None = None,
) -> int:
    """Start a process that outlives us, in a session of its own, with its output appended to `log` (0600). Returns its pid."""
    fd = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        process = subprocess.Popen(
            [str(word) for word in command],
            stdin=subprocess.DEVNULL,
            stdout=fd,
            stderr=fd,
            env={**os.environ, **(env or {})},
            pass_fds=tuple(pass_fds),
            cwd=cwd,
            start_new_session=True,
            close_fds=True,
        )
    finally:
        os.close(fd)
    return process.pid


def foreground(command: Sequence[str], *, env: Mapping[str, str], stop: threading.Event) -> int:
    """Run on the caller's terminal to the end; when `stop` is set it is told to end, and killed some seconds later.

    Returns:
        The exit status; 128 + N when signal N ended it.

    Raises:
        ProviderError: there is no such program.
    """
    try:
        process = subprocess.Popen(list(command), env={**os.environ, **env})
    except OSError as error:
        raise ProviderError(f"{command[0]} cannot be run: {error.strerror}.", hint="Is it installed, and on the PATH?") from error
    while True:
        try:
            code = process.wait(LOOK)
        except KeyboardInterrupt:  # the terminal told it too
            continue
        except subprocess.TimeoutExpired:
            if not stop.is_set():
                continue
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(ORDERLY)
            process.kill()
            code = process.wait()
        return code if code >= 0 else 128 - code


async def tied(
    command: Sequence[str], *, deadline: float, stdin: bytes, env: Mapping[str, str], said: Callable[[bytes], Awaitable[None]]
) -> int:
    """Run to the end, tied to this process: at the deadline and when this process dies, the command's process group is killed.

    Args:
        env: the whole environment; nothing of ours is passed on.
        said: told what it writes, errors among it, as it comes.

    Returns:
        The exit status; 128 + N when signal N ended it, 127 when it cannot be run.

    Raises:
        DeadlineError: it did not end in time.
    """
    loop = asyncio.get_running_loop()
    with contextlib.ExitStack() as held:
        ours, theirs = socket.socketpair()
        held.enter_context(ours)
        with theirs, os.fdopen(os.memfd_create("stdin"), "w+b") as file:
            file.write(stdin)
            file.seek(0)
            reading, writing = os.pipe()
            try:
                process = subprocess.Popen(  # noqa: ASYNC220 - asyncio's own waits for the output's end too
                    [sys.executable, "-I", "-S", TETHER, str(deadline + LATE), str(theirs.fileno()), *command],
                    stdin=file,
                    stdout=writing,
                    stderr=writing,
                    env=dict(env),
                    cwd="/",
                    pass_fds=(theirs.fileno(),),
                    start_new_session=True,
                )
            finally:
                os.close(writing)
                pipe = os.fdopen(reading, "rb", 0)
        output = asyncio.StreamReader()
        transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(output), pipe)
        held.callback(transport.close)
        hearing = asyncio.ensure_future(_hear(output, said))
        ours.setblocking(False)
        try:
            async with asyncio.timeout(deadline):
                await loop.sock_recv(ours, 1)
        except TimeoutError as error:
            raise DeadlineError(f"{command[0]} did not end within {deadline:g} s.") from error
        finally:
            ours.close()  # the keeper kills what still runs, and ends
            code = await asyncio.to_thread(process.wait)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(hearing, LAST_WORDS)
        return code


async def _hear(output: asyncio.StreamReader, said: Callable[[bytes], Awaitable[None]]) -> None:
    while data := await output.read(1 << 16):
        await said(data)


def _kill_group(pid: int) -> None:
    try:
        os.killpg(pid, 9)
    except ProcessLookupError:
        return
