"""Real guests on the local provider: frames over wires, carrier, capture, restart, and the host channel.

Two plain Linux machines of the reference image (RACKLESS_IMAGES says where it is), with two traffic NICs each.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import socket
import tempfile
import time
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest
import pytest_asyncio

from rackless import settings as configured
from rackless.images import store
from rackless.model.family import NicRole, Role
from rackless.model.naming import mac
from rackless.model.plan import DiskSpec, Forward, MachineSpec, NicSpec, PortRef, SegmentSpec
from rackless.model.site import Site
from rackless.providers.contract import Power, Ref, RefKind, Stream
from rackless.providers.local.provider import LocalProvider
from rackless.settings import Settings

pytestmark = [pytest.mark.machines, pytest.mark.timeout(400), pytest.mark.asyncio(loop_scope="module")]
BOOT_SECONDS = 150
LAB = "wires"


def free_port() -> int:
    with socket.socket() as end:
        end.bind(("127.0.0.1", 0))
        return int(end.getsockname()[1])


def machine(name: str, number: int) -> MachineSpec:
    nics = [NicSpec(index=0, role=NicRole.MANAGEMENT, mac=mac(LAB, name, 0), label="eth0", address=f"172.29.0.{10 + number}/16")]
    nics += [NicSpec(index=n, role=NicRole.TRAFFIC, mac=mac(LAB, name, n), label=f"eth{n}") for n in (1, 2)]
    return MachineSpec(
        sandbox=LAB,
        name=name,
        owner=name,
        family="linux",
        role=Role.HOST,
        image="reference",
        memory=192,
        vcpus=1,
        disks=(DiskSpec(sandbox=LAB, name=f"{name}-disk0", image="reference"),),
        nics=tuple(nics),
        console_port=free_port(),
        forwards=(Forward(service="ssh", proto="tcp", host_port=free_port(), guest_port=22),),
    )


def wire(*ends: PortRef) -> SegmentSpec:
    name = "wire-" + "-".join(f"{end.machine}{end.nic}" for end in ends)
    return SegmentSpec(sandbox=LAB, name=name, kind="wire", ports=ends, mtu=9500)


class Guest:
    """The host channel of one machine."""

    def __init__(self, stream: Stream, spec: MachineSpec) -> None:
        self.spec = spec
        self._stream = stream
        self._seen = b""
        self._count = 0

    async def ask(self, seconds: float, **request) -> dict:
        """Ask until answered: what is sent while the guest boots is lost."""
        async with asyncio.timeout(seconds):
            while True:
                self._count += 1
                token = f"t{self._count}"
                await self._stream.write(json.dumps({"id": token, **request}).encode() + b"\n")
                try:
                    return await asyncio.wait_for(self._answer(token), 3 if request["do"] == "ping" else seconds)
                except TimeoutError:
                    continue

    async def _answer(self, token: str) -> dict:
        while True:
            while b"\n" in self._seen:
                line, self._seen = self._seen.split(b"\n", 1)
                if f'"{token}"'.encode() in line and line.startswith(b"{"):
                    return json.loads(line)
            data = await self._stream.read()
            if not data:
                raise EOFError
            self._seen += data

    async def identify(self) -> None:
        await self.ask(BOOT_SECONDS, do="ping")
        nics = [{"index": nic.index, "mac": nic.mac, "label": nic.label} for nic in self.spec.nics]
        address = {"label": "eth1", "address": "192.0.2.1/24" if self.spec.name == "left" else "192.0.2.2/24"}
        request = {"role": "host", "slot": None, "hostname": self.spec.name, "time": time.time(), "nics": nics}
        answer = await self.ask(60, do="identify", **request, addresses=[address], routes=[])
        assert answer["ok"], answer

    async def run(self, *argv: str) -> tuple[int, str]:
        answer = await self.ask(90, do="run", argv=list(argv), stdin="", deadline=60)
        assert answer["ok"], answer
        return answer["code"], answer["out"] + answer["err"]

    async def reaches(self, address: str, *options: str) -> bool:
        """At least one of up to 30 seconds of pings comes back. The neighbour's old MAC is forgotten first: it may have moved."""
        await self.run("ip", "neigh", "flush", "dev", "eth1")
        code, _ = await self.run("ping", "-c", "1", "-w", "30", *options, address)
        return code == 0

    async def carrier(self, nic: str) -> str:
        _, out = await self.run("cat", f"/sys/class/net/{nic}/carrier")
        return out.strip()


