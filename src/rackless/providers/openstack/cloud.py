"""The one connection to a project of a cloud: every request is counted, has a deadline, and is made again when that can help.

What is given to `Cloud.call` may run more than once, so it has to be safe to repeat: it looks before it makes.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import random
import re
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from email.utils import parsedate_to_datetime
from pathlib import Path
from traceback import walk_tb
from typing import Any, TypeVar
from urllib.parse import urlsplit

from rackless.deadline import Deadline
from rackless.model.errors import AbsentError, CapacityError, DeadlineError, ProviderError, RacklessError
from rackless.model.places import OpenStackPlace

Result = TypeVar("Result")
AGAIN = frozenset({429, 500, 502, 503, 504})
"""Statuses that go away by themselves."""
REQUEST_SECONDS = 60.0
"""Of one request; an image's upload is many."""
CALL_SECONDS = 180.0
"""Of a call with all its tries."""
WORKERS = 8
"""Calls at once."""
PAUSE_SECONDS = 0.5
"""Before the second try; twice as long before each later one."""
_LIMIT = re.compile(r"quota|limit exceeded|exceeds allowed", re.IGNORECASE)


class Cloud:
    """`connect` makes the connection (openstacksdk's), at the first call: starting the server is free of it."""

    def __init__(self, place: OpenStackPlace, connect: Callable[[OpenStackPlace], Any] | None = None) -> None:
        self.place = place
        self.calls: Counter[str] = Counter()
        """Requests by "METHOD service", for the bench."""
        self.ahead: float | None = None
        """Seconds by which the cloud's clock is before ours, by its last answer that had a date."""
        self._connect = connect or connection
        self._made: Any = None
        self._making = asyncio.Lock()
        self._workers = asyncio.Semaphore(WORKERS)
        self._threads = ThreadPoolExecutor(WORKERS, thread_name_prefix=f"cloud-{place.name}")

    async def call(self, what: str, work: Callable[[Any], Result], *, seconds: float | None = None) -> Result:
        """`work(connection)` in a thread. `what`: for errors, as in "making the network NAME".

        Raises:
            AbsentError, CapacityError, ProviderError: the cloud's answer, with its reason.
            DeadlineError: it said nothing but "later" until the deadline.
        """
        left = CALL_SECONDS if seconds is None else seconds
        pause = PAUSE_SECONDS
        renewed = False
        while True:
            async with self._workers:  # The time until it is this call's turn is not the cloud's, and does not count.
                deadline = Deadline(left)
                had = False
                try:
                    made = await deadline.wait(self._connection(), f"a connection to {self.place.name}")
                    had = True
                    return await deadline.wait(self._threaded(work, made), f"{self.place.name}: {what}")
                except Exception as error:
                    # The three libraries have no common ancestor of their errors.
                    theirs = type(error).__module__.partition(".")[0] in ("openstack", "keystoneauth1", "requests")
                    if not theirs and not _ousted(error):
                        raise
                    wait = _again(error)
                    if _status(error) == 401 and had and not renewed:
                        renewed, wait = True, 0.0  # Another thread may have lost and renewed the session that this one had.
                    if wait is None or deadline.left <= max(pause, wait):
                        raise self.translated(what, error) from error
            await deadline.pause(max(wait, pause * random.uniform(0.7, 1.3)))
            pause = min(pause * 2, 15.0)
            left = deadline.left

    async def _threaded(self, work: Callable[[Any], Result], made: Any) -> Result:
        """In a thread of our own: those of the event loop are fewer on a small machine, and others wait for them too."""
        here = contextvars.copy_context()
        return await asyncio.get_running_loop().run_in_executor(self._threads, lambda: here.run(work, made))

    async def _connection(self) -> Any:
        async with self._making:
            if self._made is None:
                made = await asyncio.to_thread(self._connect, self.place)
                try:
                    await asyncio.to_thread(made.authorize)
                except Exception as error:
                    # keystoneauth1 says by a bare Exception that clouds.yaml has no password.
                    if type(error) is not Exception:
                        raise
                    raise ProviderError(
                        f"{self.place.name}: the credentials can't be used: {error}.", hint="See docs/howto/openstack.md."
                    ) from error
                made.session.session.hooks["response"].append(self._count)
                self._made = made
            return self._made

    def _count(self, answer: Any, *_: object, **__: object) -> None:
        self.calls[f"{answer.request.method} {_service(answer.request.url)}"] += 1
        with contextlib.suppress(TypeError, ValueError):
            self.ahead = parsedate_to_datetime(answer.headers.get("Date", "")).timestamp() - time.time()

    def translated(self, what: str, error: Exception) -> RacklessError:
        """The cloud's error as one of ours."""
        name, status, said = self.place.name, _status(error), _said(error)
        text = f"{name}: {what} failed: {said}"
        if status == 404:
            return AbsentError(text, hint="Look whether somebody else removed it.")
        if status in (403, 409, 413) and _LIMIT.search(said):
            return CapacityError(text, hint="End other labs, or ask the cloud's operators for a larger quota of the project.")
        if status in (401, 403):
            return ProviderError(text, hint=f"Run `rackless site check {name}`: the credentials or their roles do not suffice.")
        if status is None and _again(error) is not None:
            return DeadlineError(text, hint=f"Run `rackless site check {name}`: the cloud can't be reached.")
        if status in AGAIN:
            return ProviderError(text, hint="The cloud's services fail; try again, and tell its operators if that stays so.")
        return ProviderError(text, hint=f"Run `rackless site check {name}`.")


