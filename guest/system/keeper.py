"""The role's daemons as children of the agent: forked, not started, since a new Python costs an emulated processor a second."""

from __future__ import annotations

import ctypes
import gc
import os
import signal
import sys
import time
import traceback
from importlib import import_module

from system import links

PR_SET_PDEATHSIG, PR_SET_NAME = 1, 15
"""linux/prctl.h: the signal a process gets when its parent ends, as the next agent starts its own children; the name that `ps -e`
shows, of 15 octets."""
AGAIN_AFTER = 1.0
"""Seconds at least between two starts of the same daemon."""


class Keeper:
    """Keeps modules' `main()` running, each in a process of its own."""

    def __init__(self) -> None:
        self.running: dict[int, str] = {}
        self.due: dict[str, float] = {}
        """When a daemon that ended is started again, monotonic seconds."""

    def keep(self, module: str) -> None:
        if module not in self.running.values() and module not in self.due:
            self.due[module] = time.monotonic()
            self.tend()

    def tend(self) -> None:
        """Take note of those that ended, start those that are due."""
        for pid in list(self.running):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                module = self.running.pop(pid)
                links.say(f"{module} ended with status {status}")
                self.due[module] = time.monotonic() + AGAIN_AFTER
        now = time.monotonic()
        for module in [module for module, when in self.due.items() if when <= now]:
            del self.due[module]
            self.running[self._fork(module)] = module

    def patience(self) -> float | None:
        """Seconds until a daemon is due, None when all run."""
        return max(0.0, min(self.due.values()) - time.monotonic()) if self.due else None

    def _fork(self, module: str) -> int:
        daemon = import_module(module)
        gc.freeze()  # shared pages stay shared
        pid = os.fork()
        if pid:
            return pid
        status = 1
        try:
            prctl = ctypes.CDLL(None).prctl
            prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
            prctl(PR_SET_NAME, module.encode(), 0, 0, 0)
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_SETMASK, ())
            daemon.main()
            status = 0
        except BaseException:  # noqa: BLE001  # the child's last words; nothing of the parent may run on in it
            links.say(f"{module}: {traceback.format_exc().strip().splitlines()[-1]}")
            traceback.print_exc(file=sys.stderr)
        finally:
            os._exit(status)
