"""Run by matrix.py: `python -m tests.kills.driver SCENARIO DIRECTORY PART PARTS`. Prints a JSON document a line.

Everything is imported once; each server is a fork of this process, and is the real one: its lock, its unix socket, its keepers.
One run of the scenario, stopped at every point (points.py), gives the remains of a kill at each; then a server is started
on each of these, until what was asked for is done, and is killed itself. Its end must be that of the run without a kill. Points
that leave the very same behind are one case.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import signal
import sqlite3
import sys
import threading
import time
import traceback
from collections import Counter
from pathlib import Path
from typing import Any

from rackless import daemons
from rackless.api.app import make
from tests.kills import points
from tests.kills.api import Api, until
from tests.kills.ends import content_of, end_of
from tests.kills.scenarios import SCENARIOS, Scenario

DEADLINE = 40.0
"""Seconds for a server to start, and for what was asked of it to be done."""


QUIET = 2.0
"""Seconds without a point after which a run is over: long enough for a busy machine."""
MOST_KILLS = 60
"""Of one run."""


class Life:
    """A server on the directory, in a fork of this process."""

    def __init__(self, top: Path, *, watched: bool = False) -> None:
        self.api = Api(top / "r/api.sock")
        (top / "r/api.sock").unlink(missing_ok=True)
        self._reading, writing = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            try:
                os.close(self._reading)
                log = os.open(top / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
                os.dup2(log, 1)
                os.dup2(log, 2)
                if watched:
                    points.install(writing)
                daemons.serve()
            except BaseException:  # noqa: BLE001 - a fork must not return into its parent's code
                traceback.print_exc()
            finally:
                os._exit(1)
        os.close(writing)
        self._rest = b""

    def up(self) -> bool:
        """Whether it answers."""
        with contextlib.suppress(OSError):
            return bool(self.api.ask("GET", "/server"))
        return False

    def await_up(self) -> None:
        assert until(self.up, DEADLINE), "the server did not come up"

    def stops(self, seconds: float) -> list[dict[str, str]]:
        """The points that were reached within so many seconds, if any; the process is stopped at the last of them."""
        if not select.select([self._reading], [], [], seconds)[0]:
            return []
        data = os.read(self._reading, 1 << 16)
        if not data:
            raise AssertionError("the server ended by itself")
        os.waitpid(self.pid, os.WUNTRACED)
        *lines, self._rest = (self._rest + data).split(b"\n")
        return [json.loads(line) for line in lines]

    def go_on(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self._reading)


class Run:
    def __init__(self, name: str, top: Path) -> None:
        self.scenario: Scenario = SCENARIOS[name]
        self.top, self.state = top, top / "s"
        for folder in (self.state, top / "r", top / "h", top / "snapshots"):
            folder.mkdir(mode=0o700)
        for hook, body in {"note": f'echo "$RACKLESS_PHASE" >> {self.state}/hooks', "hang": "sleep 1000"}.items():
            (top / "h" / hook).write_text(f"#!/bin/sh\n{body}\n")
            (top / "h" / hook).chmod(0o755)
        (self.state / "site.yaml").write_text(self.scenario.site.replace("@", str(top)))
        os.environ.update(RACKLESS_STATE=str(self.state), RACKLESS_RUN=str(top / "r"), RACKLESS_PROVIDER="fake")

    def prepare(self) -> None:
        """The state that the scenario begins from."""
        life = Life(self.top)
        life.await_up()
        self.scenario.before(life.api)
        # The end that a client sees comes before the last record: without it the next server would go on with what this one did.
        assert self.scenario.goes_on or until(lambda: not self._under_way(), DEADLINE), "what was there before has no end"
        life.kill()
        self.scenario.prepare(self.state)
        (self.state / "hooks").unlink(missing_ok=True)

    def watched(self) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        """The scenario without a kill: every point with the remains of a kill there, and the end."""
        life = Life(self.top, watched=True)
        failures: list[BaseException] = []

        def ask() -> None:
            try:
                life.await_up()
                self.scenario.ask(life.api)
                assert until(lambda: self.scenario.done(life.api), DEADLINE), "it did not end without a kill"
            except BaseException as error:  # noqa: BLE001 - told below
                failures.append(error)

        asking = threading.Thread(target=ask)
        asking.start()
        stopped: list[dict[str, Any]] = []
        found: list[dict[str, Any]] = []
        seen: dict[str, int] = {}
        # The end that the client sees comes before the last record: so go on until nothing is under way any more.
        limit = time.monotonic() + 2 * DEADLINE
        while asking.is_alive() or stopped or ((self._under_way() or unrecorded(found)) and time.monotonic() < limit):
            stopped = life.stops(QUIET)
            for point in stopped:
                snapshot = self.top / f"snapshots/{len(found)}"
                shutil.copytree(self.state, snapshot)
                point["snapshot"] = len(found)
                point["same"] = seen.setdefault(content_of(snapshot), len(found))
                found.append(point)
                life.go_on()
        asking.join()
        if failures:
            raise failures[0]
        life.kill()
        return found, end_of(self.state)

    def _under_way(self) -> bool:
        """Whether a workflow has no record of its end."""
        with contextlib.closing(sqlite3.connect(f"file:{self.state / 'jobs.sqlite'}?mode=ro", uri=True)) as record:
            query = "SELECT 1 FROM workflow_status WHERE status IN ('PENDING', 'ENQUEUED') LIMIT 1"
            return record.execute(query).fetchone() is not None

    def killed(self, number: int) -> dict[str, Any]:
        """A server on the remains of a kill, until what was asked for is done; how it ended."""
        shutil.rmtree(self.state)
        (self.top / f"snapshots/{number}").rename(self.state)
        begun = time.monotonic()
        life = Life(self.top)
        try:
            life.await_up()
            self.scenario.again(life.api)
            done = until(lambda: self.scenario.finished(life.api), DEADLINE)
            extra: dict[str, Any] = {} if done else {"not done": [life.api.answer("GET", "/labs"), life.api.jobs("a")]}
        finally:
            life.kill()
        return {**end_of(self.state), **extra, "seconds": time.monotonic() - begun}

    def chained(self, kind: str) -> dict[str, Any]:
        """One run, whose server is killed at every point of this kind, each time at the first that is new."""
        killed: list[str] = []
        asked = False
        while len(killed) < MOST_KILLS:
            life = Life(self.top, watched=True)
            if not self._let_go(life, kind, killed, asked=asked):
                break
            asked = True
        found: dict[str, Any] = {}

        def look() -> None:
            found.update(lab=life.api.answer("GET", "/labs/a")[1], jobs=life.api.jobs("a"), audit=life.api.items("/audit"))

        looking = threading.Thread(target=look)
        looking.start()
        while looking.is_alive():
            for _ in life.stops(0.02):  # after the job's end comes the end of its last step
                life.go_on()
        life.kill()
        place = {path.name: json.loads(path.read_text()) for path in (self.state / "fake-cloud").glob("*.json")}
        boots = [machine["boots"] for lab_ in place.values() for machine in lab_["machines"].values()]
        return {"killed": killed, **found, "boots": boots, "place": sorted(place)}

    def _let_go(self, life: Life, kind: str, killed: list[str], *, asked: bool) -> bool:
        """Until a new point, where it is killed (True), or until the scenario is done."""
        failures: list[BaseException] = []

        def ask() -> None:
            try:
                life.await_up()
                if not asked or not self.scenario.known(life.api):
                    self.scenario.ask(life.api)
                assert until(lambda: self.scenario.done(life.api), DEADLINE), "it did not end"
            except BaseException as error:  # noqa: BLE001 - told below
                failures.append(error)

        asking = threading.Thread(target=ask)
        asking.start()
        while asking.is_alive():
            for point in life.stops(0.02):
                if point["kind"] == kind and point["step"] == point["what"] and point["what"] not in killed:
                    killed.append(point["what"])
                    life.kill()
                    asking.join()
                    return True
                life.go_on()
        asking.join()
        if failures:
            raise failures[0]
        return False


def unrecorded(found: list[dict[str, Any]]) -> bool:
    """Whether a step or a workflow has begun, and its record was no point yet: the store may have it a while before, on a busy
    machine longer than it is waited for the next point."""
    counted: Counter[str] = Counter()
    for point in found:
        counted[point["what"]] += {"before": 1, "after": -1}.get(point["kind"], 0)
    return any(count > 0 for count in counted.values())


def distinct(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The points with a title each; a title that comes again gets a number."""
    seen: Counter[str] = Counter()
    for point in found:
        inside = f" in the step {point['step']}" if point["step"] not in {"", point["what"]} else ""
        title = f"{point['kind']} {point['what']}{inside}"
        seen[title] += 1
        point["title"] = title if seen[title] == 1 else f"{title} ({seen[title]})"
    return found


def chain(names: list[str], top: Path) -> None:
    """These scenarios one after the other, on one store."""
    run = Run(names[0], top)
    for name in names:
        run.scenario = SCENARIOS[name]
        print(json.dumps(run.chained("in")), flush=True)


def main() -> None:
    name, top, part, parts = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    app = make(lambda: None)

    def made(stop: Any) -> Any:
        app.state.stop = stop
        return app

    daemons.make = made  # made once: the routes are the same in every life
    if part < 0:
        chain(name.split(","), top)
        return
    run = Run(name, top)
    run.prepare()
    found, clean = run.watched()
    titles = [point["title"] for point in distinct(found)]
    cases = [point for point in found if point["same"] == point["snapshot"]]
    print(json.dumps({"points": titles, "cases": len(cases), "clean": clean}), flush=True)
    for number, point in enumerate(cases):
        if number % parts == part:
            end = run.killed(point["snapshot"])
            print(json.dumps({"title": point["title"], "end": end}), flush=True)


if __name__ == "__main__":
    main()
