"""The places that the one suite runs on: the cloud in memory, and this machine with real QEMU processes.

The local machines have an empty disk and no kernel: their firmware runs, and every verb works on them within a second.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pytest
from tests.conformance.host_place import HostVenue
from tests.conformance.openstack_place import OpenStackVenue
from tests.conformance.vsphere_place import VsphereVenue
from tests.vsphere.vcenter import VCenter

from rackless.model.errors import NotFoundError
from rackless.model.site import Site
from rackless.providers.contract import Provider, Ref, RefKind
from rackless.providers.everywhere import Everywhere
from rackless.providers.fake import FakeProvider
from rackless.providers.fake_cloud import FakeCloud
from rackless.providers.local.provider import LocalProvider
from rackless.settings import Settings


class Place(Protocol):
    """Somewhere machines are made. `provider()` gives a new provider object each time: nothing may hang on the old one."""

    def provider(self) -> Provider: ...

    def other_site(self) -> Provider:
        """A provider of another installation on the same host."""
        ...

    def plant_foreign(self, sandbox: str, name: str) -> Ref:
        """A machine that is not ours under a name that could be; it must survive."""
        ...

    def foreign_lives(self, ref: Ref) -> bool: ...

    def free_port(self) -> int: ...

    def end(self) -> None: ...


class FakePlace:
    def __init__(self, folder: Path) -> None:
        self._file = folder / "cloud"
        self._other = folder / "other"
        self._ports = 20000

    def provider(self) -> Provider:
        return FakeProvider(FakeCloud(self._file))

    def other_site(self) -> Provider:
        return FakeProvider(FakeCloud(self._other))

    def plant_foreign(self, sandbox: str, name: str) -> Ref:
        return FakeCloud(self._file).plant_foreign(RefKind.MACHINE, sandbox, name)

    def foreign_lives(self, ref: Ref) -> bool:
        return f"{ref.kind.value}/{ref.name}" in FakeCloud(self._file).lab(ref.sandbox).foreign

    def free_port(self) -> int:
        self._ports += 1
        return self._ports

    def end(self) -> None:
        return


class SeveralPlaces(FakePlace):
    """Three pretended clouds as one provider, as a site with `places` has it. What is at none of them by name is at the first."""

    def provider(self) -> Provider:
        async def unknown(name: str) -> None:
            return None

        others = {name: FakeProvider(FakeCloud(self._file.with_name(name))) for name in ("munich", "vienna")}
        return Everywhere({"home": super().provider(), **others}, unknown)


@dataclass(frozen=True)
class EmptyImage:
    disk: Path
    kernel: Path | None = None
    initrd: Path | None = None
    append: str = ""


class LocalPlace:
    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="rl"))
        self.disk = self.folder / "empty.qcow2"
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", self.disk, "1M"], check=True)
        self._foreign: subprocess.Popen[bytes] | None = None

    def settings(self, name: str = "a") -> Settings:
        root = self.folder / name
        return Settings(state=root / "state", run=root / "run", images=root / "images", site_file=root / "site.yaml")

    def find(self, name: str) -> EmptyImage:
        if name != "tiny":
            raise NotFoundError(f"There is no image {name}.", hint="Build it.")
        return EmptyImage(self.disk)

    def provider(self) -> LocalProvider:
        return LocalProvider(self.settings(), Site(), self.find)

    def other_site(self) -> Provider:
        return LocalProvider(self.settings("b"), Site(), self.find)

    def plant_foreign(self, sandbox: str, name: str) -> Ref:
        """A process of another site, and a directory without our mark where a machine of ours would be."""
        folder = self.settings().state / "labs" / sandbox / "machines" / name
        folder.mkdir(parents=True)
        (folder / "precious").write_text("keep me")
        mark = {"RACKLESS_MARK": f"0badcafe/{sandbox}/machine/{name}"}
        self._foreign = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, env={**os.environ, **mark})
        return Ref(kind=RefKind.MACHINE, sandbox=sandbox, name=name)

    def foreign_lives(self, ref: Ref) -> bool:
        kept = self.settings().state / "labs" / ref.sandbox / "machines" / ref.name / "precious"
        return self._foreign is not None and self._foreign.poll() is None and kept.read_text() == "keep me"

    def free_port(self) -> int:
        with socket.socket() as end:
            end.bind(("127.0.0.1", 0))
            return int(end.getsockname()[1])

    def end(self) -> None:
        if self._foreign is not None:
            self._foreign.send_signal(signal.SIGKILL)
            self._foreign.communicate()
        asyncio.run(self._remove_all())
        shutil.rmtree(self.folder)

    async def _remove_all(self) -> None:
        provider = self.provider()
        for ref in await provider.owned():
            await provider.remove(ref)
        assert await provider.owned() == ()


@pytest.fixture(scope="session")
def vsphere_server() -> Iterator[VCenter]:
    server = VCenter()
    server.image("rackless-images/tiny")
    yield server
    server.end()


def _vsphere(request: pytest.FixtureRequest) -> Place:
    server = request.getfixturevalue("vsphere_server")
    if request.param == "vsphere-standard":
        return VsphereVenue(server, switch="", standard_switch="vSwitch0")
    return VsphereVenue(server)


VSPHERE = [pytest.param(name, marks=pytest.mark.vsphere) for name in ("vsphere", "vsphere-standard")]


@pytest.fixture(scope="session")
def host_venue() -> Iterator[HostVenue]:
    venue = HostVenue()
    yield venue
    venue.close()


# A machine there is half a minute's work, with a stack to start before the first. The other ways of rewiring: tests/openstack.
OPENSTACK = pytest.param("openstack", marks=[pytest.mark.openstack, pytest.mark.timeout(600)])


HOST = pytest.param("host", marks=[pytest.mark.root, pytest.mark.skipif(os.geteuid() != 0, reason="needs root for namespaces")])


@pytest.fixture(params=["fake", "several", "local", HOST, OPENSTACK, *VSPHERE])
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    monkeypatch.setenv("RACKLESS_ACCELERATOR", "tcg")
    monkeypatch.setenv("RACKLESS_MANAGEMENT", "forwarded")
    made: Place
    if request.param == "openstack":
        made = OpenStackVenue(request.getfixturevalue("openstack_stack"))
    elif request.param.startswith("vsphere"):
        made = _vsphere(request)
    elif request.param == "host":
        made = request.getfixturevalue("host_venue")
    else:
        kinds = {"fake": FakePlace, "several": SeveralPlaces}
        made = kinds[request.param](tmp_path) if request.param in kinds else LocalPlace()
    yield made
    made.end()


@pytest.fixture
def local(monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalPlace]:
    monkeypatch.setenv("RACKLESS_ACCELERATOR", "tcg")
    monkeypatch.setenv("RACKLESS_MANAGEMENT", "forwarded")
    made = LocalPlace()
    yield made
    made.end()
