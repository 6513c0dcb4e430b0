"""Second stage of the appliance's builder: packages' tree -> sealed root image, kernel, initial RAM disk.

Runs as root or as root of a user namespace: `python -m rackless.appliance.root OPTIONS.json`.
"""

from __future__ import annotations

import asyncio
import hashlib
import importlib.metadata
import json
import os
import shutil
import stat
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from rackless.appliance import editions
from rackless.images.disk import cpio
from rackless.images.kernel import ModuleTree, read_module_lists
from rackless.images.tree import link, prune, read_list
from rackless.model.errors import InputError, RacklessError
from rackless.running import run
from rackless.vmhost import setimage
from rackless.vmhost.setimage import CHUNK, Seal

FILES = Path(__file__).with_name("files")
SOURCES = Path(__file__).parents[1]
HOME = "usr/lib/rackless"
CODE_PAGES = "usr/lib/x86_64-linux-gnu/gconv"
PATH = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
LEFT = ("web", "__pycache__", "guest")
"""Of our own sources: what no host runs."""
EARLY_PROGRAMS = (
    "sfdisk",
    "mke2fs",
    "e2fsck",
    "e2image",
    "mkfs.vfat",
    "mcopy",
    "cp",
    "sync",
    "mount",
    "umount",
    "losetup",
    "blockdev",
)
EARLY_APPLETS = (
    "sh",
    "reboot",
    "poweroff",
    "switch_root",
    "setsid",
    "insmod",
    "wget",
    "mkdir",
    "cttyhack",
    "ls",
    "cat",
    "dmesg",
    "rm",
    "udhcpc",
    "ip",
    "ifconfig",
    "route",
)
EARLY_MODULES = (
    "rackless.vmhost.linux.early",
    "rackless.vmhost.linux.installer",
    "importlib._abc",
    "importlib.util",
    "importlib.machinery",
    "pkgutil",
    "encodings.idna",
    "encodings.utf_16_le",
    "http.client",
)
NOT_EARLY = ("ssl", "_ssl", "_hashlib")
MASKED = (
    *("apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer", "e2scrub_all.timer", "e2scrub_reap.service"),
    *("systemd-update-done.service", "ldconfig.service", "systemd-hwdb-update.service", "systemd-firstboot.service"),
    *(
        "systemd-machine-id-commit.service",
        "systemd-remount-fs.service",
        "systemd-pcrphase.service",
        "systemd-pcrphase-initrd.service",
    ),
    *(
        "systemd-pcrphase-sysinit.service",
        "systemd-sysusers.service",
        "rauc-mark-good.service",
        "systemd-networkd-wait-online.service",
    ),
    *("systemd-binfmt.service", "proc-sys-fs-binfmt_misc.automount", "sys-kernel-debug.mount", "sys-kernel-tracing.mount"),
)
NOT_GENERATED = (
    "cryptsetup",
    "gpt-auto",
    "hibernate-resume",
    "integritysetup",
    "rc-local",
    "system-update",
    "sysv",
    "veritysetup",
)
"""Generators of systemd that have nothing to find here; each takes a moment of every start."""
SLACK = 24 * CHUNK
"""Bytes that the file system has beyond its files: its own tables."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """What is built. `development`: the console of the host needs no password."""

    base: Path
    work: Path
    out: Path
    version: str
    platform: str
    authority: Path
    boot: Path
    development: bool
    edition: str = "vmhost"
    package: str = ""


async def unpack(base: Path, root: Path) -> None:
    root.mkdir()
    words: list[str | Path] = ["tar", "-xf", base, "-C", root, "--numeric-owner", "--exclude=./dev/*"]
    await run(words, deadline=600, hint="Install the package zstd.")


def put_sources(root: Path) -> None:
    """Ours, and the Python packages that they need, where no other Python looks."""
    target = root / HOME
    shutil.copytree(SOURCES, target / "rackless", ignore=shutil.ignore_patterns(*LEFT, "*.pyc"), dirs_exist_ok=True)
    for name in read_list(FILES / "distributions"):
        try:
            found = importlib.metadata.distribution(name).files or []
        except importlib.metadata.PackageNotFoundError as error:
            raise InputError(f"The Python package {name} is not installed.", hint="Run packaging/setup.sh.") from error
        for file in found:
            if ".." not in file.parts and "__pycache__" not in file.parts:
                path = target / Path(*file.parts)
                path.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(str(file.locate()), path)


def overlay(root: Path, options: Options) -> None:
    editions.lay_over(FILES / "rootfs", root)
    shutil.copytree(options.boot, root / HOME / "boot", dirs_exist_ok=True)
    shutil.copyfile(options.authority, root / "etc/rauc/ca.pem")
    (root / "etc/rackless-release").write_text(f"version={options.version}\nplatform={options.platform}\n")


def settle(root: Path, options: Options) -> None:
    """What is this system's own: nothing of it is written while it runs."""
    units = root / "etc/systemd/system"
    for name in MASKED:
        link(units / name, "/dev/null")
    (root / "etc/systemd/system-generators").mkdir(exist_ok=True)
    for name in NOT_GENERATED:
        link(root / f"etc/systemd/system-generators/systemd-{name}-generator", "/dev/null")
    wanted = units / "multi-user.target.wants"
    wanted.mkdir(parents=True, exist_ok=True)
    for name in ("rackless-vmhost.service", "rackless-marker.service"):
        link(wanted / name, f"/etc/systemd/system/{name}")
    link(wanted / "systemd-networkd.service", "/lib/systemd/system/systemd-networkd.service")
    link(units / "default.target", "/lib/systemd/system/multi-user.target")
    for name in ("rackless", "rackless-vmhost", "vmhost-appliance"):
        link(root / "usr/sbin" / name, f"/{HOME}/bin/{name}")
    link(root / "etc/machine-id", "/var/lib/rackless-vmhost/machine-id")
    link(root / "etc/mtab", "/proc/self/mounts")
    link(root / "etc/resolv.conf", "/run/resolv.conf")
    for folder in ("vm", "var", "run", "proc", "sys", "dev", "tmp"):
        (root / folder).mkdir(exist_ok=True)
    (root / "etc/hostname").write_text("vmhost\n")
    (root / "etc/hosts").write_text("127.0.0.1 localhost vmhost\n::1 localhost\n")
    (root / "etc/fstab").write_text("tmpfs /tmp tmpfs mode=1777,nosuid,nodev 0 0\n")
    if options.development:
        line = "ExecStart=\nExecStart=-/sbin/agetty --noclear --autologin root --keep-baud 115200 - $TERM\n"
        for unit in ("serial-getty@.service.d", "getty@.service.d"):
            (units / unit).mkdir(exist_ok=True)
            (units / unit / "development.conf").write_text(f"[Service]\n{line}")


