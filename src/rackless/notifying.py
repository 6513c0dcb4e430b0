"""What a service manager is told (sd_notify(3), Type=notify): ready, still alive, about to end. Without one, nothing happens."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import MutableMapping

log = logging.getLogger(__name__)


class Manager:
    """Taken out of the environment, so that machines and other programs that are started from here don't speak for the server."""

    def __init__(self, environ: MutableMapping[str, str] = os.environ) -> None:
        address = environ.pop("NOTIFY_SOCKET", "")
        if address.startswith("@"):  # in the abstract namespace (unix(7))
            address = "\0" + address[1:]
        self._address = address if address.startswith(("/", "\0")) else ""
        allowed, meant = environ.pop("WATCHDOG_USEC", ""), environ.pop("WATCHDOG_PID", "")
        mine = not meant or meant == str(os.getpid())
        self.pause = int(allowed) / 1e6 / 2 if allowed.isdecimal() and int(allowed) and mine else None
        """Seconds between two signs of life: half of what the manager allows; None when it waits for none
        (sd_watchdog_enabled(3))."""

    def tell(self, *lines: str) -> None:
        """Assignments, as READY=1. Never fails the caller."""
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as teller:
                teller.sendto("\n".join(lines).encode(), self._address)
        except OSError as error:
            log.warning("the service manager could not be told: %s", error)

    def ready(self, status: str) -> None:
        self.tell("READY=1", f"STATUS={status}")

    def stopping(self) -> None:
        self.tell("STOPPING=1", "STATUS=Ending; machines go on running.")

    async def keep(self) -> None:
        """Give signs of life until cancelled. They come from the event loop: one that hangs gives none, and is started anew."""
        while self.pause is not None:
            self.tell("WATCHDOG=1")
            await asyncio.sleep(self.pause)
        await asyncio.Event().wait()
