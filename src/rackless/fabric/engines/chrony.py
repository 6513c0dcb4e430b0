"""chrony: every node follows the same external sources (https://chrony-project.org/doc/4.3/chrony.conf.html)."""

from __future__ import annotations

from rackless.fabric.places import Folder
from rackless.model.fabric import Layout

PID = "chronyd.pid"


def configuration(layout: Layout, folder: Folder) -> str:
    """Where chrony is the fabric's own."""
    return sources(layout) + (
        f"driftfile {folder / 'drift'}\n"
        # A clock that is far off at boot is set at once; a running one is only slewed.
        "makestep 1.0 3\n"
        "rtcsync\n"
        "port 0\n"
        "cmdport 0\n"
        f"bindcmdaddress {folder / 'chronyd.sock'}\n"
        f"pidfile {folder / PID}\n"
    )


def sources(layout: Layout) -> str:
    """Where chrony is the machine's: a file of its sources.d."""
    return "".join(f"server {source} iburst minpoll 4 maxpoll 8\n" for source in layout.time_sources)
