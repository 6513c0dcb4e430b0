"""The guest's end of the channel to its VM host (docs/reference/vmhost-channel.md): only on a router that administers one.

The port is opened when somebody asks for something and closed after the last answer, so a router that is never asked pays
nothing. Requests of several users go over it at once: one thread reads, and gives each line to whoever asked.
"""

from __future__ import annotations

import os
import select
import socket
import stat
import threading

from .hostport import find_port
from .refused import Refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from queue import SimpleQueue
    from typing import Any

    from .world import Machine

    Message = dict[str, Any]
    Tell = Callable[[str], None]

VERSIONS = [1]
CLASSES = ("unauthorized", "read-only", "operator", "super-user")
"""By level (rights.py)."""
MOST_LINE = 64 * 1024
PIECE = 45_000
"""Bytes of a file in a line: base64 makes 60,000 of them."""
MOST_RESULT = 8 << 20
GREETING = 10.0
"""Seconds that the host has to answer the greeting."""
DEADLINE = 30.0
"""Seconds that the host has for what it answers at once."""
SILENCE = 60.0
"""Seconds without a word from the host after which a long request counts as lost; it speaks every 5."""
GONE: Message = {}
"""What everybody who waits is given when the host hangs up."""


class Absent(Refused):
    """This router runs on no VM host."""


class Silent(Refused):
    """There is one, and it does not answer."""


def absent() -> Absent:
    from system.product import MODEL

    return Absent([f"error: command is not valid on the {MODEL}: no VM host is below this router"])


def silent(why: str) -> Silent:
    return Silent([f"error: could not connect to the VM host: {why}"])


class Asking:
    """A request that waits for its answers."""

    __slots__ = ("queue", "token")

    def __init__(self, token: str) -> None:
        from queue import SimpleQueue

        self.token = token
        self.queue: SimpleQueue[Message] = SimpleQueue()

    def next(self, patience: float) -> Message:
        """The next line about it; Silent when none comes in `patience` seconds."""
        from queue import Empty

        try:
            message = self.queue.get(timeout=patience)
        except Empty:
            raise silent(f"no answer within {patience:g} seconds") from None
        if message is GONE:
            raise silent("it hung up")
        return message


class HostLine:
    """All requests of this router to its host."""

    def __init__(self, world: Machine) -> None:
        self._world = world
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._port = -1
        self._stop = (-1, -1)
        self._reader: threading.Thread | None = None
        self._users = 0
        self._asking: dict[str, Asking] = {}
        self.recovers = True
        """What the configuration wants of the host's auto-recovery."""

    def present(self) -> bool:
        return find_port(self._world) is not None

    def ask(self, user: str, level: int, verb: str, values: Message | None = None, tell: Tell | None = None) -> Any:
        """What the host answers. `tell` is given what a long request says meanwhile; without it the answer must come soon.

        Raises:
            Absent, Silent: see there.
            Refused: with the host's reason.
        """
        with _Turn(self) as turn:
            asking = turn.ask(self._request(user, level, verb, values))
            return _ended(asking, DEADLINE + 5 if tell is None else SILENCE, tell)

    def send(self, user: str, level: int, values: Message, pieces: Iterator[bytes], tell: Tell) -> Any:
        """`add-software`: the bundle's bytes go after the host has taken what was said of it."""
        import binascii
        import hashlib

        with _Turn(self) as turn:
            asking = turn.ask(self._request(user, level, "add-software", values))
            first = asking.next(SILENCE)
            while "progress" in first:
                first = asking.next(SILENCE)
            if "go" not in first:
                return _result(first, [])
            digest = hashlib.sha256()
            for piece in pieces:
                digest.update(piece)
                if not asking.queue.empty():  # an answer before the end: the host has given it up
                    early = asking.next(0)
                    if "ok" in early:
                        return _result(early, [])
                turn.write({"id": asking.token, "data": binascii.b2a_base64(piece, newline=False).decode()})
            turn.write({"id": asking.token, "end": digest.hexdigest()})
            return _ended(asking, SILENCE, tell)

    def read(self, user: str, level: int, values: Message) -> Iterator[bytes]:
        """`read`: a file of the host, in pieces."""
        import binascii

        with _Turn(self) as turn:
            asking = turn.ask(self._request(user, level, "read", values))
            while True:
                message = asking.next(SILENCE)
                if "data" in message:
                    try:
                        yield binascii.a2b_base64(str(message["data"]))
                    except ValueError:
                        raise silent("it sent what is no base64") from None
                elif "ok" in message:
                    _result(message, [])
                    return

    def _request(self, user: str, level: int, verb: str, values: Message | None) -> Message:
        return {"do": verb, "user": user, "class": CLASSES[level], "with": values or {}, "deadline": DEADLINE}

    # ---- the port

    def enter(self) -> None:
        with self._lock:
            if self._users == 0:
                self._open()
            elif self._reader is None or not self._reader.is_alive():
                raise silent("it hung up")
            self._users += 1

    def leave(self, asking: Asking | None) -> None:
        with self._lock:
            if asking is not None:
                self._asking.pop(asking.token, None)
            self._users -= 1
            if self._users == 0:
                self._close()

    def add(self, asking: Asking) -> None:
        self._asking[asking.token] = asking

    def _open(self) -> None:
        path = find_port(self._world)
        if path is None:
            raise absent()
        try:
            self._port = _opened(path)
        except OSError as error:
            raise silent(error.strerror or "its port can't be opened") from None
        if _hung_up(self._port):
            os.close(self._port)
            self._port = -1
            raise silent("nobody is at the other end of the channel")
        self._stop = os.pipe()
        self._reader = threading.Thread(target=self._listen, args=(self._port, self._stop[0]), daemon=True)
        self._reader.start()
        try:
            self._greet()
        except Refused:
            self._close()
            raise

    def _greet(self) -> None:
        """A word of our own first: the host then knows that nobody waits for answers to what this router asked in an earlier
        life."""
        asking = Asking(_token())
        self.add(asking)
        try:
            self.write({"id": asking.token, "hello": {"versions": VERSIONS, "name": os.uname().nodename}}, b"\n")
            said = _ended(asking, GREETING, None)
            if not isinstance(said, dict) or said.get("version") not in VERSIONS:
                raise silent("it does not speak a version of the channel that this router does")
        finally:
            self._asking.pop(asking.token, None)

    def _close(self) -> None:
        os.write(self._stop[1], b".")
        if self._reader is not None:
            self._reader.join(5)
        for handle in (self._port, *self._stop):
            os.close(handle)
        self._port, self._stop, self._reader = -1, (-1, -1), None
        self._asking.clear()

    def write(self, message: Message, before: bytes = b"") -> None:
        """One line, whole. Silent when the host takes nothing for a while."""
        import json

        data = memoryview(before + json.dumps(message).encode() + b"\n")
        waiting = select.poll()
        waiting.register(self._port, select.POLLOUT)
        with self._writing:
            while data:
                found = waiting.poll(SILENCE * 1000)
                if not found or found[0][1] & (select.POLLHUP | select.POLLERR):
                    raise silent("it hung up" if found else "it takes nothing")
                try:
                    data = data[os.write(self._port, data) :]
                except BlockingIOError:
                    continue
                except (BrokenPipeError, ConnectionResetError):
                    raise silent("it hung up") from None
                except OSError as error:
                    raise silent(error.strerror or "the channel broke") from None

    def _listen(self, port: int, stop: int) -> None:
        """Until told to stop, or the host hangs up."""
        waiting = select.poll()
        waiting.register(port, select.POLLIN)
        waiting.register(stop, select.POLLIN)
        buffer, skipping = b"", False
        while True:
            ready = dict(waiting.poll())
            if stop in ready:
                return
            try:
                data = os.read(port, 65536)
            except BlockingIOError:
                continue
            except OSError:
                data = b""
            if not data:
                for asking in list(self._asking.values()):
                    asking.queue.put(GONE)
                return
            *lines, buffer = (buffer + data).split(b"\n")
            for line in lines:
                if not skipping and len(line) <= MOST_LINE:
                    self._heard(line)
                skipping = False
            if len(buffer) > MOST_LINE:
                buffer, skipping = b"", True

    def _heard(self, line: bytes) -> None:
        """What is no answer to anybody is passed over: the rest of an earlier life's, or nonsense."""
        import json

        try:
            message = json.loads(line)
        except (ValueError, RecursionError):
            return
        if isinstance(message, dict) and message:
            token = message.get("id")
            asking = self._asking.get(token) if isinstance(token, str) else None
            if asking is not None:
                asking.queue.put(message)