def take_kernel(root: Path) -> str:
    """The kernel at one name; returns its version."""
    images = sorted((root / "boot").glob("vmlinuz-*"))
    if not images:
        raise InputError("The packages brought no kernel.", hint="linux-image-amd64 must be in appliance/files/packages.")
    version = images[-1].name.removeprefix("vmlinuz-")
    shutil.move(images[-1], root / "boot/vmlinuz")
    for name in ("vmlinuz", "vmlinuz.old", "initrd.img", "initrd.img.old"):
        (root / name).unlink(missing_ok=True)
    return version


async def libraries(root: Path, file: str) -> list[str]:
    """Shared libraries of a program or module, by the loader's own word."""
    done = await run(["chroot", root, "ldd", file], deadline=60, env=PATH, check=False)
    words = [line.split("=>")[-1].split()[0] for line in done.out.decode().splitlines() if "/" in line]
    return [word for word in words if word.startswith("/")]


async def early_files(root: Path) -> set[str]:
    """All that the initial RAM disk takes from the root: programs, Python, its modules that we import, and their libraries."""
    code = (
        f"import sys, json\nfor name in {EARLY_MODULES!r}: __import__(name)\n"
        "print(json.dumps([m.__file__ for m in sys.modules.values() if getattr(m, '__file__', None)]))"
    )
    words: list[str | Path] = ["chroot", root, "env", f"PYTHONPATH=/{HOME}", "python3", "-S", "-c", code]
    done = await run(words, deadline=300, env=PATH)
    modules = [name for name in json.loads(done.out) if Path(name).stem.split(".")[0] not in NOT_EARLY]
    found = {"/usr/bin/python3", *modules}
    for program in (*EARLY_PROGRAMS, "python3.11"):
        place = next((f"/{folder}/{program}" for folder in ("usr/sbin", "usr/bin") if (root / folder / program).exists()), None)
        if place is None:
            raise InputError(
                f"The program {program} is not among the packages.", hint="Add its package to appliance/files/packages."
            )
        found.add(place)
    for file in list(found):
        if file.endswith(".so") or "/bin/" in file or "/sbin/" in file:
            found.update(await libraries(root, file))
    packages = [Path(name) for name in modules if name.endswith("__init__.py")]
    found.update(str(path) for path in packages)
    found.update({f"/{HOME}/rackless/vmhost/layouts.toml", *(f"/{CODE_PAGES}/{name}" for name in ("gconv-modules", "IBM850.so"))})
    for name in modules:
        path = Path(name)
        cached = path.parent / "__pycache__" / f"{path.stem}.cpython-311.pyc"
        if (root / str(cached)[1:]).is_file():
            found.add(str(cached))
    return found


