"""An installation on SQLite moves to PostgreSQL: every row is there, and it goes on there."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa
from tests.postgresql import Cluster
from tests.unit.api_client import serving
from tests.unit.test_restoring import rows

from rackless import moving, settings
from rackless.model.errors import InputError, StateError
from rackless.store import snapshot
from rackless.store.database import Database


@pytest.fixture
async def installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One with a lab, users and a history, whose server has ended."""
    monkeypatch.setenv("RACKLESS_PROVIDER", "fake")
    for name, value in (("STATE", tmp_path / "s"), ("RUN", tmp_path / "r"), ("DATABASE", "")):
        monkeypatch.setenv(f"RACKLESS_{name}", str(value))
    async with serving(tmp_path, "", monkeypatch) as client:
        await client.up()
        await client.ask("POST", "/users", {"name": "una", "role": "user"})
        await client.ask("POST", "/users/una/tokens", {"label": "ci"})
        await client.ask("PUT", "/labs/lab/layout", {"nodes": {"west": {"x": 1.5, "y": -2.0}}}, status=0)
    return tmp_path


def all_rows(url: str, schema: str | None = None) -> dict[str, list[tuple[object, ...]]]:
    database = Database(url)
    try:
        with database.engine.connect() as db:
            if schema is None:
                return rows(db)
            found = snapshot.tables(db, schema)
            return {one.name: sorted((tuple(row) for row in db.execute(one.select())), key=repr) for one in found}
    finally:
        database.close()


async def test_every_row_goes_and_the_installation_goes_on_there(
    installation: Path, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    state, url = installation / "s", cluster.fresh()
    before = all_rows(f"sqlite:///{state}/rackless.sqlite")
    done = moving.move(url)
    assert all_rows(url) == before
    assert {name: count for name, (count, _) in done.tables.items() if "/" not in name} == {
        name: len(found) for name, found in before.items()
    }
    record = all_rows(url, "dbos")
    assert len(record["workflow_status"]) == done.tables["record/workflow_status"][0] > 0
    assert len(record["operation_outputs"]) == done.tables["record/operation_outputs"][0] > 0
    assert done.old == [str(state / "rackless.sqlite.moved"), str(state / "jobs.sqlite.moved")]
    assert all_rows(f"sqlite:///{state}/rackless.sqlite.moved") == before
    assert not (state / "rackless.sqlite").exists()
    assert (state / "database").stat().st_mode & 0o777 == 0o600
    assert settings.load().database == url
    again = moving.move(url)
    assert (again.before, again.tables) == (True, {})
    with pytest.raises(StateError, match="has moved already"):
        moving.move(cluster.fresh())
    async with serving(installation, "", monkeypatch) as client:
        assert client.world.database.shared
        assert [lab["state"] for lab in await client.items("/labs")] == ["ready"]
        assert [user["name"] for user in await client.items("/users")] == ["una"]
        await client.ask("POST", "/labs", client.blueprint(name="other"))
        await client.down()


async def test_it_is_refused_where_something_is(installation: Path, cluster: Cluster) -> None:
    url = cluster.fresh()
    database = Database(url)
    with database.engine.begin() as db:
        db.execute(sa.text("CREATE TABLE theirs (id integer)"))
    database.close()
    with pytest.raises(StateError, match="not empty: it has theirs"):
        moving.move(url)
    with pytest.raises(StateError, match="not empty"):
        moving.move(cluster.ready())
    assert not (installation / "s/database").exists()
    assert (installation / "s/rackless.sqlite").exists()


@pytest.mark.parametrize(
    ("url", "why"),
    [("sqlite:////tmp/x", "is no PostgreSQL"), ("postgresql://me:s3cret@db/rackless", "seen by every user")],
)
def test_it_goes_to_a_postgresql_and_takes_no_password(url: str, why: str) -> None:
    with pytest.raises(InputError, match=why) as error:
        moving.move(url)
    assert "s3cret" not in str(error.value)
