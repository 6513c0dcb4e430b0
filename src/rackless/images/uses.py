"""Which labs stand on which build of an image, over all state directories of this machine.

Whoever makes an overlay of a build's disk first leaves a mark in the build's directory: `uses/<site>.<lab>`, with the lab's own
directory in it. A mark alone keeps nothing: what counts is whether a file below that directory names the build. So a mark that a
crash left behind does no harm, and one that is made twice is one. Marking and removing builds exclude each other by a lock.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import logging
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from rackless.images.store import MANIFEST

log = logging.getLogger(__name__)

MARKS = "uses"
LOCK = ".uses.lock"
TEMPLATES = "warm templates"
"""Who uses the builds that templates are of (providers/local/templates.py)."""
SNAPSHOTS = "snapshots of labs"
HEAD = 1 << 16
"""Bytes of a file that are looked at: the first cluster of a qcow2 overlay has the name of what it stands on (QEMU, docs/interop/
qcow2.txt), and a machine's record is far smaller."""


@dataclass(frozen=True, kw_only=True)
class User:
    """A lab that uses a build. `site`: identity of its installation; `state`: that's directory; `folder`: what it has there."""

    site: str
    lab: str
    state: Path
    folder: Path

    @property
    def file(self) -> str:
        return f"{self.site}.{self.lab}"


@asynccontextmanager
async def using(build: Path, user: User) -> AsyncIterator[None]:
    """Mark the build, and keep it from being removed while the caller makes what refers to it. What is in no store is left as it
    is; a store that may not be written is used without a mark, and its owner may remove the build under a machine that is off."""
    if not (build / MANIFEST).is_file():
        yield
        return
    try:
        fd = await asyncio.to_thread(_lock, build.parent, fcntl.LOCK_SH)
    except OSError as error:
        log.warning("the use of %s by %s is not marked: %s", build, user.lab, error)
        yield
        return
    try:
        with contextlib.suppress(FileNotFoundError):  # removed this moment: then making an overlay of it fails and is tried again
            _mark(build, user)
        yield
    finally:
        os.close(fd)


def _mark(build: Path, user: User) -> None:
    folder = build / MARKS
    folder.mkdir(exist_ok=True, mode=0o755)
    draft = folder / f".{user.file}.{os.getpid()}"
    draft.write_text(json.dumps({"lab": user.lab, "state": str(user.state), "folder": str(user.folder)}) + "\n")
    draft.replace(folder / user.file)


def release(images: Path, user: User) -> None:
    """Take the lab's marks away. Safe to repeat."""
    for mark in images.glob(f"*/*/{MARKS}/{user.file}"):
        with contextlib.suppress(OSError):
            mark.unlink(missing_ok=True)


@contextmanager
def removing(store: Path) -> Iterator[None]:
    """Nobody starts to use a build of this store (`images/<name>`) meanwhile."""
    fd = _lock(store, fcntl.LOCK_EX)
    try:
        yield
    finally:
        os.close(fd)


def _lock(store: Path, how: int) -> int:
    fd = os.open(store / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(fd, how)
    except BaseException:
        os.close(fd)
        raise
    return fd


def users(build: Path, own: Path, *, gone: bool = False) -> tuple[str, ...]:
    """Who needs this build: labs of the state directory `own` by name, others with their state directory.

    A lab whose whole state directory is not there (a disk that is not mounted?) counts as well, unless `gone`.
    """
    own = own.resolve()
    found = {folder.name for folder in _folders(own / "labs") if refers(folder, build)}
    found |= {name for name, folder in ((TEMPLATES, "warm"), (SNAPSHOTS, "snapshots")) if refers(own / folder, build)}
    for path in sorted((build / MARKS).glob("[!.]*")):
        try:
            mark = json.loads(path.read_text())
            lab, state, folder = str(mark["lab"]), Path(mark["state"]), Path(mark["folder"])
        except (OSError, ValueError, KeyError, TypeError):
            found.add(f"somebody ({path} cannot be read)")
            continue
        if state.resolve() == own:
            continue  # looked at above
        if _hidden(state):
            found.add(f"{lab} ({state} may not be read)")
        elif not state.is_dir():
            if not gone:
                found.add(f"{lab} ({state} is not there)")
        elif refers(folder, build):
            found.add(f"{lab} ({state})")
    return tuple(sorted(found)) or tuple(_processes(build))


def refers(folder: Path, build: Path) -> bool:
    """True when a file below the folder names the build, or can't be looked at."""
    needle = f"/{build.parent.name}/{build.name}/".encode()
    hidden: list[OSError] = []
    for top, _, names in os.walk(folder, onerror=hidden.append):
        for name in names:
            path = Path(top) / name
            try:
                with path.open("rb") as file:
                    if needle in file.read(HEAD):
                        return True
            except FileNotFoundError:
                continue
            except OSError:
                return True
    return any(not isinstance(error, FileNotFoundError) for error in hidden)


def _processes(build: Path) -> Iterator[str]:
    """Processes that were started with a file of the build: machines of labs that left no mark."""
    needle = f"{build}/".encode()
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            words = path.read_bytes()
            if needle in words and b"qemu-system" in words.partition(b"\0")[0]:
                yield f"process {path.parent.name}"


def _hidden(path: Path) -> bool:
    try:
        return path.is_dir() and not os.access(path, os.R_OK | os.X_OK)
    except OSError:
        return True


def _folders(top: Path) -> list[Path]:
    return [path for path in top.iterdir() if path.is_dir()] if top.is_dir() else []
