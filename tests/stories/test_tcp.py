"""The server on TCP: nobody comes in without a token, and consoles follow the same rules as the rest."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import httpx
import pytest
from tests.stories.shell import EXAMPLE, Shell, until
from websockets.sync.client import connect

LAB = "back-to-back"


class Remote:
    """Somebody at the TCP port, with a token or without."""

    def __init__(self, port: int, token: str = "") -> None:
        self.headers = {"authorization": f"Bearer {token}"} if token else {}
        self.place = f"127.0.0.1:{port}"

    def get(self, path: str) -> httpx.Response:
        return httpx.get(f"http://{self.place}/v1{path}", headers=self.headers, timeout=30)

    def console(self, machine: str) -> Any:
        """The first that the console tells in a message."""
        with connect(f"ws://{self.place}/v1/labs/{LAB}/machines/{machine}/console", additional_headers=self.headers) as line:
            return json.loads(line.recv(timeout=30))

    def typed(self, machine: str) -> bytes:
        """What the line shows after somebody typed here, for as long as a writer would need to see their own echo."""
        shown = b""
        with connect(
            f"ws://{self.place}/v1/labs/{LAB}/machines/{machine}/console?replay=false", additional_headers=self.headers
        ) as line:
            line.recv(timeout=30)
            line.send(b"echoed\n")
            with suppress(TimeoutError):
                while b"echoed" not in shown:
                    said = line.recv(timeout=30)
                    shown += said if isinstance(said, bytes) else b""
        return shown


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Shell, int]]:
    shell = Shell(tmp_path_factory.mktemp("c"))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = shell.start("serve", "--tcp", str(port), "--plain")
    until(server, "server ")
    shell.run("up", EXAMPLE)
    yield shell, port
    shell.run("down", LAB)
    shell.run("stop")
    server.communicate(timeout=60)


def token(shell: Shell, name: str, role: str) -> str:
    shell.run("user", "add", name, "--role", role)
    return shell.run("token", "add", name, "test").stdout.strip()


def test_nobody_comes_in_without_a_token(served: tuple[Shell, int]) -> None:
    _, port = served
    for remote in (Remote(port), Remote(port, "rkl_guess")):
        answer = remote.get("/labs")
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")
        assert remote.console("west-vcp")["error"]["code"] == "unauthorized"


def test_a_viewer_watches_a_shared_lab_and_types_nothing(served: tuple[Shell, int]) -> None:
    shell, port = served
    viv = Remote(port, token(shell, "viv", "viewer"))
    assert viv.get(f"/labs/{LAB}").status_code == 404
    assert viv.console("west-vcp")["error"]["code"] == "not-found"
    assert "is shared with viv" in shell.run("share", LAB, "viv").stdout
    assert viv.get(f"/labs/{LAB}").json()["owner"] == "local"
    assert viv.console("west-vcp") == {"open": "west-vcp"}
    assert b"echoed" not in viv.typed("west-vcp")
    shell.run("user", "change", "viv", "--role", "user")
    assert b"echoed" in viv.typed("west-vcp")
    shell.run("user", "change", "viv", "--role", "viewer")
    assert viv.get(f"/labs/{LAB}/credentials").status_code == 403
    shell.run("share", LAB, "viv", "--end")
    assert viv.get(f"/labs/{LAB}").status_code == 404


def test_users_and_tokens_from_the_command_line(served: tuple[Shell, int]) -> None:
    shell, port = served
    olga = Remote(port, token(shell, "olga", "operator"))
    assert [lab["name"] for lab in olga.get("/labs").json()["items"]] == [LAB]
    assert [user["name"] for user in shell.json("user", "list") if user["role"] == "operator"] == ["olga"]
    assert [one["label"] for one in shell.json("token", "list", "olga")] == ["test"]
    shell.run("token", "revoke", "olga", "test")
    assert olga.get("/labs").status_code == 401
    shell.run("user", "change", "olga", "--disable")
    assert "disabled" in shell.run("user", "change", "olga", "--role", "viewer").stdout
    shell.run("user", "remove", "olga")
    assert "There is no user olga" in shell.run("token", "add", "olga", "x", code=3).stderr
    actions = [line["action"] for line in shell.json("access-log")]
    assert actions[:3] == ["add_token", "remove_user", "change_user"]


def test_a_password_comes_in_by_standard_input_and_is_nowhere(served: tuple[Shell, int]) -> None:
    shell, _ = served
    (shell.top / "word").write_text("long and s3cret\n")
    with (shell.top / "word").open() as word:
        assert shell.run("user", "add", "pat", "--password", stdin=word).stdout.startswith("pat is user now")
    (shell.top / "word").unlink()
    kept = [path for path in shell.top.rglob("*") if path.is_file() and b"long and s3cret" in path.read_bytes()]
    assert kept == []
    shell.run("user", "remove", "pat")
