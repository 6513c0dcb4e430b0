"""Nodes of a fabric on this machine: namespaces (network, processes, mounts, host name) on one bridge, with the real engines.

    client 10.99.0.200 ---- bridge (namespace of its own) ---- n1 .11, n2 .12, n3 .13, ...      virtual address .10

All that a node does is done by the documented commands in it. A link is cut at the bridge, a node is switched off by the end of
its first process (all others of it are killed by the kernel, and its network is gone), frozen by SIGSTOP to each of its
processes.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

TOP = Path(__file__).resolve().parents[2]
VIRTUAL = "10.99.0.10"
CLIENT = "10.99.0.200"
APPLICATION = Path(__file__).with_name("application.py")
INIT = "import signal\nsignal.signal(signal.SIGCHLD, signal.SIG_IGN)\nwhile True: signal.pause()"
INSIDE = """
set -e
mount --make-rprivate /
mount -t proc proc /proc
hostname "$1"
ip link set lo up
exec "$2" -c "$3"
"""
Found = TypeVar("Found")


def sh(*words: str | Path, stdin: str = "", check: bool = True, timeout: float = 120) -> str:
    done = subprocess.run(
        [str(word) for word in words], input=stdin, capture_output=True, text=True, timeout=timeout, check=False
    )
    if check and done.returncode:
        raise AssertionError(f"{words} failed with {done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout


def wait(look: Callable[[], Found | None], what: str, seconds: float = 120.0, every: float = 0.25) -> Found:
    """What `look` gives as soon as it is true."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = look()
        if found:
            return found
        time.sleep(every)
    raise AssertionError(f"waited {seconds:g} s for {what}")


