"""A host gets the builds that it lacks from the server, whole and verified, once however many machines wait for one."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

from rackless.images import transfer
from rackless.images.store import Image
from rackless.model.errors import RacklessError
from rackless.providers.host.calling import Line

log = logging.getLogger(__name__)

SENDING = 3600.0
"""Seconds for one build: 4 GiB at 10 Mbit/s take as long."""


class Images:
    """`progress`: of what is under way, by image, from 0 to 1."""

    def __init__(self, folder: Path, find: Callable[[str], Image], line: Line) -> None:
        self._folder = folder
        self._find = find
        self._line = line
        self._sent: set[tuple[str, str]] = set()
        self._sending: dict[tuple[str, str], asyncio.Task[None]] = {}
        self.progress: dict[str, float] = {}

    def lacking(self, name: str) -> RacklessError | None:
        """Why the server itself has no such image; None when it has."""
        try:
            self._find(name)
        except RacklessError as error:
            return error
        return None

    async def bring(self, name: str) -> str:
        """The digest of the image's current build, which the host has from now on.

        Raises:
            NotFoundError: the server has no such image.
            ProviderError: it could not be sent.
        """
        image = self._find(name)
        key = (image.disk.parent.parent.name, image.disk.parent.name)
        if key not in self._sent:
            task = self._sending.get(key)
            if task is None or task.done():
                task = self._sending[key] = asyncio.create_task(self._bring(*key))
            await asyncio.shield(task)  # a step that is over does not end what the next one goes on with
        return image.disk.parent.name

    def forget(self) -> None:
        """The host is another one, or was made anew."""
        self._sent.clear()

    async def _bring(self, folder: str, digest: str) -> None:
        path = f"images/{folder}/{digest}"
        if not await self._line.has(path):
            length, pieces = await asyncio.to_thread(transfer.export, self._folder, folder, digest)
            log.info("sending the image %s (%d MiB) to %s", folder, length >> 20, self._line.name)
            try:
                await self._line.put(path, self._counted(folder, length, pieces), length, seconds=SENDING)
            finally:
                self.progress.pop(folder, None)
                pieces.close()  # type: ignore[attr-defined]  # a generator
            log.info("the image %s is at %s", folder, self._line.name)
        self._sent.add((folder, digest))

    async def _counted(self, folder: str, length: int, pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
        done = 0
        while True:
            piece = await asyncio.to_thread(_next, pieces)
            if piece is None:
                return
            done += len(piece)
            self.progress[folder] = done / max(length, 1)
            yield piece


def _next(pieces: Iterator[bytes]) -> bytes | None:
    """None at the end; a piece may be empty."""
    return next(pieces, None)
