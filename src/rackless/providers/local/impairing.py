"""Impairs the wires of this machine: what is wanted is kept with the segment, and a relay carries it."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping

from rackless.model.errors import AbsentError, InputError
from rackless.model.impairment import Impairment
from rackless.model.plan import PortRef, SegmentSpec
from rackless.providers.impairing import Impaired
from rackless.providers.local.machines import Machines
from rackless.providers.local.plugging import WIRE
from rackless.providers.local.records import Records

SILENT = "its relay does not run; it is started again soon, or at once if the wire is impaired again"


class Impairments:
    """`locks`: by sandbox and machine, those of whoever plugs."""

    def __init__(self, records: Records, machines: Machines, locks: defaultdict[tuple[str, str], asyncio.Lock]) -> None:
        self._records, self._machines, self._locks = records, machines, locks
        self._mine: defaultdict[tuple[str, str], asyncio.Lock] = defaultdict(asyncio.Lock)

    async def set(self, sandbox: str, name: str, how: Impairment | None) -> None:
        """In this order a crash anywhere is healed by doing it again: what is kept is what machines are plugged in by."""
        async with self._mine[sandbox, name]:
            segment = self._records.segment(sandbox, name)
            if segment is None:
                raise AbsentError(f"There is no segment {name} in {sandbox}.", hint="Connect the wire first.")
            if segment.kind != WIRE or len(segment.ports) != 2:
                raise InputError(
                    f"{name} is no wire between two ports of this machine.", hint="Only such a wire can be impaired."
                )
            self._records.impair(segment, how)
            if how is not None:
                await self._machines.plugging.relays.ensure(segment, how)
            for port in segment.ports:
                await self._divert(port, segment)
            if how is None:
                await self._machines.plugging.relays.drop(segment)

    async def _divert(self, port: PortRef, segment: SegmentSpec) -> None:
        async with self._locks[port.sandbox, port.machine]:
            spec = self._records.machine(port.sandbox, port.machine)
            if spec is None or self._records.network(port.sandbox, port.machine).attached.get(port.nic) != segment.name:
                return
            try:
                async with self._machines.talk_if_running(spec) as monitor:
                    if monitor is not None:
                        await self._machines.plugging.divert(monitor, port, segment)
            except AbsentError:
                return  # It ended meanwhile, and is plugged in anew when it starts.

    async def drop(self, segment: SegmentSpec) -> None:
        """The segment goes; nobody is plugged into it any more."""
        await self._machines.plugging.relays.drop(segment)

    async def of(self, sandbox: str) -> Mapping[str, Impaired]:
        return await asyncio.to_thread(self._of, sandbox)

    def _of(self, sandbox: str) -> dict[str, Impaired]:
        found = {}
        for name in self._records.segments(sandbox):
            how = self._records.impairment(sandbox, name)
            if how is not None:
                runs = self._machines.plugging.relays.find(sandbox, name) is not None
                found[name] = Impaired(
                    how=how,
                    why=""
                    if runs
                    else "its relay does not run; it is started again soon, or at once if the wire is impaired again",
                )
        return found
