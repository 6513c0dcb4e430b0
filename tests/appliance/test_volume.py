"""The volume of a node's data grown while it is written to, on loop devices, with the system's own tools."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from rackless.appliance import growing
from rackless.appliance.volume import Step
from rackless.model.errors import InputError, ProviderError

pytestmark = [pytest.mark.appliance, pytest.mark.skipif(os.geteuid() != 0, reason="loop devices need root")]
MIB = 1 << 20


def sh(*words: str | Path) -> str:
    return subprocess.run([str(word) for word in words], check=True, capture_output=True, text=True).stdout.strip()


class Bench:
    """Loop devices, and what is mounted; all of it is taken away again."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.loops, self.mounts, self.tables = folder, {}, [], []

    def disk(self, name: str, size: int, *, partitions: bool = False) -> str:
        path = self.folder / name
        with path.open("wb") as file:
            file.truncate(size)
        if partitions:
            table = f"label: gpt\nstart=2048, size={16 * MIB // 512}\nsize={size // 2 // 512}\n"
            subprocess.run(["sfdisk", "--quiet", path], input=table, text=True, check=True)
        self.loops[name] = sh("losetup", "--find", "--show", path)
        if partitions:
            sh("partx", "--add", self.loops[name])
            self.tables.append(self.loops[name])
        return self.loops[name]

    def enlarge(self, name: str, size: int) -> None:
        os.truncate(self.folder / name, size)
        sh("losetup", "--set-capacity", self.loops[name])

    def mount(self, device: str) -> Path:
        place = self.folder / f"mount{len(self.mounts)}"
        place.mkdir()
        sh("mount", device, place)
        self.mounts.append(place)
        return place

    def end(self) -> None:
        for place in (*reversed(self.mounts), self.folder / "data"):
            while os.path.ismount(place):
                sh("umount", place)
        for loop in self.tables:
            sh("partx", "--delete", loop)
        for loop in self.loops.values():
            sh("losetup", "--detach", loop)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    try:
        yield made
    finally:
        made.end()


@contextlib.contextmanager
def being_written(place: Path) -> Iterator[None]:
    """A file that grows all the time, with sums; in the end each line of it is what was written."""
    code = (
        "import hashlib, os, sys\n"
        "with open(sys.argv[1], 'a') as file:\n"
        "  number = 0\n"
        "  while True:\n"
        "    number += 1\n"
        "    file.write(f'{number} {hashlib.sha256(str(number).encode()).hexdigest()}\\n')\n"
        "    if number % 50 == 0: file.flush(); os.fsync(file.fileno())\n"
    )
    process = subprocess.Popen(["python3", "-c", code, place / "written"])
    try:
        deadline = time.monotonic() + 60
        while not (place / "written").exists() or not (place / "written").stat().st_size:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield
        assert process.poll() is None, "the writer was stopped by an error"
    finally:
        process.kill()
        process.wait()
    lines = (place / "written").read_text().splitlines()[:-1]
    for number, line in enumerate(lines, start=1):
        assert line == f"{number} {hashlib.sha256(str(number).encode()).hexdigest()}"


def free(place: Path) -> int:
    about = os.statvfs(place)
    return about.f_blocks * about.f_frsize


async def test_a_volume_takes_an_enlarged_disk_and_another_while_it_is_written(bench: Bench, tmp_path: Path) -> None:
    first = bench.disk("first", 200 * MIB)
    said: list[str] = []
    assert await growing.provide(say=said.append, mount=tmp_path / "data", states=tmp_path / "states", disks=[first])
    place = tmp_path / "data"
    bench.mounts += [tmp_path / "states/rackless", tmp_path / "states/rackless-fabric"]
    with being_written(tmp_path / "states/rackless-fabric"):
        before = free(place)
        bench.enlarge("first", 400 * MIB)
        assert await growing.grow(place, say=said.append) == (200 * MIB, 400 * MIB)
        assert free(place) - before == 200 * MIB
        second = bench.disk("second", 300 * MIB)
        assert await growing.grow(tmp_path / "states/rackless", [second], say=said.append) == (400 * MIB, 700 * MIB)
        assert free(place) - before == 500 * MIB
    assert await growing.grow(place, [second], say=said.append) == (700 * MIB, 700 * MIB)
    assert "Nothing to grow" in said[-1]
    assert "No_COW" in sh("lsattr", "-d", "-l", place / "rackless-fabric")


