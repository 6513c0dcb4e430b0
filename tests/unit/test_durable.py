"""The vocabulary over the durable-workflow library, on the library itself: replay, errors, retries, deadlines, cancelling."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.postgresql import EVERYWHERE, shared

from rackless import durable
from rackless.client.errors import error_of
from rackless.model.errors import (
    AbsentError,
    BlueprintErrors,
    CancelledError,
    CapacityError,
    DeadlineError,
    DefectError,
    GuestError,
    InputError,
    NotFoundError,
    Problem,
    ProviderError,
    RacklessError,
    StateError,
)

ran: list[str] = []
fail: dict[str, list[Exception]] = {}
gate: dict[str, asyncio.Event] = {}


async def body(name: str) -> str:
    ran.append(name)
    if fail.get(name):
        raise fail[name].pop(0)
    if name in gate:
        await gate[name].wait()
    return name.upper()


@durable.workflow("test-steps")
async def steps(*names: str) -> list[Any]:
    return [await durable.step(name, lambda name=name: body(name), deadline=2, tries=3) for name in names]


@durable.workflow("test-parent")
async def parent(*names: str) -> list[Any]:
    return await durable.all_of([await durable.child(steps, name, name) for name in names])


@durable.workflow("test-clerk")
async def clerk(name: str) -> str:
    try:
        await durable.step(name, lambda: body(name), deadline=2)
    except CancelledError:
        return await durable.step("record", lambda: body("record"), deadline=2, after_cancel=True)
    return "not cancelled"


@pytest.fixture
def record_url(tmp_path: Path) -> str:
    return shared().ready() if EVERYWHERE else f"sqlite:///{tmp_path}/jobs.sqlite"


@pytest.fixture
async def engine(record_url: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    ran.clear()
    fail.clear()
    gate.clear()
    monkeypatch.setattr(durable, "FIRST_PAUSE", 0.01)
    durable.launch(record_url)
    yield
    durable.close()


async def test_a_workflow_runs_its_steps_in_order_and_once_per_id(engine: None) -> None:
    assert await (await durable.start(steps, "a", "one", "two")).result() == ["ONE", "TWO"]
    assert await (await durable.start(steps, "a", "one", "two")).result() == ["ONE", "TWO"]
    assert ran == ["one", "two"]


async def test_children_run_at_once(engine: None) -> None:
    gate["one"] = asyncio.Event()
    handle = await durable.start(parent, "p", "one", "two")
    while "two" not in ran:
        await asyncio.sleep(0.01)
    gate["one"].set()
    assert await handle.result() == [["ONE"], ["TWO"]]


async def test_the_first_failure_is_raised_after_all_children_have_ended(engine: None) -> None:
    fail["one"] = [GuestError("no", hint="yes")]
    with pytest.raises(GuestError, match="no"):
        await (await durable.start(parent, "p", "one", "two")).result()
    assert sorted(ran) == ["one", "two"]


async def test_an_error_comes_back_as_it_was(engine: None) -> None:
    fail["one"] = [StateError("It is so.", hint="Do that.", made=("x",))]
    handle = await durable.start(steps, "e", "one")
    for _ in range(2):
        with pytest.raises(StateError) as caught:
            await handle.result()
        assert (caught.value.message, caught.value.hint, caught.value.made) == ("It is so.", "Do that.", ("x",))


def test_every_problem_of_a_blueprint_is_kept() -> None:
    error = BlueprintErrors([Problem(message="m", hint="h", file="f", line=1, column=2)])
    back = durable.from_record(durable.to_record(error))
    assert isinstance(back, BlueprintErrors)
    assert back.problems == error.problems


@pytest.mark.parametrize(
    "kind",
    [
        *(RacklessError, InputError, NotFoundError, StateError, CancelledError, CapacityError, DeadlineError, ProviderError),
        *(AbsentError, GuestError, DefectError),
    ],
)
def test_an_error_is_of_one_kind_in_the_record_and_for_a_client(kind: type[RacklessError]) -> None:
    kept = durable.to_record(kind("It is so.", hint="Do that.", made=("x",)))
    assert type(durable.from_record(kept)) is type(error_of(kept)) is kind


async def test_a_transient_error_is_tried_again(engine: None) -> None:
    fail["one"] = [ProviderError("busy"), ProviderError("busy")]
    assert await (await durable.start(steps, "t", "one")).result() == ["ONE"]
    assert ran == ["one"] * 3


async def test_a_refusal_is_not_tried_again(engine: None) -> None:
    fail["one"] = [GuestError("commit failed")]
    with pytest.raises(GuestError):
        await (await durable.start(steps, "t", "one")).result()
    assert ran == ["one"]


async def test_tries_end(engine: None) -> None:
    fail["one"] = [ProviderError("busy")] * 5
    with pytest.raises(ProviderError, match="busy"):
        await (await durable.start(steps, "t", "one")).result()
    assert ran == ["one"] * 3


async def test_a_step_that_takes_too_long_says_which(engine: None) -> None:
    gate["slow"] = asyncio.Event()
    with pytest.raises(DeadlineError, match="The step `slow` did not end within 2 s"):
        await (await durable.start(steps, "d", "slow")).result()


async def test_a_bug_becomes_a_defect_without_its_text(engine: None) -> None:
    fail["one"] = [ValueError("password=hunter2")]
    with pytest.raises(DefectError) as caught:
        await (await durable.start(steps, "b", "one")).result()
    assert "hunter2" not in str(caught.value)
    assert "ValueError" in str(caught.value)


async def test_a_cancelled_job_stops_in_its_step_and_records_its_end(engine: None) -> None:
    gate["wait"] = asyncio.Event()
    handle = await durable.start(clerk, "c", "wait")
    while not ran:
        await asyncio.sleep(0.01)
    durable.cancel("c")
    assert await handle.result() == "RECORD"
    assert ran == ["wait", "record"]


async def test_cancelling_reaches_children_and_later_steps(engine: None) -> None:
    gate["wait"] = asyncio.Event()
    handle = await durable.start(parent, "c", "wait", "other")
    while len(ran) < 2:
        await asyncio.sleep(0.01)
    durable.cancel("c")
    with pytest.raises(CancelledError, match="cancelled at the step `wait`"):
        await handle.result()


async def test_a_cancellation_asked_for_before_a_crash_holds_after_it(record_url: str) -> None:
    ran.clear()
    gate.clear()
    durable.launch(record_url, cancelled=["c"])
    try:
        assert await (await durable.start(clerk, "c", "wait")).result() == "RECORD"
        assert ran == ["record"]
    finally:
        durable.close()


@pytest.mark.skipif(EVERYWHERE, reason="a file's mode")
async def test_only_its_owner_can_read_the_record(engine: None, tmp_path: Path) -> None:
    await (await durable.start(clerk, "private", "wait")).result()
    files = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.glob("jobs.sqlite*")}
    assert "jobs.sqlite-wal" in files, "what is recorded does not wait for the disk"
    assert set(files.values()) == {0o600}, files


@pytest.fixture(autouse=True)
def _nothing_is_left() -> Iterator[None]:
    yield
    gate.clear()


async def test_the_library_looks_for_nothing_that_is_never_there(engine: None) -> None:
    threads = {thread.name for thread in threading.enumerate()}
    assert "queue-worker-_dbos_internal_queue" not in threads, "its own thread of queues runs, not ours"
    assert "dbos-background-jobs" not in threads
    assert any("_only_recovery" in thread.name for thread in threading.enumerate())
