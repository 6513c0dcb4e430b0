"""The capture stream: whole records always, dropped records counted, a writer that never waits."""

from __future__ import annotations

import asyncio
import os
import struct
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from rackless.ether.pcap import Fifo, Splitter

HEADER = struct.pack("=IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)


def record(payload: bytes) -> bytes:
    return struct.pack("=IIII", 1, 2, len(payload), len(payload)) + payload


@given(payloads=st.lists(st.binary(max_size=200), max_size=20), cuts=st.lists(st.integers(1, 50), min_size=1, max_size=10))
def test_any_chunking_gives_the_same_records(payloads: list[bytes], cuts: list[int]) -> None:
    pieces = [HEADER, *map(record, payloads)]
    stream, splitter, got, turn = b"".join(pieces), Splitter(), [], 0
    while stream:
        size = cuts[turn % len(cuts)]
        got += splitter.feed(stream[:size])
        stream, turn = stream[size:], turn + 1
    assert got == pieces


async def test_a_slow_reader_gets_a_valid_file_and_a_count_of_what_is_missing(tmp_path: Path) -> None:
    fifo = Fifo(tmp_path / "fifo", most=1000)
    writer = os.open(tmp_path / "fifo", os.O_WRONLY)
    await asyncio.to_thread(os.write, writer, HEADER)
    for _ in range(50):
        await asyncio.to_thread(os.write, writer, record(b"x" * 84))
        await asyncio.sleep(0)
    os.close(writer)
    got = b"".join([chunk async for chunk in fifo.read()])
    fifo.close()
    assert got[:24] == HEADER
    assert (len(got) - 24) % 100 == 0
    assert fifo.dropped == 50 - (len(got) - 24) // 100
    assert fifo.dropped > 0
    assert not (tmp_path / "fifo").exists()
