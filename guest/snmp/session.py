"""One AgentX session with a master: registers the tables' subtrees, then answers what it is asked."""

from __future__ import annotations

import select
import time

from snmp import agentx
from snmp.agentx import Malformed, Pdu, Reader, encode_open, encode_register, encode_response, encode_varbind, pdu, split
from snmp.lookup import Lookup
from system.product import TITLE

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from snmp.agentx import Range
    from snmp.smi import Oid
    from snmp.traps import LinkWatch

PRIORITY = 100
"""Before snmpd's own tables of the same place, which have 127."""
PATIENCE = 10
"""Seconds that we wait for the master's answer, and that we ask it to wait for ours: an emulated machine may be busy."""
IDLE = 60.0
"""Seconds without a question after which the master is asked whether it still knows this session (Ping, RFC 2741, 6.2.11)."""
MOST_CELLS = 4096
"""Cells of one answer; whoever wants more asks again behind them."""


class Lost(Exception):
    """The session is over; says why."""


class Fault(Exception):
    """A question that is answered with an error."""

    def __init__(self, error: int, index: int = 0) -> None:
        super().__init__(error)
        self.error = error
        self.index = index


class Session:
    """`watch`: tells what has gone up and down; nothing is told without."""

    def __init__(self, line: socket.socket, lookup: Lookup, say: Callable[[str], None], watch: LinkWatch | None = None) -> None:
        self.began = time.monotonic()
        self.number = 0
        self._line = line
        line.settimeout(PATIENCE)
        self._lookup = lookup
        self._say = say
        self._watch = watch
        self._arrived = b""
        self._packet = 0
        self._index = 0
        """The variable that is being answered, from 1: which one an error is about."""
        self._said = ""
        self._awaited: dict[int, str] = {}
        """What the master has still to confirm, by the number of the packet."""
        self._answers: dict[int, Callable[[Reader], list[bytes]]] = {
            agentx.GET: self._get,
            agentx.GET_NEXT: self._get_next,
            agentx.GET_BULK: self._get_bulk,
            agentx.TEST_SET: self._refuse,
            agentx.COMMIT_SET: lambda _: self._fail(agentx.COMMIT_FAILED),
            agentx.UNDO_SET: lambda _: self._fail(agentx.UNDO_FAILED),
            agentx.PING: lambda _: [],
        }

    # ---- our questions

    def open(self) -> None:
        """Raises Lost if the master does not take us."""
        self._ask(agentx.OPEN, encode_open(PATIENCE, TITLE), "opening")
        while self._awaited:
            self._receive()
        for table in self._lookup.tables:
            for subtree in table.subtrees:
                self._ask(agentx.REGISTER, encode_register(subtree, PRIORITY), f"registering {subtree}")
        if self._watch is not None:
            self._watch.open()

    def close(self) -> None:
        """Nothing goes to the master any more."""
        if self._watch is not None:
            self._watch.close()

    def _notify(self) -> None:
        assert self._watch is not None
        # A port that went is not to be told to anybody from memory.
        self._lookup.expire()
        for rows in self._watch.changes():
            self._ask(agentx.NOTIFY, b"".join(encode_varbind(*row) for row in rows), "a notification")

    def _ask(self, kind: int, payload: bytes, title: str) -> None:
        self._packet += 1
        self._awaited[self._packet] = title
        self._line.sendall(pdu(kind, self.number, 0, self._packet, payload))

    def _confirmed(self, answer: Pdu) -> None:
        title = self._awaited.pop(answer.packet, "")
        uptime, error, _ = Reader(answer).response()
        self._lookup.facts.master_since = time.monotonic() - uptime / 100
        if title == "opening":
            self.number = answer.session
        if not error:
            return
        if error == agentx.NOT_OPEN or title == "opening":
            raise Lost(f"{title or 'something unknown'} was answered with error {error}")
        # A subtree less is no reason to take the others away.
        self._say(f"snmp: {title} was answered with error {error}")

    # ---- the master's

    def serve(self) -> None:
        """Until the session ends, which raises Lost or OSError."""
        while True:
            self._receive()

    def _receive(self) -> None:
        """Wait for the next octets and deal with all PDUs that are whole."""
        sides: list[socket.socket | LinkWatch] = [self._line]
        if self._watch is not None and self._watch.watching:
            sides.append(self._watch)
        ready = select.select(sides, [], [], PATIENCE if self._awaited else IDLE)[0]
        if not ready:
            if self._awaited:
                raise Lost(f"{', '.join(self._awaited.values())} is not answered in {PATIENCE} s")
            self._ask(agentx.PING, b"", "a ping")
        if self._watch in ready:
            self._notify()
        if self._line not in ready:
            return
        data = self._line.recv(65536)
        if not data:
            raise Lost("snmpd has ended it")
        self._arrived += data
        while True:
            try:
                one, self._arrived = split(self._arrived)
            except Malformed as error:
                # Where the next one begins can't be known.
                raise Lost(f"snmpd sent what is no PDU: {error}") from error
            if one is None:
                return
            answer = self.take(one)
            if answer:
                self._line.sendall(answer)

    def take(self, one: Pdu) -> bytes:
        """Deal with one PDU; what is to be sent for it, if anything. Raises Lost when it ends the session."""
        if one.kind == agentx.RESPONSE:
            try:
                self._confirmed(one)
            except Malformed as fault:
                self._say(f"snmp: snmpd's response {one.packet} is passed over: {fault}")
            return b""
        if one.kind == agentx.CLOSE:
            raise Lost("snmpd has closed it")
        if one.kind == agentx.CLEANUP_SET:
            return b""
        try:
            payload = encode_response(varbinds=self._answer(one))
        except Malformed:
            payload = encode_response(agentx.PARSE_ERROR)
        except Fault as fault:
            payload = encode_response(fault.error, fault.index)
        return pdu(agentx.RESPONSE, one.session, one.transaction, one.packet, payload)

    def _answer(self, one: Pdu) -> list[bytes]:
        if one.session != self.number:
            raise Fault(agentx.NOT_OPEN)
        if one.kind not in self._answers:
            raise Fault(agentx.PROCESSING_ERROR)
        reader = Reader(one)
        if one.flags & agentx.NON_DEFAULT_CONTEXT:
            raise Fault(agentx.UNSUPPORTED_CONTEXT)
        self._index = 0
        try:
            return self._answers[one.kind](reader)
        except (Malformed, Fault):
            raise
        except Exception as error:  # a table with a fault must not take the others away
            self._say_once(f"snmp: variable {self._index} can't be answered: {type(error).__name__}: {error}")
            raise Fault(agentx.GEN_ERR, self._index) from error

    def _say_once(self, text: str) -> None:
        """Leave out what would only be said again: a walk meets the same fault many times."""
        if text != self._said:
            self._said = text
            self._say(text)

    def _get(self, reader: Reader) -> list[bytes]:
        found = []
        for self._index, (name, _, _) in enumerate(reader.ranges(), 1):
            found.append(self._lookup.get(name))
        return found

    def _get_next(self, reader: Reader) -> list[bytes]:
        return [varbind for _, varbind in self._after(reader.ranges(), 0)]

    def _get_bulk(self, reader: Reader) -> list[bytes]:
        """RFC 2741, section 7.2.3.3."""
        single, repeat = reader.numbers("HH")
        asked = reader.ranges()
        found = [varbind for _, varbind in self._after(asked[:single], 0)]
        repeated = asked[single:]
        while repeat and repeated and len(found) + len(repeated) <= MOST_CELLS:
            row = self._after(repeated, single)
            found += [varbind for _, varbind in row]
            if not any(name for name, _ in row):
                break
            # One that has ended is asked on with the same words, and says so again.
            repeated = [(name, False, end) if name else (start, include, end)
                        for (name, _), (start, include, end) in zip(row, repeated, strict=True)]  # fmt: skip
            repeat -= 1
        return found

    def _after(self, asked: list[Range], before: int) -> list[tuple[Oid | None, bytes]]:
        """For each range the cell after its start. `before`: how many ranges the PDU has ahead of these."""
        found = []
        for self._index, one in enumerate(asked, before + 1):
            found.append(self._lookup.next(one))
        return found

    def _refuse(self, _: Reader) -> list[bytes]:
        raise Fault(agentx.NOT_WRITABLE, 1)

    def _fail(self, error: int) -> list[bytes]:
        raise Fault(error)
