"""What QEMU says of a guest over QMP, as it happens, and what it is found to be (qapi/run-state.json of QEMU 7.2)."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from rackless.vmhost.reasons import Event, EventKind

TWICE = 2.0
"""Seconds in which a second word of the same is the first one told again: QEMU tells of a reset twice."""
AGAIN = 0.5
MOST = 64
BY_GUEST = {"guest-shutdown": EventKind.SHUTDOWN, "guest-reset": EventKind.RESET, "guest-panic": EventKind.PANICKED}


def understood(message: Mapping[str, Any], at: float) -> Event | None:
    """A QMP event that tells of the guest's life; None for any other message."""
    data = message.get("data") or {}
    detail = str(data.get("reason") or data.get("action") or "")
    kind = {"GUEST_PANICKED": EventKind.PANICKED, "WATCHDOG": EventKind.WATCHDOG}.get(str(message.get("event")))
    if message.get("event") == "RESET":
        kind = EventKind.RESET if data.get("guest") else EventKind.RESET_BY_HOST
    if message.get("event") == "SHUTDOWN":
        kind = BY_GUEST.get(detail, EventKind.SHUTDOWN_BY_HOST)
    return Event(kind=kind, at=at, detail=detail) if kind is not None else None


class Occurrences:
    """Of one guest. Follows its events socket for as long as there is one, and connects anew to the next machine."""

    def __init__(self, path: Path, now: Callable[[], float] = time.time) -> None:
        self._path, self._now = path, now
        self._events: deque[Event] = deque(maxlen=MOST)
        self._last: dict[EventKind, float] = {}
        self._happened = asyncio.Event()
        self.connected = asyncio.Event()

    def note(self, event: Event) -> None:
        if event.at - self._last.get(event.kind, float("-inf")) >= TWICE:
            self._events.append(event)
            self._happened.set()
        self._last[event.kind] = event.at

    def take(self) -> tuple[Event, ...]:
        self._happened.clear()
        events = tuple(self._events)
        self._events.clear()
        return events

    async def wait(self, seconds: float) -> None:
        try:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._happened.wait(), seconds)
        finally:
            # What happened stays where it is; who waits again, without having taken it, waits for the next.
            self._happened.clear()

    async def follow(self) -> None:
        while True:
            try:
                reader, writer = await asyncio.open_unix_connection(str(self._path), limit=1 << 20)
            except OSError:
                await asyncio.sleep(AGAIN)
                continue
            try:
                await self._listen(reader, writer)
            except (OSError, ValueError):
                pass
            finally:
                self.connected.clear()
                writer.close()
                self._happened.set()  # its process may have ended
            await asyncio.sleep(AGAIN)

    async def _listen(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()  # the greeting
        writer.write(b'{"execute": "qmp_capabilities"}\n')
        while line := await reader.readline():
            message = json.loads(line)
            if "return" in message:
                self.connected.set()
            event = understood(message, self._now())
            if event is not None:
                self.note(event)
