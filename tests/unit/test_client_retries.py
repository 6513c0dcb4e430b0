"""What the client does when a server answers late, breaks off, or says to come back: against a server that does just that."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from rackless.client import AsyncClient, Client, kept, retrying
from rackless.client.models import Role
from rackless.model.errors import DefectError, InputError, RacklessError, ServerGoneError

SELF = {"name": "una", "role": "user", "via": "token"}


class Moody(BaseHTTPRequestHandler):
    """Answers as it was told, one after the other, and keeps what it was asked. An answer of status 0 is none."""

    told: ClassVar[list[tuple[int, dict[str, str], Any]]] = []
    asked: ClassVar[list[tuple[str, str, str | None, str | None]]] = []
    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self.asked.append((self.command, self.path, self.headers["idempotency-key"], self.headers["authorization"]))
        status, headers, body = self.told.pop(0)
        if not status:
            self.close_connection = True
            return
        content = json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"content-type": "application/json", "content-length": str(len(content)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = answer

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def moody(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(retrying, "FIRST", 0.001)
    Moody.told, Moody.asked = [], []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Moody)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join(60)


USER = {"name": "una", "role": "user", "password": False, "disabled": False, "created": 1.0}


def test_a_post_that_got_no_answer_is_made_again_with_the_same_key(moody: str) -> None:
    Moody.told = [(0, {}, None), (0, {}, None), (201, {}, USER), (201, {}, USER)]
    with Client(url=moody, token="t") as client:
        assert client.people.add_user(name="una").name == "una"
        client.people.add_user(name="una")
    keys = [key for _, _, key, _ in Moody.asked]
    assert keys[0]
    assert keys[0] == keys[1] == keys[2] != keys[3]
    assert {who for *_, who in Moody.asked} == {"Bearer t"}


async def test_it_comes_back_when_it_is_told_to(moody: str) -> None:
    Moody.told = [(429, {"retry-after": "0"}, {}), (503, {"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, {}), (200, {}, SELF)]
    async with AsyncClient(url=moody) as client:
        assert (await client.people.whoami()).role is Role.USER
    assert [key for _, _, key, _ in Moody.asked] == [None] * 3


def test_a_server_that_asks_for_too_long_has_its_word_passed_on(moody: str) -> None:
    body = {"code": "rate-limited", "title": "Too many", "status": 429, "detail": "You ask too often.", "hint": "Wait."}
    Moody.told = [(429, {"retry-after": "3600", "content-type": "application/problem+json"}, body)]
    with Client(url=moody) as client, pytest.raises(RacklessError, match="You ask too often") as found:
        client.people.whoami()
    assert found.value.hint == "Wait."


def test_it_gives_up(moody: str) -> None:
    Moody.told = [(0, {}, None)] * retrying.TRIES
    with Client(url=moody) as client, pytest.raises(ServerGoneError, match="went away"):
        client.people.whoami()
    assert Moody.told == []


def test_what_a_newer_server_says_besides_is_kept_and_what_lacks_is_told(moody: str) -> None:
    Moody.told = [(200, {}, {**SELF, "role": "emperor", "more": 1}), (200, {}, {"name": "una"})]
    with Client(url=moody) as client:
        found = client.people.whoami()
        assert (found.role, found.model_dump()["more"]) == ("emperor", 1)
        with pytest.raises(DefectError, match="not as this version knows it: role"):
            client.people.whoami()


def test_a_secret_is_in_an_answer_and_not_in_its_text(moody: str) -> None:
    Moody.told = [(201, {}, {"label": "ci", "created": 1.0, "expires": None, "token": "rkl_s3cret"})]
    with Client(url=moody) as client:
        made = client.people.add_token("una", label="ci")
    assert made.token == "rkl_s3cret"
    assert "s3cret" not in repr(made) + str(made)
    assert made.model_dump()["token"] == "rkl_s3cret"


def test_a_server_of_another_kind(moody: str) -> None:
    Moody.told = [(404, {}, {"detail": "Not Found"})]
    with Client(url=moody) as client, pytest.raises(RacklessError, match="does not speak this version of Rackless's API"):
        client.people.whoami()


def test_what_is_kept_comes_back_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "deep/client.toml"
    one = kept.Login(token='od"d\\\n', ca="/a b/ä.pem", label="l", user="una")
    whole = kept.Kept(default="https://a:1", servers={"https://a:1": one, "https://b/x": kept.Login(token="t")})
    kept.write(file, whole)
    assert kept.read(file) == whole
    assert "od" not in repr(whole)
    file.write_text("default = [")
    with pytest.raises(InputError, match="is not TOML"):
        kept.read(file)
