"""Hooks and phases: when they run, what they are given, what is kept of them, and what they may not do."""

from __future__ import annotations

import asyncio
import datetime
import http.server
import ipaddress
import json
import os
import signal
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from tests.postgresql import EVERYWHERE, shared
from tests.unit.api_client import BLUEPRINT, Client

from rackless import running
from rackless.model.errors import DeadlineError
from rackless.model.hooks import SET_UP, TAKE_DOWN, Hook, Phase, stretches
from rackless.model.site import HookRules
from rackless.sandboxes.hooks import may_reach

SMALL = "name: lab\nrouters:\n  west: {cards: 1, ports_per_card: 1}\n"


class Site:
    """The site's executables, and what they wrote."""

    def __init__(self, top: Path) -> None:
        self.executables, self.seen = top / "hooks", top / "seen"
        self.executables.mkdir()
        self.seen.mkdir()
        self.file = top / "s/site.yaml"
        self.file.parent.mkdir()
        self.file.write_text(
            f"hooks:\n  executables: {self.executables}\n  hosts: [127.0.0.1, localhost]\n"
            f"  secrets:\n    ci: {{file: {top}/ci.token, hosts: [localhost]}}\n"
        )
        (top / "ci.token").write_text("t0ken-of-ci\n")

    def script(self, name: str, body: str) -> None:
        path = self.executables / name
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o755)

    def lab(self, phase: str) -> dict[str, Any]:
        """The lab as the hook of a phase saw it."""
        found: dict[str, Any] = json.loads((self.seen / phase).read_text())
        return found


@pytest.fixture(autouse=True)
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    return shared().ready() if EVERYWHERE else f"sqlite:///{tmp_path}/rackless.sqlite"


def with_hooks(text: str, **phases: Any) -> str:
    return text + "hooks: " + json.dumps({name.replace("_", "-"): value for name, value in phases.items()})


async def said(client: Client, job: str) -> str:
    return await client.text(f"/jobs/{job}/events")


def test_phases_run_into_each_other_but_where_there_are_hooks() -> None:
    def cut(*phases: Phase) -> list[list[str]]:
        return [[p.value for p in part] for part in stretches(SET_UP, [Hook(phase=phase, name="x") for phase in phases])]

    every = [phase.value for phase in SET_UP]
    assert cut() == [every]
    assert cut(Phase.PRE_PROVISIONING) == [every[:1], every[1:]]
    assert cut(Phase.POST_PROVISIONING) == [every[:2], every[2:3], every[3:]]
    assert cut(*SET_UP) == [[phase] for phase in every]
    assert cut(Phase.TEARDOWN) == [every]


async def test_hooks_find_what_their_phase_promises(client: Client, site: Site) -> None:
    site.script("look", f'cat > "{site.seen}/$RACKLESS_PHASE"; date +%s.%N >> "{site.seen}/times-$RACKLESS_PHASE"')
    phases = {phase.value: [{"run": ["look"]}] for phase in (*SET_UP, *TAKE_DOWN)}
    started = await client.up(BLUEPRINT + "hooks: " + json.dumps(phases))
    job = await client.ask("GET", f"/jobs/{started['job']}")
    assert job["state"] == "succeeded", job["error"]
    assert (await client.ask("GET", "/labs/lab"))["state"] == "ready"
    await client.down()
    labs = {phase.value: site.lab(phase.value) for phase in (*SET_UP, *TAKE_DOWN)}
    assert {labs[phase.value]["state"] for phase in SET_UP} == {"deploying"}
    assert [labs[phase.value]["phase"] for phase in SET_UP] == [phase.value for phase in SET_UP]
    assert not any(machine["running"] for machine in labs["pre-provisioning"]["machines"])
    after_boot = labs["post-provisioning"]
    assert all(machine["running"] for machine in after_boot["machines"])
    assert {wire["state"] for wire in after_boot["wires"]} == {"planned"}
    assert all(port["ready"] for port in labs["connectivity"]["ports"])
    assert {wire["state"] for wire in labs["configuration"]["wires"]} == {"connected"}
    assert all(machine["running"] for machine in labs["teardown"]["machines"])
    assert not any(machine["running"] for machine in labs["cleanup"]["machines"])
    times = [float((site.seen / f"times-{phase.value}").read_text()) for phase in (*SET_UP, *TAKE_DOWN)]
    assert times == sorted(times)


