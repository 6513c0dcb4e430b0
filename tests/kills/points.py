"""Where a server may be killed: installed into the server's process by the driver, so that the product itself has nothing of it.

At each point the process says where it is and stops itself (SIGSTOP, all threads at once). The driver then copies its
directory, which is what a `kill -9` at this very moment would leave, and lets it go on. So one run gives the remains of a kill at
every point of it.

Points are before each durable step, in it (its work done, not recorded) and after it; and besides wherever something became
durable: a transaction of the store, a deed of the place, a workflow handed to the library.
"""

from __future__ import annotations

import asyncio
import contextvars
import json
import os
import signal
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import sqlalchemy as sa

from rackless import durable
from rackless.providers.fake import FakeProvider
from rackless.store.database import Database

QUIET = frozenset({"job_events", "events", "servers", "access_log"})
"""Tables whose rows nobody decides by."""

_step: contextvars.ContextVar[str] = contextvars.ContextVar("step", default="")
_local = threading.local()


def install(pipe: int) -> None:
    """Stop at every point from now on."""

    def point(kind: str, what: str) -> None:
        os.write(pipe, json.dumps({"kind": kind, "what": what, "step": _step.get()}).encode() + b"\n")
        os.kill(os.getpid(), signal.SIGSTOP)

    _steps(point)
    _starts(point)
    _transactions(point)
    _deeds(point)


Point = Callable[[str, str], None]


def _steps(point: Point) -> None:
    whole = durable.step

    async def step(name: str, body: Callable[[], Awaitable[Any]], **more: Any) -> Any:
        ran = False

        async def watched() -> Any:
            nonlocal ran
            ran = True
            token = _step.set(name)
            point("before", name)
            try:
                return await body()
            finally:
                point("in", name)
                _step.reset(token)

        try:
            return await whole(name, watched, **more)
        finally:
            if ran:
                point("after", name)

    durable.step = step  # type: ignore[assignment]


def _starts(point: Point) -> None:
    whole = durable.start

    async def start(body: Any, job: str, *args: Any) -> Any:
        what = "/".join(["workflow", *job.split("/")[1:]])  # a job's own id is another one in each run
        point("before", what)
        handle = await whole(body, job, *args)
        point("after", what)
        return handle

    durable.start = start


def _transactions(point: Point) -> None:
    whole = Database.run

    def written(_conn: Any, _cursor: Any, statement: str, *_: Any) -> None:
        words = statement.replace('"', "").split(None, 3)
        if words[0] in {"INSERT", "UPDATE", "DELETE"} and hasattr(_local, "tables"):
            _local.tables.add(words[1] if words[0] == "UPDATE" else words[2].split("(")[0])

    async def run(self: Database, body: Any, *args: Any, **kwargs: Any) -> Any:
        tables: set[str] = set()

        def noted(db: sa.Connection, *inner: Any, **more: Any) -> Any:
            _local.tables = tables
            try:
                return body(db, *inner, **more)
            finally:
                del _local.tables

        try:
            result = await whole(self, noted, *args, **kwargs)
        except asyncio.CancelledError:
            raise
        if tables - QUIET:
            point("store", ",".join(sorted(tables - QUIET)))
        return result

    sa.event.listen(sa.engine.Engine, "before_cursor_execute", written)
    Database.run = run  # type: ignore[assignment]


def _deeds(point: Point) -> None:
    whole = FakeProvider._end

    def end(self: FakeProvider, verb: str, name: str, changed: str | None = None) -> None:
        whole(self, verb, name, changed)
        if changed is not None and verb not in {"check", "owned", "console", "channel"}:
            point("place", f"{verb} {name}")

    FakeProvider._end = end  # type: ignore[method-assign]
