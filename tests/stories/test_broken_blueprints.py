"""Broken blueprints, each with the exact text its author gets: NNN-title.yaml beside NNN-title.expect.

A new story is a new pair in `broken-blueprints/`. Files that a blueprint refers to lie beside it, and in NNN-title.site what the
site file says, where that matters.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from rackless import blueprints
from rackless.model.errors import BlueprintErrors
from rackless.routers.families import FAMILIES
from rackless.sandboxes.site_file import load_site

FOLDER = Path(__file__).parent / "broken-blueprints"
STORIES = sorted(FOLDER.glob("*.yaml"))


def told(story: Path) -> str:
    """What the author of the blueprint is told."""
    text = story.read_text(encoding="utf-8", errors="replace")
    paths = {name: FOLDER / name for name in blueprints.references(text)}
    files = {name: path.read_text(encoding="utf-8", errors="replace") for name, path in paths.items() if path.is_file()}
    there = story.with_suffix(".site")
    site = load_site(there, FAMILIES) if there.exists() else None
    with pytest.raises(BlueprintErrors) as caught:
        blueprints.load(text, file=story.name, families=FAMILIES, files=files, site=site)
    return f"{caught.value}\n"


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.stem)
def test_broken_blueprint(story: Path) -> None:
    assert told(story) == story.with_suffix(".expect").read_text(encoding="utf-8")


def test_there_are_fifty_pairs_and_no_orphans() -> None:
    assert len(STORIES) >= 50
    assert {story.stem for story in STORIES} == {expect.stem for expect in FOLDER.glob("*.expect")}
