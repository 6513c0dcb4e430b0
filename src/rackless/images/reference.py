"""Builds the reference image: `python -m rackless.images.reference [--images DIR]`.

Debian packages come through this machine's own apt sources. A build whose inputs (guest tree, builder, packages, release) are
unchanged is found by their digest and not done again. An interrupted build leaves nothing behind but the packages' tree, which
the next one uses.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import os
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from rackless import settings
from rackless.images import disk, kernel, pruning, sources, store, tree
from rackless.images.store import Image
from rackless.model.errors import CapacityError, InputError, RacklessError
from rackless.running import run

NAME = "reference"
ARCHITECTURE = "amd64"
MOST_COMPRESSED = 120 * 10**6
"""Bytes of the compressed disk; what a newcomer may have to copy."""
TOOLS = {
    "mmdebstrap": "mmdebstrap",
    "zstd": "zstd",
    "sfdisk": "fdisk",
    "mkfs.vfat": "dosfstools",
    "mcopy": "mtools",
    "syslinux": "syslinux",
    "mke2fs": "e2fsprogs",
    "qemu-img": "qemu-utils",
    "chroot": "coreutils",
    "tar": "tar",
}
ROOTLESS_TOOLS = {"unshare": "util-linux", "newuidmap": "uidmap"}
SEARCHED = "/usr/sbin:/usr/bin:/sbin:/bin"
LEFT_OUT = tuple(f"path-exclude=/usr/share/{name}/*" for name in ("doc", "man", "info", "locale", "lintian"))


def guest_tree() -> Path:
    """`guest/` of the checkout, or the copy inside an installed package.

    Raises:
        InputError: neither is there.
    """
    here = Path(__file__).resolve()
    for folder in (here.parent / "guest", here.parents[3] / "guest"):
        if (folder / "image/packages").is_file():
            return folder
    raise InputError("The guest tree is neither beside the sources nor in the package.", hint="Install Rackless anew.")


def digest_files(files: list[tuple[str, Path]], *texts: str) -> str:
    """Of names, contents and executable bits, and of the texts; 16 hexadecimal digits."""
    total = hashlib.sha256("\0".join(texts).encode())
    for name, path in sorted(files):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        total.update(f"{name}\0{os.access(path, os.X_OK)}\0{content}\n".encode())
    return total.hexdigest()[:16]


def input_files(guest: Path) -> list[tuple[str, Path]]:
    own = [Path(str(module.__file__)) for module in (disk, kernel, sources, store, tree)] + [Path(__file__)]
    found = [
        path
        for path in guest.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.suffix not in (".pyc", ".md")
    ]
    return [(f"guest/{path.relative_to(guest)}", path) for path in found] + [(f"builder/{path.name}", path) for path in own]


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """What an image is built from. `digest` is of all of it, `packages` of what decides which packages it has."""

    guest: Path
    suite: str
    digest: str
    packages: str

    @property
    def release(self) -> str:
        return f"{self.suite} {self.digest}"


def find_inputs() -> Inputs:
    guest = guest_tree()
    suite = sources.codename(Path("/etc/os-release").read_text())
    return Inputs(
        guest=guest,
        suite=suite,
        digest=digest_files(input_files(guest), suite, ARCHITECTURE),
        packages=digest_files([("packages", guest / "image/packages")], suite, ARCHITECTURE, *LEFT_OUT),
    )


@contextmanager
def step(text: str) -> Iterator[None]:
    """Say what is awaited, and how long it took."""
    sys.stderr.write(f"{text} ... ")
    sys.stderr.flush()
    start = time.monotonic()
    yield
    sys.stderr.write(f"{time.monotonic() - start:.1f} s\n")


def check_tools() -> None:
    """
    Raises:
        InputError: programs are missing; the hint installs them all.
        CapacityError: this user has no right to make a root file system here.
    """
    root = os.geteuid() == 0
    wanted = TOOLS if root else TOOLS | ROOTLESS_TOOLS
    missing = {package for program, package in wanted.items() if shutil.which(program, path=SEARCHED) is None}
    if not disk.MBR.is_file():
        missing.add("syslinux-common")
    if missing:
        packages = " ".join(sorted(missing))
        raise InputError(f"Building the image needs packages that are not here: {packages}.", hint=f"apt-get install {packages}")
    if not root:
        user = settings.user_name()
        for file in ("/etc/subuid", "/etc/subgid"):
            path = Path(file)
            entries = [line.split(":")[0] for line in path.read_text().splitlines()] if path.is_file() else []
            if user not in entries and str(os.geteuid()) not in entries:
                raise CapacityError(
                    f"User {user} has no range in {file}, which building without root needs.",
                    hint=f"Build as root, or: sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 {user}",
                )


def as_root() -> list[str]:
    """Words before a command that must run as root: none for root, else those that make it root of a user namespace."""
    return [] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--map-auto", "--"]


async def clear(folder: Path) -> None:
    """Remove a directory, also where files below belong to the users of a user namespace."""
    await run([*as_root(), "rm", "-rf", "--", folder], deadline=120, env={"PATH": SEARCHED})


@asynccontextmanager
async def scratch(folder: Path) -> AsyncIterator[Path]:
    """An empty directory that is gone afterwards."""
    made = Path(tempfile.mkdtemp(prefix=".build-", dir=folder))
    try:
        yield made
    finally:
        await clear(made)


async def make_base(target: Path, guest: Path, suite: str, work: Path) -> None:
    """The packages' tree as a compressed tar, in place only when whole."""
    entries = []
    for suffix, text in zip(("list", "sources"), sources.debian_entries(Path("/etc/apt"), suite), strict=True):
        if text:
            entries.append(work / f"debian.{suffix}")
            entries[-1].write_text(text)
    transport = work / "transport.conf"
    transport.touch(0o600)
    transport.write_text(sources.transport_settings((await run(["apt-config", "dump"], deadline=60)).out.decode()))
    draft = target.with_suffix(".new.tar.zst")
    command = [
        "mmdebstrap",
        "--quiet",
        f"--mode={'root' if os.geteuid() == 0 else 'unshare'}",
        "--variant=essential",
        f"--architectures={ARCHITECTURE}",
        f"--aptopt={transport}",
        *(f"--dpkgopt={option}" for option in LEFT_OUT),
        f"--include={','.join(tree.read_list(guest / 'image/packages'))}",
        "--format=tar",
        suite,
        "-",
        *map(str, entries),
    ]
    # Without root, mmdebstrap works as users who may not enter this user's own directories.
    async with scratch(work if os.geteuid() == 0 else Path(tempfile.gettempdir())) as folder:
        plain = work / "base.tar"
        command[command.index("-")] = str(plain)
        # INITRD=No: Debian's own initrd is not used, and making it takes a quarter of the time.
        env = {"INITRD": "No", "TMPDIR": str(folder), "PATH": SEARCHED}
        folder.chmod(0o755)  # apt's own user works in it
        await run(command, deadline=1800, env=env, hint="Run `apt-get update` and try again; apt's sources must be reachable.")
        await run(["zstd", "-q", "-3", "-T0", plain, "-o", draft, "-f"], deadline=600, hint="Install the package zstd.")
    for old in target.parent.glob("base-*.tar.zst"):
        if old != draft:
            old.unlink()
    draft.rename(target)