def real(root: Path, name: str) -> str:
    """A path with its folders' links followed (the root has its /lib in /usr), the last part as it is."""
    path = Path(name)
    folder = (root / str(path.parent)[1:]).resolve()
    return str(folder.relative_to(root.resolve()) / path.name)


def entries_of(root: Path, names: set[str]) -> list[tuple[str, int, bytes]]:
    """Of a cpio archive, folders before what is in them; targets of links with the links."""
    files: dict[str, tuple[int, bytes]] = {}
    queue = sorted(names)
    while queue:
        name = real(root, queue.pop())
        path = root / name
        if name in files:
            continue
        if path.is_symlink():
            target = os.readlink(path)
            files[name] = (stat.S_IFLNK | 0o777, target.encode())
            queue.append(os.path.normpath(os.path.join("/", os.path.dirname(name), target)))
        else:
            files[name] = (stat.S_IFREG | (0o755 if os.access(path, os.X_OK) else 0o644), path.read_bytes())
    folders = {str(parent) for name in files for parent in Path(name).parents if str(parent) != "."}
    made = [
        (folder, stat.S_IFDIR | 0o755, b"")
        for folder in sorted(folders | {"usr", "usr/bin", "usr/sbin", "etc", "proc", "sys", "dev"})
    ]
    links = [(name, stat.S_IFLNK | 0o777, f"usr/{name}".encode()) for name in ("bin", "sbin", "lib", "lib64")]
    return made + links + [(name, mode, data) for name, (mode, data) in sorted(files.items())]


def module_entries(root: Path, version: str, groups: tuple[str, ...]) -> list[tuple[str, int, bytes]]:
    """Kernel modules of these groups of files/modules, and which devices ask for which (modules.alias)."""
    folder = root / "usr/lib/modules" / version
    tree = ModuleTree(folder)
    lists = read_module_lists((FILES / "modules").read_text())
    names = tuple(name for group in groups for name in lists[group])
    paths = tree.closure(names)
    kept = {Path(path).name.partition(".ko")[0].replace("-", "_") for path in paths}
    aliases = [
        f"{words[1]} {words[2]}"
        for line in (folder / "modules.alias").read_text().splitlines()
        if (words := line.split()) and words[0] == "alias" and words[2].replace("-", "_") in kept
    ]
    needs = {
        Path(path).name.partition(".ko")[0].replace("-", "_"): [
            Path(file).name for file in tree.closure((Path(path).name.partition(".ko")[0],))
        ]
        for path in paths
    }
    about = {"always": list(lists["always"]), "needs": needs, "aliases": aliases}
    out = [("modules", stat.S_IFDIR | 0o755, b""), ("modules/index.json", stat.S_IFREG | 0o644, json.dumps(about).encode())]
    return out + [(f"modules/{Path(path).name}", stat.S_IFREG | 0o644, (folder / path).read_bytes()) for path in paths]


async def make_initrd(root: Path, version: str, options: Options) -> None:
    """The one of every start, into the root; and what an installation over the network needs besides, beside it."""
    entries = entries_of(root, await early_files(root))
    names = {name for name, _, _ in entries}
    entries += [("init", stat.S_IFREG | 0o755, (FILES / "init").read_bytes())]
    entries += [("usr/bin/busybox", stat.S_IFREG | 0o755, (root / "usr/bin/busybox").read_bytes())]
    entries += [(f"usr/bin/{name}", stat.S_IFLNK | 0o777, b"busybox") for name in EARLY_APPLETS if f"usr/bin/{name}" not in names]
    boot = root / HOME / "boot"
    folders = sorted({path.parent for path in boot.rglob("*")} | {boot})
    entries += [(str(path.relative_to(root)), stat.S_IFDIR | 0o755, b"") for path in folders if path.is_dir()]
    entries += [
        (str(path.relative_to(root)), stat.S_IFREG | 0o644, path.read_bytes())
        for path in sorted(boot.rglob("*"))
        if path.is_file()
    ]
    await pack(entries + module_entries(root, version, ("always", "device")), root / "boot/initrd", options.work)
    more = [("usr/bin/dhcp-script", stat.S_IFREG | 0o755, (FILES / "dhcp-script").read_bytes())]
    more += module_entries(root, version, ("always", "device", "network"))
    await pack(more, options.out / "network", options.work)


