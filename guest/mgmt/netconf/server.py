"""One NETCONF session over a connected socket: hello, framing, RPCs one after another, and a clean end however it comes."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading

from ..replies.reply import JUNOS
from ..session import Session
from ..xmltree import BadXml, Element, escape, parse, quoted, write
from .channel import UserChannel
from .configuration import Access
from .errors import Errors, RpcError
from .framing import Broken, Frames, TooLarge, framed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ..datastore import Datastore

BASE = "urn:ietf:params:xml:ns:netconf:base:1.0"
BASE_1_1 = "urn:ietf:params:netconf:base:1.1"
CAPABILITIES = (
    "urn:ietf:params:netconf:base:1.0",
    BASE_1_1,
    "urn:ietf:params:netconf:capability:candidate:1.0",
    "urn:ietf:params:netconf:capability:confirmed-commit:1.0",
    "urn:ietf:params:netconf:capability:confirmed-commit:1.1",
    "urn:ietf:params:netconf:capability:validate:1.0",
    "urn:ietf:params:netconf:capability:validate:1.1",
    "urn:ietf:params:netconf:capability:rollback-on-error:1.0",
    "http://xml.juniper.net/netconf/junos/1.0",
    "http://xml.juniper.net/dmi/system/1.0",
)
MOST_SESSIONS = 32
"""NETCONF sessions at a time; each may keep a private configuration in memory."""
HELLO_DEADLINE = 60.0
"""Seconds for the client's hello."""
SEND_DEADLINE = 120
"""Seconds that a reader may take none of what is sent to it."""

_clients: dict[int, Client] = {}
_places = threading.BoundedSemaphore(MOST_SESSIONS)


class Client:
    """A NETCONF session. `session` is the same that the command line has: user, rights and how commands are run."""

    def __init__(self, sock: socket.socket, datastore: Datastore, user: str, log: Callable[[str], None]) -> None:
        self._sock = sock
        self._log = log
        self.session = Session(datastore, UserChannel(user), user, "netconf")
        self.access = Access(self.session)
        self.closing = False
        self._frames = Frames()

    # ---- the wire

    def _send(self, text: str) -> None:
        self._sock.sendall(framed(text.encode("utf-8", "replace"), chunked=self._frames.chunked))

    def _receive(self) -> bytes | None:
        """The next message; None when the client is gone."""
        while True:
            message = self._frames.next()
            if message is not None:
                return message
            data = self._sock.recv(65536)
            if not data:
                return None
            self._frames.feed(data)

    # ---- the session

    def talk(self) -> None:
        """Until the end. What goes wrong with the peer's bytes is said to it, and ends the session."""
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", SEND_DEADLINE, 0))
        self._send(hello(self.session.number))
        try:
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", int(HELLO_DEADLINE), 0))
            if not self._greeted():
                return
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", 0, 0))
            while not self.closing:
                message = self._receive()
                if message is None:
                    return
                if message.strip():
                    self._send(self.answer(message))
        except TooLarge as error:
            self._send(reply([RpcError("too-big", str(error)).element()], {}))
        except Broken as error:
            self._send(reply([RpcError("malformed-message", str(error)).element()], {}))

    def _greeted(self) -> bool:
        message = self._receive()
        if message is None:
            return False
        try:
            said = parse(message.strip())
        except BadXml as error:
            raise Broken(f"bad hello: {error}") from None
        theirs = {one.text.strip() for one in (said.find("capabilities") or said).all("capability")}
        if said.tag != "hello" or not any(one.startswith("urn:ietf:params:netconf:base:1.") for one in theirs):
            raise Broken("a hello with base:1.0 or base:1.1 was expected")
        if said.find("session-id") is not None:
            raise Broken("a client's hello has no session-id")
        self._frames.chunked = BASE_1_1 in theirs
        return True

    # ---- one RPC

    def answer(self, message: bytes) -> str:
        """The whole rpc-reply to a message."""
        try:
            rpc = parse(message.strip())
        except BadXml as error:
            return reply([RpcError("malformed-message", str(error)).element()], {})
        if rpc.tag != "rpc":
            return reply([RpcError("malformed-message", f"<rpc> was expected, not <{rpc.tag}>").element()], {})
        try:
            made = self._run(rpc)
        except RpcError as error:
            made = [error.element()]
        except Errors as error:
            made = [one.element() for one in error.errors]
        except Exception as error:  # noqa: BLE001  # a fault of ours ends the RPC, not the session
            import traceback

            name = rpc.children[0].tag if rpc.children else "rpc"
            self._log(f"netconf <{name}>: {traceback.format_exc()}")
            made = [RpcError("operation-failed", f"internal fault ({type(error).__name__})").element()]
        return reply(made, rpc.attributes)

    def _run(self, rpc: Element) -> list[Element]:
        from . import junos, operations, standard

        if len(rpc.children) != 1:
            raise RpcError("bad-element" if rpc.children else "missing-element", "one operation in an <rpc> is needed", bad="rpc")
        operation = rpc.children[0]
        if self.session.level == 0:
            self.closing = True
            raise RpcError("access-denied", "permission denied")
        run = standard.OPERATIONS.get(operation.tag) or junos.OPERATIONS.get(operation.tag)
        if run is not None:
            return run(self, operation)
        found = operations.run(self, operation)
        if found is None:
            raise RpcError("operation-failed", "syntax error", type_="protocol", bad=operation.tag)
        return found

    def kill(self, number: int) -> bool:
        """End another session; False when there is none."""
        other = _clients.get(number)
        if other is None:
            return False
        other.closing = True
        with contextlib.suppress(OSError):  # it may just have gone by itself
            other._sock.shutdown(socket.SHUT_RDWR)
        return True


def hello(number: int) -> str:
    lines = "".join(f"    <capability>{one}</capability>\n" for one in CAPABILITIES)
    return f'<hello xmlns="{BASE}">\n  <capabilities>\n{lines}  </capabilities>\n  <session-id>{number}</session-id>\n</hello>'


def reply(elements: list[Element], attributes: dict[str, str]) -> str:
    """An rpc-reply; all attributes of the rpc come back (RFC 6241, 4.1)."""
    named = {"xmlns": BASE, "xmlns:junos": JUNOS, **attributes}
    head = "rpc-reply" + "".join(f" {name}={quoted(value)}" for name, value in named.items())
    inner = "".join(escape(one.text) if not one.tag else write(one) for one in elements)
    return f"<{head}>\n{inner}</rpc-reply>"


def serve(sock: socket.socket, datastore: Datastore, user: str, log: Callable[[str], None]) -> None:
    """Serve one client until it has gone; nothing of it stays."""
    if not _places.acquire(blocking=False):
        refused = RpcError("operation-failed", f"no more than {MOST_SESSIONS} NETCONF sessions at a time", type_="protocol")
        sock.sendall(framed(reply([refused.element()], {}).encode(), chunked=False))
        return
    client: Client | None = None
    try:
        with datastore.lock:  # held at start until the configuration is there
            client = Client(sock, datastore, user, log)
        number = client.session.number
        _clients[number] = client
        datastore.sessions[number] = client.session
        client.talk()
    except (OSError, EOFError) as error:
        if not isinstance(error, (BrokenPipeError, ConnectionResetError, BlockingIOError)):
            log(f"netconf: {error}")
    finally:
        if client is not None:
            _clients.pop(client.session.number, None)
            datastore.sessions.pop(client.session.number, None)
            client.access.gone(orderly=client.closing)
        _places.release()
