"""The bare thing: the same virtual machines, started side by side without a control plane, until each is ready.

What is counted as booted: the guest has its identity, a controller says that its daemons are up, a card shows its NICs. No
internal network (so a card never says `ready`), configuration, SSH, ports awaited or wires: the least that any tool waits for.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import tempfile
import time
from pathlib import Path

from rackless.deadline import Deadline
from rackless.images import store
from rackless.model.family import Role
from rackless.model.plan import MachineSpec, Plan
from rackless.providers.local.streams import SocketStream
from rackless.qemu.command import TCG, Places, Virtualization, arguments
from rackless.shell.hostchannel import HostChannel, identity

PROGRAM = "qemu-system-x86_64"
BOOT_SECONDS = 150.0


async def boot(plan: Plan, images: Path, how: Virtualization = TCG) -> tuple[float, dict[str, int]]:
    """(seconds until all are ready, resident KiB of each machine's QEMU). Everything made is gone at the return."""
    with tempfile.TemporaryDirectory(prefix="rlb", dir="/tmp") as folder:
        top = Path(folder)
        began = time.monotonic()
        started: list[int] = []
        try:
            for number, spec in enumerate(plan.machines):
                started.append(_start(spec, top / str(number), images, how))
            await asyncio.gather(*(_ready(spec, top / str(number)) for number, spec in enumerate(plan.machines)))
            seconds = time.monotonic() - began
            memory = {spec.name: resident(pid) for spec, pid in zip(plan.machines, started, strict=True)}
        finally:
            for pid in started:
                os.kill(pid, 9)
        return seconds, memory


def resident(pid: int) -> int:
    """KiB of the process's proportional set size: shared pages are counted once between those that share them."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1])
    return 0


def _start(spec: MachineSpec, folder: Path, images: Path, how: Virtualization) -> int:
    folder.mkdir()
    image = store.find(images, spec.image)
    disk = folder / "disk.qcow2"
    subprocess.run(
        ["qemu-img", "create", "-q", "-f", "qcow2", "-b", image.disk, "-F", "qcow2", disk], check=True, stdin=subprocess.DEVNULL
    )
    places = Places(
        monitor=folder / "monitor", console=folder / "console", channel=folder / "channel", log=folder / "log", disks=(disk,)
    )
    words = arguments(spec, mark=f"bench/{spec.name}", places=places, boot=image, how=how)
    words += ["-pidfile", str(folder / "pid")]
    subprocess.run([PROGRAM, *words], check=True, stdin=subprocess.DEVNULL)
    return int((folder / "pid").read_text())


async def _ready(spec: MachineSpec, folder: Path) -> None:
    await _go(folder / "monitor")
    deadline = Deadline(BOOT_SECONDS)
    channel = HostChannel(spec.name, SocketStream(*await asyncio.open_unix_connection(str(folder / "channel"))))
    await channel.ping(deadline=deadline)
    await channel.identify(identity(spec, hostname=spec.name), deadline=deadline)
    while True:
        status = await channel.status(deadline=deadline)
        if status.ready or (spec.role is Role.CARD and status.ports):
            break
        await deadline.pause(0.2)
    await channel.close()


async def _go(monitor: Path) -> None:
    """Let the machine run: the two QMP commands that takes, by hand."""
    reader, writer = await asyncio.open_unix_connection(str(monitor))
    await reader.readline()
    for command in ("qmp_capabilities", "cont"):
        writer.write(json.dumps({"execute": command}).encode() + b"\n")
        await writer.drain()
        while "return" not in json.loads(await reader.readline()):
            pass
    writer.close()