class Node:
    def __init__(self, net: Net, number: int) -> None:
        self.net, self.number = net, number
        self.name, self.address = f"n{number}", f"10.99.0.{10 + number}"
        self.top = net.folder / self.name
        self.first = 0
        self.start()

    def start(self) -> None:
        """Power on: the namespaces, and the cable."""
        flags = ["--mount", "--uts", "--net", "--pid", "--fork", "--kill-child=KILL"]
        words = ["unshare", *flags, "bash", "-c", INSIDE, "-", self.name, sys.executable, INIT]
        self.outer = subprocess.Popen(words, start_new_session=True)
        children = Path(f"/proc/{self.outer.pid}/task/{self.outer.pid}/children")
        self.first = wait(lambda: next(map(int, children.read_text().split()), None), f"{self.name} to begin", 10, 0.02)
        wait(lambda: "UP" in sh("nsenter", "-t", str(self.first), "--net", "ip", "link", "show", "lo"), "its loopback", 10, 0.02)
        # The same card after each start: that of the machine.
        mac = f"02:99:00:00:00:{self.number:02x}"
        self.net.ip("link", "add", self.name, "type", "veth", "peer", "name", "eth0", "netns", str(self.first))
        self.net.ip("link", "set", self.name, "master", "br0", "up")
        if self.net.disk:
            self._mount()
        self.inside("ip", "link", "set", "eth0", "address", mac, "up")
        self.inside("ip", "address", "add", f"{self.address}/24", "dev", "eth0")

    @property
    def database(self) -> Path:
        """Where its PostgreSQL keeps all that it has."""
        return self.top / "postgresql"

    def _mount(self) -> None:
        """The database's own disk, which outlives the node's processes, and is seen by them only."""
        image = self.net.folder / f"{self.name}.disk"
        if not image.exists():
            with image.open("wb") as file:
                file.truncate(self.net.disk)
            sh("mkfs.ext4", "-q", "-m", "0", image)
            self.top.mkdir(mode=0o711)
            self.database.mkdir()
        self.inside("mount", "-o", "loop", image, self.database)

    def fill(self) -> None:
        """Not one page more fits on the database's disk."""
        ballast = self.database / "ballast"
        free = self.inside("df", "--output=avail", "-B1", self.database).split()[-1]
        self.inside("fallocate", "-l", free, ballast, check=False)
        self.inside("dd", "if=/dev/zero", f"of={ballast}", "bs=4k", "oflag=append", "conv=notrunc", check=False)

    def make_room(self) -> None:
        self.inside("rm", self.database / "ballast")

    @property
    def environment(self) -> dict[str, str]:
        kept = {key: os.environ[key] for key in ("PATH", "LANG") if key in os.environ}
        return kept | {
            # Before the sources: where another release of them says that it is one.
            "PYTHONPATH": f"{self.net.folder / f'plus-{self.name}'}:{TOP / 'src'}",
            "PYTHONDONTWRITEBYTECODE": "1",
            "RACKLESS_FABRIC": str(self.top),
            "RACKLESS_FABRIC_PROGRAMS": str(TOP / ".venv-fabric/bin"),
            "RACKLESS_FABRIC_APPLICATION": self.net.application,
            "RACKLESS_FABRIC_CLOCK": "leave",
            **self.net.environment,
        }

    def inside(self, *words: str | Path, stdin: str = "", check: bool = True, timeout: float = 60) -> str:
        return sh(*self.entered(*words), stdin=stdin, check=check, timeout=timeout)

    def entered(self, *words: str | Path) -> list[str]:
        given = [f"{key}={value}" for key, value in self.environment.items()]
        return ["nsenter", "-t", str(self.first), "--mount", "--uts", "--net", "--pid", "env", "-i", *given, *map(str, words)]

    def fabric(self, *words: str, stdin: str = "", timeout: float = 600) -> str:
        return self.inside(sys.executable, "-m", "rackless.fabric", *words, stdin=stdin, timeout=timeout)

    def refused(self, *words: str, stdin: str = "", timeout: float = 120) -> str:
        """What a command that has to fail says."""
        line = self.entered(sys.executable, "-m", "rackless.fabric", *words)
        done = subprocess.run(line, input=stdin, capture_output=True, text=True, timeout=timeout, check=False)
        assert done.returncode, done.stdout
        return done.stderr

    def status(self) -> dict[str, Any]:
        return dict(json.loads(self.fabric("status", "--json")))

    @property
    def id(self) -> str:
        return str(json.loads((self.top / "own/node.json").read_text())["id"])

    def pids(self) -> list[int]:
        """All processes of it, by the numbers that they have outside; the first is not among them."""
        mine = os.readlink(f"/proc/{self.first}/ns/pid")
        found = []
        for path in Path("/proc").iterdir():
            if path.name.isdigit() and int(path.name) != self.first:
                try:
                    if os.readlink(path / "ns/pid") == mine:
                        found.append(int(path.name))
                except OSError:
                    continue
        return found

    def signal(self, number: int) -> None:
        for pid in self.pids():
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                continue

    def kill(self) -> None:
        """Every process at once, but the kernel with its addresses stays: as nothing but a broken supervisor would."""
        for _ in range(20):
            left = self.pids()
            if not left:
                return
            self.signal(signal.SIGKILL)
            time.sleep(0.05)

    def freeze(self) -> None:
        self.signal(signal.SIGSTOP)

    def wake(self) -> None:
        self._visitors(signal.SIGCONT)
        self.signal(signal.SIGCONT)

    def _visitors(self, number: int) -> None:
        """To each nsenter that began something here. It stops with what it began, and while it lives it is the only one that can
        bury that: until then no namespace ends."""
        wanted = f"nsenter\0-t\0{self.first}\0".encode()
        for path in Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                if path.name.isdigit() and (path / "cmdline").read_bytes().startswith(wanted):
                    os.kill(int(path.name), number)

    def cut(self) -> None:
        self.net.ip("link", "set", self.name, "down")

    def heal(self) -> None:
        self.net.ip("link", "set", self.name, "up")

    def power_off(self) -> None:
        """All of it is gone but its disk."""
        self._visitors(signal.SIGKILL)
        os.kill(self.first, signal.SIGKILL)
        self.outer.wait(60)
        # A namespace goes some time after its last process; its card shall not meet the next one's.
        sh("nsenter", "-t", str(self.net.outer.pid), "--net", "ip", "link", "delete", self.name, check=False)

    def boot(self) -> None:
        """What the service manager does when a machine comes up: the node's daemon, which starts the rest."""
        log = open(self.top / "log/boot.out", "ab")  # noqa: SIM115
        command = [TOP / ".venv-fabric/bin/supervisord", "-n", "-c", self.top / "own/supervisord.conf"]
        subprocess.Popen(self.entered(*command), stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True)
        log.close()

    def is_primary(self) -> bool:
        """PostgreSQL here takes writes, whatever anybody says."""
        data = self.top / "postgresql/run"
        query = "select not pg_is_in_recovery()"
        words = [
            "setpriv",
            "--reuid=postgres",
            "--regid=postgres",
            "--clear-groups",
            "psql",
            "-h",
            str(data),
            "-Atc",
            query,
            "postgres",
        ]
        return self.inside(*words, check=False).strip() == "t"

    def holds(self) -> bool:
        return f" {VIRTUAL}/" in self.inside("ip", "-o", "address", "show", "dev", "eth0")


