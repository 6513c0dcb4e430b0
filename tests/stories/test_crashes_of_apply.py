"""The server is killed after every single step of an apply, and inside each; the next one reaches the same end, by the job that
goes on, by another apply, or by `down`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.stories.databases import copied
from tests.stories.test_crashes import NOTHING, Driver

STEPS = 21
"""check, unwire, remove east and pc1, make, wire; 5 for each of north and south; their new cards and pc1; ready, record."""


@pytest.fixture(scope="module")
def driver() -> Iterator[Driver]:
    made = Driver()
    yield made
    made.close()


@pytest.fixture(scope="module")
def ready(driver: Driver, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lab before it is changed."""
    state = tmp_path_factory.mktemp("ready") / "state"
    assert driver.life(state, "up with south")["answer"]["state"] == "ready"
    return state


@pytest.fixture(scope="module")
def expected(driver: Driver, ready: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What an apply without a crash reaches."""
    state = tmp_path_factory.mktemp("calm") / "state"
    copied(ready, state)
    done = driver.life(state, "apply")
    assert done["exit"] == 0
    found: dict[str, Any] = done["answer"]
    assert found["state"] == "ready"
    assert [name for name, *_ in found["machines"]] == [
        "north-vcp", "north-vfp0", "pc1", "south-vcp", "south-vfp0", "south-vfp1", "west-vcp", "west-vfp0", "west-vfp1",
    ]  # fmt: skip
    assert all(mac for _, _, mac in found["ports"])
    assert not any("east" in each for each in found["owned"])
    assert found["pools"]["console"] == 9
    return found


def but_jobs(outcome: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in outcome.items() if key != "jobs"}


@pytest.mark.parametrize("where", ["AFTER", "IN"])
@pytest.mark.parametrize("count", range(1, STEPS + 1))
def test_the_next_server_reaches_the_same_end(
    driver: Driver, ready: Path, expected: dict[str, Any], tmp_path: Path, count: int, where: str
) -> None:
    state, other = tmp_path / "a", tmp_path / "b"
    copied(ready, state)
    crashed = driver.life(state, "apply", **{f"RACKLESS_CRASH_{where}_STEP": str(count)})
    # After the record of the end nothing is left to do, and who asked may have its answer before the server dies.
    assert crashed["exit"] == 9 or (count, where, crashed["exit"]) == (STEPS, "AFTER", 0)
    copied(state, other)

    resumed = driver.life(state, "apply")
    assert resumed["exit"] == 0
    assert but_jobs(resumed["answer"]) == but_jobs(expected)
    if count % 5 == 0:
        assert driver.life(state, "down")["answer"] == NOTHING
        assert driver.life(other, "down")["answer"] == NOTHING


def test_there_are_no_more_steps_than_that(driver: Driver, ready: Path, tmp_path: Path) -> None:
    copied(ready, tmp_path / "state")
    assert driver.life(tmp_path / "state", "apply", RACKLESS_CRASH_AFTER_STEP=str(STEPS + 1))["exit"] == 0
