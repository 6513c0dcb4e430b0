"""Backups, in one process: either kind of database into either, what is refused, and older forms of the store."""

from __future__ import annotations

import asyncio
import json
import tarfile
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from tests.postgresql import Cluster
from tests.unit.api_client import Client, on_socket

from rackless import restoring
from rackless.api.app import make
from rackless.model.errors import RacklessError, StateError
from rackless.store import archive, jobs, sandboxes, servers, snapshot, users
from rackless.store.database import Database


def rows(db: sa.Connection) -> dict[str, list[tuple[Any, ...]]]:
    """Everything, in an order of its own."""
    return {table.name: sorted((tuple(row) for row in db.execute(table.select())), key=repr) for table in snapshot.tables(db)}


class Elsewhere:
    """Another installation, with nothing in it."""

    def __init__(self, top: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.state = top / "s"
        self.url = url or f"sqlite:///{self.state}/rackless.sqlite"
        monkeypatch.setenv("RACKLESS_STATE", str(self.state))
        monkeypatch.setenv("RACKLESS_RUN", str(top / "r"))
        monkeypatch.setenv("RACKLESS_DATABASE", url)

    def rows(self) -> dict[str, list[tuple[Any, ...]]]:
        database = Database(self.url)
        try:
            with database.engine.connect() as db:
                return rows(db)
        finally:
            database.close()


async def backup(client: Client, to: Path) -> Path:
    transport = httpx.ASGITransport(on_socket(make(lambda: None)))
    async with httpx.AsyncClient(transport=transport, base_url="http://rackless/v1", timeout=60) as http:
        answer = await http.post("/backup")
    assert answer.status_code == 200, answer.text
    to.write_bytes(answer.content)
    return to


@pytest.fixture(params=["sqlite", "postgresql"])
def elsewhere(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Elsewhere:
    cluster: Cluster | None = request.getfixturevalue("cluster") if request.param == "postgresql" else None
    return Elsewhere(tmp_path / "other", cluster.fresh() if cluster else "", monkeypatch)


async def test_every_row_comes_back_in_either_kind_of_database(client: Client, elsewhere: Elsewhere, tmp_path: Path) -> None:
    await client.up()
    await client.ask("POST", "/users", {"name": "una", "role": "user", "password": "a long enough one"})
    kept = client.world.kept / "lab"
    kept.mkdir(parents=True)
    (kept / "west.set").write_text("set system host-name west")
    client.world.settings.site_file.write_text("warn_before: 20m")
    before = await client.world.database.read(rows)
    file = await backup(client, tmp_path / "b")
    assert list(client.world.settings.state.glob(".*")) == []
    done = await asyncio.to_thread(restoring.restore, str(file))
    assert (done.labs, done.site, done.aside) == (["lab"], "restored", "")
    after = elsewhere.rows()
    before["access_log"] = after["access_log"] = []  # the backup itself is in it, or not yet
    assert after == before
    assert (elsewhere.state / "kept/lab/west.set").read_text() == "set system host-name west"
    assert (elsewhere.state / "site.yaml").read_text() == "warn_before: 20m"
    assert list((elsewhere.state.parent / "r").iterdir()) == []  # nobody is taken for a server
    assert {path.stat().st_mode & 0o077 for path in elsewhere.state.rglob("*") if path.is_file()} == {0}


async def test_numbers_that_the_database_gives_go_on_after_those_that_came(
    client: Client, elsewhere: Elsewhere, tmp_path: Path
) -> None:
    await client.up()
    row = await client.world.database.read(sandboxes.get, "lab")
    await asyncio.to_thread(restoring.restore, str(await backup(client, tmp_path / "b")))
    database = Database(elsewhere.url)

    def again(db: sa.Connection) -> int:
        db.execute(sandboxes.table.update().values(state="ended"))
        return sandboxes.add(db, plan=row.plan, digest="d", boot_id="b")

    assert await database.run(again) == row.id + 1
    database.close()


async def test_what_is_there_is_replaced_only_when_told_and_stays_aside(
    client: Client, elsewhere: Elsewhere, tmp_path: Path
) -> None:
    file = str(await backup(client, tmp_path / "b"))
    await asyncio.to_thread(restoring.restore, file)
    await client.ask("POST", "/users", {"name": "una"})
    file = str(await backup(client, tmp_path / "c"))
    await asyncio.to_thread(restoring.restore, file)  # nothing but a log of access: as good as empty
    with pytest.raises(StateError, match="The state is not empty: there are users"):
        await asyncio.to_thread(restoring.restore, file)
    done = await asyncio.to_thread(restoring.restore, file, replace=True)
    assert "before_restore_" in done.aside
    assert [name for name, *_ in elsewhere.rows()["users"]] == ["una"]


async def test_jobs_that_ran_go_on_only_on_the_same_kind_of_database(
    client: Client, elsewhere: Elsewhere, tmp_path: Path
) -> None:
    await client.up()
    key = (await client.world.database.read(sandboxes.get, "lab")).id
    await client.world.database.run(jobs.add, "j1", key, "save", {})
    file = str(await backup(client, tmp_path / "b"))
    if client.world.database.shared is (not elsewhere.url.startswith("sqlite:")):
        await asyncio.to_thread(restoring.restore, file)
        return
    with pytest.raises(StateError, match="1 jobs ran when the backup was made"):
        await asyncio.to_thread(restoring.restore, file)


async def test_a_server_that_lives_on_the_store_is_in_the_way(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Elsewhere(tmp_path / "other", cluster.fresh(), monkeypatch)
    database = Database(other.url)
    database.migrate()
    await database.run(servers.beat, "s1", "host1", 1)
    file = tmp_path / "b"
    with snapshot.taken(database, other.url) as seen:
        archive.write(
            file, seen, kind="postgresql", revision=Database.newest(), running=0, state=tmp_path, site=tmp_path / "none"
        )
    with pytest.raises(StateError, match="A server works on this store: s1 on host1"):
        await asyncio.to_thread(restoring.restore, str(file), replace=True)
    await database.run(servers.leave, "s1")
    await asyncio.to_thread(restoring.restore, str(file), replace=True)
    database.close()


def written(top: Path) -> Path:
    """A small backup."""
    database = Database(f"sqlite:///{top}/one.sqlite")
    database.migrate()
    with snapshot.taken(database, f"sqlite:///{top}/none.sqlite") as seen:
        archive.write(top / "good", seen, kind="sqlite", revision=Database.newest(), running=0, state=top, site=top / "none")
    database.close()
    return top / "good"


def rewritten(file: Path, how: str) -> None:
    top = file.with_name("open")
    with tarfile.open(file) as tar:
        contents = {name: tar.extractfile(name).read() for name in tar.getnames()}  # type: ignore[union-attr]
    manifest = json.loads(contents["manifest.json"])
    if how == "changed":
        contents["store/users.jsonl"] += b'["eve", "admin", null, false, 0]'
    elif how == "newer":
        manifest |= {"revision": "9999", "version": "9.9"}
    elif how == "format":
        manifest |= {"format": 99, "version": "9.9"}
    elif how == "lost":
        del contents["store/jobs.jsonl"]
    elif how == "more":
        contents["store/extra.jsonl"] = b"[]"
    elif how == "outside":
        contents["../../evil"] = b"x"
        manifest["parts"]["../../evil"] = {
            "size": 1,
            "sha256": "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881",
        }
    contents["manifest.json"] = json.dumps(manifest).encode()
    top.mkdir()
    with tarfile.open(file, "w:gz") as tar:
        for name, content in contents.items():
            (top / "part").write_bytes(content)
            tar.add(top / "part", name)


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("cut", "is no whole backup"),
        ("empty", "is no whole backup"),
        ("other", "is no whole backup"),
        ("absent", "No such file"),
        ("changed", "its checksum differs"),
        ("lost", "it has no store/jobs.jsonl"),
        ("more", "a part that its manifest does not name: store/extra.jsonl"),
        ("outside", r"a part is called ../../evil"),
        ("newer", r"made by a newer version of Rackless \(9.9\): its form is 9999"),
        ("format", r"made by a newer version of Rackless \(9.9\): its format is 99"),
    ],
)
def test_what_is_no_whole_backup_is_refused_and_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str, words: str
) -> None:
    other = Elsewhere(tmp_path / "other", "", monkeypatch)
    file = written(tmp_path)
    content = file.read_bytes()
    if how in ("cut", "empty", "other"):
        file.write_bytes({"cut": content[: len(content) // 2], "empty": b"", "other": b"PK\x03\x04 something else"}[how])
    elif how == "absent":
        file.unlink()
    else:
        rewritten(file, how)
    with pytest.raises(RacklessError, match=words):
        restoring.restore(str(file))
    assert {path.name for path in other.state.iterdir()} - {"images"} == {"server.lock"}
    assert not (tmp_path / "evil").exists()


async def test_a_snapshot_is_of_one_moment_and_keeps_nobody_waiting(client: Client) -> None:
    """What is written while it is read is not in it, and was not held up."""
    await client.ask("POST", "/users", {"name": "una"})

    def take() -> tuple[list[str], list[str]]:
        with snapshot.taken(client.world.database, client.world.settings.record) as seen:
            done = asyncio.run_coroutine_threadsafe(client.ask("POST", "/users", {"name": "uwe"}), loop)
            done.result(30)
            found = [row.name for row in users.all_users(seen.store)]
            assert seen.record is not None
            tables = [table.name for table in snapshot.tables(seen.record, seen.schema)]
            return found, tables

    loop = asyncio.get_running_loop()
    found, tables = await asyncio.to_thread(take)
    assert found == ["una"]
    assert "workflow_status" in tables
    assert [row.name for row in await client.world.database.read(users.all_users)] == ["una", "uwe"]
