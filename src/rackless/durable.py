"""The only file that imports the durable-workflow library (DBOS), and the small vocabulary the rest of the server uses.

* A *workflow* is a registered coroutine function of plain JSON arguments. It is run under an id; the same id runs once.
  After a crash it is run again from the top, and every step that had been recorded gives its recorded result at once.
* A *step* does the work. It is at-least-once: a crash between the work and its record repeats it. Its result is JSON.
* What a step does is broken off when the lease of this server ends, and done anew when there is one again (lease.py).
* A *child* is a workflow inside a workflow: parallelism. Children are started in an order that does not depend on time.

Errors of ours come back as what they were (code, message, hint), through the record as well. Never give a secret to a
workflow or a step as an argument or a result: they are kept in the library's tables. Pass a reference.

Fault injection, for tests: RACKLESS_CRASH_AFTER_STEP=N ends the process as `kill -9` would after the N-th recorded step;
RACKLESS_CRASH_IN_STEP=N does it after the N-th step has done its work and before that is recorded.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import os
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from enum import Enum
from pathlib import Path
from typing import Any, TypeVar, cast

import sqlalchemy as sa
from dbos import DBOS, SetWorkflowID, _dbos
from dbos._error import DBOSWorkflowConflictIDError
from dbos._queue import queue_worker_thread

from rackless import observing, postgresql
from rackless.lease import EVER, Lease, patience
from rackless.model.errors import (
    AbsentError,
    BlueprintErrors,
    CancelledError,
    DeadlineError,
    DefectError,
    GuestError,
    HookError,
    Problem,
    ProviderError,
    RacklessError,
    remade,
)

log = logging.getLogger(__name__)

Json = Any
"""None, bool, int, float, str, and lists and dicts of them."""

Result = TypeVar("Result")
Workflow = Callable[..., Awaitable[Json]]

MOST_ENDED = 1000
"""Jobs of which it is remembered that they have ended here."""
CONNECTIONS = 20
"""To the record; the library's default."""
WAIT = 30
"""Seconds that a writer of a record in a file waits for its turn; the library's default."""
THREADS = 64
"""In which the library waits for its record. The event loop's own few are for those who have work."""
SESSION = {"idle_in_transaction_session_timeout": "8000"}
"""A server that was stopped in the midst of a transaction keeps no others out of the record for long (milliseconds)."""
COALESCED = 1.0
"""Seconds between two looks of the library at events and streams to be told of: there are none here, and it looks every 10 ms."""
FIRST_PAUSE = 0.5
"""Seconds before the first retry of a transient error; doubled each time."""


def _only_recovery(stop_event: threading.Event, dbos: DBOS) -> None:
    """Of the library's queues the one by which it hands on what is to be resumed. It would look into its tables each second for
    others, and for workflows that are late or put off: there are none, and these looks are most of what an idle server costs."""
    queue_worker_thread(stop_event, dbos, dbos._registry.get_internal_queue())


def _nothing(stop_event: threading.Event, dbos: DBOS) -> None:
    """Instead of one of the library's threads that is not needed here."""


vars(_dbos).update(queue_thread=_only_recovery, background_jobs_thread=_nothing)


def to_record(error: RacklessError) -> dict[str, Json]:
    """What is kept of an error."""
    record: dict[str, Json] = {"code": error.code, "message": error.message, "hint": error.hint, "made": list(error.made)}
    if isinstance(error, BlueprintErrors):
        record["problems"] = [vars(problem) for problem in error.problems]
    return record


def from_record(record: dict[str, Json]) -> RacklessError:
    """The error that `to_record` kept; an unknown code becomes the base class."""
    if "problems" in record:
        return BlueprintErrors(Problem(**problem) for problem in record["problems"])
    return remade(record["code"], record["message"], hint=record["hint"], made=tuple(record["made"]))


def transient(error: RacklessError) -> bool:
    """True for errors that may pass when the same is tried again: the place failed, but not by saying no."""
    return isinstance(error, ProviderError) and not isinstance(error, (AbsentError, GuestError, HookError))


