"""The host's end of the channel to its administrative guest (docs/reference/vmhost-channel.md): JSON lines, many requests at
once.

The guest is not trusted: every line is measured before it is parsed, every value checked before it is used, what it may ask for
is the lesser of its user's class and the host's policy, and all it asks is logged. Nothing it sends ends this end; a guest that
does not read what it asked for loses the connection, not the host.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import json
import logging
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rackless.model.errors import DeadlineError, ForbiddenError, InputError, RacklessError, StateError
from rackless.model.vmhost import Asker
from rackless.model.vmhost_verbs import FileKind, LoginClass, Verb
from rackless.streams import ByteStream
from rackless.vmhost.administration import Administration
from rackless.vmhost.requests import LONG, USER, checked, perform, verb
from rackless.vmhost.spool import Arriving, Spool

log = logging.getLogger(__name__)

PORT_NAME = "org.rackless.vmhost.0"
VERSION = 1
FEATURES = ("progress", "parts", "upload", "read")
MOST_LINE = 64 * 1024
PIECE = 45_000
"""Bytes of a file in a line: base64 makes 60,000 of them."""
MOST_RESULT = 4 << 20
MOST_ID = 64
MOST_AT_ONCE = 8
BEAT = 5.0
"""Seconds without a word after which a long request says that it still runs."""
MOST_DEADLINE = 120.0
DEADLINE = 30.0
STALLED = 60.0
"""Seconds that a guest may take to read what it asked for, or to go on with what it sends."""
MOST_LINES = 1000
"""Lines of progress that wait for a guest that reads slowly; the oldest are dropped."""
AGAIN = 1.0
"""Seconds between two tries to connect to a machine that is being started anew."""
GUEST_ERROR = "The host could not do it because of a defect; its log says more."


@dataclass(frozen=True, kw_only=True)
class Policy:
    """What the host's owner lets its guest's users do, beside what their login class allows."""

    refused: frozenset[Verb] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Request:
    """One request with its outcome, as it is logged. `outcome` is `done`, `refused` or an error's code; `text` says more."""

    asker: Asker
    what: Verb | None
    values: Mapping[str, Any]
    outcome: str
    text: str = ""
    seconds: float = 0.0

    def __str__(self) -> str:
        given = " ".join(f"{name}={value}" for name, value in self.values.items())
        said = f": {self.text}" if self.text else ""
        return f"vmhost {self.what or 'request'}{f' {given}' if given else ''} by {self.asker}: {self.outcome}{said}"


Record = Callable[[Request], None]


def to_log(request: Request) -> None:
    """The default record: what changes something, and what was not done, where everybody reads; the rest for those who look."""
    changes = request.what is None or request.what.changes
    level = logging.WARNING if request.outcome != "done" else logging.INFO if changes else logging.DEBUG
    log.log(level, "%s (%.1f s)", request, request.seconds)


@dataclass
class _Running:
    """A request that is being done. `arriving` and `more` are set while a bundle comes in."""

    asker: Asker
    what: Verb
    values: dict[str, Any]
    task: asyncio.Task[None] | None = None
    arriving: Arriving | None = None
    pieces: asyncio.Queue[bytes | str] = field(default_factory=lambda: asyncio.Queue(4))
    """Of the bundle; a text is the SHA-256 of all, and the last."""


_going_on: set[asyncio.Task[None]] = set()
"""Requests whose asker is gone: what changes the host goes on to its end, and its end is in the log."""


