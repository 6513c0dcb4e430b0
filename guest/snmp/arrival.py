"""Waits until something appears in a folder, at no cost (inotify(7)); Python's own library has no such wait."""

from __future__ import annotations

import ctypes
import os
import select

IN_ATTRIB, IN_MOVED_TO, IN_CREATE = 0x4, 0x80, 0x100
IN_NONBLOCK, IN_CLOEXEC = 0o4000, 0o2000000
"""sys/inotify.h; the access rights of a socket are set after it was made, which is an IN_ATTRIB."""


class Arrival:
    """Watches a folder from the moment it is made, so that nothing is missed between a look and a wait."""

    def __init__(self, folder: str) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        self._fd: int = libc.inotify_init1(IN_NONBLOCK | IN_CLOEXEC)
        if self._fd < 0:
            raise OSError(ctypes.get_errno(), "inotify_init1")
        if libc.inotify_add_watch(self._fd, os.fsencode(folder), IN_ATTRIB | IN_MOVED_TO | IN_CREATE) < 0:
            number = ctypes.get_errno()
            os.close(self._fd)
            raise OSError(number, os.strerror(number), folder)

    def wait(self, seconds: float | None = None) -> bool:
        """Until anything came since the last wait, or the time is up (None: no end); True when something came."""
        if not select.select([self._fd], [], [], seconds)[0]:
            return False
        try:
            while os.read(self._fd, 65536):
                pass
        except BlockingIOError:
            pass
        return True

    def close(self) -> None:
        os.close(self._fd)
