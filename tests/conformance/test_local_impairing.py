"""Impaired wires between two real QEMUs: frames put on one's hub come out at the other's, by the relay."""

from __future__ import annotations

import asyncio
import socket
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import specs  # type: ignore[import-not-found]  # beside this file, which is no package

from rackless.model.errors import AbsentError, InputError
from rackless.model.impairment import Impairment
from rackless.model.plan import MachineSpec, SegmentSpec
from rackless.providers.contract import Power, Ref, RefKind
from rackless.providers.local.provider import LocalProvider

PATIENCE = 30.0
SLOW = Impairment(delay=0.1)


class Tap:
    """Our own end on the hub of a machine's NIC: what we send goes to its wire, and what comes by its wire comes to us too."""

    def __init__(self, folder: Path, name: str) -> None:
        self.ours, self.theirs = folder / f"{name}.o", folder / f"{name}.t"
        self.end = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.end.bind(str(self.ours))
        self.end.settimeout(PATIENCE)

    async def join(self, provider: LocalProvider, spec: MachineSpec, nic: int) -> None:
        """Again after each start of the machine."""
        self.theirs.unlink(missing_ok=True)
        unix = ({"type": "unix", "path": str(path)} for path in (self.theirs, self.ours))
        async with provider._machines.talk(spec, provider._machines.need_running(spec)) as monitor:
            local, remote = unix
            await monitor.execute("netdev_add", {"id": "tap", "type": "dgram", "local": local, "remote": remote})
            await monitor.execute("netdev_add", {"id": "taph", "type": "hubport", "hubid": nic, "netdev": "tap"})

    def send(self, frame: bytes) -> None:
        self.end.sendto(frame, str(self.theirs))

    def receive(self) -> bytes:
        return self.end.recv(65536)


async def takes(a: Tap, b: Tap, number: int) -> float:
    """Seconds until a frame is at the other end."""
    frame = bytes(12) + b"\x88\xb5" + number.to_bytes(2, "big") + bytes(50)
    began = time.monotonic()
    a.send(frame)
    assert await asyncio.to_thread(b.receive) == frame
    return time.monotonic() - began


async def pair(provider: LocalProvider, local) -> tuple[MachineSpec, MachineSpec, SegmentSpec]:
    vcp = specs.machine("lab", "west-vcp", console=local.free_port(), forward=local.free_port())
    vfp = specs.machine("lab", "west-vfp0", number=1)
    wire = specs.wire("lab", "wire-1", specs.port(vcp, 2), specs.port(vfp, 2))
    await provider.ensure(specs.internal("lab", "west"))
    await provider.ensure(wire)
    for spec in (vcp, vfp):
        await provider.ensure(spec.disks[0])
        await provider.power(await provider.ensure(spec), Power.ON)
    for port in wire.ports:
        await provider.attach(port, wire)
    return vcp, vfp, wire


@pytest.mark.timeout(600)
async def test_a_wire_between_two_machines_is_impaired_through_its_life(local, tmp_path: Path) -> None:
    provider = local.provider()
    vcp, vfp, wire = await pair(provider, local)
    a, b = Tap(tmp_path, "a"), Tap(tmp_path, "b")
    for tap, spec in ((a, vcp), (b, vfp)):
        await tap.join(provider, spec, 2)
    await takes(a, b, 1)
    await provider.impair("lab", "wire-1", SLOW)
    assert await takes(a, b, 2) >= SLOW.delay
    assert await takes(b, a, 3) >= SLOW.delay
    assert {name: each.how for name, each in (await provider.impaired("lab")).items()} == {"wire-1": SLOW}
    # A machine that is started anew, the segment ensured anew, and a relay that was killed and asked for again.
    await provider.ensure(wire)
    await provider.power(Ref(kind=RefKind.MACHINE, sandbox="lab", name=vfp.name), Power.OFF)
    await provider.power(Ref(kind=RefKind.MACHINE, sandbox="lab", name=vfp.name), Power.ON)
    await b.join(provider, vfp, 2)
    assert await takes(a, b, 4) >= SLOW.delay
    (relay,) = [ref for ref in await provider.owned("lab") if ref.kind is RefKind.PROCESS]
    await provider.remove(relay)
    assert (await provider.impaired("lab"))["wire-1"].why.startswith("its relay does not run")
    await local.provider().impair("lab", "wire-1", SLOW)
    assert await takes(b, a, 5) >= SLOW.delay
    # Cleared, it is as it was, and nothing of it is left.
    await provider.impair("lab", "wire-1", None)
    await provider.impair("lab", "wire-1", None)
    await takes(a, b, 6)
    await takes(b, a, 7)
    assert await provider.impaired("lab") == {}
    assert not [ref for ref in await provider.owned("lab") if ref.kind in {RefKind.PROCESS, RefKind.FILE}]
    # Impaired again, detached and attached again.
    await provider.impair("lab", "wire-1", SLOW)
    await provider.detach(wire.ports[0])
    await provider.attach(wire.ports[0], wire)
    assert await takes(a, b, 8) >= SLOW.delay
    for ref in await provider.owned("lab"):
        await provider.remove(ref)
    assert await provider.owned("lab") == ()
    assert not [path for path in (local.folder / "a" / "run").rglob("*") if not path.is_dir()]


async def test_what_is_no_wire_of_this_machine_cannot_be_impaired(local) -> None:
    provider = local.provider()
    with pytest.raises(AbsentError):
        await provider.impair("lab", "wire-1", SLOW)
    await provider.ensure(specs.internal("lab", "west"))
    with pytest.raises(InputError):
        await provider.impair("lab", "west-internal", SLOW)
    for ref in await provider.owned("lab"):
        await provider.remove(ref)
