"""Labs for the tests of one run: brought up when a test asks first, kept alive while tests run, taken down at the end."""

from __future__ import annotations

import contextlib
import getpass
import hashlib
import os
import re
import secrets
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rackless.client import Client
from rackless.client.models import JobState, Started
from rackless.model.errors import NotFoundError, RacklessError, StateError
from rackless.testing.lab import Lab

Tell = Callable[[str], None]

LONGEST = 32
"""Characters of a lab's name."""


class SetUpError(Exception):
    """The lab did not come up. The text says why, and where its machines' serial lines are kept."""


class LeftBehindError(Exception):
    """A lab that could not be taken down."""


@dataclass
class Brought:
    name: str
    lab: Lab | None = None
    failure: str = ""
    renewed: float = 0.0


class Labs:
    """Call it with a blueprint's file for its lab.

    Args:
        keep: leave labs up, under a name that the next run finds.
        length: seconds after which a lab ends by itself; given anew while tests use it.
        worker: of pytest-xdist, "" without it: each has its own labs.
        use: name of a lab that is up already: it stands for every blueprint, and is left as it is.
        folder: where the serial lines of machines are kept when a lab does not come up.
    """

    def __init__(self, client: Client, *, keep: bool, length: float, worker: str, use: str, folder: Path, tell: Tell) -> None:
        self.client = client
        self.keep = keep
        self._length = length
        self._worker = worker
        self._use = use
        self._folder = folder
        self._tell = tell
        self._brought: dict[Path, Brought] = {}

    @property
    def names(self) -> list[str]:
        return [one.name for one in self._brought.values()]

    def __call__(self, file: str | Path) -> Lab:
        """The lab of this blueprint, brought up if it is not yet.

        Raises:
            SetUpError: it did not come up; it is not tried again in this run.
        """
        if self._use:
            return Lab(self.client, self._use)
        path = Path(file).resolve()
        found = self._brought.get(path)
        if found is None:
            # Known before it is begun: Ctrl-C while it comes up takes it down too.
            found = self._brought[path] = Brought(self._name(path))
            self._bring(path, found)
        if found.lab is None:
            raise SetUpError(found.failure or f"Lab {found.name} was interrupted while it came up.")
        self._renew(found)
        return found.lab

    def _name(self, path: Path) -> str:
        """With `keep`, the same for the same user, blueprint and worker; else unlike any other."""
        stem = re.sub(r"[^a-z0-9]+", "-", path.name.removesuffix(".yaml").lower()).strip("-")
        place = f"{getpass.getuser()}@{socket.gethostname()} {path} {self._worker}"
        mark = hashlib.sha256(place.encode()).hexdigest()[:8] if self.keep else secrets.token_hex(4)
        middle = stem[: LONGEST - len("pytest--") - len(mark)].strip("-")
        return "-".join(part for part in ("pytest", middle, mark) if part)

    def _bring(self, path: Path, found: Brought) -> None:
        begun = time.monotonic()
        try:
            started = self._deployed(path, found.name)
            self._tell(f"lab {found.name} ({path.name}) comes up")
            if started.job:
                self._follow(started.job)
        except RacklessError as error:
            found.failure = self._reason(found.name, path, error)
            return
        found.lab = Lab(self.client, found.name)
        found.renewed = time.time()
        with contextlib.suppress(StateError):  # one that was kept has the end that it got then
            self.client.times.extend(found.name, ends=found.renewed + self._length)
        self._tell(f"lab {found.name} is up after {time.monotonic() - begun:.0f} s")

    def _deployed(self, path: Path, name: str) -> Started:
        """A kept lab of a blueprint that has changed since makes way for the new one."""
        try:
            return self.client.deploy_file(path, name=name, seconds=self._length)
        except StateError:
            try:
                job = self.client.labs.show(name).job
            except NotFoundError:
                job = None
            if not self.keep or job is None or job.state == JobState.RUNNING:
                raise
        self._tell(f"lab {name} was kept from another {path.name}, and is taken down")
        self._take_down(name)
        return self.client.deploy_file(path, name=name, seconds=self._length)

    def _follow(self, job: str) -> None:
        for event in self.client.follow(job, broken=lambda error: self._tell(error.message)):
            if event.kind in {"begin", "failed"}:
                self._tell(event.text if event.kind == "begin" else f"{event.step} failed: {event.text}")
        self.client.wait(job)

    def _renew(self, found: Brought) -> None:
        """A long run must not lose its lab; one that was killed must not keep it."""
        now = time.time()
        if now - found.renewed > self._length / 2:
            try:
                self.client.times.extend(found.name, ends=now + self._length)
            except RacklessError as error:
                self._tell(f"lab {found.name} gets no later end: {error.message}")
            found.renewed = now

    def _reason(self, name: str, path: Path, error: RacklessError) -> str:
        lines = [f"Lab {name} of {path} did not come up: {error}"]
        try:
            kept = self._transcripts(name)
        except RacklessError as other:
            kept = []
            if not isinstance(other, NotFoundError):
                lines.append(f"Its transcripts could not be read: {other.message}")
        return "\n".join([*lines, *(f"Transcript: {file}" for file in kept)])

    def _transcripts(self, name: str) -> list[Path]:
        """What the serial lines of its machines showed, in files of ours: the lab's own go with it."""
        kept = []
        for machine in self.client.labs.show(name).machines:
            text = self.client.machines.transcript(name, machine.name)
            if text.strip():
                folder = self._folder / name
                folder.mkdir(parents=True, exist_ok=True)
                file = folder / f"{machine.name}.log"
                with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as opened:
                    opened.write(text)
                kept.append(file)
        return kept

    def close(self) -> None:
        """Take down what was brought up, all at once.

        Raises:
            LeftBehindError: a lab is there still.
        """
        if self.keep:
            return
        left, jobs = [], {}
        for one in self._brought.values():
            try:
                started = self.client.labs.take_down(one.name)
                jobs[one.name] = started.job if started else ""
            except NotFoundError:
                continue
            except RacklessError as error:
                left.append(f"{one.name}: {error.message}")
        for name, job in jobs.items():
            self._tell(f"lab {name} is taken down")
            try:
                if job:
                    self.client.wait(job)
            except RacklessError as error:
                left.append(f"{name}: {error.message}")
        self._brought.clear()
        if left:
            raise LeftBehindError(f"Not taken down: {'; '.join(left)}. `rackless down NAME` does it.")

    def _take_down(self, name: str) -> None:
        started = self.client.labs.take_down(name)
        if started is not None and started.job:
            self.client.wait(started.job)
