"""The Debian package: what is in it, and a fresh Debian that it is installed into, used in, and removed from."""

from __future__ import annotations

import asyncio
import importlib.metadata
import os
import subprocess
import tarfile
from pathlib import Path

import pytest

from rackless import settings
from rackless.images import sources
from rackless.running import run

TOP = Path(__file__).parents[2]
pytestmark = [pytest.mark.appliance, pytest.mark.timeout(3600)]


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("dist")
    words = [TOP / ".venv/bin/python", TOP / "packaging/debian/build.py", out]
    subprocess.run(words, check=True, env={**os.environ, "PYTHONPATH": str(TOP / "src")})
    (made,) = out.glob("rackless_*_amd64.deb")
    return made


@pytest.fixture(scope="session")
def unpacked(package: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("unpacked")
    subprocess.run(["dpkg-deb", "--extract", package, folder], check=True)
    return folder


def field(package: Path, name: str) -> str:
    return subprocess.run(["dpkg-deb", "--field", package, name], check=True, capture_output=True, text=True).stdout.strip()


def test_it_depends_on_what_the_programs_call(package: Path) -> None:
    listed = {line for line in (TOP / "packaging/apt.txt").read_text().split("\n") if line and not line.startswith("#")}
    # A server makes no disk of its own to boot from, and its Python is Debian's.
    wanted = listed - {"python3-venv", "syslinux", "syslinux-common"}
    assert wanted <= {word.strip().split()[0] for word in field(package, "Depends").split(",")}
    assert field(package, "Architecture") == "amd64"


def test_every_module_of_it_can_be_imported_by_its_own_python(unpacked: Path) -> None:
    """So nothing that they need is left out; nothing of this checkout's environment is seen."""
    code = (
        "import importlib, pkgutil, rackless, sys\n"
        "assert rackless.__file__.startswith(sys.argv[1]), rackless.__file__\n"
        # Alembic gives its script what it works on; the other two are for other machines.
        "left = ('rackless.testing', 'rackless.vmhost.linux', 'rackless.store.migrations.env')\n"
        "names = [m.name for m in pkgutil.walk_packages(rackless.__path__, 'rackless.') if '__main__' not in m.name]\n"
        "for name in names:\n"
        "    if not name.startswith(left): importlib.import_module(name)\n"
        "print(len(names))\n"
    )
    python = unpacked / "opt/rackless/bin/python"
    done = subprocess.run([python, "-I", "-c", code, unpacked], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert int(done.stdout) > 300


def test_units_name_programs_that_are_there_and_systemd_takes_them(unpacked: Path) -> None:
    units = sorted((unpacked / "lib/systemd/system").glob("*.service"))
    assert [unit.name for unit in units] == ["rackless-fabric-node.service", "rackless-vmhost.service", "rackless.service"]
    for unit in units:
        for line in unit.read_text().splitlines():
            if line.startswith(("ExecStart=/opt", "ExecStartPre=/opt")):
                assert os.access(unpacked / line.partition("=/")[2].split()[0], os.X_OK), line


def test_a_node_of_it_finds_patroni_whoever_begins_the_fabric(unpacked: Path) -> None:
    """Also `rackless fabric init` in a shell, which knows of no unit's environment."""
    code = "from rackless.fabric.supervision import program_path; print(program_path('patroni'))"
    done = subprocess.run(
        [unpacked / "opt/rackless/bin/python", "-I", "-c", code],
        env={"PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout.strip()) == (0, str(unpacked / "opt/rackless/fabric/bin/patroni")), done.stderr


def test_every_command_has_a_manual_page_without_a_mistake(unpacked: Path) -> None:
    pages = sorted((unpacked / "usr/share/man/man1").glob("*.gz"))
    assert {"rackless.1.gz", "rackless-appliance.1.gz", "rackless-doctor.1.gz"} <= {page.name for page in pages}
    for page in pages[:: max(1, len(pages) // 8)]:
        done = subprocess.run(["man", "--warnings=all", "--local-file", page], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, ""), page.name
        assert "NAME" in done.stdout


def test_nothing_of_the_building_machine_is_in_it(unpacked: Path) -> None:
    for path in (unpacked / "opt/rackless").rglob("*"):
        if path.is_file() and not path.is_symlink() and path.suffix in {"", ".cfg", ".pth", ".txt"}:
            assert str(TOP).encode() not in path.read_bytes(), path


async def fresh(folder: Path, packages: list[str]) -> Path:
    """A Debian with these packages, as a tar that is kept."""
    suite = sources.codename(Path("/etc/os-release").read_text())
    entries = []
    for suffix, text in zip(("list", "sources"), sources.debian_entries(Path("/etc/apt"), suite), strict=True):
        if text:
            entries.append(folder / f"debian.{suffix}")
            entries[-1].write_text(text)
    transport = folder / "transport.conf"
    transport.write_text(sources.transport_settings((await run(["apt-config", "dump"], deadline=60)).out.decode()))
    made = folder / "root.tar"
    words = ["mmdebstrap", "--quiet", "--variant=apt", f"--aptopt={transport}"]
    await run([*words, f"--include={','.join(packages)}", suite, made, *entries], deadline=3000)
    return made


@pytest.mark.skipif(os.geteuid() != 0, reason="changes its root")
def test_it_is_installed_into_a_fresh_debian_and_removed_again(package: Path, tmp_path: Path) -> None:
    kept = settings.load().images / "appliance/package-root.tar"
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        depends = [word.strip().split()[0] for word in field(package, "Depends").split(",")]
        asyncio.run(fresh(tmp_path, sorted({*depends, "init-system-helpers", "man-db"}))).rename(kept)
    root = tmp_path / "root"
    root.mkdir()
    with tarfile.open(kept) as archive:
        archive.extractall(root, filter="fully_trusted")
    (root / "tmp/rackless.deb").write_bytes(package.read_bytes())

    def inside(command: str) -> str:
        words = ["unshare", "--mount", "--pid", "--net", "--fork", "--kill-child", "chroot", root, "/bin/sh", "-ec"]
        env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "DEBIAN_FRONTEND": "noninteractive"}
        done = subprocess.run(
            [*words, f"mount -t proc proc /proc; {command}"], capture_output=True, text=True, env=env, check=False
        )
        assert done.returncode == 0, done.stdout[-1000:] + done.stderr[-2000:]
        return done.stdout

    inside("dpkg -i /tmp/rackless.deb")  # without a network: nothing is fetched
    version = importlib.metadata.version("rackless")
    assert version in inside("dpkg -s rackless")
    assert inside("dpkg -V rackless") == ""
    assert "Labs of multi-VM virtual routers" in inside("rackless --help")
    assert "rackless" in inside("getent passwd rackless; stat -c %U /var/lib/rackless")
    assert "rackless.service" in inside("ls /etc/systemd/system/multi-user.target.wants")
    assert "SYNOPSIS" in inside("man rackless")
    inside("export RACKLESS_STATE=/tmp/s RACKLESS_RUN=/tmp/r; rackless user list --json; rackless stop")
    inside("dpkg -i /tmp/rackless.deb")  # again, as an upgrade
    inside("touch /var/lib/rackless/mine; dpkg --purge rackless")
    assert not (root / "opt/rackless").exists()
    assert (root / "var/lib/rackless/mine").exists()