class Work(Enum):
    """Of this process on a job."""

    NOT_BEGUN = "not begun"
    GOES_ON = "goes on"
    ENDED = "ended"


class _Running:
    """What this process knows of the jobs it runs; job id = workflow id up to the first slash."""

    def __init__(self) -> None:
        self.steps: dict[str, set[asyncio.Task[Json]]] = {}
        self.cancelled: set[str] = set()
        self.work: dict[str, Work] = {}
        """Of jobs that were begun here; of those that have ended, the last."""
        self.recorded = itertools.count(1)
        self.worked = itertools.count(1)
        self.launched = False
        self.lease = Lease()
        self.goes_on = asyncio.Event()
        """Steps begin."""
        self.goes_on.set()
        self.under_way = 0
        self.quiet = asyncio.Event()
        """No step is under way."""
        self.quiet.set()
        self.engine: sa.Engine | None = None
        """Of the record."""

    def ended(self, job: str) -> None:
        self.work.pop(job, None)
        self.work[job] = Work.ENDED
        over = [old for old, state in self.work.items() if state is Work.ENDED]
        for old in over[:-MOST_ENDED]:
            del self.work[old]


_running = _Running()


def launch(record: str, *, server: str = "local", cancelled: Iterable[str] = (), lease: Lease | None = None) -> None:
    """Open the record and resume what a crash of this server interrupted. Call inside the running event loop, after every
    import of workflows.

    Args:
        record: URL of the record's database (SQLite or PostgreSQL).
        server: who runs what is started here; the same at the next start of this server, and nobody else's.
        cancelled: ids of the jobs whose cancellation was asked for before the crash.
        lease: without it nothing is done; None where there is no other server.
    """
    global _running  # noqa: PLW0603 - one engine a process, as in the library itself
    _running = _Running()
    _running.cancelled.update(cancelled)
    _running.lease = lease or Lease()
    url = postgresql.url_of(record)
    if url.get_backend_name() == "postgresql":
        # The library's own connections would be looked for in pauses that grow up to a minute.
        _running.engine = postgresql.engine(url, size=CONNECTIONS, settings=SESSION, patient=True)
        with suppress(RuntimeError):  # no loop: nothing waits in its threads
            _own_threads()
    else:
        _running.engine = _sqlite(url)
    DBOS(
        config={
            "name": "rackless",
            "system_database_url": url.render_as_string(hide_password=False),
            "system_database_engine": _running.engine,
            # A fixed version: otherwise a hash of the code, and an upgrade would not resume the older release's jobs.
            "application_version": "1",
            "executor_id": server,
            "log_level": "WARNING",
            "notification_coalesce_sec": COALESCED,
        }
    )
    DBOS.launch()
    _running.launched = True


def _sqlite(url: sa.URL) -> sa.Engine:
    """As the library makes one, and with the journal that the store has: with the library's own each record waits for the disk
    three times over (41 ms on the machine where it was measured, a step or two of them in every job). What a loss of power takes
    back is done again, or was taken back in the store too."""
    path = Path(str(url.database))
    # Made before SQLite does, which would make it readable by everybody. Its journals copy the file's mode.
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    path.chmod(0o600)
    engine = sa.create_engine(url, connect_args={"timeout": WAIT}, pool_size=CONNECTIONS, max_overflow=0, hide_parameters=True)
    sa.event.listen(engine, "connect", _pragmas)
    return engine


def _pragmas(connection: Any, _record: object) -> None:
    connection.isolation_level = "IMMEDIATE"  # writers take their turn at the begin of a transaction, not in its midst
    for pragma in ("journal_mode=WAL", "foreign_keys=ON", "synchronous=NORMAL"):
        connection.execute(f"PRAGMA {pragma}")


def prepare(record: str) -> None:
    """Make the record's tables, and begin nothing: for rows that come out of a backup."""
    DBOS.migrate(postgresql.url_of(record).render_as_string(hide_password=False))
    if record.startswith("sqlite:///"):
        os.chmod(record.removeprefix("sqlite:///"), 0o600)


async def take_over(servers: Sequence[str]) -> None:
    """Hand what dead servers ran to those that live, each workflow to one of them. Safe when several servers ask for it."""
    await asyncio.to_thread(DBOS._recover_pending_workflows, list(servers))


