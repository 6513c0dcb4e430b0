"""Wires between VM hosts: VXLAN as the kernel speaks it, never fragmented, let in from the right end only, and
measured before use."""

from __future__ import annotations

import json
import os
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from tests.conformance.host_place import Agent, Namespace, ip, publish
from tests.conformance.specs import disk, machine  # the machines of the conformance suite

from rackless.images import store
from rackless.model.errors import ProviderError
from rackless.model.plan import PortRef, SegmentSpec
from rackless.model.site import Site
from rackless.providers.contract import Power, Ref, RefKind
from rackless.providers.host.provider import HostProvider
from rackless.settings import Settings
from rackless.vmhost.serving import vxlan


@pytest.fixture
def short() -> Iterator[Path]:
    """Sockets are in it, and their paths have 107 bytes."""
    made = Path(tempfile.mkdtemp(prefix="rw."))
    yield made
    shutil.rmtree(made, ignore_errors=True)


pytestmark = [pytest.mark.root, pytest.mark.skipif(os.geteuid() != 0, reason="needs root for namespaces")]

BROADCAST = b"\xff" * 6 + b"\x02\0\0\0\0\x01" + b"\x88\xb5"
"""A frame's header, of an EtherType for experiments (IEEE 802)."""


class Carrier:
    """A `vxlan.py` in this namespace or another, and QEMU's end of one wire."""

    def __init__(self, folder: Path, address: str, peer: str, *, vni: int = 5001, namespace: str = "") -> None:
        folder.mkdir()
        self.folder, self.address, self.vni = folder, address, vni
        self.end = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.end.bind(str(folder / "qemu"))
        words = [sys.executable, "-I", "-S", vxlan.__file__, str(folder / "control"), address, "4789"]
        self._process = subprocess.Popen(["ip", "netns", "exec", namespace, *words] if namespace else words)
        deadline = time.monotonic() + 30
        while not (folder / "control").exists():
            assert time.monotonic() < deadline
            time.sleep(0.02)
        self.wire(peer)

    def wire(self, peer: str) -> None:
        paths = {"local": str(self.folder / "wire"), "remote": str(self.folder / "qemu")}
        self.say(do="wire", vni=self.vni, **paths, peer=[peer, 4789])

    def say(self, **order: object) -> dict:
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as end:
            end.connect(str(self.folder / "control"))
            end.send(json.dumps(order).encode())
            return json.loads(end.recv(65536))

    def send(self, frame: bytes) -> None:
        self.end.sendto(frame, str(self.folder / "wire"))

    def receive(self, seconds: float = 10) -> bytes | None:
        return self.end.recv(65536) if select.select([self.end], [], [], seconds)[0] else None

    def close(self) -> None:
        self.say(do="end")
        assert self._process.wait(60) == 0
        self.end.close()


@pytest.fixture
def namespace() -> Iterator[Namespace]:
    made = Namespace(mtu=9600)
    yield made
    made.end()


def test_frames_of_any_kind_and_length_go_both_ways_and_from_the_right_end_only(namespace: Namespace, tmp_path: Path) -> None:
    here = Carrier(tmp_path / "a", namespace.ours, namespace.address)
    there = Carrier(tmp_path / "b", namespace.address, namespace.ours, namespace=namespace.name)
    try:
        # What a bridge would swallow too: LLDP's, LACP's and spanning tree's addresses (IEEE 802.1Q, table 8-1).
        for length, address in ((60, "0180c200000e"), (1514, "0180c2000002"), (9518, "0180c2000000")):
            frame = (bytes.fromhex(address) + BROADCAST[6:]).ljust(length, b"x")
            here.send(frame)
            assert there.receive() == frame
            there.send(frame[::-1])
            assert here.receive() == frame[::-1]
        counts = here.say(do="status")["wires"]["5001"]
        assert counts == {"sent": 3, "received": 3, "dropped": 0}
        here.send(bytes(9700))  # longer than the network between carries: nobody fragments it
        there.wire("192.0.2.1")  # the wire's other end is elsewhere now
        here.send(BROADCAST.ljust(60, b"x"))
        assert there.receive(1) is None
        assert here.say(do="status")["wires"]["5001"]["dropped"] == 1
    finally:
        here.close()
        there.close()
    assert not (tmp_path / "a/wire").exists()


def test_it_is_the_vxlan_that_the_kernel_speaks(namespace: Namespace, tmp_path: Path) -> None:
    try:
        words = ["type", "vxlan", "id", "5001", "dstport", "4789", "local", namespace.address, "remote", namespace.ours]
        ip("-n", namespace.name, "link", "add", "vx0", "mtu", "9500", *words)
    except subprocess.CalledProcessError:
        pytest.skip("this kernel has no VXLAN")
    ip("-n", namespace.name, "addr", "add", "192.0.2.2/24", "dev", "vx0")
    ip("-n", namespace.name, "link", "set", "vx0", "up")
    here = Carrier(tmp_path / "a", namespace.ours, namespace.address)
    try:
        # Who has 192.0.2.2? (RFC 826): the kernel's end of the wire answers.
        mine = bytes.fromhex("020000000001")
        asks = b"\xff" * 6 + mine + bytes.fromhex("0806 0001 0800 06 04 0001") + mine + bytes([192, 0, 2, 1]) + bytes(6)
        here.send((asks + bytes([192, 0, 2, 2])).ljust(60, b"\0"))
        while (frame := here.receive()) is not None:
            if frame[12:14] == b"\x08\x06" and frame[20:22] == b"\0\x02":
                break
        assert frame is not None
        assert frame[28:32] == bytes([192, 0, 2, 2])
    finally:
        here.close()


