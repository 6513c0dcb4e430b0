"""The image store: `images/<name>/<digest>/` with a manifest, and `current`, a link that is switched atomically.

    images/reference/current -> 3f0c...           what a new machine gets
    images/reference/3f0c.../manifest.json        name, digest of the inputs, created, files with size and sha256
                             root.qcow2           bootable disk: own bootloader and root file system (partition 2)
                             kernel, initrd       the same kernel for `-kernel` (uncompressed ELF, PVH) and `-initrd`;
                                                  an image from elsewhere has neither

A digest directory never changes once it is there: machines have overlays of its disk.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rackless.model.errors import NotFoundError, StateError

APPEND = "console=ttyS0,115200 quiet rr.root=/dev/vda2 panic=5"
"""Kernel command line of the disk's own bootloader, on any platform."""
DIRECT_APPEND = f"{APPEND} acpi=noirq cryptomgr.notests lsm= audit=0 nokaslr"
"""Kernel command line of a direct boot in QEMU, where virtio interrupts are MSI: a fifth less work under emulation."""
SAME_IMAGE = {"linux": "reference"}
"""One root file system serves all roles; its role is told after boot."""
FILES = {"disk": "root.qcow2", "kernel": "kernel", "initrd": "initrd"}
MANIFEST = "manifest.json"


@dataclass(frozen=True, kw_only=True)
class Image:
    """`disk` boots by itself, or with `kernel`, `initrd` and `append` directly. `digest` is of what it was built from."""

    name: str
    digest: str
    disk: Path
    kernel: Path | None
    initrd: Path | None
    append: str


def find(images: Path, name: str) -> Image:
    """The current image of that name.

    Raises:
        NotFoundError: there is none, or a file of it is gone.
    """
    folder = images / SAME_IMAGE.get(name, name) / "current"
    try:
        manifest = json.loads((folder / MANIFEST).read_text())
    except FileNotFoundError as error:
        raise NotFoundError(f"There is no image {name} in {images}.", hint=way_to(images, name)) from error
    real = folder.resolve()
    listed = [file for file in FILES.values() if file == FILES["disk"] or file in manifest["files"]]
    missing = [file for file in listed if not (real / file).is_file()]
    if missing:
        raise NotFoundError(f"The image {name} lacks {', '.join(missing)} in {real}.", hint=way_to(images, name))
    return Image(
        name=name,
        digest=str(manifest["digest"]),
        disk=real / FILES["disk"],
        kernel=real / FILES["kernel"] if FILES["kernel"] in listed else None,
        initrd=real / FILES["initrd"] if FILES["initrd"] in listed else None,
        append=str(manifest["append"]),
    )


def way_to(images: Path, name: str) -> str:
    """How somebody comes to an image of that name."""
    prepared = re.fullmatch(r"(.+)-card(\d+)", name)
    if SAME_IMAGE.get(name, name) == "reference":
        return "Build it with `make images`."
    if prepared and (images / prepared[1] / "current").exists():
        return f"Make it with `rackless image prepare {prepared[1]} --slot {prepared[2]}`."
    if prepared:
        base, slot = prepared.groups()
        return f"Import {base} with `rackless image import FILE`, then `rackless image prepare {base} --slot {slot}`."
    return f"Bring it in with `rackless image import FILE --name {name}`."


def has(images: Path, name: str, digest: str) -> bool:
    """True when that very build is there and whole."""
    folder = images / name / digest
    return (folder / MANIFEST).is_file() and all((folder / file).is_file() for file in FILES.values())


def publish(images: Path, name: str, digest: str, built: Path) -> Image:
    """Give the finished directory `built` its name, and make it current."""
    put(images, name, digest, built, append=DIRECT_APPEND)
    make_current(images, name, digest)
    return find(images, name)


def put(images: Path, name: str, digest: str, built: Path, *, append: str, about: Mapping[str, object] | None = None) -> None:
    """Write the manifest of the finished directory `built` (same file system), and give it its name. `about`: its origin."""
    files = {
        path.name: {"size": path.stat().st_size, "sha256": _sha256(path)} for path in sorted(built.iterdir()) if path.is_file()
    }
    manifest = {"name": name, "digest": digest, "created": time.time(), "append": append, "files": files}
    manifest |= {"about": dict(about)} if about else {}
    (built / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n")
    target = images / name / digest
    if target.exists():
        shutil.rmtree(target)
    built.rename(target)


def make_current(images: Path, name: str, digest: str) -> None:
    link = images / name / "current"
    draft = link.with_name("current.new")
    draft.unlink(missing_ok=True)
    draft.symlink_to(digest)
    os.replace(draft, link)


@contextmanager
def building(images: Path, name: str) -> Iterator[None]:
    """Only one builder at a time. The lock goes with its process, however that ends.

    Raises:
        StateError: another process builds this image now.
    """
    folder = images / name
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StateError(f"The image {name} is being built by another process.", hint="Wait until it has ended.") from error
        yield


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