async def test_a_volume_that_is_there_is_mounted_and_not_made_anew(bench: Bench, tmp_path: Path) -> None:
    first = bench.disk("first", 200 * MIB)
    (tmp_path / "states/rackless").mkdir(parents=True)
    (tmp_path / "states/rackless/site.yaml").write_text("before")
    bench.mounts += [tmp_path / "states/rackless", tmp_path / "states/rackless-fabric"]
    for _ in range(2):
        assert await growing.provide(say=print, mount=tmp_path / "data", states=tmp_path / "states", disks=[first])
        assert (tmp_path / "states/rackless/site.yaml").read_text() == "before"
        for place in (*bench.mounts, tmp_path / "data"):
            sh("umount", place)


def may_resize_ext4() -> bool:
    """CAP_SYS_RESOURCE (capabilities(7)), which containers lack."""
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("CapEff"))
    return bool(int(line.split()[1], 16) >> 24 & 1)


@pytest.mark.parametrize("form", ["xfs", "ext4"])
async def test_a_partition_and_its_file_system_grow_online(bench: Bench, form: str) -> None:
    if form == "ext4" and not may_resize_ext4():
        pytest.skip("this container may not resize ext4 online")
    loop = bench.disk("disk", 800 * MIB, partitions=True)
    sh(f"mkfs.{form}", "-q", f"{loop}p2")
    place = bench.mount(f"{loop}p2")
    with being_written(place):
        bench.enlarge("disk", 1200 * MIB)
        before, after = await growing.grow(place, say=print)
        assert free(place) > 1000 * MIB
    assert before == 400 * MIB
    assert after > 1150 * MIB
    assert await growing.grow(place, say=print) == (after, after)
    sh("umount", place)
    check = ("xfs_repair", "-n") if form == "xfs" else ("e2fsck", "-f", "-n")
    sh(*check, f"{loop}p2")


async def test_a_disk_with_something_on_it_is_refused_and_left_as_it_is(bench: Bench, tmp_path: Path) -> None:
    first, other = bench.disk("first", 200 * MIB), bench.disk("other", 200 * MIB)
    sh("mkfs.ext4", "-q", other)
    bench.mounts += [tmp_path / "states/rackless", tmp_path / "states/rackless-fabric"]
    await growing.provide(say=print, mount=tmp_path / "data", states=tmp_path / "states", disks=[first])
    before = hashlib.sha256((tmp_path / "other").read_bytes()).hexdigest()
    with pytest.raises(InputError, match="would lose what is on it"):
        await growing.grow(tmp_path / "data", [other], say=print)
    with pytest.raises(InputError, match="is no disk of this machine"):
        await growing.grow(tmp_path / "data", ["/dev/null"], say=print)
    assert hashlib.sha256((tmp_path / "other").read_bytes()).hexdigest() == before


@pytest.mark.parametrize("cut", range(3))
async def test_a_growth_that_was_cut_off_after_any_step_is_gone_on_with(
    bench: Bench, tmp_path: Path, cut: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = bench.disk("first", 200 * MIB), bench.disk("second", 200 * MIB)
    bench.mounts += [tmp_path / "states/rackless", tmp_path / "states/rackless-fabric"]
    await growing.provide(say=print, mount=tmp_path / "data", states=tmp_path / "states", disks=[first])
    bench.enlarge("first", 300 * MIB)
    taken, take = [], growing.take

    async def some(wanted: Step) -> None:
        if len(taken) == cut:
            raise ProviderError("the power failed")
        taken.append(wanted)
        await take(wanted)

    monkeypatch.setattr(growing, "take", some)
    with contextlib.suppress(ProviderError):
        await growing.grow(tmp_path / "data", [second], say=print)
    monkeypatch.setattr(growing, "take", take)
    assert (await growing.grow(tmp_path / "data", [second], say=print))[1] == 500 * MIB
    await asyncio.sleep(0)
