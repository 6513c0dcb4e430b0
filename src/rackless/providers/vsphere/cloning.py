"""Machines out of images: where an image is in the inventory, which of its snapshots, and how it is cloned.

An image is named `PATH/OF/MACHINE@SNAPSHOT/PATH`, below the place's folder of images; `{slot}` in it is the number of the card.
Without a snapshot it is the current one; a machine that has none is copied whole.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pyVmomi import vim

from rackless.images import store
from rackless.model.errors import AbsentError, NotFoundError
from rackless.model.family import DiskBus, Family
from rackless.model.places import Cloning
from rackless.model.plan import DiskSpec
from rackless.providers.vsphere import marks, properties
from rackless.providers.vsphere.inventory import Grounds, Inventory
from rackless.providers.vsphere.session import Session
from rackless.providers.vsphere.uploads import Uploads

_SLOT = re.compile(r"-vfp(\d+)-")


@dataclass(frozen=True, kw_only=True)
class Source:
    """`snapshot` None: the machine as it is. `running`: it can be cloned in its run."""

    name: str
    machine: Any
    snapshot: Any
    host: Any
    running: bool


def image_of(disk: DiskSpec) -> str:
    """The image's name with the card's number in it."""
    slot = _SLOT.search(disk.name)
    return disk.image.replace("{slot}", slot[1] if slot else "0")


class Sources:
    """`images` finds an image of the local store, from where one that the vCenter lacks is imported: under a name with the digest
    of its build, so that a new build is another image. `families` say on which bus a guest looks for its disk."""

    def __init__(
        self,
        session: Session,
        inventory: Inventory,
        uploads: Uploads,
        images: Callable[[str], store.Image],
        families: Sequence[Family] = (),
    ) -> None:
        self._session, self._inventory, self._uploads, self._images = session, inventory, uploads, images
        self._families = families
        self._found: dict[str, Source] = {}

    def forget(self, name: str) -> None:
        self._found.pop(name, None)

    def forget_all(self) -> None:
        self._found.clear()

    async def provide(self, name: str) -> Source:
        """The image, imported if only the local store has it.

        Raises:
            AbsentError: neither has it, or it has no such snapshot.
        """
        there = await self._there(name)
        if there is None:
            image = await asyncio.to_thread(self._images, name)
            await self._uploads.disk(image.disk, _build(image), bus=bus_of(name, self._families))
            there = await self._there(name)
        if there is None:
            raise AbsentError(f"The image {name} was imported and is not there.", hint="See in vCenter who removed it.")
        return there

    async def check(self, name: str) -> None:
        """Raises: RacklessError: `provide` would fail."""
        if await self._there(name) is None:
            await asyncio.to_thread(self._images, name)

    async def _there(self, name: str) -> Source | None:
        """Under the name itself, or under that of the local store's build. None: only the local store has it."""
        if name in self._found:
            return self._found[name]
        try:
            self._found[name] = await self._find(name)
        except AbsentError as error:
            try:
                image = await asyncio.to_thread(self._images, name)
            except NotFoundError:
                raise error from None
            try:
                self._found[name] = await self._find(_build(image))
            except AbsentError:
                return None
        return self._found[name]

    async def _find(self, name: str) -> Source:
        where, _, wanted = name.partition("@")
        path = self._inventory.path("vm", self._session.place.image_folder, where)
        machine = await self._session.find(path)
        if machine is None:
            raise AbsentError(
                f"There is no image {name}: the vCenter has no {path}.",
                hint="Import it there (`rackless image import`), or correct `image-folder` in the site file.",
            )
        paths = ("snapshot", "runtime.host", "runtime.powerState")
        ((_, said),) = await self._session.read(properties.of([machine], vim.VirtualMachine, *paths))
        tree = said.get("snapshot")
        snapshot = tree.currentSnapshot if tree is not None else None
        if wanted:
            snapshot = snapshot_at(tree, wanted)
            if snapshot is None:
                has = ", ".join(snapshot_paths(tree)) or "none"
                raise AbsentError(
                    f"The image {where} has no snapshot {wanted}; it has {has}.", hint="Take it, or name one of these."
                )
        running = said.get("runtime.powerState") == "poweredOn"
        return Source(name=name, machine=machine, snapshot=snapshot, host=said.get("runtime.host"), running=running)


def bus_of(image: str, families: Sequence[Family]) -> DiskBus:
    """Where the guests of this image look for their disk; SCSI of an image that no family knows."""
    for facts in (facts for family in families for facts in family.roles):
        if re.fullmatch(re.escape(facts.image).replace(r"\{slot\}", r"\d+"), image):
            return facts.disk_bus
    return DiskBus.SCSI


def _build(image: store.Image) -> str:
    return f"{image.name}.{image.digest[:8]}"


def snapshot_at(tree: Any, path: str) -> Any:
    """The snapshot at `ss1/ss2/card0` of the tree, or None. Of snapshots with one name below one, the youngest."""
    level, found = list(getattr(tree, "rootSnapshotList", ())), None
    for part in path.strip("/").split("/"):
        named = [one for one in level if one.name == part]
        if not named:
            return None
        found = max(named, key=lambda one: one.createTime)
        level = list(found.childSnapshotList)
    return None if found is None else found.snapshot


def snapshot_paths(tree: Any) -> list[str]:
    def walk(level: Any, above: str) -> list[str]:
        return [text for one in level for text in (above + one.name, *walk(one.childSnapshotList, f"{above}{one.name}/"))]

    return walk(getattr(tree, "rootSnapshotList", ()), "")


def clone_spec(source: Source, grounds: Grounds, mark: marks.Mark, cloning: Cloning, host: Any) -> Any:
    """Linked: the clone's disk is a child of the snapshot's. `host`: None leaves the choice to DRS."""
    linked = cloning is not Cloning.FULL and source.snapshot is not None
    location = vim.vm.RelocateSpec(
        pool=grounds.pool,
        datastore=grounds.datastore,
        host=host,
        diskMoveType="createNewChildDiskBacking" if linked else "moveAllDiskBackingsAndDisallowSharing",
    )
    return vim.vm.CloneSpec(
        location=location,
        snapshot=source.snapshot,
        powerOn=False,
        template=False,
        config=vim.vm.ConfigSpec(instanceUuid=mark.uuid, extraConfig=[vim.option.OptionValue(key=marks.MARK, value=str(mark))]),
    )


def instant_spec(name: str, folder: Any, grounds: Grounds, mark: marks.Mark) -> Any:
    """Of a machine in its run. Its UUID is that of its BIOS: the other can't be chosen here."""
    return vim.vm.InstantCloneSpec(
        name=name,
        location=vim.vm.RelocateSpec(folder=folder, pool=grounds.pool, datastore=grounds.datastore),
        config=[vim.option.OptionValue(key=marks.MARK, value=str(mark))],
        biosUuid=mark.uuid,
    )
