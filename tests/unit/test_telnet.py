"""The telnet of serial lines: what is data, what is negotiation, and that two ends come to rest."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rackless.model.errors import ProviderError
from rackless.providers.vsphere.telnet import BINARY, DO, DONT, ECHO, GO_AHEAD, IAC, SB, SE, WILL, WONT, Decoder

VMWARE = 232
OFFERED = bytes((IAC, WILL, ECHO, IAC, WILL, GO_AHEAD, IAC, WILL, BINARY, IAC, DO, BINARY))


def test_what_esxi_offers_is_taken_and_its_extension_refused() -> None:
    data, answer = Decoder().feed(OFFERED + bytes((IAC, DO, VMWARE, IAC, WILL, VMWARE)) + b"login: ")
    assert data == b"login: "
    took = bytes((IAC, DO, ECHO, IAC, DO, GO_AHEAD, IAC, DO, BINARY, IAC, WILL, BINARY))
    assert answer == took + bytes((IAC, WONT, VMWARE, IAC, DONT, VMWARE))


def test_an_offer_that_was_taken_is_not_answered_again() -> None:
    decoder = Decoder()
    decoder.feed(OFFERED)
    assert decoder.feed(OFFERED) == (b"", b"")


def test_what_was_taken_can_be_given_back_once() -> None:
    decoder = Decoder()
    decoder.feed(OFFERED)
    assert decoder.feed(bytes((IAC, WONT, ECHO))) == (b"", bytes((IAC, DONT, ECHO)))
    assert decoder.feed(bytes((IAC, WONT, ECHO))) == (b"", b"")


def test_a_line_that_is_not_binary_has_carriage_returns_of_two_octets() -> None:
    decoder = Decoder()
    assert decoder.feed(b"a\r\x00b\r\nc")[0] == b"a\rb\r\nc"
    assert decoder.encode(b"x\ry\xff") == b"x\r\x00y\xff\xff"
    decoder.feed(OFFERED)
    assert decoder.feed(b"a\r\x00b")[0] == b"a\r\x00b"
    assert decoder.encode(b"x\ry\xff") == b"x\ry\xff\xff"


def test_a_subnegotiation_is_no_data() -> None:
    inside = bytes((IAC, SB, VMWARE, 1, IAC, IAC, 2, IAC, SE))
    assert Decoder().feed(b"a" + inside + b"b") == (b"ab", b"")


def test_a_subnegotiation_without_end_is_no_serial_line() -> None:
    with pytest.raises(ProviderError, match="no serial line"):
        Decoder().feed(bytes((IAC, SB, 1)) + b"x" * 5000)


@given(st.binary(max_size=300), st.integers(1, 7))
def test_any_octets_survive_in_any_pieces(data: bytes, size: int) -> None:
    ours, theirs = Decoder(), Decoder()
    ours.feed(OFFERED)
    theirs.feed(OFFERED)
    sent = ours.encode(data)
    got = b"".join(theirs.feed(sent[at : at + size])[0] for at in range(0, len(sent), size))
    assert got == data


@given(st.lists(st.tuples(st.sampled_from([DO, DONT, WILL, WONT]), st.integers(0, 254)), max_size=60))
def test_two_ends_come_to_rest(asked: list[tuple[int, int]]) -> None:
    one, other = Decoder(), Decoder()
    onward = b"".join(bytes((IAC, *each)) for each in asked)
    for _ in range(6):
        back = one.feed(onward)[1]
        onward = other.feed(back)[1]
        if not onward:
            return
    pytest.fail(f"they still talk: {onward!r}")


@given(st.binary(max_size=400))
def test_nothing_breaks_it(received: bytes) -> None:
    decoder = Decoder()
    data, answer = decoder.feed(received)
    assert len(data) <= len(received)
    assert len(answer) <= len(received)