def work_on(job: str) -> Work:
    """How far this process is with a job."""
    return _running.work.get(job, Work.NOT_BEGUN)


def hold() -> None:
    """Begin no step any more. Those under way go on to their end; what comes after them is done after the next `launch`, here or
    by who takes this server's jobs over."""
    _running.goes_on.clear()


async def quiet() -> None:
    """Wait until this process is at no step."""
    await _running.quiet.wait()


def launched() -> bool:
    """The record is open, and workflows can run."""
    return _running.launched


def _own_threads() -> None:
    """For what blocks, on the running loop. Raises RuntimeError where none runs."""
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(THREADS, thread_name_prefix="loop"))


async def end() -> None:
    """`close`, of a server that goes on: the library makes its threads the loop's own, and takes them along."""
    _own_threads()
    await asyncio.to_thread(close)


def close() -> None:
    """Let go of the record. Jobs that still run are resumed by the next `launch`."""
    _running.launched = False
    DBOS.destroy()
    if _running.engine is not None:
        _running.engine.dispose()


def workflow(name: str) -> Callable[[Workflow], Workflow]:
    """Register a coroutine function under a name that must never change (a resumed job is found by it)."""

    def register(body: Workflow) -> Workflow:
        @DBOS.workflow(name=name)
        async def recorded(*args: Json) -> dict[str, Json]:
            job = job_id()
            observing.bind(job=job)
            patience.set(EVER)
            if DBOS.workflow_id != job:
                return await _outcome(lambda: body(*args), name)  # a child, at work within its job
            _running.work[job] = Work.GOES_ON
            try:
                return await _outcome(lambda: body(*args), name)
            finally:
                _running.ended(job)

        _registered[body] = recorded
        return body

    return register


_registered: dict[Workflow, Callable[..., Coroutine[Any, Any, Any]]] = {}


class Handle:
    """A workflow that was started. Awaiting `result` twice is fine."""

    def __init__(self, handle: Any) -> None:
        self._handle = handle

    @property
    def id(self) -> str:
        return cast(str, self._handle.get_workflow_id())

    async def result(self) -> Json:
        """Wait for the end. Raises what the workflow raised."""
        return _value(await self._handle.get_result())


async def start(body: Workflow, job: str, *args: Json) -> Handle:
    """Run the workflow under this id, unless it ran or runs already."""
    if "/" not in job:
        _running.work.setdefault(job, Work.GOES_ON)
    with SetWorkflowID(job):
        return Handle(await DBOS.start_workflow_async(_registered[body], *args))


async def child(body: Workflow, name: str, *args: Json) -> Handle:
    """Start a workflow inside the running one; `name` is unique in the job. Call in an order independent of time."""
    return await start(body, f"{job_id()}/{name}", *args)


async def all_of(handles: Iterable[Handle]) -> list[Json]:
    """Wait for every child, also after one failed; then raise the first failure, in the order given."""
    ended: list[Json] = []
    failure: RacklessError | None = None
    for handle in handles:
        try:
            ended.append(await handle.result())
        except RacklessError as error:
            failure = failure or error
    if failure is not None:
        raise failure
    return ended


def job_id() -> str:
    """Id of the job whose workflow (or child) is running here."""
    found = DBOS.workflow_id
    if found is None:
        raise DefectError("A step was run outside of a workflow.")
    return found.split("/")[0]


