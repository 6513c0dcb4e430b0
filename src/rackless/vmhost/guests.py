"""Guests as QEMU processes: started, found again, asked how they are, stopped. They outlive the agent.

A guest's process carries its mark in its environment, so it is found after any crash of ours (rackless.qemu.process).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Mapping
from pathlib import Path

from rackless.deadline import Deadline
from rackless.model.errors import AbsentError, DeadlineError, ProviderError, RacklessError
from rackless.model.family import Role
from rackless.qemu import process
from rackless.qemu.accelerator import PROGRAM, Accelerator
from rackless.qemu.monitor import Monitor, connect, converse, listening
from rackless.running import run
from rackless.shell.hostchannel import HostChannel, Identity
from rackless.vmhost.channel import SocketStream
from rackless.vmhost.command import Kernel, Paths, arguments, mac_of
from rackless.vmhost.configuration import Guest
from rackless.vmhost.consoles import Line
from rackless.vmhost.facts import Slot
from rackless.vmhost.guestdisks import GuestDisks
from rackless.vmhost.linux.assigning import Assigning
from rackless.vmhost.linux.limits import limit
from rackless.vmhost.occurrences import Occurrences
from rackless.vmhost.reasons import Event, EventKind
from rackless.vmhost.timekeeping import NEAR
from rackless.vmhost.world import Sign

START_SECONDS = 60.0
ASK_SECONDS = 4.0
"""Until a guest that is asked how it is counts as silent; an emulated one that is busy answers in less than one."""
ORDERLY_SECONDS = 60.0
RESET_SECONDS = 30.0
MARK = "vmhost"
LABELS = {0: "fxp0", 1: "int"}
"""What a reference guest calls its first NICs (routers/families/reference.py)."""
log = logging.getLogger(__name__)


class Guests:
    def __init__(self, guests: Mapping[str, Guest], disks: GuestDisks, run: Path, state: Path, accelerator: Accelerator) -> None:
        self._guests, self._disks, self._run, self._state, self._accelerator = guests, disks, run, state, accelerator
        self.occurrences = {name: Occurrences(self.paths(guest).events) for name, guest in guests.items()}
        self._assigning = Assigning()
        self._channels: dict[str, tuple[process.Found, HostChannel]] = {}
        self._seen: dict[str, process.Found] = {}
        self._told: set[tuple[int, int]] = set()
        self._known: dict[str, str] = {}

    def paths(self, guest: Guest, slot: Slot = Slot.A) -> Paths:
        run, folder = self._run, self._state / "guests" / guest.name
        return Paths(
            monitor=run / f"{guest.name}.monitor",
            events=run / f"{guest.name}.events",
            serial=run / f"{guest.name}.serial",
            console=run / f"{guest.name}.console",
            channel=run / f"{guest.name}.channel",
            vmhost=run / f"{guest.name}.vmhost",
            console_log=folder / "console.log",
            log=folder / "qemu.log",
            disk=self._disks.disk(guest, slot),
        )

    def mark(self, name: str) -> str:
        """Of this host's guests alone: several agents may run on one machine, each with a state of its own."""
        return f"{MARK}{self._state}/guest/{name}"

    def find(self, name: str) -> process.Found | None:
        known = self._seen.get(name)
        if known is not None and process.look(known.pid) == known:
            return known
        found = process.find(self.mark(name))
        if found is not None:
            self._seen[name] = found
        return found

    async def follow(self) -> None:
        """Their events and their consoles, for ever."""
        async with asyncio.TaskGroup() as tasks:
            for name, each in self.occurrences.items():
                paths = self.paths(self._guests[name])
                tasks.create_task(each.follow())
                tasks.create_task(Line(paths.serial, paths.console).run())

    # ---- looked at

    async def sign(self, name: str) -> Sign:
        before, found = self._seen.get(name), self.find(name)
        if found is None:
            if before is not None and self._seen.pop(name, None) is not None:
                self._note(name, EventKind.GONE, "its process ended")
            return Sign(running=False)
        status = await self._status(name, found)
        slot = self._disks.slot_in_use(self._guests[name]).value
        if status == "guest-panicked" and self._first(found, 0):
            self._note(name, EventKind.PANICKED, "it is found so")
        if status == "shutdown":
            if self._first(found, 1):
                self._note(name, EventKind.SHUTDOWN, "it is found so")
            return Sign(running=False)
        if not self._guests[name].channel:
            return Sign(running=True, image=slot)
        return await self._asked(name, found, slot)

    def _note(self, name: str, kind: EventKind, detail: str) -> None:
        self.occurrences[name].note(Event(kind=kind, at=time.time(), detail=detail))

    def _first(self, found: process.Found, what: int) -> bool:
        key = (found.pid, found.started * 2 + what)
        first = key not in self._told
        self._told.add(key)
        return first

    async def _status(self, name: str, found: process.Found) -> str:
        try:
            async with self._talk(name, found) as monitor:
                return str((await monitor.execute("query-status"))["status"])
        except AbsentError:
            return "ending"
        except (DeadlineError, ProviderError) as error:
            log.warning("guest %s: its monitor does not answer: %s", name, error.message)
            return "unknown"

    async def _asked(self, name: str, found: process.Found, slot: str) -> Sign:
        """Over its host channel. A guest that came up anew is told who it is."""
        try:
            channel = await self._channel(name, found)
            deadline = Deadline(ASK_SECONDS)
            asked = time.time()
            status = await channel.status(deadline=deadline)
            took = time.time() - asked
            if status.role is None or self._known.get(name) != status.boot_id:
                await channel.identify(self._identity(self._guests[name]), deadline=deadline)
                self._known[name] = status.boot_id
            # The answer was written at some moment in between; where that is too long, it says nothing of the time.
            off = status.time - asked - took / 2 if status.time is not None and took < 2 * NEAR else None
            return Sign(running=True, answers=status.ready, image=slot, time=off, zone=status.time_zone)
        except (RacklessError, OSError):
            await self._hang_up(name)
            return Sign(running=True, answers=False, image=slot)

    def _identity(self, guest: Guest) -> Identity:
        nics = tuple(
            {"index": index, "mac": nic.mac or mac_of(guest.name, index), "label": LABELS.get(index, f"em{index}")}
            for index, nic in enumerate(guest.nics)
            if nic.sriov is None or nic.mac
        )
        return Identity(role=Role.CONTROLLER, slot=None, hostname=guest.name, nics=nics)

    async def _channel(self, name: str, found: process.Found) -> HostChannel:
        kept = self._channels.get(name)
        if kept is not None and kept[0] == found:
            return kept[1]
        await self._hang_up(name)
        end = await connect(self.paths(self._guests[name]).channel, found.pid)
        reader, writer = await asyncio.open_unix_connection(sock=end)
        channel = HostChannel(name, SocketStream(reader, writer))
        self._channels[name] = (found, channel)
        return channel

    async def _hang_up(self, name: str) -> None:
        kept = self._channels.pop(name, None)
        if kept is not None:
            with contextlib.suppress(OSError, RacklessError):
                await kept[1].close()

    def _talk(self, name: str, found: process.Found) -> contextlib.AbstractAsyncContextManager[Monitor]:
        return converse(self.paths(self._guests[name]).monitor, found.pid)

    # ---- acted on

    async def start(self, name: str, slot: Slot) -> None:
        """From the image of a slot; what is there of an earlier run is ended first."""
        guest = self._guests[name]
        await self.end(name)
        disk, image = await self._disks.prepare(guest, slot)
        paths = self.paths(guest, slot)
        paths.log.unlink(missing_ok=True)
        finding = await self._accelerator.find(image.boot.kernel)
        wanted = [(index, nic.sriov) for index, nic in enumerate(guest.nics) if nic.sriov is not None]
        if wanted:
            self._assigning.used = {each: self._functions(each) for each in self._guests if each != name}
        functions = await self._assigning.give(name, wanted) if wanted else ()
        words = arguments(
            guest,
            mark=self.mark(name),
            paths=paths,
            boot=Kernel(**vars(image.boot)),
            how=finding.how,
            vfio=[function.arguments for function in functions],
        )
        finished = await run([PROGRAM, *words], deadline=START_SECONDS, env={process.VARIABLE: self.mark(name)}, check=False)
        if finished.code:
            said = (paths.log.read_text(errors="replace") if paths.log.exists() else "") + finished.err.decode(errors="replace")
            last = [line for line in said.splitlines() if line.strip()][-1:] or ["no message"]
            raise ProviderError(f"QEMU did not start {name} from {disk.name}: {last[0]}", hint=f"See {paths.log}.")
        for path in (paths.monitor, paths.events, paths.serial, paths.channel, paths.vmhost):
            if path.exists():
                path.chmod(0o600)
        started = self.find(name)
        if guest.share and started is not None:
            await asyncio.to_thread(limit, name, started.pid, guest.share)
        with contextlib.suppress(TimeoutError):  # so that nothing that it does early is missed
            await asyncio.wait_for(self.occurrences[name].connected.wait(), 5)

    def _functions(self, name: str) -> tuple[str, ...]:
        """Addresses of the virtual functions that a running guest has: its command line says so, whoever started it."""
        found = self.find(name)
        try:
            words = Path(f"/proc/{found.pid}/cmdline").read_text().split("\0") if found is not None else []
        except OSError:
            return ()
        return tuple(word.split("host=")[1].split(",")[0] for word in words if word.startswith("vfio-pci,host="))

    async def reset(self, name: str) -> None:
        found = self.find(name)
        if found is None:
            return
        async with self._talk(name, found) as monitor:
            before = (await monitor.execute("query-status"))["status"]
            await monitor.execute("system_reset")
            if before == "running":
                return
            # One that stood still after its panic is reset some time after the command has returned, and stands still then: let
            # go before, it would go on panicking.
            deadline = Deadline(RESET_SECONDS)
            while not deadline.over and (await monitor.execute("query-status"))["status"] == before:
                await deadline.pause(0.05)
            await monitor.execute("cont")

    async def stop(self, name: str, *, orderly: bool) -> None:
        found = self.find(name)
        if found is None:
            return
        if orderly:
            with contextlib.suppress(RacklessError):
                await self._power_down(name, found)
        await self.end(name)

    async def _power_down(self, name: str, found: process.Found) -> None:
        """The power button, until it has shut down or a minute has passed."""
        deadline = Deadline(ORDERLY_SECONDS)
        async with self._talk(name, found) as monitor:
            if (await monitor.execute("query-status"))["status"] != "running":
                return
            await monitor.execute("system_powerdown")
            while not deadline.over and (await monitor.execute("query-status"))["status"] == "running":
                await deadline.pause(0.2)

    async def end(self, name: str) -> None:
        """Its process, at once."""
        await self._hang_up(name)
        while (found := process.find(self.mark(name))) is not None:
            await process.end(found)
        self._seen.pop(name, None)
        paths = self.paths(self._guests[name])
        for path in (paths.monitor, paths.events, paths.serial, paths.channel, paths.vmhost):
            if listening(path) is None:
                path.unlink(missing_ok=True)
