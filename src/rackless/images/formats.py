"""What a file is, by its contents; a name proves nothing."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

HEAD = 64 * 1024
BOOT_RECORD = b"\x55\xaa"
"""The last bytes of a master boot record, and of the protective one of a GPT (UEFI specification, 5.2); of FAT's first sector."""


class Format(StrEnum):
    QCOW2 = "qcow2"
    VMDK = "vmdk"
    """VMware's sparse extent, monolithic or stream-optimized."""
    VMDK_TEXT = "vmdk descriptor"
    """A text that names other files."""
    RAW = "raw"
    TAR = "tar"
    GZIP = "gzip"
    ZIP = "zip"
    ISO = "iso"
    OVF = "ovf"
    """A descriptor without its disks."""
    OTHER = "other"


MAGICS: tuple[tuple[Format, int, bytes], ...] = (
    (Format.QCOW2, 0, b"QFI\xfb"),
    (Format.VMDK, 0, b"KDMV"),
    (Format.VMDK_TEXT, 0, b"# Disk DescriptorFile"),
    (Format.GZIP, 0, b"\x1f\x8b"),
    (Format.ZIP, 0, b"PK\x03\x04"),
    (Format.TAR, 257, b"ustar"),
    (Format.ISO, 0x8001, b"CD001"),
)
"""QEMU, docs/interop/qcow2; VMware, Virtual Disk Format 5.0; RFC 1952; PKWARE's APPNOTE 4.3.7; POSIX.1-2017, pax; ECMA-119."""
DISKS = frozenset({Format.QCOW2, Format.VMDK, Format.RAW})


def format_of(path: Path) -> Format:
    with path.open("rb") as file:
        head = file.read(HEAD)
    for found, at, magic in MAGICS:
        if head[at : at + len(magic)] == magic:
            return found
    if b"http://schemas.dmtf.org/ovf/envelope/" in head[:4096]:
        return Format.OVF
    return Format.RAW if head[510:512] == BOOT_RECORD else Format.OTHER
