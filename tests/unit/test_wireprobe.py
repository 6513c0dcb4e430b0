"""What QEMU's kinds of wires carry here, measured on real ones; what can't be measured is named, and nothing is left."""

from __future__ import annotations

from pathlib import Path

from rackless.qemu.wireprobe import Carried, measure, told


def running() -> set[str]:
    """QEMUs of the probe."""
    found = set()
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = entry.read_bytes()
        except OSError:
            continue
        found |= {entry.parent.name} if b"/rlw" in words and b"hubport" in words else set()
    return found


async def test_each_kind_carries_frames_and_nothing_is_left() -> None:
    before = running()
    found = await measure(span=0.05)
    assert [each.kind for each in found] == ["dgram", "stream", "socket"]
    assert not any(each.why for each in found)
    assert all(each.frames > 0 < each.seconds for each in found)
    assert running() <= before


async def test_a_kind_that_this_qemu_lacks_is_named_with_its_reason() -> None:
    dgram, odd = await measure(("dgram", "carrier-pigeon"), span=0.05)
    assert dgram.frames > 0
    assert odd.why


def test_the_others_are_told_against_the_first() -> None:
    found = (
        Carried(kind="dgram", frames=20000, seconds=0.0001),
        Carried(kind="stream", frames=30000, seconds=0.00008),
        Carried(kind="socket", why="no port is free"),
    )
    assert told(found) == (
        "dgram carries 20000 frames a second, each in 0.10 ms; "
        "stream: 1.50 of its frames, 0.80 of its time; socket: no port is free"
    )
    assert told((Carried(kind="dgram", why="QEMU is not installed"),)) == "dgram: QEMU is not installed"
