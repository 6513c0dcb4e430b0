"""A Debian host as the agent's world: guests by QEMU, its clock, its watchdog, what it left written of its last run.

Without the appliance below there are no sets, no boot loader and no partitions that are the agent's: `booted` is None, and the
slots are only the guests' images in the order in which they are tried.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from rackless.model.errors import ProviderError, StateError
from rackless.running import run
from rackless.vmhost import actions as do
from rackless.vmhost import facts
from rackless.vmhost.configuration import Configuration
from rackless.vmhost.facts import BACKUP, PRIMARY
from rackless.vmhost.guestdisks import GuestDisks
from rackless.vmhost.guests import Guests
from rackless.vmhost.linux import clock, endings
from rackless.vmhost.linux.petting import Watchdog
from rackless.vmhost.reasons import Ending, Event, Evidence
from rackless.vmhost.world import Bundle, Sign

END_SECONDS = 600.0
ENDS = {"reboot": "reboot", "power-off": "poweroff", "halt": "halt"}


class Appliance(Protocol):
    """What an appliance adds (below.Below): its disks, sets and boot loader seen, and actions on them done."""

    async def look(self, host: facts.Host) -> facts.Host: ...

    async def verify(self, bundle: Path) -> Bundle: ...

    async def test_disk(self, name: str, *, extended: bool, tell: Callable[[str], None]) -> tuple[tuple[str, ...], str]: ...

    async def act(self, action: do.Action) -> bool: ...


class DebianHost:
    """`below`: the appliance, where the host is one."""

    def __init__(
        self,
        wanted: Configuration,
        guests: Guests,
        disks: GuestDisks,
        log: Callable[[str], None],
        below: Appliance | None = None,
    ) -> None:
        self._wanted, self._guests, self._disks, self._log, self._below = wanted, guests, disks, log, below
        self._by_name = {guest.name: guest for guest in wanted.guests}
        self._watchdog = Watchdog(wanted.watchdog) if wanted.watchdog is not None else None
        self._looked: dict[str, tuple[float, facts.Guest]] = {}

    @property
    def boot_id(self) -> str:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()

    def monotonic(self) -> float:
        return time.monotonic()

    def now(self) -> float:
        return time.time()

    def log(self, line: str) -> None:
        self._log(line)

    def zone(self) -> str:
        return clock.zone()

    def feed(self) -> None:
        if self._watchdog is not None:
            self._watchdog.feed()

    def close(self) -> None:
        if self._watchdog is not None:
            self._watchdog.close()

    # ---- seen

    async def look(self) -> facts.Host:
        guests = tuple([await self._look_at(name) for name in self._by_name])
        disks = (await asyncio.to_thread(self._disk), facts.Disk(name=BACKUP))
        plain = facts.Host(booted=None, loader=facts.Loader(), disks=disks, sets=(), guests=guests)
        return plain if self._below is None else await self._below.look(plain)

    def _disk(self) -> facts.Disk:
        """What the state lies on, as the one disk there is to watch."""
        state = self._wanted.state
        try:
            use, flags = shutil.disk_usage(state), os.statvfs(state).f_flag
        except OSError:
            return facts.Disk(name=PRIMARY, present=False)
        part = facts.Partition(name="var", free=use.free / max(1, use.total))
        return facts.Disk(name=PRIMARY, read_only=bool(flags & os.ST_RDONLY), partitions=(part,))

    async def _look_at(self, name: str) -> facts.Guest:
        """Files are looked into while the guest is off; while it runs they are its own."""
        guest = self._by_name[name]
        images = await asyncio.to_thread(self._disks.images, guest)
        running = self._guests.find(name) is not None
        plain = facts.Guest(name=name, administrative=guest.administrative, images=images)
        if running and name in self._looked:
            return replace(self._looked[name][1], images=images)
        if running:
            return plain
        found = replace(
            plain,
            configuration=await self._disks.health(guest, "configuration"),
            licence=await self._disks.health(guest, "licence"),
            last_good=self._disks.saved_health(guest, "configuration"),
            rescue=self._disks.saved_health(guest, "rescue"),
            licence_copy=self._disks.saved_health(guest, "licence"),
        )
        self._looked[name] = (time.monotonic(), plain)
        return found

    async def record(self) -> str:
        try:
            return (self._wanted.state / "record.json").read_text()
        except (OSError, UnicodeDecodeError):
            return ""

    async def evidence(self) -> Evidence:
        found = await asyncio.to_thread(endings.found)
        return replace(found, ending=found.ending if not (own := self._own_ending()) else own)

    def _own_ending(self) -> Ending:
        """Ours is more exact than the records of logins, which tell no reboot from a power-off."""
        path = self._wanted.state / "ending.json"
        try:
            told = json.loads(path.read_text())
            return Ending(told["ending"]) if told["boot_id"] != self.boot_id else Ending.NONE
        except (OSError, ValueError, KeyError):
            return Ending.NONE
        finally:
            # Only the next run is told.
            path.unlink(missing_ok=True)

    async def sign(self, guest: str) -> Sign:
        return await self._guests.sign(guest)

    async def events(self, guest: str) -> tuple[Event, ...]:
        return self._guests.occurrences[guest].take()

    async def wait(self, guest: str, seconds: float) -> None:
        await self._guests.occurrences[guest].wait(seconds)

    async def verify(self, bundle: Path) -> Bundle:
        if self._below is None:
            raise StateError(f"This host is not an appliance: it takes no bundle {bundle.name}.")
        return await self._below.verify(bundle)

    async def test_disk(self, name: str, *, extended: bool, tell: Callable[[str], None]) -> tuple[tuple[str, ...], str]:
        if self._below is None:
            raise StateError(f"{name} cannot be tested from here: this host is not an appliance.", hint="Its operator tests it.")
        return await self._below.test_disk(name, extended=extended, tell=tell)

    # ---- acted on

    async def act(self, action: do.Action) -> None:
        match action:
            case do.WriteRecord():
                await asyncio.to_thread(self._write, "record.json", action.text)
            case do.StartGuest():
                await self._guests.start(action.guest, action.slot)
            case do.StopGuest():
                await self._guests.stop(action.guest, orderly=action.orderly)
            case do.ResetGuest():
                await self._guests.reset(action.guest)
            case do.EndHost():
                await self._end(action)
            case do.MoveClock() | do.SetZone():
                self._set_time(action)
            case _ if self._below is not None and await self._below.act(action):
                return
            case _:
                await self._act_on_files(action)

    async def _act_on_files(self, action: do.Action) -> None:
        match action:
            case do.KeepGuestFile():
                await self._disks.keep(self._by_name[action.guest], action.what)
            case do.RestoreConfiguration():
                saved = "rescue" if action.copy == "rescue" else "configuration"
                await self._disks.restore(self._by_name[action.guest], "configuration", saved)
            case do.RestoreLicence():
                await self._disks.restore(self._by_name[action.guest], "licence", "licence")
            case do.SaveGuest():
                await self._disks.save(self._by_name[action.guest])
            case _:
                raise StateError(f"This host cannot {action}.", hint="Only an appliance has disks and a boot loader of its own.")

    def _write(self, name: str, text: str) -> None:
        path = self._wanted.state / name
        fresh = path.with_suffix(".new")
        try:
            with fresh.open("w") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            os.replace(fresh, path)
        except OSError as error:
            raise ProviderError(f"{path} cannot be written: {error.strerror}.") from error

    async def _end(self, action: do.EndHost) -> None:
        ending = Ending.REBOOT if action.how == "reboot" else Ending.SHUTDOWN
        await asyncio.to_thread(self._write, "ending.json", json.dumps({"ending": ending.value, "boot_id": self.boot_id}))
        await run(["systemctl", ENDS[action.how]], deadline=60, hint="Is systemd running?")
        # It ends us, too.
        await asyncio.sleep(END_SECONDS)
        raise ProviderError(f"The host did not {action.how} within {END_SECONDS:g} s.")

    def _set_time(self, action: do.MoveClock | do.SetZone) -> None:
        if not self._wanted.clock:
            return
        if isinstance(action, do.SetZone):
            clock.set_zone(action.zone)
        elif action.step:
            clock.step(action.seconds)
        else:
            clock.slew(action.seconds)
