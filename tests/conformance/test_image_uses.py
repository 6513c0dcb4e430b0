"""A build of an image stays as long as a lab of any installation on this machine stands on it, and goes afterwards."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import specs  # type: ignore[import-not-found]  # beside this file, which is no package

from rackless.images import pruning, store, uses
from rackless.model.errors import ProviderError, StateError
from rackless.model.plan import MachineSpec
from rackless.model.site import Site
from rackless.providers.contract import RefKind
from rackless.providers.local.provider import LocalProvider
from rackless.qemu import disks
from rackless.settings import Settings

IMAGE = "tiny"


class Machine:
    """This machine: one image store, and installations that share it."""

    def __init__(self, top: Path) -> None:
        self.top = top
        self.images = top / "images"

    def publish(self, digest: str) -> Path:
        out = self.images / IMAGE / f".new-{digest}"
        out.mkdir(parents=True)
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", out / "root.qcow2", "1M"], check=True)
        for name in ("kernel", "initrd"):
            (out / name).write_bytes(bytes(100_000))
        return store.publish(self.images, IMAGE, digest, out).disk.parent

    def state(self, name: str) -> Path:
        return self.top / name

    def provider(self, name: str = "a") -> LocalProvider:
        run = self.top / f"{name}r"
        settings = Settings(state=self.state(name), run=run, images=self.images, site_file=run / "site.yaml")
        return LocalProvider(settings, Site(), partial(store.find, self.images))

    def prune(self, name: str = "a", **more: bool) -> tuple[set[str], dict[str, tuple[str, ...]]]:
        """What went, and who keeps the rest."""
        found = pruning.prune(self.images, self.state(name), **more)
        return {item.name for item in found if not item.users}, {item.name: item.users for item in found if item.users}

    def there(self) -> set[str]:
        return {build.name for build in pruning.builds(self.images / IMAGE)}


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    monkeypatch.setenv("RACKLESS_MANAGEMENT", "forwarded")
    # Short: socket paths are limited to 107 bytes.
    with tempfile.TemporaryDirectory(prefix="rl") as folder:
        yield Machine(Path(folder))


def vm(lab: str) -> MachineSpec:
    found: MachineSpec = specs.machine(lab, "west-vcp")
    return found


async def make(provider: LocalProvider, spec: MachineSpec) -> None:
    await provider.ensure(specs.internal(spec.sandbox, "west"))
    await provider.ensure(spec.disks[0])
    await provider.ensure(spec)


async def unmake(provider: LocalProvider, sandbox: str) -> None:
    for kind in (RefKind.MACHINE, RefKind.DISK, RefKind.SEGMENT, RefKind.FILE):
        for ref in await provider.owned(sandbox):
            if ref.kind is kind:
                await provider.remove(ref)
    assert await provider.owned(sandbox) == ()


def test_old_builds_go_and_the_current_one_stays(machine: Machine) -> None:
    machine.publish("d1")
    machine.publish("d2")
    new = machine.publish("d3")
    count, size = pruning.older(machine.images, IMAGE)
    assert count == 2
    assert size >= 400_000
    assert machine.prune(dry=True)[0] == {"tiny d1", "tiny d2"}
    assert machine.there() == {"d1", "d2", "d3"}
    assert machine.prune() == ({"tiny d1", "tiny d2"}, {"tiny d3": ("new machines",)})
    assert machine.there() == {"d3"}
    assert machine.prune()[0] == set()
    assert store.find(machine.images, IMAGE).disk.parent == new


async def test_a_build_stays_while_a_lab_of_any_installation_stands_on_it(machine: Machine) -> None:
    old = machine.publish("d1")
    here, there = machine.provider("a"), machine.provider("b")
    await make(here, vm("mine"))
    await make(there, vm("theirs"))
    await make(there, vm("theirs"))  # again is fine
    machine.publish("d2")
    both = ("mine", f"theirs ({machine.state('b')})")
    assert machine.prune() == (set(), {"tiny d1": both, "tiny d2": ("new machines",)})
    assert uses.users(old, machine.state("b")) == (f"mine ({machine.state('a')})", "theirs")
    # A machine made anew after the build stands on the new one; its lab's other disks keep the old one.
    await unmake(here, "mine")
    assert machine.prune()[1]["tiny d1"] == both[1:]
    overlay = machine.state("b") / "labs/theirs/disks" / f"{vm('theirs').disks[0].name}.qcow2"
    assert disks.backing(overlay) == old / "root.qcow2"
    subprocess.run(["qemu-img", "check", "-q", overlay], check=True)
    await unmake(there, "theirs")
    assert list(old.glob("uses/*")) == []
    assert machine.prune()[0] == {"tiny d1"}
    assert machine.there() == {"d2"}


async def test_a_mark_that_was_lost_is_made_again_and_one_that_is_left_keeps_nothing(machine: Machine) -> None:
    old = machine.publish("d1")
    there = machine.provider("b")
    await make(there, vm("theirs"))
    machine.publish("d2")
    (mark,) = old.glob("uses/*")
    text = mark.read_text()
    mark.unlink()
    await there.ensure(vm("theirs").disks[0])  # as `up` does
    assert machine.prune()[1]["tiny d1"] == (f"theirs ({machine.state('b')})",)
    await unmake(there, "theirs")
    (old / "uses").mkdir(exist_ok=True)
    mark.write_text(text)  # a crash in the midst of the removal
    assert machine.prune()[0] == {"tiny d1"}


async def test_a_lab_whose_state_directory_is_not_there_keeps_its_build_until_told(machine: Machine) -> None:
    machine.publish("d1")
    await make(machine.provider("b"), vm("theirs"))
    machine.publish("d2")
    machine.state("b").rename(machine.top / "not-mounted")
    assert machine.prune()[1]["tiny d1"] == (f"theirs ({machine.state('b')} is not there)",)
    assert machine.prune(gone=True)[0] == {"tiny d1"}


async def test_a_mark_that_cannot_be_read_keeps_the_build(machine: Machine) -> None:
    old = machine.publish("d1")
    machine.publish("d2")
    (old / "uses").mkdir()
    (old / "uses/x.y").write_text("{")
    assert machine.prune()[1]["tiny d1"] == (f"somebody ({old / 'uses/x.y'} cannot be read)",)


async def test_a_build_is_not_removed_between_its_mark_and_its_overlay(machine: Machine) -> None:
    old = machine.publish("d1")
    machine.publish("d2")
    user = uses.User(site="s", lab="l", state=machine.state("b"), folder=machine.state("b") / "labs/l")
    user.folder.mkdir(parents=True)
    async with uses.using(old, user):
        pruning_ = asyncio.create_task(asyncio.to_thread(machine.prune))
        await asyncio.sleep(0.2)
        assert not pruning_.done()
        await disks.overlay(user.folder / "disk.qcow2", old / "root.qcow2")
    assert (await pruning_)[0] == set()


def test_what_builders_left_goes_and_a_builder_at_work_is_not_disturbed(machine: Machine) -> None:
    machine.publish("d1")
    folder = machine.images / IMAGE
    (folder / ".build-x/work").mkdir(parents=True)
    (folder / ".gone-d0").mkdir()
    for name in ("base-aa.tar.zst", "base-bb.tar.zst", "base-bb.tar.new.tar.zst"):
        (folder / name).write_bytes(b"x")
    with store.building(machine.images, IMAGE), pytest.raises(StateError, match="being built"):
        machine.prune()
    found = pruning.prune(machine.images, machine.state("a"), packages="aa")
    going = {item.name for item in found if not item.users}
    assert going == {".build-x", ".gone-d0", "base-bb.tar.zst", "base-bb.tar.new.tar.zst"}
    assert sorted(path.name for path in folder.iterdir() if path.name != "uses") == [
        ".lock", ".uses.lock", "base-aa.tar.zst", "current", "d1",
    ]  # fmt: skip


def test_a_store_that_may_not_be_written_is_told(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.publish("d1")
    monkeypatch.setattr("os.access", lambda *_: False)  # root may write everywhere
    with pytest.raises(ProviderError, match="may not be written by this user"):
        machine.prune()


def test_a_machine_that_runs_keeps_its_build_without_any_mark(machine: Machine) -> None:
    old = machine.publish("d1")
    machine.publish("d2")
    words = ["qemu-system-x86_64", "-c", "input()", "-kernel", str(old / "kernel")]
    with subprocess.Popen(words, executable=sys.executable, stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        end = time.monotonic() + 20
        while b"qemu-system" not in Path(f"/proc/{process.pid}/cmdline").read_bytes():  # empty in the midst of its exec
            assert time.monotonic() < end
            time.sleep(0.01)
        assert machine.prune()[1]["tiny d1"] == (f"process {process.pid}",)
        process.stdin.close()
    assert machine.prune()[0] == {"tiny d1"}
