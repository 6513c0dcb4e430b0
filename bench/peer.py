"""What bench/peers.py asks of each way to run the same machines, and how it looks at them from outside."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from bare import resident

from rackless.deadline import Deadline
from rackless.images.store import Image
from rackless.model.plan import MachineSpec, Plan, PortRef
from rackless.providers.local.streams import SocketStream
from rackless.qemu import process
from rackless.qemu.command import Virtualization
from rackless.shell.hostchannel import HostChannel

QEMU = "qemu-system-x86_64"
CALL_SECONDS = 300.0
START_SECONDS = 180.0


class Refused(Exception):
    """A peer can't do something here; its own words."""


@dataclass(frozen=True, kw_only=True)
class Task:
    """What every peer deploys: the machines of `plan`, joined by its wires, from one image, emulated or not in the same way.

    `top`: a folder of the peer's own, which every process that it starts has in its command line or environment.
    `free`: two ports without a wire, at the ends of the chain.
    """

    plan: Plan
    images: Path
    image: Image
    how: Virtualization
    top: Path
    free: tuple[PortRef, PortRef]

    def wires(self) -> list[tuple[PortRef, PortRef]]:
        return [(segment.ports[0], segment.ports[1]) for segment in self.plan.segments if segment.kind == "wire"]

    def channel(self, name: str) -> Path:
        """Where the host channel of a machine is served, if the peer can be told."""
        return self.top / f"{name}.channel"


@dataclass(kw_only=True)
class Notes:
    """`refused`: what could not be done, with the peer's own words. Both are told beside the figures."""

    refused: dict[str, str] = field(default_factory=dict)


class Peer(Protocol):
    """One of them. `begin` is no part of what is measured: a server that is started, and knows the image."""

    title: str
    notes: Notes

    async def begin(self) -> None: ...
    async def deploy(self) -> None:
        """Until every guest has said that it is ready."""

    async def join(self) -> None:
        """Put a wire between the two free ports of running machines. Raises Refused."""

    async def part(self) -> None: ...
    async def end(self) -> None:
        """Until no machine is left, nor anything that was made for it."""

    async def close(self) -> None:
        """The server, too."""


async def call(*words: str | os.PathLike[str], env: Mapping[str, str] | None = None, seconds: float = CALL_SECONDS) -> str:
    """What a program says. Refused when it fails; DeadlineError when it takes too long, and then it is ended."""
    deadline = Deadline(seconds)
    pipe = asyncio.subprocess.PIPE
    running = await asyncio.create_subprocess_exec(*words, stdin=asyncio.subprocess.DEVNULL, stdout=pipe, stderr=pipe, env=env)
    try:
        out, err = await deadline.wait(running.communicate(), str(words[0]))
    except BaseException:
        with contextlib.suppress(ProcessLookupError):
            running.kill()
        raise
    if running.returncode:
        raise Refused(" ".join(err.decode().split()) or f"{words[0]} ended with {running.returncode}")
    return out.decode()


async def overlay(task: Task, spec: MachineSpec) -> Path:
    """A disk of the machine's own, over the image."""
    disk = task.top / f"{spec.name}.qcow2"
    await call("qemu-img", "create", "-q", "-f", "qcow2", "-b", task.image.disk, "-F", "qcow2", disk)
    return disk


def processes(top: Path) -> Iterator[int]:
    """All that have the folder in their command line or environment."""
    word = str(top).encode()
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if entry.name != str(os.getpid()) and word in (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes():
                yield int(entry.name)


def is_machine(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0].endswith(QEMU.encode())
    except OSError:
        return False


def memory(top: Path, machines: int) -> tuple[float, float]:
    """MiB that each machine's QEMU has, and that all the other processes of the peer have: proportional set sizes."""
    found: dict[bool, int] = {True: 0, False: 0}
    for pid in processes(top):
        with contextlib.suppress(OSError):
            found[is_machine(pid)] += resident(pid)
    return found[True] / machines / 1024, found[False] / 1024


async def gone(top: Path, *, seconds: float = START_SECONDS) -> None:
    """Wait until no machine of the peer is left."""
    deadline = Deadline(seconds)
    while left := [pid for pid in processes(top) if is_machine(pid)]:
        if deadline.over:
            raise deadline.missed(f"processes {left} to end")
        await deadline.pause(0.02)


async def sweep(top: Path) -> list[int]:
    """End whatever is left of a peer, by its process id; who that was."""
    left = [(pid, process.started(pid)) for pid in processes(top)]
    await asyncio.gather(*(process.end(process.Found(pid=pid, started=at, mark="")) for pid, at in left if at is not None))
    return [pid for pid, _ in left]


async def carries(task: Task, ports: tuple[PortRef, PortRef], network: str) -> bool:
    """True when frames pass between two ports: one guest pings the other, each asked over its host channel.

    Args:
        network: the first three octets of what they get as addresses, on no other port.
    """
    paths = _channels(task.top)
    ends = []
    try:
        for number, port in enumerate(ports, start=1):
            stream = SocketStream(*await asyncio.open_unix_connection(str(paths[port.machine])))
            ends.append(HostChannel(port.machine, stream))
            device = f"eth{port.nic}"
            for words in (f"link set {device} up", f"address replace {network}.{number}/30 dev {device}"):
                code, _, errors = await ends[-1].run(["ip", *words.split()], deadline=Deadline(30))
                if code:
                    raise Refused(errors)
        code, _, _ = await ends[0].run(["ping", "-c", "1", "-w", "8", f"{network}.2"], deadline=Deadline(30))
        return code == 0
    finally:
        for end in ends:
            await end.close()


def _channels(top: Path) -> dict[str, Path]:
    """By machine, where its host channel is served: where the peer was told, or as the command line of its QEMU says."""
    found = {path.stem: path for path in top.glob("*.channel")}
    for pid in processes(top):
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
        name = next((word.partition(",")[0] for word in words if word.startswith("guest=")), "").rpartition(".")[2]
        path = next((word.partition("path=")[2].partition(",")[0] for word in words if "id=channel,path=" in word), "")
        if name and path:
            found[name] = Path(path)
    return found


class Watch:
    """Seconds of what is done within it."""

    def __enter__(self) -> Watch:
        self._began = time.monotonic()
        return self

    def __exit__(self, *_: object) -> None:
        self.seconds = time.monotonic() - self._began
