"""The host's end of the channel to its administrative guest: what a guest may ask, and what none can do to it."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import importlib.util
import json
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import pytest_asyncio
from tests.unit.vmhost_memory import RememberedHost

from rackless.model.errors import CapacityError
from rackless.model.vmhost import Reason
from rackless.model.vmhost_verbs import LoginClass, Verb
from rackless.vmhost.channel import MOST_AT_ONCE, MOST_LINE, Conversation, Policy, Request, SocketStream, serve_channel
from rackless.vmhost.spool import Spool

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = json.loads((ROOT / "guest/protocol/vmhost.schema.json").read_text())
ANSWER = jsonschema.Draft202012Validator({**SCHEMA, "oneOf": [{"$ref": "#/$defs/answer"}]})


class Guest:
    """The other end, as plain as can be. Whatever it is told is held against the schema."""

    def __init__(
        self, host: RememberedHost, log: list[Request], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.host = host
        self.log = log
        self.reader = reader
        self.writer = writer
        self.number = 0

    async def line(self, data: bytes) -> None:
        self.writer.write(data + b"\n")
        await self.writer.drain()

    async def send(self, **message: Any) -> str:
        self.number += 1
        token = message.pop("id", f"t{self.number}")
        await self.line(json.dumps({"id": token, **message}).encode())
        return token

    async def hears(self) -> dict[str, Any]:
        line = await asyncio.wait_for(self.reader.readline(), 20)
        assert line, "the host has hung up"
        assert len(line) <= MOST_LINE + 1
        said = json.loads(line)
        ANSWER.validate(said)
        return said

    async def until(self, token: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """The end of a request, and what was said of it before."""
        before = []
        while True:
            said = await self.hears()
            if said["id"] != token:
                continue
            if "ok" in said:
                return said, before
            before.append(said)

    async def hello(self) -> dict[str, Any]:
        return (await self.until(await self.send(hello={"versions": [1], "name": "west"})))[0]

    async def asks(self, do: str, user: str = "ann", login_class: str = "super-user", **values: Any) -> dict[str, Any]:
        message = {"do": do, "user": user, "class": login_class, "with": values}
        end, before = await self.until(await self.send(**message))
        parts = "".join(said["part"] for said in before if "part" in said)
        if parts:
            end["result"] = json.loads(parts)
        end["progress"] = [said["progress"] for said in before if said.get("progress")]
        end["data"] = b"".join(base64.b64decode(said["data"]) for said in before if "data" in said)
        return end

    async def sends_bundle(self, data: bytes, *, size: int | None = None, digest: str = "", **values: Any) -> dict[str, Any]:
        given = {"name": "bundle.tgz", "size": len(data) if size is None else size, **values}
        token = await self.send(**{"do": "add-software", "user": "ann", "class": "super-user", "with": given})
        first = await self.hears()
        if "go" not in first:
            return first
        for start in range(0, len(data), 45_000):
            await self.send(id=token, data=base64.b64encode(data[start : start + 45_000]).decode())
        await self.send(id=token, end=digest or hashlib.sha256(data).hexdigest())
        return (await self.until(token))[0]


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    return tmp_path / "spool"


@pytest.fixture
def policy() -> Policy:
    return Policy()


@pytest_asyncio.fixture
async def guest(spool: Path, policy: Policy) -> AsyncIterator[Guest]:
    import socket

    host, log = RememberedHost(), []
    ours, theirs = socket.socketpair()
    stream = SocketStream(*await asyncio.open_connection(sock=ours))
    talk = Conversation(stream, host, guest="re0", spool=Spool(spool), policy=policy, record=log.append, beat=0.2, stalled=1.0)
    task = asyncio.create_task(talk.run())
    made = Guest(host, log, *await asyncio.open_connection(sock=theirs, limit=1 << 20))
    yield made
    made.writer.close()
    await asyncio.wait_for(task, 20)
    await stream.close()


async def test_versions_features_and_verbs_are_agreed_on_first(guest: Guest) -> None:
    assert (await guest.asks("version"))["error"]["code"] == "state", "before the greeting nothing is done"
    end, _ = await guest.until(await guest.send(hello={"versions": [2, 3]}))
    assert not end["ok"]
    assert "version 1" in end["error"]["message"]
    said = (await guest.hello())["result"]
    assert said["version"] == 1
    assert {"progress", "parts", "upload", "read"} <= set(said["features"])
    assert set(said["verbs"]) == set(Verb)


async def test_everything_that_can_be_shown_is_shown(guest: Guest) -> None:
    await guest.hello()
    for verb in Verb:
        if verb.changes or verb in (Verb.READ, Verb.FILES):
            continue
        end = await guest.asks(verb, login_class="operator")
        assert end["ok"], end
    said = (await guest.asks("version"))["result"]
    assert [one["release"] for one in said["sets"]] == ["26.3R1", "26.2R1"]
    assert (await guest.asks("uptime"))["result"]["guest_boot"]["reason"] == "0x2000:hypervisor reboot"
    assert (await guest.asks("snapshot"))["result"] is None
    assert len((await guest.asks("processes"))["result"]) == 1199, "a long answer comes in parts"
    assert [one["name"] for one in (await guest.asks("files", kind="log"))["result"]] == ["messages", "agent/old.log"]


async def test_results_have_the_fields_that_the_schema_has(guest: Guest) -> None:
    await guest.hello()
    guest.host.recovered()
    await guest.asks("take-snapshot")
    for verb in Verb:
        if verb.changes or verb is Verb.READ:
            continue
        result = (await guest.asks(verb, **({"kind": "log"} if verb is Verb.FILES else {})))["result"]
        jsonschema.Draft202012Validator({**SCHEMA, "oneOf": [{"$ref": f"#/$defs/result-{verb}"}]}).validate(result)


async def test_a_file_is_read_in_pieces(guest: Guest) -> None:
    await guest.hello()
    whole = await guest.asks("read", kind="crash", name="vmcore.0")
    assert whole["data"] == bytes(range(256)) * 600
    assert whole["result"] == {"size": 153_600}
    assert (await guest.asks("read", kind="log", name="messages", last=30))["data"].endswith(b"line 2000 of the host's log\n")
    assert (await guest.asks("read", kind="log", name="nothing"))["error"]["code"] == "not-found"
    for name in ("../secret", "a/../b", "/etc/passwd", ".", "", "a\nb", "x" * 300):
        assert (await guest.asks("read", kind="log", name=name))["error"]["code"] == "input", name


async def test_a_login_class_may_what_it_may(guest: Guest) -> None:
    await guest.hello()
    assert (await guest.asks("uptime", login_class="read-only"))["ok"]
    for verb, class_ in (("reboot", "operator"), ("files", "read-only"), ("uptime", "unauthorized")):
        end = await guest.asks(verb, user="bob", login_class=class_, **({"kind": "log"} if verb == "files" else {}))
        assert end["error"]["code"] == "forbidden", verb
        assert "bob" in end["error"]["message"]
    for user, class_ in (("", "super-user"), ("a b", "super-user"), ("x\n2026 root", "super-user"), ("ann", "god"), ("ann", "")):
        assert (await guest.asks("reboot", user=user, login_class=class_))["error"]["code"] == "input"
    assert guest.host.asked == []


@pytest.mark.parametrize("policy", [Policy(refused=frozenset((Verb.ZEROIZE, Verb.POWER_OFF)))])
async def test_the_owner_of_the_host_has_the_last_word(guest: Guest) -> None:
    assert "zeroize" not in (await guest.hello())["result"]["verbs"]
    end = await guest.asks("zeroize", sure=True)
    assert end["error"]["code"] == "forbidden"
    assert "guest" in end["error"]["message"]
    assert guest.host.asked == []


async def test_each_request_is_logged_with_who_and_how_it_ended(guest: Guest) -> None:
    await guest.hello()
    await guest.asks("auto-recovery", on=False)
    await guest.asks("cancel")
    await guest.asks("reboot", user="bob", login_class="operator")
    told = [(one.asker.user, one.asker.way, one.what, one.outcome) for one in guest.log]
    assert told == [
        ("ann", "guest/re0", Verb.AUTO_RECOVERY, "done"),
        ("ann", "guest/re0", Verb.CANCEL, "state"),
        ("bob", "guest/re0", Verb.REBOOT, "refused"),
    ]
    assert str(guest.log[0]) == "vmhost auto-recovery on=False by ann (super-user, guest/re0): done"
    assert "Nothing is scheduled" in str(guest.log[1])
    assert guest.log[2].asker.login_class is LoginClass.OPERATOR


async def test_requests_change_the_host(guest: Guest) -> None:
    await guest.hello()
    end = await guest.asks("roll-back")
    assert end["result"]["reboot_needed"]
    assert (await guest.asks("version"))["result"]["next_set"] == "b"
    end = await guest.asks("reboot", device="disk2", after=90)
    assert end["result"]["scheduled"]["device"] == "disk2"
    assert (await guest.asks("status"))["result"]["scheduled"]["by"] == "ann"
    assert (await guest.asks("reboot"))["error"]["code"] == "state"
    assert (await guest.asks("cancel"))["ok"]
    guest.host.host_reboots(Reason.PANIC)
    assert (await guest.asks("uptime"))["result"]["boots"][0]["reason"] == "0x1000:reboot due to panic"
    assert (await guest.asks("zeroize"))["error"]["code"] == "input"
    assert (await guest.asks("zeroize", sure=False))["error"]["code"] == "input"
    assert (await guest.asks("zeroize", sure=True))["ok"]


async def test_a_long_request_tells_how_it_gets_on_while_others_are_answered(guest: Guest) -> None:
    await guest.hello()
    guest.host.hold = asyncio.Event()
    token = await guest.send(**{"do": "take-snapshot", "user": "ann", "class": "super-user", "with": {"partition": True}})
    assert (await guest.hears())["progress"] == "Copying set a ..."
    assert (await guest.hears())["progress"] == "Copying set b ..."
    assert (await guest.hears()) == {"id": token, "progress": ""}, "it says that it lives"
    end = await guest.asks("status")
    assert end["result"]["busy"] == "taking a snapshot"
    end = await guest.asks("clean-up")
    assert end["error"]["code"] == "state"
    assert "taking a snapshot" in end["error"]["message"]
    guest.host.hold.set()
    end, _ = await guest.until(token)
    assert end["ok"]
    assert guest.host.asked[0] == "ann: snapshot recovery=False partition=True"


async def test_what_changes_the_host_goes_on_when_its_asker_is_gone(guest: Guest) -> None:
    await guest.hello()
    guest.host.hold = asyncio.Event()
    token = await guest.send(**{"do": "take-snapshot", "user": "ann", "class": "super-user"})
    await guest.hears()
    assert (await guest.hello())["ok"], "the guest has come up again"
    guest.host.hold.set()
    while guest.host.taken is None:
        await asyncio.sleep(0.01)
    end = await guest.asks("snapshot")
    assert end["result"]["disk"] == "disk2"
    assert token not in end
    assert [one.outcome for one in guest.log if one.what is Verb.TAKE_SNAPSHOT] == ["done"]


async def test_a_bundle_is_sent_and_added(guest: Guest, spool: Path) -> None:
    await guest.hello()
    data = b"signed 26.4R1 " + random.Random(1).randbytes(300_000)
    end = await guest.sends_bundle(data, reboot=True)
    assert end["ok"]
    assert guest.host.bundles == [data]
    assert (await guest.asks("version"))["result"]["next_set"] == "b"
    assert list(spool.iterdir()) == [], "nothing of it stays"


async def test_a_bundle_that_is_not_what_it_was_said_to_be_changes_nothing(guest: Guest, spool: Path) -> None:
    await guest.hello()
    good = b"signed 26.4R1 " + bytes(100_000)
    cases = {
        "unsigned": await guest.sends_bundle(b"unsigned" + bytes(100_000)),
        "another digest": await guest.sends_bundle(good, digest="0" * 64),
        "too much": await guest.sends_bundle(good, size=50_000),
        "too little": await guest.sends_bundle(good, size=200_000),
        "far too large": await guest.sends_bundle(good, size=1 << 60),
    }
    assert {name: end["error"]["code"] for name, end in cases.items()} == {
        "unsigned": "input",
        "another digest": "input",
        "too much": "input",
        "too little": "input",
        "far too large": "input",
    }
    assert guest.host.bundles == []
    assert (await guest.asks("version"))["result"]["next_set"] == "a"
    assert list(spool.iterdir()) == []
    assert (await guest.sends_bundle(good))["ok"], "and the next one is taken"


def test_a_bundle_that_does_not_fit_is_refused_with_the_numbers(tmp_path: Path) -> None:
    (tmp_path / "1-1.part").write_bytes(b"left by an earlier life")
    with pytest.raises(CapacityError, match="The bundle has 1000 bytes, and the host's disk has 0 free"):
        Spool(tmp_path, spare=1 << 60).begin(1000)
    assert list(tmp_path.iterdir()) == []


async def test_a_bundle_that_stops_coming_is_given_up(guest: Guest, spool: Path) -> None:
    await guest.hello()
    given = {"name": "b.tgz", "size": 100_000}
    token = await guest.send(**{"do": "add-software", "user": "ann", "class": "super-user", "with": given})
    assert (await guest.hears())["go"] is True
    await guest.send(id=token, data=base64.b64encode(bytes(1000)).decode())
    other = await guest.sends_bundle(b"signed 1 ")
    assert other["error"]["code"] == "state", "one at a time"
    end, _ = await guest.until(token)
    assert end["error"]["code"] == "deadline"
    assert list(spool.iterdir()) == []


HOSTILE = [
    b"",
    b"\0\0\0\0",
    b"{",
    b"[]",
    b"null",
    b"1e999999",
    b'"text"',
    b"\xff\xfe\xfd",
    b"[" * 60_000,
    b'{"id": 1, "do": "zeroize"}',
    b'{"id": "", "do": "zeroize"}',
    b'{"id": "a\\nb", "do": "zeroize"}',
    b'{"id": "' + b"x" * 65 + b'", "do": "zeroize"}',
    b'{"id": "a"}',
    b'{"do": "zeroize", "user": "root", "class": "super-user", "with": {"sure": true}}',
    b'{"id": "data", "data": "AAAA"}',
    b'{"id": "end", "end": {"a": []}}',
    b"9" * 5000,
    b"x" * 200_000,
]


async def test_nonsense_is_passed_over(guest: Guest) -> None:
    for line in HOSTILE:
        await guest.line(line)
    await guest.hello()
    for line in HOSTILE:
        await guest.line(line)
    assert (await guest.asks("uptime"))["ok"]
    assert guest.host.asked == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"do": "fly"},
        {"do": ["version"]},
        {"do": {"a": 1}},
        {"do": None},
        {"do": "reboot", "with": []},
        {"do": "reboot", "with": {"device": "floppy"}},
        {"do": "reboot", "with": {"device": 7}},
        {"do": "reboot", "with": {"after": -1}},
        {"do": "reboot", "with": {"after": 1e300}},
        {"do": "reboot", "with": {"after": True}},
        {"do": "reboot", "with": {"after": float("nan")}},
        {"do": "reboot", "with": {"after": float("inf")}},
        {"do": "reboot", "with": {"now": True}},
        {"do": "reboot", "with": {"x" * 500: True}},
        {"do": "auto-recovery", "with": {"on": "yes"}},
        {"do": "auto-recovery", "with": {}},
        {"do": "test-disk", "with": {"disk": "disk3"}},
        {"do": "power-on", "with": {"guest": "a; rm -rf /"}},
        {"do": "add-software", "with": {"name": "x", "size": 0}},
        {"do": "add-software", "with": {"name": "x", "size": 1.5}},
        {"do": "add-software", "with": {"size": 10}},
        {"do": "uptime", "deadline": 0},
        {"do": "uptime", "deadline": "soon"},
        {"do": "uptime", "deadline": True},
        {"do": "uptime", "deadline": 1e9},
    ],
)
async def test_wrong_values_are_refused_with_a_reason(guest: Guest, wrong: dict[str, Any]) -> None:
    await guest.hello()
    end, _ = await guest.until(await guest.send(**{"user": "ann", "class": "super-user", **wrong}))
    assert end["error"]["code"] == "input"
    assert end["error"]["message"].endswith(".")
    assert guest.host.asked == []


async def test_more_than_a_few_at_once_are_refused_and_so_is_an_id_in_use(guest: Guest) -> None:
    await guest.hello()
    guest.host.hold = asyncio.Event()
    first = await guest.send(**{"do": "take-snapshot", "user": "ann", "class": "super-user"})
    await guest.hears()
    again = await guest.send(**{"id": first, "do": "uptime", "user": "ann", "class": "super-user"})
    said = await guest.hears()
    while "error" not in said:
        said = await guest.hears()
    assert said["id"] == again
    assert said["error"]["code"] == "state"
    for number in range(MOST_AT_ONCE - 1):
        guest.host.busy = ""
        await guest.send(**{"id": f"w{number}", "do": "take-snapshot", "user": "ann", "class": "super-user"})
        while (await guest.hears())["id"] != f"w{number}":
            pass
    assert (await guest.asks("uptime"))["error"]["code"] == "state"
    guest.host.hold.set()


async def test_random_bytes_and_broken_requests_never_stop_it(guest: Guest) -> None:
    """A thousand mutations of real requests; then a real one is answered."""
    chance = random.Random(6)
    await guest.hello()
    request = json.dumps({"id": "m", "do": "uptime", "user": "ann", "class": "read-only", "with": {}, "deadline": 5}).encode()

    async def listen() -> None:
        while True:
            await guest.reader.read(65536)

    listening = asyncio.create_task(listen())
    for _ in range(1000):
        line = bytearray(request)
        for _ in range(chance.randrange(1, 6)):
            at = chance.randrange(len(line))
            match chance.randrange(3):
                case 0:
                    line[at] = chance.randrange(256)
                case 1:
                    del line[at]
                case _:
                    line[at:at] = chance.randbytes(3)
        await guest.line(bytes(line).replace(b"\n", b" "))
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)
    assert (await guest.asks("uptime"))["ok"]
    assert guest.host.asked == []


async def test_a_guest_that_does_not_read_is_hung_up_on(guest: Guest) -> None:
    """What it asked for waits in buffers of a fixed size, and then its connection ends."""
    guest.host.contents = {**guest.host.contents}
    from rackless.model.vmhost_verbs import FileKind

    guest.host.contents[FileKind.CRASH] = {"big": bytes(30_000_000)}
    await guest.hello()
    await guest.send(**{"do": "read", "user": "ann", "class": "super-user", "with": {"kind": "crash", "name": "big"}})
    guest.reader._transport.pause_reading()  # type: ignore[attr-defined]
    while not any(one.what is Verb.READ for one in guest.log):
        await asyncio.sleep(0.05)
    guest.reader._transport.resume_reading()  # type: ignore[attr-defined]
    with contextlib.suppress(ConnectionError):
        while await asyncio.wait_for(guest.reader.read(1 << 20), 20):
            pass
    assert [one.outcome for one in guest.log] == ["state"]


async def test_the_host_comes_back_to_a_machine_that_was_started_anew(tmp_path: Path) -> None:
    host = RememberedHost()
    path = tmp_path / "vmhost.sock"
    arrived: asyncio.Queue[Guest] = asyncio.Queue()

    async def machine(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await arrived.put(Guest(host, [], reader, writer))

    serving = asyncio.create_task(
        serve_channel(path, host, guest="re0", spool=Spool(tmp_path / "spool"), record=lambda _: None, again=0.01)
    )
    try:
        for _ in range(2):
            server = await asyncio.start_unix_server(machine, str(path), limit=1 << 20)
            there = await asyncio.wait_for(arrived.get(), 20)
            await there.hello()
            assert (await there.asks("uptime"))["ok"]
            there.writer.close()
            server.close()
            path.unlink(missing_ok=True)
    finally:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)


def test_the_schema_is_written_from_the_facts() -> None:
    spec = importlib.util.spec_from_file_location("vmhost_schema", ROOT / "packaging/vmhost_schema.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.written() == module.FILE.read_text(), "PYTHONPATH=src .venv/bin/python packaging/vmhost_schema.py"
