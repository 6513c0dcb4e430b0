"""A guest on a real unix socket, played from data: tests/stories/console/guest.yaml and a story's own answers."""

from __future__ import annotations

import asyncio
import contextlib
import re
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

STORIES = Path(__file__).parents[2] / "stories" / "console"


def read(path: Path) -> dict[str, Any]:
    return dict(YAML(typ="safe").load(path.read_text()))


class SocketStream:
    """A `ByteStream` over a unix socket."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def open(cls, path: Path) -> SocketStream:
        return cls(*await asyncio.open_unix_connection(str(path)))

    async def read(self, most: int = 65536) -> bytes:
        return await self._reader.read(most)

    async def write(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def close(self) -> None:
        self._writer.close()


class ScriptedGuest:
    """Serves one line; `heard` is all that came in."""

    def __init__(self, story: dict[str, Any], socket: Path) -> None:
        default = read(STORIES.parent / story.get("guest", "console/guest.yaml"))
        self.story = story
        self.socket = socket
        self.states = default["states"] | story.get("states", {})
        self.own = [dict(answer) for answer in story.get("answers", ())]
        self.answers = default["answers"]
        self.boots = list(story.get("boots", ()))
        self.at = ""
        self.heard: list[str] = []
        self._line = ""
        self._writer: asyncio.StreamWriter | None = None
        self._server: asyncio.Server | None = None
        self._start: dict[str, Any] | None = story["start"]
        self._noise: asyncio.Task[None] | None = None

    async def __aenter__(self) -> ScriptedGuest:
        self._server = await asyncio.start_unix_server(self._serve, str(self.socket))
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server
        if self._noise:
            self._noise.cancel()
        self._server.close()
        if self._writer:
            self._writer.close()

    async def reset(self) -> None:
        self._line = ""
        await self._boot(self.boots.pop(0))

    async def _boot(self, start: dict[str, Any]) -> None:
        self.at = start["at"]
        await self._say(start.get("says", ()))
        if not start.get("bare"):
            await self._say([self.states[self.at]["prompt"]])

    async def _say(self, chunks: Any) -> None:
        assert self._writer
        for chunk in chunks:
            if isinstance(chunk, str):
                self._writer.write(chunk.encode())
                await self._writer.drain()
            else:
                await asyncio.sleep(chunk)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        start, self._start = self._start, None
        if "noise" in self.story and self._noise is None:
            self._noise = asyncio.create_task(self._babble(*self.story["noise"]))
        if start:
            await self._boot(start)
            if start.get("drop"):
                writer.close()
                return
        with contextlib.suppress(asyncio.CancelledError):
            await self._listen(reader)

    async def _babble(self, seconds: float, text: str) -> None:
        while True:
            await asyncio.sleep(seconds)
            await self._say([text])

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        while data := await reader.read(4096):
            for char in data.decode():
                if self.story.get("mute"):
                    continue
                if char != "\r":
                    self._line += char
                    continue
                line, self._line = self._line, ""
                self.heard.append(line)
                await self._answer(line)

    async def _answer(self, line: str) -> None:
        await self._echo(line)
        if not line and self.at not in {"password", "first", "second"}:
            await self._say([self.states[self.at]["prompt"]])
            return
        for answer in [*self.own, *self.answers]:
            if answer["at"] == self.at and re.fullmatch(answer["hears"], line):
                break
        else:
            raise AssertionError(f"no answer to {line!r} at {self.at}")
        if answer in self.own:
            answer["times"] = answer.get("times", 1) - 1
            if not answer["times"]:
                self.own.remove(answer)
        self.at = answer.get("to", self.at)
        await self._say(answer.get("says", ()))
        if not answer.get("bare"):
            await self._say([self.states[self.at]["prompt"]])

    async def _echo(self, line: str) -> None:
        await self._say(self.story.get("before_echo", {}).get(line, ()))
        if self.states[self.at].get("echo", True):
            pause, noise = self.story.get("echo", (0, ""))
            if "letter" in self.story:
                for letter in line:
                    await self._say([self.story["letter"], letter])
            elif pause:
                for at in range(0, len(line), 7):
                    await self._say([pause, line[at : at + 7], noise])
            else:
                await self._say([line])
        await self._say(["\r\n"])


@pytest.fixture
def socket_stream() -> type[SocketStream]:
    return SocketStream


@pytest.fixture
def scripted_guest() -> type[ScriptedGuest]:
    return ScriptedGuest
