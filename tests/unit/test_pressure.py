"""Whether this machine has room for one more that boots: of its memory, and of what its kernel says of its pressure."""

from __future__ import annotations

from pathlib import Path

import pytest

from rackless.providers.local import admission
from rackless.providers.local.pressure import PRESSURE, LocalRoom, Pressure


class Machine:
    """Files as the kernel has them, and a clock."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.now = 100.0
        self.free = 100_000
        self.waited = {"cpu": 0.0, "memory": 0.0}
        self.write()

    def write(self) -> None:
        for name, seconds in self.waited.items():
            shares = "avg10=0.00 avg60=0.00 avg300=0.00"
            text = f"some {shares} total={int(seconds * 1e6)}\nfull {shares} total=7\n"
            (self.folder / name).write_text(text)

    def goes_on(self, seconds: float, **waited: float) -> None:
        self.now += seconds
        for name, more in waited.items():
            self.waited[name] += more
        self.write()

    def room(self, processors: int = 2) -> LocalRoom:
        return LocalRoom(processors=processors, folder=self.folder, available=lambda: self.free, clock=lambda: self.now)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_as_many_as_processors_boot_whatever_the_pressure_and_more_when_nobody_waits(machine: Machine) -> None:
    room = machine.room()
    machine.goes_on(10, cpu=9)
    assert room.bars(256, []) == room.bars(256, [256]) == ""
    assert "90% of the time" in room.bars(256, [256, 256])
    machine.goes_on(2, cpu=0.1)
    assert room.bars(256, [256, 256]) == ""
    assert room.bars(256, [256] * 3) == "the last one has just begun", "what it does shows later"
    machine.goes_on(2, cpu=0.1)
    assert room.bars(256, [256] * 7) == "", "no number is too many"


def test_nobody_begins_for_whom_there_is_no_memory_but_one_alone(machine: Machine) -> None:
    room = machine.room()
    machine.free = 2 * admission.memory_with(256) - 1
    assert room.bars(256, []) == ""
    why = room.bars(256, [256])
    assert f"it takes {admission.memory_with(256)}" in why
    machine.free += 1
    assert room.bars(256, [256]) == ""


def test_a_machine_short_of_memory_lets_nobody_begin(machine: Machine) -> None:
    room = machine.room(processors=8)
    machine.goes_on(10, memory=5)
    assert "waited for memory 50% of the time" in room.bars(256, [256])
    assert "waited for memory 50% of the time" in room.bars(256, [256]), "still, a moment later"
    machine.goes_on(2)
    assert room.bars(256, [256]) == ""


def test_a_kernel_that_tells_no_pressure_is_named(tmp_path: Path) -> None:
    room = LocalRoom(processors=2, folder=tmp_path / "none", available=lambda: 100_000)
    assert room.bars(256, [256]) == ""
    assert "this kernel does not tell its pressure" in room.bars(256, [256, 256])


@pytest.mark.skipif(not Pressure("cpu").there, reason="this kernel has no PSI")
def test_this_kernels_own_words_are_understood() -> None:
    now = [100.0]
    pressure = Pressure("cpu", folder=PRESSURE, clock=lambda: now[0])
    assert pressure.share() is None
    now[0] += 1e6
    share = pressure.share()
    assert share is not None
    assert 0 <= share < 1
