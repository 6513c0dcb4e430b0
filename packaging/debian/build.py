"""The Debian package: everything of ours and the Python packages it needs, under /opt/rackless, with units and manual pages.

    python packaging/debian/build.py [FOLDER]      (`make deb`; FOLDER is dist)

The Python packages come out of this environment, which requirements.lock pins, so that neither building nor installing needs a
network. They are bundled, because Debian 12 has few of them, and those in other versions. What Debian has and we run as
programs (QEMU, etcd, HAProxy, ...) are dependencies.
"""

from __future__ import annotations

import compileall
import hashlib
import importlib.metadata
import os
import py_compile
import shutil
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from pathlib import Path

from packaging.requirements import Requirement

TOP = Path(__file__).parents[2]
HERE = Path(__file__).parent
HOME = Path("opt/rackless")
SITE = HOME / "lib/python3.11/site-packages"
FABRIC = HOME / "fabric"
UNITS = ("rackless.service", "rackless-vmhost.service", "rackless-fabric-node.service")
NODE = {"rackless-fabric": "rackless.fabric.program:main"}
"""What units call, and a checkout runs as `python -m rackless.fabric`."""
RUNTIME = (
    *("qemu-system-x86", "qemu-utils", "mmdebstrap", "busybox-static", "e2fsprogs", "dosfstools", "mtools", "fdisk", "iproute2"),
    *("dnsmasq-base", "tcpdump", "openssh-client", "zstd", "uidmap"),
)
MAINTAINER = "Rackless developers <rackless@localhost>"


def closure(wanted: list[str]) -> list[str]:
    """All distributions that these requirements need to run; by what each says of itself."""
    found: set[str] = set()
    queue = [(Requirement(each), frozenset[str]()) for each in wanted]
    while queue:
        need, extras = queue.pop()
        if need.marker and not any(need.marker.evaluate({"extra": extra}) for extra in (extras or {""})):
            continue
        about = importlib.metadata.distribution(need.name)
        key = about.metadata["Name"]
        if key in found and not need.extras:
            continue
        found.add(key)
        queue += [(Requirement(each), frozenset(need.extras)) for each in about.requires or ()]
    return sorted(found)


def copy_distribution(name: str, site: Path) -> None:
    for file in importlib.metadata.distribution(name).files or ():
        if ".." in file.parts or "__pycache__" in file.parts:
            continue  # its scripts, which are of other tools
        target = site / Path(*file.parts)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(str(file.locate()), target)


def own(site: Path, work: Path) -> str:
    """Ours, as a wheel has it: with the built page and the guest's sources. Returns the version."""
    words = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*words, "--disable-pip-version-check", "--wheel-dir", work, TOP], check=True)
    (wheel,) = work.glob("rackless-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    return wheel.name.split("-")[1]


def programs(stage: Path, scripts: dict[str, str]) -> None:
    """An environment of Python's own kind (PEP 405), whose programs know where they are."""
    home = stage / HOME
    (home / "bin").mkdir(parents=True, exist_ok=True)
    (home / "pyvenv.cfg").write_text("home = /usr/bin\ninclude-system-site-packages = false\nversion = 3.11\n")
    for name in ("python", "python3"):
        (home / "bin" / name).symlink_to("/usr/bin/python3")
    (stage / "usr/bin").mkdir(parents=True)
    for name, place in scripts.items():
        module, function = place.split(":")
        path = home / "bin" / name
        path.write_text(f"#!/{HOME}/bin/python\nimport sys\n\nfrom {module} import {function}\n\nsys.exit({function}())\n")
        path.chmod(0o755)
        (stage / "usr/bin" / name).symlink_to(f"/{HOME}/bin/{name}")


def system_files(stage: Path) -> None:
    source = TOP / "packaging/systemd"
    places = {"sysusers": "sysusers.d", "tmpfiles": "tmpfiles.d", "modules-load": "modules-load.d"}
    wanted = {source / unit: stage / "lib/systemd/system" / unit for unit in UNITS}
    wanted |= {source / f"rackless.{kind}.conf": stage / f"usr/lib/{place}/rackless.conf" for kind, place in places.items()}
    wanted[TOP / "LICENSE"] = stage / "usr/share/doc/rackless/copyright"
    for path, target in wanted.items():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)


def compile_all(site: Path, final: str) -> None:
    """By contents, so that the package is the same whenever it is built, and nothing is written at run time."""
    mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
    compileall.compile_dir(site, quiet=2, stripdir=str(site), prependdir=final, invalidation_mode=mode, workers=1)


