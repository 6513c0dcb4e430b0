"""Archives that strangers made: nothing is written but plain files below one folder, and not more than there is room for."""

from __future__ import annotations

import gzip
import io
import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Protocol

from rackless.images.formats import Format, format_of
from rackless.model.errors import CapacityError, InputError

CHUNK = 1 << 20
MOST_MEMBERS = 20_000
MOST_BYTES = 256 << 30
"""Of all that comes out of one file."""
ROOM = 1 << 30
"""Bytes that must stay free on the disk."""
LOOK = 64 << 20
"""Bytes between two looks at how much is free."""
MOST_READ = 4 << 20
"""Bytes of one read by the archive's reader: a header that wants more is a bomb."""
MOST_NAME = 1024

Wanted = Callable[[str], str | None]
"""Name in the archive -> name of the file it becomes, None to pass it over."""


class Budget:
    """What may still be written."""

    def __init__(self, folder: Path, most: int = MOST_BYTES) -> None:
        self._folder = folder
        self._left = most
        self._looked = LOOK

    def take(self, count: int) -> None:
        """Raises InputError or CapacityError when that is too much."""
        self._left -= count
        self._looked += count
        if self._left < 0:
            raise InputError("What comes out of the file is larger than any image.", hint="Is it a damaged or hostile archive?")
        if self._looked >= LOOK:
            self._looked = 0
            if shutil.disk_usage(self._folder).free < ROOM:
                raise CapacityError(f"The disk of {self._folder} is full.", hint="`rackless image prune` may free some of it.")


class Readable(Protocol):
    def read(self, count: int, /) -> bytes: ...


def spill(source: Readable, target: Path, budget: Budget) -> None:
    """Write a stream; blocks of zeros become holes."""
    size = 0
    with target.open("xb") as file:
        while piece := source.read(CHUNK):
            budget.take(len(piece))
            if piece.count(0) == len(piece):
                file.seek(len(piece), 1)
            else:
                file.write(piece)
            size += len(piece)
        file.truncate(size)


def unpack(archive: Path, folder: Path, wanted: Wanted, budget: Budget, *, strict: bool = True) -> list[str]:
    """Write the wanted members of a tar (plain or gzip) or zip into `folder`, and return what they are called there, in order.

    `strict`: links and special files are refused wherever they are; otherwise those of a wanted name, and others passed over.

    Raises:
        InputError: it is broken, or holds what no image has.
    """
    kind = format_of(archive)
    with _whole():
        if kind is Format.ZIP:
            return _unzip(archive, folder, wanted, budget, strict=strict)
        return _untar(archive, kind is Format.GZIP, folder, wanted, budget, strict=strict)


@contextmanager
def _whole() -> Iterator[None]:
    """What the readers of archives say of a broken one, as our own."""
    try:
        yield
    except (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise InputError(f"The archive is broken: {error}.", hint="Fetch it again.") from error


def gunzip(source: Path, target: Path, budget: Budget) -> None:
    """Raises InputError: it is broken."""
    with _whole(), gzip.open(source) as file:
        spill(file, target, budget)


def names(archive: Path) -> list[str]:
    """What an archive holds, by its own word. Raises InputError: it is broken."""
    kind = format_of(archive)
    with _whole():
        if kind is Format.ZIP:
            with zipfile.ZipFile(archive) as opened:
                return opened.namelist()
        with _tar(archive, zipped=kind is Format.GZIP) as tar:
            return [member.name for _, member in zip(range(MOST_MEMBERS), tar, strict=False)]


def is_tar(path: Path) -> bool:
    """Whether a gzip file has a tar inside."""
    try:
        with gzip.open(path) as file:
            return file.read(512)[257:262] == b"ustar"
    except (OSError, EOFError, zlib.error):
        return False


class _Measured:
    """A file whose single reads are bounded: extended headers are read whole into memory."""

    def __init__(self, file: io.BufferedIOBase) -> None:
        self._file = file
        self.seek, self.tell, self.close = file.seek, file.tell, file.close

    def read(self, count: int = -1) -> bytes:
        if not 0 <= count <= MOST_READ:
            raise InputError("The archive has a header that no image's has.", hint="Is it a damaged or hostile archive?")
        return self._file.read(count)


@contextmanager
def _tar(archive: Path, *, zipped: bool) -> Iterator[tarfile.TarFile]:
    with (
        archive.open("rb") as file,
        gzip.GzipFile(fileobj=file, mode="rb") if zipped else file as opened,
        tarfile.open(fileobj=_Measured(opened), mode="r:") as tar,  # type: ignore[call-overload]
    ):
        yield tar


def _untar(archive: Path, zipped: bool, folder: Path, wanted: Wanted, budget: Budget, *, strict: bool) -> list[str]:
    found: list[str] = []
    with _tar(archive, zipped=zipped) as tar:
        for count, member in enumerate(tar):
            _count(count)
            name = _plain(member.name)
            target = wanted(name)
            if member.isdir():
                continue
            if not member.isfile():
                if strict or target is not None:
                    raise InputError(
                        f"The archive holds {name!r}, which is no plain file.", hint="Images have no links or devices."
                    )
                continue
            if target is None:
                budget.take(0)
                continue
            source = tar.extractfile(member)
            assert source is not None
            spill(source, _new(folder, target, found), budget)
    return found


def _unzip(archive: Path, folder: Path, wanted: Wanted, budget: Budget, *, strict: bool) -> list[str]:
    found: list[str] = []
    with zipfile.ZipFile(archive) as opened:
        _count(len(opened.infolist()))
        for member in opened.infolist():
            name = _plain(member.filename)
            target = wanted(name)
            kind = member.external_attr >> 28
            """The file's type, where the archive was made on Unix (st_mode, in the upper half): 8 is a plain file, 4 a folder."""
            if member.is_dir():
                continue
            if kind not in {0, 8}:
                if strict or target is not None:
                    raise InputError(
                        f"The archive holds {name!r}, which is no plain file.", hint="Images have no links or devices."
                    )
                continue
            if target is None:
                continue
            if member.flag_bits & 1:
                raise InputError(f"{name!r} in the archive is encrypted.", hint="Unpack it first, and import what is in it.")
            with opened.open(member) as source:
                spill(source, _new(folder, target, found), budget)
    return found


def _count(number: int) -> None:
    if number >= MOST_MEMBERS:
        raise InputError(f"The archive holds more than {MOST_MEMBERS} files.", hint="Is it a damaged or hostile archive?")


def _plain(name: str) -> str:
    """The name of a member, without `./` before it. Raises InputError when it leads elsewhere."""
    parts = PurePosixPath(name).parts
    if not name or len(name) > MOST_NAME or name.startswith("/") or ".." in parts or "\\" in name or "\0" in name:
        raise InputError(f"The archive holds {name[:100]!r}, which leads out of it.", hint="Is it a hostile archive?")
    return "/".join(part for part in parts if part != ".")


def _new(folder: Path, name: str, found: list[str]) -> Path:
    if name in found:
        raise InputError(f"The archive holds {name!r} twice.", hint="Is it a damaged or hostile archive?")
    found.append(name)
    return folder / name