def connection(place: OpenStackPlace) -> Any:
    """By clouds.yaml or by the environment's OS_* variables. TLS is verified as they say, and by default.

    Raises:
        ProviderError: there are no such credentials.
    """
    import openstack
    from openstack import config, exceptions

    more: dict[str, Any] = {"api_timeout": REQUEST_SECONDS, "app_name": "rackless"}
    try:
        if place.clouds_file is None:
            loader = config.OpenStackConfig()
        else:
            # Passwords may be in a file of their own beside it; the SDK by itself looks for that at its own places only.
            file = Path(place.clouds_file).expanduser()
            loader = config.OpenStackConfig(config_files=[str(file)], secure_files=[str(file.with_name("secure.yaml"))])
        region = loader.get_one(cloud=place.cloud or None, **more)
        return openstack.connection.Connection(config=region)
    except (exceptions.ConfigException, exceptions.SDKException) as error:
        where = f"the cloud {place.cloud} of clouds.yaml" if place.cloud else "OS_* variables"
        raise ProviderError(f"{place.name}: {where} can't be used: {error}", hint="See docs/howto/openstack.md.") from error


def project(cloud: Any) -> dict[str, str]:
    """What lists are asked for, so that they have the connection's own project only: to administrators they show all projects, of
    which another may be a place of the same site."""
    return {"project_id": str(cloud.current_project_id)}


def status_of(error: BaseException) -> int | None:
    """The HTTP status that an error of the SDK stands for."""
    return _status(error)


def _status(error: BaseException) -> int | None:
    for name in ("status_code", "http_status"):
        value = getattr(error, name, None)
        if isinstance(value, int) and value:
            return value
    return None


def _again(error: BaseException) -> float | None:
    """Seconds to wait at least before another try; None where one can't help."""
    if _ousted(error):
        return 0.0
    status = _status(error)
    if status is not None:
        if status not in AGAIN:
            return None
        answer = getattr(error, "response", None)
        after = answer.headers.get("Retry-After", "") if answer is not None else ""
        return float(after) if after.isdigit() else 0.0
    gone = (
        "ConnectFailure",
        "ConnectTimeout",
        "ConnectionError",
        "ReadTimeout",
        "RetriableConnectionFailure",
        "UnknownConnectionError",
    )
    return 0.0 if any(kind.__name__ in gone for kind in type(error).__mro__) else None


def _ousted(error: BaseException) -> bool:
    """Whether another thread's request lost the session that this one was about to use: keystoneauth1 asserts then that there is
    one (identity/base.py, `get_access`), for it forgets a session without the lock under which it begins one."""
    if not isinstance(error, AssertionError):
        return False
    *_, (last, _) = walk_tb(error.__traceback__)
    return str(last.f_globals.get("__name__", "")).startswith("keystoneauth1.")


def _said(error: BaseException) -> str:
    """The service's own words, out of the SDK's sentence about them."""
    details = getattr(error, "details", None)
    text = str(details or getattr(error, "message", None) or error)
    return " ".join(text.split())[:500].rstrip(".") + "."


def _service(url: str) -> str:
    """What a path is about: "servers", "ports", "tokens"."""
    parts = [part for part in urlsplit(url).path.split("/") if part and not re.fullmatch(r"v\d[\d.]*", part)]
    known = ("servers", "ports", "networks", "subnets", "images", "flavors", "trunks", "tokens", "extensions", "os-interface")
    return next((part for part in reversed(parts) if part in known), parts[0] if parts else "versions")
