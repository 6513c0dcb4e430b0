"""One connection to a vCenter: logged in when needed, and again when the session has ended; every call counted.

pyVmomi blocks, so its calls run in a few threads of their own: a clone of ten minutes must hold up nobody else. Properties
are only ever read by a PropertyCollector: an attribute of a managed object would be a request of its own, unseen and
on the event loop's thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from pyVim import connect
from pyVmomi import vim, vmodl

from rackless.model.errors import DeadlineError, InputError, ProviderError
from rackless.model.places import VspherePlace
from rackless.providers.vsphere import faults, properties

Result = TypeVar("Result")

ANSWER = 90.0
"""Seconds for one answer. Long work is a task, which answers at once."""
KEPT = 60
"""Seconds that an idle connection is kept: proxies before vCenter close theirs after about two minutes."""
THREADS = 5
"""As many connections as pyVmomi's stub keeps."""


class Session:
    """Lazy: nothing is connected before the first call. Safe for many tasks of one event loop."""

    def __init__(self, place: VspherePlace, *, answer: float = ANSWER) -> None:
        self.place = place
        self.calls: Counter[str] = Counter()
        self._answer = answer
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix=f"vcenter-{place.name}")
        self._instance: Any = None
        self._content: Any = None
        self._entering = asyncio.Lock()
        self._logins = 0

    async def content(self) -> Any:
        """The service's content; connects and logs in at the first time.

        Raises:
            ProviderError: the server can't be reached or refuses us.
            InputError: the password or the authority can't be read.
        """
        if self._content is None:
            async with self._entering:
                if self._content is None:
                    self.calls["Connect"] += 1
                    self._instance = await self._run(self._connect, "log in")
                    self._content = await self._run(self._instance.RetrieveContent, "log in")
        return self._content

    def _connect(self) -> Any:
        place = self.place
        return connect.SmartConnect(
            host=place.server,
            port=place.port,
            user=place.user,
            pwd=self._password(),
            # Always a context of ours: without one pyVmomi trusts anybody who is at a loopback address.
            sslContext=self.trust(),
            httpConnectionTimeout=self._answer,
            connectionPoolTimeout=KEPT,
        )

    def trust(self) -> ssl.SSLContext:
        """Verifies against the place's authority, and the name; of a thumbprint pyVmomi makes nothing reliable."""
        file = self.place.ca_file
        try:
            return ssl.create_default_context(cafile=None if file is None else str(file))
        except (OSError, ssl.SSLError) as error:
            raise InputError(
                f"The authority {file} can't be read: {error}.", hint="Correct `ca-file` in the site file."
            ) from error

    def _password(self) -> str:
        try:
            return self.place.password_file.read_text(encoding="utf-8").rstrip("\r\n")
        except OSError as error:
            raise InputError(
                f"The password of {self.place.user} can't be read: {error.strerror}: {self.place.password_file}.",
                hint="Put it there, readable by the server's user only.",
            ) from error

    async def call(self, target: Any, method: str, *arguments: Any, doing: str, **named: Any) -> Any:
        """Call `method` (its name in the API: "CloneVM_Task") of a managed object. `doing` tells the user: "clone west-vcp".

        Raises:
            RefusedError: with the fault. AbsentError: the object is gone. BrokenError: no answer.
            DeadlineError: none within the time for one answer.
        """
        await self.content()
        for last in (False, True):
            before = self._logins
            self.calls[method] += 1
            try:
                return await self._run(lambda: getattr(target, method)(*arguments, **named), doing)
            except faults.RefusedError as error:
                if last or "NotAuthenticated" not in error.kinds:
                    raise
                await self._login_again(before)
        raise AssertionError("unreachable")

    async def _login_again(self, seen: int) -> None:
        """Once, whoever of many finds the session ended first."""
        async with self._entering:
            if self._logins != seen:
                return
            self.calls["Login"] += 1
            # A new session: who logs in with one that still lives is told that the password is wrong.
            self._instance._stub.cookie = ""
            manager, place = self._content.sessionManager, self.place
            await self._run(lambda: manager.Login(place.user, self._password()), "log in again")
            self._logins += 1

    async def _run(self, work: Callable[[], Result], doing: str) -> Result:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._answer * 1.5):
                return await loop.run_in_executor(self._threads, work)
        except TimeoutError as error:
            raise DeadlineError(
                f"Waited {self._answer:.0f} s for vCenter {self.place.server} to {doing}, and no answer came.",
                hint="See how loaded the vCenter is; the step can be repeated.",
            ) from error
        except faults.FAULTS as error:
            if "HostConnectFault" in faults.kinds_of(error):
                raise faults.broken(error, self.place.server, doing) from error
            raise faults.translated(error, doing) from error
        except faults.BREAKS as error:
            raise faults.broken(error, self.place.server, doing) from error
        except Exception as error:
            if isinstance(error, (InputError, ProviderError)):
                raise
            # pyVmomi raises bare exceptions for answers that it can't read, as a proxy's page.
            raise faults.broken(error, self.place.server, doing) from error

    async def key(self) -> str:
        """Of the session we are logged in with."""
        manager = (await self.content()).sessionManager
        ((_, said),) = await self.read(properties.of([manager], vim.SessionManager, "currentSession.key"))
        return str(said.get("currentSession.key", ""))

    async def cookie(self) -> str:
        """That of the session, for what is sent to the same server beside the API."""
        await self.content()
        return str(self._instance._stub.cookie).partition(";")[0]

    async def find(self, path: str) -> Any:
        """The object at an inventory path ("DC0/vm/labs/west"), or None."""
        content = await self.content()
        return await self.call(content.searchIndex, "FindByInventoryPath", path, doing=f"look for {path}")

    async def read(self, *wanted: Any) -> list[tuple[Any, dict[str, Any]]]:
        """Objects with properties, by what properties.py makes. One request, and one more for every further page."""
        content = await self.content()
        collector, options = content.propertyCollector, vmodl.query.PropertyCollector.RetrieveOptions()
        found: list[tuple[Any, dict[str, Any]]] = []
        page = await self._reading(
            lambda: self.call(
                collector, "RetrievePropertiesEx", specSet=list(wanted), options=options, doing="read the inventory"
            )
        )
        while page is not None:
            found += [(one.obj, {each.name: each.val for each in one.propSet}) for one in page.objects]
            if not page.token:
                break
            page = await self.call(collector, "ContinueRetrievePropertiesEx", token=page.token, doing="read the inventory")
        return found

    async def _reading(self, work: Callable[[], Any]) -> Any:
        """Reading changes nothing, so that it is done again when the connection was one that the server had closed."""
        try:
            return await work()
        except faults.BrokenError:
            return await work()

    async def close(self) -> None:
        """Log out and let the threads go. For tests and short commands; a server's session ends with it."""
        if self._instance is not None:
            instance, self._instance, self._content = self._instance, None, None
            with contextlib.suppress(ProviderError):  # It is of no use any more either way.
                await self._run(lambda: connect.Disconnect(instance), "log out")
        self._threads.shutdown(wait=False)
