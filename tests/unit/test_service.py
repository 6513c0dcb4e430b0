"""As a service: what systemd is told, and that it takes our unit."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.stories.shell import Shell

from rackless import settings
from rackless.model.errors import StateError
from rackless.notifying import Manager

SYSTEMD = Path(__file__).parents[2] / "packaging/systemd"
UNIT = SYSTEMD / "rackless.service"
NEEDS_SYSTEMD = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="this is no systemd machine")


class Listener:
    """The manager's end of the socket."""

    def __init__(self, address: str) -> None:
        self.name = "@" + address[1:] if address.startswith("\0") else address
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(address)
        self.socket.settimeout(60)

    def next(self) -> list[str]:
        return self.socket.recv(4096).decode().splitlines()

    def until(self, line: str) -> list[str]:
        """All that was told up to there, each thing once."""
        told: list[str] = []
        while line not in told:
            told += [one for one in self.next() if one not in told]
        return told


@pytest.fixture
def listener(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Listener]:
    made = Listener(str(tmp_path_factory.mktemp("n") / "notify"))
    yield made
    made.socket.close()


def test_the_server_tells_when_it_is_ready_that_it_lives_and_when_it_ends(
    listener: Listener, tmp_path_factory: pytest.TempPathFactory
) -> None:
    shell = Shell(tmp_path_factory.mktemp("c"), NOTIFY_SOCKET=listener.name, WATCHDOG_USEC="200000", RACKLESS_LOG="json")
    server = shell.start("serve")
    told = listener.until("READY=1")
    assert (shell.top / "r/api.sock").exists()  # ready means that it answers
    assert "STATUS=Provider fake" in [line.split(",")[0] for line in told]
    listener.until("WATCHDOG=1")
    listener.until("WATCHDOG=1")
    environment = Path(f"/proc/{server.pid}/environ").read_bytes()
    assert b"NOTIFY_SOCKET" in environment
    server.terminate()
    assert "READY=1" not in listener.until("STOPPING=1")
    _, log = server.communicate(timeout=60)
    assert server.returncode == 0
    assert all(line.startswith('{"time"') for line in log.strip().splitlines())


async def test_signs_of_life_come_at_half_the_time(listener: Listener) -> None:
    environ = {"NOTIFY_SOCKET": listener.name, "WATCHDOG_USEC": "100000", "WATCHDOG_PID": str(os.getpid())}
    manager = Manager(environ)
    assert environ == {}
    assert manager.pause == 0.05
    keeping = asyncio.create_task(manager.keep())
    for _ in range(3):
        assert await asyncio.to_thread(listener.next) == ["WATCHDOG=1"]
    keeping.cancel()


def test_a_socket_in_the_abstract_namespace() -> None:
    listener = Listener(f"\0rackless-test-{os.getpid()}-{time.monotonic_ns()}")
    Manager({"NOTIFY_SOCKET": listener.name}).ready("x")
    assert listener.next() == ["READY=1", "STATUS=x"]
    listener.socket.close()


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"WATCHDOG_USEC": "0"},
        {"WATCHDOG_USEC": "1000", "WATCHDOG_PID": "1"},
        {"NOTIFY_SOCKET": "/absent", "WATCHDOG_USEC": "x"},
    ],
)
def test_without_a_manager_nothing_happens(environ: dict[str, str]) -> None:
    manager = Manager(environ)
    assert manager.pause is None
    manager.ready("x")
    manager.stopping()


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The unit, with the program where it is here."""
    unit = tmp_path / "rackless.service"
    program = Path(sys.executable).with_name("rackless")
    unit.write_text(UNIT.read_text().replace("/opt/rackless/bin/rackless", str(program)))
    return unit


@NEEDS_SYSTEMD
def test_systemd_takes_the_unit_without_a_word(installed: Path) -> None:
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(installed)], capture_output=True, text=True, timeout=60, check=False
    )
    ours = [line for line in (done.stdout + done.stderr).splitlines() if "rackless" in line]
    assert (done.returncode, ours) == (0, [])


@NEEDS_SYSTEMD
def test_the_service_is_shut_in(installed: Path) -> None:
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", "--threshold=40", str(installed)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    found = re.search(r"exposure level .*?: ([\d.]+)", done.stdout)
    assert found is not None, done.stdout + done.stderr
    assert float(found[1]) < 4, done.stdout
    assert done.returncode == 0


@NEEDS_SYSTEMD
def test_the_user_and_the_directories_are_made(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root")
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/group").write_text("root:x:0:\nkvm:x:107:\n")
    (tmp_path / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
    for tool, file in (("systemd-sysusers", "rackless.sysusers.conf"), ("systemd-tmpfiles", "rackless.tmpfiles.conf")):
        words = [tool, f"--root={tmp_path}", *(["--create"] if tool == "systemd-tmpfiles" else []), str(SYSTEMD / file)]
        done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
    assert re.search(r"^rackless:.*:/var/lib/rackless:/usr/sbin/nologin$", (tmp_path / "etc/passwd").read_text(), re.M)
    assert "kvm:x:107:rackless" in (tmp_path / "etc/group").read_text()
    assert (tmp_path / "var/lib/rackless").stat().st_mode & 0o777 == 0o700


def test_what_machines_need_to_outlive_a_restart_stays() -> None:
    """Without one of these a restart of the service, or one machine out of memory, would end all machines."""
    lines = UNIT.read_text().splitlines()
    for line in ("KillMode=process", "RuntimeDirectoryPreserve=yes", "OOMPolicy=continue", "Restart=on-failure", "Type=notify"):
        assert line in lines
    assert not any(line.startswith("MemoryDenyWriteExecute") for line in lines)


def test_root_starts_no_server_on_a_services_state(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root")
    state = tmp_path / "state"
    state.mkdir()
    os.chown(state, 12345, 12345)
    found = settings.load({"RACKLESS_STATE": str(state), "RACKLESS_RUN": str(tmp_path / "run")})
    with pytest.raises(StateError, match="is 12345's, and its server does not run"):
        found.make()
    assert list(state.iterdir()) == []
