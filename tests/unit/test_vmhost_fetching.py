"""Bundles that a host fetches itself, from a real web server."""

from __future__ import annotations

import http.server
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from rackless.model.errors import CapacityError, InputError, ProviderError
from rackless.vmhost import fetching
from rackless.vmhost.spool import Spool

DATA = os.urandom(3_000_000)


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", "/set.raucb")
            self.end_headers()
            return
        if self.path not in ("/set.raucb", "/endless", "/short"):
            self.send_error(404)
            return
        self.send_response(200)
        if self.path != "/endless":
            self.send_header("Content-Length", str(len(DATA)))
        self.end_headers()
        self.wfile.write(DATA[:1000] if self.path == "/short" else DATA)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{running.server_address[1]}"
        running.shutdown()


@pytest.mark.parametrize("path", ["set.raucb", "moved"])
async def test_a_bundle_comes_whole_and_its_way_is_told_without_a_password(server: str, tmp_path: Path, path: str) -> None:
    said: list[str] = []
    found = await fetching.fetch(f"http://ann:secret@{server}/{path}", Spool(tmp_path, spare=0), said.append)
    assert found.read_bytes() == DATA
    assert said[0] == f"Fetching http://{server}/{path} (3000000 bytes)"
    assert said[-1] == "100 % fetched"
    assert "secret" not in "".join(said)


@pytest.mark.parametrize(
    ("path", "error", "words"),
    [
        ("nothing", InputError, "the server says 404 Not Found"),
        ("endless", InputError, "does not say how long it is"),
        ("short", ProviderError, "cannot be fetched"),
    ],
)
async def test_what_cannot_be_fetched_leaves_nothing(
    server: str, tmp_path: Path, path: str, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        await fetching.fetch(f"http://{server}/{path}", Spool(tmp_path, spare=0), lambda line: None)
    assert list(tmp_path.iterdir()) == []


async def test_a_server_that_is_not_there_and_a_disk_that_is_full(server: str, tmp_path: Path) -> None:
    with pytest.raises(ProviderError, match="cannot be fetched"):
        await fetching.fetch("http://127.0.0.1:9/set.raucb", Spool(tmp_path, spare=0), lambda line: None)
    with pytest.raises(CapacityError, match="3000000 bytes"):
        await fetching.fetch(f"http://{server}/set.raucb", Spool(tmp_path, spare=1 << 60), lambda line: None)


@pytest.mark.parametrize("address", ["ftp://host/x", "file:///etc/passwd", "http://", "https://[/x"])
def test_addresses_that_nothing_is_fetched_from(address: str) -> None:
    with pytest.raises(InputError, match="http://HOST/PATH"):
        fetching.named(address)
