"""A VM host made of memory: disks, a boot loader, guests, a watchdog and a power cord. Time is simulated: an hour takes no time.

The agent that runs on it is the real one, and the boot loader decides as `boot.entry` says. Power can be lost after any action,
and in the middle of those that take long; what is on the disks stays, and what was half written is half written.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rackless.model.errors import CapacityError, InputError, ProviderError, StateError
from rackless.model.vmhost import Reason
from rackless.vmhost import actions as do
from rackless.vmhost import boot, facts, reasons
from rackless.vmhost.agent import Agent
from rackless.vmhost.facts import BACKUP, PARTITIONS, PRIMARY, Health, Loader, Slot
from rackless.vmhost.reasons import Ending, Event, EventKind
from rackless.vmhost.watchdogs import TIMEOUT
from rackless.vmhost.world import Bundle, Sign

BOOT = 40.0
"""Seconds from power to agent."""
OUTAGE = 10.0
EPOCH = 1_790_000_000.0
FIRST = "day 1"
"""What a guest's configuration says before anybody changes it."""


class _Jump(selectors.SelectSelector):
    """There is nothing to read anywhere: until the next timer nothing happens, and then it is that late."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        assert timeout is not None, "nobody will ever wake anybody up"
        self.now += max(timeout, 0)
        return []


class Loop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._jump = _Jump()
        super().__init__(self._jump)

    def time(self) -> float:
        return self._jump.now


@dataclass
class Part:
    """`mends`: a check brings it in order; else it finds that the damage is real."""

    health: Health = Health.OK
    mends: bool = True
    free: float = 0.6


@dataclass
class Drive:
    serial: str = "S1"
    present: bool = True
    bad: str = ""
    """What a test of it finds."""
    read_only: bool = False
    table: Health = Health.OK
    table_copy: bool = True
    parts: dict[str, Part] = field(default_factory=lambda: {name: Part() for name in PARTITIONS})
    record: str = ""
    stamps: dict[str, float] = field(default_factory=dict)
    """By guest: when its configuration in use was changed."""
    saved_at: dict[str, float] = field(default_factory=dict)
    """The same of the saved one."""
    saved: dict[str, dict[str, str]] = field(default_factory=dict)
    """By guest: contents of the saved configuration, licence and rescue configuration."""
    files: dict[str, dict[str, str]] = field(default_factory=dict)
    """By guest: configuration and licence in use. "!" before a content: it is damaged."""

    def whole(self, part: str) -> bool:
        return self.present and self.table is Health.OK and self.parts[part].health in {Health.OK, Health.DIRTY}


@dataclass
class Installed:
    """A set. `behaves`: fine, silent (guests never answer), crashes (guests end at once), hangs (the host does, at boot)."""

    version: str = ""
    digest: str = ""
    images: dict[str, Health] = field(default_factory=dict)
    behaves: str = "fine"


@dataclass
class Running:
    """A guest that runs."""

    slot: Slot
    since: float
    hung: bool = False
    deaf: bool = False
    """Silent, but its kernel feeds its watchdog."""


@dataclass
class Virtual:
    """A guest."""

    name: str
    administrative: bool = True
    boots: float = 30.0
    run: Running | None = None
    skew: float = 0.0
    """Its clock minus true time."""
    zone: str = "UTC"
    channel: bool = True
    events: list[Event] = field(default_factory=list)


class Machine:
    """`cut`: ("during" or "after", number of the action at which the power is lost), once."""

    def __init__(self, loop: Loop, cut: tuple[str, int] | None = None) -> None:
        self.loop, self.cut = loop, cut
        self.lines: list[str] = []
        self.steps = 0
        self.ended: list[int] = []
        """Actions that came to their end, by their number; others were cut off themselves."""
        self.torn: list[int] = []
        """Those of them that a cut in their middle leaves half done."""
        self.drives = {PRIMARY: Drive(), BACKUP: Drive()}
        self.sets = {Slot.A: Installed("1.0", "d1.0"), Slot.B: Installed("0.9", "d0.9"), Slot.SNAPSHOT: Installed()}
        self.loader = Loader(current=Slot.A, confirmed=frozenset({Slot.A, Slot.B}), bad=frozenset({Slot.SNAPSHOT}))
        self.guests = {"vrouter": Virtual("vrouter")}
        self.bundles: dict[str, Installed | str] = {"new.bundle": Installed("2.0", "d2.0")}
        self.aside: list[str] = []
        self.on = False
        self.booted: Slot | None = None
        self.agent: Agent | None = None
        self.boots = 0
        self.drift = 0.0
        self.zone = "UTC"
        self.evidence = reasons.Evidence()
        self.fed = 0.0
        self.hung = False
        self.coming = False
        """The power will be back."""
        self.outside: set[asyncio.Task[Any]] = set()
        """Tasks that no loss of power ends: whoever tells the story."""
        self.oldest = ""
        self.broken: set[str] = set()
        """Names of action classes that fail."""
        self._changed: dict[str, asyncio.Event] = {}
        for name in self.guests:
            self.fill(name)

    def fill(self, name: str) -> None:
        """Files of a guest that has run before."""
        for drive in self.drives.values():
            drive.saved[name] = {"configuration": FIRST, "licence": "licence", "rescue": "rescue"}
        self.drives[PRIMARY].files[name] = {"configuration": FIRST, "licence": "licence"}
        for installed in self.sets.values():
            if installed.version:
                installed.images[name] = Health.OK

    def log(self, line: str) -> None:
        self.lines.append(f"[{self.loop.time():7.0f}] {line}")

    # ---- power

    def power_on(self) -> None:
        self.coming = False
        if not self.on:
            self.on = True
            self.spawn(self._boot())

    def spawn(self, running: Any) -> asyncio.Task[Any]:
        """A task that ends with the power."""
        return self.loop.create_task(running)

    async def _boot(self) -> None:
        await asyncio.sleep(BOOT)
        await self._start_system()
        self.boots += 1
        self.fed, self.hung = self.loop.time(), False
        self.agent = Agent(World(self), oldest=self.oldest)
        self.spawn(self._watchdog())
        self.spawn(self._report(self.agent))

    async def _start_system(self) -> None:
        """The boot loader, of the first disk that has a working boot partition."""
        here = []
        for slot, installed in self.sets.items():
            drive = self.drives[slot.disk]
            health = drive.parts[slot.root].health if drive.whole(slot.root) else Health.DAMAGED
            if drive.present and drive.table is Health.OK and drive.whole("boot"):
                here.append(facts.SoftwareSet(slot=slot, version=installed.version, root=health, digest=installed.digest))
        slot, self.loader = boot.entry(self.loader, tuple(here))
        if slot is None:
            self.log("-- nothing boots")
            await asyncio.Future()
        assert slot is not None
        if self.sets[slot].behaves == "hangs":
            self.log(f"-- set {slot.value} hangs at boot")
            self.lose(outage=TIMEOUT, evidence=reasons.Evidence(platform=(Reason.WATCHDOG,)))
            await asyncio.Future()
        self.booted = slot
        self.log(f"-- booted set {slot.value}, version {self.sets[slot].version}")

    async def _report(self, agent: Agent) -> None:
        try:
            await agent.run()
        except* Exception as errors:
            for error in errors.exceptions:
                self.log(f"-- the agent died: {error!r}")
            raise

    async def _watchdog(self) -> None:
        while True:
            await asyncio.sleep(5)
            if self.loop.time() - self.fed > TIMEOUT:
                self.log("-- the host's watchdog fires")
                self.lose(evidence=reasons.Evidence(platform=(Reason.WATCHDOG,)))

    def lose(self, *, outage: float = OUTAGE, evidence: reasons.Evidence | None = None, back: bool = True) -> None:
        """The power, or whatever else ends everything at once."""
        self.on, self.booted, self.agent, self.hung = False, None, None, False
        self.evidence = evidence or reasons.Evidence()
        for guest in self.guests.values():
            guest.run = None
            guest.events.clear()
        self._end_tasks()
        if back:
            self.coming = True
            self.loop.call_later(outage, self.power_on)

    def _end_tasks(self) -> None:
        for task in asyncio.all_tasks(self.loop) - self.outside:
            task.cancel()

    def end_agent(self) -> None:
        """The process alone; guests go on. It is started again at once."""
        agent = self.agent
        assert agent is not None
        self._end_tasks()
        self.agent = Agent(World(self), oldest=self.oldest)
        self.spawn(self._watchdog())
        self.spawn(self._report(self.agent))

    # ---- guests

    def happened(self, name: str, kind: EventKind, detail: str = "") -> None:
        self.guests[name].events.append(Event(kind=kind, at=EPOCH + self.loop.time(), detail=detail))
        if name in self._changed:
            self._changed[name].set()

    def changed(self, name: str) -> asyncio.Event:
        return self._changed.setdefault(name, asyncio.Event())

    def home(self, booted: Slot) -> Drive:
        """Where guests' disks are: on the disk that runs, unless its partition for them is broken."""
        drives = [self.drives[booted.disk], *self.drives.values()]
        return next((drive for drive in drives if drive.whole("vm")), drives[0])

    def answers(self, guest: Virtual) -> bool:
        run = guest.run
        if run is None or run.hung or run.deaf or self.loop.time() - run.since < guest.boots:
            return False
        return self.sets[run.slot].behaves == "fine"

    def restart_guest(self, name: str) -> None:
        run = self.guests[name].run
        assert run is not None
        self.guests[name].run = Running(slot=run.slot, since=self.loop.time())


