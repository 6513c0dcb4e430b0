"""Impaired wires: the relay between two real endpoints, how people write what it does, and where it can't be done."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest

from rackless.model import impairment
from rackless.model.impairment import Impairment
from rackless.model.plan import PortRef, SegmentSpec
from rackless.providers.local.layout import Layout
from rackless.providers.local.relays import PROGRAM, Relays
from rackless.qemu import process
from rackless.settings import Settings

PATIENCE = 30.0


class Ends:
    """The two QEMUs of a wire: each listens at its own path, and sends to the relay's for the other."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "told"
        self.program: subprocess.Popen[bytes] | None = None
        self.sockets = {name: self._bound(name) for name in ("a", "b")}

    def _bound(self, name: str) -> socket.socket:
        end = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        (self.folder / name).unlink(missing_ok=True)
        end.bind(str(self.folder / name))
        end.settimeout(PATIENCE)
        end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        return end

    def anew(self, name: str) -> None:
        """One end is started anew: another socket at the same path."""
        self.sockets[name].close()
        self.sockets[name] = self._bound(name)

    def tell(self, how: Impairment) -> None:
        ways = [[str(self.folder / f"to-{name}"), str(self.folder / name)] for name in ("a", "b")]
        self.file.write_text(json.dumps({"ways": ways, **asdict(how)}))
        if self.program is not None:
            self.program.send_signal(signal.SIGHUP)
            return
        self.program = subprocess.Popen([sys.executable, "-I", "-S", PROGRAM, self.file])
        end = time.monotonic() + PATIENCE
        while not all((self.folder / f"to-{name}").exists() for name in ("a", "b")):
            assert time.monotonic() < end
            time.sleep(0.01)

    def send(self, by: str, frame: bytes) -> None:
        self.sockets[by].sendto(frame, str(self.folder / ("to-b" if by == "a" else "to-a")))

    def receive(self, at: str) -> bytes:
        return self.sockets[at].recv(65536)

    def all_of(self, at: str, last: bytes) -> list[bytes]:
        """Frames up to the last."""
        found = []
        while (frame := self.receive(at)) != last:
            found.append(frame)
        return found

    def close(self) -> None:
        if self.program is not None:
            self.program.kill()
            self.program.wait()
        for end in self.sockets.values():
            end.close()


@pytest.fixture
def ends(tmp_path: Path) -> Iterator[Ends]:
    made = Ends(tmp_path)
    yield made
    made.close()


def test_frames_of_both_directions_come_through_whole_whatever_is_in_them(ends: Ends) -> None:
    ends.tell(Impairment())
    for size in (1, 60, 1514, 9216):
        for by, at in (("a", "b"), ("b", "a")):
            frame = os.urandom(size)
            ends.send(by, frame)
            assert ends.receive(at) == frame


def test_no_frame_comes_before_its_delay_and_none_overtakes_another(ends: Ends) -> None:
    ends.tell(Impairment(delay=0.05, jitter=0.04))
    sent = {}
    for number in range(50):
        frame = number.to_bytes(2, "big")
        sent[frame] = time.monotonic()
        ends.send("a", frame)
    for number in range(50):
        frame = ends.receive("b")
        assert frame == number.to_bytes(2, "big"), "in the order in which they were sent"
        assert time.monotonic() - sent[frame] >= 0.01


def test_about_as_many_are_lost_as_was_asked_for(ends: Ends) -> None:
    ends.tell(Impairment(loss=0.3))
    for number in range(2000):
        ends.send("a", number.to_bytes(2, "big"))
    got = []
    ends.sockets["b"].settimeout(0.5)
    while True:
        try:
            got.append(ends.receive("b"))
        except TimeoutError:
            break
    assert 1200 < len(got) < 1600, "of 2000, and the chance of less or more is one to many millions"


def test_a_rate_spreads_frames_and_drops_what_would_wait_too_long(ends: Ends) -> None:
    ends.tell(Impairment(rate=1_000_000))
    began = time.monotonic()
    for _ in range(200):  # two seconds at this rate
        ends.send("a", bytes(1250))
    ends.sockets["b"].settimeout(2)
    got = 0
    while True:
        try:
            ends.receive("b")
        except TimeoutError:
            break
        got += 1
        took = time.monotonic() - began
    assert got * 1250 * 8 / took <= 1_000_000 * 1.05, "no faster than that"
    assert 30 < got < 200, "what would have waited over half a second is dropped"


def test_it_is_told_anew_while_frames_flow_and_finds_an_end_that_was_started_anew(ends: Ends) -> None:
    ends.tell(Impairment(delay=0.2))
    ends.send("a", b"one")
    ends.tell(Impairment(loss=1.0))
    assert ends.receive("b") == b"one", "what was on its way comes"
    time.sleep(0.2)
    ends.send("a", b"lost")
    time.sleep(0.2)
    ends.tell(Impairment())
    time.sleep(0.2)
    ends.send("a", b"two")
    assert ends.receive("b") == b"two"
    ends.anew("b")
    ends.send("a", b"three")
    assert ends.receive("b") == b"three"


