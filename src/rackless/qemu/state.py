"""The state of a machine (devices, and its memory unless that is a file already), written to a file and read from one.

QEMU calls both migration (docs/devel/migration.rst): here it goes to a file that is handed over as an open descriptor, so that no
shell and no path is involved. A machine whose state was saved is stopped, and its disks are whole on the disk, until it goes on.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from rackless.model.errors import DeadlineError, ProviderError
from rackless.qemu.monitor import Monitor

SAVE_SECONDS = 300.0
"""For memory of some GiB on a slow disk; 200 MiB take half a second."""
LOOK_SECONDS = 0.02
SHARED = "x-ignore-shared"
"""QEMU's capability to leave memory out that is a shared file."""
BANDWIDTH = 1 << 40
"""Octets a second that a state is written at most, where QEMU's default is made for a network: no limit."""
_NAME = "state"


async def save(monitor: Monitor, path: Path, *, shared: bool, seconds: float = SAVE_SECONDS) -> None:
    """Stop the machine and write its state. It stays stopped; `cont` lets it go on.

    Args:
        path: is written anew, readable by its owner only.
        shared: its memory is a shared file and left out.

    Raises:
        ProviderError: QEMU can't save it, with its reason.
        DeadlineError: it takes longer than `seconds`.
    """
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        await monitor.execute("stop")
        await monitor.execute("migrate-set-capabilities", _capabilities(shared))
        await monitor.execute("migrate-set-parameters", {"max-bandwidth": BANDWIDTH})
        await monitor.hand_over(_NAME, fd)
        await monitor.execute("migrate", {"uri": f"fd:{_NAME}"})
    finally:
        os.close(fd)
    await _ended(monitor, "saved", seconds)
    await asyncio.to_thread(_settle, path)


async def load(monitor: Monitor, path: Path, *, shared: bool, seconds: float = SAVE_SECONDS) -> None:
    """Read a state into a machine that was started to wait for one. It is stopped then.

    Raises:
        ProviderError: it is another machine's state, or of another QEMU; with its reason.
        DeadlineError: it takes longer than `seconds`.
    """
    fd = os.open(path, os.O_RDONLY)
    try:
        await monitor.execute("migrate-set-capabilities", _capabilities(shared))
        await monitor.hand_over(_NAME, fd)
        await monitor.execute("migrate-incoming", {"uri": f"fd:{_NAME}"})
    finally:
        os.close(fd)
    await _ended(monitor, "loaded", seconds)


def _capabilities(shared: bool) -> dict[str, object]:
    return {"capabilities": [{"capability": SHARED, "state": shared}]}


async def _ended(monitor: Monitor, what: str, seconds: float) -> None:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while True:
        found = await monitor.execute("query-migrate")
        if found.get("status") == "completed":
            return
        if found.get("status") in {"failed", "cancelled"}:
            reason = found.get("error-desc") or "QEMU gives no reason"
            raise ProviderError(f"The state of the machine was not {what}: {reason}.", hint="See the machine's qemu.log.")
        if loop.time() > deadline:
            raise DeadlineError(f"The state of the machine was not {what} within {seconds:g} s.", hint="Is the disk slow?")
        await asyncio.sleep(LOOK_SECONDS)  # QMP tells of it by events, which the next conversation would miss.


def _settle(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