class World:
    """What one run of the agent sees of the machine. After the power is lost nothing that it asks for ever returns."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self._run = machine.boots
        assert machine.booted is not None
        self._booted = machine.booted

    @property
    def boot_id(self) -> str:
        return f"boot-{self._run}"

    def monotonic(self) -> float:
        return self.machine.loop.time()

    def now(self) -> float:
        return EPOCH + self.machine.loop.time() + self.machine.drift

    def log(self, line: str) -> None:
        self.machine.log(line)

    def zone(self) -> str:
        return self.machine.zone

    def feed(self) -> None:
        if not self.machine.hung:
            self.machine.fed = self.monotonic()

    async def record(self) -> str:
        machine = self.machine
        drives = [machine.drives[self._booted.disk], *machine.drives.values()]
        return next((drive.record for drive in drives if drive.whole("var") and drive.record), "")

    async def evidence(self) -> reasons.Evidence:
        return self.machine.evidence

    async def events(self, guest: str) -> tuple[Event, ...]:
        there = self.machine.guests[guest]
        events, there.events = tuple(there.events), []
        return events

    async def wait(self, guest: str, seconds: float) -> None:
        changed = self.machine.changed(guest)
        changed.clear()
        if self.machine.hung:
            await asyncio.Future()
        try:
            await asyncio.wait_for(changed.wait(), seconds)
        except TimeoutError:
            return

    async def sign(self, guest: str) -> Sign:
        machine, there = self.machine, self.machine.guests[guest]
        if there.run is None:
            return Sign(running=False)
        if not there.channel:
            return Sign(running=True, image=there.run.slot.value)
        answers = machine.answers(there)
        difference = there.skew - machine.drift if answers and there.administrative else None
        return Sign(
            running=True, answers=answers, image=there.run.slot.value, time=difference, zone=there.zone if answers else ""
        )

    async def verify(self, bundle: Path) -> Bundle:
        found = self.machine.bundles.get(bundle.name, "it is not there")
        if isinstance(found, str):
            raise InputError(f"The bundle {bundle.name} is refused: {found}.")
        return Bundle(path=bundle, version=found.version, digest=found.digest)

    async def test_disk(self, name: str, *, extended: bool, tell: Callable[[str], None]) -> tuple[tuple[str, ...], str]:
        drive = self.machine.drives[name]
        if not drive.present:
            raise StateError(f"{name} is missing.")
        tell("50 %")
        await asyncio.sleep(600 if extended else 60)
        return (f"{name} was read.",), drive.bad

    async def look(self) -> facts.Host:
        machine = self.machine
        disks = tuple(self._disk(name, drive) for name, drive in machine.drives.items())
        sets = tuple(self._set(slot) for slot in machine.sets)
        guests = tuple(self._guest(guest) for guest in machine.guests.values())
        return facts.Host(booted=self._booted, loader=machine.loader, disks=disks, sets=sets, guests=guests)

    def _disk(self, name: str, drive: Drive) -> facts.Disk:
        parts = [facts.Partition(name=part, health=one.health, free=one.free) for part, one in drive.parts.items()]
        return facts.Disk(
            name=name,
            serial=drive.serial,
            present=drive.present,
            read_only=drive.read_only,
            table=drive.table,
            table_copy=drive.table_copy,
            partitions=tuple(parts) if drive.present and drive.table is Health.OK else (),
        )

    def _set(self, slot: Slot) -> facts.SoftwareSet:
        installed, drive = self.machine.sets[slot], self.machine.drives[slot.disk]
        there = drive.present and drive.table is Health.OK
        health = drive.parts[slot.root].health if there else Health.MISSING
        return facts.SoftwareSet(slot=slot, version=installed.version, root=health, digest=installed.digest)

    def _guest(self, guest: Virtual) -> facts.Guest:
        machine, home = self.machine, self._files()
        saver = machine.drives[self._booted.disk]
        images = []
        for slot, installed in machine.sets.items():
            health = installed.images.get(guest.name, Health.MISSING) if machine.drives[slot.disk].whole("vm") else Health.MISSING
            images.append(facts.Image(slot=slot, health=health, version=installed.version))
        files = home.files.get(guest.name, {}) if home.whole("vm") else {}
        saved = saver.saved.get(guest.name, {}) if saver.whole("var") else {}
        return facts.Guest(
            name=guest.name,
            administrative=guest.administrative,
            images=tuple(images),
            configuration=state(files.get("configuration")),
            licence=state(files.get("licence")),
            last_good=state(saved.get("configuration")),
            rescue=state(saved.get("rescue")),
            older=home.stamps.get(guest.name, 0) < saver.saved_at.get(guest.name, 0),
            licence_copy=state(saved.get("licence")),
        )

    # ---- acting

    async def act(self, action: do.Action) -> None:
        machine = self.machine
        machine.steps += 1
        number, name = machine.steps, type(action).__name__
        if name in machine.broken:
            raise ProviderError(f"{name} fails, as the story wants it.")
        try:
            await asyncio.sleep(COSTS.get(type(action), 1.0))
        except asyncio.CancelledError:
            tear(machine, action)
            raise
        if machine.cut == ("during", number):
            tear(machine, action)
            await self._dark()
        machine.ended.append(number)
        if isinstance(action, TORN):
            machine.torn.append(number)
        try:
            EFFECTS[type(action)](self, action)
        finally:
            if machine.cut == ("after", number):
                await self._dark()
        if isinstance(action, do.EndHost):
            await asyncio.Future()

    async def _dark(self) -> None:
        self.machine.cut = None
        self.machine.log("-- the power is lost")
        self.machine.lose()
        await asyncio.Future()

    # ---- what actions do

    def _writable(self, disk: str, part: str = "") -> Drive:
        drive = self.machine.drives[disk]
        if not drive.present or drive.read_only:
            raise ProviderError(f"{disk} cannot be written: {'it is read-only' if drive.present else 'it is not there'}.")
        if part and not drive.whole(part):
            raise ProviderError(f"{part} on {disk} cannot be written.")
        return drive

    def table(self, action: do.RestoreTable | do.MakeTable) -> None:
        drive = self._writable(action.disk)
        drive.table, drive.table_copy = Health.OK, True

    def keep(self, action: do.KeepAside) -> None:
        homes = [
            drive for name, drive in self.machine.drives.items() if name != action.disk or action.part not in {"var", "table"}
        ]
        if not any(drive.whole("var") and not drive.read_only and drive.parts["var"].free > 0.05 for drive in homes):
            raise CapacityError(f"There is no room to keep {action.part} of {action.disk} aside.")
        self._aside(f"{action.part} of {action.disk}")

    def _aside(self, what: str) -> None:
        if what not in self.machine.aside:
            self.machine.aside.append(what)

    def check(self, action: do.CheckFilesystem) -> None:
        part = self._writable(action.disk).parts[action.part]
        part.health = Health.OK if part.mends else Health.DAMAGED

    def recreate(self, action: do.Recreate) -> None:
        machine, drive = self.machine, self._writable(action.disk)
        kept = action.part in facts.ROOTS or any(action.part in each for each in machine.aside)
        assert kept or drive.parts[action.part].health is Health.MISSING, f"{action} throws away what was there"
        drive.parts[action.part] = Part()
        source = machine.drives.get(action.source)
        slots = [slot for slot in Slot if slot.disk == action.disk]
        if action.part in facts.ROOTS and source is not None:
            slot = next(each for each in slots if each.root == action.part)
            origin = Slot.SNAPSHOT if action.source == BACKUP else self._booted
            old = machine.sets[origin]
            machine.sets[slot] = Installed(old.version, old.digest, dict(old.images), old.behaves)
        if action.part == "vm":
            for slot in slots:
                twin = [each for each in machine.sets.values() if each.version == machine.sets[slot].version]
                whole = action.source and any(
                    set(each.images.values()) == {Health.OK} for each in twin if each is not machine.sets[slot]
                )
                machine.sets[slot].images = {name: Health.OK for name in machine.guests} if whole else {}
            drive.files, drive.stamps = {}, {}
        if action.part == "var":
            drive.saved = {name: dict(files) for name, files in source.saved.items()} if source is not None else {}
            drive.saved_at = dict(source.saved_at) if source is not None else {}
            drive.record = source.record if source is not None else ""

    def write_loader(self, action: do.WriteLoader) -> None:
        if not any(drive.present and not drive.read_only for drive in self.machine.drives.values()):
            raise ProviderError("No boot loader can be written.")
        self.machine.loader = action.loader

    def write_set(self, action: do.WriteSet) -> None:
        found = self.machine.bundles.get(action.bundle.name)
        if not isinstance(found, Installed):
            raise ProviderError(f"{action.bundle.name} is not there any more.")
        drive = self._writable(action.slot.disk)
        if drive.parts["vm"].free < 0.1:
            raise CapacityError(f"vm on {action.slot.disk} has no room for the guest images.")
        drive.parts[action.slot.root] = Part()
        images = {name: Health.OK for name in self.machine.guests}
        self.machine.sets[action.slot] = Installed(found.version, found.digest, images, found.behaves)

    def copy_set(self, action: do.CopySet) -> None:
        source, drive = self.machine.sets[action.source], self._writable(action.to.disk)
        drive.parts[action.to.root] = Part()
        self.machine.sets[action.to] = Installed(source.version, source.digest, dict(source.images), source.behaves)
        home = self.machine.drives[action.source.disk]
        drive.saved, drive.saved_at = {name: dict(files) for name, files in home.saved.items()}, dict(home.saved_at)

    def partition(self, action: do.PartitionDisk) -> None:
        drive = self._writable(action.disk)
        fresh = Drive(record=drive.record)
        self.machine.drives[action.disk] = fresh
        for slot in Slot:
            if slot.disk == action.disk:
                self.machine.sets[slot] = Installed()

    def _files(self) -> Drive:
        return self.machine.home(self._booted)

    def _home(self) -> Drive:
        drive = self._files()
        if drive.read_only or not drive.whole("vm"):
            raise ProviderError("The guests' partition cannot be written.")
        return drive

    def keep_file(self, action: do.KeepGuestFile) -> None:
        content = self._home().files.get(action.guest, {}).get(action.what, "")
        self._aside(f"{action.what} of {action.guest}{'' if content.startswith('!') else ': ' + content}")

    def restore_configuration(self, action: do.RestoreConfiguration) -> None:
        drive = self._home()
        which = "rescue" if action.copy == "rescue" else "configuration"
        files = drive.files.setdefault(action.guest, {})
        old = files.get("configuration", "")
        assert not old.startswith("!") or f"configuration of {action.guest}" in self.machine.aside, "thrown away"
        saver = self.machine.drives[self._booted.disk]
        files["configuration"] = saver.saved[action.guest][which]
        drive.stamps[action.guest] = max(drive.stamps.get(action.guest, 0), saver.saved_at.get(action.guest, 0))

    def restore_licence(self, action: do.RestoreLicence) -> None:
        drive = self._home()
        files = drive.files.setdefault(action.guest, {})
        assert not files.get("licence", "").startswith("!") or f"licence of {action.guest}" in self.machine.aside, "thrown away"
        files["licence"] = self.machine.drives[self._booted.disk].saved[action.guest]["licence"]

    def save(self, action: do.SaveGuest) -> None:
        files = self._home().files.get(action.guest, {})
        good = {what: content for what, content in files.items() if not content.startswith("!")}
        stamp = self._home().stamps.get(action.guest, 0)
        for drive in self.machine.drives.values():
            if drive.whole("var") and not drive.read_only:
                if drive.parts["var"].free <= 0.0:
                    raise CapacityError("var is full.")
                drive.saved.setdefault(action.guest, {}).update(good)
                drive.saved_at[action.guest] = max(stamp, drive.saved_at.get(action.guest, 0))

    def start(self, action: do.StartGuest) -> None:
        machine, guest = self.machine, self.machine.guests[action.guest]
        installed = machine.sets[action.slot]
        if installed.images.get(action.guest) is not Health.OK:
            raise ProviderError(
                f"QEMU did not start {action.guest}: its image is {installed.images.get(action.guest, 'missing')}."
            )
        home = self._files()
        home.files.setdefault(action.guest, {}).setdefault("configuration", "factory")
        guest.run = Running(slot=action.slot, since=self.monotonic())
        guest.events.clear()
        if installed.behaves == "crashes":
            guest.run = None

    def reset(self, action: do.ResetGuest) -> None:
        if self.machine.guests[action.guest].run is not None:
            self.machine.restart_guest(action.guest)
            self.machine.happened(action.guest, EventKind.RESET_BY_HOST)

    def stop(self, action: do.StopGuest) -> None:
        self.machine.guests[action.guest].run = None

    def end(self, action: do.EndHost) -> None:
        ending = Ending.REBOOT if action.how == "reboot" else Ending.SHUTDOWN
        self.machine.log(f"-- the host ends: {action.how}")
        assert all(guest.run is None for guest in self.machine.guests.values()), "guests die with their host"
        self.machine.lose(evidence=reasons.Evidence(ending=ending), back=action.how == "reboot")

    def clock(self, action: do.MoveClock) -> None:
        self.machine.drift += action.seconds

    def set_zone(self, action: do.SetZone) -> None:
        self.machine.zone = action.zone

    def write_record(self, action: do.WriteRecord) -> None:
        written = 0
        for drive in self.machine.drives.values():
            if drive.whole("var") and not drive.read_only and drive.parts["var"].free > 0:
                drive.record, written = action.text, written + 1
        if not written:
            raise ProviderError("No disk can be written.")


EFFECTS: dict[type, Callable[[World, Any], None]] = {
    do.RestoreTable: World.table,
    do.MakeTable: World.table,
    do.KeepAside: World.keep,
    do.CheckFilesystem: World.check,
    do.Recreate: World.recreate,
    do.WriteLoader: World.write_loader,
    do.WriteSet: World.write_set,
    do.CopySet: World.copy_set,
    do.PartitionDisk: World.partition,
    do.KeepGuestFile: World.keep_file,
    do.RestoreConfiguration: World.restore_configuration,
    do.RestoreLicence: World.restore_licence,
    do.SaveGuest: World.save,
    do.StartGuest: World.start,
    do.ResetGuest: World.reset,
    do.StopGuest: World.stop,
    do.EndHost: World.end,
    do.MoveClock: World.clock,
    do.SetZone: World.set_zone,
    do.WriteRecord: World.write_record,
}
COSTS: dict[type, float] = {
    do.WriteRecord: 0.0,
    do.WriteLoader: 0.0,
    do.CheckFilesystem: 20.0,
    do.KeepAside: 15.0,
    do.Recreate: 60.0,
    do.WriteSet: 120.0,
    do.CopySet: 90.0,
    do.StopGuest: 8.0,
}
"""Seconds."""


TORN = (do.WriteSet, do.CopySet, do.Recreate)


def tear(machine: Machine, action: do.Action) -> None:
    """What a cut in the middle leaves: files and the loader's state are replaced whole, a partition is half written."""
    if isinstance(action, do.WriteSet | do.CopySet):
        slot = action.slot if isinstance(action, do.WriteSet) else action.to
        drive = machine.drives[slot.disk]
        if drive.present and not drive.read_only:
            machine.sets[slot] = Installed(version="half", digest="", behaves="hangs")
            drive.parts[slot.root] = Part(Health.DAMAGED, mends=False)
    if isinstance(action, do.Recreate):
        part = machine.drives[action.disk].parts[action.part]
        part.health, part.mends = Health.DAMAGED, False


def state(content: str | None) -> Health:
    if content is None:
        return Health.MISSING
    return Health.DAMAGED if content.startswith("!") else Health.OK
