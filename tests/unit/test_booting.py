"""Who boots when: no more at once than there are places, and the lower rank first."""

from __future__ import annotations

import asyncio
from collections.abc import Collection

import pytest

from rackless.workflows.booting import Booting


class Machines:
    """Machines that boot until they are told that they have."""

    def __init__(self, booting: Booting) -> None:
        self._booting = booting
        self.began: list[str] = []
        self.may_end: dict[str, asyncio.Event] = {}
        self.tasks: dict[str, asyncio.Task[None]] = {}

    async def come(self, name: str, rank: int) -> None:
        self.may_end[name] = asyncio.Event()
        self.tasks[name] = asyncio.create_task(self._boot(name, rank))
        await settled()

    async def _boot(self, name: str, rank: int) -> None:
        async with self._booting.place(rank, name):
            self.began.append(name)
            await self.may_end[name].wait()

    async def end(self, name: str) -> None:
        self.may_end[name].set()
        await self.tasks[name]
        await settled()


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_places_are_limited_and_controllers_go_before_cards_that_came_earlier() -> None:
    machines = Machines(Booting(2))
    for name, rank in (("card-a", 2), ("card-b", 2), ("card-c", 2), ("controller", 0), ("card-d", 2)):
        await machines.come(name, rank)
    assert machines.began == ["card-a", "card-b"]
    await machines.end("card-b")
    assert machines.began[2:] == ["controller"]
    await machines.end("controller")
    await machines.end("card-a")
    assert machines.began[3:] == ["card-c", "card-d"]


async def test_who_gives_up_takes_no_place_along() -> None:
    machines = Machines(Booting(1))
    for name in ("first", "impatient", "patient"):
        await machines.come(name, 0)
    machines.tasks["impatient"].cancel()
    await settled()
    machines.tasks["first"].cancel()
    with pytest.raises(asyncio.CancelledError):
        await machines.tasks["first"]
    await settled()
    assert machines.began == ["first", "patient"]
    await machines.end("patient")
    await machines.come("last", 0)
    assert machines.began[-1] == "last"


async def test_one_cancelled_in_the_moment_of_its_turn_hands_the_place_on() -> None:
    booting = Booting(1)
    machines = Machines(booting)
    async with booting.place(0, "other") as place:
        for name in ("unlucky", "next"):
            await machines.come(name, 0)
        place.leave()
        machines.tasks["unlucky"].cancel()
        await settled()
    assert machines.began == ["next"]


async def test_a_place_left_early_is_given_to_the_next_once() -> None:
    booting = Booting(1)
    async with booting.place(0, "other") as place:
        place.leave()
        place.leave()
        async with asyncio.timeout(60), booting.place(0, "other"):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05), booting.place(0, "other"):
                    pass


async def test_who_waits_for_a_turn_is_known() -> None:
    booting = Booting(1)
    machines = Machines(booting)
    for name in ("first", "second"):
        await machines.come(name, 0)
    assert not booting.awaited(["first"])
    assert booting.awaited(["first", "second"])
    await machines.end("first")
    assert not booting.awaited(["first", "second"])
    await machines.end("second")


async def test_one_that_hangs_keeps_nobody_from_booting_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rackless.workflows.booting.HELD", 0.05)
    booting = Booting(1)
    async with booting.place(0, "hangs"), asyncio.timeout(60), booting.place(0, "next"):
        pass


class Full:
    """A host that has room when somebody says so."""

    def __init__(self) -> None:
        self.why = "it is busy"

    def bars(self, memory: int, booting: Collection[int]) -> str:
        return "" if not booting or memory < 100 else self.why


async def test_who_waits_for_the_hosts_ease_is_let_in_when_it_has_come(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rackless.workflows.booting.LOOK", 0.01)
    room = Full()
    booting = Booting(room)
    async with booting.place(0, "first", 256):
        second = asyncio.create_task(_boot(booting, "second", 256))
        await asyncio.sleep(0.05)
        assert (booting.now, booting.waiting, booting.why) == (1, 1, "it is busy")
        room.why = ""
        async with asyncio.timeout(60):
            await second
        assert (booting.now, booting.waiting, booting.why) == (1, 0, "")


async def test_a_small_machine_does_not_overtake_a_big_one_that_came_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rackless.workflows.booting.LOOK", 0.01)
    booting = Booting(Full())
    async with booting.place(0, "first", 256):
        big, small = (asyncio.create_task(_boot(booting, name, size)) for name, size in (("big", 256), ("small", 64)))
        await asyncio.sleep(0.05)
        assert booting.waiting == 2, "or the big one would wait for ever"
    async with asyncio.timeout(60):
        await asyncio.gather(big, small)


async def _boot(booting: Booting, name: str, memory: int) -> None:
    async with booting.place(0, name, memory):
        pass
