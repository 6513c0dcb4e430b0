"""Take away what no machine needs: builds that are neither current nor used by a lab, and what builders left behind."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rackless.images import importing, store, uses
from rackless.model.errors import ProviderError

GONE = ".gone-"
"""First part of the name of a build that is being removed: what a crash leaves of it goes with the next removal."""


@dataclass(frozen=True, kw_only=True)
class Item:
    """Something that takes space. `kind`: build, packages or remains. `users`: why it stays; nobody, then it goes."""

    kind: str
    name: str
    path: Path
    size: int
    users: tuple[str, ...] = ()


def stores(images: Path) -> list[Path]:
    """The directory of each image."""
    return sorted(path for path in images.iterdir() if path.is_dir() and not path.name.startswith(".")) if images.is_dir() else []


def builds(folder: Path) -> list[Path]:
    """The builds in the directory of one image, whole or not."""
    return sorted(path for path in folder.iterdir() if path.is_dir() and not path.is_symlink() and not path.name.startswith("."))


def current(folder: Path) -> Path:
    """What a new machine gets."""
    return (folder / "current").resolve()


def older(images: Path, name: str) -> tuple[int, int]:
    """How many builds of the image are not current, and how many bytes of disk they take."""
    found = [build for build in builds(images / name) if build != current(images / name)]
    return len(found), sum(map(size, found))


def size(path: Path) -> int:
    """Bytes that a file, or all that is below a directory, takes on the disk."""
    if not path.is_dir():
        return path.lstat().st_blocks * 512
    return sum((Path(top) / name).lstat().st_blocks * 512 for top, _, names in os.walk(path) for name in names)


def prune(images: Path, own: Path, *, packages: str | None = None, gone: bool = False, dry: bool = False) -> list[Item]:
    """Everything that was looked at; what has no users is gone (with `dry`: would be).

    Args:
        own: the state directory of this installation; other installations' labs are found by their marks.
        packages: digest of the packages' tree that the next build needs; None: the newest is kept.
        gone: labs whose state directory is not there any more count as ended.

    Raises:
        StateError: an image is being built.
        ProviderError: this user may not remove something.
    """
    found: list[Item] = _imports(images)
    for item in [] if dry else found:
        _remove(item.path)
    for folder in stores(images):
        if not os.access(folder, os.W_OK):
            raise ProviderError(f"{folder} may not be written by this user.", hint="Prune as the user who built it.")
        with store.building(images, folder.name), uses.removing(folder):
            items = [*_builds(folder, own, gone), *_packages(folder, packages), *_remains(folder)]
            going = [] if dry else [_aside(item) for item in items if not item.users]
        for path in going:
            _remove(path)
        found += items
    return found


def _builds(folder: Path, own: Path, gone: bool) -> Iterator[Item]:
    for build in builds(folder):
        why = ("new machines",) if build == current(folder) else ()
        yield Item(
            kind="build", name=f"{folder.name} {build.name}", path=build, size=size(build),
            users=(*why, *uses.users(build, own, gone=gone)),
        )  # fmt: skip


def _packages(folder: Path, digest: str | None) -> Iterator[Item]:
    trees = sorted(folder.glob("base-*.tar.zst"), key=lambda path: path.stat().st_mtime)
    whole = [path for path in trees if not path.name.endswith(".new.tar.zst")]
    needed = folder / f"base-{digest}.tar.zst"
    if needed not in whole:
        needed = whole[-1] if whole and digest is None else needed
    for path in trees:
        yield Item(
            kind="packages", name=path.name, path=path, size=size(path), users=("the next build",) if path == needed else ()
        )


def _remains(folder: Path) -> Iterator[Item]:
    for pattern in (".build-*", f"{GONE}*"):
        for path in sorted(folder.glob(pattern)):
            yield Item(kind="remains", name=path.name, path=path, size=size(path))


def _imports(images: Path) -> list[Item]:
    """What imports that were killed left behind."""
    folders = sorted(images.glob(f"{importing.DRAFTS}*"))
    return [Item(kind="remains", name=path.name, path=path, size=size(path)) for path in folders if importing.abandoned(path)]


def _aside(item: Item) -> Path:
    """Out of the way at once, while nobody can start to use it; the removal itself takes its time."""
    if item.kind != "build":
        return item.path
    aside = item.path.with_name(f"{GONE}{item.path.name}")
    try:
        item.path.rename(aside)
    except OSError as error:
        raise _refused(item.path, error) from error
    return aside


def _remove(path: Path) -> None:
    try:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    except OSError as error:
        raise _refused(path, error) from error


def _refused(path: Path, error: OSError) -> ProviderError:
    return ProviderError(f"{path} cannot be removed: {error.strerror}.", hint="Prune as the user who built it.")