def fabric(stage: Path) -> list[str]:
    """Patroni and supervisor in an environment of their own (packaging/setup.sh --fabric makes it), where there is one."""
    made = TOP / ".venv-fabric"
    if not (made / "bin/patroni").exists():
        sys.stderr.write("No .venv-fabric here: the package is built without Patroni. Run packaging/setup.sh --fabric.\n")
        return []
    shutil.copytree(made, stage / FABRIC, symlinks=True, ignore=shutil.ignore_patterns("__pycache__", "pip*", ".installed"))
    real = str(made.resolve()).encode()
    for path in (stage / FABRIC / "bin").iterdir():
        if path.is_file() and not path.is_symlink():
            data = path.read_bytes()
            if real in data:
                path.write_bytes(data.replace(real, f"/{FABRIC}".encode()))
    compile_all(stage / FABRIC / "lib", f"/{FABRIC}/lib")
    config = stage / FABRIC / "pyvenv.cfg"
    config.write_text("home = /usr/bin\ninclude-system-site-packages = false\nversion = 3.11\n")
    lines = (TOP / "packaging/apt-fabric.txt").read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def control(version: str, size: int, recommended: list[str]) -> str:
    fields = {
        "Package": "rackless",
        "Version": version,
        "Architecture": "amd64",
        "Maintainer": MAINTAINER,
        "Installed-Size": str(size // 1024),
        "Section": "net",
        "Priority": "optional",
        "Pre-Depends": "init-system-helpers (>= 1.54)",
        "Depends": ", ".join(("python3 (>= 3.11)", "python3 (<< 3.12)", "systemd (>= 252)", "adduser", *RUNTIME)),
        "Recommends": ", ".join(recommended),
        "Suggests": "btrfs-progs, rauc, squashfs-tools, grub-common",
        "Description": "labs of multi-VM virtual routers, from one file\n"  # deb-control(5): a dot is an empty line
        " Deploys virtual routers of several machines each on QEMU, vSphere and\n"
        " OpenStack, wires them, and takes all of it away again.\n"
        " .\n"
        " This package has the server, the agent of a VM host and the daemon of a\n"
        " node of a fabric, each with its unit. Recommended packages make a machine\n"
        " a node: rackless-fabric(1).",
    }
    return "".join(f"{key}: {value}\n" for key, value in fields.items() if value)


def checksums(stage: Path) -> str:
    files = sorted(path for path in stage.rglob("*") if path.is_file() and not path.is_symlink() and "DEBIAN" not in path.parts)
    return "".join(f"{hashlib.md5(path.read_bytes()).hexdigest()}  {path.relative_to(stage)}\n" for path in files)  # noqa: S324


def build(out: Path) -> Path:
    out.mkdir(parents=True, exist_ok=True)
    project = tomllib.loads((TOP / "pyproject.toml").read_text())["project"]
    with tempfile.TemporaryDirectory(prefix="rackless-deb-") as folder:
        work, stage = Path(folder) / "work", Path(folder) / "stage"
        work.mkdir()
        site = stage / SITE
        site.mkdir(parents=True)
        stage.chmod(0o755)
        for name in closure(project["dependencies"]):
            copy_distribution(name, site)
        version = own(site, work)
        programs(stage, {**project["scripts"], **NODE})
        system_files(stage)
        recommended = fabric(stage)
        compile_all(site, f"/{SITE}")
        pages = [sys.executable, HERE / "manpages.py", stage / "usr/share/man/man1", version]
        subprocess.run(pages, check=True, env={**os.environ, "PYTHONPATH": str(site)})
        for path in stage.rglob("*"):
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
        about = stage / "DEBIAN"
        about.mkdir(mode=0o755)
        size = sum(path.lstat().st_size for path in stage.rglob("*"))
        (about / "control").write_text(control(version, size, recommended))
        (about / "md5sums").write_text(checksums(stage))
        for name in ("postinst", "prerm", "postrm"):
            shutil.copyfile(HERE / name, about / name)
            (about / name).chmod(0o755)
        target = out / f"rackless_{version}_amd64.deb"
        subprocess.run(
            ["dpkg-deb", "--root-owner-group", "-Zzstd", "-z6", "--build", stage, target], check=True, stdout=sys.stderr
        )
    return target


if __name__ == "__main__":
    sys.stdout.write(f"{build(Path(sys.argv[1]) if len(sys.argv) > 1 else TOP / 'dist')}\n")