async def step(
    name: str, body: Callable[[], Awaitable[Result]], *, deadline: float, tries: int = 1, after_cancel: bool = False
) -> Result:
    """Do the work once and record its result (JSON).

    Args:
        deadline: seconds for all tries together.
        tries: how often a transient error is tried again, with doubling pauses.
        after_cancel: run although the job was cancelled (bookkeeping at a job's end).

    Raises:
        DeadlineError: it did not end in time.
        CancelledError: the job was told to stop.
        RacklessError: what the body raised; anything else becomes DefectError.
    """
    job = job_id()
    worked = False
    mine = _running
    await mine.goes_on.wait()

    async def work() -> dict[str, Json]:
        nonlocal worked
        worked = True
        outcome = await _outcome(
            lambda: _bounded(job, name, lambda: _tried(body, tries), deadline=deadline, after_cancel=after_cancel), name
        )
        _crash("RACKLESS_CRASH_IN_STEP", _running.worked)
        return outcome

    mine.under_way += 1
    mine.quiet.clear()
    try:
        with observing.bound(step=name):
            outcome = await DBOS.run_step_async({"name": name}, work)
    finally:
        mine.under_way -= 1
        if not mine.under_way:
            mine.quiet.set()
    if worked:
        _crash("RACKLESS_CRASH_AFTER_STEP", _running.recorded)
    return cast(Result, _value(outcome))


async def _bounded(job: str, name: str, body: Callable[[], Awaitable[Result]], *, deadline: float, after_cancel: bool) -> Result:
    """The deadline counts from when this server may act."""
    while True:
        await _running.lease.valid()
        if job in _running.cancelled and not after_cancel:
            raise _cancelled(name)
        task = asyncio.ensure_future(body())
        if not after_cancel:
            _running.steps.setdefault(job, set()).add(task)
        try:
            if await _ended(task, deadline):
                return task.result()
        except TimeoutError as error:
            raise DeadlineError(
                f"The step `{name}` did not end within {deadline:g} s.",
                hint="See `rackless logs LAB`, then run `rackless up` again.",
            ) from error
        except asyncio.CancelledError:
            if job in _running.cancelled and not after_cancel:
                raise _cancelled(name) from None
            raise
        finally:
            _running.steps.get(job, set()).discard(task)
        log.warning("%s: broken off, because others may take this server for dead; done anew when it is clear", name)


async def _ended(task: asyncio.Future[Any], seconds: float) -> bool:
    """Wait for it. False when the lease ended before, and it was broken off; raises TimeoutError when it took too long."""
    over = asyncio.ensure_future(_running.lease.over())
    try:
        await asyncio.wait({task, over}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        lost = over.done()
    finally:
        over.cancel()
        if not task.done():
            task.cancel()
            await asyncio.wait({task})
            broken_off = True
        else:
            broken_off = False
    if not broken_off or (not task.cancelled() and task.exception() is None):
        return True
    if lost:
        return False
    if task.cancelled():
        raise TimeoutError
    return True


async def _tried(body: Callable[[], Awaitable[Result]], tries: int) -> Result:
    pause = FIRST_PAUSE
    for left in range(tries - 1, -1, -1):
        try:
            return await body()
        except RacklessError as error:
            if not left or not transient(error):
                raise
            log.warning("transient, tried again in %g s: %s", pause, error.message)
        await asyncio.sleep(pause)
        pause *= 2
    raise DefectError("A step was given no tries.")


def cancel(job: str) -> None:
    """Tell the job to stop: its running steps are interrupted, later ones do not begin. The caller keeps the wish durably."""
    _running.cancelled.add(job)
    for task in tuple(_running.steps.get(job, ())):
        task.cancel()


def _cancelled(name: str) -> CancelledError:
    return CancelledError(f"The job was cancelled at the step `{name}`.", hint="Run `rackless up` to go on.")


async def _outcome(body: Callable[[], Awaitable[Json]], name: str) -> dict[str, Json]:
    try:
        return {"value": await body()}
    except RacklessError as error:
        return {"error": to_record(error)}
    except DBOSWorkflowConflictIDError:  # another server goes on with it: the library waits for what becomes of it there
        raise
    except Exception as error:
        log.exception("defect in %s", name)
        defect = DefectError(f"{name} failed unexpectedly ({type(error).__name__}).", hint="The server's log has the details.")
        return {"error": to_record(defect)}


def _value(outcome: dict[str, Json]) -> Json:
    if "error" in outcome:
        raise from_record(outcome["error"])
    return outcome["value"]


def _crash(variable: str, counter: itertools.count[int]) -> None:
    if (wanted := os.environ.get(variable)) and next(counter) == int(wanted):
        log.warning("%s=%s: ending as told", variable, wanted)
        os._exit(9)
