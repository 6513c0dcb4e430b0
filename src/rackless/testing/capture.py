"""The frames of a port, captured while a test does something else."""

from __future__ import annotations

import asyncio
import struct
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from rackless.client import AsyncClient
from rackless.client.places import Place
from rackless.model.errors import DeadlineError

STARTING = 30.0
"""Seconds until the first piece (pcap's header) is there."""
HEADER = struct.Struct("<IHHiIII")
"""Of a file (draft-ietf-opsawg-pcap); of a frame it is four numbers, the third its octets."""
NANOSECONDS = 0xA1B23C4D
MICROSECONDS = 0xA1B2C3D4


class Capture:
    """Use it in a `with`; afterwards `file` is a whole pcap file. Without a name it is a temporary one, which stays."""

    def __init__(self, place: Place, lab: str, end: str, file: Path | None) -> None:
        self._place = place
        self._lab = lab
        self._end = end
        self._begun = threading.Event()
        self._failure: BaseException | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._thread = threading.Thread(target=self._run, daemon=True, name=f"capture {end}")
        if file is None:
            with tempfile.NamedTemporaryFile(prefix="rackless-", suffix=".pcap", delete=False) as made:
                file = Path(made.name)
        self.file = file

    def __enter__(self) -> Self:
        """When this returns, frames are captured.

        Raises:
            RacklessError: they can't be.
        """
        self._thread.start()
        if not self._begun.wait(STARTING):
            self._stop()
            raise DeadlineError(f"The capture of {self._end} did not begin within {STARTING:g} s.")
        if self._failure is not None:
            raise self._failure
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    @property
    def frames(self) -> list[bytes]:
        """What was captured so far, oldest first."""
        return list(_frames(self.file.read_bytes()))

    def _stop(self) -> None:
        if self._loop is not None and self._task is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._task.cancel)
        self._thread.join(STARTING)

    def _run(self) -> None:
        async def work() -> None:
            self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
            async with AsyncClient(place=self._place) as client, client.wires.capture(self._lab, end=self._end) as pieces:
                with self.file.open("wb", buffering=0) as out:
                    async for piece in pieces:
                        out.write(piece)
                        self._begun.set()

        try:
            asyncio.run(work())
        except asyncio.CancelledError:
            pass
        except Exception as error:  # noqa: BLE001 - told in the thread that began it
            self._failure = error
        finally:
            self._begun.set()


def _frames(data: bytes) -> Iterator[bytes]:
    """A frame that is not whole yet is left out."""
    order = "<" if data[:4] in {struct.pack("<I", magic) for magic in (MICROSECONDS, NANOSECONDS)} else ">"
    record = struct.Struct(f"{order}IIII")
    at = HEADER.size
    while at + record.size <= len(data):
        _, _, length, _ = record.unpack_from(data, at)
        at += record.size
        if at + length > len(data):
            return
        yield data[at : at + length]
        at += length
