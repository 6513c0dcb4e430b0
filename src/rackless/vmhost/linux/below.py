"""The appliance below the agent: its disks, sets and boot loader as the decisions take them, and what they ask for done.

The agent decides with `facts` and `actions`; here these become `bootstate` and acts of `Appliance`, and back. What the initial
RAM disk has repaired before (early.py) is seen as whole here.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from rackless.model.errors import ProviderError, StateError
from rackless.vmhost import actions as do
from rackless.vmhost.bootstate import SLOTS, BootState, split
from rackless.vmhost.bootstate import Slot as Condition
from rackless.vmhost.facts import BACKUP, PRIMARY, Disk, Health, Host, Loader, Partition, Slot, SoftwareSet
from rackless.vmhost.linux import disks as real
from rackless.vmhost.linux import disktest, rauc, tables
from rackless.vmhost.linux.appliance import Appliance
from rackless.vmhost.world import Bundle

NUMBERS = {PRIMARY: 1, BACKUP: 2}
HEALTH_SECONDS = 3600.0
"""Between two questions to a disk how it is."""


def slot_of(name: str) -> Slot:
    """Of a set's name."""
    number, slot = split(name)
    return Slot(slot) if number == 1 else Slot.SNAPSHOT


def name_of(slot: Slot, state: BootState) -> str:
    """Of a set where it lies now.

    Raises:
        StateError: no snapshot was taken.
    """
    if slot is not Slot.SNAPSHOT:
        return f"1{slot.value}"
    if not state.snapshot:
        raise StateError("There is no snapshot on the backup disk.", hint="Take one first.")
    return f"2{state.snapshot}"


def loader_of(state: BootState) -> Loader:
    """What the boot loader will do, in the agent's words."""
    good = {Slot(slot) for slot in SLOTS if state.slots[slot] is Condition.GOOD}
    bad = {Slot(slot) for slot in SLOTS if state.slots[slot] in (Condition.BAD, Condition.EMPTY)}
    if state.snapshot:
        (bad if state.snapshot_bad else good).add(Slot.SNAPSHOT)
    return Loader(
        current=Slot(state.current),
        confirmed=frozenset(good),
        attempts={Slot(slot): state.left[slot] for slot in SLOTS if state.slots[slot] is Condition.TRIAL},
        bad=frozenset(bad),
        once=slot_of(state.once) if state.once else None,
    )


def state_of(loader: Loader, old: BootState) -> BootState:
    """What GRUB reads, from what the agent decided; `old` has what the agent does not know of.

    Raises:
        StateError: the snapshot can't be current: it is what comes after the current set.
    """
    if loader.current is Slot.SNAPSHOT:
        raise StateError("The snapshot cannot be the current set.", hint="Boot it once, or install it.")
    slots, left = {}, {}
    for slot in SLOTS:
        it = Slot(slot)
        empty = old.slots[slot] is Condition.EMPTY and it not in loader.confirmed and it not in loader.attempts
        bad = Condition.EMPTY if empty else Condition.BAD
        slots[slot] = Condition.GOOD if it in loader.confirmed else Condition.TRIAL if it in loader.attempts else bad
        left[slot] = loader.attempts.get(it, 0)
    return replace(
        old,
        current=loader.current.value,
        slots=slots,
        left=left,
        snapshot_bad=Slot.SNAPSHOT in loader.bad and bool(old.snapshot),
        once=name_of(loader.once, old) if loader.once is not None else "",
    )