async def test_hooks_of_a_phase_run_at_the_same_time(client: Client, site: Site) -> None:
    """Each waits for the other."""
    for mine, other in (("a", "b"), ("b", "a")):
        site.script(mine, f"touch {site.seen}/{mine}; until [ -e {site.seen}/{other} ]; do sleep 0.01; done")
    both = [{"run": ["a"], "deadline": "20s"}, {"run": ["b"], "deadline": "20s"}]
    started = await client.up(with_hooks(SMALL, provisioning=both))
    assert (await client.ask("GET", f"/jobs/{started['job']}"))["state"] == "succeeded"


async def test_a_hook_that_fails_stops_the_set_up_with_its_reason_and_up_tries_again(client: Client, site: Site) -> None:
    site.script("check", "echo the licence server is down >&2; exit 3")
    text = with_hooks(BLUEPRINT, post_provisioning=[{"name": "licence", "run": ["check"]}])
    started = await client.up(text)
    job = await client.ask("GET", f"/jobs/{started['job']}")
    assert job["error"]["code"] == "hook"
    assert job["error"]["message"] == ("The hook post-provisioning/licence failed: exit status 3: the licence server is down.")
    lab = await client.ask("GET", "/labs/lab")
    assert (lab["state"], lab["reason"]) == ("failed", job["error"]["message"])
    assert {wire["state"] for wire in lab["wires"]} == {"planned"}  # the phases after it never began
    site.script("check", "exit 0")
    await client.up(text)
    assert (await client.ask("GET", "/labs/lab"))["state"] == "ready"


async def test_a_hook_that_fails_never_stops_teardown_and_is_told(client: Client, site: Site) -> None:
    site.script("bad", "echo no; exit 1")
    site.script("gone", "exit 0")
    await client.up(with_hooks(SMALL, teardown=[{"run": ["bad"]}], cleanup=[{"run": ["gone"]}, {"run": ["bad"]}]))
    (site.executables / "gone").unlink()
    ended = await client.ask("DELETE", "/labs/lab", wait=30)
    failed = ended["result"]["failed"]
    assert failed[0] == "The hook teardown/hook-1 failed: exit status 1: no."
    assert "gone, which is none of the executables" in failed[1]
    assert len(failed) == 3
    assert await client.world.provider.owned() == ()
    assert await client.items("/labs") == []
    history = await client.items("/labs/lab/history")
    assert (history[-1]["what"], failed[0] in history[-1]["why"]) == ("ended", True)


async def test_a_hook_never_outlives_its_deadline_nor_does_what_it_started(client: Client, site: Site) -> None:
    site.script("slow", f"sleep 1000 & echo $! > {site.seen}/child; echo $$ > {site.seen}/self; wait")
    started = await client.up(with_hooks(SMALL, provisioning=[{"run": ["slow"], "deadline": "1s"}]))
    job = await client.ask("GET", f"/jobs/{started['job']}")
    assert "did not end within 1 s" in job["error"]["message"]
    for name in ("child", "self"):
        await gone(int((site.seen / name).read_text()))


async def gone(pid: int) -> None:
    """Wait until there is no such process."""
    async with asyncio.timeout(60):
        while Path(f"/proc/{pid}/stat").exists() and " Z " not in Path(f"/proc/{pid}/stat").read_text():
            await asyncio.sleep(0.01)