class Lab:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.left, self.right = machine("left", 0), machine("right", 1)
        self.guests: dict[str, Guest] = {}

    def provider(self) -> LocalProvider:
        images = configured.load().images
        own = Settings(state=self._folder / "s", run=self._folder / "r", images=images, site_file=self._folder / "site.yaml")
        return LocalProvider(own, Site(), partial(store.find, images))

    async def ref(self, spec: MachineSpec) -> Ref:
        refs = await self.provider().owned(LAB)
        return next(ref for ref in refs if ref.kind is RefKind.MACHINE and ref.name == spec.name)

    async def boot(self, *machines: MachineSpec) -> None:
        for spec in machines:
            await self.provider().power(await self.ref(spec), Power.ON)
            self.guests[spec.name] = Guest(await self.provider().channel(await self.ref(spec)), spec)
        await asyncio.gather(*(self.guests[spec.name].identify() for spec in machines))

    async def join(self, *ends: PortRef) -> SegmentSpec:
        segment = wire(*ends)
        await self.provider().ensure(segment)
        for end in ends:
            await self.provider().attach(end, segment)
        return segment

    def port(self, spec: MachineSpec, nic: int) -> PortRef:
        return PortRef(sandbox=LAB, machine=spec.name, nic=nic)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def lab() -> AsyncIterator[Lab]:
    kept = {name: os.environ.get(name) for name in ("RACKLESS_MANAGEMENT",)}
    os.environ["RACKLESS_MANAGEMENT"] = "forwarded"
    folder = Path(tempfile.mkdtemp(prefix="rlm"))
    made = Lab(folder)
    try:
        for spec in (made.left, made.right):
            await made.provider().ensure(spec.disks[0])
            await made.provider().ensure(spec)
        await made.boot(made.left, made.right)
        yield made
    finally:
        for ref in await made.provider().owned():
            await made.provider().remove(ref)
        assert await made.provider().owned() == ()
        shutil.rmtree(folder)
        for name, value in kept.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


async def test_wires_move_behind_running_machines(lab: Lab) -> None:
    left, right = lab.guests["left"], lab.guests["right"]
    uptime = (await left.ask(30, do="ping"))["boot_id"]
    assert await left.carrier("eth1") == "0"
    first = await lab.join(lab.port(lab.left, 1), lab.port(lab.right, 1))
    assert await left.carrier("eth1") == "1"
    assert await left.reaches("192.0.2.2")
    for end in first.ports:
        await lab.provider().detach(end)
    assert await left.carrier("eth1") == await right.carrier("eth1") == "0"
    assert (await left.run("ping", "-c", "2", "-w", "4", "192.0.2.2"))[0] != 0
    await lab.join(lab.port(lab.left, 1), lab.port(lab.right, 2))
    for words in ("addr flush dev eth1", "addr add 192.0.2.2/24 dev eth2", "link set eth2 up"):
        assert (await right.run("ip", *words.split()))[0] == 0
    assert await left.reaches("192.0.2.2")
    for words in ("addr flush dev eth2", "addr add 192.0.2.2/24 dev eth1"):
        assert (await right.run("ip", *words.split()))[0] == 0
    assert (await left.ask(30, do="ping"))["boot_id"] == uptime


async def test_jumbo_frames_pass_unfragmented(lab: Lab) -> None:
    left, right = lab.guests["left"], lab.guests["right"]
    await lab.join(lab.port(lab.left, 1), lab.port(lab.right, 1))
    for guest in (left, right):
        assert (await guest.run("ip", "link", "set", "eth1", "mtu", "9500"))[0] == 0
    assert await left.reaches("192.0.2.2", "-M", "do", "-s", "9000")


async def test_a_capture_shows_the_frames_of_a_ping(lab: Lab) -> None:
    left = lab.guests["left"]
    await lab.join(lab.port(lab.left, 1), lab.port(lab.right, 1))
    assert await left.reaches("192.0.2.2")
    taken = bytearray()
    frames = lab.provider().capture(lab.port(lab.right, 1))
    taken += await anext(frames)

    async def collect() -> None:
        async for chunk in frames:
            taken.extend(chunk)

    collecting = asyncio.create_task(collect())
    assert await left.reaches("192.0.2.2", "-s", "1234", "-p", "5ac4")
    async with asyncio.timeout(20):
        while taken.count(b"\x5a\xc4" * 100) < 2:
            await asyncio.sleep(0.05)
    collecting.cancel()
    await asyncio.gather(collecting, return_exceptions=True)
    await frames.aclose()
    assert taken[:4] == b"\xd4\xc3\xb2\xa1"


async def test_carrier_down_is_seen_and_survives_a_restart_of_a_killed_machine(lab: Lab) -> None:
    await lab.join(lab.port(lab.left, 1), lab.port(lab.right, 1))
    await lab.provider().carrier(lab.port(lab.right, 1), False)
    assert await lab.guests["right"].carrier("eth1") == "0"
    pid = int((await lab.ref(lab.right)).detail.split()[1])
    os.kill(pid, signal.SIGKILL)
    async with asyncio.timeout(20):
        while (await lab.ref(lab.right)).running:
            await asyncio.sleep(0.05)
    await lab.boot(lab.right)
    right = lab.guests["right"]
    await right.run("ip", "link", "set", "eth1", "up")
    assert await right.carrier("eth1") == "0"
    await lab.provider().carrier(lab.port(lab.right, 1), True)
    assert await right.carrier("eth1") == "1"
    assert await lab.guests["left"].reaches("192.0.2.2")


async def test_the_serial_line_is_this_guests(lab: Lab) -> None:
    stream = await lab.provider().console(await lab.ref(lab.left))
    await stream.write(b"\r")
    seen = b""
    async with asyncio.timeout(60):
        while b"login" not in seen and b"left" not in seen:
            seen += await stream.read()
    await stream.close()
