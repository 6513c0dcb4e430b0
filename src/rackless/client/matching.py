"""A client talks to a server of its own version only: another's answers may have other keys.

One that is idle is ended, so that ours takes its place: labs go on without a server. One that is at work is left alone.
"""

from __future__ import annotations

import contextlib
import sys
import time
from pathlib import Path
from typing import Any

import httpx

from rackless import unencrypted
from rackless.model.errors import DeadlineError, StateError
from rackless.release import build
from rackless.settings import Settings

ASKING = 60.0
ENDING = 30.0
"""Seconds until a server that was told to end has ended."""
LOOK = 0.05
NOT_FOUND = 404


def make_way(settings: Settings) -> bool:
    """Look at the server that answers. True: it was another version's, and has ended.

    Raises:
        StateError: it is another version's and has jobs that run.
        DeadlineError: it did not end in time.
    """
    transport = unencrypted.transport(settings.socket)
    with httpx.Client(transport=transport, base_url="http://rackless", timeout=ASKING, trust_env=False) as http:
        try:
            answer, root = http.get("/v1/server"), "/v1"
            if answer.status_code == NOT_FOUND:  # from before the API had versions
                answer, root = http.get("/server"), ""
        except httpx.TransportError:
            return False  # It is just ending, or too busy: what is asked of it next will tell.
        found = answer.json() if answer.is_success else {}
        mine = build()
        if found.get("build") == mine:
            return False
        jobs = found.get("running", found.get("jobs", "unknown"))
        if jobs:
            raise _busy(found, jobs, mine)
        settings.refuse_others()
        sys.stderr.write(f"The server is another version's ({_name(found)}) and idle: replacing it with this one's ({mine}).\n")
        with contextlib.suppress(httpx.TransportError):
            # With its pid: when another client was quicker, the one that answers now is not meant.
            http.post(f"{root}/server/stop", params={"pid": found["pid"]} if "pid" in found else {})
    await_end(settings, found.get("pid"))
    return True


def await_end(settings: Settings, pid: int | None) -> None:
    """Until the server's process is gone, and its locks with it; without a pid, until its socket is.

    Raises:
        DeadlineError: it lives on.
    """
    end = time.monotonic() + ENDING
    while _lives(pid) if pid is not None else settings.socket.exists():
        if time.monotonic() > end:
            raise DeadlineError(f"The server did not end within {ENDING:g} s.", hint="See server.log in its state directory.")
        time.sleep(LOOK)


def _lives(pid: int) -> bool:
    try:
        # The state follows the name, which is in parentheses and may hold anything (proc(5)).
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def _busy(found: dict[str, Any], jobs: Any, mine: str) -> StateError:
    names = jobs if isinstance(jobs, list) else []
    count = len(names) if names else jobs
    which = f" ({', '.join(names)})" if names else ""
    where = f", from {found['sources']}" if "sources" in found else ""
    return StateError(
        f"A server of another version of Rackless runs, and {count} job{'' if count == 1 else 's'} with it{which}: "
        f"it is {_name(found)}{where}, this is {mine}.",
        hint="Run `rackless stop` when its jobs are through (or now: they go on with the next server), then this again.",
    )


def _name(found: dict[str, Any]) -> str:
    return str(found.get("build") or found.get("version") or "unknown")
