"""What a machine finds out about its clock before it joins."""

from __future__ import annotations

import pytest

from rackless.fabric.joining import apart


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
