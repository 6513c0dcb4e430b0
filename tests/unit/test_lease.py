"""A server acts only while its heartbeats are written, and takes for dead only whom it has watched in silence."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from rackless import durable
from rackless.keepers.silence import GAP, Silence
from rackless.lease import Lease
from rackless.store.servers import LEFT, MARKED, ServerRow

ONE = ServerRow(id="one", host="a", pid=1, started=10.0, seen=10.0)
SECONDS = 6.0


class Clock:
    """Monotonic seconds that a test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def looks(silence: Silence, row: ServerRow, *moments: float) -> list[bool]:
    return [bool(silence.look([row], moment)) for moment in moments]


def test_who_shows_nothing_while_it_is_watched_is_dead() -> None:
    assert looks(Silence(SECONDS), ONE, 0, 1, 2, 3, 4, 5, 5.9, 6) == [False] * 7 + [True]


def test_a_heartbeat_begins_the_count_anew() -> None:
    silence = Silence(SECONDS)
    assert looks(silence, ONE, 0, 1, 2, 3, 4, 5) == [False] * 6
    assert looks(silence, replace(ONE, seen=11.0), 6, 7, 8, 9, 10, 11, 12) == [False] * 6 + [True]


@pytest.mark.parametrize("seen", [9.0, 11.0], ids=["an older state of the database", "a newer one"])
def test_any_change_is_a_sign_of_life(seen: float) -> None:
    silence = Silence(SECONDS)
    looks(silence, ONE, 0, 1, 2, 3, 4, 5)
    assert looks(silence, replace(ONE, seen=seen), 6) == [False]


def test_nobody_is_dead_because_the_database_was_away() -> None:
    """For 30 s nobody could write, and nobody could look. All are back at once, and none is first."""
    silence = Silence(SECONDS)
    looks(silence, ONE, 0, 1, 2)
    assert looks(silence, ONE, 32, 33, 34, 35, 36, 37, 38) == [False] * 6 + [True]


def test_a_pause_in_watching_begins_the_count_anew() -> None:
    silence = Silence(SECONDS)
    looks(silence, ONE, 0, 1, 2, 3, 4, 5)
    assert looks(silence, ONE, 5 + GAP + 0.1) == [False]


@pytest.mark.parametrize("seen", [LEFT, MARKED])
def test_who_left_or_is_marked_is_nobodys_to_wait_for(seen: float) -> None:
    assert looks(Silence(SECONDS), replace(ONE, seen=seen), 0) == [True]


async def test_a_lease_ends_by_itself_and_comes_back_with_a_heartbeat() -> None:
    clock = Clock()
    lease = Lease(4.0, clock=clock)
    assert lease.held, "before the first heartbeat nothing was begun that others could take"
    lease.renew(clock.now)
    clock.now += 3.9
    assert lease.held
    clock.now += 0.2
    assert not lease.held
    waiting = asyncio.ensure_future(lease.valid())
    await asyncio.sleep(0)
    assert not waiting.done()
    lease.renew(clock.now)
    await asyncio.wait_for(waiting, 60)
    over = asyncio.ensure_future(lease.over())
    await asyncio.sleep(0)
    lease.end()
    await asyncio.wait_for(over, 60)


async def test_it_counts_from_when_the_heartbeat_was_sent() -> None:
    clock = Clock()
    lease = Lease(4.0, clock=clock)
    sent = clock.now
    clock.now += 3.5  # it was written in this time, perhaps at once: others count from then
    lease.renew(sent)
    clock.now += 1
    assert not lease.held


begun: list[str] = []
go_on = asyncio.Event()
lost = Lease(60.0)


@durable.workflow("lease-story")
async def story() -> list[str]:
    async def body() -> int:
        begun.append("begun")
        try:
            await asyncio.wait_for(go_on.wait(), 60)
        except asyncio.CancelledError:
            begun.append("broken off")
            raise
        return len(begun)

    assert await durable.step("work", body, deadline=30) == 3
    return list(begun)


async def test_a_step_is_broken_off_without_the_lease_and_done_anew_with_it(tmp_path: object) -> None:
    begun.clear()
    durable.launch(f"sqlite:///{tmp_path}/jobs.sqlite", lease=lost)
    try:
        handle = await durable.start(story, "lease-1")
        await until(lambda: begun == ["begun"])
        lost.end()
        await until(lambda: begun == ["begun", "broken off"])
        go_on.set()
        await asyncio.sleep(0.1)
        assert begun == ["begun", "broken off"], "nothing is done without the lease"
        lost.renew(asyncio.get_running_loop().time())
        assert await asyncio.wait_for(handle.result(), 30) == ["begun", "broken off", "begun"]
    finally:
        durable.close()


async def until(so: object) -> None:
    async with asyncio.timeout(30):
        while not so():  # type: ignore[operator]
            await asyncio.sleep(0.01)