async def test_down_stops_a_hook_that_runs(client: Client, site: Site) -> None:
    site.script("slow", f"echo $$ > {site.seen}/self; sleep 1000")
    await client.ask("POST", "/labs", client.blueprint(with_hooks(SMALL, provisioning=[{"run": ["slow"]}])))
    async with asyncio.timeout(20):
        while not (site.seen / "self").exists() or not (site.seen / "self").read_text():
            await asyncio.sleep(0.01)
    await client.down()
    await gone(int((site.seen / "self").read_text()))
    assert await client.world.provider.owned() == ()


async def test_output_is_kept_within_bounds_and_without_secrets_or_control(client: Client, site: Site) -> None:
    site.script("talk", r"printf 'the password is giv3n-by-file\n\033[31mred\033[0m\a\n'; seq 100000; echo the last")
    started = await client.up(with_hooks(BLUEPRINT, provisioning=[{"run": ["talk"]}]))
    events = [json.loads(line) for line in (await said(client, started["job"])).splitlines()]
    lines = [event["text"] for event in events if event["step"] == "hook provisioning/hook-1" and event["kind"] == "note"]
    assert lines[:3] == ["the password is ********", "red", "1"]
    assert lines[-2:] == ["100000", "the last"]
    assert len(lines) == 201
    assert "lines left out" in lines[150]


async def test_an_executable_is_told_where_it_is_and_nothing_of_the_servers(client: Client, site: Site, monkeypatch: Any) -> None:
    monkeypatch.setenv("PGPASSWORD", "s3cret")
    site.script("tell", f'env | sort > {site.seen}/env; echo "$@" > {site.seen}/words')
    started = await client.up(with_hooks(SMALL, configuration=[{"name": "it", "run": ["tell", "a b", "$HOME"]}]))
    env = dict(line.split("=", 1) for line in (site.seen / "env").read_text().splitlines())
    assert {name: env[name] for name in ("RACKLESS_LAB", "RACKLESS_PHASE", "RACKLESS_HOOK", "RACKLESS_JOB")} == {
        "RACKLESS_LAB": "lab", "RACKLESS_PHASE": "configuration", "RACKLESS_HOOK": "it", "RACKLESS_JOB": started["job"],
    }  # fmt: skip
    assert env["RACKLESS_SOCKET"] == str(client.world.settings.socket)
    assert "PGPASSWORD" not in env
    assert (site.seen / "words").read_text() == "a b $HOME\n"


@pytest.mark.parametrize("program", ["../look", "/bin/sh", "absent", "."])
async def test_only_the_executables_of_the_site_are_run(client: Client, site: Site, program: str) -> None:
    site.script("look", "exit 0")
    wish = client.blueprint(with_hooks(SMALL, provisioning=[{"run": [program]}]))
    error = await client.ask("POST", "/labs", wish, status=422)
    assert "none of the executables that this site allows" in error["detail"]
    assert await client.items("/labs") == []


async def test_the_sites_own_hooks_run_for_every_lab_and_stay_its_own(client: Client, site: Site) -> None:
    site.script("mine", f"touch {site.seen}/ran")
    always = (Hook(phase=Phase.PROVISIONING, name="all", run=(str(site.executables / "mine"), "s3cret-word"), site=True),)
    object.__setattr__(client.world.site, "hooks", HookRules(always=always))
    started = await client.up(SMALL)
    assert (site.seen / "ran").exists()
    shown = await client.ask("GET", f"/jobs/{started['job']}")
    assert shown["arguments"]["hooks"] == ["provisioning/all"]
    assert "s3cret-word" not in json.dumps(shown) + await said(client, started["job"])
    error = await client.ask(
        "POST", "/labs", client.blueprint(with_hooks(SMALL.replace("lab", "two"), provisioning=[{"run": ["mine"]}])), status=422
    )
    assert "does not allow" in error["detail"]


