"""A disk without a test of its own is read."""

from __future__ import annotations

import asyncio
import errno
import os
from pathlib import Path

import pytest

from rackless.vmhost.linux import disktest

MIB = 1 << 20


def sized(path: Path, size: int) -> Path:
    with path.open("wb") as file:
        file.truncate(size)
    return path


@pytest.mark.parametrize(
    ("size", "extended", "count"), [(10 * MIB + 5, False, 11), (4000 * MIB, False, 256), (4000 * MIB, True, 4000)]
)
def test_where_is_read(size: int, extended: bool, count: int) -> None:
    places = disktest.places(size, extended)
    assert len(places) == count
    assert places == sorted(set(places))
    assert places[0] == 0
    assert places[-1] + MIB >= size
    assert all(at % MIB == 0 for at in places)


def test_a_disk_that_can_be_read_has_no_errors(tmp_path: Path) -> None:
    said: list[str] = []
    found = asyncio.run(disktest.test(sized(tmp_path / "disk", 20 * MIB), extended=True, tell=said.append))
    assert found.wrong == ""
    assert found.lines[0].startswith("20 of 20 MiB read")
    assert said == [f"{percent} %" for percent in range(10, 101, 10)]


def test_places_that_cannot_be_read_are_named_and_the_rest_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.preadv

    def preadv(fd: int, buffers: list[bytearray], at: int) -> int:
        if at in (3 * MIB, 7 * MIB):
            raise OSError(errno.EIO, "Input/output error")
        return real(fd, buffers, at)

    monkeypatch.setattr(os, "preadv", preadv)
    found = asyncio.run(disktest.test(sized(tmp_path / "disk", 20 * MIB), extended=False, tell=lambda line: None))
    assert found.wrong == "it cannot be read at 3 MiB, 7 MiB"
    assert found.lines[0].startswith("18 of 20 MiB read")
