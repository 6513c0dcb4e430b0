"""Where an installation keeps things."""

from __future__ import annotations

from pathlib import Path

from rackless import settings


def test_state_and_sockets_are_closed_to_others_even_when_an_image_was_built_first(tmp_path: Path) -> None:
    state = tmp_path / "state"
    (state / "images").mkdir(parents=True, mode=0o755)
    found = settings.load({"RACKLESS_STATE": str(state), "RACKLESS_RUN": str(tmp_path / "run")})
    found.make()
    assert found.state.stat().st_mode & 0o777 == 0o700
    assert found.run.stat().st_mode & 0o777 == 0o700


def test_every_place_can_be_chosen(tmp_path: Path) -> None:
    found = settings.load(
        {"RACKLESS_STATE": "/a", "RACKLESS_RUN": "/b", "RACKLESS_IMAGES": "/c", "RACKLESS_SITE": "/d/site.yaml"}
    )
    assert (found.images, found.site_file, found.socket, found.database.parent) == (
        Path("/c"),
        Path("/d/site.yaml"),
        Path("/b/api.sock"),
        Path("/a"),
    )
