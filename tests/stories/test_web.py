"""The page's port: `rackless web` on a server that was started by need, TLS, and what is refused."""

from __future__ import annotations

import hashlib
import os
import signal
import socket
import ssl
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from tests.stories.shell import Shell, until

from rackless import certificate


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    made = Shell(tmp_path)
    yield made
    made.run("stop", code=0 if (tmp_path / "r/api.sock").exists() else 4)


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def seen(port: int) -> str:
    """Fingerprint of the certificate that a client is shown."""
    shown = ssl.get_server_certificate(("127.0.0.1", port), timeout=30)
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(shown)).hexdigest().upper()


def test_web_opens_a_port_of_a_running_server_and_logs_in_once(shell: Shell) -> None:
    shell.run("list")
    told = shell.run("web")
    url = urlsplit(told.stdout.strip())
    assert (url.scheme, url.hostname) == ("https", "127.0.0.1")
    assert url.port is not None
    kept = shell.top / "s/certificate.pem"
    assert stat.S_IMODE((shell.top / "s/certificate.key").stat().st_mode) == 0o600
    assert seen(url.port) in told.stderr.replace(":", "")
    trust = ssl.create_default_context(cafile=str(kept))
    ticket = url.fragment.removeprefix("ticket=")
    with httpx.Client(base_url=f"https://127.0.0.1:{url.port}/v1", verify=trust) as http:
        assert http.get("/self").status_code == 401
        answer = http.post("/session", json={"ticket": ticket})
        assert answer.json()["name"] == "local"
        assert "Secure" in answer.headers["set-cookie"]
        assert http.get("/self").json()["role"] == "admin"
        assert http.post("/session", json={"ticket": ticket}).status_code == 401
        assert http.get("/self", headers={"host": "evil.example"}).status_code == 403
        assert http.post("/server/ports", json={}, headers={"X-Rackless": "1"}).status_code == 403
    assert any(str(url.port) in finding["name"] for finding in shell.json("doctor"))

    shell.run("stop")
    shell.run("list")  # the next server listens there again, and the session is still known
    assert seen(url.port) in told.stderr.replace(":", "")
    again = shell.json("web")
    assert urlsplit(again["url"]).port == url.port
    [session] = shell.json("session", "list", "local")
    assert session["how"] == "ticket"
    shell.run("session", "end", "local", str(session["id"]))
    assert shell.json("session", "list", "local") == []


def test_web_without_tls_where_that_is_asked_for(shell: Shell) -> None:
    url = urlsplit(shell.json("web", "--plain")["url"])
    assert url.scheme == "http"
    assert httpx.get(f"http://localhost:{url.port}/v1/self").status_code == 401
    assert "with TLS" not in shell.run("web", "--port", str(url.port), "--plain").stderr
    assert "without TLS" in shell.run("web", "--port", str(url.port), code=4).stderr


def test_what_serve_refuses(shell: Shell) -> None:
    assert "loopback address only" in shell.run("serve", "--tcp", "0.0.0.0:8443", "--plain", code=2).stderr
    assert "is no address" in shell.run("serve", "--tcp", "here:there", code=2).stderr
    assert "go together" in shell.run("serve", "--tcp", "8443", "--certificate", "x.pem", code=2).stderr
    (shell.top / "x.pem").write_text("nothing")
    words = ["serve", "--tcp", str(free_port()), "--certificate", "x.pem", "--key", "x.pem"]
    assert "cannot be used" in shell.run(*words, code=2).stderr
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert "cannot be had" in shell.run("serve", "--tcp", str(taken.getsockname()[1]), code=2).stderr


def test_a_given_certificate_is_read_anew_on_sighup(shell: Shell) -> None:
    first, second = shell.top / "first", shell.top / "second"
    for place in (first, second):
        place.mkdir()
        certificate.own(place, ["lab.example.net"])
    pair, port = shell.top / "given.pem", free_port()
    key = shell.top / "given.key"

    def give(place: Path) -> str:
        key.write_bytes((place / "certificate.key").read_bytes())
        pair.write_bytes((place / "certificate.pem").read_bytes())
        return certificate.Pair(certificate=pair, key=key).fingerprint.replace(":", "")

    mark = give(first)
    words = ["serve", "--tcp", f"0.0.0.0:{port}", "--certificate", str(pair), "--key", str(key)]
    server = shell.start(*words)
    said = until(server, "listening on")
    assert mark in said.replace(":", "")
    assert seen(port) == mark
    trust = ssl.create_default_context(cafile=str(pair))
    answer = httpx.get(f"https://127.0.0.1:{port}/v1/self", verify=trust, headers={"host": "any.example"})
    assert answer.status_code == 401
    assert "max-age" in answer.headers["strict-transport-security"]
    old, mark = mark, give(second)
    assert old in shell.run("doctor").stdout.replace(":", "")
    os.kill(server.pid, signal.SIGHUP)
    end = time.monotonic() + 30
    while seen(port) != mark:
        assert time.monotonic() < end
        time.sleep(0.05)
    pair.write_bytes((first / "certificate.pem").read_bytes())
    os.kill(server.pid, signal.SIGHUP)
    until(server, "stays the old one")
    assert seen(port) == mark
    shell.run("stop")
    assert server.wait(30) == 0
