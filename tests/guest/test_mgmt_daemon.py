"""The management daemon as a process: how it ends."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from .test_mgmt_stories import ENVIRONMENT, prepare

TERMINATED_IN_A_CALLBACK = """
import os, signal, sys, weakref
from mgmt import daemon, datastore

class Lock: ...

def start(self):
    lock = Lock()
    seen = weakref.ref(lock, lambda _: os.kill(os.getpid(), signal.SIGTERM))
    del lock

datastore.Datastore.start = start
daemon.main(sys.argv[1:])
"""
"""The signal comes where Python loses exceptions, as it does in a callback of an import: rare, and so made to happen here."""


def test_term_ends_the_daemon_whatever_it_is_at(tmp_path: Path) -> None:
    root = tmp_path / "root"
    prepare(root, None)
    command = [sys.executable, "-c", TERMINATED_IN_A_CALLBACK, "--root", str(root)]
    ended = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, timeout=20, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert not (root / "run/mgd.sock").exists()
