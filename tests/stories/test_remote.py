"""The same program against the server of another machine: here, one on a TCP port, and a user who has no server of their own."""

from __future__ import annotations

import json
import socket
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.stories.shell import EXAMPLE, ROOT, Shell, until

LAB = "back-to-back"


class Site:
    """A server, and una's shell, whose only way to a server is TCP."""

    def __init__(self, home: Shell, port: int, una: Shell) -> None:
        self.home = home
        self.url = f"http://127.0.0.1:{port}"
        self.una = una
        home.run("user", "add", "una")
        self.token = home.run("token", "add", "una", "test").stdout.strip()
        (una.top / "token").write_text(self.token)

    @property
    def kept(self) -> Path:
        return self.una.top / "config/rackless/client.toml"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    home, top = Shell(tmp_path_factory.mktemp("c")), tmp_path_factory.mktemp("u")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = home.start("serve", "--tcp", str(port), "--plain")
    until(server, "server ")
    una = Shell(top, XDG_CONFIG_HOME=str(top / "config"))
    del una.env["RACKLESS_URL"]
    yield Site(home, port, una)
    home.run("stop")
    server.communicate(timeout=60)


@pytest.fixture
def logged_in(site: Site) -> Iterator[Site]:
    site.una.run("login", site.url, "--token-file", "token")
    yield site
    site.una.run("logout")


def test_a_login_leads_commands_to_the_server_and_a_logout_back(logged_in: Site) -> None:
    una = logged_in.una
    assert stat.S_IMODE(logged_in.kept.stat().st_mode) == 0o600
    assert una.json("up", EXAMPLE)["owner"] == "una"
    assert [lab["name"] for lab in logged_in.home.json("list")] == [LAB]
    assert "bootstrapping west over its serial line" in una.run("logs", LAB).stdout
    una.run("connect", LAB, "west:ge-0/0/1", "east:ge-1/0/1")
    assert "west is pretended and would run: show version" in una.run("ssh", LAB, "west", "show version").stdout
    una.run("save", LAB, "--to", "configs")
    assert (una.top / "configs/west.set").read_text() == (ROOT / "examples/west.set").read_text()
    console = una.start("console", LAB, "west-vcp", stdin=subprocess.PIPE)
    until(console, "Serial line of west-vcp")
    assert console.stdin is not None
    console.stdin.write("echoed\r")
    console.stdin.write("\x1d")
    assert console.communicate(timeout=30)[1] == ""
    listening = una.start("console", LAB, "west-vcp", "--listen", "0")
    assert listening.stdout is not None
    assert "Serial line of west-vcp at telnet 127.0.0.1" in listening.stdout.readline()
    listening.terminate()
    listening.communicate(timeout=30)
    una.run("capture", LAB, "west:ge-0/0/9", code=3)
    una.run("down", LAB)
    assert not (una.top / "s").exists()
    assert not (una.top / "r").exists()


def test_each_way_to_name_a_server_and_its_token(site: Site) -> None:
    env = dict(site.una.env)
    for more, words in (
        ({"RACKLESS_URL": site.url, "RACKLESS_TOKEN": site.token}, []),
        ({"RACKLESS_URL": site.url, "RACKLESS_TOKEN_FILE": str(site.una.top / "token")}, []),
        ({"RACKLESS_TOKEN": site.token}, ["--server", site.url]),
    ):
        site.una.env = {**env, **more}
        assert site.una.run(*words, "list").stdout.startswith("There are no labs.")
        assert [one["label"] for one in site.una.json(*words, "token", "list", "una")] == ["test"]
    site.una.env = env


def test_what_is_about_this_machine_says_so(logged_in: Site) -> None:
    una = logged_in.una
    assert "This is about the server of this machine" in una.run("stop", code=2).stderr
    assert "is about the server of this machine" in una.run("--server", logged_in.url, "serve", code=2).stderr
    assert una.run("web").stdout == f"{logged_in.url}/\n"
    assert "is there already" in una.run("web", "--plain", code=2).stderr
    assert "No server is running." in una.run("--server", "local", "stop", code=4).stderr


def test_refusals(site: Site) -> None:
    una = site.una
    (una.top / "wrong").write_text("rkl_guess\n")
    assert "That token is not known" in una.run("login", site.url, "--token-file", "wrong", code=2).stderr
    assert not site.kept.exists() or "guess" not in site.kept.read_text()
    assert "in the clear" in una.run("--server", "http://labs.example.net", "list", code=2).stderr
    assert "no URL of a server" in una.run("--server", "labs.example.net", "list", code=2).stderr
    assert "You are not logged in" in una.run("logout", site.url, code=2).stderr


def test_a_file_that_others_may_read_is_not_used(logged_in: Site) -> None:
    logged_in.kept.chmod(0o644)
    try:
        assert "has mode 0644" in logged_in.una.run("list", code=2).stderr
    finally:
        logged_in.kept.chmod(0o600)


def test_what_login_and_logout_print_as_json(site: Site) -> None:
    with (site.una.top / "token").open() as token:
        said: Any = json.loads(site.una.run("login", site.url, "--token-file", "-", "--json", stdin=token).stdout)
    assert said == {"url": site.url, "user": "una", "role": "user"}
    assert site.una.json("logout") == {"url": site.url}


def test_a_password_over_tls_makes_a_token_that_a_logout_ends(tmp_path_factory: pytest.TempPathFactory) -> None:
    home, top = Shell(tmp_path_factory.mktemp("c")), tmp_path_factory.mktemp("u")
    (home.top / "word").write_text("long and s3cret\n")
    with (home.top / "word").open() as word:
        home.run("user", "add", "una", "--password", stdin=word)
    home.run("stop")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = home.start("serve", "--tcp", str(port))
    until(server, "server ")
    home.run("list")
    (certificate,) = [path for path in (home.top / "s").rglob("*.pem") if "BEGIN CERTIFICATE" in path.read_text()]
    url = f"https://127.0.0.1:{port}"
    una = Shell(top, XDG_CONFIG_HOME=str(top / "config"))
    del una.env["RACKLESS_URL"]

    def login(*words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        with (home.top / "word").open() as word:
            return una.run("login", url, "--user", "una", *words, stdin=word, code=code)

    untrusted = login(code=2).stderr
    assert "has a certificate that is not trusted: self-signed certificate" in untrusted
    assert "--ca FILE" in untrusted
    assert f"Logged in to {url} as una (user)." in login("--ca", str(certificate)).stdout
    kept = (top / "config/rackless/client.toml").read_text()
    assert "rkl_" in kept
    assert "s3cret" not in kept
    (made,) = una.json("token", "list", "una")
    assert made["label"].startswith("login-")
    assert una.json("up", EXAMPLE)["owner"] == "una"
    console = una.start("console", LAB, "west-vcp", stdin=subprocess.PIPE)
    until(console, "Serial line of west-vcp")
    console.communicate("\x1d", timeout=30)
    una.run("down", LAB)
    una.run("logout")
    assert home.json("token", "list", "una") == []
    (home.top / "word").write_text("another\n")
    assert "Error: " in login("--ca", str(certificate), code=2).stderr
    home.run("stop")
    server.communicate(timeout=60)
