"""The bare thing: the same virtual machines, started side by side without a control plane, until each is ready.

What is counted as booted: the guest has its identity and says that its daemons are ready, and a controller shows the ports of
its cards. Each router has its internal network, or its cards would never be ready. No configuration, login, SNMP or wires.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from rackless.deadline import Deadline
from rackless.images import store
from rackless.model.family import NicRole, Role
from rackless.model.plan import MachineSpec, Plan
from rackless.providers.local.plugging import peers
from rackless.providers.local.streams import SocketStream
from rackless.providers.local.templates import Template
from rackless.qemu import state
from rackless.qemu.command import TCG, Memory, Places, Virtualization, arguments, peer_ids
from rackless.qemu.monitor import converse
from rackless.shell.hostchannel import HostChannel, identity

PROGRAM = "qemu-system-x86_64"
BOOT_SECONDS = 300.0


async def boot(
    plan: Plan, images: Path, how: Virtualization = TCG, templates: Mapping[str, Template] | None = None
) -> tuple[float, dict[str, int]]:
    """(seconds until all are ready, resident KiB of each machine's QEMU). Everything made is gone at the return.

    Args:
        templates: by machine: it is resumed from there instead of booted.
    """
    with tempfile.TemporaryDirectory(prefix="rlb", dir="/tmp") as folder:
        top = Path(folder)
        began = time.monotonic()
        started: list[int] = []
        try:
            for spec in plan.machines:
                template = (templates or {}).get(spec.name)
                started.append(start(spec, top / spec.name, images, how, template))
                if template is not None:
                    async with converse(top / spec.name / "monitor", started[-1]) as monitor:
                        await state.load(monitor, template.state, shared=True)
            await asyncio.gather(*(ready(plan, spec, top) for spec in plan.machines))
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


def start(spec: MachineSpec, folder: Path, images: Path, how: Virtualization, template: Template | None = None) -> int:
    """A QEMU that is not let go yet; its process id."""
    folder.mkdir()
    image = store.find(images, spec.image)
    disk = folder / "disk.qcow2"
    subprocess.run(
        ["qemu-img", "create", "-q", "-f", "qcow2", "-b", template.disk if template else image.disk, "-F", "qcow2", disk],
        check=True,
        stdin=subprocess.DEVNULL,
    )
    places = Places(
        monitor=folder / "monitor", console=folder / "console", channel=folder / "channel", log=folder / "log", disks=(disk,)
    )
    memory = Memory(file=template.memory, shared=False) if template else None
    words = arguments(
        spec, mark=f"bench/{spec.name}", places=places, boot=image, how=how, memory=memory, waiting=template is not None
    )
    words += ["-pidfile", str(folder / "pid")]
    subprocess.run([PROGRAM, *words], check=True, stdin=subprocess.DEVNULL)
    return int((folder / "pid").read_text())


async def ready(plan: Plan, spec: MachineSpec, top: Path, kinds: tuple[str, ...] = ("internal",)) -> None:
    """Plug the machine in, let it run and wait for its own word. `kinds`: of the segments that it is plugged into."""
    folder = top / spec.name
    await go(folder / "monitor", [*plugging(plan, spec, top, kinds), {"execute": "cont"}])
    ports = sum(nic.role is NicRole.TRAFFIC for card in plan.machines_of(spec.owner) for nic in card.nics)
    await said_ready(spec, folder / "channel", ports)


async def said_ready(spec: MachineSpec, path: Path, ports: int = 0) -> None:
    """Tell the guest over its host channel who it is, and wait until it says that it is ready; a controller, with its ports."""
    deadline = Deadline(BOOT_SECONDS)
    channel = HostChannel(spec.name, await _open(path, deadline))
    await channel.ping(deadline=deadline)
    await channel.identify(identity(spec, hostname=spec.name), deadline=deadline)
    while True:
        status = await channel.status(deadline=deadline)
        if status.ready and (spec.role is not Role.CONTROLLER or len(status.ports) == ports):
            break
        await deadline.pause(0.2)
    await channel.close()


async def _open(path: Path, deadline: Deadline) -> SocketStream:
    """A socket is there a moment before somebody listens to it, which is long on a busy machine."""
    while True:
        try:
            return SocketStream(*await asyncio.open_unix_connection(str(path)))
        except (FileNotFoundError, ConnectionRefusedError):
            if deadline.over:
                raise
            await deadline.pause(0.05)


def plugging(plan: Plan, spec: MachineSpec, top: Path, kinds: tuple[str, ...]) -> Iterator[dict[str, object]]:
    """QMP commands that join the machine to its segments of these kinds: its router's internal network, or its wires."""
    for segment in plan.segments:
        for port in segment.ports if segment.kind in kinds else ():
            for peer in peers(segment, port) if port.machine == spec.name else ():
                end, hub = peer_ids(port.nic, segment.name, str(peer))
                paths = [top / f"{a.machine}.{a.nic}-{b.machine}.{b.nic}" for a, b in ((port, peer), (peer, port))]
                here, there = ({"type": "unix", "path": str(path)} for path in paths)
                yield {"execute": "netdev_add", "arguments": {"id": end, "type": "dgram", "local": here, "remote": there}}
                yield {"execute": "netdev_add", "arguments": {"id": hub, "type": "hubport", "hubid": port.nic, "netdev": end}}


async def go(monitor: Path, commands: list[dict[str, object]]) -> None:
    """QMP by hand."""
    reader, writer = await asyncio.open_unix_connection(str(monitor))
    await reader.readline()
    for command in ({"execute": "qmp_capabilities"}, *commands):
        writer.write(json.dumps(command).encode() + b"\n")
        await writer.drain()
        while "return" not in (said := json.loads(await reader.readline())):
            assert "error" not in said, said
    writer.close()
