"""A user at a shell: runs the `rackless` program against an installation of its own, and one shared image store."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")
REPOSITORY = Path(__file__).parents[2]


@dataclass(frozen=True, kw_only=True)
class Ran:
    code: int
    out: str
    err: str

    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(kw_only=True)
class Installation:
    """One RACKLESS_STATE and RACKLESS_RUN; `close` ends the server and asserts that nothing was left behind."""

    state: Path
    run_dir: Path
    env: dict[str, str] = field(default_factory=dict)

    @classmethod
    def make(cls, **env: str) -> Installation:
        # Short: socket paths are limited to 107 bytes.
        top = Path(tempfile.mkdtemp(prefix="rl", dir="/tmp"))
        return cls(state=top / "s", run_dir=top / "r", env=env)

    @property
    def environ(self) -> dict[str, str]:
        images = os.environ.get("RACKLESS_IMAGES") or str(_default_images())
        return {
            **os.environ,
            "RACKLESS_STATE": str(self.state),
            "RACKLESS_RUN": str(self.run_dir),
            "RACKLESS_IMAGES": images,
            "COLUMNS": "200",
            **self.env,
        }

    def start(self, *words: str, **popen: Any) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "rackless.cli.main", *words],
            env=self.environ,
            cwd=REPOSITORY,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            **popen,
        )

    def run(self, *words: str, check: bool = True, deadline: float = 400) -> Ran:
        process = self.start(*words)
        try:
            out, err = process.communicate(timeout=deadline)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
            raise AssertionError(
                f"rackless {' '.join(words)} did not end in {deadline} s:\n{out.decode()}\n{err.decode()}"
            ) from None
        ran = Ran(code=process.returncode, out=out.decode(), err=err.decode())
        assert not check or ran.code == 0, (
            f"rackless {' '.join(words)} ended with {ran.code}:\n{ran.out}\n{ran.err}\n{self.server_log()}"
        )
        return ran

    def json(self, *words: str) -> Any:
        return self.run(*words, "--json").json()

    def on(self, lab: str, router: str, *command: str) -> str:
        """What a CLI command of the router prints."""
        return self.run("ssh", lab, router, "cli", "-c", '"' + " ".join(command) + '"').out

    def server_log(self) -> str:
        log = self.state / "server.log"
        return log.read_text(errors="replace")[-4000:] if log.exists() else ""

    def ports(self, lab: str) -> dict[str, Any]:
        return {port["name"]: port for port in self.json("show", lab)["ports"]}

    def machines(self, lab: str) -> dict[str, Any]:
        return {machine["name"]: machine for machine in self.json("show", lab)["machines"]}

    def qemu(self, lab: str, machine: str) -> int:
        """Process id of a machine of this installation, found by asking the machine we run on."""
        for process in Path("/proc").glob("[0-9]*"):
            try:
                words = (process / "cmdline").read_bytes().split(bytes(1))
            except OSError:
                continue
            ours = any(str(self.run_dir).encode() in word for word in words)
            if ours and any(word.startswith(f"guest={lab}.{machine},".encode()) for word in words):
                return int(process.name)
        raise AssertionError(f"no process of {machine} of {lab}")

    def down_all(self) -> None:
        for lab in self.json("list"):
            self.run("down", lab["name"])

    def server_pid(self) -> int:
        return int((self.run_dir / "server.pid").read_text())

    def kill_server(self) -> None:
        pid = self.server_pid()
        os.kill(pid, signal.SIGKILL)

    def processes(self) -> dict[int, str]:
        """Processes that carry this installation's mark, with their commands."""
        found = {}
        needle = str(self.state.parent).encode()
        for process in Path("/proc").glob("[0-9]*"):
            try:
                command = (process / "cmdline").read_bytes()
                environ = (process / "environ").read_bytes()
            except OSError:
                continue
            if int(process.name) != os.getpid() and b"RACKLESS_MARK=" in environ and needle in command + environ:
                found[int(process.name)] = command.replace(bytes(1), b" ").decode()[:200]
        return found

    def reboot(self) -> None:
        """What a reboot of this machine leaves: no process, no interface, no RUN, and another boot id than the labs knew."""
        self.kill_server()
        killed = self.processes()
        for pid in killed:
            os.kill(pid, signal.SIGKILL)
        await_that("the end of every process", self.processes, lambda found: not set(found) & set(killed))
        shown = subprocess.run(["ip", "-j", "link", "show"], capture_output=True, text=True, check=True).stdout
        mark = f"rackless:{(self.state / 'site-id').read_text().strip()}:"
        for link in json.loads(shown):
            if link.get("ifalias", "").startswith(mark):
                subprocess.run(["ip", "link", "del", link["ifname"]], check=True)
        shutil.rmtree(self.run_dir)
        with closing(sqlite3.connect(self.state / "rackless.sqlite")) as database, database:
            database.execute("UPDATE sandboxes SET boot_id = 'the boot before'")

    def leftovers(self) -> list[str]:
        """What this installation's marks can still be found on, by asking the machine itself, not Rackless."""
        found = [f"process {pid}: {command}" for pid, command in self.processes().items()]
        labs = self.state / "labs"
        if labs.exists():
            found += [f"file {path}" for path in labs.iterdir()]
        found += [f"socket {path}" for path in self.run_dir.rglob("*") if path.is_socket() and path.name != "api.sock"]
        return found

    def close(self) -> None:
        self.run("stop", check=False)
        left = self.leftovers()
        shutil.rmtree(self.state.parent, ignore_errors=True)
        assert not left, "left behind: " + "; ".join(left)


def _default_images() -> Path:
    from rackless import settings

    return settings.load().images


def await_that(
    what: str,
    ask: Callable[[], T],
    holds: Callable[[T], bool],
    deadline: float = 90,
    *,
    explain: Callable[[], str] = str,
) -> T:
    """The first answer that holds, or a failure that shows the last one, and what `explain` finds then."""
    end = time.monotonic() + deadline
    while True:
        answer = ask()
        if holds(answer):
            return answer
        assert time.monotonic() < end, f"{what} did not come within {deadline:g} s; the last answer was:\n{answer}\n{explain()}"
        time.sleep(0.5)


ADJACENCY = (
    "show ospf neighbor detail",
    "show ospf interface detail",
    "show interfaces terse",
    "show route",
    "show log messages",
)
KERNEL = ("ip -d link", "ip maddress", "vtysh -c 'show interface'", "vtysh -c 'show ip ospf interface'", "cat /run/chassisd.json")


def explain_adjacency(installation: Installation, lab: str, routers: tuple[str, ...]) -> str:
    """All that tells why OSPF is not Full."""
    told = []
    for router in routers:
        for command in ADJACENCY:
            told.append(f"--- {router}: {command}\n" + "\n".join(installation.on(lab, router, command).splitlines()[-60:]))
        for command in KERNEL:
            told.append(f"--- {router}: {command}\n" + installation.run("ssh", lab, router, command, check=False).out)
    return "\n".join(told)
