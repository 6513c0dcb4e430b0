"""The database of a server stops, comes back, and is another one then: no wrong answer, nothing lost, nothing done twice."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from tests.fabric.moving import Moving, until
from tests.stories.shell import Shell

pytestmark = [pytest.mark.fabric, pytest.mark.timeout(600)]

LAB = """name: {name}
routers:
  west: {{cards: 2, ports_per_card: 2}}
  east: {{cards: 1, ports_per_card: 2}}
wires: [["west:ge-0/0/0", "east:ge-0/0/0"]]
hooks:
  post-provisioning: [{{name: held, run: [held], deadline: 10m}}]
"""
HELD = """#!/bin/sh
echo "$RACKLESS_LAB $$" >> {top}/held.log
while [ ! -e {top}/go ]; do sleep 0.2; done
"""
AWAY = 31.0
"""Seconds: longer than any lease, any pause and any connection's patience."""


@pytest.fixture
def moving() -> Iterator[Moving]:
    made = Moving()
    yield made
    made.close()


class Server:
    """A server on that database, whose labs stand still in a hook until they may go on."""

    def __init__(self, top: Path, url: str) -> None:
        self.top = top
        (top / "hooks").mkdir()
        held = top / "hooks/held"
        held.write_text(HELD.format(top=top))
        held.chmod(0o755)
        (top / "site.yaml").write_text(f"hooks: {{executables: {top}/hooks}}\nprovider: fake\n")
        self.shell = Shell(top, RACKLESS_DATABASE=url, RACKLESS_SITE=str(top / "site.yaml"))
        self.shell.run("list")

    def http(self, timeout: float = 30) -> httpx.Client:
        transport = httpx.HTTPTransport(uds=str(self.top / "r/api.sock"))
        return httpx.Client(transport=transport, base_url="http://rackless/v1", timeout=timeout)

    def deploy(self, name: str) -> httpx.Response:
        with self.http() as http:
            return http.post("/labs", json={"text": LAB.format(name=name), "file": "lab.yaml", "files": {}})

    def state(self, name: str) -> str:
        with self.http() as http:
            answer = http.get(f"/labs/{name}")
        return str(answer.json().get("state", "")) if answer.status_code == 200 else f"{answer.status_code}"

    def held(self) -> list[str]:
        log = self.top / "held.log"
        return [line.split()[0] for line in log.read_text().splitlines()] if log.exists() else []


class Asking:
    """Somebody who asks all the time, to see and to change."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._ended = threading.Event()
        self.answers: list[tuple[str, int]] = []
        self.wrong: list[str] = []
        self.taken: list[str] = []
        """Groups that the server said it made."""
        self.maybe: list[str] = []
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        number = 0
        with self._server.http() as http:
            while not self._ended.is_set():
                number += 1
                for method, path, body in (("GET", "/labs", None), ("POST", "/groups", {"name": f"g{number}"})):
                    try:
                        answer = http.request(method, path, json=body)
                    except httpx.HTTPError as error:
                        self.wrong.append(f"{method} {path}: {error!r}")
                        continue
                    self.answers.append((method, answer.status_code))
                    if answer.status_code == 503:
                        if not answer.headers.get("retry-after", "").isdigit() or answer.json()["code"] != "unavailable":
                            self.wrong.append(f"{method} {path}: {answer.headers} {answer.text}")
                        if "not known" in answer.json()["detail"]:
                            self.maybe.append(f"g{number}")
                    elif not answer.is_success:
                        self.wrong.append(f"{method} {path}: {answer.status_code} {answer.text}")
                    elif method == "POST":
                        self.taken.append(f"g{number}")
                time.sleep(0.1)

    def count(self, status: int) -> int:
        return sum(1 for _, one in self.answers if one == status)

    def end(self) -> None:
        self._ended.set()
        self._thread.join(60)


class Following:
    """A client of the event stream that comes back with the last id it has, as a browser does."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._ended = threading.Event()
        self.ids: list[int] = []
        self.kinds: list[str] = []
        self.connected = 0
        self._last = ""
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._ended.is_set():
            try:
                with self._server.http(timeout=5) as http:
                    headers = {"Last-Event-ID": self._last} if self._last else {}
                    with http.stream("GET", "/events", headers=headers) as answer:
                        self.connected += 1
                        self._read(answer)
            except (httpx.HTTPError, OSError):
                time.sleep(0.2)

    def end(self) -> None:
        self._ended.set()
        self._thread.join(60)

    def _read(self, answer: httpx.Response) -> None:
        event: dict[str, str] = {}
        for line in answer.iter_lines():
            if line:
                name, _, value = line.partition(": ")
                event[name] = value
                continue
            self._last = event.get("id", self._last)
            if "data" in event:
                self.ids.append(int(self._last))
                self.kinds.append(event["event"])
            event = {}
            if self._ended.is_set():
                return