async def compressed_size(image: Path, work: Path) -> int:
    """Bytes of the disk as a compressed qcow2."""
    target = work / "compressed.qcow2"
    await run(["qemu-img", "convert", "-c", "-W", "-m", "4", "-O", "qcow2", image, target], deadline=600)
    size = target.stat().st_size
    target.unlink()
    return size


async def build(images: Path) -> Image:
    """The current reference image, built if its inputs have changed since the last build."""
    inputs = find_inputs()
    digest = inputs.digest
    if store.has(images, NAME, digest):
        if (images / NAME / "current").resolve().name != digest:
            store.make_current(images, NAME, digest)
        sys.stderr.write(f"The image {NAME} {digest} is there already; nothing to do.\n")
        return store.find(images, NAME)
    check_tools()
    with store.building(images, NAME):
        for left in (images / NAME).glob(".build-*"):
            await clear(left)
        async with scratch(images / NAME) as folder:
            work, out = folder / "work", folder / "out"
            work.mkdir()
            out.mkdir(mode=0o755)
            return await _build(images, inputs, work, out)


async def _build(images: Path, inputs: Inputs, work: Path, out: Path) -> Image:
    base = images / NAME / f"base-{inputs.packages}.tar.zst"
    if not base.is_file():
        with step(f"Getting Debian {inputs.suite} packages with mmdebstrap (1 to 3 minutes)"):
            await make_base(base, inputs.guest, inputs.suite, work)
    with step("Making the root file system, kernel, initrd and disk (about 30 s)"):
        await run(
            [*as_root(), sys.executable, "-m", "rackless.images.tree", base, inputs.guest, work, out, inputs.release],
            deadline=1200,
            env={"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "PATH": SEARCHED},
            hint="The lines above say which tool failed.",
        )
    with step("Measuring the compressed size"):
        size = await compressed_size(out / "root.qcow2", work)
    if size > MOST_COMPRESSED:
        raise CapacityError(
            f"The compressed disk has {size / 1e6:.1f} MB, more than {MOST_COMPRESSED / 1e6:.0f} MB.",
            hint="Take packages out of guest/image/packages, or add to guest/image/prune.",
        )
    image = store.publish(images, NAME, inputs.digest, out)
    sys.stderr.write(f"Image {NAME} {inputs.digest}: {image.disk}, {size / 1e6:.1f} MB compressed.\n")
    return image


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m rackless.images.reference", description="Build the reference image.")
    parser.add_argument("--images", type=Path, default=None, help="where images are kept (default: RACKLESS_IMAGES)")
    words = parser.parse_args()
    images: Path = words.images or settings.load().images
    try:
        images.mkdir(parents=True, exist_ok=True)
        asyncio.run(build(images.resolve()))
        count, size = pruning.older(images, NAME)
        if count:
            noun = "build takes" if count == 1 else "builds take"
            way_out = "`rackless image prune` removes those that no lab uses"
            sys.stderr.write(f"{count} older {noun} {size / 1e6:.0f} MB; {way_out}.\n")
    except RacklessError as error:
        sys.stderr.write(f"\nError: {error}\n")
        return 1
    except OSError as error:
        who = settings.user_name()
        sys.stderr.write(f"\nError: {error.filename or images} cannot be used by {who}: {error.strerror}.\n")
        sys.stderr.write("Hint: Set RACKLESS_IMAGES to a directory of yours with 2 GB of room, or run as its owner.\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("\nInterrupted; nothing was left behind.\n")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
