"""The programs that carry impaired wires (relay.py): one a wire, found by its mark, told by a file beside its sockets."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections import defaultdict
from dataclasses import asdict
from pathlib import Path

from rackless.deadline import Deadline
from rackless.model.impairment import Impairment
from rackless.model.naming import digest
from rackless.model.plan import PortRef, SegmentSpec
from rackless.providers.local.layout import Layout, write_whole
from rackless.qemu import process
from rackless.running import spawn

PROGRAM = Path(__file__).with_name("relay.py")
BEGINS = 20.0
"""Seconds until it listens; it takes 0.05 s on an idle machine."""
_LOOK = 0.01


class Relays:
    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._locks: defaultdict[tuple[str, str], asyncio.Lock] = defaultdict(asyncio.Lock)

    def end(self, segment: str, port: PortRef, peer: PortRef) -> Path:
        """Where the relay takes what `peer` sends to `port` over the segment."""
        return self._layout.socket(port.sandbox, port.machine, digest(f"{segment}|{port.nic}|{peer}|relay", 10))

    def find(self, sandbox: str, segment: str) -> process.Found | None:
        return process.find(self._mark(sandbox, segment))

    async def ensure(self, segment: SegmentSpec, how: Impairment) -> None:
        """It runs, listens, and does this to frames from now on.

        Raises:
            DeadlineError: it does not listen.
        """
        one, other = segment.ports
        ways = [
            (self.end(segment.name, to, by), self._layout.end(segment.name, to, by)) for to, by in ((one, other), (other, one))
        ]
        text = json.dumps({"ways": [[str(local), str(remote)] for local, remote in ways], **asdict(how)}).encode()
        async with self._locks[segment.sandbox, segment.name]:
            found = await asyncio.to_thread(self.find, segment.sandbox, segment.name)
            file = self._file(segment)
            as_told = found is not None and file.exists() and file.read_bytes() == text
            if as_told and all(local.exists() for local, _ in ways):
                return
            self._layout.sockets(segment.sandbox).mkdir(parents=True, exist_ok=True, mode=0o700)
            write_whole(file, text)
            if found is None:
                for local, _ in ways:
                    local.unlink(missing_ok=True)
                mark = {process.VARIABLE: self._mark(segment.sandbox, segment.name)}
                spawn([sys.executable, "-I", "-S", PROGRAM, file], log=file.with_name(f"{file.name}.log"), env=mark)
            else:
                process.hint_at(found, signal.SIGHUP)
            deadline = Deadline(BEGINS)
            while not all(local.exists() for local, _ in ways):
                if deadline.over:
                    raise deadline.missed(f"the relay of {segment.name}", hint=f"See {file}.log.")
                await deadline.pause(_LOOK)

    async def drop(self, segment: SegmentSpec) -> None:
        """Absent is success."""
        async with self._locks[segment.sandbox, segment.name]:
            while (found := await asyncio.to_thread(self.find, segment.sandbox, segment.name)) is not None:
                await process.end(found)
            if len(segment.ports) != 2:
                return
            one, other = segment.ports
            file = self._file(segment)
            ends = (self.end(segment.name, to, by) for to, by in ((one, other), (other, one)))
            for path in (*ends, file, file.with_name(f"{file.name}.log")):
                path.unlink(missing_ok=True)

    def _mark(self, sandbox: str, segment: str) -> str:
        return self._layout.mark(sandbox, "process", f"relay-{segment}")

    def _file(self, segment: SegmentSpec) -> Path:
        """Among the first port's machine's, so that it goes with that at the latest."""
        port = segment.ports[0]
        return self._layout.socket(port.sandbox, port.machine, f"relay-{digest(segment.name, 10)}")
