"""`rackless image list` and `prune`, as their user sees them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from tests.stories.shell import ROOT, Shell

from rackless.images import store

PAGE = (ROOT / "docs/reference/json.md").read_text(encoding="utf-8")


def publish(images: Path, digest: str) -> None:
    out = images / "reference" / f".new-{digest}"
    out.mkdir(parents=True)
    for name in store.FILES.values():
        (out / name).write_bytes(b"x" * 1_000_000)
    store.publish(images, "reference", digest, out)


@pytest.fixture
def images(shell: Shell) -> Path:
    folder = shell.top / "i"
    shell.env["RACKLESS_IMAGES"] = str(folder)
    return folder


def documented(command: str) -> set[str]:
    row = next(line for line in PAGE.splitlines() if line.startswith(f"| `{command}`"))
    found = re.search(r"\{(.*?)\}", row)
    assert found
    return set(found[1].split(", "))


def test_old_builds_are_listed_and_pruned(shell: Shell, images: Path) -> None:
    assert "There are no images. Build them with: make images" in shell.run("image", "list").stdout
    assert "There was nothing to remove." in shell.run("image", "prune").stdout
    publish(images, "d1")
    publish(images, "d2")
    # A lab of another installation, which left its mark.
    theirs = shell.top / "theirs/labs/theirlab"
    theirs.mkdir(parents=True)
    (theirs / "spec.json").write_text(json.dumps({"kernel": str(images / "reference/d1/kernel")}))
    mark = images / "reference/d1/uses/0123abcd.theirlab"
    mark.parent.mkdir()
    mark.write_text(json.dumps({"lab": "theirlab", "state": str(shell.top / "theirs"), "folder": str(theirs)}))

    listed = shell.json("image", "list")
    assert [(i["digest"], i["current"], i["labs"]) for i in listed] == [
        ("d1", False, [f"theirlab ({shell.top / 'theirs'})"]),
        ("d2", True, []),
    ]
    assert all(set(i) == documented("image list") and i["total"] >= 3_000_000 > i["size"] == 1_000_000 for i in listed)
    assert re.search(r"reference +d1 +no +3 MB .*theirlab", shell.run("image", "list").stdout)
    kept = shell.run("image", "prune").stdout
    assert "Kept: reference d1 (3 MB), for theirlab" in kept
    assert "There was nothing to remove." in kept

    (theirs / "spec.json").unlink()
    assert "Would go: reference d1 (3 MB)" in shell.run("image", "prune", "--dry-run").stdout
    assert (images / "reference/d1").is_dir()
    pruned = shell.json("image", "prune")
    assert {item["name"] for item in pruned if not item["users"]} == {"reference d1"}
    assert all(set(item) == documented("image prune") for item in pruned)
    assert not (images / "reference/d1").exists()
    assert [i["digest"] for i in shell.json("image", "list")] == ["d2"]


def test_a_build_at_work_is_told(shell: Shell, images: Path) -> None:
    publish(images, "d1")
    with store.building(images, "reference"):
        err = shell.run("image", "prune", code=4).stderr
    assert "Error: The image reference is being built by another process." in err
    assert "Hint: Wait until it has ended." in err
