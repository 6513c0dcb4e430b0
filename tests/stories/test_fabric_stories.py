"""The core of a fabric on a simulated cluster: tests/stories/fabric. Each story is told once more for every step of whoever
decides, with that one's daemon killed after it, and has the same end."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from .fabric import telling

STORIES = Path(__file__).parent / "fabric"
NAMES = sorted(path.parent.name for path in STORIES.glob("*/story.yaml"))


def expected(name: str) -> str:
    path = STORIES / name / "expect"
    return path.read_text() if path.exists() else "There is no file `expect` yet."


@pytest.mark.parametrize("name", NAMES)
def test_story(name: str) -> None:
    assert telling.text(telling.run(telling.read(STORIES / name))) == expected(name)


def kill(name: str, numbers: Callable[[int], Iterable[int]]) -> None:
    """Tell it again, with the decider killed after each of these steps of those that it took."""
    story = telling.read(STORIES / name)
    whole = telling.run(story, calm=True)
    for number in numbers(whole.steps["after"]):
        told = telling.run(story, ("after", number), calm=True)
        transcript = "\n".join(told.transcript)
        assert "is killed" in transcript, number
        assert told.end == whole.end, f"killed after step {number}: {transcript}"


@pytest.mark.parametrize("name", NAMES)
def test_decider_killed_after_one_step(name: str) -> None:
    """Another one for each story: all of them take minutes."""
    kill(name, lambda steps: [1 + NAMES.index(name) % steps] if steps else [])


@pytest.mark.fabric
@pytest.mark.parametrize("name", NAMES)
def test_decider_killed_after_every_step(name: str) -> None:
    kill(name, lambda steps: range(1, steps + 1))


def test_there_are_enough_of_them() -> None:
    assert len(NAMES) >= 60
