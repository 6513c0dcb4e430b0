"""`.venv/bin/python bench/fabric.py`: a fabric in network namespaces, with the real engines and TLS everywhere (root).

    requests            through the virtual address, with one, two and three nodes: reads, which the application answers by
                        itself, and writes, each of which is a commit that a second node has before it is acknowledged, if
                        there is one
    join                from the command to a node that does all that it is to do
    memory              of each function of a node: proportional (Pss), so that pages which processes share count once
    failover            a node loses its power: that of the virtual address or of the primary, in turns. How long nobody took a
                        connection at the address, and how long no write was acknowledged; median and worst

The application is tests/fabric/application.py, the smallest that there can be: what is measured is the fabric. Prints a table, or
JSON with --json. --failovers N for another number than twenty of each, --seconds S of requests each.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import ssl
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

TOP = Path(__file__).parents[1]
sys.path.insert(0, str(TOP))

from tests.fabric.conftest import begun, joined, timed  # noqa: E402
from tests.fabric.holders import Holders  # noqa: E402
from tests.fabric.nodes import VIRTUAL, Net, Node, wait  # noqa: E402
from tests.fabric.writing import SHORT, Writer  # noqa: E402

CLIENTS = 16
FUNCTIONS = {
    "etcd": ("etcd",),
    "haproxy": ("haproxy",),
    "keepalived": ("keepalived",),
    "chrony": ("chronyd",),
    "postgresql": ("postgres",),
    "patroni": ("bin/patroni",),
    "supervisor": ("bin/supervisord",),
    "daemon": ("rackless.fabric run",),
    "application": ("application.py",),
}
"""By what is in its command line."""
ENOUGH = 20


async def ask(authority: str, verb: str, first: int, seconds: float) -> int:
    """As many requests as CLIENTS connections get answered, one after the other on each. Returns how many were."""
    tls = ssl.create_default_context(cafile=authority)
    end, answered, numbers = time.monotonic() + seconds, 0, iter(range(first, first + 10_000_000))

    async def client() -> None:
        nonlocal answered
        reader, writer = await asyncio.open_connection(VIRTUAL, 443, ssl=tls)
        while time.monotonic() < end:
            path = f"/said/{next(numbers)}" if verb == "POST" else "/"
            writer.write(f"{verb} {path} HTTP/1.1\r\nhost: {VIRTUAL}\r\ncontent-length: 0\r\n\r\n".encode())
            head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
            await reader.readexactly(int(head.partition("content-length:")[2].split()[0]))
            status = int(head.split()[1])
            if status not in {200, 201}:
                raise SystemExit(f"{verb} {path}: {status}")
            answered += 1
        writer.close()

    await asyncio.gather(*(client() for _ in range(CLIENTS)))
    return answered


def rate(net: Net, verb: str, first: int, seconds: float) -> float:
    """Requests a second, asked at the client's place."""
    words = [sys.executable, __file__, "--ask", net.nodes[0].top / "own/ca.crt", verb, str(first), str(seconds)]
    done = subprocess.run(net.entered(*words), capture_output=True, text=True, timeout=seconds + 60, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    return int(done.stdout) / seconds


def memory(node: Node) -> dict[str, float]:
    """MiB by function."""
    found = dict.fromkeys(FUNCTIONS, 0.0)
    for pid in node.pids():
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            text = Path(f"/proc/{pid}/smaps_rollup").read_text()
        except OSError:
            continue
        kib = next((int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:")), 0)
        what = next((name for name, marks in FUNCTIONS.items() if any(mark in words for mark in marks)), None)
        # Patroni's configuration is in PostgreSQL's folder, and PostgreSQL's children say "postgres:".
        if "bin/patroni" in words:
            what = "patroni"
        if what is not None:
            found[what] += kib / 1024
    return found


def primary(net: Net) -> Node:
    return wait(lambda: next((node for node in net.nodes if node.is_primary()), None), "a primary")


def holder(net: Net) -> Node:
    return wait(lambda: next((node for node in net.nodes if node.holds()), None), "a holder of the address")


def lost(net: Net, victim: Callable[[Net], Node], number: int) -> tuple[float | None, float | None]:
    """A node loses its power and comes back. Seconds without the address, and without a write; None where it had not that."""
    node = victim(net)
    held, first = node.holds(), node.is_primary()
    authority = net.nodes[0].top / "own/ca.crt"
    with (
        Holders(net.entered(), net.folder / f"holders-{number}", VIRTUAL) as looks,
        Writer(net, authority, first=number * 1_000_000, patience=SHORT) as writer,
    ):
        wait(lambda: len(writer.acknowledged()) >= ENOUGH, "the first writes")
        began = time.monotonic()
        node.power_off()
        before = len(writer.acknowledged())
        wait(lambda: len(writer.acknowledged()) >= before + ENOUGH, "writes without it")
        ended = time.monotonic()
        found = looks.away(began, ended) if held else None, writer.gap(began, ended) if first else None
    node.start()
    node.boot()
    net.settled(300)
    return found


def measure(failovers: int, seconds: float) -> dict[str, float]:
    found: dict[str, float] = {}
    with Net() as net, timed(net):
        begun(net, 1)
        joins = []
        for count in (1, 2, 3):
            if count > 1:
                start = time.monotonic()
                joined(net)
                joins.append(time.monotonic() - start)
                net.settled()
            found[f"reads_{count}"] = rate(net, "GET", 0, seconds)
            found[f"writes_{count}"] = rate(net, "POST", count * 100_000_000, seconds)
        found["join_s"] = statistics.median(joins)
        found |= {f"{name}_mib": size for name, size in memory(primary(net)).items()}
        address: list[float] = []
        writes: list[float] = []
        number = 1000
        while len(address) < failovers or len(writes) < failovers:
            number += 1
            away, gap = lost(net, holder if len(address) < len(writes) else primary, number)
            address += [away] if away is not None else []
            writes += [gap] if gap is not None else []
            print(f"{len(address)}, {len(writes)}: address {away}, writes {gap}", file=sys.stderr, flush=True)
        for name, figures in (("address", address), ("write", writes)):
            found[f"{name}_median_s"], found[f"{name}_worst_s"] = statistics.median(figures), max(figures)
            found[f"{name}_losses"] = len(figures)
    return found


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--json", action="store_true")
    options.add_argument("--failovers", type=int, default=20)
    options.add_argument("--seconds", type=float, default=10.0)
    options.add_argument("--ask", nargs=4, help=argparse.SUPPRESS)
    asked = options.parse_args()
    if asked.ask:
        authority, verb, first, seconds = asked.ask
        print(asyncio.run(ask(authority, verb, int(first), float(seconds))))
        return
    out, sys.stdout = sys.stdout, sys.stderr  # what commands say
    found = measure(asked.failovers, asked.seconds)
    sys.stdout = out
    if asked.json:
        print(json.dumps(found, indent=1))
        return
    for name, value in found.items():
        print(f"{name:20} {value:10.2f}")


if __name__ == "__main__":
    main()
