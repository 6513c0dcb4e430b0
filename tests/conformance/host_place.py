"""VM hosts as places of the suite: real `rackless-vmhost` processes in a network namespace of their own, behind a veth pair.

Nothing is shared with the server's side but the wire: the host has its own state, its own loopback, its own images.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

from rackless.images import store
from rackless.model.places import HostPlace, Numbers
from rackless.model.site import Site
from rackless.providers.contract import Provider, Ref, RefKind
from rackless.providers.host.enrolment import Enrolments
from rackless.providers.host.provider import HostProvider
from rackless.settings import Settings
from rackless.vmhost.serving.enrolment import Enrolment, Serving, new_request

NETWORKS = itertools.count(1)
# 16-bit code at 0x7c00: wait for an interrupt of the timer; send an x (port 0x3f8, 8250's THR); again.
TALKS = bytes.fromhex("fb f4 baf803 b078 ee ebf6")
ROOT = Path(__file__).parents[2]


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


class Namespace:
    """A host's network: `address` is its own, `ours` this side's."""

    def __init__(self, *, mtu: int = 1500) -> None:
        number = next(NETWORKS)
        tag = f"{os.getpid() % 0xFFFF:x}{number:x}"
        self.name, self.veth = f"rlh{tag}", f"rlv{tag}"
        self.ours, self.address = f"10.{100 + os.getpid() % 100}.{number}.1", f"10.{100 + os.getpid() % 100}.{number}.2"
        ip("netns", "add", self.name)
        ip(
            "link",
            "add",
            self.veth,
            "mtu",
            str(mtu),
            "type",
            "veth",
            "peer",
            "name",
            "eth0",
            "mtu",
            str(mtu),
            "netns",
            self.name,
        )
        ip("addr", "add", f"{self.ours}/24", "dev", self.veth)
        ip("link", "set", self.veth, "up")
        for words in (
            ["link", "set", "lo", "up"],
            ["addr", "add", f"{self.address}/24", "dev", "eth0"],
            ["link", "set", "eth0", "up"],
        ):
            ip("-n", self.name, *words)

    def end(self) -> None:
        ip("netns", "del", self.name)


class Agent:
    """A `rackless-vmhost serve` in a namespace. `boot`: what it takes for the boot of its host."""

    def __init__(self, folder: Path, namespace: Namespace, name: str, port: int = 9443) -> None:
        self.folder, self.namespace, self.name, self.port = folder, namespace, name, port
        self.boot = "one"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def settings(self) -> Settings:
        top = self.folder
        return Settings(state=top / "s", run=top / "r", images=top / "images", site_file=top / "site.yaml")

    def place(self, **more: object) -> HostPlace:
        kept = {"numbers": Numbers(first=5000, last=5099), "fabric": "hall", **more}
        return HostPlace(name=self.name, address=f"{self.namespace.address}:{self.port}", **kept)  # type: ignore[arg-type]

    @property
    def environment(self) -> dict[str, str]:
        own = {"STATE": self.settings.state, "RUN": self.settings.run, "IMAGES": self.settings.images}
        found = {**os.environ, **{f"RACKLESS_{key}": str(path) for key, path in own.items()}, "RACKLESS_TEST_BOOT": self.boot}
        return {**found, "PYTHONPATH": str(ROOT / "src")}

    def enrol(self, state: Path) -> None:
        """As the server's API and the host's command do it, without the way between them."""
        enrolments = Enrolments(state)
        token, _ = enrolments.invite(self.name, "https://server", "")
        key, request = new_request(self.name)
        _, certificate = enrolments.enrol(self.name, token.secret, request)
        address = self.namespace.address
        serving = Serving(name=self.name, listen=(address, self.port), wires=(address, 4789))
        Enrolment(self.settings.state).keep(serving, key, certificate, enrolments.authority.certificate.read_text())

    def start(self) -> None:
        words = ["ip", "netns", "exec", self.namespace.name, sys.executable, "-m", "rackless.vmhost.serving", "serve"]
        log = (self.folder / "agent.log").open("ab")
        self._process = subprocess.Popen(words, env=self.environment, stdout=subprocess.PIPE, stderr=log, cwd="/")
        assert self._process.stdout is not None
        assert select.select([self._process.stdout], [], [], 60)[0], "the agent says nothing"
        line = self._process.stdout.readline().decode()
        assert line.startswith("listening"), (line, (self.folder / "agent.log").read_text())

    @property
    def runs(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def crash(self) -> None:
        """As a host that loses power: all that runs there is gone at once."""
        found = subprocess.run(["ip", "netns", "pids", self.namespace.name], capture_output=True, check=True)
        for pid in found.stdout.split():
            os.kill(int(pid), signal.SIGKILL)
        if self._process is not None:
            self._process.communicate(timeout=30)
            self._process = None

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.communicate(timeout=30)
            self._process = None


def publish(images: Path, name: str = "tiny") -> None:
    """An image whose boot sector talks on the serial line for ever: the firmware alone is done before a stream is open."""
    out = images / name / ".new"
    out.mkdir(parents=True)
    raw = out / "raw"
    raw.write_bytes(TALKS.ljust(510, b"\0") + b"\x55\xaa" + bytes(1 << 20))
    subprocess.run(["qemu-img", "convert", "-O", "qcow2", raw, out / "root.qcow2"], check=True)
    raw.unlink()
    store.put(images, name, "d1", out, append="")
    store.make_current(images, name, "d1")


class HostVenue:
    """A server's side, and one host; the other installation of the suite is another server with an agent of its own there."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="rh"))
        self.namespace = Namespace()
        self._ports = 20000
        self._foreign: subprocess.Popen[bytes] | None = None
        self.agents: dict[str, Agent] = {}
        publish(self.server("a").images)

    def server(self, name: str) -> Settings:
        top = self.folder / name
        return Settings(state=top / "state", run=top / "run", images=top / "images", site_file=top / "site.yaml")

    def agent(self, name: str = "a") -> Agent:
        if name not in self.agents:
            made = Agent(self.folder / f"h{name}", self.namespace, "alpha", 9443 + len(self.agents))
            made.folder.mkdir()
            made.enrol(self.server(name).state)
            made.start()
            self.agents[name] = made
        return self.agents[name]

    def provider(self, name: str = "a") -> HostProvider:
        settings, place = self.server(name), self.agent(name).place()
        return HostProvider(place, settings, Site(places=(place,)), partial(store.find, settings.images))

    def other_site(self) -> Provider:
        return self.provider("b")

    def plant_foreign(self, sandbox: str, name: str) -> Ref:
        """A process of another site, and a directory without our mark where a machine of ours would be."""
        folder = self.agent().settings.state / "labs" / sandbox / "machines" / name
        folder.mkdir(parents=True)
        (folder / "precious").write_text("keep me")
        mark = {"RACKLESS_MARK": f"0badcafe/{sandbox}/machine/{name}"}
        self._foreign = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, env={**os.environ, **mark})
        return Ref(kind=RefKind.MACHINE, sandbox=sandbox, name=name)

    def foreign_lives(self, ref: Ref) -> bool:
        kept = self.agent().settings.state / "labs" / ref.sandbox / "machines" / ref.name / "precious"
        return self._foreign is not None and self._foreign.poll() is None and kept.read_text() == "keep me"

    def free_port(self) -> int:
        self._ports += 1
        return self._ports

    def end(self) -> None:
        """Of one test: nothing is left of what it made; the agents go on."""
        if self._foreign is not None:
            self._foreign.kill()
            self._foreign.communicate()
            self._foreign = None
            shutil.rmtree(self.agent().settings.state / "labs")
        asyncio.run(self._remove_all())

    def close(self) -> None:
        for agent in self.agents.values():
            agent.stop()
        self.namespace.end()
        shutil.rmtree(self.folder)

    async def _remove_all(self) -> None:
        provider = self.provider()
        for ref in await provider.owned():
            await provider.remove(ref)
        assert await provider.owned() == ()