class Listener:
    """An HTTP server of this machine; with a certificate, for `localhost`."""

    def __init__(self, certificate: Path | None = None) -> None:
        self.requests: list[tuple[str, str, dict[str, str], Any]] = []
        self.status, self.answer, self.headers = 200, b"thanks", {}
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.requests.append((self.command, self.path, dict(self.headers), body))
                self.send_response(outer.status)
                for name, value in outer.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(outer.answer)

            do_PUT = do_POST

            def log_message(self, *_: Any) -> None: ...

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def listener() -> Iterator[Listener]:
    made = Listener()
    yield made
    made.close()


async def test_a_call_sends_the_lab_and_keeps_the_answer(client: Client, listener: Listener) -> None:
    call = {"call": f"http://127.0.0.1:{listener.port}/x?y=1", "method": "PUT", "headers": {"X-Team": "core"}}
    started = await client.up(with_hooks(SMALL, configuration=[call]))
    [(method, path, headers, body)] = listener.requests
    assert (method, path, body["name"], body["phase"]) == ("PUT", "/x?y=1", "lab", "configuration")
    assert (headers["X-Team"], headers["X-Rackless-Phase"]) == ("core", "configuration")
    assert headers["Idempotency-Key"] == f"{started['job']}/configuration/hook-1"
    assert headers["Host"] == f"127.0.0.1:{listener.port}"
    assert '"thanks"' in await said(client, started["job"])


@pytest.mark.parametrize("status", [302, 404, 500])
async def test_a_call_that_is_refused_or_sent_elsewhere_fails(client: Client, listener: Listener, status: int) -> None:
    listener.status, listener.headers = status, {"Location": f"http://127.0.0.1:{listener.port}/other"}
    started = await client.up(with_hooks(SMALL, configuration=[{"call": f"http://127.0.0.1:{listener.port}/"}]))
    job = await client.ask("GET", f"/jobs/{started['job']}")
    assert f"127.0.0.1 answered {status}" in job["error"]["message"]
    assert len(listener.requests) == 1


async def test_hosts_that_the_site_does_not_name_are_not_called(client: Client) -> None:
    wish = client.blueprint(with_hooks(SMALL, configuration=[{"call": "https://169.254.169.254/latest"}]))
    error = await client.ask("POST", "/labs", wish, status=422)
    assert "calls 169.254.169.254, which this site does not allow" in error["detail"]


@pytest.mark.parametrize("host", ["127.0.0.1", "2130706433", "0x7f.1", "0.0.0.0", "localhost", "[::1]", "[::ffff:127.0.0.1]"])
async def test_this_machine_is_not_called_though_any_host_may_be(client: Client, listener: Listener, host: str) -> None:
    object.__setattr__(client.world.site, "hooks", HookRules(hosts=("any",)))
    started = await client.up(with_hooks(SMALL, configuration=[{"call": f"http://{host}:{listener.port}/"}]))
    job = await client.ask("GET", f"/jobs/{started['job']}")
    assert "does not let hooks call" in job["error"]["message"]
    assert listener.requests == []


@pytest.mark.parametrize(
    ("hosts", "address", "may"),
    [
        (("any",), "10.1.2.3", True),
        (("any",), "169.254.169.254", False),
        (("any",), "fe80::1%eth0", False),
        (("any",), "fd00:ec2::254", False),
        (("any",), "100.100.100.200", False),
        (("any",), "224.0.0.1", False),
        (("any", "169.254.0.0/16"), "169.254.169.254", True),
        (("ci.example.net",), "127.0.0.1", False),
        (("localhost",), "127.0.0.1", True),
        (("localhost",), "::1", True),
        (("127.0.0.1",), "127.0.0.1", True),
        (("127.0.0.1",), "::ffff:127.0.0.1", True),
        (("ci.example.net",), "2001:db8::7", True),
    ],
)
def test_addresses_that_a_name_may_stand_for(hosts: tuple[str, ...], address: str, may: bool) -> None:
    assert may_reach(HookRules(hosts=hosts), Hook(phase=Phase.CLEANUP, name="x"), address) is may


