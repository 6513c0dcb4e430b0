"""`make bench-service`: how the service grows, on the `fake` provider, from a hundred routers to ten thousand.

For each size a fresh server (SQLite, or RACKLESS_DATABASE), labs of a few routers in a chain, and by one client process:

    plan        POST /v1/plans, milliseconds a router
    book        POST /v1/labs of labs that begin tomorrow, milliseconds a router
    deploy      POST /v1/labs of labs that begin now, until every one is ready, milliseconds a router
    list        GET /v1/labs, all pages, milliseconds a router
    read        p50 and p99 of reads (a page of labs, a lab, its jobs, the calendar, a page of bookings) of 50 clients that each
                ask once a second, milliseconds; and how many a second are answered at most, when the 50 ask without a pause
    tear down   DELETE of every lab until nothing is left, milliseconds a router
    memory      of the server, MiB, and KiB a router above the smallest size

Growth is a column's figure against the one of the smallest size of the same run: near 1 is linear. Target: p99 of reads under
100 ms at 10,000 routers. Prints a table, or JSON with --json.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import httpx

TOP = Path(__file__).parents[1]
SITE = "console_ports: 1024-32767\nforward_ports: 32768-65535\n"
AT_ONCE = 8
"""Labs that are asked for at the same time."""
PAGE = 100
STANDSTILL = 300.0
"""Seconds without another lab that is ready, after which a run is given up."""


@dataclass(kw_only=True)
class Figures:
    routers: int
    plan: float = 0
    book: float = 0
    deploy: float = 0
    list: float = 0
    read_p50: float = 0
    read_p99: float = 0
    reads_a_second: float = 0
    tear_down: float = 0
    memory: float = 0


def blueprint(name: str, routers: int) -> dict[str, str]:
    lines = [f"name: {name}", "routers:", *(f"  r{n}: {{cards: 1, ports_per_card: 2}}" for n in range(routers))]
    lines += ["wires:", *(f"  - [r{n}:ge-0/0/1, r{n + 1}:ge-0/0/0]" for n in range(routers - 1))] if routers > 1 else []
    return {"text": "\n".join(lines) + "\n", "file": f"{name}.yaml"}


@contextmanager
def server(folder: Path, place: Path) -> Iterator[tuple[int, Path]]:
    """A server of its own, or another on the same folder: its pid and its socket."""
    state, run = folder / "state", folder / "run"
    if not state.exists():
        state.mkdir()
        # The place is not what is measured: its files are in memory.
        (state / "fake-cloud").symlink_to(place)
        (state / "site.yaml").write_text(SITE)
    env = {
        **os.environ,
        "RACKLESS_PROVIDER": "fake",
        "RACKLESS_STATE": str(state),
        "RACKLESS_RUN": str(run),
        "RACKLESS_SITE": str(state / "site.yaml"),
        "RACKLESS_MANAGEMENT": "forwarded",
    }
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen([sys.executable, "-m", "rackless.cli.main", "serve"], env=env, stdout=log, stderr=log, cwd=TOP)
    try:
        socket = run / "api.sock"
        limit = time.monotonic() + 60
        while not socket.exists():
            if process.poll() is not None or time.monotonic() > limit:
                raise SystemExit(f"The server did not start:\n{(folder / 'server.log').read_text()[-2000:]}")
            time.sleep(0.05)
        yield process.pid, socket
    finally:
        process.terminate()
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def client(socket: Path) -> httpx.AsyncClient:
    """On a unix socket there is no TLS; reading the authorities for each of 50 clients would make them ask all at once."""
    return httpx.AsyncClient(
        transport=httpx.AsyncHTTPTransport(uds=str(socket), verify=False), base_url="http://rackless/v1", timeout=600
    )


async def each(names: list[str], one: Callable[[str], Awaitable[None]]) -> float:
    """Seconds for all, some at once."""
    places = asyncio.Semaphore(AT_ONCE)

    async def bounded(name: str) -> None:
        async with places:
            await one(name)

    began = time.monotonic()
    await asyncio.gather(*(bounded(name) for name in names))
    return time.monotonic() - began


async def measure(routers: int, per_lab: int, clients: int, reads: int) -> Figures:
    figures = Figures(routers=routers)
    names = [f"lab-{number}" for number in range(-(-routers // per_lab))]
    with (
        tempfile.TemporaryDirectory(prefix="rlb", dir="/tmp") as folder,
        tempfile.TemporaryDirectory(prefix="rlb", dir="/dev/shm") as place,
        server(Path(folder), Path(place)) as (pid, socket),
    ):
        async with client(socket) as http:

            async def plan(name: str) -> None:
                (await http.post("/plans", json=blueprint(name, per_lab))).raise_for_status()

            async def book(name: str) -> None:
                tomorrow = {"begins": time.time() + 86400, "seconds": 3600}
                (await http.post("/labs", json={**blueprint(name, per_lab), **tomorrow})).raise_for_status()

            async def deploy(name: str) -> None:
                (await http.post("/labs", json=blueprint(name, per_lab))).raise_for_status()

            async def down(name: str) -> None:
                (await http.delete(f"/labs/{name}", params={"wait": 600})).raise_for_status()

            scale = 1000 / routers
            figures.plan = await each(names, plan) * scale
            figures.book = await each(names, book) * scale
            await each(names, down)
            began = time.monotonic()
            await each(names, deploy)
            await ready(http, len(names))
            figures.deploy = (time.monotonic() - began) * scale
            began = time.monotonic()
            assert len(await all_labs(http)) == len(names)
            figures.list = (time.monotonic() - began) * scale
            times, _ = await read(socket, names, clients, reads, pause=1.0)
            figures.read_p50, figures.read_p99 = (1000 * statistics.quantiles(times, n=100)[at] for at in (49, 98))
            times, took = await read(socket, names, clients, reads, pause=0.0)
            figures.reads_a_second = len(times) / took
            figures.memory = resident(pid)
            figures.tear_down = await each(names, down) * scale
            assert not await all_labs(http)
    return figures


async def all_labs(http: httpx.AsyncClient) -> list[dict[str, str]]:
    found: list[dict[str, str]] = []
    after = None
    while True:
        page = (await http.get("/labs", params={"limit": 1000, **({"after": after} if after else {})})).raise_for_status().json()
        found += page["items"]
        after = page["next"]
        if after is None:
            return found


async def ready(http: httpx.AsyncClient, count: int) -> None:
    """Looks for a tenth of the time at most: looking costs the server time too. Ends the run when nothing moves any more."""
    most, since = -1, time.monotonic()
    while most < count:
        began = time.monotonic()
        states = [lab["state"] for lab in await all_labs(http)]
        if "failed" in states:
            raise SystemExit("A lab failed to deploy.")
        if states.count("ready") > most:
            most, since = states.count("ready"), time.monotonic()
        elif time.monotonic() - since > STANDSTILL:
            raise SystemExit(f"{most} of {count} labs are ready, and no more in {STANDSTILL:g} s.")
        await asyncio.sleep(max(0.5, 9 * (time.monotonic() - began)))


async def read(socket: Path, names: list[str], clients: int, reads: int, *, pause: float) -> tuple[list[float], float]:
    """Seconds of each read, and of all. `pause`: seconds from one question of a client to its next."""
    times: list[float] = []

    async def one(number: int) -> None:
        async with client(socket) as http:
            await asyncio.sleep(pause * number / clients)
            for at in range(reads):
                name = names[(number * 7919 + at) % len(names)]
                path = (f"/labs?limit={PAGE}", f"/labs/{name}", f"/labs/{name}/jobs", "/calendar", "/bookings?limit=100")[at % 5]
                began = time.monotonic()
                (await http.get(path)).raise_for_status()
                times.append(time.monotonic() - began)
                await asyncio.sleep(max(0.0, pause - times[-1]))

    began = time.monotonic()
    await asyncio.gather(*(one(number) for number in range(clients)))
    return times, time.monotonic() - began


def resident(pid: int) -> float:
    """MiB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--routers", default="100,1000,10000", help="sizes, comma-separated")
    parser.add_argument("--per-lab", type=int, default=10, help="routers of a lab")
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--reads", type=int, default=20, help="reads of each client")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    found = []
    for size in sorted(int(text) for text in asked.routers.split(",")):
        found.append(asyncio.run(measure(size, asked.per_lab, asked.clients, asked.reads)))
        if not asked.json:
            show(found[-1], found[0])
    if asked.json:
        print(json.dumps([asdict(figures) for figures in found], indent=2))


def show(figures: Figures, first: Figures) -> None:
    print(f"{figures.routers} routers")
    for name in ("plan", "book", "deploy", "list", "tear_down"):
        value, before = getattr(figures, name), getattr(first, name)
        print(f"  {name.replace('_', ' '):<10} {value:8.2f} ms a router   growth {value / before:5.2f}")
    print(f"  {'read':<10} {figures.read_p50:8.2f} ms p50, {figures.read_p99:.2f} ms p99")
    print(f"  {'at most':<10} {figures.reads_a_second:8.0f} reads a second")
    more = (figures.memory - first.memory) * 1024 / (figures.routers - first.routers) if figures.routers > first.routers else 0.0
    print(f"  {'memory':<10} {figures.memory:8.1f} MiB, {more:.1f} KiB a router above the first size", flush=True)


if __name__ == "__main__":
    main()
