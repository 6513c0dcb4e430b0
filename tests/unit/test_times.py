"""Labs in time on the `fake` provider: booked, queued, warned of, extended, ended; refused with the time when it would fit."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import httpx
import pytest
from tests.unit.api_client import Client

from rackless.keepers import webhook
from rackless.model.lifecycle import SandboxState
from rackless.sandboxes import times
from rackless.store import pools, sandboxes

SMALL = "name: {name}\nrouters:\n  west: {{cards: 1, ports_per_card: 1}}\n"
HOUR = 3600.0


def small(client: Client, name: str, **more: Any) -> dict[str, Any]:
    return client.blueprint(SMALL.format(name=name), **more)


async def until(found: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(30):
        while not await found():
            await asyncio.sleep(0.02)


async def is_in(client: Client, name: str, state: str) -> None:
    """Wait until the lab is in that state."""

    async def there() -> bool:
        return any(lab["name"] == name and lab["state"] == state for lab in await client.items("/labs"))

    await until(there)


async def gone(client: Client, name: str) -> None:
    async def there() -> bool:
        return all(lab["name"] != name for lab in await client.items("/labs"))

    await until(there)


async def room_for(client: Client, labs: int) -> None:
    """The place bears so many small labs."""
    plan = await client.ask("POST", "/plans", small(client, "measure"))
    client.cloud.memory = labs * plan["totals"]["memory"]


async def told(client: Client, name: str) -> list[str]:
    return [entry["what"] for entry in await client.items(f"/labs/{name}/history")]


async def test_a_lab_ends_when_its_time_is_over_and_nothing_is_left(client: Client) -> None:
    await client.up(SMALL.format(name="brief"), seconds=HOUR)
    await client.ask("POST", "/labs/brief/extend", {"ends": time.time() + 1})
    await gone(client, "brief")
    assert await client.world.provider.owned() == ()
    assert await client.world.database.run(pools.count) == {}
    assert await told(client, "brief") == ["booked", "deploying", "ready", "extended", "warned", "tearing-down", "ended"]


@pytest.mark.parametrize("when", [-6.3e205, -1.0, 1e18, 1.7e308])
async def test_times_that_no_clock_has_are_refused(client: Client, when: float) -> None:
    await client.up(SMALL.format(name="lab"), seconds=HOUR)
    await client.ask("POST", "/labs/lab/extend", {"ends": when}, status=422)
    for named in ("begins", "ends"):
        await client.ask("POST", "/labs", small(client, "other", **{named: when}), status=422)
    assert [lab["name"] for lab in await client.items("/labs")] == ["lab"]


async def test_a_booked_lab_begins_at_its_time_and_holds_nothing_before(client: Client) -> None:
    started = await client.ask("POST", "/labs", small(client, "later", begins=time.time() + 2, seconds=HOUR))
    assert (started["kind"], started["job"]) == ("booked", "")
    lab = await client.ask("GET", "/labs/later")
    assert (lab["state"], lab["machines"], lab["wires"]) == ("booked", [], [])
    assert "It begins at" in lab["note"]
    assert await client.world.provider.owned() == ()
    assert await client.world.database.run(pools.count) == {}
    again = await client.ask("POST", "/labs", small(client, "later"))
    assert again["kind"] == "booked"
    await is_in(client, "later", "ready")
    await client.down("later")


async def test_a_booked_lab_can_be_given_up(client: Client) -> None:
    await client.ask("POST", "/labs", small(client, "later", begins=time.time() + HOUR))
    await client.down("later")
    assert await told(client, "later") == ["booked", "tearing-down", "ended"]


async def test_what_is_booked_counts_as_used_and_a_refusal_says_when_it_would_fit(client: Client) -> None:
    await room_for(client, 1)
    begins = time.time() + HOUR
    await client.ask("POST", "/labs", small(client, "first", begins=begins, seconds=HOUR))
    await client.ask("POST", "/labs", small(client, "before", begins=begins - 1800, seconds=1800))
    error = await client.ask("POST", "/labs", small(client, "second", begins=begins + 60, seconds=HOUR), status=409)
    assert error["code"] == "capacity"
    assert "Lab second does not fit" in error["detail"]
    assert "MiB of memory are wanted, and 0 are free" in error["detail"]
    assert f"from {times.moment(begins + HOUR)} on" in error["hint"]
    error = await client.ask("POST", "/labs", small(client, "second"), status=409)  # without an end: it would meet them
    assert "never" not in error["hint"]
    await client.ask("POST", "/labs", small(client, "second", begins=begins + HOUR, seconds=HOUR))
    assert [lab["lab"] for lab in await client.items("/bookings")] == ["before", "first", "second"]
    paged = await client.ask("GET", "/bookings", limit=2)
    rest = await client.ask("GET", "/bookings", limit=2, after=paged["next"])
    assert [lab["lab"] for lab in [*paged["items"], *rest["items"]]] == ["before", "first", "second"]
    assert rest["next"] is None
    assert (await client.ask("GET", "/calendar"))["held"]["labs"] == 0, "all begin later"


async def test_the_queue_keeps_its_order_and_lets_by_who_delays_nobody(client: Client) -> None:
    await room_for(client, 2)
    await client.up(SMALL.format(name="a"), seconds=HOUR)
    await client.up(SMALL.format(name="b"), seconds=2 * HOUR)
    held = (await client.ask("GET", "/calendar"))["held"]
    assert held == {what: 2 * amount for what, amount in (await client.items("/bookings"))[0]["amounts"].items()}
    two = SMALL + "  east: {{cards: 1, ports_per_card: 1}}\n"
    large = await client.ask("POST", "/labs", client.blueprint(two.format(name="large"), seconds=HOUR, queue=True))
    assert large["kind"] == "waiting"
    small_one = await client.ask("POST", "/labs", small(client, "small", seconds=2 * HOUR, queue=True))
    assert small_one["kind"] == "waiting"
    # `b` goes: half of the place is free. `large` needs all of it when `a` ends, in an hour: `small` would still be there then.
    await client.down("b")
    short = await client.ask("POST", "/labs", small(client, "short", seconds=HOUR / 2, queue=True))
    await is_in(client, "short", "ready")
    assert short["kind"] == "new"
    states = {lab["name"]: lab["state"] for lab in await client.items("/labs")}
    assert states == {"a": "ready", "large": "waiting", "small": "waiting", "short": "ready"}
    await client.down("a")
    await client.down("short")
    await is_in(client, "large", "ready")
    assert {lab["name"]: lab["state"] for lab in await client.items("/labs")}["small"] == "waiting"
    await client.down("large")
    await is_in(client, "small", "ready")


async def test_the_end_is_warned_of_once_and_an_extension_moves_it(client: Client) -> None:
    await client.up(SMALL.format(name="lab"), seconds=300)
    assert "It ends at" in (await client.ask("GET", "/labs/lab"))["note"]
    before = (await client.ask("GET", "/labs/lab"))["ends"]
    after = await client.ask("POST", "/labs/lab/extend", {"seconds": HOUR})
    assert after["ends"] == pytest.approx(before + HOUR)
    assert (await client.ask("GET", "/labs/lab"))["note"] == ""
    await client.ask("POST", "/labs/lab/extend", {"ends": time.time() + 200})
    await until(lambda: _warned_twice(client))
    assert (await client.ask("POST", "/labs/lab/extend", {}))["ends"] is None
    error = await client.ask("POST", "/labs/lab/extend", {"ends": time.time() - 5}, status=422)
    assert "that has passed" in error["detail"]


async def _warned_twice(client: Client) -> bool:
    return (await told(client, "lab")).count("warned") == 2


async def test_no_extension_into_what_others_have_booked(client: Client) -> None:
    await room_for(client, 1)
    now = time.time()
    await client.up(SMALL.format(name="now"), seconds=HOUR)
    await client.ask("POST", "/labs", small(client, "next", begins=now + 2 * HOUR, seconds=HOUR))
    error = await client.ask("POST", "/labs/now/extend", {"seconds": 2 * HOUR}, status=409)
    assert f"It can have until {times.moment(now + 2 * HOUR)}" in error["hint"]
    await client.ask("POST", "/labs/now/extend", {"ends": now + 2 * HOUR})


async def test_configurations_are_kept_at_the_end_when_that_was_asked_for(client: Client) -> None:
    text = SMALL.format(name="keep").replace("ports_per_card: 1", "ports_per_card: 1, startup: west.set")
    await client.up(text, seconds=2, saves=True)
    await gone(client, "keep")
    kept = list(client.world.kept.glob("keep-*/west.set"))
    assert len(kept) == 1
    assert "time-zone UTC" in kept[0].read_text()
    assert kept[0].stat().st_mode & 0o777 == 0o600


async def test_a_router_that_does_not_answer_keeps_nobody_from_the_end(client: Client) -> None:
    await client.up(SMALL.format(name="keep"), seconds=HOUR, saves=True)
    client.cloud.kill("keep", "west-vcp")
    await client.ask("POST", "/labs/keep/extend", {"ends": time.time() + 0.5})
    await gone(client, "keep")
    assert await client.world.provider.owned() == ()


async def test_a_webhook_is_told_in_order_and_again_when_it_was_not_taken(client: Client) -> None:
    told: list[dict[str, Any]] = []
    refusals = [httpx.Response(503)]

    async def take(request: httpx.Request) -> httpx.Response:
        if refusals:
            return refusals.pop()
        told.append(json.loads(request.content))
        return httpx.Response(204)

    world = replace(client.world, site=replace(client.world.site, webhook="https://chat.example.net/hook"))
    telling = asyncio.create_task(webhook.keep(world, httpx.MockTransport(take)))
    await client.up(SMALL.format(name="lab"), seconds=HOUR)
    await client.down("lab")

    async def all_told() -> bool:
        return bool(told) and told[-1]["what"] == "ended"

    await until(all_told)
    telling.cancel()
    assert [entry["what"] for entry in told] == ["booked", "deploying", "ready", "tearing-down", "ended"]
    assert {entry["lab"] for entry in told} == {"lab"}


async def test_a_time_that_came_while_no_server_ran_is_caught_up_with(client: Client) -> None:
    """The row says that it ended an hour ago, as after a night without a server."""
    await client.up(SMALL.format(name="old"))
    key = (await client.world.database.run(sandboxes.get, "old")).id
    await client.world.database.run(sandboxes.extend, key, time.time() - HOUR, "the night")
    client.world.changed.set()
    await gone(client, "old")


async def test_a_deployment_that_still_runs_at_the_end_is_stopped(client: Client) -> None:
    client.cloud.fail("card", 99, name="west-vfp0")
    await client.ask("POST", "/labs", small(client, "slow", seconds=1))
    await gone(client, "slow")
    assert await client.world.provider.owned() == ()


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        ({"begins": 1.0}, "that has passed"),
        ({"ends": 1.0}, "before it begins"),
        ({"seconds": 60.0, "ends": 4e9}, "Both a length and an end"),
        ({"seconds": -1.0}, "greater than 0"),
    ],
)
async def test_times_that_cannot_be_are_refused(client: Client, wish: dict[str, float], said: str) -> None:
    error = await client.ask("POST", "/labs", small(client, "lab", **wish), status=422)
    assert said in error["detail"]
    assert await client.items("/labs") == []


def test_every_state_has_its_row() -> None:
    from rackless.model.lifecycle import SANDBOX

    assert set(SANDBOX) == set(SandboxState)