class Below:
    """What of a world is the appliance's."""

    def __init__(self, appliance: Appliance) -> None:
        self._appliance = appliance
        self._health: dict[str, tuple[float, str, str]] = {}

    async def look(self, host: Host) -> Host:
        """The same host, with what is below it."""
        state = await self._appliance.state()
        found = await asyncio.to_thread(self._appliance.disks)
        disks = tuple(
            [
                replace(_disk(name, found.get(number)), failing=await self._failing(name, found.get(number)))
                for name, number in NUMBERS.items()
            ]
        )
        sets = tuple([await self._set(slot, state) for slot in Slot])
        return replace(host, booted=slot_of(self._appliance.running), loader=loader_of(state), disks=disks, sets=sets)

    async def _set(self, slot: Slot, state: BootState) -> SoftwareSet:
        missing = SoftwareSet(slot=slot, version="", root=Health.MISSING)
        if slot is Slot.SNAPSHOT and not state.snapshot:
            return missing
        seal = await asyncio.to_thread(self._appliance.seal, name_of(slot, state))
        return SoftwareSet(slot=slot, version=seal.version, digest=seal.digest) if seal else missing

    async def verify(self, bundle: Path) -> Bundle:
        """
        Raises:
            InputError: it is refused, with the reason.
        """
        about = await self._appliance.check_bundle(bundle)
        return Bundle(path=bundle, version=str(about["version"]), digest=str(about.get("hash", "")))

    async def test_disk(self, name: str, *, extended: bool, tell: Callable[[str], None]) -> tuple[tuple[str, ...], str]:
        """
        Raises:
            StateError: it is not there.
            ProviderError: it could not be tested.
        """
        disk = (await asyncio.to_thread(self._appliance.disks)).get(NUMBERS[name])
        if disk is None:
            raise StateError(f"{name} is missing.", hint="`show vmhost status` has the alarms.")
        self._health.pop(name, None)
        found = await disktest.test(disk.path, extended=extended, tell=tell)
        return found.lines, found.wrong

    async def _failing(self, name: str, disk: real.Disk | None) -> str:
        """What a disk says of its own health, asked now and then."""
        at, serial, found = self._health.get(name, (float("-inf"), "", ""))
        if disk is not None and (serial != disk.serial or time.monotonic() - at > HEALTH_SECONDS):
            found = await disktest.fails(disk.path)
            self._health[name] = (time.monotonic(), disk.serial, found)
        return found if disk is not None else ""

    async def act(self, action: do.Action) -> bool:
        """Whether the action is one of the appliance's; if so it is done.

        Raises:
            ProviderError, StateError: it could not be done.
        """
        match action:
            case do.WriteLoader():
                await self._appliance.change(lambda old: state_of(action.loader, old))
            case do.WriteSet():
                await rauc.install(action.bundle, say=lambda _: None)
            case do.CopySet(source=source, to=Slot.SNAPSHOT):
                await self._snapshot(source)
            case do.CopySet():
                state = await self._appliance.state()
                await self._appliance.copy(name_of(action.source, state), name_of(action.to, state))
            case do.PartitionDisk(disk=disk) if disk == BACKUP:
                await self._appliance.partition_backup()
            case do.RestoreTable():
                found = self._appliance.disks().get(NUMBERS[action.disk])
                if found is None or found.table.best is None:
                    raise ProviderError(f"No copy of the partition table of {action.disk} is whole.")
                await tables.write(found, found.table.best)
            case _:
                return False
        return True

    async def _snapshot(self, source: Slot) -> None:
        if slot_of(self._appliance.running) is not source:
            raise StateError("A snapshot is taken of the set that runs.")
        await self._appliance.snapshot()


def _disk(name: str, disk: real.Disk | None) -> Disk:
    if disk is None:
        return Disk(name=name, present=False)
    mounts = dict(line.split()[:2] for line in Path("/proc/self/mounts").read_text().splitlines())
    parts = []
    for entry in disk.table.best.partitions() if disk.table.best else ():
        part = entry.name.partition("-")[2]
        where = mounts.get(str(real.partition_node(disk, entry.number)))
        use = os.statvfs(where) if where else None
        parts.append(Partition(name=part, free=use.f_bavail / max(1, use.f_blocks) if use else 1.0))
    return Disk(
        name=name,
        serial=disk.serial,
        read_only=not os.access(disk.path, os.W_OK),
        table=Health.OK if disk.table.primary else Health.DAMAGED,
        table_copy=disk.table.backup is not None,
        partitions=tuple(parts),
    )