def events_of(moving: Moving, since: int) -> list[int]:
    found = moving.standby.ask(f"SELECT id FROM events WHERE id >= {since} ORDER BY id", "rackless")
    return [int(line) for line in found.splitlines()]


@pytest.fixture
def server(moving: Moving, tmp_path: Path) -> Iterator[Server]:
    made = Server(tmp_path, moving.url)
    yield made
    with suppress(FileNotFoundError, ProcessLookupError):
        made.shell.kill_server()


def test_the_database_is_away_and_is_another_one_then(moving: Moving, server: Server, tmp_path: Path) -> None:
    pid = server.shell.server()
    asking, following = Asking(server), Following(server)
    until(lambda: following.connected)
    assert server.deploy("one").status_code == 202
    until(lambda: server.held() == ["one"])

    # A restart: for a moment, as after an upgrade. Most are not even told.
    moving.primary.stop()
    moving.primary.start()
    until(lambda: asking.answers[-1][1] < 300)

    # It is away for longer than any patience, and its standby takes its place.
    before = len(asking.answers)
    moving.way.lead(None)
    moving.primary.stop("immediate")
    begun = time.monotonic()
    until(lambda: asking.count(503) >= 4)
    refused = server.deploy("two")
    assert (refused.status_code, refused.json()["code"]) == (503, "unavailable")
    assert server.state("one") == "503"
    time.sleep(max(0.0, AWAY - (time.monotonic() - begun)))
    moving.promote()
    promoted = time.monotonic()
    until(lambda: len(asking.answers) > before and asking.answers[-1][1] < 300)
    print(f"served again {time.monotonic() - promoted:.1f} s after the promotion")
    assert server.deploy("three").status_code == 202

    # What was under way goes on: no process ended, no job failed, and the hook runs anew, for it was broken off.
    (tmp_path / "go").touch()
    for lab in ("one", "three"):
        until(lambda lab=lab: server.state(lab) == "ready", 120, lambda lab=lab: server.shell.run("logs", lab).stdout)
    assert server.shell.server() == pid
    asking.end()
    assert not asking.wrong, asking.wrong[:5]
    lab = server.shell.json("show", "one")
    assert sum(port["ready"] for port in lab["ports"]) == len(lab["ports"]) == 6
    assert lab["job"]["state"] == "succeeded"
    assert sorted(server.held()) == ["one", "one", "three"]

    # Every group that was answered for is there, none that was refused; and none of the two is there that was never begun.
    there = groups(server)
    assert set(asking.taken) <= there <= {*asking.taken, *asking.maybe}
    assert {lab["name"] for lab in server.shell.json("list")} == {"one", "three"}

    # The stream: no gap, nothing twice, over both.
    newest = max(events_of(moving, 0))
    until(lambda: following.ids and following.ids[-1] >= newest)
    assert following.ids == events_of(moving, following.ids[0])
    assert "reset" not in following.kinds
    following.end()


def groups(server: Server) -> set[str]:
    found, after = set(), ""
    with server.http() as http:
        while True:
            page = http.get("/groups", params={"after": after} if after else {}).json()
            found |= {group["name"] for group in page["items"]}
            if not page["next"]:
                return found
            after = page["next"]


def test_a_database_that_shows_no_certificate_of_ours_is_refused(moving: Moving, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    from tests.fabric.moving import Authority

    Authority(other)
    shell = Shell(tmp_path, RACKLESS_DATABASE=moving.url.replace(str(moving.top / "ca.crt"), str(other / "ca.crt")))
    refused = json.loads(shell.run("list", "--json", code=1).stdout)
    assert "SSL error" in refused["error"]["message"]
