"""Builds that come from elsewhere, and go there: a build as a tar archive, or a bare disk (qcow2 or raw).

What comes is written beside the store first, checked, and then given its name: a broken transfer leaves nothing that could be
used. A disk that refers to other files (a backing file, external data) is refused: it would be opened by its path here.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import secrets
import shutil
import tarfile
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

from rackless.images import qcow2, store, uses
from rackless.model import naming
from rackless.model.errors import CapacityError, InputError, NotFoundError
from rackless.running import run

CHUNK = 1 << 20
ROOM = 1 << 30
"""Bytes that must stay free on the disk."""
TAR_MAGIC = (257, b"ustar")
"""POSIX.1-2017, pax: magic of a header block."""
QCOW2_MAGIC = (0, b"QFI\xfb")
"""QEMU documentation, interop/qcow2: magic of the header."""
BLOCK = 512
BATCH = 4 << 20
BOOT_RECORD = b"\x55\xaa"
"""The last bytes of a master boot record, and of the protective one of a GPT (UEFI specification, 5.2)."""
CONVERTING = 3600.0
CHECKING = 900.0
LEAKED = 3
"""qemu-img check: room that nothing uses, which does no harm."""


async def receive(images: Path, name: str, pieces: AsyncIterator[bytes], *, sha256: str = "", current: bool = True) -> Path:
    """Take a build in, and return its directory. The same content again changes nothing.

    Args:
        pieces: the archive that `export` makes, or a disk in qcow2 or raw.
        sha256: of all pieces in hexadecimal, to be compared; "" for none.
        current: new machines get it from now on.

    Raises:
        InputError: the name, the checksum or the content is wrong.
        CapacityError: the disk is full.
        StateError: this image is being built now.
    """
    if not naming.is_name(name):
        raise InputError(f"'{name}' cannot be an image's name.", hint="Use lower-case letters, digits and single hyphens.")
    draft = images / name / f".build-{secrets.token_hex(4)}"
    whole = draft / "whole"
    await asyncio.to_thread(whole.mkdir, parents=True, mode=0o700)
    try:
        digest = await written(draft / "came", pieces)
        if sha256 and digest != sha256.lower():
            raise InputError(f"The content has the SHA-256 {digest}, not {sha256.lower()}.", hint="Send it again.")
        manifest = await _unpacked(draft / "came", whole)
        key = manifest.get("digest", digest[:16])
        return await asyncio.to_thread(kept, images, name, key, whole, manifest, current=current)
    finally:
        await asyncio.to_thread(shutil.rmtree, draft, ignore_errors=True)


def export(images: Path, name: str, digest: str) -> tuple[int, Iterator[bytes]]:
    """The archive of a build: its length, and its bytes. The files of a build never change; one that is exported is not
    removed half way only if its files are open, so each is opened first.

    Raises:
        NotFoundError: there is no such build.
    """
    folder = images / name / digest
    if not naming.is_name(name) or "/" in digest or digest.startswith(".") or not (folder / store.MANIFEST).is_file():
        raise NotFoundError(f"There is no build {digest} of an image {name}.", hint="`rackless image list` shows the builds.")
    names = [store.MANIFEST, *(file for file in store.FILES.values() if (folder / file).is_file())]
    files = [(file, (folder / file).open("rb"), (folder / file).stat().st_size) for file in names]
    return archive_length(files), archived(files)


def make_current(images: Path, name: str, digest: str) -> None:
    """New machines get that build from now on.

    Raises:
        NotFoundError: there is no such build.
    """
    if (
        not naming.is_name(name)
        or "/" in digest
        or digest.startswith(".")
        or not (images / name / digest / store.MANIFEST).is_file()
    ):
        raise NotFoundError(f"There is no build {digest} of an image {name}.", hint="`rackless image list` shows the builds.")
    with store.building(images, name), uses.removing(images / name):
        store.make_current(images, name, digest)


async def written(path: Path, pieces: AsyncIterator[bytes]) -> str:
    total = hashlib.sha256()
    pending = bytearray()

    def write() -> None:
        if shutil.disk_usage(path.parent).free < len(pending) + ROOM:
            raise CapacityError(f"The disk of {path.parent} is full.", hint="`rackless image prune` may free some of it.")
        with path.open("ab") as file:
            file.write(pending)
        total.update(pending)
        pending.clear()

    async for piece in pieces:
        pending += piece
        if len(pending) >= BATCH:
            await asyncio.to_thread(write)
    await asyncio.to_thread(write)
    return total.hexdigest()


async def _unpacked(came: Path, whole: Path) -> dict[str, str]:
    """The files of a build, checked, in `whole`; its manifest, empty for a bare disk."""
    head = await asyncio.to_thread(_head, came)
    if _is(head, TAR_MAGIC):
        return await asyncio.to_thread(_extracted, came, whole)
    disk = whole / store.FILES["disk"]
    if _is(head, QCOW2_MAGIC):
        await check_disk(came)
        await asyncio.to_thread(came.rename, disk)
    elif head[510:512] == BOOT_RECORD:
        await run(["qemu-img", "convert", "-f", "raw", "-O", "qcow2", came, disk], deadline=CONVERTING)
    else:
        raise InputError(
            "This is neither an archive of `rackless image export` nor a bootable disk (qcow2, or raw with a boot record).",
            hint="Convert it first: qemu-img convert -O qcow2 DISK disk.qcow2",
        )
    return {}


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(BLOCK)


def _extracted(came: Path, whole: Path) -> dict[str, str]:
    known = {store.MANIFEST, *store.FILES.values()}
    try:
        with tarfile.open(came, "r:") as archive:
            for member in archive:
                if member.name not in known or not member.isfile():
                    raise InputError(f"The archive holds {member.name!r}, which is no part of a build.")
                source = archive.extractfile(member)
                assert source is not None
                with (whole / member.name).open("wb") as target:
                    shutil.copyfileobj(source, target, CHUNK)
        manifest = json.loads((whole / store.MANIFEST).read_text(encoding="utf-8"))
        wanted = {str(file): str(about["sha256"]) for file, about in manifest["files"].items() if file in known}
        kept = {"digest": str(manifest["digest"]), "append": str(manifest["append"])}
    except (tarfile.TarError, OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"The archive is broken: {error}.", hint="Make it with `rackless image export`.") from error
    if not naming.is_name(f"d{kept['digest']}"):
        raise InputError(f"The archive's digest {kept['digest']!r} is none.", hint="Make it with `rackless image export`.")
    for file, digest in wanted.items():
        with (whole / file).open("rb") as source_file:
            if hashlib.file_digest(source_file, "sha256").hexdigest() != digest:
                raise InputError(f"{file} in the archive is damaged: its checksum differs.", hint="Transfer it again.")
    (whole / store.MANIFEST).unlink()
    return kept


async def check_disk(disk: Path) -> None:
    """Raises InputError when QEMU would open other files with it."""
    await asyncio.to_thread(qcow2.check, disk)
    done = await run(["qemu-img", "info", "--output=json", "-f", "qcow2", disk], deadline=60, check=False)
    if done.code:
        raise InputError(f"QEMU cannot read the disk: {done.err.decode(errors='replace').strip()[-200:]}.")
    checked = await run(["qemu-img", "check", "-q", "-f", "qcow2", disk], deadline=CHECKING, check=False)
    if checked.code not in {0, LEAKED}:
        raise InputError(f"The disk is damaged: {checked.err.decode(errors='replace').strip()[-200:]}.", hint="Fetch it again.")
    found = json.loads(done.out)
    data = found.get("format-specific", {}).get("data", {}).get("data-file")
    if found.get("backing-filename") or data:
        raise InputError(
            "The disk refers to another file, which is not in it.",
            hint=qcow2.WAY_OUT,
        )


def kept(
    images: Path,
    name: str,
    digest: str,
    whole: Path,
    manifest: Mapping[str, str],
    *,
    current: bool,
    about: Mapping[str, object] | None = None,
) -> Path:
    """Give the build its name. One of that digest that is there stays: machines may stand on it."""
    with store.building(images, name), uses.removing(images / name):
        target = images / name / digest
        if not (target / store.MANIFEST).is_file():
            shutil.rmtree(target, ignore_errors=True)
            store.put(images, name, digest, whole, append=manifest.get("append", store.DIRECT_APPEND), about=about)
        if current:
            store.make_current(images, name, digest)
    return target


def archive_length(files: Sequence[tuple[str, BinaryIO, int]]) -> int:
    return sum(BLOCK + -(-size // BLOCK) * BLOCK for _, _, size in files) + 2 * BLOCK


def archived(files: Sequence[tuple[str, BinaryIO, int]]) -> Iterator[bytes]:
    """Open files as one tar archive, with their names and lengths. They are closed at the end."""
    try:
        for name, file, size in files:
            member = tarfile.TarInfo(name)
            member.size, member.mode = size, 0o644
            yield member.tobuf(tarfile.USTAR_FORMAT) if size < 1 << 33 else member.tobuf(tarfile.GNU_FORMAT)
            while piece := file.read(CHUNK):
                yield piece
            yield b"\0" * (-size % BLOCK)
        yield b"\0" * (2 * BLOCK)
    finally:
        for _, file, _ in files:
            file.close()


def _is(head: bytes, magic: tuple[int, bytes]) -> bool:
    at, word = magic
    return head[at : at + len(word)] == word
