"""The AgentX protocol, version 1 (RFC 2741): PDUs to and from octets. Pure; fit for a sub-agent and for a master.

What is made here is in network byte order; what arrives may be in either.
"""

from __future__ import annotations

import struct

from snmp.smi import (
    ADDRESS,
    COUNTER,
    COUNTER64,
    END_OF_VIEW,
    GAUGE,
    INTEGER,
    NO_SUCH_INSTANCE,
    NO_SUCH_OBJECT,
    NULL,
    OBJECT,
    OCTETS,
    OPAQUE,
    TICKS,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from snmp.smi import Oid, Row, Value

OPEN, CLOSE, REGISTER, UNREGISTER, GET, GET_NEXT, GET_BULK, TEST_SET, COMMIT_SET = range(1, 10)
UNDO_SET, CLEANUP_SET, NOTIFY, PING, INDEX_ALLOCATE, INDEX_DEALLOCATE, ADD_CAPS, REMOVE_CAPS, RESPONSE = range(10, 19)
"""Types of PDU, section 6.1."""
VERSION = 1
NON_DEFAULT_CONTEXT, NETWORK_BYTE_ORDER = 0x08, 0x10
"""Flags of the header."""
NO_ERROR, GEN_ERR, NOT_WRITABLE, COMMIT_FAILED, UNDO_FAILED = 0, 5, 17, 14, 15
OPEN_FAILED, NOT_OPEN, UNSUPPORTED_CONTEXT, DUPLICATE_REGISTRATION = 256, 257, 262, 263
PARSE_ERROR, REQUEST_DENIED, PROCESSING_ERROR = 266, 267, 268
"""Errors of a Response, section 6.2.16."""
REASON_SHUTDOWN = 5

HEADER = 20
"""Octets of every PDU before its payload."""
MOST_PAYLOAD = 1 << 20
"""Octets; a length above it means that the two ends have lost each other."""
MOST_NUMBERS = 128
"""Numbers of an object identifier (RFC 2578, section 3.5)."""
INTERNET = (1, 3, 6, 1)
"""What the one octet `prefix` of an encoded object identifier stands behind."""
_UNSIGNED = (COUNTER, GAUGE, TICKS)
_OCTETS = (OCTETS, ADDRESS, OPAQUE)
_EMPTY = (NULL, NO_SUCH_OBJECT, NO_SUCH_INSTANCE, END_OF_VIEW)

Range = tuple[tuple[int, ...], bool, tuple[int, ...]]
"""Where to search: from, whether that itself counts, up to but without; the last is empty for no end."""


class Malformed(Exception):
    """The octets are no PDU; says what is wrong with them."""


class Pdu:
    """`order`: struct's sign of the byte order of `payload`."""

    __slots__ = ("flags", "kind", "order", "packet", "payload", "session", "transaction")

    def __init__(self, kind: int, flags: int, session: int, transaction: int, packet: int, payload: bytes) -> None:
        self.kind = kind
        self.flags = flags
        self.order = ">" if flags & NETWORK_BYTE_ORDER else "<"
        self.session = session
        self.transaction = transaction
        self.packet = packet
        self.payload = payload


def pdu(kind: int, session: int, transaction: int, packet: int, payload: bytes = b"") -> bytes:
    return struct.pack(">BBBxLLLL", VERSION, kind, NETWORK_BYTE_ORDER, session, transaction, packet, len(payload)) + payload


def split(data: bytes) -> tuple[Pdu | None, bytes]:
    """The first PDU of what has arrived, and what is behind it; None when it is not there whole. Raises Malformed."""
    if len(data) < HEADER:
        return None, data
    flags = data[2]
    header = struct.unpack_from(">BBBxLLLL" if flags & NETWORK_BYTE_ORDER else "<BBBxLLLL", data)
    version, kind, flags, session, transaction, packet, length = header
    if version != VERSION:
        raise Malformed(f"version {version}")
    if length % 4 or length > MOST_PAYLOAD:
        raise Malformed(f"a payload of {length} octets")
    end = HEADER + length
    if len(data) < end:
        return None, data
    return Pdu(kind, flags, session, transaction, packet, data[HEADER:end]), data[end:]


# ---- to octets; each raises struct.error, TypeError or OverflowError for a value that its type can't hold


def encode_oid(oid: Oid, *, include: bool = False) -> bytes:
    prefix = 0
    if len(oid) > 4 and oid[:4] == INTERNET and 0 < oid[4] < 256:
        prefix, oid = oid[4], oid[5:]
    return struct.pack(f">BBBx{len(oid)}L", len(oid), prefix, include, *oid)


def encode_octets(data: bytes) -> bytes:
    return struct.pack(">L", len(data)) + data + bytes(-len(data) % 4)


def encode_varbind(oid: Oid, kind: int, value: Value = None) -> bytes:
    name = struct.pack(">Hxx", kind) + encode_oid(oid)
    if kind == INTEGER:
        return name + struct.pack(">l", value)
    if kind in _UNSIGNED:
        return name + struct.pack(">L", value)
    if kind == COUNTER64:
        return name + struct.pack(">Q", value)
    if isinstance(value, bytes) and kind in _OCTETS:
        return name + encode_octets(value)
    if isinstance(value, tuple) and kind == OBJECT:
        return name + encode_oid(value)
    if value is None and kind in _EMPTY:
        return name
    raise TypeError(f"{value!r} is no value of type {kind}")


def encode_open(timeout: int, title: str) -> bytes:
    """Payload of Open. `timeout`: seconds that the master is to wait for an answer, 0 for its own choice."""
    return struct.pack(">Bxxx", timeout) + encode_oid(()) + encode_octets(title.encode())


def encode_register(subtree: Oid, priority: int, timeout: int = 0) -> bytes:
    """Payload of Register. The lower `priority` wins; 127 is the default one. `timeout` in seconds, 0 for the session's."""
    return struct.pack(">BBBx", timeout, priority, 0) + encode_oid(subtree)


def encode_response(error: int = 0, index: int = 0, varbinds: Iterable[bytes] = ()) -> bytes:
    """Payload of Response. `index`: the varbind with the error, from 1. The sysUpTime in it is the master's alone to tell."""
    return struct.pack(">LHH", 0, error, index) + b"".join(varbinds)


# ---- from octets


class Reader:
    """Takes a payload apart from its front. Every method raises Malformed, and nothing else."""

    __slots__ = ("_at", "_data", "_order")

    def __init__(self, pdu: Pdu) -> None:
        self._data = pdu.payload
        self._order = pdu.order
        self._at = 0

    @property
    def more(self) -> bool:
        return self._at < len(self._data)

    def numbers(self, form: str) -> tuple[int, ...]:
        """By a format of struct, without its byte order."""
        try:
            found = struct.unpack_from(self._order + form, self._data, self._at)
        except struct.error as error:
            raise Malformed(f"the payload ends at octet {len(self._data)}") from error
        self._at += struct.calcsize(self._order + form)
        return found

    def oid(self) -> tuple[Oid, bool]:
        """The object identifier and its `include`."""
        length, prefix, include = self.numbers("BBBx")
        if length > MOST_NUMBERS:
            raise Malformed(f"an object identifier of {length} numbers")
        oid = self.numbers(f"{length}L")
        return ((*INTERNET, prefix, *oid) if prefix else oid), include != 0

    def octets(self) -> bytes:
        (length,) = self.numbers("L")
        end = self._at + length
        if end > len(self._data):
            raise Malformed(f"{length} octets where {len(self._data) - self._at} are left")
        data = self._data[self._at : end]
        self._at = end + -length % 4
        return data

    def range(self) -> Range:
        start, include = self.oid()
        return start, include, self.oid()[0]

    def ranges(self) -> list[Range]:
        """All that is left."""
        found = []
        while self.more:
            found.append(self.range())
        return found

    def varbind(self) -> Row:
        (kind,) = self.numbers("Hxx")
        name, _ = self.oid()
        if kind == OBJECT:
            return name, kind, self.oid()[0]
        if kind in _OCTETS:
            return name, kind, self.octets()
        if kind in _EMPTY:
            return name, kind, None
        form = {INTEGER: "l", COUNTER64: "Q"}.get(kind) or ("L" if kind in _UNSIGNED else "")
        if not form:
            raise Malformed(f"a value of type {kind}")
        return name, kind, self.numbers(form)[0]

    def varbinds(self) -> list[Row]:
        """All that is left."""
        found = []
        while self.more:
            found.append(self.varbind())
        return found

    def response(self) -> tuple[int, int, int]:
        """The master's sysUpTime (1/100 s), error and index of a Response; its varbinds follow."""
        uptime, error, index = self.numbers("LHH")
        return uptime, error, index
