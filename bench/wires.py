"""`make bench-wires`: what wires carry here, without guests: between a hub of one QEMU and a hub of another.

    kinds      frames a second and the least time of one frame, of each kind of wire that QEMU offers, against datagram sockets
    relay      the same through the relay of an impaired wire that impairs nothing, against the wire without it
    capture    frames a second while the port is captured into a pipe that is read, against the port without it

Frames have 1514 octets. Prints ratios with the figures they are of, or JSON with --json. It asserts no time.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from rackless.providers.local.relays import PROGRAM as RELAY
from rackless.qemu import wireprobe
from rackless.qemu.wireprobe import Carried

Words = list[list[str]]


async def wire(span: float, around: Callable[[Path, Words], AbstractContextManager[Words]] | None = None) -> Carried:
    """Over datagram sockets; `around` has other commands, and what they need while it lasts."""
    top = Path(tempfile.mkdtemp(prefix="rlw", dir="/tmp"))
    try:
        commands = [wireprobe.words("dgram", top, number, 0) for number in range(2)]
        with around(top, commands) if around else contextlib.nullcontext(commands) as changed:
            return await wireprobe.between(top, "dgram", changed, span=span)
    finally:
        await wireprobe.end(top)
        shutil.rmtree(top, ignore_errors=True)


@contextlib.contextmanager
def relayed(top: Path, commands: Words) -> Iterator[Words]:
    """Each QEMU sends to the relay, which sends to the other."""
    ways = [[f"{top}/r{number}", f"{top}/w{number}"] for number in range(2)]
    told = {"ways": ways, "delay": 0, "jitter": 0, "loss": 0, "rate": None}
    (top / "told").write_text(json.dumps(told))
    relay = subprocess.Popen([sys.executable, "-I", "-S", RELAY, top / "told"])
    try:
        while not (top / "r1").exists():
            time.sleep(0.01)
        yield [[word.replace(f"remote.path={top}/w", f"remote.path={top}/r") for word in words] for words in commands]
    finally:
        relay.kill()
        relay.wait()


@contextlib.contextmanager
def captured(top: Path, commands: Words) -> Iterator[Words]:
    """The first QEMU writes what passes its port into a pipe, as a capture has it."""
    pipe = top / "pcap"
    os.mkfifo(pipe)
    fd = os.open(pipe, os.O_RDWR)
    ended = threading.Event()

    def read() -> None:
        while not ended.is_set():
            os.read(fd, 1 << 20)

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    try:
        yield [[*commands[0], "-object", f"filter-dump,id=c,netdev=p,file={pipe}"], commands[1]]
    finally:
        ended.set()
        os.write(fd, b"end")
        reader.join()
        os.close(fd)


async def measure(span: float) -> dict[str, float]:
    kinds = await wireprobe.measure(span=span)
    plain = await wire(span)
    through, dumped = await wire(span, relayed), await wire(span, captured)
    found = {"dgram_frames_s": kinds[0].frames, "dgram_ms": kinds[0].seconds * 1000}
    for kind in (kind for kind in kinds[1:] if not kind.why):
        found[f"{kind.kind}_frames_ratio"] = kind.frames / kinds[0].frames
        found[f"{kind.kind}_time_ratio"] = kind.seconds / kinds[0].seconds
    return found | {
        "relay_frames_ratio": through.frames / plain.frames,
        "relay_time_ratio": through.seconds / plain.seconds,
        "relay_frames_s": through.frames,
        "relay_ms": through.seconds * 1000,
        "capture_frames_ratio": dumped.frames / plain.frames,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--span", type=float, default=2.0, help="seconds for each figure (2)")
    given = parser.parse_args()
    found = asyncio.run(measure(given.span))
    if given.json:
        sys.stdout.write(json.dumps(found, indent=2) + "\n")
        return
    for name, value in found.items():
        sys.stdout.write(f"{name:24} {value:10.3f}\n")


if __name__ == "__main__":
    main()
