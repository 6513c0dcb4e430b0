"""The kill matrix (matrix.py): labs that are made or changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kills.matrix import PARTS, check

NAMES = ("deploy", "deploy-with-hooks", "up-again", "apply", "begin-by-time")
CASES = [(name, part) for name in NAMES for part in range(PARTS.get(name, 1))]


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("name", "part"), CASES, ids=[f"{name}-{part}" for name, part in CASES])
def test_a_server_killed_at_any_point_is_followed_by_one_that_reaches_the_same_end(name: str, part: int, top: Path) -> None:
    check(name, part, top)