def certificate(folder: Path, name: str) -> Path:
    """A self-signed certificate and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = folder / f"{name}.pem"
    plain = serialization.NoEncryption()
    pem.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    )
    return pem


@pytest.mark.parametrize(("name", "trusted", "fault"), [
    ("localhost", True, ""), ("localhost", False, "certificate verify failed"), ("other.example", True, "certificate"),
])  # fmt: skip
async def test_tls_is_verified_by_name_and_a_secret_is_sent_but_not_shown(
    client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, trusted: bool, fault: str
) -> None:
    pem = certificate(tmp_path, name)
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    listener = Listener(pem)
    listener.answer = b"welcome t0ken-of-ci\n"
    headers = {"Authorization": "Bearer {secret:ci}"}
    call = {"call": f"https://localhost:{listener.port}/", "headers": headers}
    started = await client.up(with_hooks(SMALL, configuration=[call]))
    listener.close()
    job = await client.ask("GET", f"/jobs/{started['job']}")
    if fault:
        assert fault in job["error"]["message"]
        assert listener.requests == []
        return
    assert job["state"] == "succeeded", job["error"]
    assert listener.requests[0][2]["Authorization"] == "Bearer t0ken-of-ci"
    events = await said(client, started["job"])
    assert "welcome ********" in events
    assert "t0ken-of-ci" not in events + json.dumps(job)


async def test_a_secret_goes_to_its_own_hosts_only(client: Client) -> None:
    call = {"call": "https://127.0.0.1/", "headers": {"Authorization": "Bearer {secret:ci}"}}
    error = await client.ask("POST", "/labs", client.blueprint(with_hooks(SMALL, configuration=[call])), status=422)
    assert "has no secret 'ci' for 127.0.0.1" in error["detail"]


async def test_a_tied_process_that_left_something_behind_holds_nobody_up() -> None:
    """A process in a session of its own keeps the output open; the command itself has ended."""
    said: list[bytes] = []

    async def note(data: bytes) -> None:
        said.append(data)

    begun = time.monotonic()
    command = ["sh", "-c", "setsid sleep 30 & echo $!; exit 5"]
    assert await running.tied(command, deadline=20, stdin=b"", env={"PATH": os.environ["PATH"]}, said=note) == 5
    assert time.monotonic() - begun < 20
    os.kill(int(b"".join(said)), signal.SIGKILL)


async def test_a_tied_process_reads_what_it_is_given_and_a_missing_one_says_so() -> None:
    said: list[bytes] = []

    async def note(data: bytes) -> None:
        said.append(data)

    env = {"PATH": os.environ["PATH"]}
    assert await running.tied(["wc", "-c"], deadline=20, stdin=b"x" * 200_000, env=env, said=note) == 0
    assert b"".join(said) == b"200000\n"
    assert await running.tied(["sh", "-c", "kill -9 $$"], deadline=20, stdin=b"", env=env, said=note) == 137
    assert await running.tied(["absent-program"], deadline=20, stdin=b"", env=env, said=note) == 127
    assert b"absent-program cannot be run: No such file" in said[-1]
    with pytest.raises(DeadlineError):
        await running.tied(["sleep", "60"], deadline=0.2, stdin=b"", env=env, said=note)


TIED = """
import asyncio, os, sys
from rackless import running
async def note(data): print(data.decode(), end="", flush=True)
asyncio.run(running.tied(["sh", "-c", "echo $$; sleep 1000"], deadline=1000, stdin=b"", env=dict(os.environ), said=note))
"""


async def test_a_tied_process_dies_with_the_server() -> None:
    server = subprocess.Popen([sys.executable, "-c", TIED], stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    pid = int(server.stdout.readline())
    server.kill()
    server.wait()
    await gone(pid)


def test_networks_hold_their_addresses() -> None:
    hook = Hook(phase=Phase.CLEANUP, name="x")
    assert all(
        may_reach(HookRules(hosts=("127.0.0.0/8",)), hook, str(address)) for address in ipaddress.ip_network("127.0.0.0/30")
    )
