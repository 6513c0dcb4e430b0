"""A row of the kill matrix: one scenario, killed at each of its points by the driver, and what is expected of its end.

The server is killed at every point of every workflow, in every phase: before each durable step, in it, after it, and wherever
else something became durable. The next one goes on, and reaches the same end: store, place and files.

What the points are comes out of the run itself, so a new step is killed without anybody thinking of it; a new verb without a
scenario fails here.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.kills.scenarios import SCENARIOS
from tests.postgresql import EVERYWHERE

ROOT = Path(__file__).parents[2]
PARTS = {
    "apply": 2,
    "apply-anew": 3,
    "apply-then-down": 2,
    "healed": 2,
    "deploy": 4,
    "up-again": 2,
    "deploy-with-hooks": 3,
    "queue": 2,
}
"""A scenario with many points is run in parts, side by side."""


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


def check(name: str, part: int, top: Path) -> None:
    """A server that is killed at any point is followed by one that reaches the same end."""
    if EVERYWHERE:
        pytest.skip("the remains of a kill are copied as files; what is tested of it on PostgreSQL is a test of its own")
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
