"""Locks: one holder at a time, whoever asks, however many ask at once; leases, takeover, tokens; labs that hold locks."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unit.api_client import Client

from rackless.model.errors import NotFoundError, StateError
from rackless.store import locks
from rackless.store.database import Database

SMALL = "name: {name}\nlocks: [{locks}]\nhosts:\n  pc1: {{nics: 1}}\n"


@pytest.fixture
async def several(database_url: str) -> AsyncIterator[list[Database]]:
    """Three servers on one store; a file has one server, whom three ask."""
    first = Database(database_url)
    first.migrate()
    made = [first, *(Database(database_url) for _ in range(2))] if first.shared else [first]
    yield (made * 3)[:3]
    for one in made:
        one.close()


async def acquire(database: Database, owner: str, seconds: float = 60, name: str = "x") -> locks.LockRow:
    return await database.run(locks.acquire, name, owner=owner, holder="test", seconds=seconds)


async def test_of_many_who_ask_at_once_one_gets_it(several: list[Database]) -> None:
    asked = [acquire(database, f"u{number}") for number in range(8) for database in several]
    found = await asyncio.gather(*asked, return_exceptions=True)
    got = [one for one in found if isinstance(one, locks.LockRow)]
    assert len(got) == 1
    assert {str(one).split(" held by ")[0] for one in found if isinstance(one, BaseException)} == {"The lock x is"}


async def test_many_who_take_turns_are_never_two_and_tokens_grow(several: list[Database]) -> None:
    inside = 0
    tokens: list[int] = []

    async def work(database: Database, owner: str) -> None:
        nonlocal inside
        for _ in range(4):
            while True:
                try:
                    row = await acquire(database, owner)
                    break
                except StateError:
                    await asyncio.sleep(random.random() / 200)
            inside += 1
            assert inside == 1
            tokens.append(row.token)
            await asyncio.sleep(0)
            inside -= 1
            await database.run(locks.release, "x", owner=owner, token=row.token)

    async with asyncio.timeout(100):
        await asyncio.gather(*(work(database, f"u{number}") for number in range(2) for database in several))
    assert tokens == list(range(1, 25))


async def test_a_lease_that_is_over_is_taken_over_by_one_and_its_old_holder_can_do_nothing(several: list[Database]) -> None:
    old = await acquire(several[0], "ann", seconds=0.05)
    await asyncio.sleep(0.1)
    found = await asyncio.gather(*(acquire(one, f"u{n}") for n, one in enumerate(several)), return_exceptions=True)
    [new] = [one for one in found if isinstance(one, locks.LockRow)]
    assert new.token > old.token
    for change in (locks.release, locks.renew):
        more = {"seconds": 60} if change is locks.renew else {}
        with pytest.raises(StateError, match=f"is not ann's with the token {old.token}: it is held by {new.owner}"):
            await several[1].run(change, "x", owner="ann", token=old.token, **more)
    log = await several[2].read(locks.entries, "x", 0, 10)
    assert [(entry.what, entry.who) for entry in log] == [("taken-over", new.owner), ("acquired", "ann")]


async def test_a_lease_that_is_over_can_be_renewed_as_long_as_nobody_took_it(several: list[Database]) -> None:
    row = await acquire(several[0], "ann", seconds=0.01)
    await asyncio.sleep(0.05)
    await several[1].run(locks.renew, "x", owner="ann", token=row.token, seconds=60)
    with pytest.raises(StateError):
        await acquire(several[2], "bob")


Step = tuple[str, str, int]
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["acquire", "release", "renew", "wait", "break"]), st.sampled_from(["ann", "bob"]), st.integers(0, 3)
    ),
    max_size=30,
)


@given(STEPS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_order_of_deeds_keeps_to_the_rules(steps: list[Step]) -> None:
    """Against a model: who holds it, with which token; time is the test's own."""
    engine = sa.create_engine("sqlite://")
    locks.metadata.create_all(engine, tables=[locks.table, locks.log])
    clock, holder, token, until = 0.0, "", 0, 0.0
    with pytest.MonkeyPatch.context() as patched, engine.connect() as db:
        patched.setattr(locks, "now", lambda _: clock)
        for verb, who, number in steps:
            free = not holder or until <= clock
            if verb == "wait":
                clock += 4
                continue
            try:
                if verb == "acquire":
                    row = locks.acquire(db, "x", owner=who, holder="t", seconds=10)
                    assert free
                    assert row.token == token + 1
                    holder, token, until = who, row.token, clock + 10
                elif verb == "release":
                    locks.release(db, "x", owner=who, token=token - number)
                    assert (who, number) == (holder, 0)
                    holder = ""
                elif verb == "renew":
                    locks.renew(db, "x", owner=who, token=token - number, seconds=10)
                    assert (who, number) == (holder, 0)
                    until = clock + 10
                else:
                    locks.break_(db, "x", who="ada", why="test")
                    assert not free
                    holder = ""
            except StateError:
                allowed = {"acquire": free, "break": not free}.get(verb, (who, number) == (holder, 0))
                assert not allowed
            except NotFoundError:
                assert token == 0