async def pack(entries: list[tuple[str, int, bytes]], target: Path, work: Path) -> None:
    """A compressed archive. Of several in one file, the kernel unpacks one over the other (Linux documentation, initramfs buffer
    format)."""
    (work / "initrd.cpio").write_bytes(cpio(entries))
    words: list[str | Path] = ["zstd", "-q", "-9", "-T0", "-f", work / "initrd.cpio", "-o", target]
    await run(words, deadline=600, env=PATH, hint="Install the package zstd.")


def write_sums(root: Path) -> None:
    """What GRUB compares before it starts a kernel."""
    lines = [f"{hashlib.sha256((root / 'boot' / name).read_bytes()).hexdigest()}  {name}\n" for name in ("vmlinuz", "initrd")]
    (root / "boot/sums").write_text("".join(lines))


async def compile_python(root: Path) -> None:
    words: list[str | Path] = [
        "chroot",
        root,
        "/usr/bin/python3",
        "-m",
        "compileall",
        "-q",
        "-j",
        "2",
        "--invalidation-mode",
        "unchecked-hash",
    ]
    skipped = ["-x", r"/(idlelib|lib2to3|test|tkinter|ensurepip)/"]
    await run(
        [*words, *skipped, "/usr/lib/python3.11", "/usr/lib/python3/dist-packages", f"/{HOME}"],
        deadline=1200,
        env=PATH,
        check=False,
    )


async def make_image(root: Path, options: Options) -> Seal:
    """The root as a file system that is never written, and its seal behind it."""
    image = options.out / "rootfs.img"
    used = sum(-(-path.lstat().st_size // 4096) * 4096 for path in root.rglob("*") if not path.is_symlink() and path.is_file())
    count = sum(1 for _ in root.rglob("*"))
    size = -(-(used + count * 400 + SLACK) // CHUNK) * CHUNK
    with image.open("wb") as file:
        file.truncate(size)
    made = [
        "mke2fs",
        "-q",
        "-F",
        "-t",
        "ext4",
        "-O",
        "^has_journal,^resize_inode",
        "-b",
        "4096",
        "-m",
        "0",
        "-N",
        str(count + 256),
    ]
    await run([*made, "-E", "nodiscard", "-d", root, image], deadline=900, env=PATH)
    chunks = []
    with image.open("rb") as file:
        while data := file.read(CHUNK):
            chunks.append(setimage.checksum(data))
    seal = Seal(version=options.version, platform=options.platform, built=int(time.time()), chunks=tuple(chunks))
    with image.open("ab") as file:
        file.write(setimage.pack(seal))
    return seal


async def build(options: Options) -> None:
    root, edition = options.work / "root", editions.find(options.edition)
    await unpack(options.base, root)
    put_sources(root)
    overlay(root, options)
    version = take_kernel(root)
    prune(root, edition.listed("prune"))
    settle(root, options)
    await editions.dress(root, edition, Path(options.package) if options.package else None)
    await run(["chroot", root, "/sbin/depmod", version], deadline=300, env=PATH)
    await compile_python(root)
    await make_initrd(root, version, options)
    write_sums(root)
    for name in ("vmlinuz", "initrd"):
        shutil.copyfile(root / "boot" / name, options.out / name)
    seal = await make_image(root, options)
    (options.out / "set.json").write_text(
        json.dumps({"version": seal.version, "platform": seal.platform, "digest": seal.digest, "size": seal.size})
    )


def main(words: list[str]) -> int:
    values = json.loads(Path(words[0]).read_text())
    paths = {name: Path(values[name]) for name in ("base", "work", "out", "authority", "boot")}
    try:
        asyncio.run(build(Options(**{**values, **paths})))
    except (RacklessError, OSError) as error:
        # On one line: whoever started this tells the last one.
        sys.stderr.write(" ".join(str(error).splitlines()) + "\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
