"""What machines take of this one: counted of real processes that carry our mark, and shown where somebody looks."""

from __future__ import annotations

import mmap
import os
import signal
from collections.abc import Callable, Iterator

import pytest

from rackless.api.monitoring import taken
from rackless.providers.local.usage import Meter, of
from rackless.providers.measuring import Usage
from rackless.qemu import process

SIZE = 16 << 20


@pytest.fixture
def start(tmp_path: object) -> Iterator[Callable[[str, str], int]]:
    """A marked process that has written to so many octets of its own, and then says that it has."""
    began: list[int] = []

    def make(mark: str, what: str) -> int:
        reading, writing = os.pipe()
        code = f"import os, mmap\nwhat = {what}\nos.write({writing}, b'.')\nimport time; time.sleep(600)"
        pid = os.posix_spawn(
            "/usr/bin/env", ["env", "python3", "-S", "-c", code], {**os.environ, process.VARIABLE: mark},
            file_actions=[(os.POSIX_SPAWN_DUP2, writing, writing)],
        )  # fmt: skip
        os.close(writing)
        began.append(pid)
        assert os.read(reading, 1) == b"."
        os.close(reading)
        return pid

    yield make
    for pid in began:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


@pytest.fixture(autouse=True)
def inheritable(monkeypatch: pytest.MonkeyPatch) -> None:
    pipe = os.pipe

    def made() -> tuple[int, int]:
        ends = pipe()
        os.set_inheritable(ends[1], True)
        return ends

    monkeypatch.setattr(os, "pipe", made)


async def test_memory_and_processor_time_of_each_machine_are_told(start: Callable[[str, str], int]) -> None:
    start("site-a/lab/machine/west-vcp", f"bytearray(os.urandom({SIZE}))")
    start("site-a/lab/machine/west-vfp0", "0")
    start("site-a/lab/process/relay", "0")
    start("site-b/lab/machine/other", "0")
    found = await Meter("site-a/").read()
    assert set(found) == {("lab", "west-vcp"), ("lab", "west-vfp0")}
    big, small = found["lab", "west-vcp"], found["lab", "west-vfp0"]
    assert big.private is not None
    assert small.private is not None
    assert SIZE * 0.9 < big.private - small.private < SIZE * 1.5
    assert big.cpu >= 0


async def test_what_comes_from_a_file_and_was_not_written_is_nobodys_own(
    start: Callable[[str, str], int], tmp_path: object
) -> None:
    file = f"{tmp_path}/memory"
    with open(file, "wb") as out:
        out.write(os.urandom(SIZE))
    mapped = f"mmap.mmap(os.open({file!r}, os.O_RDONLY), {SIZE}, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ); sum(what[::4096])"
    pids = [start(f"site-c/lab/machine/clone{number}", mapped) for number in range(2)]
    assert mmap.PAGESIZE == 4096
    for pid in pids:
        used = of(pid)
        assert used is not None
        assert used.private is not None
        assert used.proportional is not None
        assert used.private < SIZE, "the two have it together"
        assert used.proportional - used.private > SIZE * 0.4, "and half of it is counted for each"


async def test_many_who_ask_at_once_get_one_answer(start: Callable[[str, str], int]) -> None:
    start("site-d/lab/machine/one", "0")
    meter = Meter("site-d/")
    first = await meter.read()
    start("site-d/lab/machine/two", "0")
    assert await meter.read() == first, "of a moment ago"


def test_one_that_is_gone_takes_nothing() -> None:
    assert of(2**22 + 1) is None


def test_numbers_are_of_all_together_and_name_no_lab() -> None:
    used = {
        ("lab", "a"): Usage(private=10, proportional=20, cpu=1.5),
        ("lab", "b"): Usage(private=None, proportional=None, cpu=2.0),
        ("other", "a"): Usage(private=1, proportional=2, cpu=0.5),
    }
    rows = {family.name: [(sample.labels, sample.value) for sample in family.samples] for family in taken(used)}
    assert rows == {"rackless_machines_private_memory_bytes": [({}, 11)], "rackless_machines_cpu_seconds": [({}, 4.0)]}
