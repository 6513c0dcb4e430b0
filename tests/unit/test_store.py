"""Tables: migrations match them, pools are never given twice, transactions are whole, secrets stay in their table."""

from __future__ import annotations

import asyncio
import stat
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from tests.postgresql import Cluster

from rackless.blueprints import load
from rackless.model.errors import CapacityError, DefectError, InputError, NotFoundError, ProviderError
from rackless.model.lifecycle import JobState, SandboxState
from rackless.model.plan import Plan
from rackless.model.site import PoolRange, Site
from rackless.planning import plan
from rackless.routers.families import FAMILIES
from rackless.store import jobs, pools, sandboxes, secrets
from rackless.store.database import Database
from rackless.store.tables import metadata

TEXT = "name: {name}\nrouters:\n  west: {{cards: 1, ports_per_card: 1}}\n"


def planned(name: str) -> Plan:
    return plan(load(TEXT.format(name=name), file="x", families=FAMILIES, files={}), Site(families=FAMILIES))


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    made = Database(database_url)
    made.migrate()
    yield made
    made.close()


async def lab(database: Database, name: str) -> int:
    return await database.run(sandboxes.add, plan=planned(name), digest="d", boot_id="b")


async def test_the_migrations_make_the_tables_that_the_code_uses(database: Database) -> None:
    with database.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


async def test_migrating_twice_changes_nothing(database: Database) -> None:
    key = await lab(database, "one")
    database.migrate()
    assert (await database.run(sandboxes.by_id, key)).name == "one"


