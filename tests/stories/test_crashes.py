"""The server is killed after every single step of a deployment, and inside each; the next one reaches the same end.

Each crash is answered in three ways, from copies of what it left: `up` again; `down` after that; `down` at once.
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
from tests.stories.databases import copied, database_of

DRIVER = Path(__file__).with_name("crash_driver.py")
SOURCES = Path(__file__).parents[2] / "src"
STEPS = 19
"""Steps of the deployment: check, make, wire; 5 for each of two routers; 4 machines; ready, and the record of the end."""


class Driver:
    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(DRIVER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(SOURCES), "RACKLESS_PROVIDER": "fake"},
        )

    def life(self, state: Path, wanted: str, **crash: str) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        request = {"state": str(state), "database": database_of(state), "wanted": wanted, "crash": crash}
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(30)


@pytest.fixture(scope="module")
def driver() -> Iterator[Driver]:
    made = Driver()
    yield made
    made.close()


@pytest.fixture(scope="module")
def expected(driver: Driver, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a deployment without a crash reaches."""
    done = driver.life(tmp_path_factory.mktemp("calm") / "state", "up")
    assert done["exit"] == 0
    found: dict[str, Any] = done["answer"]
    assert found["state"] == "ready"
    assert len(found["machines"]) == 6
    assert all(mac for _, _, mac in found["ports"])
    return found


NOTHING = {"owned": [], "rows": 0, "labs": [], "files": [], "running": []}


@pytest.mark.parametrize("where", ["AFTER", "IN"])
@pytest.mark.parametrize("count", range(1, STEPS + 1))
def test_the_next_server_reaches_the_same_end(
    driver: Driver, expected: dict[str, Any], tmp_path: Path, count: int, where: str
) -> None:
    state, other = tmp_path / "a", tmp_path / "b"
    crashed = driver.life(state, "up", **{f"RACKLESS_CRASH_{where}_STEP": str(count)})
    # After the record of the end nothing is left to do, and who asked may have its answer before the server dies.
    assert crashed["exit"] == 9 or (count, where, crashed["exit"]) == (STEPS, "AFTER", 0)
    copied(state, other)

    resumed = driver.life(state, "up")
    assert resumed["exit"] == 0
    # A job that had ended just before the crash is not followed: `up` makes a second one, which changes nothing.
    assert {key: value for key, value in resumed["answer"].items() if key != "jobs"} == {
        key: value for key, value in expected.items() if key != "jobs"
    }
    assert driver.life(state, "down")["answer"] == NOTHING
    assert driver.life(state, "down")["answer"] == NOTHING

    assert driver.life(other, "down")["answer"] == NOTHING


def test_there_are_no_more_steps_than_that(driver: Driver, tmp_path: Path) -> None:
    done = driver.life(tmp_path / "state", "up", RACKLESS_CRASH_AFTER_STEP=str(STEPS + 1))
    assert done["exit"] == 0


def test_a_deployment_whose_every_server_dies_after_one_step_still_gets_there(
    driver: Driver, expected: dict[str, Any], tmp_path: Path
) -> None:
    for _ in range(STEPS - 4):  # steps side by side may be recorded by one life
        assert driver.life(tmp_path / "state", "up", RACKLESS_CRASH_AFTER_STEP="1")["exit"] == 9
    done = driver.life(tmp_path / "state", "up")
    assert done["exit"] == 0
    assert {key: value for key, value in done["answer"].items() if key != "jobs"} == {
        key: value for key, value in expected.items() if key != "jobs"
    }


@pytest.mark.parametrize(("where", "count"), [("IN", 1), ("AFTER", 1), ("IN", 2)])
def test_a_teardown_killed_at_each_step_leaves_nothing(driver: Driver, tmp_path: Path, where: str, count: int) -> None:
    state = tmp_path / "state"
    assert driver.life(state, "up")["exit"] == 0
    # The last step ends the job, and the driver's life may end with it before its crash.
    assert driver.life(state, "down", **{f"RACKLESS_CRASH_{where}_STEP": str(count)})["exit"] in ({9} if count == 1 else {0, 9})
    assert driver.life(state, "down")["answer"] == NOTHING
