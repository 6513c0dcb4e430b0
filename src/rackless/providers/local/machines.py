"""Starting, stopping and removing machines. Every step can be cut off by `kill -9` and done again: a machine is found by the
mark of its process, it starts paused, and whoever finds it paused finishes plugging it in and lets it go."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from pathlib import Path

from rackless.images import configdisk
from rackless.model.errors import AbsentError, DeadlineError, ProviderError, RacklessError
from rackless.model.plan import MachineSpec
from rackless.providers.local.layout import Layout
from rackless.providers.local.management import ADDRESS, Management
from rackless.providers.local.plugging import Plugging
from rackless.providers.local.records import Boot, Records, Start
from rackless.providers.local.templates import Template
from rackless.providers.local.warmth import Warmth
from rackless.qemu import disks, process, state
from rackless.qemu.accelerator import PROGRAM, Accelerator
from rackless.qemu.command import Memory, Places, Virtualization, arguments
from rackless.qemu.monitor import Monitor, converse, listening
from rackless.running import run

START_SECONDS = 60.0
"""Until QEMU listens; it takes 0.1 s on an idle machine."""
SETTLE_SECONDS = 20.0
_LOOK_SECONDS = 0.05
STOPPED = frozenset({"prelaunch", "paused", "postmigrate", "finish-migrate"})
"""States of a machine that `cont` lets go on (QEMU, qapi/run-state.json)."""


class Machines:
    def __init__(
        self, layout: Layout, records: Records, management: Management, accelerator: Accelerator, warmth: Warmth
    ) -> None:
        self.warmth = warmth
        self._layout = layout
        self._records = records
        self._management = management
        self._accelerator = accelerator
        self.plugging = Plugging(layout, records)
        self._known: dict[str, process.Found] = {}
        self._looks = process.Looks(f"{layout.site}/")

    def mark(self, sandbox: str, name: str) -> str:
        return self._layout.mark(sandbox, "machine", name)

    def find(self, spec: MachineSpec) -> process.Found | None:
        """The machine's process. The one seen last is looked at first, which spares reading all of /proc."""
        mark = self.mark(spec.sandbox, spec.name)
        known = self._known.get(mark)
        if known is not None and process.look(known.pid) == known:
            return known
        found = process.find(mark)
        if found is None:
            self._known.pop(mark, None)
        else:
            self._known[mark] = found
        return found

    def need_running(self, spec: MachineSpec) -> process.Found:
        found = self.find(spec)
        if found is None:
            raise AbsentError(
                f"Machine {spec.name} is not running.", hint=f"`rackless restart {spec.sandbox} {spec.name}` starts it."
            )
        return found

    def talk(self, spec: MachineSpec, found: process.Found) -> AbstractAsyncContextManager[Monitor]:
        return converse(self._layout.socket(spec.sandbox, spec.name, "monitor"), found.pid)

    @asynccontextmanager
    async def talk_if_running(self, spec: MachineSpec) -> AsyncIterator[Monitor | None]:
        found = self.find(spec)
        if found is None:
            yield None
            return
        async with self.talk(spec, found) as monitor:
            yield monitor

    async def start(self, spec: MachineSpec) -> None:
        """Also finishes a start that was cut off."""
        await self._settled(spec)
        found = self.find(spec)
        if found is not None and await self._waits(spec, found):
            # A start from a template that was cut off: what its disk stands on is not sure.
            await self.stop(spec.sandbox, spec.name)
            found = None
        if found is None:
            await self._spawn(spec)
            found = self.need_running(spec)
        async with self.talk(spec, found) as monitor:
            if (await monitor.execute("query-status"))["status"] in STOPPED:
                await self.plugging.restore(monitor, spec, self._records.network(spec.sandbox, spec.name))
                await monitor.execute("cont")

    async def reset(self, spec: MachineSpec) -> None:
        found = self.find(spec)
        if found is None:
            await self.start(spec)
            return
        async with self.talk(spec, found) as monitor:
            await monitor.execute("system_reset")
        await self.start(spec)

    async def _waits(self, spec: MachineSpec, found: process.Found) -> bool:
        async with self.talk(spec, found) as monitor:
            return bool((await monitor.execute("query-status"))["status"] == "inmigrate")

    async def _spawn(self, spec: MachineSpec) -> None:
        run_it, boot, how = await self._prepared(spec)
        template, why = await self.warmth.template(spec, boot, how)
        if template is not None:
            why = await self._from_template(spec, template, run_it)
        if why:
            self._records.write_start(spec.sandbox, spec.name, Start(cold=why))
            await run_it()

    async def wait_for_state(self, spec: MachineSpec, path: Path) -> None:
        """Start a machine that was powered off, and read its state in: it is plugged in and stopped then, to go on at `cont`."""
        run_it, *_ = await self._prepared(spec)
        self._records.write_start(spec.sandbox, spec.name, Start())
        await run_it(waiting=True)
        async with self.talk(spec, self.need_running(spec)) as monitor:
            await state.load(monitor, path, shared=False)
            await self.plugging.restore(monitor, spec, self._records.network(spec.sandbox, spec.name))

    async def _prepared(self, spec: MachineSpec) -> tuple[Callable[..., Awaitable[None]], Boot, Virtualization]:
        """What starts the machine, once all is there that it needs."""
        self._layout.make_for(spec)
        await self._ended(spec)
        self._console_is_free(spec)
        kept = self._records.machine_file(spec.sandbox, spec.name)
        boot = kept.boot if kept is not None else Boot()
        finding = await self._accelerator.find(boot.kernel)
        network = self._records.network(spec.sandbox, spec.name)
        network.management = self._management.mode_for(spec)
        self._records.write_network(spec.sandbox, spec.name, network)
        tap = await self._management.prepare(spec) if network.management == ADDRESS else None
        places = self._places(spec)
        if places.config is not None:
            places.config.write_bytes(configdisk.iso({file.path: file.content.encode() for file in spec.config_drive}))
        return partial(self._run, spec, places, boot=boot, how=finding.how, tap=tap), boot, finding.how

    async def _from_template(self, spec: MachineSpec, template: Template, run_it: Callable[..., Awaitable[None]]) -> str:
        """Start the machine as one that has booted. Returns why that was not to be, with its disk as before, or ""."""
        disk = self._layout.disk(spec.disks[0].sandbox, spec.disks[0].name)
        below = disks.backing(disk)
        with self.warmth.shelf.using(template):
            try:
                await disks.stand_on(disk, template.disk)
                await run_it(memory=Memory(file=template.memory, shared=False), waiting=True)
                async with self.talk(spec, self.need_running(spec)) as monitor:
                    await state.load(monitor, template.state, shared=True)
            except RacklessError as error:
                await self.stop(spec.sandbox, spec.name)
                if below is not None:
                    await disks.stand_on(disk, below)
                return f"its template could not be used: {error.message}"
            self._records.write_start(spec.sandbox, spec.name, Start(template=template.name))
        return ""

    async def _run(
        self,
        spec: MachineSpec,
        places: Places,
        *,
        boot: Boot,
        how: Virtualization,
        tap: str | None,
        memory: Memory | None = None,
        waiting: bool = False,
    ) -> None:
        mark = self.mark(spec.sandbox, spec.name)
        words = arguments(spec, mark=mark, places=places, boot=boot, how=how, tap=tap, memory=memory, waiting=waiting)
        places.log.unlink(missing_ok=True)
        finished = await run([PROGRAM, *words], deadline=START_SECONDS, env={process.VARIABLE: mark}, check=False)
        if finished.code:
            raise ProviderError(
                f"QEMU did not start {spec.name}: {_last_line(places.log, finished.err)}",
                hint="Is another program using the port, or is memory short? Run `rackless doctor`.",
            )
        self._layout.console(spec).chmod(0o600)

    async def _settled(self, spec: MachineSpec) -> None:
        """A start that a killed server left behind goes on without it: wait until that QEMU listens or has given up."""
        mark, path = self.mark(spec.sandbox, spec.name), self._layout.socket(spec.sandbox, spec.name, "monitor")
        loop = asyncio.get_running_loop()
        deadline = loop.time() + SETTLE_SECONDS
        while (there := process.every(mark)) and (len(there) > 1 or listening(path) is None):
            if loop.time() > deadline:
                raise DeadlineError(
                    f"Machine {spec.name} (process {there[0].pid}) does not open its monitor in {SETTLE_SECONDS:g} s.",
                    hint="Power it off and on again.",
                )
            await asyncio.sleep(_LOOK_SECONDS)  # Neither a fork nor a socket that comes to listen can be awaited from outside.

    async def _ended(self, spec: MachineSpec) -> None:
        """A machine that was killed a moment ago still has its sockets, though it can not be found any more: wait for its end."""
        pid = listening(self._layout.console(spec))
        if pid is not None and process.ending(pid) and (ticks := process.started(pid)) is not None:
            await process.end(process.Found(pid=pid, started=ticks, mark=""))

    def _console_is_free(self, spec: MachineSpec) -> None:
        """Never take over the console port of a machine that lives."""
        path = self._layout.console(spec)
        pid = listening(path)
        if pid is None:
            return
        other = process.look(pid)
        whose = f"{other.mark.rsplit('/', 1)[-1]} (process {pid})" if other else f"process {pid}"
        raise ProviderError(
            f"Console port {path.name} of {spec.name} is in use by {whose}.",
            hint="Stop that machine, or give this one another console port.",
        )

    def _places(self, spec: MachineSpec) -> Places:
        layout = self._layout
        return Places(
            monitor=layout.socket(spec.sandbox, spec.name, "monitor"),
            console=layout.console(spec),
            channel=layout.socket(spec.sandbox, spec.name, "channel"),
            log=layout.machine(spec.sandbox, spec.name) / "qemu.log",
            disks=tuple(layout.disk(disk.sandbox, disk.name) for disk in spec.disks),
            config=layout.machine(spec.sandbox, spec.name) / "config.iso" if spec.config_drive else None,
        )

    async def stop(self, sandbox: str, name: str) -> None:
        mark = self.mark(sandbox, name)
        known = self._known.pop(mark, None)
        if known is not None:
            await process.end(known)
        while (found := await self._looks.find(mark)) is not None:
            await process.end(found)

    async def remove(self, sandbox: str, name: str) -> None:
        """Process, tap, sockets, directory, in this order: as long as anything is left the machine is still listed."""
        spec = await asyncio.to_thread(self._records.machine, sandbox, name)
        await self.stop(sandbox, name)
        await self._management.drop(sandbox, name)
        folder = self._layout.sockets(sandbox)
        for path in folder.glob(f"{self._layout.stem(sandbox, name)}.*"):
            path.unlink(missing_ok=True)
        if spec is not None:
            console = self._layout.console(spec)
            if listening(console) is None:
                console.unlink(missing_ok=True)
        await asyncio.to_thread(self._records.drop_machine, sandbox, name)


def _last_line(log: Path, err: bytes) -> str:
    """QEMU writes to its log once it has opened it, before that to its standard error."""
    text = log.read_text(errors="replace") if log.exists() else ""
    lines = [line for line in (text + err.decode(errors="replace")).splitlines() if line.strip()]
    return lines[-1] if lines else "no message"
