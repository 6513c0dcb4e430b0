"""Second stage of the builder: packages' tree + guest tree -> pruned root, kernel, initrd, disk.

Runs as root or as root of a user namespace: `python -m rackless.images.tree BASE.tar.zst GUEST WORK OUT RELEASE`.
"""

from __future__ import annotations

import asyncio
import glob
import os
import shutil
import sys
from pathlib import Path

from rackless.images.disk import initrd, make_disk
from rackless.images.kernel import ModuleTree, read_module_lists, vmlinux
from rackless.model.errors import InputError, RacklessError
from rackless.running import run

HOME = "usr/lib/rackless-router"
PYTHON_PARTS = ("mgmt", "snmp", "system")
OWN_TOOLS = frozenset({"ip", "tc", "ping", "ping6", "sh", "ash", "free", "traceroute", "dpkg", "rpm", "ifup", "ifdown", "su"})
"""Applets that never stand in for a missing program: they would be less than what scripts expect."""
PYTHON_SKIPPED = r"/(idlelib|turtledemo|ensurepip|distutils|tkinter)/"


def read_list(file: Path) -> list[str]:
    """Words of a list, one a line; `#` starts a comment."""
    return [word for line in file.read_text().splitlines() if (word := line.partition("#")[0].strip())]


def take_kernel(root: Path, guest: Path, out: Path, work: Path) -> None:
    """vmlinuz to `work`, the uncompressed kernel and the initrd to `out`, and all modules pruned that no list names."""
    images = sorted((root / "boot").glob("vmlinuz-*"))
    if not images:
        raise InputError("The packages brought no kernel.", hint="linux-image-amd64 must be in guest/image/packages.")
    version = images[-1].name.removeprefix("vmlinuz-")
    shutil.copyfile(images[-1], work / "vmlinuz")
    (out / "kernel").write_bytes(vmlinux(images[-1].read_bytes()))
    folder = root / "usr/lib/modules" / version
    tree = ModuleTree(folder)
    lists = read_module_lists((guest / "image/modules").read_text())
    loaded = {name: [folder / path for path in tree.closure(lists[name])] for name in ("first", "fallback")}
    busybox = (root / "usr/bin/busybox").read_bytes()
    (out / "initrd").write_bytes(initrd((guest / "image/initrd-init").read_bytes(), busybox, loaded))
    kept = set(tree.closure(tuple(name for names in lists.values() for name in names)))
    for path in folder.rglob("*.ko*"):
        if str(path.relative_to(folder)) not in kept:
            path.unlink()
    for path in (root / "usr/lib/modules").iterdir():
        if path.name != version:
            shutil.rmtree(path)
    (work / "kernel-version").write_text(version)


def prune(root: Path, patterns: list[str]) -> None:
    for pattern in patterns:
        for name in glob.glob(pattern, root_dir=root):
            path = root / name
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()


def overlay(root: Path, guest: Path) -> None:
    """The guest tree over the packages' files. Owner root; modes as in the tree, without write for others."""
    for source in sorted((guest / "rootfs").rglob("*")):
        target = root / source.relative_to(guest / "rootfs")
        if source.is_dir():
            target.mkdir(parents=True, exist_ok=True)
        else:
            target.unlink(missing_ok=True)
            shutil.copyfile(source, target)
            target.chmod(0o755 if os.access(source, os.X_OK) else 0o644)
    for part in PYTHON_PARTS:
        if (guest / part).is_dir():
            shutil.copytree(
                guest / part, root / HOME / part, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__", "*.pyc")
            )


def link(path: Path, to: str) -> None:
    path.unlink(missing_ok=True)
    path.symlink_to(to)


def settle(root: Path, applets: list[str]) -> None:
    """What the packages' scripts would have done on another system, or have done for one machine only."""
    for name in applets:
        folders = [root / folder / name for folder in ("usr/bin", "usr/sbin")]
        if name not in OWN_TOOLS and not any(os.path.lexists(path) for path in folders):
            folders[1 if name in ("init", "reboot", "poweroff", "halt", "udhcpc") else 0].symlink_to("/usr/bin/busybox")
    link(root / "etc/inittab", "/run/inittab")
    link(root / "etc/mtab", "/proc/self/mounts")
    link(root / "etc/localtime", "/usr/share/zoneinfo/Etc/UTC")
    shadow = root / "etc/shadow"
    lines = ["root::19000:0:99999:7:::" if line.startswith("root:") else line for line in shadow.read_text().splitlines()]
    shadow.write_text("".join(f"{line}\n" for line in lines))
    (root / "etc/resolv.conf").write_text("")
    (root / "var/log/lastlog").touch()
    (root / "var/log/wtmp").touch()


async def compile_python(root: Path) -> None:
    """Byte code made by the image's own Python, valid without a look at the source: a third of the start time."""
    compile_all = [
        "chroot",
        str(root),
        "/usr/bin/python3",
        "-m",
        "compileall",
        "-q",
        "--invalidation-mode",
        "unchecked-hash",
        "-x",
    ]
    await run(
        [*compile_all, PYTHON_SKIPPED, "/usr/lib/python3.11", f"/{HOME}"],
        deadline=600,
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
    )


async def build(base: Path, guest: Path, work: Path, out: Path, release: str) -> None:
    """`release`: what the router says that it runs."""
    root = work / "root"
    root.mkdir()
    await run(
        ["tar", "-xf", base, "-C", root, "--numeric-owner", "--exclude=./dev/*"], deadline=600, hint="Install the package zstd."
    )
    take_kernel(root, guest, out, work)
    applets = (await run(["chroot", root, "/usr/bin/busybox", "--list"], deadline=60)).out.decode().split()
    prune(root, read_list(guest / "image/prune"))
    overlay(root, guest)
    settle(root, applets)
    (root / HOME / "version").write_text(f"{release}\n")
    version = (work / "kernel-version").read_text()
    await run(["chroot", root, "/sbin/depmod", version], deadline=120, env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"})
    await compile_python(root)
    await make_disk(root, work / "vmlinuz", out / "initrd", work, out / "root.qcow2")


def main(words: list[str]) -> int:
    try:
        base, guest, work, out = map(Path, words[:4])
        asyncio.run(build(base, guest, work, out, words[4]))
    except RacklessError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
