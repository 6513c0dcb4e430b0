"""A VM host below a router that is a folder: the host's real end of the channel on the socket that stands for the guest's
port."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

import jsonschema
from tests.unit.vmhost_memory import RememberedHost

from rackless.vmhost.administration import Administration
from rackless.vmhost.channel import PORT_NAME, Conversation, Policy, Request, SocketStream
from rackless.vmhost.spool import Spool

Result = TypeVar("Result")


SCHEMA = json.loads((Path(__file__).resolve().parents[2] / "guest/protocol/vmhost.schema.json").read_text())
QUESTION = jsonschema.Draft202012Validator({**SCHEMA, "oneOf": [{"$ref": "#/$defs/question"}]})


class Overheard(SocketStream):
    """What the guest sends is kept."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, said: list[bytes]) -> None:
        super().__init__(reader, writer)
        self._said = said

    async def read(self, most: int = 65536) -> bytes:
        data = await super().read(most)
        self._said.append(data)
        return data


class PlayedHost:
    """In a thread of its own, as the router's daemon blocks. `log` is what the host wrote down of who asked for what."""

    def __init__(self, root: Path, host: Administration, *, policy: Policy | None = None, beat: float = 0.2) -> None:
        self.host = host
        self.log: list[Request] = []
        self.said: list[list[bytes]] = []
        """By connection."""
        self._policy = policy
        self._beat = beat
        self._spool = Spool(root.parent / "spool")
        self._loop = asyncio.new_event_loop()
        self._server: asyncio.Server | None = None
        self.port = root / "dev/vport2p1"
        entry = root / "sys/class/virtio-ports/vport2p1"
        entry.mkdir(parents=True, exist_ok=True)
        (entry / "name").write_text(PORT_NAME + "\n")
        self.port.parent.mkdir(exist_ok=True)
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.starts()

    def does(self, work: Coroutine[Any, Any, Result]) -> Result:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    def change(self, policy: Policy) -> None:
        """Of the connections that come from now on."""
        self._policy = policy

    def later(self, change: Callable[[], object]) -> None:
        self._loop.call_soon_threadsafe(change)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.said.append([])
        stream = Overheard(reader, writer, self.said[-1])
        talk = Conversation(stream, self.host, guest="re0", spool=self._spool, policy=self._policy, record=self.log.append,
                            beat=self._beat, stalled=10.0)  # fmt: skip
        try:
            await talk.run()
        finally:
            await stream.close()

    def starts(self) -> None:
        self._server = self.does(asyncio.start_unix_server(self._talk, str(self.port)))

    def stops(self) -> None:
        """The agent is gone; the port is there, as the machine still has it."""
        if self._server is not None:
            self._loop.call_soon_threadsafe(self._server.close)
            self._server = None
            self.does(self._hang_up())

    async def _hang_up(self) -> None:
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    def ends(self) -> None:
        self.stops()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(60)
        self._loop.close()
        for pieces in self.said:
            for line in b"".join(pieces).splitlines():
                if line and b".." not in line:  # a user's own nonsense goes to the host as it is
                    QUESTION.validate(json.loads(line))


def remembered(root: Path) -> tuple[PlayedHost, RememberedHost]:
    host = RememberedHost()
    return PlayedHost(root, host), host