def test_an_end_that_takes_nothing_for_a_while_loses_nothing(ends: Ends) -> None:
    ends.tell(Impairment(delay=0.001))
    for number in range(600):  # a socket holds tens of them
        ends.send("a", number.to_bytes(2, "big"))
    assert [ends.receive("b") for _ in range(600)] == [number.to_bytes(2, "big") for number in range(600)]


WIRE = SegmentSpec(
    sandbox="lab",
    name="wire-1",
    kind="wire",
    ports=tuple(PortRef(sandbox="lab", machine=name, nic=2) for name in ("west-vfp0", "east-vfp0")),
    mtu=9192,
)


@pytest.fixture
def short() -> Iterator[Path]:
    """A path of a socket has 107 octets at most, and pytest's own folders take most of them."""
    with tempfile.TemporaryDirectory(prefix="rl", dir="/tmp") as name:
        yield Path(name)


async def test_relays_carry_our_mark_are_healed_and_leave_nothing(tmp_path: Path, short: Path) -> None:
    settings = Settings(state=tmp_path / "s", run=short, images=tmp_path / "i", site_file=tmp_path / "site.yaml")
    layout = Layout(settings)
    relays = Relays(layout)
    try:
        await asyncio.gather(*(relays.ensure(WIRE, Impairment(delay=0.02)) for _ in range(3)))
        assert len(process.every(layout.mark("lab", "process", "relay-wire-1"))) == 1
        first = relays.find("lab", "wire-1")
        assert first is not None
        await relays.ensure(WIRE, Impairment(delay=0.03))
        assert relays.find("lab", "wire-1") == first, "told anew, not started anew"
        relays.end("wire-1", *WIRE.ports).unlink()
        await relays.ensure(WIRE, Impairment(delay=0.03))
        assert relays.end("wire-1", *WIRE.ports).is_socket(), "it listens again"
        await process.end(first)
        await relays.ensure(WIRE, Impairment(delay=0.03))
        assert relays.find("lab", "wire-1") not in {None, first}
    finally:
        await relays.drop(WIRE)
    assert relays.find("lab", "wire-1") is None
    assert list(layout.sockets("lab").iterdir()) == []


@pytest.mark.parametrize(
    ("wish", "found"),
    [
        ({"delay": "20ms", "jitter": "2ms", "loss": "1%", "rate": "10m"}, (0.02, 0.002, 0.01, 10_000_000)),
        ({"delay": "500us"}, (0.0005, 0.0, 0.0, None)),
        ({"delay": "1.5s"}, (1.5, 0.0, 0.0, None)),
        ({"loss": "0.05%"}, (0.0, 0.0, 0.0005, None)),
        ({"rate": "64kbit"}, (0.0, 0.0, 0.0, 64_000)),
        ({"rate": "1G"}, (0.0, 0.0, 0.0, 1_000_000_000)),
    ],
)
def test_what_people_write_is_understood_and_written_again(wish: dict[str, str], found: tuple[float, float, float, int]) -> None:
    how = impairment.read(wish)
    assert how is not None
    assert (how.delay, how.jitter, how.loss, how.rate) == pytest.approx(found)
    assert impairment.read(how.texts()) == how


def test_any_impairment_is_the_same_when_written_and_read() -> None:
    chance = random.Random(7)
    for _ in range(300):
        delay = round(chance.uniform(0, 9), 6)
        how = Impairment(
            delay=delay,
            jitter=min(delay, round(chance.uniform(0, 2), 6)),
            loss=round(chance.random(), 6),
            rate=chance.choice([None, chance.randrange(8000, 10**9) // 100 * 100]),
        )
        again = impairment.read(how.texts())
        assert again is not None
        assert (again.delay, again.jitter, again.loss) == pytest.approx((how.delay, how.jitter, how.loss), abs=1e-9)
        assert again.rate == how.rate


@pytest.mark.parametrize(
    ("wish", "word"),
    [
        ({"delay": "20"}, "20ms"),
        ({"delay": "11s"}, "10 s"),
        ({"jitter": "2ms"}, "before it was sent"),
        ({"loss": "1"}, "1%"),
        ({"loss": "101%"}, "1%"),
        ({"rate": "10"}, "10m"),
        ({"rate": "1k"}, "8k"),
        ({"rate": "-1m"}, "8k"),
    ],
)
def test_what_cannot_be_is_told_with_what_would_be_right(wish: dict[str, str], word: str) -> None:
    with pytest.raises(ValueError, match=next(iter(wish))) as caught:
        impairment.read(wish)
    assert word in str(caught.value)


def test_nothing_is_no_impairment() -> None:
    assert impairment.read({}) is None
    assert impairment.read({"delay": "0ms", "loss": "0%"}) is None