class Conversation:
    """One connection of one guest. `run` until its end."""

    def __init__(
        self, stream: ByteStream, administration: Administration, *, guest: str, spool: Spool, policy: Policy | None = None,
        record: Record = to_log, beat: float = BEAT, stalled: float = STALLED,
    ) -> None:  # fmt: skip
        self._stream = stream
        self._host = administration
        self._guest = guest
        self._spool = spool
        self._policy = policy or Policy()
        self._record = record
        self._beat = beat
        self._stalled = stalled
        self._turn = asyncio.Lock()
        self._running: dict[str, _Running] = {}
        self._greeted = False
        self._nonsense = 0
        self._broken = False

    async def run(self) -> None:
        """Answer until the stream ends. Requests that change the host go on by themselves then; the others are let go."""
        buffer, skipping = b"", False
        try:
            while not self._broken:
                data = await self._stream.read()
                if not data:
                    return
                *lines, buffer = (buffer + data).split(b"\n")
                for line in lines:
                    if skipping or len(line) > MOST_LINE:
                        skipping = False
                        self._odd("a line that is too long")
                    else:
                        await self._line(line)
                if len(buffer) > MOST_LINE:
                    buffer, skipping = b"", True
        except ConnectionError:
            return
        finally:
            self._broken = True
            self._let_go()

    # ---- lines

    def _odd(self, what: str) -> None:
        """Said once, and then at every thousandth: a guest must not fill the host's log."""
        self._nonsense += 1
        if self._nonsense == 1 or self._nonsense % 1000 == 0:
            log.warning("guest %s sent %s on its channel (%d so far)", self._guest, what, self._nonsense)

    async def _line(self, line: bytes) -> None:
        if not line.strip():
            return
        try:
            message = json.loads(line)
        except (ValueError, RecursionError):
            self._odd("what is no JSON")
            return
        token = message.get("id") if isinstance(message, dict) else None
        if not isinstance(token, str) or not 0 < len(token) <= MOST_ID or not token.isascii() or not token.isprintable():
            self._odd("a message without an id")
            return
        if "hello" in message:
            await self._hello(token, message["hello"])
        elif "do" in message:
            await self._asked(token, message)
        elif "data" in message or "end" in message:
            await self._piece(token, message)
        else:
            self._odd("a message that asks nothing")

    async def _hello(self, token: str, hello: object) -> None:
        """A guest begins: nobody waits any more for what its earlier life asked."""
        self._let_go()
        versions = hello.get("versions") if isinstance(hello, dict) else None
        if not isinstance(versions, list) or VERSION not in [one for one in versions if type(one) is int]:
            self._greeted = False
            await self._fail(token, InputError(f"This host speaks version {VERSION} of the channel only."))
            return
        self._greeted = True
        verbs = [one.value for one in Verb if one not in self._policy.refused]
        await self._send({"id": token, "ok": True, "result": {
            "version": VERSION, "features": list(FEATURES), "verbs": verbs, "guest": self._guest, "piece": PIECE,
        }})  # fmt: skip

    def _let_go(self) -> None:
        for running in self._running.values():
            task = running.task
            if task is None:
                continue
            # A bundle of which not all came is given up; what acts on the host already is not stopped half way.
            if running.arriving is not None or not running.what.changes:
                task.cancel()
            _going_on.add(task)
            task.add_done_callback(_going_on.discard)
        self._running.clear()

    async def _asked(self, token: str, message: dict[str, Any]) -> None:
        asker, what = self._nobody(), None
        try:
            asker = self._asker(message)
            what = verb(message["do"])
            if not self._greeted:
                raise StateError("Say hello first: the host does not know which version is spoken.")
            if token in self._running:
                raise StateError(f"A request with the id {token} runs already.")
            if len(self._running) >= MOST_AT_ONCE:
                raise StateError(f"{MOST_AT_ONCE} requests run already.", hint="Ask again when one of them has ended.")
            self._allowed(asker, what)
            values = checked(what, message.get("with", {}))
            deadline = _deadline(message.get("deadline", DEADLINE))
        except RacklessError as error:
            outcome = "refused" if isinstance(error, ForbiddenError) else error.code.value
            self._record(Request(asker=asker, what=what, values={}, outcome=outcome, text=error.message))
            await self._fail(token, error)
            return
        running = _Running(asker, what, values)
        self._running[token] = running
        running.task = asyncio.create_task(self._do(token, running, deadline))

    def _nobody(self) -> Asker:
        return Asker(user="?", login_class=LoginClass.UNAUTHORIZED, way=f"guest/{self._guest}")

    def _asker(self, message: dict[str, Any]) -> Asker:
        user, class_ = message.get("user"), message.get("class")
        if not isinstance(user, str) or USER.fullmatch(user) is None:
            raise InputError("user is not the name of a user.")
        if class_ not in list(LoginClass):
            raise InputError(f"class is none of {', '.join(LoginClass)}.")
        return Asker(user=user, login_class=LoginClass(class_), way=f"guest/{self._guest}")

    def _allowed(self, asker: Asker, what: Verb) -> None:
        if not asker.may(what):
            raise ForbiddenError(f"User {asker.user} of class {asker.login_class} may not ask the host for {what}.")
        if what in self._policy.refused:
            raise ForbiddenError(f"This host does not take {what} from its guest.", hint="Its operator can do it on the host.")

    async def _piece(self, token: str, message: dict[str, Any]) -> None:
        running = self._running.get(token)
        if running is None or running.arriving is None:
            return  # the rest of a bundle that was refused is on its way still
        if "end" in message:
            await running.pieces.put(str(message["end"])[:64])
            return
        try:
            data = base64.b64decode(message["data"], validate=True)
        except (TypeError, ValueError, binascii.Error):
            data = b""
        if not 0 < len(data) <= PIECE:
            data = b""
        await running.pieces.put(data)

    # ---- doing

    async def _do(self, token: str, running: _Running, deadline: float) -> None:
        """One request to its end; the answer says how it went. Never raises but when it is let go."""
        begun = time.monotonic()
        outcome, text = "done", ""
        said: deque[str] = deque(maxlen=MOST_LINES)
        beats = asyncio.create_task(self._tell(token, said)) if running.what in LONG else None
        result: object = None
        error: RacklessError | None = None
        try:
            if running.what in LONG:
                result = await self._long(token, running, said.append)
            else:
                try:
                    async with asyncio.timeout(deadline):
                        result = await perform(self._host, running.what, running.values, by=running.asker, tell=said.append)
                except TimeoutError:
                    raise DeadlineError(f"The host did not answer within {deadline:g} s.") from None
        except RacklessError as failure:
            error, outcome, text = failure, failure.code.value, failure.message
        except asyncio.CancelledError:
            outcome = "given up"
            raise
        except Exception as failure:
            log.exception("vmhost %s", running.what)
            error, outcome, text = RacklessError(GUEST_ERROR), "defect", type(failure).__name__
        finally:
            if running.arriving is not None:
                running.arriving.discard()
                running.arriving = None
            while not running.pieces.empty():  # whoever reads the channel may wait for room here
                running.pieces.get_nowait()
            seconds = time.monotonic() - begun
            self._record(Request(asker=running.asker, what=running.what, values=running.values, outcome=outcome, text=text,
                                 seconds=seconds))  # fmt: skip
            if beats is not None:
                beats.cancel()
                await asyncio.gather(beats, return_exceptions=True)
            mine = self._running.get(token) is running
            if mine:
                del self._running[token]
        if mine:
            await self._spoken(token, said)
            await (self._fail(token, error) if error is not None else self._answer(token, result))

    async def _long(self, token: str, running: _Running, tell: Callable[[str], None]) -> object:
        if running.what is Verb.READ:
            return await self._read(token, running)
        if running.what is not Verb.ADD_SOFTWARE:
            return await perform(self._host, running.what, running.values, by=running.asker, tell=tell)
        if any(other.arriving is not None for other in self._running.values()):
            raise StateError("Another bundle is just being sent to the host.")
        arriving = self._spool.begin(running.values["size"])
        running.arriving = arriving
        try:
            await self._send({"id": token, "go": True})
            await self._arrive(running, arriving)
            running.arriving = None
            return await perform(self._host, running.what, running.values, by=running.asker, tell=tell, bundle=arriving.path)
        finally:
            arriving.discard()

    async def _arrive(self, running: _Running, arriving: Arriving) -> None:
        while True:
            try:
                async with asyncio.timeout(self._stalled):
                    piece = await running.pieces.get()
            except TimeoutError:
                raise DeadlineError(f"Nothing more of the bundle came for {self._stalled:g} s.") from None
            if isinstance(piece, str):
                arriving.finish(piece)
                return
            if not piece:
                raise InputError(f"A piece of the bundle is no base64 text of 1 to {PIECE} bytes.")
            await arriving.take(piece)

    async def _read(self, token: str, running: _Running) -> object:
        values, size = running.values, 0
        last = values["last"] or None
        async for data in self._host.read(FileKind(values["kind"]), values["name"], last=last):
            for start in range(0, len(data), PIECE):
                piece = data[start : start + PIECE]
                size += len(piece)
                if self._broken:
                    raise StateError("The guest does not read what it asked for.")
                await self._send({"id": token, "data": base64.b64encode(piece).decode()})
        return {"size": size}

    # ---- saying

    async def _tell(self, token: str, said: deque[str]) -> None:
        """What a long request has to say, as it comes; an empty line now and then while it says nothing."""
        quiet = 0.0
        while True:
            step = min(0.1, self._beat)
            await asyncio.sleep(step)
            quiet = 0.0 if said else quiet + step
            if quiet >= self._beat:
                quiet = 0.0
                await self._send({"id": token, "progress": ""})
            await self._spoken(token, said)

    async def _spoken(self, token: str, said: deque[str]) -> None:
        while said:
            await self._send({"id": token, "progress": said.popleft()[:1000]})

    async def _answer(self, token: str, result: object) -> None:
        text = json.dumps(result)
        if len(text) > MOST_RESULT:
            await self._fail(token, RacklessError(f"The answer has {len(text)} bytes; at most {MOST_RESULT} are sent."))
            return
        if len(text) <= PIECE:
            await self._send({"id": token, "ok": True, "result": result})
            return
        for start in range(0, len(text), PIECE // 2):  # its quotes are escaped: no more than twice as long
            await self._send({"id": token, "part": text[start : start + PIECE // 2]})
        await self._send({"id": token, "ok": True})

    async def _fail(self, token: str, error: RacklessError) -> None:
        said = {"code": error.code.value, "message": error.message[:4000], "hint": error.hint[:1000]}
        await self._send({"id": token, "ok": False, "error": said})

    async def _send(self, message: dict[str, Any]) -> None:
        """Nothing where nobody listens any more."""
        if self._broken:
            return
        data = json.dumps(message).encode() + b"\n"
        try:
            async with asyncio.timeout(self._stalled), self._turn:
                await self._stream.write(data)
        except (TimeoutError, ConnectionError):
            log.warning("guest %s does not read what it asked for on its channel", self._guest)
            self._broken = True
            with contextlib.suppress(ConnectionError):
                await self._stream.close()


def _deadline(given: object) -> float:
    if isinstance(given, bool) or not isinstance(given, int | float) or not 0 < given <= MOST_DEADLINE:
        raise InputError(f"deadline is no number of seconds up to {MOST_DEADLINE:g}.")
    return float(given)


class SocketStream:
    """A `ByteStream` over a connected socket of asyncio."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def read(self, most: int = 65536) -> bytes:
        return await self._reader.read(most)

    async def write(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def close(self) -> None:
        """What was written and is not read within a second is lost."""
        self._writer.close()
        if self._writer.transport.get_write_buffer_size():
            asyncio.get_running_loop().call_later(1.0, self._writer.transport.abort)


async def serve_channel(
    path: Path,
    administration: Administration,
    *,
    guest: str,
    spool: Spool,
    policy: Policy | None = None,
    record: Record = to_log,
    again: float = AGAIN,
) -> None:
    """Serve the channel of one administrative guest for ever: `path` is the socket of QEMU's character device, to which this
    connects whenever the machine is there. Ends when it is cancelled."""
    while True:
        try:
            reader, writer = await asyncio.open_unix_connection(str(path))
        except OSError:
            await asyncio.sleep(again)
            continue
        stream = SocketStream(reader, writer)
        try:
            await Conversation(stream, administration, guest=guest, spool=spool, policy=policy, record=record).run()
        finally:
            await stream.close()
        await asyncio.sleep(again)


def arguments(path: Path) -> list[str]:
    """QEMU's words for the port, where a virtio-serial bus is there already (`-device virtio-serial-pci`)."""
    comma = str(path).replace(",", ",,")
    return [
        "-chardev",
        f"socket,id=vmhost,path={comma},server=on,wait=off",
        "-device",
        f"virtserialport,chardev=vmhost,name={PORT_NAME}",
    ]