class _Turn:
    """One request's hold on the port."""

    __slots__ = ("_asking", "_line")

    def __init__(self, line: HostLine) -> None:
        self._line = line
        self._asking: Asking | None = None

    def __enter__(self) -> _Turn:
        self._line.enter()
        return self

    def __exit__(self, *_: object) -> None:
        self._line.leave(self._asking)

    def ask(self, request: Message) -> Asking:
        self._asking = Asking(_token())
        self._line.add(self._asking)
        self._line.write({"id": self._asking.token, **request})
        return self._asking

    def write(self, message: Message) -> None:
        self._line.write(message)


def _token() -> str:
    return os.urandom(8).hex()


def _opened(path: str) -> int:
    """The port without blocking: a virtio device in a guest, a socket where somebody plays the host."""
    if stat.S_ISSOCK(os.stat(path).st_mode):
        with socket.socket(socket.AF_UNIX) as sock:
            sock.connect(path)
            sock.setblocking(False)
            return sock.detach()
    return os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)


def _hung_up(port: int) -> bool:
    """A virtio port says so when no host is connected to it."""
    waiting = select.poll()
    waiting.register(port, 0)
    return any(events & select.POLLHUP for _, events in waiting.poll(0))


def _ended(asking: Asking, patience: float, tell: Tell | None) -> Any:
    """The result, when the last line has come."""
    parts: list[str] = []
    size = 0
    while True:
        message = asking.next(patience)
        if "progress" in message:
            if tell is not None and message["progress"]:
                tell(printable(str(message["progress"])))
        elif "part" in message:
            size += len(str(message["part"]))
            if size > MOST_RESULT:
                raise silent("it answers without an end")
            parts.append(str(message["part"]))
        elif "ok" in message:
            return _result(message, parts)


def _result(message: Message, parts: list[str]) -> Any:
    if message.get("ok") is not True:
        error = message.get("error")
        error = error if isinstance(error, dict) else {}
        hint = printable(str(error.get("hint") or ""))
        said = f"error: {printable(str(error.get('message') or 'the VM host gives no reason'))}"
        raise Refused([said, *([hint] if hint else [])])
    if not parts:
        return message.get("result")
    import json

    try:
        return json.loads("".join(parts))
    except (ValueError, RecursionError):
        raise silent("its answer can't be read") from None


def printable(text: str) -> str:
    """On one line, and nothing in it that a terminal would obey."""
    return "".join(character if character.isprintable() else " " for character in text)


def line_of(world: Machine) -> HostLine:
    """The router's one line to its host: the port can be opened only once."""
    if world.host_line is None:
        world.host_line = HostLine(world)
    return world.host_line
