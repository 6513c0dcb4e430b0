"""What an image is for: a VM host, or a server and node of a fabric. The same system; the second has more in it.

An edition's own files lie below `files/NAME`: lists with the same names as those of the VM host, which are added to them, a
`rootfs` that is laid over, and `units`: which of systemd's are started (`+`) and which never (`-`).
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from rackless.images.tree import link, read_list
from rackless.model.errors import InputError
from rackless.running import run
from rackless.vmhost.linux.sets import MANIFEST

FILES = Path(__file__).with_name("files")
PATH = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}


@dataclass(frozen=True, kw_only=True)
class Edition:
    """`more`: its own files, beside those of every image. `packaged`: Rackless itself is in it as its Debian package."""

    name: str
    platform: str
    more: Path | None = None
    packaged: bool = False

    def listed(self, name: str) -> list[str]:
        """Of a list of the builder: lines of every image, and of this edition."""
        found = read_list(FILES / name)
        own = self.more / name if self.more else None
        return [*found, *(read_list(own) if own and own.is_file() else ())]

    @property
    def inputs(self) -> list[tuple[str, Path]]:
        """Its own lists, for digests of what a tree of packages is made of."""
        return [(f"{self.name}/{name}", self.more / name) for name in ("packages", "left-out")] if self.more else []


EDITIONS = {
    each.name: each
    for each in (
        Edition(name="vmhost", platform="rackless-vmhost-amd64"),
        Edition(name="fabric", platform="rackless-fabric-amd64", more=FILES / "fabric", packaged=True),
    )
}


def find(name: str) -> Edition:
    """
    Raises:
        InputError: there is no such edition.
    """
    if name not in EDITIONS:
        raise InputError(f"There is no edition {name!r} of the appliance.", hint=f"There are {' and '.join(EDITIONS)}.")
    return EDITIONS[name]


def check_package(edition: Edition, package: Path | None) -> None:
    """
    Raises:
        InputError: the edition needs the Debian package, or takes none.
    """
    if edition.packaged and (package is None or not package.is_file()):
        raise InputError(
            f"The edition {edition.name} has Rackless as its Debian package.", hint="`make deb`, then --package FILE."
        )
    if package is not None and not edition.packaged:
        raise InputError(f"The edition {edition.name} takes no package.", hint="Leave --package out.")


def lay_over(source: Path, root: Path) -> None:
    """Files of a tree, with whether they are programs; nothing else of who owns them."""
    for path in sorted(source.rglob("*")):
        target = root / path.relative_to(source)
        if path.is_dir():
            target.mkdir(parents=True, exist_ok=True)
        else:
            shutil.copyfile(path, target)
            target.chmod(0o755 if os.access(path, os.X_OK) else 0o644)


def units(lines: list[str]) -> tuple[list[str], list[str]]:
    """(started, never) of an edition's list.

    Raises:
        InputError: a line is neither.
    """
    found: dict[str, list[str]] = {"+": [], "-": []}
    for line in lines:
        mark, _, unit = line.partition(" ")
        if mark not in found or not unit.strip():
            raise InputError(f"{line!r} in an edition's units begins neither with + nor with -.")
        found[mark].append(unit.strip())
    return found["+"], found["-"]


async def unpack(package: Path, root: Path) -> None:
    """Files of a Debian package into a tree whose /lib is a link: dpkg-deb itself would put a folder in its place."""
    with tempfile.TemporaryDirectory(dir=root.parent) as folder:
        await run(["dpkg-deb", "--extract", package, folder], deadline=300)
        shutil.copytree(folder, root, symlinks=True, dirs_exist_ok=True)


async def dress(root: Path, edition: Edition, package: Path | None) -> None:
    """The edition's own, over a tree that has everything of a VM host."""
    if edition.more is None:
        return
    if package is not None:
        await unpack(package, root)
    lay_over(edition.more / "rootfs", root)
    for file in (root / "etc/sudoers.d").glob("*"):
        file.chmod(0o440)
    await run(["chroot", root, "systemd-sysusers"], deadline=120, env=PATH)
    await run(["chroot", root, "usermod", "--append", "--groups", "sudo", "admin"], deadline=60, env=PATH)
    system = root / "etc/systemd/system"
    started, never = units(read_list(edition.more / "units"))
    for unit in never:
        (system / "multi-user.target.wants" / unit).unlink(missing_ok=True)
        (system / unit).unlink(missing_ok=True)
        link(system / unit, "/dev/null")
    for unit in started:
        target = "sysinit.target" if unit == "rackless-settle.service" else "multi-user.target"
        wanted = system / f"{target}.wants"
        wanted.mkdir(parents=True, exist_ok=True)
        (wanted / unit).unlink(missing_ok=True)
        template = unit.partition("@")[0] + "@.service" if "@" in unit else unit
        place = next(
            (folder for folder in ("etc/systemd/system", "lib/systemd/system") if (root / folder / template).is_file()), ""
        )
        if not place:
            raise InputError(f"The edition {edition.name} starts {unit}, which no package brought.")
        link(wanted / unit, f"/{place}/{template}")
    for folder in ("data", "mnt", "etc/rackless"):
        (root / folder).mkdir(exist_ok=True)
    # A bundle of the other edition is refused.
    engine = root / "etc/rauc/system.conf"
    engine.write_text(
        engine.read_text().replace(f"compatible={EDITIONS['vmhost'].platform}\n", f"compatible={edition.platform}\n")
    )


def marker(folder: Path) -> Path:
    """In place of a guest image, of which this edition has none: says that the set is healthy once its system is up."""
    folder.mkdir()
    data = b"healthy"
    (folder / "marker").write_bytes(data)
    about = {"files": {"marker": {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}}}
    (folder / MANIFEST).write_text(json.dumps(about))
    return folder
