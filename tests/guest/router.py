"""A router's management daemon in namespaces and a root overlay of its own. Needs root, overlayfs, and Debian's `frr`."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

GUEST = Path(__file__).resolve().parents[2] / "guest"

INSIDE = """
set -e
umask 022
mount --make-rprivate /
mount -t tmpfs root "$1"
mkdir "$1/upper" "$1/work" "$1/all"
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$1/all"
cd "$1/all"
mount -t proc proc proc
mount -t sysfs sysfs sys
mount --rbind /dev dev
mount -t tmpfs run run
mount -t tmpfs log var/log
mkdir -p run/frr guest config
rm -f etc/frr/*.conf
chown frr:frr run/frr
mount --bind "$2" guest
ip link set lo up
echo router > etc/hostname
export PATH=/usr/sbin:/usr/bin:/sbin:/bin PYTHONPATH=/guest PYTHONDONTWRITEBYTECODE=1
exec chroot . sh -c 'while :; do "$0" -m mgmt.daemon; sleep 0.2; done' "$3"
"""


class Router:
    """One router; `cli` runs commands in it as root does."""

    def __init__(self, folder: Path, name: str) -> None:
        self.name = name
        root = folder / name
        root.mkdir()
        flags = ["--mount", "--uts", "--net", "--pid", "--fork", "--kill-child=KILL"]
        self.outer = subprocess.Popen(["unshare", *flags, "bash", "-c", INSIDE, name, str(root), str(GUEST), sys.executable])
        self.pid = wait(lambda: child_of(self.outer.pid), "the namespaces")
        self.root = Path(f"/proc/{self.pid}/root")
        wait((self.root / "run/mgd.sock").exists, "the daemon's socket")

    def inside(self, *argv: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        enter = ["nsenter", "-t", str(self.pid), "--mount", "--uts", "--net", "--pid", "--root", "--wd=/"]
        return subprocess.run([*enter, *argv], input=stdin, capture_output=True, text=True, timeout=60, check=False)

    def cli(self, commands: str) -> str:
        done = self.inside("env", "PYTHONPATH=/guest", sys.executable, "-m", "mgmt.cli", stdin=commands)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def shows(self, command: str, pattern: str) -> str:
        """Repeat a command until it shows the pattern; what it showed."""

        def look() -> str | None:
            said = self.cli(command)
            return said if re.search(pattern, said) else None

        return wait(look, f"{self.name}: {command} with {pattern}", 60)

    def daemon(self) -> int:
        """The management daemon's process number inside the router."""
        return int(self.inside("pgrep", "-f", "mgmt.daemon$").stdout.split()[-1])

    def stop(self) -> None:
        self.outer.kill()
        self.outer.wait(60)


def child_of(pid: int) -> int | None:
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(text[0]) if text else None


T = TypeVar("T")


def wait(look: Callable[[], T | None], what: str, seconds: float = 20) -> T:
    end = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < end, f"{what} did not come within {seconds:g} s"
        time.sleep(0.05)
