"""The guest's AgentX sub-agent, as a master meets it: the octets of RFC 2741, and a session's answers to what may come."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snmp import agentx, smi
from snmp.agentx import Malformed, Pdu, Reader, encode_octets, encode_oid, encode_varbind, pdu, split
from snmp.facts import Facts
from snmp.lookup import Lookup
from snmp.session import MOST_CELLS, PRIORITY, Lost, Session

FIRST = (1, 3, 6, 1, 2, 1, 2)
SECOND = (1, 3, 6, 1, 4, 1, 99)
COLUMNS = ((*SECOND, 1), (*SECOND, 2))
SESSION = 7
CELLS: list[smi.Row] = [
    ((*FIRST, 1, 1), smi.INTEGER, -5),
    ((*FIRST, 1, 2), smi.OCTETS, b"two\0"),
    ((*FIRST, 2, 1), smi.OBJECT, (0, 0)),
    ((*FIRST, 2, 2), smi.COUNTER64, smi.MOST64),
]

oids = st.lists(st.integers(0, smi.MOST32), max_size=agentx.MOST_NUMBERS).map(tuple) | st.lists(
    st.integers(0, 300), max_size=8
).map(lambda end: (*agentx.INTERNET, *end))
rows = st.one_of(
    st.tuples(oids, st.just(smi.INTEGER), st.integers(-(2**31), 2**31 - 1)),
    st.tuples(oids, st.sampled_from([smi.COUNTER, smi.GAUGE, smi.TICKS]), st.integers(0, smi.MOST32)),
    st.tuples(oids, st.just(smi.COUNTER64), st.integers(0, smi.MOST64)),
    st.tuples(oids, st.sampled_from([smi.OCTETS, smi.OPAQUE, smi.ADDRESS]), st.binary(max_size=70)),
    st.tuples(oids, st.just(smi.OBJECT), oids),
    st.tuples(oids, st.sampled_from([smi.NULL, smi.NO_SUCH_OBJECT, smi.NO_SUCH_INSTANCE, smi.END_OF_VIEW]), st.none()),
)


def reader(payload: bytes, flags: int = agentx.NETWORK_BYTE_ORDER) -> Reader:
    return Reader(Pdu(agentx.RESPONSE, flags, 0, 0, 0, payload))


# ---- octets


def test_octets_are_those_of_the_rfc() -> None:
    """Section 5.1 has sysDescr.0 and a null identifier as examples, 5.3 pads octets to four."""
    assert encode_oid((1, 3, 6, 1, 2, 1, 1, 1, 0)) == bytes.fromhex("04 02 00 00 00000001 00000001 00000001 00000000")
    assert encode_oid((1, 2, 3, 4)) == bytes.fromhex("04 00 00 00 00000001 00000002 00000003 00000004")
    assert encode_oid(()) == bytes(4)
    assert encode_octets(b"ABCDE") == bytes.fromhex("00000005 41424344 45000000")
    assert pdu(agentx.PING, 1, 2, 3) == bytes.fromhex("010d1000 00000001 00000002 00000003 00000000")
    assert encode_varbind((1, 2), smi.INTEGER, -1) == bytes.fromhex("00020000 02000000 00000001 00000002 ffffffff")


def test_either_byte_order_is_read() -> None:
    payload = bytes.fromhex("02 02 01 00 01000000 09000000")
    assert reader(payload, flags=0).oid() == ((1, 3, 6, 1, 2, 1, 9), True)
    one, rest = split(struct.pack("<BBBxLLLL", 1, agentx.GET, 0, 1, 2, 3, 12) + payload + b"more")
    assert one is not None
    assert (one.kind, one.session, one.transaction, one.packet, one.payload) == (agentx.GET, 1, 2, 3, payload)
    assert rest == b"more"


@given(st.lists(rows, max_size=5))
def test_varbinds_come_back_as_they_went(varbinds: list[smi.Row]) -> None:
    assert reader(b"".join(encode_varbind(*row) for row in varbinds)).varbinds() == varbinds


@given(st.lists(st.tuples(oids, st.booleans(), oids), max_size=4))
def test_ranges_come_back_as_they_went(ranges: list[agentx.Range]) -> None:
    payload = b"".join(encode_oid(start, include=include) + encode_oid(end) for start, include, end in ranges)
    assert reader(payload).ranges() == ranges


@given(st.binary(max_size=120), st.integers(0, 255))
def test_any_payload_is_read_or_refused(payload: bytes, flags: int) -> None:
    for method in ("oid", "octets", "range", "ranges", "varbind", "varbinds", "response"):
        left = reader(payload, flags)
        with contextlib.suppress(Malformed):
            getattr(left, method)()
            assert method not in {"ranges", "varbinds"} or not left.more


@given(st.binary(max_size=80))
def test_any_stream_is_split_or_refused(data: bytes) -> None:
    try:
        one, rest = split(data)
    except Malformed:
        return
    assert (rest == data) if one is None else data.endswith(rest)


@given(st.binary(max_size=60), st.integers(0, 79))
def test_a_pdu_is_taken_only_whole(payload: bytes, cut: int) -> None:
    payload += bytes(-len(payload) % 4)
    whole = pdu(agentx.GET, 1, 2, 3, payload)
    part = whole[: min(cut, len(whole) - 1)]
    assert split(part) == (None, part)
    one, rest = split(whole)
    assert one is not None
    assert (one.payload, rest) == (payload, b"")


@pytest.mark.parametrize(
    ("kind", "value"), [(smi.GAUGE, -1), (smi.INTEGER, 2**31), (smi.OCTETS, "text"), (smi.OBJECT, b""), (smi.NULL, 0), (99, 1)]
)
def test_a_value_that_its_type_cannot_hold_is_not_sent(kind: int, value: object) -> None:
    with pytest.raises((struct.error, TypeError)):
        encode_varbind((1, 2), kind, value)  # type: ignore[arg-type]


# ---- a session


class Made:
    """Tables that count how often they are made, and fail on demand."""

    def __init__(self) -> None:
        self.first = 0
        self.second = 0
        self.broken = False

    def build_first(self, _: Facts) -> Iterator[smi.Row]:
        self.first += 1
        yield from reversed(CELLS)

    def build_second(self, _: Facts) -> Iterator[smi.Row]:
        self.second += 1
        if self.broken:
            raise OSError("the kernel says no")
        yield (*SECOND, 1, 1), smi.GAUGE, 1
        yield (*SECOND, 2, 1), smi.GAUGE, 2


@pytest.fixture
def made() -> Made:
    return Made()


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def session(made: Made, said: list[str]) -> Iterator[Session]:
    here, there = socket.socketpair()
    with here, there:
        lookup = Lookup({SECOND: made.build_second, FIRST: made.build_first}, {SECOND: COLUMNS}, Facts(""))
        one = Session(here, lookup, said.append)
        one.number = SESSION
        yield one


def ask(session: Session, kind: int, payload: bytes = b"", number: int = SESSION) -> tuple[int, int, list[smi.Row]]:
    """Error, index and varbinds of the answer, which must be to this question."""
    one, _ = split(pdu(kind, number, 21, 22, payload))
    assert one is not None
    answer, rest = split(session.take(one))
    assert answer is not None
    assert (answer.kind, answer.session, answer.transaction, answer.packet, rest) == (agentx.RESPONSE, number, 21, 22, b"")
    read = Reader(answer)
    _, error, index = read.response()
    return error, index, read.varbinds()


def ranges(*asked: tuple[smi.Oid, bool, smi.Oid]) -> bytes:
    return b"".join(encode_oid(start, include=include) + encode_oid(end) for start, include, end in asked)


def test_get_answers_each_of_several_names(session: Session) -> None:
    names: list[smi.Oid] = [CELLS[3][0], (*FIRST, 1, 9), (1, 3, 6, 1, 9), CELLS[0][0]]
    error, index, found = ask(session, agentx.GET, ranges(*((name, False, ()) for name in names)))
    assert (error, index) == (0, 0)
    assert found == [CELLS[3], (names[1], smi.NO_SUCH_INSTANCE, None), (names[2], smi.NO_SUCH_OBJECT, None), CELLS[0]]


def test_get_next_keeps_to_the_range(session: Session) -> None:
    after_first = (*FIRST[:-1], FIRST[-1] + 1)
    asked: list[tuple[smi.Oid, bool, smi.Oid]] = [
        (FIRST, False, after_first),
        (CELLS[0][0], False, after_first),
        (CELLS[0][0], True, after_first),
        (CELLS[0][0], False, CELLS[1][0]),
        (CELLS[3][0], False, after_first),
        (CELLS[3][0], False, ()),
        ((), False, ()),
        ((2,), False, ()),
    ]
    error, _, found = ask(session, agentx.GET_NEXT, ranges(*asked))
    assert error == 0
    assert found == [
        CELLS[0],
        CELLS[1],
        CELLS[0],
        (CELLS[0][0], smi.END_OF_VIEW, None),
        (CELLS[3][0], smi.END_OF_VIEW, None),
        ((*SECOND, 1, 1), smi.GAUGE, 1),
        CELLS[0],
        ((2,), smi.END_OF_VIEW, None),
    ]


def test_get_bulk_repeats_all_but_the_first_ones(session: Session) -> None:
    end = (*FIRST[:-1], FIRST[-1] + 1)
    payload = struct.pack(">HH", 1, 3) + ranges((FIRST, False, end), (CELLS[1][0], False, end), (SECOND, False, ()))
    error, _, found = ask(session, agentx.GET_BULK, payload)
    assert error == 0
    last = (*SECOND, 2, 1)
    assert found == [
        CELLS[0],
        *(CELLS[2], ((*SECOND, 1, 1), smi.GAUGE, 1)),
        *(CELLS[3], (last, smi.GAUGE, 2)),
        *((CELLS[3][0], smi.END_OF_VIEW, None), (last, smi.END_OF_VIEW, None)),
    ]


def test_get_bulk_has_a_limit(session: Session) -> None:
    """However much is asked: what has ended is not repeated for ever, and a row more is left out when there is too much."""
    error, _, found = ask(session, agentx.GET_BULK, struct.pack(">HH", 0, 65535) + ranges(*([(FIRST, False, ())] * 1000)))
    assert error == 0
    assert 1000 < len(found) <= MOST_CELLS
    _, _, found = ask(session, agentx.GET_BULK, struct.pack(">HH", 0, 65535) + ranges((FIRST, False, ())))
    assert len(found) == len(CELLS) + 3


def test_a_walk_makes_only_the_table_that_it_walks_and_makes_it_once(session: Session, made: Made) -> None:
    end = (*FIRST[:-1], FIRST[-1] + 1)
    at, walked = FIRST, []
    while True:
        _, _, [(name, kind, value)] = ask(session, agentx.GET_NEXT, ranges((at, False, end)))
        if kind == smi.END_OF_VIEW:
            break
        walked.append((name, kind, value))
        at = name
    assert walked == CELLS
    assert (made.first, made.second) == (1, 0)


def test_what_cannot_be_done_is_told_and_the_session_goes_on(session: Session) -> None:
    assert ask(session, agentx.TEST_SET, encode_varbind(CELLS[0][0], smi.INTEGER, 1)) == (agentx.NOT_WRITABLE, 1, [])
    assert ask(session, agentx.COMMIT_SET)[0] == agentx.COMMIT_FAILED
    assert ask(session, agentx.UNDO_SET)[0] == agentx.UNDO_FAILED
    assert ask(session, agentx.PING) == (0, 0, [])
    assert ask(session, agentx.GET, number=SESSION + 1)[0] == agentx.NOT_OPEN
    assert ask(session, 200)[0] == agentx.PROCESSING_ERROR
    assert ask(session, agentx.GET, b"\x05\0\0\0")[0] == agentx.PARSE_ERROR
    assert ask(session, agentx.GET_BULK, b"")[0] == agentx.PARSE_ERROR
    cleanup, _ = split(pdu(agentx.CLEANUP_SET, SESSION, 1, 1))
    assert cleanup is not None
    assert session.take(cleanup) == b""
    elsewhere = Pdu(agentx.GET, agentx.NETWORK_BYTE_ORDER | agentx.NON_DEFAULT_CONTEXT, SESSION, 1, 1, encode_octets(b"vrf"))
    answer, _ = split(session.take(elsewhere))
    assert answer is not None
    assert Reader(answer).response()[1:] == (agentx.UNSUPPORTED_CONTEXT, 0)
    assert ask(session, agentx.GET, ranges((CELLS[0][0], False, ())))[2] == [CELLS[0]]


def test_a_table_with_a_fault_leaves_the_others_alone(session: Session, made: Made, said: list[str]) -> None:
    made.broken = True
    both = ranges((FIRST, False, ()), (SECOND, False, ()))
    assert ask(session, agentx.GET_NEXT, both) == (agentx.GEN_ERR, 2, [])
    assert ask(session, agentx.GET_NEXT, both) == (agentx.GEN_ERR, 2, [])
    assert len(said) == 1
    assert "the kernel says no" in said[0]
    assert ask(session, agentx.GET_NEXT, ranges((FIRST, False, ())))[2] == [CELLS[0]]
    made.broken = False
    assert ask(session, agentx.GET_NEXT, both)[2] == [CELLS[0], ((*SECOND, 1, 1), smi.GAUGE, 1)]


@given(st.integers(0, 255), st.integers(0, 255), st.sampled_from([0, SESSION]), st.binary(max_size=100))
def test_no_pdu_ends_the_subagent(kind: int, flags: int, number: int, payload: bytes) -> None:
    """Whatever comes is answered once, or needs no answer, or ends the session in the one way that is made anew."""
    made = Made()
    lookup = Lookup({SECOND: made.build_second, FIRST: made.build_first}, {}, Facts(""))
    here, there = socket.socketpair()
    with here, there:
        session = Session(here, lookup, lambda _: None)
        session.number = SESSION
        try:
            answer = session.take(Pdu(kind, flags, number, 1, 2, payload))
        except Lost:
            assert kind in {agentx.CLOSE, agentx.RESPONSE}
            return
    if answer:
        one, rest = split(answer)
        assert one is not None
        assert (one.kind, one.packet, rest) == (agentx.RESPONSE, 2, b"")
    else:
        assert kind in {agentx.CLEANUP_SET, agentx.RESPONSE}


# ---- over a socket


class Master:
    """The other end: takes PDUs one by one."""

    def __init__(self, line: socket.socket) -> None:
        self.line = line
        self.arrived = b""

    def take(self) -> Pdu:
        while True:
            one, self.arrived = split(self.arrived)
            if one is not None:
                return one
            data = self.line.recv(4096)
            assert data
            self.arrived += data

    def confirm(self, one: Pdu, error: int = 0) -> None:
        payload = agentx.encode_response(error)
        self.line.sendall(pdu(agentx.RESPONSE, SESSION, one.transaction, one.packet, payload))


class Talk:
    """A session served in a thread, and how it ended."""

    def __init__(self, session: Session) -> None:
        self.ended = ""
        self._session = session
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        try:
            self._session.open()
            self._session.serve()
        except Lost as error:
            self.ended = str(error)

    def end(self) -> str:
        self._thread.join(20)
        assert not self._thread.is_alive()
        return self.ended


@pytest.fixture
def line() -> Iterator[tuple[socket.socket, Master]]:
    here, there = socket.socketpair()
    there.settimeout(20)
    with here, there:
        yield here, Master(there)


def opened(made: Made, line: tuple[socket.socket, Master], said: list[str], *refused: smi.Oid) -> Talk:
    """Up to all subtrees registered; `refused` are registered by another already."""
    talk = Talk(
        Session(line[0], Lookup({SECOND: made.build_second, FIRST: made.build_first}, {SECOND: COLUMNS}, Facts("")), said.append)
    )
    master = line[1]
    one = master.take()
    assert one.kind == agentx.OPEN
    master.confirm(one)
    registered = []
    for _ in range(3):
        one = master.take()
        read = Reader(one)
        assert one.kind == agentx.REGISTER
        assert one.session == SESSION
        assert read.numbers("BBBx") == (0, PRIORITY, 0)
        registered.append(read.oid()[0])
        master.confirm(one, agentx.DUPLICATE_REGISTRATION if registered[-1] in refused else 0)
    assert registered == [FIRST, *COLUMNS]
    return talk


def test_subtrees_are_registered_before_snmpds_own_and_a_refusal_takes_no_other_away(
    made: Made, line: tuple[socket.socket, Master], said: list[str]
) -> None:
    talk = opened(made, line, said, FIRST)
    master = line[1]
    question = pdu(agentx.GET_NEXT, SESSION, 1, 99, ranges((SECOND, False, ())))
    # In pieces, and two at once.
    for piece in (question[:7], question[7:30], question[30:] + question):
        master.line.sendall(piece)
    for _ in range(2):
        answer = Reader(master.take())
        answer.response()
        assert answer.varbinds() == [((*SECOND, 1, 1), smi.GAUGE, 1)]
    assert len(said) == 1
    assert "error 263" in said[0]
    master.line.sendall(pdu(agentx.CLOSE, SESSION, 0, 5, struct.pack(">Bxxx", agentx.REASON_SHUTDOWN)))
    assert "closed" in talk.end()


@pytest.mark.parametrize(
    ("last", "told"), [(b"", "ended it"), (b"\x02" * 20, "no PDU"), (b"\x01\x05\x10\0" + b"\xff" * 16, "payload of 4294967295")]
)
def test_a_master_that_ends_or_talks_nonsense_ends_the_session(
    made: Made, line: tuple[socket.socket, Master], said: list[str], last: bytes, told: str
) -> None:
    talk = opened(made, line, said)
    line[1].line.sendall(last)
    line[1].line.shutdown(socket.SHUT_WR)
    assert told in talk.end()


def test_a_master_that_refuses_is_told_apart(made: Made, line: tuple[socket.socket, Master]) -> None:
    talk = Talk(Session(line[0], Lookup({FIRST: made.build_first}, {}, Facts("")), print))
    line[1].confirm(line[1].take(), agentx.OPEN_FAILED)
    assert talk.end() == "opening was answered with error 256"


def test_a_master_that_has_forgotten_the_session_is_found_out_in_silence(
    made: Made, line: tuple[socket.socket, Master], said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("snmp.session.IDLE", 0.01)
    talk = opened(made, line, said)
    master = line[1]
    for error in (agentx.NO_ERROR, agentx.NOT_OPEN):
        one = master.take()
        assert (one.kind, one.session) == (agentx.PING, SESSION)
        master.confirm(one, error)
    assert "a ping was answered with error 257" in talk.end()
