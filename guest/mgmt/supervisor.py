"""Keeps the router's own daemons running: those that the configuration asks for, and no others.

Daemons run in the foreground as our children. When the management daemon is restarted, it takes over by pid file those
that still run.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .world import Machine

FOLDER = "/run/mgd"
STOP_DEADLINE = 5.0
"""Seconds that a daemon gets to end by itself."""
LONGEST_PAUSE = 30.0
"""Seconds between two starts of a daemon that always dies."""
LOOK = 2.0
"""Seconds between two looks at daemons that were taken over; children are looked at in the same round."""


class Daemon:
    """What to run. `ready` is a path that exists once others may rely on it. `reload`: SIGHUP makes it read its files again."""

    __slots__ = ("argv", "name", "ready", "reload")

    def __init__(self, name: str, argv: Sequence[str], *, ready: str = "", reload: bool = False) -> None:
        self.name = name
        self.argv = list(argv)
        self.ready = ready
        self.reload = reload


class _Running:
    __slots__ = ("child", "daemon", "failures", "pid", "started")

    def __init__(self, daemon: Daemon, pid: int, child: subprocess.Popen[bytes] | None) -> None:
        self.daemon = daemon
        self.pid = pid
        self.child = child
        self.started = time.monotonic()
        self.failures = 0

    def alive(self) -> bool:
        if self.child is not None:
            return self.child.poll() is None
        return runs(self.pid, self.daemon.argv)


def runs(pid: int, argv: Sequence[str]) -> bool:
    """Whether the process was started so. Some put words of their own around: "sshd: /usr/sbin/sshd -D [listener]"."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            shown = file.read().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return False
    return " ".join(argv) in shown


class Supervisor:
    """Starts, stops, watches. Safe to call from several threads."""

    def __init__(self, world: Machine, log: Callable[[str], None]) -> None:
        self._world = world
        self._log = log
        self._lock = threading.RLock()
        self._running: dict[str, _Running] = {}
        self._pauses: dict[str, tuple[Daemon, float, int]] = {}
        self._closing = threading.Event()
        if world.live:
            os.makedirs(FOLDER, exist_ok=True)
            threading.Thread(target=self._watch, name="supervisor", daemon=True).start()

    def running(self, name: str) -> bool:
        with self._lock:
            here = self._running.get(name)
            return here is not None and (not self._world.live or here.alive())

    def ensure(self, daemon: Daemon) -> bool:
        """Make it run with these arguments; True when it had to be started."""
        with self._lock:
            self.adopt(daemon)
            here = self._running.get(daemon.name)
            if here is not None and here.daemon.argv == daemon.argv and (not self._world.live or here.alive()):
                here.daemon = daemon
                return False
            if here is not None:
                self.stop(daemon.name)
            self._start(daemon)
            return True

    def adopt(self, daemon: Daemon) -> None:
        """Take over a daemon that an earlier management daemon has left running with these arguments, if there is one."""
        with self._lock:
            text = self._world.read(f"{FOLDER}/{daemon.name}.pid")
            if daemon.name in self._running or not self._world.live or not text or not text.strip().isdigit():
                return
            found = _Running(daemon, int(text), None)
            if found.alive():
                self._running[daemon.name] = found
                self._log(f"daemon {daemon.name}: running => kept (pid {found.pid})")

    def _start(self, daemon: Daemon, failures: int = 0) -> None:
        self._pauses.pop(daemon.name, None)
        if not self._world.live:
            if self._world.run(["start", *daemon.argv]).code == 0:
                self._running[daemon.name] = _Running(daemon, 0, None)
            return
        if daemon.ready:
            self._world.remove(daemon.ready)
        try:
            with open(f"/var/log/{daemon.name}.log", "ab") as output:
                child = subprocess.Popen(
                    daemon.argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
                )
        except OSError as error:
            self._log(f"daemon {daemon.name}: cannot start: {error.strerror}")
            self._pauses[daemon.name] = (daemon, time.monotonic() + LONGEST_PAUSE, failures + 1)
            return
        here = _Running(daemon, child.pid, child)
        here.failures = failures
        self._running[daemon.name] = here
        self._world.write(f"{FOLDER}/{daemon.name}.pid", f"{child.pid}\n")
        self._log(f"daemon {daemon.name}: stopped => running (pid {child.pid})")

    def reload(self, name: str) -> None:
        """Make a running daemon read its files again."""
        with self._lock:
            here = self._running.get(name)
            if here is None:
                return
            if not self._world.live:
                self._world.run(["reload", name])
            elif here.alive():
                os.kill(here.pid, signal.SIGHUP)

    def stop(self, name: str) -> None:
        """Absent is success."""
        with self._lock:
            self._pauses.pop(name, None)
            here = self._running.pop(name, None)
        if here is None:
            return
        if not self._world.live:
            self._world.run(["stop", name])
            return
        end = time.monotonic() + STOP_DEADLINE
        try:
            if here.alive():
                os.kill(here.pid, signal.SIGTERM)
            while here.alive() and time.monotonic() < end:
                self._closing.wait(0.02)
            if here.alive():
                os.kill(here.pid, signal.SIGKILL)
                if here.child is not None:
                    here.child.wait(STOP_DEADLINE)
        except ProcessLookupError:
            pass
        self._world.remove(f"{FOLDER}/{name}.pid")
        self._log(f"daemon {name}: running => stopped (configuration)")

    def wait_ready(self, name: str, deadline: float, *, once: bool = False) -> bool:
        """Wait until the daemon's `ready` path is there; False when `deadline` seconds passed, or (`once`) when it has ended
        before."""
        with self._lock:
            here = self._running.get(name)
        if here is None or not self._world.live:
            return here is not None
        end = time.monotonic() + deadline
        while not os.path.exists(here.daemon.ready):
            if time.monotonic() > end or (once and not here.alive()) or self._closing.wait(0.05):
                return False
        return True

    def names(self) -> list[str]:
        """Names of the daemons that run."""
        with self._lock:
            return sorted(name for name in self._running if self.running(name))

    def restart(self, name: str) -> bool:
        """Stop and start; False when it does not run."""
        with self._lock:
            here = self._running.get(name)
            if here is None:
                return False
            self.stop(name)
            self._start(here.daemon)
            return True

    def close(self) -> None:
        """Stop watching; the daemons go on."""
        self._closing.set()

    def stop_all(self) -> None:
        for name in list(self._running):
            self.stop(name)

    def _watch(self) -> None:
        while not self._closing.wait(LOOK):
            with self._lock:
                self._look()

    def _look(self) -> None:
        now = time.monotonic()
        for name, here in list(self._running.items()):
            if here.alive():
                continue
            code = here.child.returncode if here.child is not None else "unknown"
            failures = here.failures + 1 if now - here.started < 60 else 1
            pause = min(LONGEST_PAUSE, 2.0 ** (failures - 1) - 1)
            self._log(f"daemon {name}: running => dead (exit {code}), starts again in {pause:g} s")
            del self._running[name]
            self._pauses[name] = (here.daemon, now + pause, failures)
        for name, (daemon, at, failures) in list(self._pauses.items()):
            if now >= at and name not in self._running:
                self._start(daemon, failures)
