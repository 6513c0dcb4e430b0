# Written by packaging/generate_client.py out of asynchronous/: do not edit.
"""The client: what the API has, and what takes several of its routes."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypedDict, Unpack

from rackless.client.blueprint_files import around, text_of
from rackless.client.errors import error_of
from rackless.client.places import Local, Place, resolve
from rackless.client.retrying import Retries
from rackless.client.sse import Parser, Sent
from rackless.client.synchronous import ways
from rackless.client.synchronous.calls import Calls, Json, Stream, part
from rackless.client.synchronous.operations import Operations
from rackless.client.synchronous.streams import Line, line, opened
from rackless.model.errors import DeadlineError, FilesNeededError, InputError, ServerGoneError
from rackless.settings import Settings

if TYPE_CHECKING:
    from rackless.client import decoding, events, models
else:
    from rackless.client.late import decoding, events, models

ROOT = "/v1"
"""Before the paths that `ask` and `lines` take."""
PAGE = 1000
"""Items that are asked for at once."""
LOOK, SELDOM = 0.1, 2.0
"""Seconds between two looks at a job that is waited for with a deadline: doubled each time, up to the second."""


@dataclass(frozen=True)
class Output:
    """Of a command. `exit` is its status; output that is not UTF-8 has replacement characters."""

    exit: int
    out: str
    err: str


class Wish(TypedDict, total=False):
    """When a lab is wanted, as `labs.deploy` takes it."""

    name: str | None
    begins: float | None
    seconds: float | None
    ends: float | None
    queue: bool
    saves: bool


class Client(Operations):
    """A server of Rackless. Use it in an `with`, or `close()` it.

    Without arguments: what the environment names (RACKLESS_URL, RACKLESS_TOKEN or RACKLESS_TOKEN_FILE, RACKLESS_CA), else the
    server that `rackless login` kept, else this machine's, which is started when none runs.

    Args:
        url: https://HOST:PORT, or `local`.
        ca: file of the CA that signed its certificate; without one, those that this machine trusts.
        settings: of this machine's server, in the place of all else.
        place: another client's (`client.place`), in the place of all else.
        start: false: it is an error when this machine's server does not run.

    Raises:
        InputError: what names the server is wrong.
    """

    def __init__(
        self,
        *,
        url: str | None = None,
        token: str | None = None,
        token_file: str | Path | None = None,
        ca: str | Path | None = None,
        settings: Settings | None = None,
        place: Place | None = None,
        start: bool = True,
    ) -> None:
        self.place = place or resolve(url=url, token=token, token_file=token_file, ca=ca, settings=settings)
        super().__init__(Calls(self.place, start=start))

    def __enter__(self) -> Self:
        self.connect()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def settings(self) -> Settings:
        """Of this machine's server.

        Raises:
            InputError: the server is another machine's.
        """
        if not isinstance(self.place, Local):
            raise InputError(
                f"This is about the server of this machine, and {self.place.base} is another.",
                hint="Run it on the server's own machine, or with `--server local`.",
            )
        return self.place.settings

    def connect(self) -> None:
        """Make sure of a server, also after one was lost."""
        self._calls.connect()

    def close(self) -> None:
        self._calls.close()

    def ask(self, method: str, path: str, *, body: Json = None, query: Mapping[str, Any] | None = None, wait: float = 0) -> Json:
        """Any route, its answer as it is: for one that this version has no method for. `wait`: seconds for a job's end."""
        asked = {**(query or {}), **({"wait": wait} if wait else {})}
        return self._calls.call(method, ROOT + path, body=body, query=asked)

    def send(self, method: str, path: str, content: bytes | Iterable[bytes], *, query: Mapping[str, Any] | None = None) -> Json:
        """The same with a body that is no JSON."""
        return self._calls.call(method, ROOT + path, content=content, query=query)

    def items(self, path: str, *, query: Mapping[str, Any] | None = None, most: int | None = None) -> list[Json]:
        """Any list, over all its pages; the first `most` of its items."""
        found: list[Json] = []
        after = None
        while True:
            left = PAGE if most is None else min(PAGE, most - len(found))
            page = self.ask("GET", path, query={**(query or {}), "limit": left, "after": after})
            found += page["items"]
            after = page["next"]
            if after is None or (most is not None and len(found) >= most):
                return found

    def stream(
        self, method: str, path: str, *, body: Json = None, query: Mapping[str, Any] | None = None
    ) -> AbstractContextManager[Stream]:
        """Any route that answers piece by piece."""
        return self._calls.stream(method, ROOT + path, body=body, query=query)

    def lines(
        self,
        method: str,
        path: str,
        *,
        body: Json = None,
        content: bytes | Iterable[bytes] | None = None,
        query: Mapping[str, Any] | None = None,
    ) -> Generator[Json]:
        """Any route that answers in lines of JSON. `content`: a body that is none."""
        return self._calls.lines(method, ROOT + path, body=body, content=content, query=query)

    def socket(self, path: str, query: Mapping[str, Any]) -> ways.Socket:
        """The websocket of a route, as it is."""
        return opened(self._calls, ROOT + path, query)

    def deploy_file(self, file: str | Path, **wish: Unpack[Wish]) -> models.Started:
        """Deploy a blueprint with the files that it refers to, read here. Go on with `follow` or `wait`.

        Raises:
            BlueprintErrors: what is wrong with it, each with its place.
        """
        text = text_of(str(file))
        try:
            return self.labs.deploy(text=text, file=str(file), **wish)
        except FilesNeededError as error:
            files = around(str(file), error.names)
        return self.labs.deploy(text=text, file=str(file), files=files, complete=True, **wish)

    def follow(
        self, job: str, *, after: int = 0, broken: Callable[[ServerGoneError], None] = lambda _: None
    ) -> Generator[events.JobEvent]:
        """The events of a job until its end, from the one after number `after`; goes on where a connection broke.

        Args:
            broken: told of each break.
        """
        for sent in self._sent(f"/jobs/{part(job)}/events", {}, str(after), broken):
            if sent.event == "end":
                return
            if sent.event == "step":
                yield decoding.decoded(events.JobEvent, json.loads(sent.data), "the events of a job")

    def watch(
        self,
        *,
        lab: str | None = None,
        topics: Iterable[str] = (),
        after: int | None = None,
        broken: Callable[[ServerGoneError], None] = lambda _: None,
    ) -> Generator[events.Event]:
        """What happens, as far as you may see it, without an end; goes on where a connection broke. After a ResetEvent events
        are missing: read anew what you show.

        Args:
            lab: of this lab only.
            topics: some of labs, jobs, steps, machines and links; none means all.
            after: only what came after the event of this id; None: from now on.
            broken: told of each break.
        """
        query = {"lab": lab, "topics": ",".join(topics)}
        for sent in self._sent("/events", query, "" if after is None else str(after), broken):
            if sent.event in events.BODIES:
                yield events.Event(int(sent.id), decoding.decoded(events.BODIES[sent.event], json.loads(sent.data), "the events"))

    def _sent(self, path: str, query: Mapping[str, Any], last: str, broken: Callable[[ServerGoneError], None]) -> Generator[Sent]:
        """Server-sent events, again and again from the last one's id; whoever reads knows when it is the last."""
        parser = Parser(last)
        retries = Retries()
        while True:
            try:
                for sent in self._calls.sent(ROOT + path, parser, query=query):
                    retries = Retries()
                    yield sent
                raise ServerGoneError(f"{self.place.name} ended the stream.")
            except ServerGoneError as error:
                pause = retries.after_break()
                if pause is None:
                    raise
                broken(error)
                ways.sleep(pause)
                self.connect()
                parser = Parser(parser.last)

    def wait(self, job: str, *, deadline: float | None = None) -> models.Job:
        """The job at its end.

        Args:
            deadline: seconds from now; None for as long as it takes.

        Raises:
            DeadlineError: it had not ended by then. It goes on.
            RacklessError: what it ended with.
        """
        end = None if deadline is None else ways.now() + deadline
        look = LOOK
        while (found := self.jobs.show_job(job)).state == models.JobState.RUNNING:
            if end is None:
                for _ in self.follow(job):
                    pass
            elif (left := end - ways.now()) <= 0:
                raise DeadlineError(f"Job {job} ({found.verb}) has not ended within {deadline:g} s.", hint="It goes on.")
            else:
                ways.sleep(min(look, left))
                look = min(2 * look, SELDOM)
        if found.error:
            raise error_of(found.error.model_dump())
        return found

    def run(self, lab: str, owner: str, command: str, *, user: str = "root") -> Output:
        """Run a command on a router (over SSH) or a host, to its end.

        Raises:
            RacklessError: it could not be run. A command that fails has its status in `exit`.
        """
        texts = {"out": b"", "err": b""}
        status = 255
        for kind, data in self.pieces(lab, owner, command, user=user):
            if isinstance(data, bytes):
                texts[kind] += data
            else:
                status = data
        return Output(status, texts["out"].decode(errors="replace"), texts["err"].decode(errors="replace"))

    def pieces(self, lab: str, owner: str, command: str, *, user: str = "root") -> Generator[tuple[str, bytes | int]]:
        """The same, as it comes: ("out", bytes), ("err", bytes), at last ("exit", status)."""
        path = f"/labs/{part(lab)}/run/{part(owner)}"
        for piece in self.lines("POST", path, body={"command": command, "user": user}):
            if "error" in piece:
                raise error_of(piece["error"])
            ((kind, value),) = piece.items()
            yield kind, int(value) if kind == "exit" else base64.b64decode(value)

    def console(
        self, lab: str, machine: str, *, write: bool = True, takeover: bool = False, replay: bool = False, who: str = "client"
    ) -> AbstractContextManager[Line]:
        """A machine's serial line. Many may watch, one may write.

        Args:
            takeover: take the keyboard from whoever has it.
            replay: begin with what was shown before.
            who: who has the keyboard, for others that ask for it.
        """
        query = {"write": write, "takeover": takeover, "replay": replay, "who": who}
        path = f"{ROOT}/labs/{part(lab)}/machines/{part(machine)}/console"
        return line(self._calls, path, query, greeted=True)

    def shell(
        self, lab: str, router: str, *, user: str = "root", columns: int = 80, rows: int = 24, term: str = "dumb"
    ) -> AbstractContextManager[Line]:
        """A terminal session on a router, over SSH through the server."""
        query = {"user": user, "columns": columns, "rows": rows, "term": term}
        return line(self._calls, f"{ROOT}/labs/{part(lab)}/routers/{part(router)}/shell", query, greeted=False)
