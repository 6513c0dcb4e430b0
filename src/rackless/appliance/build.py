"""`rackless appliance build`: the host root of one set, its kernel and its boot loader, from Debian's packages.

They come through this machine's apt. A build whose inputs (our sources, the lists, the release) are unchanged is found by their
digest and not done again; the packages' tree is kept for the next one.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from rackless.appliance import bundle, editions, grub, root
from rackless.appliance.editions import Edition
from rackless.images import sources
from rackless.images.reference import SEARCHED, as_root, clear, digest_files, scratch, step
from rackless.model.errors import InputError
from rackless.running import run

TOOLS = {
    "mmdebstrap": "mmdebstrap",
    "zstd": "zstd",
    "mke2fs": "e2fsprogs",
    "grub-mkimage": "grub-common",
    "openssl": "openssl",
    "dpkg-deb": "dpkg",
    "chroot": "coreutils",
}


@dataclass(frozen=True, kw_only=True)
class Built:
    """A set's host root, in a folder of its own."""

    folder: Path

    @property
    def root(self) -> Path:
        return self.folder / "rootfs.img"

    @property
    def boot(self) -> Path:
        return self.folder / "boot"

    @property
    def about(self) -> dict[str, str]:
        """version, platform, digest, size."""
        found: dict[str, str] = json.loads((self.folder / "set.json").read_text())
        return found


def check_tools() -> None:
    """
    Raises:
        InputError: programs are missing; the hint installs them all.
    """
    missing = sorted(package for program, package in TOOLS.items() if shutil.which(program, path=SEARCHED) is None)
    if missing:
        raise InputError(
            f"Building the appliance needs packages that are not here: {', '.join(missing)}.",
            hint=f"apt-get install {' '.join(missing)}",
        )


def default_version() -> str:
    return f"{importlib.metadata.version('rackless')}"


def inputs(version: str, development: bool, edition: Edition, package: Path | None = None) -> str:
    """Digest of all that a build is made of, but for the packages' own versions."""
    files = [(str(path.relative_to(root.SOURCES)), path) for path in root.SOURCES.rglob("*.py") if "web" not in path.parts]
    files += [(f"files/{path.relative_to(root.FILES)}", path) for path in root.FILES.rglob("*") if path.is_file()]
    files += [("package", package)] if package else []
    return digest_files(files, version, str(development), edition.platform)


def path_option(pattern: str) -> str:
    """Of dpkg, where the last that fits counts."""
    return f"--dpkgopt=path-include={pattern[1:]}" if pattern.startswith("!") else f"--dpkgopt=path-exclude={pattern}"


async def make_base(target: Path, suite: str, work: Path, edition: Edition) -> None:
    """The packages' tree as a compressed tar, in place only when it is whole."""
    entries = []
    for suffix, text in zip(("list", "sources"), sources.debian_entries(Path("/etc/apt"), suite), strict=True):
        if text:
            entries.append(work / f"debian.{suffix}")
            entries[-1].write_text(text)
    transport = work / "transport.conf"
    transport.touch(0o600)
    transport.write_text(sources.transport_settings((await run(["apt-config", "dump"], deadline=60)).out.decode()))
    async with scratch(work if os.geteuid() == 0 else Path(tempfile.gettempdir())) as folder:
        folder.chmod(0o755)
        plain = work / "base.tar"
        command: list[str | Path] = [
            "mmdebstrap",
            "--quiet",
            f"--mode={'root' if os.geteuid() == 0 else 'unshare'}",
            "--variant=essential",
            "--architectures=amd64",
            f"--aptopt={transport}",
            *(path_option(pattern) for pattern in edition.listed("left-out")),
            f"--include={','.join(edition.listed('packages'))}",
            "--format=tar",
            suite,
            plain,
            *entries,
        ]
        env = {"INITRD": "No", "TMPDIR": str(folder), "PATH": SEARCHED}
        hint = "Run `apt-get update` and try again; apt's sources must be reachable."
        await run(command, deadline=3600, env=env, hint=hint)
    draft = target.with_suffix(".new")
    await run(["zstd", "-q", "-3", "-T0", plain, "-o", draft, "-f"], deadline=900)
    plain.unlink()
    for old in target.parent.glob(f"{target.name.partition('-')[0]}-*.tar.zst"):
        old.unlink()
    draft.rename(target)


async def build(
    out: Path, *, version: str = "", development: bool = False, edition: str = "vmhost", package: Path | None = None
) -> Built:
    """
    Args:
        out: where builds are kept, one folder each, with the authority that signs their bundles.
        development: the host's own console asks for no password.
        package: the Debian package of Rackless, for an edition that has it.

    Raises:
        InputError: this machine lacks tools, or is no Debian.
    """
    version, made_for = version or default_version(), editions.find(edition)
    editions.check_package(made_for, package)
    out.mkdir(parents=True, exist_ok=True)
    suite = sources.codename(Path("/etc/os-release").read_text())
    target = out / f"{version}-{inputs(version, development, made_for, package)}"
    if (target / "set.json").is_file():
        sys.stderr.write(f"The appliance {target.name} is there already; nothing to do.\n")
        return Built(folder=target)
    check_tools()
    signer = await bundle.authority(out / "authority")
    packages = digest_files([(name, root.FILES / name) for name in ("packages", "left-out")] + made_for.inputs, suite)
    base = out / f"{'base' if made_for.more is None else made_for.name}-{packages}.tar.zst"
    async with scratch(out) as folder:
        work, made, grub_work = folder / "work", folder / "made", folder / "grub"
        for path in (work, made, grub_work):
            path.mkdir(mode=0o755)
        if not base.is_file():
            with step(f"Getting Debian {suite} packages with mmdebstrap (2 to 4 minutes)"):
                await make_base(base, suite, work, made_for)
        with step("Getting GRUB and shim"):
            await grub.make(await grub.fetch(out), grub_work, made / "boot")
        options = {"base": base, "work": work, "out": made, "authority": signer.certificate, "boot": made / "boot"}
        values = {name: str(path) for name, path in options.items()}
        told = folder / "options.json"
        told.write_text(
            json.dumps(
                {
                    **values,
                    "version": version,
                    "platform": made_for.platform,
                    "development": development,
                    "edition": made_for.name,
                    "package": str(package.resolve()) if package else "",
                }
            )
        )
        with step("Making the root file system, its checksums and the initial RAM disk (about 1 minute)"):
            await run(
                [*as_root(), sys.executable, "-m", "rackless.appliance.root", told],
                deadline=3600,
                env={"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "PATH": SEARCHED},
            )
        if target.exists():
            await clear(target)
        made.rename(target)
    return Built(folder=target)
