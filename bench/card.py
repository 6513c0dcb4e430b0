"""`make bench-card`: what goes through a card, against a bare wire and against a bare guest that forwards, in one run.

    hub        one QEMU without a guest: two datagram sockets on one hub
    wire       two QEMUs without guests, joined as wires are (rackless.qemu.wireprobe)
    linux      the same image in one bare QEMU, which forwards between two NICs (bench/bare.py)
    card       a router of one card that `rackless up` has deployed: in at ge-0/0/0, out at ge-0/0/1. Each frame goes
               through the card, the controller, and the card again
    captured   the same while `rackless capture` writes ge-0/0/1 into a file

Sender and receiver are sockets of this program in all of them (bench/traffic.py), at the wire's own place: the card's ports are
wired to a port that no NIC has, as VM hosts wire theirs to other hosts. Frames are UDP over IPv4, of 64, 1514 and 9000 octets
without their checksum. All five stand at once and take turns. `work` is processor time for each frame, of the QEMUs, and of the
server and the command while they capture: it depends less on what else the machine does. At last a known number of frames goes
through, and the router's own counters (`rackless counters`) are compared with it: 1 is as many as were sent.

Prints ratios with the figures they are of, or JSON with --json. It asserts no time.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path

from bare import go, start
from run import machine_pids, rackless
from traffic import Counted, End, Flow, Took, Way
from warm import planned

from rackless import settings
from rackless.client.api import Api
from rackless.deadline import Deadline
from rackless.images import store
from rackless.model.plan import MachineSpec, PortRef, SegmentSpec
from rackless.model.site import Site
from rackless.providers.contract import Ref, RefKind
from rackless.providers.local.layout import Layout
from rackless.providers.local.provider import LocalProvider
from rackless.providers.local.streams import SocketStream
from rackless.qemu import process, wireprobe
from rackless.qemu.accelerator import PROGRAM, Accelerator
from rackless.qemu.command import Virtualization
from rackless.running import run
from rackless.shell.hostchannel import HostChannel, identity

LAB = "card-bench"
BEYOND = 1000
"""Added to a NIC's number: that of the port which stands for the bench's end."""
LENGTHS = (64, 1514, 9000)
WINDOWS = (32, 256)
"""Frames under way at most: few, and as many as a queue of virtio holds. With which more are carried, that counts."""
MACS = ("52:00:00:00:00:0a", "52:00:00:00:00:0b")
MTU = 9178
"""Octets of IP, of an interface whose `mtu 9192` is of its frames."""
ADDRESSES = ("192.0.2.1/25", "192.0.2.129/25")
BEGINS = 150.0
CONFIGURATION = "".join(
    f"set interfaces ge-0/0/{port} mtu {MTU + 14}\nset interfaces ge-0/0/{port} unit 0 family inet address {address}\n"
    for port, address in enumerate(ADDRESSES)
)
BLUEPRINT = f"name: {LAB}\nrouters:\n  r: {{cards: 1, ports_per_card: 2, startup: r.set}}\n"
FORWARDER = f"name: {LAB}\nhosts:\n  linux: {{nics: 2, memory: 160M}}\n"


@contextmanager
def between(paths: list[tuple[Path, Path]], pids: tuple[int, ...], next_mac: str = Flow.next_mac) -> Iterator[Way]:
    """`paths`: where the bench's end is, and where whoever it speaks with listens; of the way in, and of the way out. `pids`: of
    the QEMUs in between."""
    with contextlib.ExitStack() as held:
        into, out = (
            held.enter_context(contextlib.closing(End(here, there, mac))) for (here, there), mac in zip(paths, MACS, strict=True)
        )
        yield Way(into, out, Flow(source_mac=MACS[0], next_mac=next_mac), pids)


def _sides(top: Path) -> list[tuple[Path, Path]]:
    return [(top / f"o{number}", top / f"i{number}") for number in range(2)]


def _pids(top: Path) -> tuple[int, ...]:
    return tuple(int(file.read_text()) for file in top.glob("pid*"))


@asynccontextmanager
async def _guestless(commands: Callable[[Path], list[list[str]]]) -> AsyncIterator[Way]:
    """Between QEMUs that have no guest, in a folder of their own."""
    with tempfile.TemporaryDirectory(prefix="rlw", dir="/tmp") as folder:
        top = Path(folder)
        try:
            for words in commands(top):
                await run(words, deadline=wireprobe.BEGINS, hint="Run `rackless doctor`.")
            with between(_sides(top), _pids(top)) as way:
                yield way
        finally:
            await wireprobe.end(top)


def hub() -> contextlib.AbstractAsyncContextManager[Way]:
    def commands(top: Path) -> list[list[str]]:
        words = [PROGRAM, "-machine", "none", "-nodefaults", "-no-user-config", "-display", "none", "-daemonize"]
        words += ["-pidfile", f"{top}/pid0"]
        for number in range(2):
            local, remote = f"local.type=unix,local.path={top}/i{number}", f"remote.type=unix,remote.path={top}/o{number}"
            words += ["-netdev", f"dgram,id=o{number},{local},{remote}"]
            words += ["-netdev", f"hubport,id=p{number},hubid=0,netdev=o{number}"]
        return [words]

    return _guestless(commands)


def wire() -> contextlib.AbstractAsyncContextManager[Way]:
    return _guestless(lambda top: [wireprobe.words("dgram", top, number, 0) for number in range(2)])


@asynccontextmanager
async def linux(images: Path, how: Virtualization) -> AsyncIterator[Way]:
    (spec,) = planned(FORWARDER).machines
    with tempfile.TemporaryDirectory(prefix="rlb", dir="/tmp") as folder:
        top = Path(folder)
        pid = start(spec, top / "vm", images, how)
        try:
            plugging = []
            for number in range(2):
                here, there = ({"type": "unix", "path": f"{top}/{side}{number}"} for side in ("i", "o"))
                end, nic = f"e{number}", 1 + number
                ends = {"id": end, "type": "dgram", "local": here, "remote": there}
                plugging.append({"execute": "netdev_add", "arguments": ends})
                port = {"id": f"h{number}", "type": "hubport", "hubid": nic, "netdev": end}
                plugging.append({"execute": "netdev_add", "arguments": port})
            await go(top / "vm/monitor", [*plugging, {"execute": "cont"}])
            await _forwarding(spec, top / "vm/channel")
            with between(_sides(top), (pid,), spec.nics[1].mac) as way:
                yield way
        finally:
            await process.end(process.Found(pid=pid, started=process.started(pid) or 0, mark=""))


async def _forwarding(spec: MachineSpec, path: Path) -> None:
    deadline = Deadline(BEGINS)
    channel = HostChannel(spec.name, SocketStream(*await asyncio.open_unix_connection(str(path))))
    await channel.ping(deadline=deadline)
    labels = [nic.label for nic in spec.nics[1:]]
    addresses = list(zip(labels, ADDRESSES, strict=True))
    await channel.identify(identity(spec, hostname=spec.name, addresses=addresses), deadline=deadline)
    while not (await channel.status(deadline=deadline)).ready:
        await deadline.pause(0.2)
    wider = "; ".join(f"ip link set {label} mtu {MTU}" for label in labels)
    script = f"set -e; {wider}; echo 1 >/proc/sys/net/ipv4/ip_forward"
    code, out, err = await channel.run(["sh", "-c", script], deadline=deadline)
    if code:
        raise RuntimeError(f"The bare guest does not forward: {out}{err}")
    await channel.close()


@asynccontextmanager
async def card() -> AsyncIterator[Way]:
    """Through the card of the lab, which is deployed."""
    here = settings.load()
    layout, provider = Layout(here), LocalProvider(here, Site(), lambda name: store.find(here.images, name))
    spec = provider.spec(LAB, "r-vfp0")
    if spec is None:
        raise RuntimeError(f"{LAB} has no card.")
    nics = spec.nics[2:]
    ports = [PortRef(sandbox=LAB, machine=spec.name, nic=nic.index) for nic in nics]
    beyond = [PortRef(sandbox=LAB, machine=spec.name, nic=BEYOND + nic.index) for nic in nics]
    segments = [
        SegmentSpec(sandbox=LAB, name=f"bench-{number}", kind="wire", ports=ends, mtu=9500)
        for number, ends in enumerate(zip(ports, beyond, strict=True))
    ]
    async with AsyncExitStack() as held:
        for segment in segments:
            await provider.ensure(segment)
            held.push_async_callback(provider.remove, Ref(kind=RefKind.SEGMENT, sandbox=LAB, name=segment.name))
        for port, segment in zip(ports, segments, strict=True):
            await provider.attach(port, segment)
            held.push_async_callback(provider.detach, port)
        ways = zip(segments, ports, beyond, strict=True)
        paths = [(layout.end(one.name, other, port), layout.end(one.name, port, other)) for one, port, other in ways]
        with between(paths, tuple(machine_pids(LAB, here.run).values()), nics[0].mac) as way:
            yield way


@contextmanager
def captured(folder: Path) -> Iterator[tuple[int, ...]]:
    """Pids of who captures, beside the QEMU: the server and the command."""
    file = folder / "pcap"
    words = [sys.executable, "-m", "rackless.cli.main", "capture", LAB, "r:ge-0/0/1", "--write", str(file)]
    with subprocess.Popen(words, stderr=sys.stderr) as capturing:
        deadline = time.monotonic() + BEGINS
        try:
            while not (file.exists() and file.stat().st_size):  # the file's head says that it has begun
                if capturing.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError("The capture has ended, or does not begin.")
                time.sleep(0.05)
            yield int((settings.load().run / "server.pid").read_text()), capturing.pid
        finally:
            capturing.send_signal(signal.SIGINT)
            try:
                capturing.wait(BEGINS)
            except subprocess.TimeoutExpired:
                capturing.kill()
            file.unlink(missing_ok=True)


class Found:
    """Of a kind of way and a length: frames a second of each turn, and how long frames took in all of them."""

    def __init__(self) -> None:
        self.counted: dict[tuple[str, int], list[Counted]] = {}
        self.took: dict[tuple[str, int], list[Took]] = {}

    def turn(self, kind: str, way: Way, octets: int, span: float) -> None:
        key = kind, octets
        way.open(octets)
        counted = [way.count(octets, span=span, window=window) for window in WINDOWS]
        took = way.time(octets, span=span)
        self.counted.setdefault(key, []).extend(counted)
        self.took.setdefault(key, []).append(took)
        rate = max(one.frames for one in counted)
        print(f"{kind:10} {octets:5} {rate:8.0f}/s {took.median * 1000:7.2f} ms", file=sys.stderr)

    def told(self) -> dict[str, float]:
        """Frames a second and work of the best stretch: what else runs here makes them worse. Medians of medians and p99."""
        found = {}
        for (kind, octets), counted in self.counted.items():
            found[f"{kind}_{octets}_frames_s"] = max(one.frames for one in counted)
            found[f"{kind}_{octets}_work_us"] = 1e6 * min(one.work / one.came for one in counted if one.came)
            found[f"{kind}_{octets}_came_ratio"] = sum(one.came for one in counted) / sum(one.sent for one in counted)
            turns = self.took[kind, octets]
            found[f"{kind}_{octets}_median_ms"] = 1000 * statistics.median(turn.median for turn in turns)
            found[f"{kind}_{octets}_p99_ms"] = 1000 * statistics.median(turn.p99 for turn in turns)
        ratios = {}
        for octets in LENGTHS:
            for kind, against in (("card", "wire"), ("card", "linux"), ("linux", "wire"), ("captured", "card")):
                for name, what in (("frames", "frames_s"), ("time", "median_ms"), ("work", "work_us")):
                    of = found[f"{kind}_{octets}_{what}"] / found[f"{against}_{octets}_{what}"]
                    ratios[f"{kind}_of_{against}_{octets}_{name}_ratio"] = of
        return ratios | found


def counters() -> dict[str, dict[str, int]]:
    time.sleep(1.5)  # an answer is given again for a second
    with Api() as api:
        return {port["name"]: port for port in api.ask("GET", f"/labs/{LAB}/counters")["ports"]}


def counted(way: Way) -> dict[str, float]:
    """What the router has counted, of what was sent in at ge-0/0/0 and came out at ge-0/0/1."""
    found = {}
    for octets in LENGTHS:
        way.open(octets)
        before = counters()
        sure = way.count(octets, span=1.0, window=WINDOWS[0])
        after = counters()
        for port, side, frames in (("r:ge-0/0/0", "in", sure.sent), ("r:ge-0/0/1", "out", sure.came)):
            for what, expected in (("packets", frames), ("octets", frames * octets)):
                more = after[port][f"{side}_{what}"] - before[port][f"{side}_{what}"]
                found[f"counted_{octets}_{side}_{what}"] = more / expected
    return found


async def measure(images: Path, folder: Path, span: float, turns: int) -> dict[str, float]:
    how = (await Accelerator(images / ".accelerator.json").find(store.find(images, "reference").kernel)).how
    found = Found()
    async with hub() as hub_, wire() as wire_, linux(images, how) as linux_, card() as card_:
        ways = {"hub": hub_, "wire": wire_, "linux": linux_, "card": card_}
        for _ in range(turns):
            for octets in LENGTHS:
                for kind, way in ways.items():
                    found.turn(kind, way, octets, span)
                only = card_.pids
                with captured(folder) as more:
                    card_.pids = (*only, *more)
                    found.turn("captured", card_, octets, span)
                card_.pids = only
        return found.told() | counted(card_)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--span", type=float, default=0.5, help="seconds for each figure of a turn (0.5)")
    parser.add_argument("--turns", type=int, default=8, help="how often each is measured (8)")
    given = parser.parse_args()
    images = settings.load().images
    with tempfile.TemporaryDirectory(prefix="rlb", dir="/tmp") as folder:
        own = {"RACKLESS_STATE": f"{folder}/s", "RACKLESS_RUN": f"{folder}/r", "RACKLESS_IMAGES": str(images)}
        os.environ.update(own, RACKLESS_MANAGEMENT="forwarded")
        file = Path(folder, "card.yaml")
        file.write_text(BLUEPRINT)
        file.with_name("r.set").write_text(CONFIGURATION)
        try:
            rackless("up", str(file))
            found = asyncio.run(measure(images, Path(folder), given.span, given.turns))
        finally:
            rackless("down", LAB)
            rackless("stop")
    if given.json:
        sys.stdout.write(json.dumps(found, indent=2) + "\n")
        return
    for name, value in found.items():
        sys.stdout.write(f"{name:36} {value:12.3f}\n")


if __name__ == "__main__":
    main()
