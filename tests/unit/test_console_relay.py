"""What `rackless console --listen` takes off a telnet client's bytes."""

from __future__ import annotations

import pytest

from rackless.client.relay import Telnet


@pytest.mark.parametrize(
    ("sent", "keys"),
    [
        (b"show version\n", b"show version\n"),
        (b"one\r\ntwo\r\0three\r", b"one\rtwo\rthree\r"),
        (b"\xff\xfd\x01\xff\xfb\x03login\r\n", b"login\r"),
        (b"a\xff\xfa\x18\x00vt100\xff\xf0b", b"ab"),
        (b"\xff\xff", b"\xff"),
        (b"\xff\xf1go", b"go"),
    ],
)
@pytest.mark.parametrize("step", [1, 100])
def test_keys_of_a_telnet_client(sent: bytes, keys: bytes, step: int) -> None:
    telnet = Telnet()
    assert b"".join(telnet.feed(sent[at : at + step]) for at in range(0, len(sent), step)) == keys
