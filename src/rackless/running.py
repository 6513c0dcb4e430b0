"""The only file that starts a process. Commands are lists; every run has a deadline; secrets go by standard input."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rackless.model.errors import DeadlineError, ProviderError


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
) -> Finished:
    """Run to the end, at most `deadline` seconds; then the whole process group is killed.

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
        out, err = await asyncio.wait_for(process.communicate(stdin), deadline)
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


def _kill_group(pid: int) -> None:
    try:
        os.killpg(pid, 9)
    except ProcessLookupError:
        return
