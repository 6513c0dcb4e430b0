"""`make bench-standing`: a server that is started where thousands of routers stand already, on the `fake` provider and SQLite.

One lab is deployed and its rows, files and place are copied, which takes seconds where deploying thousands takes an hour; then a
server is started on that:

    answer      from its start until it answers a page of labs, seconds; beside a server that has one lab
    lines       until the serial line of every machine is open, seconds
    list        GET /v1/labs, all pages, milliseconds a router
    read        p50 and p99 of the reads of bench/service.py, of 50 clients that each ask once a second, milliseconds, in the
                worst of some rounds; and how many a second are answered at most
    memory      of the server, MiB

Target: p99 of reads under 100 ms at 10,000 routers. Prints a table, or JSON with --json.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import sqlite3
import statistics
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import service

LAB = "lab-0"
LINES_SECONDS = 600.0
"""After which lines that are not open are given up."""
RANGES = {"console": 2, "forward": 3}
"""Numbers of a pool that a router of one card takes."""


@dataclass(kw_only=True)
class Figures:
    routers: int
    answer: float = 0
    lines: float = 0
    list: float = 0
    read_p50: float = 0
    read_p99: float = 0
    reads_a_second: float = 0
    memory: float = 0


def copied(value: Any, number: int) -> Any:
    return value.replace(LAB, f"lab-{number}") if isinstance(value, str) else value


def multiply(file: Path, labs: int, per_lab: int) -> None:
    """Rows of all tables that are of the lab, once more for each of so many labs."""
    db = sqlite3.connect(file)
    db.row_factory = sqlite3.Row
    tables = [row["name"] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    for table in tables:
        columns = {row["name"]: row for row in db.execute(f'PRAGMA table_info("{table}")')}
        rows = [dict(row) for row in db.execute(f'SELECT * FROM "{table}"')]
        of_a_lab = {"sandbox_id", "lab", "job", "workflow_uuid"} & set(columns) or table == "sandboxes"
        if not rows or not of_a_lab:
            continue
        counted = [name for name, one in columns.items() if one["pk"] == 1 and one["type"].upper() == "INTEGER" and name == "id"]
        for number in range(1, labs):
            made = []
            for row in rows:
                fresh = {name: copied(value, number) for name, value in row.items()}
                if "sandbox_id" in fresh:
                    fresh["sandbox_id"] = number + 1
                for name in counted:
                    fresh[name] = number + 1 if table == "sandboxes" else None
                if "plan_key" in fresh:
                    fresh["plan_key"] = f"{number:032x}"
                if table == "pools":
                    fresh["value"] += number * RANGES[row["pool"]] * per_lab
                made.append(tuple(fresh.values()))
            marks = ",".join("?" * len(columns))
            db.executemany(f'INSERT INTO "{table}" ({",".join(columns)}) VALUES ({marks})', made)
        db.commit()
    db.close()


def spread(state: Path, place: Path, labs: int) -> None:
    """The place's files and the transcripts."""
    text = (place / f"{LAB}.json").read_text()
    for number in range(1, labs):
        (place / f"lab-{number}.json").write_text(copied(text, number))
        shutil.copytree(state / "transcripts" / LAB, state / "transcripts" / f"lab-{number}")


async def deploy(folder: Path, place: Path, per_lab: int) -> None:
    with service.server(folder, place) as (_, socket):
        async with service.client(socket) as http:
            (await http.post("/labs", json=service.blueprint(LAB, per_lab))).raise_for_status()
            await service.ready(http, 1)


async def lines(http: Any, most: int) -> None:
    limit = time.monotonic() + LINES_SECONDS
    while True:
        text = (await http.get("http://rackless/metrics")).raise_for_status().text
        found = [line.split()[1] for line in text.splitlines() if line.startswith('rackless_consoles{what="lines"}')]
        if found and float(found[0]) >= most:
            return
        if time.monotonic() > limit:
            raise SystemExit(f"{found} of {most} lines are open after {LINES_SECONDS:g} s.")
        await asyncio.sleep(0.5)


async def measure(labs: int, per_lab: int, clients: int, reads: int, rounds: int) -> Figures:
    figures = Figures(routers=labs * per_lab)
    names = [f"lab-{number}" for number in range(labs)]
    with (
        tempfile.TemporaryDirectory(prefix="rlb", dir="/tmp") as top,
        tempfile.TemporaryDirectory(prefix="rlb", dir="/dev/shm") as place,
    ):
        folder = Path(top)
        await deploy(folder, Path(place), per_lab)
        for name in ("rackless.sqlite", "jobs.sqlite"):
            multiply(folder / "state" / name, labs, per_lab)
        spread(folder / "state", Path(place), labs)
        began = time.monotonic()
        with service.server(folder, Path(place)) as (pid, socket):
            async with service.client(socket) as http:
                (await http.get("/labs?limit=10")).raise_for_status()
                figures.answer = time.monotonic() - began
                await lines(http, 2 * labs * per_lab)
                figures.lines = time.monotonic() - began
                began = time.monotonic()
                assert len(await service.all_labs(http)) == labs
                figures.list = (time.monotonic() - began) * 1000 / (labs * per_lab)
            for _ in range(rounds):
                times, _ = await service.read(socket, names, clients, reads, pause=1.0)
                p50, p99 = (1000 * statistics.quantiles(times, n=100)[at] for at in (49, 98))
                if p99 > figures.read_p99:
                    figures.read_p50, figures.read_p99 = p50, p99
            times, took = await service.read(socket, names, clients, reads, pause=0.0)
            figures.reads_a_second = len(times) / took
            figures.memory = service.resident(pid)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--routers", default="10,10000", help="sizes, comma-separated")
    parser.add_argument("--per-lab", type=int, default=10, help="routers of a lab")
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--reads", type=int, default=20, help="reads of each client in a round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    found = []
    for size in sorted(int(text) for text in asked.routers.split(",")):
        labs = -(-size // asked.per_lab)
        found.append(asyncio.run(measure(labs, asked.per_lab, asked.clients, asked.reads, asked.rounds)))
    if asked.json:
        print(json.dumps([asdict(figures) for figures in found], indent=2))
        return
    for one in found:
        print(f"{one.routers} routers")
        print(f"  answer     {one.answer:8.2f} s, every line open after {one.lines:.1f} s")
        print(f"  list       {one.list:8.3f} ms a router")
        print(f"  read       {one.read_p50:8.2f} ms p50, {one.read_p99:.2f} ms p99; at most {one.reads_a_second:.0f} a second")
        print(f"  memory     {one.memory:8.1f} MiB")


if __name__ == "__main__":
    main()
