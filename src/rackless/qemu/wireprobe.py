"""What the kinds of wires that QEMU offers carry on this host, measured between two QEMUs without guests.

Frames go from a socket of ours into a hub of the first QEMU, over the wire to a hub of the second, and to another socket of
ours: the way of a guest's frames but for the guests, so what is told is what the wire itself bears. All kinds are measured in one
go, each against the first: what else the machine does meanwhile, it does to all of them.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import socket
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rackless.model.errors import DeadlineError, RacklessError
from rackless.qemu import process
from rackless.qemu.accelerator import PROGRAM
from rackless.running import run

KINDS = ("dgram", "stream", "socket")
"""As `-netdev` calls them: over unix sockets, the last over TCP on the loopback. The first is what wires are made of."""
BEGINS = 20.0
ANSWER = 5.0
"""Seconds for one frame to come through."""
OCTETS = 1514
SETTLES = 0.2
"""Seconds after which a frame that has not come by then does not come."""
WINDOW = 8
"""Frames under way at most: a socket holds ten."""
SLICES = 10
SPAN = 0.5
"""Seconds for each of the two figures of a kind."""


@dataclass(frozen=True, kw_only=True)
class Carried:
    """`frames`: a second, of 1514 octets. `seconds`: a frame takes alone, at best. `why`: it carries nothing, and the reason."""

    kind: str
    frames: float = 0.0
    seconds: float = 0.0
    why: str = ""


async def measure(kinds: Sequence[str] = KINDS, *, span: float = SPAN) -> tuple[Carried, ...]:
    """Each kind, one after the other. Everything made is gone at the return.

    Args:
        span: seconds for each of the two figures of a kind.
    """
    found = []
    for kind in kinds:
        top = Path(tempfile.mkdtemp(prefix="rlw", dir="/tmp"))
        try:
            found.append(await _one(kind, top, span))
        except (RacklessError, OSError) as error:
            found.append(Carried(kind=kind, why=str(getattr(error, "message", error))))
        finally:
            await end(top)
            shutil.rmtree(top, ignore_errors=True)
    return tuple(found)


def told(found: Sequence[Carried]) -> str:
    """In a sentence: the first, and the others against it."""
    first, *others = found
    if first.why:
        return f"{first.kind}: {first.why}"
    parts = [f"{first.kind} carries {first.frames:.0f} frames a second, each in {first.seconds * 1000:.2f} ms"]
    for each in others:
        ratio = f"{each.frames / first.frames:.2f} of its frames, {each.seconds / first.seconds:.2f} of its time"
        parts.append(f"{each.kind}: {each.why or ratio}")
    return "; ".join(parts)


def _wire(kind: str, top: Path, number: int, port: int) -> str:
    """The wire's end in one of the two QEMUs."""
    if kind == "dgram":
        here, there = top / f"w{number}", top / f"w{1 - number}"
        return f"dgram,id=w,local.type=unix,local.path={here},remote.type=unix,remote.path={there}"
    if kind == "stream":
        return f"stream,id=w,server={'on' if number == 0 else 'off'},addr.type=unix,addr.path={top}/w"
    if kind != "socket":
        return f"{kind},id=w"
    return f"socket,id=w,{'listen' if number == 0 else 'connect'}=127.0.0.1:{port}"


def words(kind: str, top: Path, number: int, port: int) -> list[str]:
    """The command of one of the two QEMUs; `number` 0 or 1, `port` a free one of TCP for the kind that needs one."""
    ours = f"dgram,id=o,local.type=unix,local.path={top}/i{number},remote.type=unix,remote.path={top}/o{number}"
    words = [PROGRAM, "-machine", "none", "-nodefaults", "-no-user-config", "-display", "none", "-daemonize"]
    words += ["-pidfile", f"{top}/pid{number}", "-netdev", ours, "-netdev", "hubport,id=p,hubid=0,netdev=o"]
    return [*words, "-netdev", _wire(kind, top, number, port), "-netdev", "hubport,id=q,hubid=0,netdev=w"]


async def _one(kind: str, top: Path, span: float) -> Carried:
    port = _free_port() if kind == "socket" else 0
    return await between(top, kind, [words(kind, top, number, port) for number in range(2)], span=span)


async def between(top: Path, kind: str, commands: Sequence[Sequence[str]], *, span: float) -> Carried:
    """What is carried between two QEMUs that are started by these commands (see `words`), and go on until `end`."""
    with contextlib.ExitStack() as held:
        ends = [held.enter_context(_bound(top / f"o{number}")) for number in range(2)]
        for command in commands:
            await run(command, deadline=BEGINS, hint="Run `rackless doctor`.")
        return await asyncio.to_thread(_measured, kind, ends, str(top / "i0"), span)


def _measured(kind: str, ends: list[socket.socket], into: str, span: float) -> Carried:
    sender, receiver = ends
    frame = bytes(12) + b"\x88\xb5" + os.urandom(OCTETS - 14)
    took: list[float] = []
    rates: list[float] = []
    try:
        _joined(sender, receiver, into, frame)
        ends_at = time.perf_counter() + span
        while not took or time.perf_counter() < ends_at:
            began = time.perf_counter()
            sender.sendto(frame, into)
            receiver.recv(OCTETS + 1)
            took.append(time.perf_counter() - began)
        for _ in range(WINDOW):
            sender.sendto(frame, into)
        for _ in range(SLICES):
            began, frames = time.perf_counter(), 0
            while not frames or time.perf_counter() < began + span / SLICES:
                receiver.recv(OCTETS + 1)
                sender.sendto(frame, into)
                frames += 1
            rates.append(frames / (time.perf_counter() - began))
        # The best of many: what else the machine does only makes them worse.
        return Carried(kind=kind, frames=max(rates), seconds=min(took))
    except TimeoutError as error:
        raise DeadlineError(f"A frame did not come through in {ANSWER:g} s.", hint="Run `rackless doctor`.") from error


def _joined(sender: socket.socket, receiver: socket.socket, into: str, frame: bytes) -> None:
    """Wait until the wire is there: one that connects does so after its QEMU has begun. Nothing is under way afterwards."""
    ends_at = time.perf_counter() + ANSWER
    receiver.settimeout(SETTLES)
    came = False
    while True:
        try:
            if not came:
                sender.sendto(frame, into)
            receiver.recv(OCTETS + 1)
            came = True
        except TimeoutError:
            if came:
                break
            if time.perf_counter() > ends_at:
                raise
    receiver.settimeout(ANSWER)


@contextlib.contextmanager
def _bound(path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as made:
        made.bind(str(path))
        made.settimeout(ANSWER)
        yield made


def _free_port() -> int:
    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
        return int(made.getsockname()[1])


async def end(top: Path) -> None:
    """End the two QEMUs of this directory. Absent is success."""
    for file in (top / "pid0", top / "pid1"):
        with contextlib.suppress(ValueError, FileNotFoundError):
            pid = int(file.read_text())
            ticks = process.started(pid)
            if ticks is not None:
                await process.end(process.Found(pid=pid, started=ticks, mark=""))