class Net:
    """The switch, and the client's place at it. Use as a context."""

    def __init__(
        self, application: Sequence[str | Path] = (sys.executable, APPLICATION), *, disk: int = 0, **environment: str
    ) -> None:
        """`application`: none for the server itself. `environment`: of every node."""
        self.application = " ".join(map(str, application))
        self.disk = disk
        """Bytes of a disk of its own for each node's database; 0: there is none."""
        self.environment = environment
        self.nodes: list[Node] = []

    def __enter__(self) -> Net:
        self.folder = Path(tempfile.mkdtemp(prefix="rlf", dir=os.environ.get("RACKLESS_TEST_NODES", "/tmp")))
        self.folder.chmod(0o711)
        self.outer = subprocess.Popen(["unshare", "--net", sys.executable, "-c", "import signal\nsignal.pause()"])
        mine = os.readlink("/proc/self/ns/net")
        wait(lambda: os.readlink(f"/proc/{self.outer.pid}/ns/net") != mine, "the switch", 10, 0.02)
        self.ip("link", "set", "lo", "up")
        self.ip("link", "add", "br0", "type", "bridge")
        self.ip("link", "set", "br0", "up")
        self.ip("address", "add", f"{CLIENT}/24", "dev", "br0")
        return self

    def __exit__(self, *_: object) -> None:
        for node in self.nodes:
            if node.outer.poll() is None:
                node.power_off()
        self.outer.kill()
        self.outer.wait()
        if not os.environ.get("RACKLESS_TEST_KEEP"):
            shutil.rmtree(self.folder, ignore_errors=True)

    def node(self) -> Node:
        found = Node(self, len(self.nodes) + 1)
        self.nodes.append(found)
        return found

    def ip(self, *words: str) -> str:
        return sh("nsenter", "-t", str(self.outer.pid), "--net", "ip", *words)

    def entered(self, *words: str | Path) -> list[str]:
        """A command at the client's place."""
        return ["nsenter", "-t", str(self.outer.pid), "--net", *map(str, words)]

    def settled(self, seconds: float = 180.0) -> dict[str, Any]:
        """The fabric as all that live see it, once every engine of every node is as it should be."""

        def look() -> dict[str, Any] | None:
            try:
                found = self.nodes[0].status() if self.nodes[0].outer.poll() is None else self.nodes[1].status()
            except AssertionError:
                return None
            return found if well(found) else None

        return wait(look, "the fabric to be well", seconds, 1.0)


def well(status: dict[str, Any]) -> bool:
    """All that is to be, is: one primary, one synchronous replica at least if there are more, all votes, all applications."""
    health = {one["node"]: one for one in status["health"]}
    members = {one["node"]: one for one in status["members"]}
    databases = [health.get(one["id"], {}).get("database") for one in status["layout"]["nodes"] if one["role"] != "witness"]
    for node in status["layout"]["nodes"]:
        has = health.get(node["id"])
        lives = members[node["id"]]["life"] == "alive" and (members[node["id"]]["age"] or 99) <= 10
        if has is None or not lives or has["engines_down"]:
            return False
        if ("vote" in node["functions"] and not has["etcd"]) or ("application" in node["functions"] and not has["serving"]):
            return False
    several = sum("database" in node["functions"] for node in status["layout"]["nodes"]) > 1
    held = not status["layout"]["virtual_address"] or bool(status["holder"])
    synchronous = not several or "synchronous" in databases
    return databases.count("primary") == 1 and synchronous and not {"down", "starting"} & set(databases) and held
