"""A move to PostgreSQL that is killed at each of its points, and run again: nothing is lost, and nothing is there twice."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.postgresql import Cluster
from tests.unit.test_moving import all_rows, installation

__all__ = ["installation"]

pytestmark = [pytest.mark.fabric, pytest.mark.timeout(900)]

MOST = 30
DRIVER = """
import json, os, shutil, sys
from rackless import moving
urls = json.load(sys.stdin)
for number, url in enumerate(urls, 1):
    state = f"{sys.argv[1]}/{number}"
    shutil.copytree(sys.argv[2], state)
    os.environ["RACKLESS_STATE"] = state
    ends = []
    for crash in (str(number), ""):
        child = os.fork()
        if not child:
            os.environ["RACKLESS_CRASH_IN_MOVE"] = crash
            done = moving.move(url)
            with open(f"{state}/done.json", "w") as file:
                json.dump({"tables": done.tables, "before": done.before}, file)
            os._exit(0)
        ends.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    print(json.dumps({"url": url, "state": state, "ends": ends}), flush=True)
    if ends[0] == 0:
        break
"""


async def test_it_is_killed_at_every_point(installation: Path, cluster: Cluster, tmp_path: Path) -> None:
    before = all_rows(f"sqlite:///{installation}/s/rackless.sqlite")
    (tmp_path / "states").mkdir()
    done = subprocess.run(
        [sys.executable, "-c", DRIVER, str(tmp_path / "states"), str(installation / "s")],
        input=json.dumps([cluster.fresh() for _ in range(MOST)]),
        capture_output=True,
        text=True,
        env={**os.environ, "RACKLESS_RUN": str(tmp_path / "run")},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    runs = [json.loads(line) for line in done.stdout.splitlines()]
    assert 10 <= len(runs) < MOST
    assert [run["ends"] for run in runs[:-1]] == [[9, 0]] * (len(runs) - 1)
    print(f"killed at {len(runs) - 1} points")
    for run in runs:
        state = Path(run["state"])
        assert all_rows(run["url"]) == before, run
        assert sorted(path.name for path in state.glob("*.sqlite*")) == ["jobs.sqlite.moved", "rackless.sqlite.moved"]
        assert (state / "database").read_text().strip() == run["url"]
    whole = json.loads((Path(runs[-1]["state"]) / "done.json").read_text())
    assert whole["before"], "the second run of the last found it moved"
    record = all_rows(runs[-1]["url"], "dbos")
    for run in runs:
        found = all_rows(run["url"], "dbos")
        assert {name: len(rows) for name, rows in found.items()} == {name: len(rows) for name, rows in record.items()}
