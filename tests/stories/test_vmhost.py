"""The VM host's agent on a simulated machine: tests/stories/vmhost. Each story is told once more for every step at which the
power can be lost, and has the same end."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from .vmhost import telling

STORIES = Path(__file__).parent / "vmhost"
NAMES = sorted(path.parent.name for path in STORIES.glob("*/story.yaml"))


def expected(name: str) -> str:
    path = STORIES / name / "expect"
    return path.read_text() if path.exists() else "There is no file `expect` yet."


@pytest.mark.parametrize("name", NAMES)
def test_story(name: str) -> None:
    assert telling.text(telling.run(telling.read(STORIES / name))) == expected(name)


@pytest.mark.parametrize("name", NAMES)
def test_power_lost_after_every_step(name: str) -> None:
    story = telling.read(STORIES / name)
    whole = telling.run(story)
    # What a plain start does is cut in `first-boot`.
    first = whole.begun + 1 if len(story["story"]) > 1 and story["story"][0] == "the power comes" else 1
    cuts = [("after", number) for number in whole.steps if number >= first] + [("during", number) for number in whole.torn]
    for cut in cuts:
        told = telling.run(story, cut)
        transcript = "\n".join(told.transcript)
        assert "-- the power is lost" in transcript, cut
        assert "-- the agent died" not in transcript, transcript
        if "other_end" in story:
            guests = [line for line in told.end if line.startswith("guest")]
            assert all(re.search("running from .*, configuration 'day 1', licence 'licence'", line) for line in guests), (
                transcript
            )
        else:
            assert telling.lost(whole, told) == [], f"{cut}: {transcript}"
            # More may have been put aside, because something was damaged twice.
            assert [line for line in telling.lost(told, whole) if not line.startswith("kept aside")] == [], f"{cut}: {transcript}"


def test_there_are_enough_of_them() -> None:
    assert len(NAMES) >= 60
