"""What a machine finds out about its clock before it joins, and how it stays a node on other hardware."""

from __future__ import annotations

import pytest
from tests.stories.fabric.simulated import first

from rackless.fabric import changing
from rackless.fabric.joining import apart
from rackless.fabric.truth import Verdict
from rackless.model.fabric import Life, NodeRole


@pytest.mark.parametrize(
    ("looks", "found"),
    [
        # The other answers at the end of an examination that took 1.4 s: the clocks are the same.
        ([(100.0, 101.4, 101.4)], 0.0),
        ([(100.0, 100.0, 101.4)], 0.0),
        ([(100.0, 102.0, 101.4)], -0.6),
        ([(100.0, 99.0, 101.4)], 1.0),
        # Several looks say more than each.
        ([(100.0, 100.2, 101.0), (102.0, 103.5, 103.1)], -0.4),
        ([(3700.0, 101.0, 3701.0), (3702.0, 102.1, 3702.2)], 3599.9),
    ],
)
def test_clocks_differ_only_by_what_is_certain(looks: list[tuple[float, float, float]], found: float) -> None:
    assert apart(looks) == pytest.approx(found)


def test_adopted_hardware_counts_when_the_old_is_silent() -> None:
    truth = first(dict.fromkeys("abc", NodeRole.FULL))
    assert changing.rehouse(truth, "b", "new") == truth, "the old one is heard: a copy was adopted"
    silent = truth.judged("b", Verdict(life=Life.DEAD, term=1))
    found = changing.rehouse(silent, "b", "new")
    assert [node.machine for node in found.layout.nodes] == ["m-a", "new", "m-c"]
    assert changing.rehouse(found, "b", "new") == found
