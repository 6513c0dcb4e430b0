"""The server is killed at every point of every workflow, in every phase: before each durable step, in it, after it, and wherever
else something became durable. The next one goes on, and reaches the same end: store, place and files.

What the points are comes out of the run itself, so a new step is killed without anybody thinking of it; a new verb without a
scenario fails here.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rackless.workflows.verbs import VERBS
from tests.kills.scenarios import SCENARIOS
from tests.postgresql import Cluster

ROOT = Path(__file__).parents[2]
PARTS = {"deploy": 4, "up-again": 2, "deploy-with-hooks": 3, "queue": 2}
"""A scenario with many points is run in parts, side by side."""
CASES = [(name, part) for name in SCENARIOS for part in range(PARTS.get(name, 1))]


@pytest.fixture
def top() -> Iterator[Path]:
    """A short path: sockets are in it."""
    made = Path(tempfile.mkdtemp(prefix="rk."))
    yield made
    shutil.rmtree(made, ignore_errors=True)


def run(name: str, top: Path, part: int, **env: str) -> Iterator[dict[str, Any]]:
    command = [sys.executable, "-m", "tests.kills.driver", name, str(top), str(part), str(PARTS.get(name, 1))]
    path = os.pathsep.join([str(ROOT / "src"), str(ROOT)])
    driver = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, env={**os.environ, "PYTHONPATH": path, **env})
    assert driver.stdout is not None
    for line in driver.stdout:
        yield json.loads(line)
    assert driver.wait() == 0, (top / "log").read_text()[-4000:]


def difference(clean: dict[str, Any], end: dict[str, Any]) -> dict[str, Any]:
    """What is not as it should be: {part: [wanted, found]}."""
    found = {}
    for part in sorted({*clean, *end} - {"seconds"}):
        wanted, got = clean.get(part), end.get(part)
        if part in clean and wanted is None:
            continue  # it may be anything
        if part == "failed" and got is not None:
            # A step that was killed when it had failed fails once more.
            wanted, got = [sorted(map(str, {tuple(x) for x in side})) for side in (wanted or [], got)]
        if wanted != got:
            found[part] = [wanted, got]
    return found


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("name", "part"), CASES, ids=[f"{name}-{part}" for name, part in CASES])
def test_a_server_killed_at_any_point_is_followed_by_one_that_reaches_the_same_end(name: str, part: int, top: Path) -> None:
    lines = run(name, top, part)
    first = next(lines)
    points, clean = first["points"], first["clean"]
    steps = {title.removeprefix("before ") for title in points if title.startswith("before ")}
    for step in steps:
        assert f"in {step}" in points or step.startswith("workflow"), f"{step} was not killed in its midst"
        assert f"after {step}" in points, f"{step} was not killed after its record"
    wrong, wanted = {}, {**clean, **SCENARIOS[name].end} if SCENARIOS[name].end else clean
    cases = 0
    for line in lines:
        cases += 1
        if differs := difference(wanted, line["end"]):
            wrong[line["title"]] = differs
    print(
        f"{name}: {len(points)} points, {first['cases']} different remains, {len(steps)} steps and workflows; {cases} kills here"
    )
    assert cases == len(range(part, first["cases"], PARTS.get(name, 1)))
    assert not wrong, json.dumps(wrong, indent=1)


def test_every_verb_and_phase_has_its_scenario() -> None:
    assert frozenset().union(*(scenario.verbs for scenario in SCENARIOS.values())) == set(VERBS)


@pytest.mark.timeout(600)
def test_on_postgresql_a_server_killed_in_each_step_of_one_life_gets_there(cluster: Cluster, top: Path) -> None:
    """Set-up and teardown with hooks in every phase: the work of each step is done once in vain: no record."""
    up, down = run("deploy-with-hooks,teardown-with-hooks", top, -1, RACKLESS_DATABASE=cluster.fresh())
    assert {"check", "make", "wire", "bootstrap west", "configure west", "ports west", "inventory west", "ready"} <= set(
        up["killed"]
    )
    assert sum(step.startswith("hook ") for step in [*up["killed"], *down["killed"]]) == 7
    assert {"save west", "remove", "release"} <= set(down["killed"])
    assert up["lab"]["state"] == "ready"
    assert all(port["ready"] for port in up["lab"]["ports"])
    assert (up["jobs"], up["audit"], up["boots"]) == ([["deploy", "succeeded"]], [], [1, 1])
    assert [state for _, state in down["jobs"]] == ["succeeded", "succeeded"]
    assert (down["audit"], down["place"]) == ([], [])
