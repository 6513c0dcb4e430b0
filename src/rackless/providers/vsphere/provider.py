"""A vCenter as a provider. A disk is a clone of an image, with no NIC and no name of its own yet; making the machine gives it its
memory, NICs, serial port and name in one change, and removing the machine takes them away again."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from pyVmomi import vim

from rackless.images import store
from rackless.model.errors import AbsentError, Problem, ProviderError
from rackless.model.family import NicRole
from rackless.model.places import Cloning, VspherePlace
from rackless.model.plan import DiskSpec, MachineSpec, NicSpec, Plan, PortRef, SegmentSpec
from rackless.model.site import Site
from rackless.providers.contract import Finding, Kept, Power, ProviderInfo, Ref, RefKind, Spec, Stream
from rackless.providers.site_id import site_id
from rackless.providers.vsphere import admission, cloning, examining, hardware, marks, properties
from rackless.providers.vsphere.consoles import Consoles
from rackless.providers.vsphere.drives import Drives
from rackless.providers.vsphere.faults import RefusedError
from rackless.providers.vsphere.grouping import Rules
from rackless.providers.vsphere.inventory import Inventory
from rackless.providers.vsphere.machines import LISTED, Found, Machines, found
from rackless.providers.vsphere.networks import Distributed, Standard, Switch, backed_by, key_of
from rackless.providers.vsphere.repeating import repeated
from rackless.providers.vsphere.segments import Segments
from rackless.providers.vsphere.session import Session
from rackless.providers.vsphere.tasks import Tasks
from rackless.providers.vsphere.uploads import Uploads
from rackless.settings import Settings

FOLDER, PARKING = "folder", "parking"
"""What is left where the last removal of a lab was cut short, as `owned` names it."""
IMPORT = "import "
"""First part of what `owned` calls an import that did not end."""
CLONE = 1800.0
"""Seconds for a clone; a whole one on a slow datastore takes minutes."""
CHANGE = 300.0
"""Seconds for a change of a machine or of its power."""


class VsphereProvider:
    """Nothing is connected before the first verb. `images` finds an image in the local store."""

    def __init__(self, place: VspherePlace, settings: Settings, site: Site, images: Callable[[str], store.Image]) -> None:
        settings.make()
        self.place = place
        self.site = site_id(settings.state / "site-id")
        self.session = Session(place)
        self.tasks = Tasks(self.session)
        self.inventory = Inventory(self.session, self.site)
        self.switch: Switch = (
            Distributed(self.session, self.tasks, self.inventory) if place.switch else Standard(self.session, self.inventory)
        )
        self.machines = Machines(self.session, self.inventory, self.site)
        self.segments = Segments(self.session, self.inventory, self.switch, self.site)
        self.uploads = Uploads(self.session, self.tasks, self.inventory, self.site)
        self.sources = cloning.Sources(self.session, self.inventory, self.uploads, images, site.families)
        self.consoles = Consoles(self.session, self.inventory)
        self.drives = Drives(self.session, self.tasks, self.inventory)
        self.rules = Rules(self.session, self.tasks, self.inventory, self.site)
        self._locks: defaultdict[tuple[str, str], asyncio.Lock] = defaultdict(asyncio.Lock)

    @property
    def calls(self) -> Counter[str]:
        """How often each method of the API was called."""
        return self.session.calls

    @property
    def info(self) -> ProviderInfo:
        notes = ["A wire carries untagged frames: its VLAN is the port group's, and guests can't tag inside it."]
        if self.place.cloning is Cloning.INSTANT:
            notes.append("Instant clones are switched off once made: a machine comes into being so.")
        if not self.place.switch:
            notes.append("Wires between hosts need a standard switch whose uplinks carry the place's VLANs.")
        return ProviderInfo(
            name="vsphere",
            live_rewire=True,
            carrier=True,
            capture=False,
            host_channel=False,
            management="address",
            management_ipv6=True,
            notes=tuple(notes),
            most_nics=hardware.MOST_NICS,
            numbered=True,
            segment_most_mtu=self.inventory.switch_mtu,
            smbios=False,
        )

    def examine(self) -> AsyncIterator[Finding]:
        return examining.examine(self.place, self.session, self.inventory, self.switch, self.consoles, site=self.site)

    async def kept(self) -> tuple[Kept, ...]:
        """Images that we imported. A linked clone stands on its image's disks, so all stay as long as some machine is there."""
        images, machines = await self.uploads.kept(), [ref for ref in await self.owned() if ref.kind is RefKind.DISK]
        used = f"{len(machines)} disks that may stand on it" if machines else ""
        return tuple(Kept(kind="image", name=name, id=name, used=used) for name, _ in images)

    async def drop(self, one: Kept) -> None:
        await self.uploads.drop(one.id)
        self.sources.forget_all()

    async def receive(self, file: Path, name: str, tell: Callable[[str, int], None]) -> None:
        await self.uploads.receive(file, name, tell)

    @repeated
    async def check(self, plan: Plan) -> tuple[Problem, ...]:
        there = {ref.name for ref in await self.owned(plan.sandbox) if ref.kind is RefKind.DISK}
        return await admission.problems(plan, self.place, self.inventory, self.sources, site=self.site, there=there)

    @repeated
    async def ensure(self, spec: Spec) -> Ref:
        if isinstance(spec, DiskSpec):
            async with self._lock(spec.sandbox, f"{spec.name}/"):
                await self._clone(spec)
            return Ref(kind=RefKind.DISK, sandbox=spec.sandbox, name=spec.name)
        if isinstance(spec, SegmentSpec):
            await self.segments.ensure(spec)
            return Ref(kind=RefKind.SEGMENT, sandbox=spec.sandbox, name=spec.name)
        await self.inventory.know_hosts()
        async with self._lock(spec.sandbox, spec.name):
            return await self._dress(spec)

    async def _clone(self, spec: DiskSpec) -> None:
        if await self.machines.with_disk(spec.sandbox, spec.name) is not None:
            return
        grounds = await self.inventory.grounds()
        image = cloning.image_of(spec)
        source = await self.sources.provide(image)
        home = await self.inventory.home(spec.sandbox, make=True)
        mark = marks.mark(self.site, spec.sandbox, spec.name)
        name = marks.machine_name(spec.sandbox, spec.name)
        doing = f"clone {image} as {name}"
        try:
            if self.place.cloning is Cloning.INSTANT and source.running and await self._forks():
                clone = await self._fork(source, home, name, mark, doing)
            else:
                host = None if grounds.balanced else await self._host(source)
                wanted = cloning.clone_spec(source, grounds, mark, self.place.cloning, host)
                clone = await self.tasks.run(
                    source.machine, "CloneVM_Task", folder=home, name=name, spec=wanted, doing=doing, within=CLONE
                )
        except AbsentError:
            # The image or the folder went meanwhile: both are looked for anew the next time.
            self.sources.forget(image)
            self.inventory.forget(spec.sandbox)
            raise
        except RefusedError as error:
            if "DuplicateName" in error.kinds and await self.machines.with_disk(spec.sandbox, spec.name) is not None:
                return  # An answer that was lost: the first try made it.
            raise
        self.machines.remember(spec.sandbox, f"{spec.name}/", clone)

    async def _forks(self) -> bool:
        """Instant clones came with vSphere 6.7."""
        version = str((await self.session.content()).about.apiVersion)
        return tuple(int(part) for part in version.split(".")[:2]) >= (6, 7)

    async def _fork(self, source: cloning.Source, home: Any, name: str, mark: marks.Mark, doing: str) -> Any:
        spec = cloning.instant_spec(name, home, await self.inventory.grounds(), mark)
        clone = await self.tasks.run(source.machine, "InstantClone_Task", spec=spec, doing=doing, within=CHANGE)
        await self.tasks.run(clone, "PowerOffVM_Task", doing=f"switch {name} off", within=CHANGE)
        return clone

    async def _host(self, source: cloning.Source) -> Any:
        """Without DRS we choose: the host with the fewest machines of ours, of those that can take one."""
        ours = Counter(seen.host._moId for seen in await self._all() if seen.host is not None and self.machines.mine(seen, None))
        able = [
            one
            for one, facts in await self.inventory.hosts()
            if facts.get("runtime.connectionState") == "connected" and not facts.get("runtime.inMaintenanceMode")
        ]
        if not able:
            raise ProviderError(f"No host of {self.place.cluster} can take a machine.", hint="See their state in vCenter.")
        return min(able, key=lambda one: (ours[one._moId], one != source.host))

    async def _dress(self, spec: MachineSpec) -> Ref:
        if not spec.disks:
            raise ProviderError(f"Machine {spec.name} has no disk.", hint="A machine here is a clone of an image.")
        disk = spec.disks[0]
        bare = await self.machines.with_disk(disk.sandbox, disk.name)
        if bare is None:
            raise AbsentError(f"Machine {spec.name} needs the disk {disk.name}, which is not there.", hint="Make it first.")
        if bare.machine:
            if bare.machine != spec.name:
                raise ProviderError(f"Disk {disk.name} belongs to machine {bare.machine}.", hint="Remove that machine first.")
            return self.machines.ref(bare)
        networks = await self._networks(spec)
        serial = None
        if spec.console_port is not None:
            ours = await self.consoles.ours() if self.place.serial_line == "client" else ""
            serial = hardware.serial_backing(
                self.place.serial_line, spec.console_port, ours=ours, concentrator=self.place.concentrator
            )
        drive = await self.drives.write(bare, spec) if spec.config_drive else ""
        change = hardware.dressed(spec, list(bare.devices), lambda nic: networks[nic.index], serial=serial, drive=drive)
        await self._change(bare.entity, change, f"make the machine {spec.name}")
        self.machines.remember(spec.sandbox, spec.name, bare.entity)
        if self.place.anti_affinity:
            await self.rules.part(spec, bare.entity)
        return Ref(kind=RefKind.MACHINE, sandbox=spec.sandbox, name=spec.name, uuid=bare.uuid)

    async def _networks(self, spec: MachineSpec) -> dict[int, tuple[Any, bool]]:
        """What each NIC is on at first, and whether it is plugged in: a port of a wire waits for its attach."""
        found: dict[int, tuple[Any, bool]] = {}
        for nic in spec.nics:
            if nic.role is NicRole.MANAGEMENT:
                found[nic.index] = (await self.segments.outside(self.place.management_network), True)
            elif nic.role is NicRole.INTERNAL and nic.segment is not None:
                found[nic.index] = (await self.segments.backing(spec.sandbox, nic.segment, f"Machine {spec.name} needs"), True)
            else:
                found[nic.index] = (await self.segments.parking(), False)
        return found

    async def _change(self, entity: Any, spec: Any, doing: str) -> None:
        try:
            await self.tasks.run(entity, "ReconfigVM_Task", spec=spec, doing=doing, within=CHANGE)
        except RefusedError:
            self.segments.forget_all()  # One of the networks may be gone, or be another of that name.
            raise

    @repeated
    async def power(self, machine: Ref, to: Power) -> None:
        async with self._lock(machine.sandbox, machine.name):
            seen = await self.machines.need(machine.sandbox, machine.name)
            if to is Power.OFF:
                await self._off(seen)
            elif to is Power.RESET and seen.on:
                await self._switch(seen, "ResetVM_Task", f"reset {machine.name}")
            elif not seen.on:
                await self._on(seen)

    async def _on(self, seen: Found) -> None:
        port = seen.spec.console_port if seen.spec is not None else None
        if port is not None and seen.serial is not None:
            await self.consoles.permit(seen.host)
            hosts = [self.inventory.known_host(seen.host)]
            if (await self.inventory.grounds()).balanced:
                hosts = await self.inventory.host_names()
            await asyncio.gather(*(self.consoles.see_free(host, port, seen.machine) for host in hosts))
        await self._switch(seen, "PowerOnVM_Task", f"switch {seen.machine} on")
        if port is not None and (await self.inventory.grounds()).balanced:
            ((_, now),) = await self.session.read(properties.of([seen.entity], vim.VirtualMachine, "runtime.host"))
            await self.consoles.permit(now["runtime.host"])

    async def _off(self, seen: Found) -> None:
        if seen.on:
            await self._switch(seen, "PowerOffVM_Task", f"switch {seen.machine or seen.name} off")

    async def _switch(self, seen: Found, method: str, doing: str) -> None:
        try:
            await self.tasks.run(seen.entity, method, doing=doing, within=CHANGE)
        except RefusedError as error:
            # It is so already: the answer to a first try was lost, or somebody was before us.
            if "InvalidPowerState" not in error.kinds or method == "ResetVM_Task":
                raise

    @repeated
    async def attach(self, port: PortRef, segment: SegmentSpec) -> None:
        backing = await self.segments.backing(segment.sandbox, segment.name, "")
        async with self._lock(port.sandbox, port.machine):
            seen = await self.machines.need(port.sandbox, port.machine)
            card = self._card(seen, port)
            if port not in segment.ports:
                raise ProviderError(f"Port {port} is not one of segment {segment.name}'s ports.", hint="Ensure the segment anew.")
            await self._replug(seen, card, backing, True, f"attach {port} to {segment.name}")

    @repeated
    async def detach(self, port: PortRef) -> None:
        async with self._lock(port.sandbox, port.machine):
            seen = await self.machines.named(port.sandbox, port.machine)
            if seen is None or seen.spec is None or seen.mark is None:
                return
            nic = _traffic(seen.spec, port.nic)
            card = hardware.card_of(seen.devices, nic) if nic is not None else None
            if card is not None:
                try:
                    await self._replug(seen, card, await self.segments.parking(), False, f"detach {port}")
                except AbsentError:
                    return  # Removed while we were at it.

    @repeated
    async def carrier(self, port: PortRef, up: bool) -> None:
        async with self._lock(port.sandbox, port.machine):
            seen = await self.machines.need(port.sandbox, port.machine)
            await self._replug(seen, self._card(seen, port), None, up, f"switch the carrier of {port}")

    def _card(self, seen: Found, port: PortRef) -> Any:
        nic = _traffic(seen.spec, port.nic) if seen.spec is not None else None
        card = hardware.card_of(seen.devices, nic) if nic is not None else None
        if card is None:
            raise AbsentError(f"Machine {port.machine} has no NIC {port.nic} to wire.", hint="Ask `rackless show` for its ports.")
        return card

    async def _replug(self, seen: Found, card: Any, backing: Any, up: bool, doing: str) -> None:
        change = hardware.replugged(card, backing, up, seen.on)
        if change is not None:
            await self._change(seen.entity, change, doing)

    @repeated
    async def console(self, machine: Ref) -> Stream:
        seen = await self.machines.need(machine.sandbox, machine.name)
        if not seen.on:
            raise AbsentError(
                f"Machine {machine.name} is not running.", hint=f"`rackless restart {machine.sandbox} {machine.name}` starts it."
            )
        if seen.serial is None or seen.spec is None or seen.spec.console_port is None:
            raise AbsentError(f"Machine {machine.name} has no serial line.", hint="Only machines with a console port have one.")
        await self.consoles.permit(seen.host)
        host = await self.inventory.host_name(seen.host)
        return await self.consoles.open(host, seen.spec.console_port, machine.name)

    async def _all(self) -> list[Found]:
        """What is in our folder."""
        home = await self.inventory.home("")
        if home is None:
            return []
        said = await self.session.read(properties.below(home, {vim.VirtualMachine: LISTED}))
        return [found(one, facts) for one, facts in said]

    @repeated
    async def owned(self, sandbox: str | None = None) -> tuple[Ref, ...]:
        await self.inventory.know_hosts()
        home = await self.inventory.home("")
        inside = {vim.VirtualMachine: LISTED, vim.Folder: ("name", "childEntity")}
        wanted = [properties.below(home, inside)] if home is not None else []
        try:
            said = await self.session.read(*wanted, await self.switch.wanted())
        except AbsentError:
            self.inventory.forget("")
            said = await self.session.read(await self.switch.wanted())
        seen = [found(one, facts) for one, facts in said if isinstance(one, vim.VirtualMachine)]
        refs = [ref for one in seen if self.machines.mine(one, sandbox) for ref in self.machines.refs(one)]
        for lab in (marks.read_folder(self.site, facts) for one, facts in said if isinstance(one, vim.Folder)):
            if lab and sandbox in (None, lab):
                refs.append(Ref(kind=RefKind.FILE, sandbox=lab, name=FOLDER, detail="an empty folder"))
        for group in self.switch.read(said):
            if group.name == marks.parking_name(self.site) and sandbox is None and not refs and not group.machines:
                refs.append(Ref(kind=RefKind.FILE, sandbox="", name=PARKING, detail="a port group that nothing is on"))
            read = marks.read_group(self.site, group.name, group.description)
            if read is not None and sandbox in (None, read[0]):
                refs.append(Ref(kind=RefKind.SEGMENT, sandbox=read[0], name=read[1]))
        if sandbox is None:
            refs += [
                Ref(kind=RefKind.FILE, sandbox="", name=f"{IMPORT}{name}", detail="an import that did not end")
                for name in await self.uploads.unended()
            ]
        order = (RefKind.MACHINE, RefKind.DISK, RefKind.SEGMENT, RefKind.FILE)
        return tuple(sorted(refs, key=lambda ref: (order.index(ref.kind), ref.sandbox, ref.name)))

    @repeated
    async def remove(self, ref: Ref) -> None:
        if ref.kind is RefKind.MACHINE:
            async with self._lock(ref.sandbox, ref.name):
                await self._undress(ref)
        elif ref.kind is RefKind.DISK:
            async with self._lock(ref.sandbox, f"{ref.name}/"):
                await self._destroy(ref)
            await self._tidy(ref.sandbox)
        elif ref.kind is RefKind.SEGMENT:
            await self._remove_segment(ref)
        elif ref.name in (FOLDER, PARKING):
            await self._tidy(ref.sandbox)
        elif ref.name.removeprefix(IMPORT) in await self.uploads.unended():
            await self.uploads.drop(ref.name.removeprefix(IMPORT))

    async def _undress(self, ref: Ref) -> None:
        seen = await self.machines.named(ref.sandbox, ref.name)
        if seen is None:
            return
        if seen.mark is None or not self.machines.mine(seen, ref.sandbox):
            raise ProviderError(f"The machine {ref.name} does not carry our mark.", hint="Remove it with its owner's tools.")
        if not seen.machine:
            return
        try:
            await self._off(seen)
            if self.place.anti_affinity and seen.spec is not None:
                await self.rules.leave(seen.spec, seen.entity)
            await self.drives.remove(seen)
            name = marks.machine_name(ref.sandbox, seen.mark.disk)
            await self._change(seen.entity, hardware.undressed(name, list(seen.devices)), f"take the machine {ref.name} away")
        except AbsentError:
            pass  # Somebody removed it while we were at it.
        self.machines.forget(ref.sandbox, ref.name)

    async def _destroy(self, ref: Ref) -> None:
        seen = await self.machines.with_disk(ref.sandbox, ref.name)
        if seen is None:
            return
        if seen.machine:
            raise ProviderError(f"Disk {ref.name} belongs to machine {seen.machine}.", hint="Remove the machine first.")
        try:
            await self._off(seen)
            await self.tasks.run(seen.entity, "Destroy_Task", doing=f"remove the disk {ref.name}", within=CHANGE)
        except AbsentError:
            pass  # Somebody removed it while we were at it.
        self.machines.forget(ref.sandbox, f"{ref.name}/")

    async def _remove_segment(self, ref: Ref) -> None:
        group = await self.segments.look(ref.sandbox, ref.name)
        if group is None:
            return
        if group.machines:
            key = key_of(group.entity, group.name)
            paths = (*LISTED, "config.hardware.device")
            said = await self.session.read(properties.of(group.machines, vim.VirtualMachine, *paths))
            for seen in (found(one, facts) for one, facts in said):
                if not self.machines.mine(seen, ref.sandbox):
                    continue
                async with self._lock(ref.sandbox, seen.machine):
                    for card in hardware.cards(seen.devices):
                        if backed_by(card) == key:
                            await self._replug(seen, card, await self.segments.parking(), False, f"detach {seen.machine}")
        await self.segments.remove(ref.sandbox, ref.name, group)
        await self._tidy(ref.sandbox)

    async def _tidy(self, sandbox: str) -> None:
        """Folders and the parking network go with the last that needed them."""

        async def destroy(folder: Any) -> None:
            with contextlib.suppress(AbsentError):
                await self.tasks.run(folder, "Destroy_Task", doing=f"remove the folder of {sandbox}", within=CHANGE)

        if await self.inventory.tidy(sandbox, destroy):
            await self.segments.unpark()

    async def close(self) -> None:
        """Log out."""
        await self.session.close()

    def _lock(self, sandbox: str, name: str) -> asyncio.Lock:
        return self._locks[sandbox, name]


def _traffic(spec: MachineSpec, index: int) -> NicSpec | None:
    """A NIC that can be moved: any but that of management."""
    return next((nic for nic in spec.nics if nic.index == index and nic.role is not NicRole.MANAGEMENT), None)
