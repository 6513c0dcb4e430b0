from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

from rackless.console.dialogue import Dialogue
from rackless.console.hub import BACKLOG, RING, ConsoleHub
from rackless.deadline import Deadline
from rackless.model.errors import DeadlineError, StateError


class Line:
    """The other end of a serial line: what the test says is sent, what comes is kept."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.heard = b""
        self.writers: list[asyncio.StreamWriter] = []
        self.came = asyncio.Condition()

    async def __aenter__(self) -> Line:
        self.server = await asyncio.start_unix_server(self._serve, str(self.path))
        return self

    async def __aexit__(self, *_: object) -> None:
        self.server.close()
        for writer in self.writers:
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with self.came:
            self.writers.append(writer)
            self.came.notify_all()
        while data := await reader.read(4096):
            async with self.came:
                self.heard += data
                self.came.notify_all()

    async def connected(self, times: int = 1) -> None:
        async with asyncio.timeout(60), self.came:
            await self.came.wait_for(lambda: len(self.writers) >= times)

    async def hears(self, data: bytes) -> None:
        async with asyncio.timeout(60), self.came:
            await self.came.wait_for(lambda: data in self.heard)

    async def say(self, data: bytes) -> None:
        self.writers[-1].write(data)
        await self.writers[-1].drain()


async def until(feed, data: bytes) -> bytes:
    got = b""
    async with asyncio.timeout(60):
        while data not in got:
            piece = await feed.read()
            assert piece, f"ended after {got!r}"
            got += piece
    return got


@pytest.fixture
async def line(tmp_path, socket_stream):
    async with Line(tmp_path / "line") as made:
        yield made


@pytest.fixture
async def hub(line, tmp_path, socket_stream):
    async with ConsoleHub("west-vcp", lambda: socket_stream.open(line.path), transcript=tmp_path / "log" / "t") as made:
        await line.connected()
        yield made


async def test_a_newcomer_sees_what_was_and_everybody_what_comes(hub, line) -> None:
    async with hub.watch() as first:
        await line.say(b"booting\r\n")
        await until(first, b"booting")
        async with hub.watch() as second:
            await line.say(b"login: ")
            assert await until(first, b"login: ") == b"login: "
            assert await until(second, b"login: ") == b"booting\r\nlogin: "


async def test_one_writer_and_the_second_is_told_who(hub, line) -> None:
    async with hub.writer("bootstrap") as lease:
        await lease.write(b"one\r")
        with pytest.raises(StateError, match="being written to by bootstrap"):
            async with hub.writer("anna"):
                pass
        async with hub.writer("anna", takeover=True) as second:
            assert hub.holder == "anna"
            with pytest.raises(StateError, match="taken over from bootstrap by anna"):
                await lease.write(b"two\r")
            with pytest.raises(StateError, match="taken over"):
                await asyncio.wait_for(lease.read(), 5)
            await second.write(b"three\r")
    assert hub.holder is None
    await line.hears(b"one\rthree\r")


async def test_a_dropped_line_is_opened_again_and_nothing_seen_is_lost(hub, line, tmp_path) -> None:
    async with hub.watch() as feed:
        await line.say(b"before\r\n")
        await until(feed, b"before")
        line.writers[-1].close()
        await line.connected(times=2)
        await line.say(b"after\r\n")
        await until(feed, b"after")
        async with hub.writer("anna") as lease:
            await asyncio.wait_for(lease.write(b"x"), 5)
            await line.hears(b"x")
    assert hub.drops == 1
    assert hub.recent() == b"before\r\nafter\r\n"
    assert "the line dropped" in (tmp_path / "log" / "t").read_text()


async def test_a_line_that_is_not_there_yet_is_waited_for(tmp_path, socket_stream) -> None:
    path = tmp_path / "late"
    async with ConsoleHub("west-vcp", lambda: socket_stream.open(path)) as hub:
        while hub.failure is None:
            await asyncio.sleep(0.01)
        assert not hub.connected
        async with Line(path) as line, hub.writer("anna") as lease:
            await asyncio.wait_for(lease.write(b"hello"), 5)
            await line.hears(b"hello")
            assert hub.connected


async def test_a_line_that_fails_is_opened_again_for_reading_and_writing(tmp_path, line, socket_stream) -> None:
    class Failing:
        async def read(self, most: int = 65536) -> bytes:
            await asyncio.sleep(0.02)
            raise OSError("the line broke")

        async def write(self, data: bytes) -> None:
            raise BrokenPipeError("the line broke")

        async def close(self) -> None:
            pass

    opened = iter([Failing()])

    async def opener():
        return next(opened, None) or await socket_stream.open(line.path)

    async with ConsoleHub("west-vcp", opener) as hub, hub.writer("anna") as lease:
        await asyncio.wait_for(lease.write(b"hello"), 5)
        await line.hears(b"hello")
        assert hub.drops == 1


async def test_a_slow_watcher_is_told_what_he_lost_and_memory_is_bounded(hub, line) -> None:
    async with hub.watch() as slow, hub.watch() as quick:
        async with asyncio.timeout(60):
            for _ in range(40):
                await line.say(b"x" * 65536)
                left = 65536
                while left:
                    left -= len(await quick.read())
        got = await slow.read()
        assert b"bytes were lost here" in got
        assert slow._size <= BACKLOG
        assert len(hub.recent()) == RING


async def test_secrets_reach_neither_watchers_nor_newcomers_nor_the_file(hub, line, tmp_path) -> None:
    hub.secret("Sup3r-Secret")
    async with hub.watch() as feed:
        await line.say(b"set password Sup3r")
        await asyncio.sleep(0.15)
        await line.say(b"-Se")
        await asyncio.sleep(0.01)
        await line.say(b"cret\r\ndone\r\n")
        assert b"********" in await until(feed, b"done")
    assert b"Secret" not in hub.recent()
    text = (tmp_path / "log" / "t").read_text()
    assert "set password ********" in text
    assert "Secret" not in text
    assert text.splitlines()[0][:4].isdigit()


async def test_closing_ends_watchers_and_writers(line, socket_stream) -> None:
    hub = ConsoleHub("west-vcp", lambda: socket_stream.open(line.path))
    await hub.start()
    await line.connected()
    async with hub.watch() as feed, hub.writer("anna") as lease:
        await hub.close()
        await hub.close()
        assert await feed.read() == b""
        assert await lease.read() == b""


async def test_a_missed_prompt_says_what_how_long_and_the_last_lines(hub, line) -> None:
    hub.secret("Sup3r-Secret")
    async with hub.writer("test") as lease:
        dialogue = Dialogue(lease, settle=0.02)
        await dialogue.send("show")
        await line.say(b"show\r\nthe password is Sup3r-Secret\r\n## SECRET-DATA #")
        with pytest.raises(DeadlineError) as caught:
            await dialogue.command("commit", re.compile("west#"), what="the commit to end", deadline=Deadline(0.3))
    assert "The console of west-vcp: waited 0.3 s for the commit to end" in caught.value.message
    assert "the password is ********" in caught.value.message
    assert "Secret" not in str(caught.value)


async def test_a_prompt_that_nothing_else_looks_like_is_no_doubtful_one(hub, line) -> None:
    login = {"login": re.compile(r"\S* ?login:")}
    async with hub.writer("test") as lease:
        dialogue = Dialogue(lease, settle=0.02, doubt=3600.0, sure=re.compile("west login:"))
        await line.say(b"welcome\r\nlogin: ")
        with pytest.raises(DeadlineError):
            await dialogue.expect(login, what="a login prompt", deadline=Deadline(0.3))
        await line.say(b"\r\nwest login: ")
        at, reply = await dialogue.expect(login, what="a login prompt", deadline=Deadline(20))
    assert (at, reply.prompt) == ("login", "west login:")


async def test_a_password_prompt_is_seen_that_a_message_tore_apart(hub, line) -> None:
    asked = {"password": re.compile("New password:")}
    async with hub.writer("test") as lease:
        dialogue = Dialogue(lease, settle=0.02, noise=re.compile(r"Auto Image Upgrade: .*"))
        await dialogue.send("set password")
        await line.say(b"set password\r\nNew \r\nAuto Image Upgrade: DHCP\r\npassword:")
        assert (await dialogue.expect(asked, seen=asked, what="a prompt", deadline=Deadline(20)))[0] == "password"
        await dialogue.send("set password")
        await line.say(b"set password\r\nNew pa\r\nAuto Image Upgrade: DHCP\r\nssword:")
        assert (await dialogue.expect(asked, seen=asked, what="a prompt", deadline=Deadline(20)))[0] == "password"


async def test_writing_to_a_line_that_stays_away_ends(tmp_path, socket_stream) -> None:
    async with ConsoleHub("west-vcp", lambda: socket_stream.open(tmp_path / "never")) as hub, hub.writer("test") as lease:
        with pytest.raises(DeadlineError, match="for the console line of west-vcp to open"):
            await Dialogue(lease, reopen=0.1).send("show")