class TwoHosts:
    """Two agents in namespaces of their own with a network between them, and a server's side that reaches both."""

    def __init__(self, folder: Path, mtu: int) -> None:
        self.folder = folder
        self.namespaces = [Namespace(mtu=mtu), Namespace(mtu=mtu)]
        self.agents: list[Agent] = []
        for name, namespace in zip(("alpha", "beta"), self.namespaces, strict=True):
            other = next(each for each in self.namespaces if each is not namespace)
            ip("-n", namespace.name, "route", "add", f"{other.address}/32", "via", namespace.ours)
            made = Agent(folder / name, namespace, name)
            made.folder.mkdir()
            made.enrol(self.settings.state)
            made.start()
            self.agents.append(made)
        publish(self.settings.images)

    @property
    def settings(self) -> Settings:
        top = self.folder / "server"
        return Settings(state=top / "state", run=top / "run", images=top / "images", site_file=top / "site.yaml")

    def provider(self, name: str, **more: object) -> HostProvider:
        places = {agent.name: agent.place(**more) for agent in self.agents}
        find = partial(store.find, self.settings.images)
        return HostProvider(places[name], self.settings, Site(provider="alpha", places=tuple(places.values())), find)

    def end(self) -> None:
        for agent in self.agents:
            agent.stop()
            agent.crash()  # and what carried its wires
        for namespace in self.namespaces:
            namespace.end()


def wire_at(place: str, beyond: str, mtu: int = 9500) -> SegmentSpec:
    """As the place of its port is given it."""
    port = PortRef(sandbox="lab", machine="west-vcp" if place == "alpha" else "east-vcp", nic=2, place=place)
    return SegmentSpec(
        sandbox="lab", name="wire-1", kind="wire", ports=(port,), mtu=mtu, place=place, number=5001, beyond=(beyond,)
    )


@pytest.fixture
def forwarding() -> Iterator[None]:
    path = Path("/proc/sys/net/ipv4/ip_forward")
    before = path.read_text()
    path.write_text("1")
    yield
    path.write_text(before)


async def test_a_network_that_is_too_narrow_is_refused_with_the_numbers(forwarding: None, short: Path) -> None:
    hosts = TwoHosts(short, mtu=1500)
    try:
        alpha = hosts.provider("alpha")
        with pytest.raises(ProviderError, match=r"has to carry 9554; it carries 1500\.") as caught:
            await alpha.ensure(wire_at("alpha", "beta"))
        assert "to 9554, or set `wire-mtu: 1446`" in caught.value.hint
        findings = {one.name: one async for one in alpha.examine()}
        assert "wires to beta" in findings, findings
        assert not findings["wires to beta"].ok, findings
        narrow = hosts.provider("alpha", wire_mtu=1446)
        await narrow.ensure(wire_at("alpha", "beta", mtu=1446))
        await narrow.remove(Ref(kind=RefKind.SEGMENT, sandbox="lab", name="wire-1"))
        assert await narrow.owned() == ()
        # Somewhere on the way, where neither host sees it.
        ip("link", "set", hosts.namespaces[1].veth, "mtu", "1400")
        # A probe that is lost on a busy machine makes it less, never more.
        with pytest.raises(ProviderError, match=r"has to carry 1500; it carries 1(3\d\d|400)\."):
            await hosts.provider("alpha", wire_mtu=1446).ensure(wire_at("alpha", "beta", mtu=1446))
    finally:
        hosts.end()


async def test_machines_of_two_hosts_are_on_one_wire_and_come_back_with_it(forwarding: None, short: Path) -> None:
    """A host that reboots: its agent, its machines and what carries its wires are gone at once; then the agent runs again."""
    hosts = TwoHosts(short, mtu=9600)
    try:
        for name, router, agent in zip(("alpha", "beta"), ("west", "east"), hosts.agents, strict=True):
            provider, other = hosts.provider(name), "beta" if name == "alpha" else "alpha"
            spec = machine("lab", f"{router}-vcp")
            internal = PortRef(sandbox="lab", machine=spec.name, nic=1)
            await provider.ensure(
                SegmentSpec(sandbox="lab", name=f"{router}-internal", kind="internal", ports=(internal,), mtu=9600)
            )
            await provider.ensure(disk("lab", spec.name))
            ref = await provider.ensure(spec)
            segment = wire_at(name, other)
            await provider.ensure(segment)
            await provider.attach(segment.ports[0], segment)
            await provider.power(ref, Power.ON)
            assert agent.settings.run.joinpath("vxlan").exists()
        alpha, agent = hosts.provider("alpha"), hosts.agents[0]
        agent.crash()
        with pytest.raises(ProviderError, match="alpha"):
            await alpha.owned("lab")
        assert "does not answer" in await _unready(alpha)
        agent.boot = "two"
        agent.start()
        assert (await alpha.hello()).boot == "two"
        assert alpha.unready() == ""
        deadline = time.monotonic() + 60
        while not any(ref.running for ref in await alpha.owned("lab")):
            assert time.monotonic() < deadline
            time.sleep(0.2)
        status = subprocess.run(["pgrep", "-f", f"vxlan.py {agent.settings.run}/vxlan"], capture_output=True, check=False)
        assert status.stdout.split(), "nobody carries its wires"
        for name in ("alpha", "beta"):
            provider = hosts.provider(name)
            for kind in (RefKind.MACHINE, RefKind.DISK, RefKind.SEGMENT):
                for ref in await provider.owned("lab"):
                    if ref.kind is kind:
                        await provider.remove(ref)
            assert await provider.owned() == ()
    finally:
        hosts.end()


async def _unready(provider: HostProvider) -> str:
    with pytest.raises(ProviderError):
        await provider.hello()
    return provider.unready()