async def test_only_its_owner_can_read_the_file_and_its_journals(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/rackless.sqlite")
    database.migrate()
    await lab(database, "one")
    files = list(tmp_path.glob("rackless.sqlite*"))
    assert len(files) >= 2
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    database.close()


async def test_two_labs_never_hold_the_same_number_even_when_they_ask_at_once(database: Database) -> None:
    numbers = PoolRange(first=9300, last=9339)
    keys = [await lab(database, f"lab{at}") for at in range(4)]
    taken = await asyncio.gather(
        *(database.run(pools.take, "console", numbers, key, f"m{at}") for at in range(10) for key in keys)
    )
    assert sorted(taken) == list(range(9300, 9340))


async def test_asking_again_gives_the_same_number(database: Database) -> None:
    key = await lab(database, "one")
    numbers = PoolRange(first=1, last=5)
    first = await database.run(pools.take, "console", numbers, key, "m")
    assert await database.run(pools.take, "console", numbers, key, "m") == first


async def test_an_empty_pool_says_so_and_a_released_number_comes_back(database: Database) -> None:
    key, other = await lab(database, "one"), await lab(database, "two")
    numbers = PoolRange(first=9300, last=9300)
    await database.run(pools.take, "console", numbers, key, "m")
    with pytest.raises(CapacityError, match=r"All 1 numbers of the pool `console` \(9300 to 9300\) are taken"):
        await database.run(pools.take, "console", numbers, other, "m")
    assert await database.run(pools.release, key) == 1
    assert await database.run(pools.take, "console", numbers, other, "m") == 9300


async def test_a_transaction_that_fails_leaves_nothing(database: Database) -> None:
    def half(db: sa.Connection) -> None:
        sandboxes.add(db, plan=planned("one"), digest="d", boot_id="b")
        raise DefectError("stop")

    with pytest.raises(DefectError):
        await database.run(half)
    assert await database.run(sandboxes.find, "one") is None


async def test_a_name_is_free_again_when_its_lab_has_ended(database: Database) -> None:
    key = await lab(database, "one")
    with pytest.raises(sa.exc.IntegrityError):
        await lab(database, "one")
    await database.run(sandboxes.move, key, SandboxState.TEARING_DOWN)
    await database.run(sandboxes.move, key, SandboxState.ENDED)
    again = await lab(database, "one")
    assert await database.run(sandboxes.latest, "one") == again
    with pytest.raises(DefectError, match="ended => ready"):
        await database.run(sandboxes.move, key, SandboxState.READY)


async def test_the_plan_comes_back_as_it_was(database: Database) -> None:
    key = await lab(database, "one")
    assert (await database.run(sandboxes.by_id, key)).plan == planned("one")


async def test_a_job_ends_once_and_its_events_are_numbered(database: Database) -> None:
    key = await lab(database, "one")
    await database.run(jobs.add, "j", key, "deploy", {})
    for text in "abc":
        await database.run(jobs.note, "j", "step", "note", text)
    assert [(event.number, event.text) for event in await database.run(jobs.events_of, "j", 1)] == [(2, "b"), (3, "c")]
    await database.run(jobs.end, "j", JobState.SUCCEEDED)
    await database.run(jobs.end, "j", JobState.FAILED)
    assert (await database.run(jobs.get, "j")).state is JobState.SUCCEEDED
    with pytest.raises(NotFoundError, match="There is no job x"):
        await database.run(jobs.get, "x")


async def test_secrets_are_kept_by_holder_and_kind(database: Database) -> None:
    key = await lab(database, "one")
    await database.run(secrets.put, key, "west", "password", "s3cret")
    await database.run(secrets.put, key, "west", "community", "c")
    assert await database.run(secrets.of, key, "west") == {"password": "s3cret", "community": "c"}
    assert await database.run(secrets.of, key, "east") == {}


async def test_reading_goes_on_beside_a_writer_and_sees_one_state(database: Database) -> None:
    await lab(database, "one")
    written, looked = threading.Event(), threading.Event()

    def write(db: sa.Connection) -> None:
        sandboxes.add(db, plan=planned("two"), digest="d", boot_id="b")
        written.set()
        assert looked.wait(20)

    def look(db: sa.Connection) -> list[str]:
        return [row.name for row in sandboxes.live(db)]

    writing = asyncio.create_task(database.run(write))
    assert await asyncio.to_thread(written.wait, 20)
    assert await database.read(look) == ["one"]
    looked.set()
    await writing
    assert await database.read(look) == ["one", "two"]


async def test_two_servers_on_one_database_never_book_the_same_number(cluster: Cluster) -> None:
    url = cluster.fresh()
    servers = [Database(url), Database(url)]
    await asyncio.gather(*(asyncio.to_thread(server.migrate) for server in servers))
    numbers = PoolRange(first=9300, last=9339)
    keys = [await lab(servers[at % 2], f"lab{at}") for at in range(4)]
    taken = await asyncio.gather(
        *(servers[(at + key) % 2].run(pools.take, "console", numbers, key, f"m{at}") for at in range(10) for key in keys)
    )
    assert sorted(taken) == list(range(9300, 9340))
    for server in servers:
        server.close()


@pytest.mark.parametrize("url", ["mysql://x/y", "nonsense", "sqlite://", "postgres:db"])
def test_a_database_of_no_known_kind_is_refused_with_the_forms(url: str) -> None:
    with pytest.raises(InputError) as caught:
        Database(url)
    assert "postgresql://USER@HOST/NAME" in caught.value.hint


def test_a_database_that_does_not_answer_is_told_without_its_password(tmp_path: Path) -> None:
    database = Database(f"postgresql://me:s3cret@/db?host={tmp_path}")
    with pytest.raises(ProviderError, match=r"cannot be used: .*No such file") as caught:
        database.migrate()
    assert "s3cret" not in str(caught.value)


async def test_what_is_recalled_is_never_older_than_the_last_write(database: Database) -> None:
    reads = 0

    def names(db: sa.Connection) -> list[str]:
        nonlocal reads
        reads += 1
        return sandboxes.names(db)

    assert await database.recall(names) == []
    await lab(database, "one")
    assert await database.recall(names) == ["one"]
    assert await database.recall(names) == ["one"]
    assert reads == (3 if database.shared else 2)


async def test_of_many_who_ask_for_the_same_at_once_one_reads(database: Database) -> None:
    reads, go_on = 0, threading.Event()

    def slow(db: sa.Connection) -> list[str]:
        nonlocal reads
        reads += 1
        assert go_on.wait(20)
        return sandboxes.names(db)

    first, *others = [asyncio.create_task(database.recall(slow)) for _ in range(4)]
    await asyncio.sleep(0)
    first.cancel()
    go_on.set()
    assert await asyncio.gather(*others) == [[], [], []]
    if not database.shared:
        assert reads == 1


async def test_a_read_that_failed_is_not_recalled(database: Database) -> None:
    failures = ["the first"]

    def failing(db: sa.Connection) -> list[str]:
        if failures:
            raise ValueError(failures.pop())
        return sandboxes.names(db)

    with pytest.raises(ValueError, match="the first"):
        await database.recall(failing)
    assert await database.recall(failing) == []


async def test_a_read_that_a_write_overtook_is_not_recalled(database: Database) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def slow(db: sa.Connection) -> list[str]:
        found = sandboxes.names(db)
        begun.set()
        assert go_on.wait(20)
        return found

    reading = asyncio.create_task(database.recall(slow))
    assert await asyncio.to_thread(begun.wait, 20)
    await lab(database, "one")
    go_on.set()
    assert await reading == []
    assert await database.recall(slow) == ["one"]


async def test_a_write_whose_caller_went_is_told_all_the_same(database: Database) -> None:
    told = asyncio.Event()
    begun, go_on = threading.Event(), threading.Event()

    def slow(db: sa.Connection) -> None:
        begun.set()
        assert go_on.wait(20)

    database.written.append(told.set)
    writing = asyncio.create_task(database.run(slow))
    assert await asyncio.to_thread(begun.wait, 20)
    writing.cancel()
    go_on.set()
    await asyncio.wait_for(told.wait(), 20)
