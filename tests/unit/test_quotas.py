"""Quotas: of users, of groups together, over time; who is bound; the queue in a fair order."""

from __future__ import annotations

import time
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.api_client import Client

from rackless.api.app import make
from rackless.api.arrival import on_network
from rackless.model.calendar import ALWAYS, Amounts, Span, Stay, Waiting
from rackless.model.quotas import Quota
from rackless.model.site import Site
from rackless.planning.calendar import PATIENCE, Calendar, earliest, fair_order
from rackless.planning.quotas import HOUR, WINDOW, Hours

SMALL = "name: {name}\nrouters:\n  west: {{cards: 1, ports_per_card: 1}}\n"
"""One router of two machines."""
APP = on_network(make(lambda: None))
DAY = 86400.0


class People:
    """Users with tokens, who book small labs."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.tokens: dict[str, str] = {}

    async def add(self, name: str, role: str = "user") -> None:
        await self.client.ask("POST", "/users", {"name": name, "role": role})
        self.tokens[name] = (await self.client.ask("POST", f"/users/{name}/tokens", {"label": "t"}))["token"]

    async def ask(self, who: str, method: str, path: str, body: Any = None, *, status: int = 0) -> Any:
        headers = {"authorization": f"Bearer {self.tokens[who]}"}
        async with httpx.AsyncClient(transport=httpx.ASGITransport(APP), base_url="http://x/v1", headers=headers) as http:
            answer = await http.request(method, path, json=body, timeout=60)
        assert answer.status_code == status if status else answer.is_success, answer.text
        return answer.json() if answer.content else None

    async def book(self, who: str, name: str, *, status: int = 202, **wish: Any) -> Any:
        """Tomorrow, if nothing else is said: so nothing is made."""
        when = wish or {"begins": time.time() + DAY, "seconds": 3600}
        return await self.ask(who, "POST", "/labs", self.client.blueprint(SMALL.format(name=name), **when), status=status)

    async def limit(self, what: str, **limits: float | None) -> Any:
        return await self.client.ask("PATCH", f"/{what}/quota", {"limits": limits})


@pytest.fixture
async def people(client: Client) -> People:
    made = People(client)
    for name in ("una", "uwe"):
        await made.add(name)
    await made.add("olga", "operator")
    return made


def default(people: People, quota: Quota) -> None:
    """As the site file would say."""
    site = people.client.world.site
    object.__setattr__(site, "quota", quota)
    assert isinstance(site, Site)


@pytest.mark.parametrize(
    ("limit", "most", "told"),
    [
        ("labs", 1, "it takes 1 labs, and 0 of 1 are left"),
        ("routers", 1, "it takes 1 routers, and 0 of 1 are left"),
        ("machines", 3, "it takes 2 machines, and 1 of 3 are left"),
        ("processors", 3, "1 of 3 are left"),
        ("memory", 800, "384 of 800 are left"),
    ],
)
async def test_what_is_beyond_a_quota_is_refused_with_its_numbers(people: People, limit: str, most: float, told: str) -> None:
    await people.limit("users/una", **{limit: most})
    await people.book("una", "one")
    error = await people.book("una", "two", status=409)
    assert error["code"] == "quota"
    assert "beyond the quota of una" in error["detail"]
    assert told in error["detail"]
    assert "It would fit from" in error["hint"]
    assert "Ask an admin" in error["hint"]
    await people.book("uwe", "two")  # nobody else's matter
    await people.book("una", "three", begins=time.time() + 2 * DAY, seconds=3600)  # nor another time's


async def test_the_sites_default_binds_users_and_not_operators(people: People) -> None:
    default(people, Quota(labs=1, longest=2 * DAY, ahead=5 * DAY))
    await people.book("una", "one")
    assert "0 of 1 are left" in (await people.book("una", "two", status=409))["detail"]
    error = await people.book("uwe", "long", status=409, seconds=3 * DAY)
    assert error["detail"] == "The quota of uwe is 2d for a booking, and this is 3d."
    assert "it has no end" in (await people.book("uwe", "long", status=409, begins=time.time() + 5))["detail"]
    assert "ahead" in (await people.book("uwe", "far", status=409, begins=time.time() + 6 * DAY, seconds=60))["detail"]
    for name in ("a", "b"):
        await people.book("olga", name)
    await people.limit("users/olga", labs=2)
    assert "quota of olga" in (await people.book("olga", "c", status=409))["detail"]
    shown = await people.limit("users/una", labs=None, ahead=None)
    assert (shown["limits"]["labs"], shown["limits"]["longest"], shown["set"]) == (None, 2 * DAY, ["ahead", "labs"])
    await people.book("una", "two")
    shown = await people.client.ask("PATCH", "/users/una/quota", {"default": ["labs"]})
    assert (shown["limits"]["labs"], shown["limits"]["ahead"]) == (1, None)


async def test_a_groups_quota_is_for_its_users_together(people: People) -> None:
    await people.client.ask("POST", "/groups", {"name": "core"}, status=201)
    for name in ("una", "uwe", "olga"):
        await people.client.ask("PUT", f"/groups/core/members/{name}", status=204)
    await people.limit("groups/core", machines=4)
    await people.book("una", "one")
    await people.book("olga", "theirs")  # an operator's do not count
    await people.book("uwe", "two")
    error = await people.book("uwe", "three", status=409)
    assert "quota of the group core: it takes 2 machines, and 0 of 4 are left" in error["detail"]
    shown = await people.ask("uwe", "GET", "/users/uwe/quota")
    assert [group["name"] for group in shown["groups"]] == ["core"]
    await people.client.ask("DELETE", "/groups/core/members/una", status=204)
    await people.book("uwe", "three")
    [group] = (await people.client.ask("GET", "/groups"))["items"]
    assert (group["members"], group["limits"]["machines"]) == (["olga", "uwe"], 4)
    await people.client.ask("DELETE", "/groups/core", status=204)
    await people.book("uwe", "four")


async def test_machine_hours_are_counted_over_any_seven_days(people: People) -> None:
    await people.limit("users/una", machine_hours=100)
    now = time.time()
    await people.book("una", "one", begins=now + DAY, seconds=30 * HOUR)  # 60
    error = await people.book("una", "two", status=409, begins=now + 3 * DAY, seconds=30 * HOUR)
    assert "it takes 60 machine-hours in 7 days, and" in error["detail"]
    await people.book("una", "two", begins=now + 3 * DAY, seconds=20 * HOUR)  # 40
    assert "machine-hours" in (await people.book("una", "always", status=409, begins=now + 20 * DAY))["detail"]
    await people.book("una", "three", begins=now + 13 * DAY, seconds=50 * HOUR)
    await people.ask("una", "POST", "/labs/three/extend", {"seconds": 60}, status=409)
    await people.ask("una", "POST", "/labs/two/extend", {"seconds": 1}, status=409)


async def test_what_ended_lately_still_counts_for_its_hours(people: People) -> None:
    await people.limit("users/una", machine_hours=100, labs=1)
    await people.book("una", "one", begins=time.time() - 5, seconds=49 * HOUR)
    error = await people.book("una", "two", status=409, begins=time.time() + 60 * HOUR, seconds=10 * HOUR)
    assert "machine-hours" in error["detail"]
    await people.ask("una", "DELETE", "/labs/one?wait=60", status=202)
    await people.book("una", "two", begins=time.time() + 60 * HOUR, seconds=10 * HOUR)  # what was not used is free again
    used = (await people.ask("una", "GET", "/users/una/quota"))["used"]
    assert 0 < used["machine_hours"] < 1
    assert used["labs"] == 0


async def test_one_that_may_wait_waits_for_its_owners_quota(people: People) -> None:
    await people.limit("users/una", labs=1)
    await people.book("una", "one", seconds=3600)
    assert (await people.book("una", "two", seconds=3600, queue=True))["kind"] == "waiting"
    error = await people.book("una", "big", status=409, seconds=3600)
    assert "quota" in error["detail"]
    lines = {lab["lab"]: lab for lab in await people.client.items("/bookings")}
    assert lines["two"]["begins"] == lines["one"]["ends"]
    await people.client.down("one")
    for _ in range(200):
        state = (await people.client.ask("GET", "/labs/two"))["state"]
        if state == "ready":
            break
        await people.client.text("/labs/two")
    assert state in {"deploying", "ready"}


async def test_who_has_less_is_next_in_the_queue(people: People) -> None:
    object.__setattr__(people.client.world.site, "most_memory", 500)  # one lab at a time
    await people.book("una", "one", seconds=3600)
    await people.book("una", "two", seconds=3600, queue=True)
    await people.book("uwe", "three", seconds=3600, queue=True)
    lines = {lab["lab"]: lab for lab in await people.client.items("/bookings")}
    assert lines["three"]["begins"] == lines["one"]["ends"]
    assert lines["two"]["begins"] == lines["three"]["ends"]


async def test_it_may_not_wait_for_what_it_will_never_have(people: People) -> None:
    await people.limit("users/una", machines=1)
    error = await people.book("una", "one", status=409, seconds=60, queue=True)
    assert "it takes 2 machines, and 1 of 1 are left" in error["detail"]


@pytest.mark.parametrize("wish", [{}, {"seconds": 3600}, {"seconds": 3600, "queue": True}])
async def test_a_lab_does_not_grow_beyond_its_owners_quota(people: People, wish: dict[str, Any]) -> None:
    await people.limit("users/una", machines=4)
    if "queue" in wish:
        await people.limit("users/una", labs=1)
        await people.book("una", "first", seconds=3600)
    made = await people.book("una", "one", **wish)
    if made["job"]:
        await people.client.end_of(made["job"])

    async def grow(cards: int, status: int) -> Any:
        text = SMALL.format(name="one").replace("cards: 1", f"cards: {cards}")
        return await people.ask(
            "una", "PUT", "/labs/one/blueprint", {**people.client.blueprint(text), "replace": True}, status=status
        )

    error = await grow(4, 409)
    assert (error["code"], error["detail"].split(":")[0]) == ("quota", "Lab one is beyond the quota of una")
    await grow(3, 202 if made["job"] else 200)


@pytest.mark.parametrize("change", [{"limits": {"cars": 1}}, {"limits": {"labs": -1}}, {"default": ["cars"]}])
async def test_limits_that_there_are_not_are_refused(people: People, change: dict[str, Any]) -> None:
    await people.client.ask("PATCH", "/users/una/quota", change, status=422)


# --- pure ---

SECOND = 1 / HOUR


def hours() -> st.SearchStrategy[list[Stay]]:
    span = st.builds(
        lambda a, n: Span(begins=a * DAY, ends=(a + n) * DAY), st.integers(-9, 20), st.integers(1, 9) | st.just(ALWAYS)
    )
    return st.lists(
        st.builds(Stay, sandbox=st.just("x"), span=span, amounts=st.builds(Amounts, machines=st.integers(1, 5))), max_size=5
    )


@given(hours(), st.integers(0, 10), st.integers(1, 10), st.integers(1, 4), st.integers(100, 2000))
def test_machine_hours_agree_with_looking_at_every_quarter_of_a_day(
    stays: list[Stay], begins: int, length: int, machines: int, most: int
) -> None:
    wanted, span = Amounts(machines=machines), Span(begins=begins * DAY, ends=(begins + length) * DAY)
    limit = Hours(most, stays)
    together = Hours(most, [*stays, Stay(sandbox="new", span=span, amounts=wanted)])
    moments = [begins * DAY + step * DAY / 4 for step in range(1, 4 * (length + 7))]
    beyond = any(together.used(at) > most for at in moments)
    assert (limit.shortage(wanted, span) is not None) == beyond
    first = limit.earliest(wanted, span.length, span.begins)
    assert first is None or limit.shortage(wanted, Span(begins=first, ends=first + span.length)) is None
    assert (first == span.begins) == (not beyond)


def test_the_earliest_time_fits_in_all_limits() -> None:
    place = Calendar(
        Amounts(memory=4, machines=ALWAYS), [Stay(sandbox="a", span=Span(begins=0, ends=50), amounts=Amounts(memory=3))]
    )
    quota = Calendar(
        Amounts(memory=9, machines=2), [Stay(sandbox="b", span=Span(begins=50, ends=70), amounts=Amounts(machines=2))]
    )
    wanted = Amounts(memory=2, machines=1)
    assert earliest([place, quota], wanted, 10, 0) == 70
    assert earliest([place, quota, Hours(0, [])], wanted, 10, 0) is None
    assert earliest([], wanted, 10, 3) == 3


OWNERS = ["ada", "ben", "cem"]


def queue() -> st.SearchStrategy[list[Waiting]]:
    one = st.builds(
        lambda owner, asked, share: (owner, asked, share), st.sampled_from(OWNERS), st.integers(0, 1000), st.floats(0.01, 1)
    )
    return st.lists(one, max_size=12).map(
        lambda rows: [Waiting(key=at, owner=owner, asked=asked, share=share) for at, (owner, asked, share) in enumerate(rows)]
    )


@given(queue(), st.dictionaries(st.sampled_from(OWNERS), st.floats(0, 3)))
def test_the_order_is_fair(waiting: list[Waiting], tally: dict[str, float]) -> None:
    order = fair_order(waiting, tally, 1000)
    assert sorted(one.key for one in order) == sorted(one.key for one in waiting)
    has = {owner: tally.get(owner, 0.0) for owner in OWNERS}
    left = list(order)
    while left:
        one = left.pop(0)
        assert all(has[one.owner] <= has[other.owner] for other in left), "somebody with less was passed over"
        assert all((one.asked, one.key) < (other.asked, other.key) for other in left if other.owner == one.owner)
        has[one.owner] += one.share


@given(queue(), st.dictionaries(st.sampled_from(OWNERS), st.floats(0, 3)), st.integers(0, 11))
def test_nobody_is_passed_by_what_comes_after_their_patience(waiting: list[Waiting], tally: dict[str, float], which: int) -> None:
    if not waiting:
        return
    one = waiting[which % len(waiting)]
    order = fair_order(waiting, tally, one.asked + PATIENCE)
    before = order[: order.index(one)]
    assert all((other.asked, other.key) < (one.asked, one.key) for other in before)


def test_owners_take_turns() -> None:
    rows = [("ada", 1), ("ada", 2), ("ada", 3), ("ben", 4), ("ben", 5)]
    waiting = [Waiting(key=at, owner=owner, asked=at, share=0.2) for owner, at in rows]
    assert [one.key for one in fair_order(waiting, {}, 10)] == [1, 4, 2, 5, 3]
    assert [one.key for one in fair_order(waiting, {"ada": 0.3}, 10)] == [4, 5, 1, 2, 3]
    assert WINDOW == 7 * DAY
