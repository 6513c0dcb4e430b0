"""Processes found by their ownership mark, and ended without ever hitting a reused pid.

A process of ours carries RACKLESS_MARK=<site>/<sandbox>/<kind>/<name> in its environment, which the kernel keeps from its
start: it is found after any crash of ours, with no pid file to go stale.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rackless.model.errors import DeadlineError

VARIABLE = "RACKLESS_MARK"
KILL_SECONDS = 20.0
_PROC = Path("/proc")
_WORD = f"\0{VARIABLE}=".encode()


@dataclass(frozen=True, kw_only=True)
class Found:
    """`started` is in clock ticks since boot: with the pid it names a process for good."""

    pid: int
    started: int
    mark: str

    @property
    def since(self) -> float:
        """Seconds since the epoch."""
        return boot_time() + self.started / os.sysconf("SC_CLK_TCK")


def boot_time() -> float:
    """When this machine was started, seconds since the epoch (proc(5), /proc/stat btime)."""
    for line in (_PROC / "stat").read_text().splitlines():
        if line.startswith("btime "):
            return float(line.split()[1])
    return 0.0


def look(pid: int) -> Found | None:
    """The marked process with that pid; None when it is gone, a zombie, unreadable or not marked."""
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            environ = b"\0" + file.read()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return None
    at = environ.find(_WORD)
    if at < 0:
        return None
    mark = environ[at + len(_WORD) :].partition(b"\0")[0]
    ticks = started(pid)
    return None if ticks is None else Found(pid=pid, started=ticks, mark=mark.decode(errors="replace"))


def started(pid: int) -> int | None:
    """When the process was started, in clock ticks since boot; also of one that is ending, whose environment is gone already
    while its sockets still live. None when there is no such pid."""
    try:
        stat = (_PROC / str(pid) / "stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return int(stat[stat.rindex(")") + 2 :].split()[19])


def ending(pid: int) -> bool:
    """True when the process has lost its memory or is a zombie: it will be gone in a moment."""
    try:
        stat = (_PROC / str(pid) / "stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True
    fields = stat[stat.rindex(")") + 2 :].split()
    return fields[0] in {"Z", "X"} or fields[20] == "0"


def marked(prefix: str) -> Iterator[Found]:
    """All processes whose mark starts with `prefix`, except this one and what it has forked but not yet executed."""
    for entry in os.scandir(_PROC):
        if entry.name.isdigit() and (found := look(int(entry.name))) is not None and found.mark.startswith(prefix):
            yield found


def every(mark: str) -> list[Found]:
    """The processes with exactly that mark, oldest first: two while a daemon is being started, its parent first."""
    return sorted((found for found in marked(mark) if found.mark == mark), key=lambda each: (each.started, each.pid))


def find(mark: str) -> Found | None:
    """The process with exactly that mark; of several the oldest."""
    return next(iter(every(mark)), None)


async def end(found: Found, how: signal.Signals = signal.SIGKILL) -> None:
    """Signal the process and wait until it is gone. Absent is success.

    Raises:
        DeadlineError: it is still there after 20 s.
    """
    try:
        fd = os.pidfd_open(found.pid)
    except ProcessLookupError:
        return
    try:
        # With the pidfd open the pid cannot be reused: what we see now is what the signal hits.
        if started(found.pid) != found.started:
            return
        signal.pidfd_send_signal(fd, how)
        await _gone(fd, found)
        _reap(fd)
    except ProcessLookupError:
        return
    finally:
        os.close(fd)


class Looks:
    """Finds processes by their marks for many who ask at once: whoever asks before a look at all of them begins shares it."""

    def __init__(self, prefix: str) -> None:
        """`prefix`: of all marks that are asked for."""
        self._prefix = prefix
        self._next: asyncio.Task[list[Found]] | None = None
        self._one_at_a_time = asyncio.Lock()

    async def find(self, mark: str) -> Found | None:
        """As the function of that name."""
        if self._next is None or self._next.done():
            self._next = asyncio.create_task(self._look())
        seen = await asyncio.shield(self._next)
        return min((found for found in seen if found.mark == mark), key=lambda each: (each.started, each.pid), default=None)

    async def _look(self) -> list[Found]:
        async with self._one_at_a_time:
            self._next = None
            return await asyncio.to_thread(lambda: list(marked(self._prefix)))


def hint_at(found: Found, how: signal.Signals) -> None:
    """Send a signal that does not end the process (SIGHUP of a daemon that reads its files again)."""
    try:
        fd = os.pidfd_open(found.pid)
    except ProcessLookupError:
        return
    try:
        if started(found.pid) == found.started:
            signal.pidfd_send_signal(fd, how)
    except ProcessLookupError:
        return
    finally:
        os.close(fd)


async def gone(found: Found) -> None:
    """Wait until the process has ended, however long it takes; for callers with a deadline of their own."""
    try:
        fd = os.pidfd_open(found.pid)
    except ProcessLookupError:
        return
    try:
        if started(found.pid) == found.started:
            await _readable(fd)
    finally:
        os.close(fd)


async def _gone(fd: int, found: Found) -> None:
    try:
        await asyncio.wait_for(_readable(fd), KILL_SECONDS)
    except TimeoutError as error:
        raise DeadlineError(
            f"Process {found.pid} did not end within {KILL_SECONDS:g} s of being killed.",
            hint="It hangs in the kernel: look at its disk or network.",
        ) from error


async def _readable(fd: int) -> None:
    """A pidfd is readable when its process has ended (pidfd_open(2))."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[None] = loop.create_future()

    def ended() -> None:
        if not done.done():
            done.set_result(None)

    loop.add_reader(fd, ended)
    try:
        await done
    finally:
        loop.remove_reader(fd)


def _reap(fd: int) -> None:
    try:
        os.waitid(os.P_PIDFD, fd, os.WEXITED | os.WNOHANG)
    except ChildProcessError:
        return  # Not our child: daemonized processes belong to init.
