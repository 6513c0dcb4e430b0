"""Start the server on first use: in a session of its own, with its log in the state directory."""

from __future__ import annotations

import os
import socket
import sys
import time
from pathlib import Path

from rackless.client.matching import make_way
from rackless.model.errors import DeadlineError, ProviderError, StateError
from rackless.settings import Settings

STARTING = 60.0
"""Seconds until the socket must answer; measured are 1 to 3, more on a loaded machine."""
LOOK = 0.05
LOG_LINES = 5


def answers(path: Path) -> bool:
    """True when something listens on the socket."""
    with socket.socket(socket.AF_UNIX) as trial:
        trial.settimeout(2)
        try:
            trial.connect(str(path))
        except OSError:
            return False
    return True


def log_file(settings: Settings) -> Path:
    return settings.state / "server.log"


def ensure_server(settings: Settings, *, start: bool = True) -> None:
    """Return when a server of this version listens; with `start` false, when one of any version does.

    Raises:
        StateError: none runs, and `start` is false; or one of another version runs and is at work.
        ProviderError: it ended at once; with the last words of its log.
        DeadlineError: it did not listen in time.
    """
    if settings.node:
        if answers(settings.socket):
            return
        raise StateError(
            "The server of this node does not run.",
            hint="The fabric's daemon starts it, unless the node is in maintenance: `rackless fabric status`.",
        )
    if answers(settings.socket):
        if not start or not make_way(settings):
            return
    elif not start:
        raise StateError("No server is running.", hint="Any command that needs it starts it; or run `rackless serve`.")
    settings.make()
    pid = _spawn(settings)
    end = time.monotonic() + STARTING
    dead_since: float | None = None
    while not answers(settings.socket):
        now = time.monotonic()
        if dead_since is None and _ended(pid):
            dead_since = now
        # Ours may have ended because another client's was first: then that one listens in a moment.
        if dead_since is not None and now - dead_since > 3:
            raise ProviderError(
                f"The server ended at its start: {_last_words(settings)}", hint=f"Its log is {log_file(settings)}."
            )
        if now > end:
            raise DeadlineError(f"The server does not listen after {STARTING:g} s.", hint=f"Its log is {log_file(settings)}.")
        time.sleep(LOOK)


def _spawn(settings: Settings) -> int:
    from rackless.running import spawn  # asyncio is slow to import, and needed only here

    environment = {
        "RACKLESS_STATE": str(settings.state),
        "RACKLESS_RUN": str(settings.run),
        "RACKLESS_IMAGES": str(settings.images),
        "RACKLESS_SITE": str(settings.site_file),
        # The package may be run from a source tree that only the path of this process knows.
        "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[2]), *filter(None, [os.environ.get("PYTHONPATH")])]),
    }
    return spawn([sys.executable, "-m", "rackless.cli.main", "serve"], log=log_file(settings), env=environment, cwd=Path("/"))


def _ended(pid: int) -> bool:
    try:
        return os.waitpid(pid, os.WNOHANG)[0] == pid
    except ChildProcessError:
        return True


def _last_words(settings: Settings) -> str:
    lines = log_file(settings).read_text(encoding="utf-8", errors="replace").strip().splitlines()
    found = [line for line in lines if line.startswith("Error: ")]
    return found[-1].removeprefix("Error: ") if found else " / ".join(lines[-LOG_LINES:]) or "it said nothing"
