"""Debian's kernel taken apart: the ELF inside a bzImage, and the modules that a list of names needs."""

from __future__ import annotations

import lzma
import struct
from pathlib import Path

from rackless.model.errors import InputError


def vmlinux(bzimage: bytes) -> bytes:
    """The uncompressed kernel of a bzImage (Linux documentation, x86 boot protocol 2.08: payload_offset, payload_length).

    Raises:
        InputError: no bzImage, or one that is not compressed with XZ.
    """
    if len(bzimage) < 0x250 or bzimage[0x202:0x206] != b"HdrS":
        raise InputError("The kernel is no bzImage.", hint="The image is built from Debian's package linux-image-amd64.")
    sectors = bzimage[0x1F1] or 4
    offset, length = struct.unpack_from("<II", bzimage, 0x248)
    start = (sectors + 1) * 512 + offset
    payload = bzimage[start : start + length]
    try:
        elf = lzma.LZMADecompressor(format=lzma.FORMAT_XZ).decompress(payload)
    except lzma.LZMAError as error:
        raise InputError(
            "The kernel's payload is not compressed with XZ.", hint="The image is built from Debian's package linux-image-amd64."
        ) from error
    if elf[:4] != b"\x7fELF":
        raise InputError(
            "The kernel's payload is no ELF file.", hint="The image is built from Debian's package linux-image-amd64."
        )
    return elf


def read_module_lists(text: str) -> dict[str, tuple[str, ...]]:
    """Sections `[name]` of module names; `#` starts a comment."""
    sections: dict[str, list[str]] = {}
    current: list[str] = []
    for line in text.splitlines():
        words = line.partition("#")[0].strip()
        if words.startswith("["):
            current = sections.setdefault(words.strip("[]"), [])
        else:
            current.extend(words.split())
    return {name: tuple(modules) for name, modules in sections.items()}


class ModuleTree:
    """modules.dep of one kernel. Paths are relative to its directory."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.needs: dict[str, list[str]] = {}
        for line in (folder / "modules.dep").read_text().splitlines():
            path, _, rest = line.partition(":")
            self.needs[path] = rest.split()
        self.by_name = {Path(path).name.partition(".ko")[0].replace("-", "_"): path for path in self.needs}

    def closure(self, names: tuple[str, ...]) -> list[str]:
        """Files of these modules and of all that they need, in the order of loading. Built-in or absent modules are left out."""
        order: list[str] = []

        def visit(path: str) -> None:
            if path in order:
                return
            for need in self.needs[path]:
                visit(need)
            order.append(path)

        for name in names:
            path = self.by_name.get(name.replace("-", "_"))
            if path is not None:
                visit(path)
        return order
