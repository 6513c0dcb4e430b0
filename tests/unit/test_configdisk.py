"""The CD is read here by ECMA-119's own rules; that a Linux kernel reads it too is proven in tests/machines."""

from __future__ import annotations

import struct

import pytest

from rackless.images.configdisk import BLOCK, iso


def number(data: bytes, at: int) -> int:
    little, big = struct.unpack_from("<I", data, at)[0], struct.unpack_from(">I", data, at + 4)[0]
    assert little == big
    return int(little)


def listed(disk: bytes, block: int, size: int) -> dict[str, tuple[int, int, bool]]:
    found, at, end = {}, block * BLOCK, block * BLOCK + size
    while at < end:
        length = disk[at]
        if not length:
            at = -(-(at + 1) // BLOCK) * BLOCK
            continue
        assert at // BLOCK == (at + length - 1) // BLOCK, "a record goes over the end of a block"
        name = disk[at + 33 : at + 33 + disk[at + 32]].decode()
        found[name] = (number(disk, at + 2), number(disk, at + 10), bool(disk[at + 25] & 2))
        at += length
    return found


def read(disk: bytes) -> dict[str, bytes]:
    head = disk[16 * BLOCK : 17 * BLOCK]
    assert head[:6] == b"\1CD001"
    assert number(head, 80) * BLOCK == len(disk)
    files: dict[str, bytes] = {}

    def walk(above: str, block: int, size: int) -> None:
        entries = listed(disk, block, size)
        assert entries["\0"] == (block, size, True)
        names = [name for name in entries if name not in "\0\1"]
        assert names == sorted(names)
        for name in names:
            where, length, folder = entries[name]
            if folder:
                walk(f"{above}{name.lower()}/", where, length)
            else:
                files[above + name.lower().removesuffix(";1").removesuffix(".")] = disk[where * BLOCK : where * BLOCK + length]

    walk("", number(head, 156 + 2), number(head, 156 + 10))
    return files


@pytest.mark.parametrize(
    "files",
    [
        {"rackless.json": b"{}"},
        {"rackless.json": b"x" * 5000, "openstack/latest/user_data": b"{}", "openstack/latest/meta_data.json": b""},
        {f"many/file{number}.txt": bytes([number]) * number for number in range(120)},
    ],
)
def test_what_is_written_is_read(files: dict[str, bytes]) -> None:
    disk = iso(files)
    assert read(disk) == files
    assert disk[16 * BLOCK + 40 : 16 * BLOCK + 72].decode().strip() == "config-2"
    assert iso(files) == disk, "equal files give equal bytes"


@pytest.mark.parametrize("path", ["../etc", "/root", "a/../b", "Upper", "a.b.c", "", "x" * 40])
def test_a_path_that_cannot_be_on_it_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="configuration drive"):
        iso({path: b""})