async def test_the_api_tells_who_has_it_waits_and_breaks_with_a_record(client: Client) -> None:
    mine = await client.ask("POST", "/locks/testbed-3", {"seconds": 60, "holder": "ci 17"}, status=201)
    assert (mine["owner"], mine["held"], mine["token"]) == ("local", True, 1)
    error = await client.ask("POST", "/locks/testbed-3", {"seconds": 60}, status=409)
    assert "The lock testbed-3 is held by local (ci 17) until 2" in error["detail"]
    waiting = asyncio.create_task(client.ask("POST", "/locks/testbed-3", {"seconds": 60, "wait": 30}, status=201))
    await client.ask("DELETE", "/locks/testbed-3", token=7, status=409)
    await client.ask("DELETE", "/locks/testbed-3", token=1, status=204)
    assert (await waiting)["token"] == 2
    renewed = await client.ask("POST", "/locks/testbed-3/renew", {"token": 2, "seconds": 600})
    assert renewed["expires"] > renewed["since"] + 500
    assert not (await client.ask("POST", "/locks/testbed-3/break", {"why": "its runner is gone"}))["held"]
    await client.ask("POST", "/locks/testbed-3/renew", {"token": 2, "seconds": 600}, status=409)
    await client.ask("POST", "/locks/other/break", {"why": "x"}, status=404)
    log = await client.items("/locks/testbed-3/log", limit=2)
    assert [entry["what"] for entry in log] == ["broken", "acquired", "released", "acquired"]
    assert log[0]["why"] == "it was local's (by hand): its runner is gone"
    assert [lock["held"] for lock in await client.items("/locks")] == [False]


def wish(client: Client, name: str, held: str = "testbed-3", **more: Any) -> dict[str, Any]:
    return client.blueprint(SMALL.format(name=name, locks=held), **more)


async def state(client: Client, lab: str, wanted: str) -> None:
    async with asyncio.timeout(40):
        while (await client.ask("GET", f"/labs/{lab}"))["state"] != wanted:
            await asyncio.sleep(0.02)


async def test_a_lab_holds_its_locks_until_its_end_and_another_waits_in_the_queue(client: Client) -> None:
    await client.up(SMALL.format(name="a", locks="testbed-3, licence"))
    error = await client.ask("POST", "/labs", wish(client, "b"), status=409)
    assert error["detail"] == "The lock testbed-3 is held by local (lab a) until its end."
    assert [lab["name"] for lab in await client.items("/labs")] == ["a"]
    await client.ask("DELETE", "/locks/testbed-3", token=1, status=409)  # a lab's lock is nobody's to give
    await client.ask("POST", "/labs", wish(client, "b", queue=True), status=202)
    await client.ask("POST", "/labs", wish(client, "c", held="other", queue=True), status=202)
    await state(client, "c", "ready")  # whoever waits for a lock delays nobody
    assert (await client.ask("GET", "/labs/b"))["state"] == "waiting"
    await client.down("a")
    await state(client, "b", "ready")
    assert {lock["name"]: lock["holder"] for lock in await client.items("/locks") if lock["held"]} == {
        "testbed-3": "lab b", "other": "lab c",
    }  # fmt: skip
    await client.down("b")
    await client.down("c")
    assert not any(lock["held"] for lock in await client.items("/locks"))


async def test_two_bookings_of_one_lock_do_not_overlap(client: Client) -> None:
    now = (await client.ask("GET", "/calendar"))["now"]
    await client.ask("POST", "/labs", wish(client, "a", begins=now + 1000, seconds=100), status=202)
    error = await client.ask("POST", "/labs", wish(client, "b", begins=now + 1050, seconds=100), status=409)
    assert error["detail"] == "The lock testbed-3 is booked by local (lab a)."
    await client.ask("POST", "/labs", wish(client, "b"), status=409)  # without an end it would come into the way
    await client.ask("POST", "/labs", wish(client, "b", begins=now + 1100, seconds=100), status=202)


async def test_a_booked_lab_whose_lock_is_taken_waits_for_it(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rackless.keepers.timekeeper.AGAIN", 0.1)
    now = (await client.ask("GET", "/calendar"))["now"]
    await client.ask("POST", "/labs", wish(client, "a", begins=now + 1.5), status=202)
    await client.ask("POST", "/locks/testbed-3", {"seconds": 3600, "holder": "ci"}, status=201)
    async with asyncio.timeout(30):
        while "held by local (ci)" not in (lab := await client.ask("GET", "/labs/a"))["reason"]:
            await asyncio.sleep(0.05)
    assert lab["state"] == "booked"
    await client.ask("DELETE", "/locks/testbed-3", token=1, status=204)
    await state(client, "a", "ready")
