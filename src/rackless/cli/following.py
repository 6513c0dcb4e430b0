"""Follow a job: a line on each step, what is being waited for, and for how long. Survives the server's death."""

from __future__ import annotations

import sys
import threading
import time
from typing import TYPE_CHECKING, Any

from rackless.cli.output import tell

if TYPE_CHECKING:
    from rackless.client.api import Api
    from rackless.client.events import JobEvent

REFRESH = 1.0
"""Seconds between two updates of the waiting line on a terminal."""
REMIND = 30.0
"""Seconds between two reminders where there is no terminal."""


class Waiting:
    """The steps that run, shown with their age: on a terminal as one line that is renewed, else as a line now and then."""

    def __init__(self, *, quiet: bool) -> None:
        self._steps: dict[str, tuple[float, str]] = {}
        self._quiet = quiet
        self._live = sys.stderr.isatty() and not quiet
        self._begun = time.monotonic()
        self._lock = threading.Lock()
        self._end = threading.Event()
        self._ticker = threading.Thread(target=self._tick, daemon=True)

    def __enter__(self) -> Waiting:
        self._ticker.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._ticker.join()
        self._clear()

    def take(self, event: JobEvent) -> None:
        """Show an event."""
        step, kind, text = event.step, event.kind, event.text
        with self._lock:
            if kind == "begin" or (kind == "note" and step in self._steps):
                begun = self._steps.get(step, (time.monotonic(), ""))[0]
                self._steps[step] = (begun, text)
            elif kind != "note":
                self._steps.pop(step, None)
            line = {"begin": text, "note": text, "done": f"{step}: done in {text}", "failed": f"{step}: failed: {text}"}[kind]
            if not self._quiet:
                self._clear()
                tell(f"[{time.monotonic() - self._begun:7.1f} s] {line}")

    def _tick(self) -> None:
        while not self._end.wait(REFRESH if self._live else REMIND):
            with self._lock:
                if not self._steps or self._quiet:
                    continue
                now = time.monotonic()
                oldest = sorted(self._steps.values())
                shown = "; ".join(f"{text} ({now - begun:.0f} s)" for begun, text in oldest[:2])
                more = f"; and {len(oldest) - 2} more" if len(oldest) > 2 else ""
                if self._live:
                    sys.stderr.write(f"\r\x1b[K  ... {shown}{more}"[:200])
                    sys.stderr.flush()
                else:
                    tell(f"[{now - self._begun:7.1f} s] still {shown}{more}")

    def _clear(self) -> None:
        if self._live:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


def follow(api: Api, job: str, *, quiet: bool = False, after: int = 0, lab: str = "") -> Any:
    """Until the job's end; returns its result. `lab`: whose job it is, for what Ctrl-C says: the job itself goes on.

    Raises:
        RacklessError: what the job ended with.
    """
    try:
        return _follow(api, job, quiet=quiet, after=after)
    except KeyboardInterrupt:
        if lab:
            tell(f"\nInterrupted; job {job} goes on. Follow it with `rackless logs {lab} --follow`.")
        raise


def _follow(api: Api, job: str, *, quiet: bool, after: int) -> Any:
    from rackless.client.errors import error_of
    from rackless.client.places import Local

    remark = "starting it again" if isinstance(api.place, Local) else "connecting again"
    with Waiting(quiet=quiet) as waiting:
        for event in api.follow(job, after=after, broken=lambda _: tell(f"The server went away; {remark}.")):
            waiting.take(event)
        ended = api.jobs.show_job(job)
    if ended.error:
        raise error_of(ended.error.model_dump())
    return ended.result
