"""libvirt as a peer of bench/peers.py: a daemon of its own (bench/libvirt_grounds.py says where), and `virsh`."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import xml.etree.ElementTree as ET
from pathlib import Path

from bare import said_ready
from libvirt_grounds import Ground
from peer import START_SECONDS, Notes, Refused, Task, call, gone, overlay, sweep

from rackless.deadline import Deadline
from rackless.model.family import NicRole
from rackless.model.plan import MachineSpec, NicSpec, PortRef
from rackless.qemu.command import CHANNEL_NAME, Virtualization, translation_cache

DAEMON = "libvirtd"
PROGRAMS = (DAEMON, "virsh", "unshare", "nsenter", "ip")
FLAGS = {"pclmulqdq": "pclmuldq"}
"""Flags of a processor that libvirt calls by another name."""


def missing(*, root: bool = False) -> str:
    """Why it can't run here; empty if it can. `root`: it needs that."""
    lacking = [name for name in PROGRAMS if not _found(name)]
    if lacking:
        return f"{', '.join(lacking)} is not installed: packaging/setup.sh --peers"
    return "it needs root" if root and os.geteuid() != 0 else ""


def _found(name: str) -> str | None:
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")


class Libvirt:
    """Transient domains, each made by a `virsh create` of its own, all at once."""

    def __init__(self, task: Task, ground: Ground) -> None:
        self.title = "libvirt"
        self.notes = Notes()
        self._task = task
        self._ground = ground
        self._daemon: asyncio.subprocess.Process | None = None
        self._far = {one: other for a, b in task.wires() for one, other in ((a, b), (b, a))}
        self._env = {"PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin", "LC_ALL": "C", "LIBVIRT_AUTOSTART": "0"}
        self._uri = f"qemu:///{ground.path}?socket={task.top}/run/libvirt-sock"

    async def begin(self) -> None:
        top = self._task.top
        self._env |= self._ground.prepare()
        (top / "conf").write_text(f'unix_sock_dir = "{top}/run"\nauth_unix_rw = "none"\nauth_unix_ro = "none"\n')
        words = self._ground.command([_found(DAEMON) or DAEMON, "-f", str(top / "conf"), "-p", str(top / "pid")])
        with (top / "log").open("wb") as log:
            quiet = asyncio.subprocess.DEVNULL
            self._daemon = await asyncio.create_subprocess_exec(*words, stdin=quiet, stdout=log, stderr=log, env=self._env)
        self.title = f"libvirt {(await self._answering()).split()[-1]}, {self._ground.name}"
        await self._virsh("domcapabilities", "--virttype", _kind(self._task.how))

    async def _answering(self) -> str:
        """What it says of its version: when it has asked QEMU what it can do, which takes seconds the first time."""
        deadline = Deadline(START_SECONDS)
        while True:
            try:
                return await self._virsh("version", "--daemon")
            except Refused:
                if deadline.over:
                    raise
                await deadline.pause(0.2)

    @property
    def _pid(self) -> int:
        return self._daemon.pid if self._daemon is not None else 0

    async def _virsh(self, *words: str) -> str:
        return await call("virsh", "-q", "-c", self._uri, *words, env=self._env)

    async def deploy(self) -> None:
        await self._ground.make(self._pid)
        await asyncio.gather(*(self._start(spec) for spec in self._task.plan.machines))

    async def _start(self, spec: MachineSpec) -> None:
        task = self._task
        file = task.top / f"{spec.name}.xml"
        file.write_text(self._domain(spec, await overlay(task, spec)))
        await self._virsh("create", str(file))
        await said_ready(spec, task.channel(spec.name))

    async def join(self) -> None:
        a, b = self._task.free
        await asyncio.gather(self._move(a, b), self._move(b, a))

    async def part(self) -> None:
        await asyncio.gather(*(self._move(port, None) for port in self._task.free))

    async def _move(self, port: PortRef, far: PortRef | None) -> None:
        spec = next(each for each in self._task.plan.machines if each.name == port.machine)
        file = self._task.top / f"{port.machine}.nic.xml"
        file.write_text(ET.tostring(self._interface(port, spec.nics[port.nic], far), encoding="unicode"))
        await self._virsh("update-device", port.machine, str(file), "--live")

    def _domain(self, spec: MachineSpec, disk: Path) -> str:
        """The same machine as bench/bare.py's, in libvirt's words."""
        task, how = self._task, self._task.how
        top = ET.Element("domain", type=_kind(how))
        for name, value in {"name": spec.name, "memory": str(spec.memory * 1024), "vcpu": str(spec.vcpus), "genid": None}.items():
            ET.SubElement(top, name).text = value
        system = ET.SubElement(top, "os")
        append = f"{task.image.append} {how.append}".strip()
        boot = {"type": "hvm", "kernel": str(task.image.kernel), "initrd": str(task.image.initrd), "cmdline": append}
        for name, value in boot.items():
            ET.SubElement(system, name).text = value
        system[0].set("machine", "pc")
        features = ET.SubElement(top, "features")
        ET.SubElement(features, "acpi")
        ET.SubElement(features, "vmport", state="off")
        if how.name == "tcg":
            cache = ET.SubElement(ET.SubElement(features, "tcg"), "tb-cache", unit="MiB")
            cache.text = str(translation_cache(spec.memory))
        top.append(_processor(how))
        ET.SubElement(top, "on_reboot").text = "restart"
        devices = ET.SubElement(top, "devices")
        ET.SubElement(devices, "controller", type="usb", model="none")
        ET.SubElement(devices, "memballoon", model="none")
        drive = ET.SubElement(devices, "disk", type="file", device="disk")
        ET.SubElement(drive, "driver", name="qemu", type="qcow2", discard="unmap")
        ET.SubElement(drive, "source", file=str(disk))
        ET.SubElement(drive, "target", dev="vda", bus="virtio")
        for nic in spec.nics:
            port = PortRef(sandbox=spec.sandbox, machine=spec.name, nic=nic.index)
            devices.append(self._interface(port, nic, self._far.get(port)))
        console = ET.SubElement(devices, "serial", type="unix")
        ET.SubElement(console, "source", mode="bind", path=str(task.top / f"{spec.name}.console"))
        channel = ET.SubElement(devices, "channel", type="unix")
        ET.SubElement(channel, "source", mode="bind", path=str(task.channel(spec.name)))
        ET.SubElement(channel, "target", type="virtio", name=CHANNEL_NAME)
        random = ET.SubElement(devices, "rng", model="virtio")
        ET.SubElement(random, "backend", model="random").text = "/dev/urandom"
        return ET.tostring(top, encoding="unicode")

    def _interface(self, port: PortRef, nic: NicSpec, far: PortRef | None) -> ET.Element:
        """`far`: the port at its other end; None: nobody."""
        top = ET.Element("interface", type="user")
        ET.SubElement(top, "mac", address=nic.mac)
        ET.SubElement(top, "model", type="virtio")
        ET.SubElement(top, "rom", enabled="no")
        if nic.role is not NicRole.MANAGEMENT:
            self._ground.backend(top, port, far)
        return top

    async def end(self) -> None:
        await asyncio.gather(*(self._virsh("destroy", spec.name) for spec in self._task.plan.machines))
        await gone(self._task.top)
        await self._ground.unmake(self._pid)
        for disk in self._task.top.glob("*.qcow2"):
            disk.unlink()

    async def close(self) -> None:
        if self._daemon is not None and self._daemon.returncode is None:
            self._daemon.terminate()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._daemon.wait(), 20)
        await sweep(self._task.top)
        self._ground.close()


def _kind(how: Virtualization) -> str:
    return "kvm" if how.name == "kvm" else "qemu"


def _processor(how: Virtualization) -> ET.Element:
    if how.cpu == "host":
        return ET.Element("cpu", mode="host-passthrough")
    model, *flags = how.cpu.split(",")
    top = ET.Element("cpu", mode="custom", match="exact", check="none")
    ET.SubElement(top, "model", fallback="forbid").text = model
    for flag in flags:
        ET.SubElement(top, "feature", policy="require", name=FLAGS.get(flag.removeprefix("+"), flag.removeprefix("+")))
    return top
