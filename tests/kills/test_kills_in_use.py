"""The kill matrix (matrix.py): what is done with labs, and their end; and set-up and teardown on PostgreSQL."""

from __future__ import annotations

from pathlib import Path

import pytest

from rackless.workflows.verbs import VERBS
from tests.kills import test_kills_in_set_up
from tests.kills.matrix import PARTS, check, run
from tests.kills.scenarios import SCENARIOS
from tests.postgresql import Cluster

CASES = [(name, part) for name in SCENARIOS for part in range(PARTS.get(name, 1)) if name not in test_kills_in_set_up.NAMES]


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("name", "part"), [pytest.param(name, part, id=f"{name}-{part}") for name, part in CASES])
def test_a_server_killed_at_any_point_is_followed_by_one_that_reaches_the_same_end(name: str, part: int, top: Path) -> None:
    check(name, part, top)


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
