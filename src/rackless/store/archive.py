"""A backup is one file: a compressed tar with a manifest that names every part and its checksum. It holds secrets.

manifest.json           format, version, when, which kind of database, form of the tables, parts with size and SHA-256
store/TABLE.jsonl       rows (snapshot.py)
record/TABLE.jsonl      the same of the record of durable workflows
files/...               of the state directory: the server's name, site.yaml, saved and kept configurations, keys
"""

from __future__ import annotations

import hashlib
import json
import tarfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from rackless.model.errors import InputError, StateError
from rackless.release import build, release
from rackless.store import snapshot

FORMAT = 1
MANIFEST = "manifest.json"
FILES = ("server.id", "saved", "kept", "hosts", "certificate.key", "certificate.pem", "web.json")
"""Of the state directory, files and folders. Images, disks of machines and transcripts are not part of a backup."""
MARK = "site-id"
"""By which a machine's provider knows what is its own: restored where there is none, for what runs here has the one there is."""
SITE = "site.yaml"
PIECE = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Part:
    size: int
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """`made`: seconds since the epoch. `kind`: sqlite or postgresql. `revision`: form of the store's tables. `running`: jobs that
    had not ended. `rows`: by table of the store."""

    format: int
    version: str
    build: str
    made: float
    kind: str
    revision: str
    running: int
    rows: dict[str, int]
    parts: dict[str, Part]


def write(to: Path, seen: snapshot.Snapshot, *, kind: str, revision: str, running: int, state: Path, site: Path) -> Manifest:
    """Make the archive (0600), with its parts in a folder beside it until it is whole."""
    parts = to.with_name(f"{to.name}.parts")
    parts.mkdir(mode=0o700)
    rows: dict[str, int] = {}
    for table in snapshot.tables(seen.store):
        rows[table.name] = _write(parts / "store" / f"{table.name}.jsonl", snapshot.lines(seen.store, table))
    if seen.record is not None:
        for table in snapshot.tables(seen.record, seen.schema):
            _write(parts / "record" / f"{table.name}.jsonl", snapshot.lines(seen.record, table))
    sources = {str(path.relative_to(parts)): path for path in sorted(parts.rglob("*.jsonl"))} | dict(_kept(state, site))
    manifest = Manifest(
        format=FORMAT,
        version=release(),
        build=build(),
        made=time.time(),
        kind=kind,
        revision=revision,
        running=running,
        rows=rows,
        parts={},
    )
    found = {name: _part(path) for name, path in sources.items()}
    whole = Manifest(**{**vars(manifest), "parts": found})
    (parts / MANIFEST).write_text(json.dumps(asdict(whole), indent=1), encoding="utf-8")
    to.touch(mode=0o600)
    with tarfile.open(to, "w:gz", compresslevel=3) as tar:
        for name, path in {MANIFEST: parts / MANIFEST, **sources}.items():
            _add(tar, name, path, found.get(name))
    return whole


def _write(path: Path, found: Iterable[str]) -> int:
    path.parent.mkdir(exist_ok=True)
    count = -1  # the first line has the columns' names
    with path.open("w", encoding="utf-8") as file:
        for line in found:
            file.write(line + "\n")
            count += 1
    return count


def _kept(state: Path, site: Path) -> Iterator[tuple[str, Path]]:
    for name in (*FILES, MARK):
        top = state / name
        for path in [top] if top.is_file() else sorted(top.rglob("*")):
            if path.is_file() and not path.is_symlink():
                yield f"files/{path.relative_to(state)}", path
    if site.is_file():
        yield f"files/{SITE}", site


def _part(path: Path) -> Part:
    with path.open("rb") as file:
        total = hashlib.file_digest(file, "sha256")
        return Part(size=file.tell(), sha256=total.hexdigest())


def _add(tar: tarfile.TarFile, name: str, path: Path, part: Part | None) -> None:
    entry = tarfile.TarInfo(name)
    entry.mode = 0o600
    entry.mtime = int(path.stat().st_mtime)
    entry.size = part.size if part else path.stat().st_size
    with path.open("rb") as file:
        tar.addfile(entry, file)


def unpack(file: Path, to: Path) -> Manifest:
    """Every part into a folder, after it was compared with its checksum.

    Raises:
        InputError: it is no backup, not a whole one, or not as it was written.
        StateError: a newer version made it.
    """
    try:
        with tarfile.open(file, "r:gz") as tar:
            manifest = _manifest(tar)
            left = dict(manifest.parts)
            while (entry := tar.next()) is not None:
                if (part := left.pop(entry.name, None)) is None or (content := tar.extractfile(entry)) is None:
                    raise InputError(f"{file} has a part that its manifest does not name: {entry.name}.", hint=ANOTHER)
                _take(content, _inside(to, entry.name), part, f"{entry.name} of {file}")  # type: ignore[arg-type]
    except (tarfile.TarError, EOFError, OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{file} is no whole backup: {error}.", hint=ANOTHER) from error
    if left:
        raise InputError(f"{file} is no whole backup: it has no {min(left)}.", hint=ANOTHER)
    return manifest


ANOTHER = "Take another backup; `rackless backup FILE` makes one."


def _manifest(tar: tarfile.TarFile) -> Manifest:
    first = tar.next()
    content = tar.extractfile(first) if first is not None and first.name == MANIFEST else None
    if content is None:
        raise ValueError("it begins with no manifest")
    found: dict[str, Any] = json.loads(content.read())
    if found["format"] > FORMAT:
        raise StateError(
            f"The backup was made by a newer version of Rackless ({found.get('version')}): its format is {found['format']}, and "
            f"this version reads {FORMAT}.",
            hint="Install that version.",
        )
    return Manifest(**{**found, "parts": {name: Part(**part) for name, part in found["parts"].items()}})


def _inside(folder: Path, name: str) -> Path:
    parts = PurePosixPath(name).parts
    if not parts or ".." in parts or name.startswith("/"):
        raise ValueError(f"a part is called {name}")
    path = folder.joinpath(*parts)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    return path


def _take(content: BinaryIO, path: Path, part: Part, name: str) -> None:
    total, size = hashlib.sha256(), 0
    with path.open("xb") as file:
        while piece := content.read(PIECE):
            total.update(piece)
            size += len(piece)
            file.write(piece)
    if (size, total.hexdigest()) != (part.size, part.sha256):
        raise InputError(f"{name} is not as it was written: its checksum differs.", hint=ANOTHER)
