"""Making a template: a machine of nobody's boots, is asked over its host channel to let go of what would be its own, is saved."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

from rackless.deadline import Deadline
from rackless.images.store import FILES
from rackless.model.errors import ProviderError
from rackless.model.plan import MachineSpec
from rackless.providers.local.layout import Layout
from rackless.providers.local.records import Boot
from rackless.providers.local.streams import open_stream
from rackless.providers.local.templates import Kind, Shelf, Template, generic
from rackless.qemu import disks, process, state
from rackless.qemu.accelerator import PROGRAM
from rackless.qemu.command import Memory, Places, Virtualization, arguments
from rackless.qemu.monitor import Monitor, converse, listening
from rackless.running import spawn
from rackless.shell.hostchannel import HostChannel

BOOT = 900.0
"""Seconds that the guest may take to boot, which it does with the processor time that nobody else wants."""
PREPARE = 300.0
"""Seconds that it may take to load what its role needs."""
LISTEN = 60.0
"""Seconds until QEMU listens."""
_LOOK = 0.05
TIED = ("setpriv", "--pdeathsig", "KILL")
"""It ends with us, however we end: nobody else knows of it."""
GENTLY = ("chrt", "--idle", "0", "nice", "-n", "19")
"""Only with processor time that nobody else wants (sched(7), SCHED_IDLE)."""


class Maker:
    """Makes the templates of a shelf."""

    def __init__(self, layout: Layout, shelf: Shelf) -> None:
        self._layout = layout
        self._shelf = shelf

    @property
    def mark(self) -> str:
        """Of the process: not one that a lab's things have."""
        return f"{self._layout.site}.warm"

    async def make(
        self, kind: Kind, spec: MachineSpec, *, build: Path, boot: Boot, how: Virtualization, gently: bool
    ) -> Template:
        """One of that kind; the one that is there already, if somebody was faster.

        Args:
            gently: with processor time that nobody else wants.

        Raises:
            StateError: another is being made.
            RacklessError: its guest does not boot, can't be prepared, or can't be saved.
        """
        with self._shelf.making() as draft:
            known = self._shelf.find(kind)
            if known is not None:
                return known
            await self._end()
            disk = draft / "disk.qcow2"
            await disks.overlay(disk, build / FILES["disk"])
            sockets = self._layout.run / "w"
            sockets.mkdir(parents=True, exist_ok=True, mode=0o700)
            places = Places(
                monitor=sockets / "monitor",
                console=sockets / "console",
                channel=sockets / "channel",
                log=draft / "qemu.log",
                disks=(disk,),
            )
            try:
                self._start(generic(spec), places, boot=boot, how=how, memory=draft / "memory", gently=gently)
                await self._save(spec, places, draft)
            finally:
                await self._end()
                shutil.rmtree(sockets, ignore_errors=True)
            places.log.unlink(missing_ok=True)
            return await asyncio.to_thread(self._shelf.add, kind, draft)

    def _start(self, spec: MachineSpec, places: Places, *, boot: Boot, how: Virtualization, memory: Path, gently: bool) -> None:
        words = arguments(spec, mark=self.mark, places=places, boot=boot, how=how, memory=Memory(file=memory, shared=True))
        words.remove("-daemonize")
        spawn([*TIED, *(GENTLY if gently else ()), PROGRAM, *words], log=places.log, env={process.VARIABLE: self.mark})

    async def _save(self, spec: MachineSpec, places: Places, draft: Path) -> None:
        found = await self._listening(places)
        async with converse(places.monitor, found.pid) as monitor:
            await monitor.execute("cont")
            stream = await open_stream(monitor, "channel", places.channel, found.pid, "channel of a template")
        channel = HostChannel(f"a template's {spec.role.value}", stream)
        try:
            await channel.ping(deadline=Deadline(BOOT))
            await channel.prepare(spec.role, deadline=Deadline(PREPARE))
        finally:
            await channel.close()
        async with converse(places.monitor, found.pid) as monitor:
            await self._quiet(monitor)
            await state.save(monitor, draft / "state", shared=True)

    async def _quiet(self, monitor: Monitor) -> None:
        """The guest is to have seen that nobody is at the channel any more: QEMU tells it when it notices."""
        deadline = Deadline(LISTEN)
        while any(
            each["label"] == "channel" and not str(each["filename"]).startswith("disconnected:")
            for each in await monitor.execute("query-chardev")
        ):
            if deadline.over:
                raise deadline.missed("the host channel of a template to be closed")
            await deadline.pause(_LOOK)

    async def _listening(self, places: Places) -> process.Found:
        """The machine, once its monitor answers.

        Raises:
            ProviderError: QEMU ended, with its last words.
        """
        deadline = Deadline(LISTEN)
        while listening(places.monitor) is None:
            if deadline.over:
                raise deadline.missed("QEMU to start the machine of a template")
            if deadline.spent > 1 and process.find(self.mark) is None:
                lines = places.log.read_text(errors="replace").strip().splitlines() or ["no message"]
                raise ProviderError(f"QEMU did not start the machine of a template: {lines[-1]}", hint="Run `rackless doctor`.")
            await deadline.pause(_LOOK)
        found = process.find(self.mark)
        if found is None:
            raise ProviderError("The machine of a template has ended.", hint="It is tried again.")
        return found

    async def _end(self) -> None:
        for found in process.every(self.mark):
            await process.end(found)
