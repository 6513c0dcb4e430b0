"""Where an installation keeps things."""

from __future__ import annotations

from pathlib import Path

import pytest

from rackless import settings
from rackless.client.starting import ensure_server
from rackless.model.errors import InputError, StateError


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
    assert (found.images, found.site_file, found.socket, found.database, found.record) == (
        Path("/c"),
        Path("/d/site.yaml"),
        Path("/b/api.sock"),
        "sqlite:////a/rackless.sqlite",
        "sqlite:////a/jobs.sqlite",
    )


def test_one_setting_puts_store_and_record_on_postgresql() -> None:
    found = settings.load({"RACKLESS_STATE": "/a", "RACKLESS_RUN": "/b", "RACKLESS_DATABASE": "postgresql://me@db/lab"})
    assert (found.database, found.record) == ("postgresql://me@db/lab", "postgresql://me@db/lab")


def test_a_place_that_cannot_be_had_is_told_with_its_variable(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for variable in ("RACKLESS_STATE", "RACKLESS_RUN", "RACKLESS_IMAGES"):
        places = {"RACKLESS_STATE": str(tmp_path / "s"), "RACKLESS_RUN": str(tmp_path / "r")}
        found = settings.load({**places, variable: str(tmp_path / "file/below")})
        with pytest.raises(InputError, match=r"file/below cannot be used by .*: Not a directory") as caught:
            found.make()
        assert caught.value.hint.startswith(f"Set {variable} to a directory of yours")


def test_a_relative_place_means_the_same_to_the_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = settings.load({"RACKLESS_STATE": "s", "RACKLESS_RUN": "r"})
    assert (found.state, found.socket, found.images) == (tmp_path / "s", tmp_path / "r/api.sock", tmp_path / "s/images")


@pytest.mark.root
def test_a_nodes_server_is_the_fabrics_and_nobody_else_starts_it(tmp_path: Path) -> None:
    env = {"RACKLESS_FABRIC": str(tmp_path)}
    assert settings.load(env).socket == Path("/run/rackless/api.sock")
    folder = tmp_path / "application"
    (folder / "run").mkdir(parents=True)
    found = settings.load(env)
    assert (found.state, found.run, found.node) == (folder / "state", folder / "run", True)
    with pytest.raises(StateError, match="does not run"):
        ensure_server(found)
    assert not found.state.exists()
    assert settings.load(env | {"RACKLESS_STATE": "/a"}).node is False
