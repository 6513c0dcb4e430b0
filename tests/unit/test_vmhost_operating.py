"""The operator of a VM host: `rackless vmhost ...` over the agent's own socket, and its HTTP API."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.unit.vmhost_memory import RememberedHost

from rackless.cli import main as cli
from rackless.client.vmhost import ENVIRONMENT
from rackless.model.vmhost_verbs import Verb
from rackless.vmhost.channel import Request
from rackless.vmhost.consoles import Line
from rackless.vmhost.operating import serve_operator
from rackless.vmhost.spool import Spool


class Operated:
    """A host's socket that is served, in a thread of its own."""

    def __init__(self, top: Path) -> None:
        self.host = RememberedHost()
        self.path = top / "run/operator.sock"
        self.spool = top / "spool"
        self.log: list[Request] = []
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()
        end = time.monotonic() + 20
        while not self.path.exists():
            assert time.monotonic() < end
            time.sleep(0.01)

    def serve(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.task = self.loop.create_task(
            serve_operator(self.host, spool=Spool(self.spool), path=self.path, record=self.log.append, beat=0.2)
        )
        self.loop.run_until_complete(asyncio.gather(self.task, return_exceptions=True))

    def ends(self) -> None:
        self.loop.call_soon_threadsafe(self.task.cancel)
        self.thread.join(20)
        self.loop.close()

    def http(self) -> httpx.Client:
        return httpx.Client(transport=httpx.HTTPTransport(uds=str(self.path)), base_url="http://vmhost/v1/vmhost", timeout=30)


@pytest.fixture
def operated(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Operated]:
    made = Operated(tmp_path_factory.mktemp("o"))
    monkeypatch.setenv(ENVIRONMENT, str(made.path))
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield made
    made.ends()
    assert not made.path.exists()


Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """The command's exit code, output and remarks."""

    def command(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["rackless", "vmhost", *words])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        out, err = capfd.readouterr()
        return int(ended.value.code or 0), out, err

    return command


def test_the_socket_is_its_owners(operated: Operated) -> None:
    assert stat.S_IMODE(operated.path.stat().st_mode) in (0o600, 0o660)


def test_whoever_sees_the_socket_can_connect(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bool] = []
    path, listen = tmp_path / "operator.sock", socket.socket.listen

    def looked_at(self: socket.socket, *more: int) -> None:
        seen.append(path.exists())
        listen(self, *more)

    monkeypatch.setattr(socket.socket, "listen", looked_at)
    served = serve_operator(RememberedHost(), spool=Spool(tmp_path / "spool"), path=path)

    async def shortly() -> None:
        task = asyncio.ensure_future(served)
        while not path.exists():
            assert not task.done()
            await asyncio.sleep(0)
        with socket.socket(socket.AF_UNIX) as one:
            one.connect(str(path))
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(shortly())
    assert seen[0] is False  # by uvicorn it is told once more
    assert list(tmp_path.glob("*.sock*")) == []


def test_one_that_is_told_to_end_at_once_leaves_no_socket(tmp_path: Path) -> None:
    path = tmp_path / "operator.sock"

    async def at_once() -> None:
        task = asyncio.ensure_future(serve_operator(RememberedHost(), spool=Spool(tmp_path / "spool"), path=path))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(at_once())
    assert not path.exists()


def test_everything_is_shown_as_tables_and_as_json(operated: Operated, run: Run) -> None:
    operated.host.recovered()
    assert run("show", "snapshot")[1] == "No snapshot was taken.\n"
    run("snapshot")
    wanted = {
        "status": "re0   running",
        "version": "current      a",
        "uptime": "2026-09-21 14:13:20  0x1:power cycle/failure",
        "snapshot": "Sets:",
        "hardware": "disk1  primary  sda",
        "information": "Debian GNU/Linux 12 (bookworm)",
        "resources": "memory",
        "processes": "worker 1199",
        "netstat": "0.0.0.0:22",
        "bridges": "eth0; tap0",
        "management": "192.0.2.5/24",
    }
    for name, text in wanted.items():
        code, out, _ = run("show", name)
        assert code == 0
        assert text in out, out
        assert json.loads(run("show", name, "--json")[1]) is not None
    assert json.loads(run("show", "--json")[1])["guests"][0]["name"] == "re0"
    code, _, err = run("show", "stauts")
    assert code == 2
    assert "Did you mean 'status'?" in err


@pytest.mark.parametrize("named", [True, False])
def test_a_guests_serial_line_is_joined(operated: Operated, tmp_path: Path, named: bool) -> None:
    """By name, or that of the administrative guest; as a script does it, whose input ends with Ctrl-]."""
    guest = socket.socket(socket.AF_UNIX)
    guest.bind(str(operated.path.with_name("re0.serial")))
    guest.listen()
    line = Line(operated.path.with_name("re0.serial"), operated.path.with_name("re0.console"))
    kept = asyncio.run_coroutine_threadsafe(line.run(), operated.loop)
    words = [sys.executable, "-m", "rackless.cli.main", "vmhost", "console", *(["re0"] if named else [])]
    try:
        with guest, guest.accept()[0] as machine:
            end = time.monotonic() + 20
            while not operated.path.with_name("re0.console").exists():
                assert time.monotonic() < end
            program = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            assert program.stdin is not None
            assert program.stdout is not None
            program.stdin.write(b"show version\r")
            program.stdin.flush()
            machine.settimeout(30)
            assert machine.recv(100) == b"show version\r"
            machine.sendall(b"Model: vmx\r\n")
            assert program.stdout.readline() == b"Model: vmx\r\n"
            _, said = program.communicate(b"\x1d", 30)
        assert (program.returncode, said) == (0, b"Serial line of re0; Ctrl-] leaves.\n")
    finally:
        kept.cancel()


def test_a_serial_line_that_is_not_there_is_said_so(operated: Operated, run: Run) -> None:
    code, _, err = run("console", "re1")
    assert code == 2
    assert "There is no guest 're1'" in err
    assert "Did you mean 're0'?" in err
    code, _, err = run("console", "re0")
    assert code == 4
    assert "re0.console: No such file" in err


def test_files_are_listed_and_printed(operated: Operated, run: Run) -> None:
    assert "agent/old.log" in run("files", "log")[1]
    assert [one["name"] for one in json.loads(run("files", "crash", "--json")[1])] == ["vmcore.0"]
    assert run("files", "log", "messages", "--last", "28")[1] == "line 2000 of the host's log\n"
    code, _, err = run("files", "log", "nothing")
    assert code == 3
    assert "has no log nothing" in err
    assert run("files", "log", "../../etc/passwd")[0] == 2


def test_software_is_added_rolled_back_and_taken_back(operated: Operated, run: Run, tmp_path: Path) -> None:
    bundle = tmp_path / "vmhost-26.4R1.tgz"
    bundle.write_bytes(b"signed 26.4R1 " + os.urandom(3_000_000))
    code, out, err = run("add", str(bundle), "--no-validate")
    assert code == 0
    assert "It takes effect with the next boot" in out
    assert "Writing the alternate set ..." in err
    assert operated.host.bundles == [bundle.read_bytes()]
    assert json.loads(run("show", "version", "--json")[1])["next_set"] == "b"
    assert run("abort")[1] == "Aborted.\n"
    assert run("abort")[0] == 4
    assert "The next boot takes set b." in run("rollback")[1]
    bad = tmp_path / "bad.tgz"
    bad.write_bytes(b"unsigned")
    code, _, err = run("add", str(bad))
    assert code == 2
    assert "not signed" in err
    assert "Hint: Nothing was changed." in err
    assert run("add", str(tmp_path / "none.tgz"))[0] == 2
    assert list(operated.spool.iterdir()) == []
    user = operated.log[0].asker
    assert (user.user, user.way, user.login_class.value) == ("root", "operator", "super-user")
    assert str(operated.log[0]).startswith(
        "vmhost add-software name=vmhost-26.4R1.tgz size=3000014 validate=False reboot=False by root"
    )


def test_power_needs_somebody_who_is_sure(operated: Operated, run: Run) -> None:
    for words in (["reboot"], ["power-off"], ["halt"], ["zeroize"], ["snapshot", "--partition"]):
        code, _, err = run(*words)
        assert code == 2
        assert "`--yes`" in err
    assert operated.host.asked == []
    code, out, _ = run("reboot", "--yes", "--from", "disk2", "--in", "10m")
    assert out == "Reboot from disk2 at 2026-09-21 15:23:20. `rackless vmhost cancel` forgets it.\n"
    assert run("halt", "--yes")[0] == 4
    assert run("cancel")[1] == "reboot is not done.\n"
    assert json.loads(run("zeroize", "--yes", "--json")[1])["scheduled"]["action"] == "zeroize"
    assert run("power-on")[1] == "re0 runs already.\n"
    assert run("power-on", "other")[0] == 3
    assert run("auto-recovery", "off")[1] == "Done.\n"
    assert run("auto-recovery", "maybe")[0] == 2
    assert run("test-disk", "disk1", "--long")[1] == "disk1: no errors.\n"
    assert run("test-disk", "disk2")[0] == 4
    assert run("cleanup")[1] == "1 file, 20480 bytes.\n"
    assert run("reboot", "--yes", "--in", "1m", "--at", "10:00")[0] == 2
    assert run("reboot", "--yes", "--at", "2001-01-01")[0] == 2


def test_json_has_the_documented_keys(operated: Operated, run: Run) -> None:
    page = (Path(__file__).resolve().parents[2] / "docs/reference/json.md").read_text()
    row = next(line for line in page.splitlines() if line.startswith("| `vmhost add`"))
    done = json.loads(run("reboot", "--yes", "--json")[1])
    assert set(done) == {"lines", "reboot_needed", "scheduled"}
    assert set(done["scheduled"]) == {"action", "at", "device", "by"}
    assert "`{lines, reboot_needed, scheduled: {action, at, device, by}}`" in row


def test_where_no_agent_is_it_is_said(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(ENVIRONMENT, str(tmp_path / "none.sock"))
    code, _, err = run("show")
    assert code == 1
    assert "No VM host's agent listens at" in err
    assert "Is rackless-vmhost running here?" in err


# ---- the API


def test_errors_are_problem_documents(operated: Operated) -> None:
    with operated.http() as http:
        wrong: list[tuple[str, str, Any, int, str]] = [
            ("GET", "/fly", None, 422, "input"),
            ("GET", "/reboot", None, 409, "state"),
            ("POST", "/uptime", {}, 409, "state"),
            ("POST", "/reboot", {"device": "floppy"}, 422, "input"),
            ("POST", "/reboot", {"x": 1}, 422, "input"),
            ("POST", "/reboot", [1], 422, "input"),
            ("POST", "/zeroize", {}, 422, "input"),
            ("GET", "/files?kind=secret", None, 422, "input"),
            ("GET", "/files/log/nothing", None, 404, "not-found"),
            ("GET", "/files/log/messages?last=-1", None, 422, "input"),
            ("GET", "/files/log/a/%2e%2e/b", None, 422, "input"),
            ("POST", "/add-software", None, 422, "input"),
        ]
        for method, path, body, status, code in wrong:
            answer = http.request(method, path, json=body)
            assert (answer.status_code, answer.json()["code"]) == (status, code), (path, answer.text)
            assert answer.headers["content-type"] == "application/problem+json"
        assert http.post("/reboot", content=b"{").json()["code"] == "malformed"
        assert http.post("/reboot", content=b"[" * 70_000).status_code == 413
        assert http.post("/add-software", content=b"x" * 10, params={"name": "../x"}).json()["code"] == "input"
        assert http.post("/add-software", content=b"x" * 10, params={"validate": "7"}).json()["code"] == "input"
    assert operated.host.asked == []


def test_a_long_request_tells_and_goes_on_without_its_asker(operated: Operated) -> None:
    operated.host.hold = asyncio.Event()
    with operated.http() as http:
        with http.stream("POST", "/take-snapshot", json={}) as answer:
            lines = answer.iter_lines()
            assert json.loads(next(lines)) == {"progress": "Copying set a ..."}
            assert json.loads(next(lines)) == {"progress": "Copying set b ..."}
            assert json.loads(next(lines)) == {"progress": ""}
            assert http.get("/status").json()["busy"] == "taking a snapshot"
        operated.loop.call_soon_threadsafe(operated.host.hold.set)
        while http.get("/snapshot").json() is None:
            time.sleep(0.01)
    assert [one.outcome for one in operated.log if one.what is Verb.TAKE_SNAPSHOT] == ["done"]


def test_a_bundle_that_breaks_off_leaves_nothing(operated: Operated) -> None:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(str(operated.path))
        sock.sendall(b"POST /v1/vmhost/add-software HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\nsigned 1 ")
        end = time.monotonic() + 20
        while not list(operated.spool.iterdir()):
            assert time.monotonic() < end
            time.sleep(0.01)
    while list(operated.spool.iterdir()):
        assert time.monotonic() < end
        time.sleep(0.01)
    assert operated.host.asked == []
