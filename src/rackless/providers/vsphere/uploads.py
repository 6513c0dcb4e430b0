"""Images into a vCenter, through a lease of its NFC service: an OVA as its vendor made it, or a disk of the local store.

What was imported is given a snapshot, so that its clones are linked. It carries a mark of its own: what has the mark and no
snapshot is an import that was interrupted, and is made anew.
"""

from __future__ import annotations

import asyncio
import json
import tarfile
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPSConnection
from pathlib import Path
from typing import IO, Any, cast
from urllib.parse import urlsplit
from xml.sax.saxutils import escape

from pyVmomi import vim

from rackless.deadline import Deadline
from rackless.images.converting import convert
from rackless.model.errors import InputError, ProviderError, RacklessError
from rackless.model.family import DiskBus
from rackless.providers.vsphere import marks, properties
from rackless.providers.vsphere.faults import BREAKS, broken
from rackless.providers.vsphere.inventory import Inventory
from rackless.providers.vsphere.session import Session
from rackless.providers.vsphere.tasks import Tasks
from rackless.running import run

READY = 120.0
"""Seconds until a lease is ready."""
ALIVE = 5.0
"""Seconds between two words to the lease: it ends after some minutes of silence."""
SENDING = 7200.0
CHANGE = 300.0
PIECE = 1 << 20
SNAPSHOT = "rackless"
IMAGE, SINCE = "rackless.image", "rackless.since"
_DESCRIPTOR_MOST = 4 << 20

Tell = Callable[[str, int], None]
"""Is told what is being done, and the percentage of it that is."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """A file that the descriptor names. `open` gives a stream of its `size` octets."""

    size: int
    open: Callable[[], IO[bytes]]


class Uploads:
    def __init__(self, session: Session, tasks: Tasks, inventory: Inventory, site: str) -> None:
        self._session, self._tasks, self._inventory, self._site = session, tasks, inventory, site
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def ova(self, file: Path, name: str, tell: Tell = lambda *_: None) -> Any:
        """Import an OVA under the place's image folder. Returns the machine; one that is there already is left as it is.

        Raises:
            InputError: it is no OVA, or vCenter can't make a machine of it.
        """
        descriptor, parts = await asyncio.to_thread(_ova, file)
        return await self._import(name, descriptor, parts, tell)

    async def disk(self, file: Path, name: str, tell: Tell = lambda *_: None, *, bus: DiskBus = DiskBus.SCSI) -> Any:
        """Import a disk (qcow2) as a machine that has nothing else, on the bus on which its guest looks for it."""
        path = self._inventory.path("vm", self._session.place.image_folder, name)
        if (there := await self._there(path)) is not None:
            return there
        with tempfile.TemporaryDirectory(prefix="rackless-vmdk-") as folder:
            disk = Path(folder) / "disk.vmdk"
            # Compressed as it is sent: what NFC takes, whatever the datastore makes of it.
            adapter = "ide" if bus is DiskBus.IDE else "lsilogic"
            options = ["-o", f"subformat=streamOptimized,adapter_type={adapter}"]
            await convert(file, disk, to="vmdk", options=options, tell=lambda percent: tell("converting", percent))
            said = await run(["qemu-img", "info", "--output", "json", disk], deadline=60)
            capacity = int(json.loads(said.out)["virtual-size"])
            part = Part(size=disk.stat().st_size, open=lambda: disk.open("rb"))
            return await self._import(name, descriptor_of(name, capacity, part.size, bus), {"disk.vmdk": part}, tell)

    async def receive(self, file: Path, name: str, tell: Tell) -> Any:
        """An OVA or a disk, whichever it is."""
        if await asyncio.to_thread(tarfile.is_tarfile, file):
            return await self.ova(file, name, tell)
        return await self.disk(file, name, tell)

    async def kept(self) -> list[tuple[str, Any]]:
        """The images that we imported, whole or not, by name."""
        folder = await self._inventory.image_folder()
        said = await self._session.read(
            properties.along(folder, vim.Folder, "childEntity", {vim.VirtualMachine: ("name", "config.extraConfig")})
        )
        return sorted(
            (
                (str(facts["name"]), one)
                for one, facts in said
                if marks.option(facts.get("config.extraConfig"), IMAGE).startswith(f"{self._site}/")
            ),
            key=lambda pair: pair[0],
        )

    async def unended(self) -> list[str]:
        """The names of imports that came to no end and can come to none any more, whichever server began them."""
        folder = await self._session.find(self._inventory.path("vm", self._session.place.image_folder))
        if folder is None:
            return []
        paths = ("name", "config.extraConfig", "snapshot")
        said = await self._session.read(properties.along(folder, vim.Folder, "childEntity", {vim.VirtualMachine: paths}))
        ended = time.time() - SENDING
        return sorted(
            str(facts["name"])
            for _, facts in said
            if facts.get("snapshot") is None
            and marks.option(facts.get("config.extraConfig"), IMAGE).startswith(f"{self._site}/")
            and float(marks.option(facts.get("config.extraConfig"), SINCE) or 0) < ended
        )

    async def drop(self, name: str) -> None:
        for there, machine in await self.kept():
            if there == name:
                await self._tasks.run(machine, "Destroy_Task", doing=f"remove the image {name}", within=CHANGE)

    async def _import(self, name: str, descriptor: str, parts: Mapping[str, Part], tell: Tell) -> Any:
        path = self._inventory.path("vm", self._session.place.image_folder, name)
        async with self._locks[name]:
            if (there := await self._there(path)) is not None:
                return there
            machine = await self._send(name, descriptor, parts, tell)
            await self._tasks.run(
                machine,
                "CreateSnapshot_Task",
                name=SNAPSHOT,
                description="What Rackless clones",
                memory=False,
                quiesce=False,
                doing=f"take a snapshot of {name}",
                within=CHANGE,
            )
            return machine

    async def _there(self, path: str) -> Any:
        """The image, whole. What we began and did not end is taken away."""
        machine = await self._session.find(path)
        if machine is None:
            return None
        ((_, said),) = await self._session.read(properties.of([machine], vim.VirtualMachine, "snapshot", "config.extraConfig"))
        if said.get("snapshot") is None and marks.option(said.get("config.extraConfig"), IMAGE).startswith(f"{self._site}/"):
            await self._tasks.run(machine, "Destroy_Task", doing=f"remove the rest of an import, {path}", within=CHANGE)
            return None
        return machine

    async def _send(self, name: str, descriptor: str, parts: Mapping[str, Part], tell: Tell) -> Any:
        grounds, content = await self._inventory.grounds(), await self._session.content()
        if grounds.datastore is None:
            raise InputError(
                f"The place {self._session.place.name} has no datastore.", hint="Name a `datastore` in the site file."
            )
        folder = await self._inventory.image_folder()
        params = vim.OvfManager.CreateImportSpecParams(entityName=name, diskProvisioning="thin", locale="", deploymentOption="")
        made = await self._session.call(
            content.ovfManager,
            "CreateImportSpec",
            ovfDescriptor=descriptor,
            resourcePool=grounds.pool,
            datastore=grounds.datastore,
            cisp=params,
            doing=f"read the descriptor of {name}",
        )
        if made.importSpec is None or made.error:
            why = "; ".join(str(getattr(each, "msg", "") or type(each).__name__) for each in made.error) or "no reason given"
            raise InputError(
                f"vCenter can't make a machine of {name}: {why}.", hint="See what of its hardware the hosts have not."
            )
        about = {IMAGE: f"{self._site}/{name}", SINCE: str(int(time.time()))}
        options = [vim.option.OptionValue(key=key, value=value) for key, value in about.items()]
        made.importSpec.configSpec.extraConfig = [*made.importSpec.configSpec.extraConfig, *options]
        lease = await self._session.call(grounds.pool, "ImportVApp", spec=made.importSpec, folder=folder, doing=f"import {name}")
        try:
            info = await self._ready(lease, name)
            await self._fill(lease, info, list(made.fileItem), parts, tell)
            await self._session.call(lease, "HttpNfcLeaseComplete", doing=f"end the import of {name}")
        except BaseException:
            # With the lease its machine goes; where it does not, the mark without a snapshot tells.
            with suppress(RacklessError):
                await self._session.call(lease, "HttpNfcLeaseAbort", doing=f"give up the import of {name}")
            raise
        return info.entity

    async def _ready(self, lease: Any, name: str) -> Any:
        deadline = Deadline(READY)
        while True:
            ((_, said),) = await self._session.read(properties.of([lease], vim.HttpNfcLease, "state", "info", "error"))
            if said.get("state") == "ready":
                return said["info"]
            if said.get("state") == "error":
                raise ProviderError(
                    f"vCenter could not import {name}: {getattr(said.get('error'), 'msg', '')}.", hint="See its task."
                )
            if deadline.over:
                raise deadline.missed(f"vCenter to be ready for {name}")
            await deadline.pause(0.3)

    async def _fill(self, lease: Any, info: Any, items: list[Any], parts: Mapping[str, Part], tell: Tell) -> None:
        whole, sent = sum(parts[item.path].size for item in items if item.path in parts) or 1, [0]

        async def words() -> None:
            while True:
                await asyncio.sleep(ALIVE)
                await say()

        async def say() -> None:
            percent = min(99, sent[0] * 100 // whole)
            tell("sending", percent)
            await self._session.call(lease, "HttpNfcLeaseProgress", percent=percent, doing="tell how far the import is")

        await say()
        speaking = asyncio.create_task(words())
        try:
            async with asyncio.timeout(SENDING):
                for item in items:
                    url = next((each.url for each in info.deviceUrl if each.importKey == item.deviceId), None)
                    if url is None or item.path not in parts:
                        raise InputError(f"The descriptor names {item.path}, which is not there.", hint="Fetch the image again.")
                    await asyncio.to_thread(self._put, url, parts[item.path], bool(item.create), sent)
        finally:
            speaking.cancel()
            await asyncio.gather(speaking, return_exceptions=True)
        tell("sending", 100)

    def _put(self, url: str, part: Part, create: bool, sent: list[int]) -> None:
        """To the host that has the datastore: `*` in its place is the server that we speak to."""
        place, where = self._session.place, urlsplit(url)
        host = place.server if where.hostname in (None, "*") else str(where.hostname)
        port = where.port or (place.port if host == place.server else 443)
        line: HTTPConnection = HTTPSConnection(host, port, timeout=120, context=self._session.trust())
        began = time.monotonic()

        def pieces(stream: IO[bytes]) -> Any:
            while piece := stream.read(PIECE):
                if time.monotonic() - began > SENDING:
                    raise TimeoutError("the import takes too long")
                sent[0] += len(piece)
                yield piece

        self._session.calls["PUT"] += 1
        try:
            with part.open() as stream:
                headers = {"Content-Length": str(part.size), "Content-Type": "application/x-vnd.vmware-streamVmdk"}
                line.request("PUT" if create else "POST", where.path, body=pieces(stream), headers=headers)
                answer = line.getresponse()
                answer.read()
        except BREAKS as error:
            raise broken(error, host, "send a disk") from error
        finally:
            line.close()
        if answer.status not in (200, 201, 204):
            raise ProviderError(
                f"The host {host} did not take a disk: {answer.status} {answer.reason}.", hint="See the datastore."
            )


def _ova(file: Path) -> tuple[str, dict[str, Part]]:
    """The descriptor, and the files beside it, which are read out of the archive as they are sent."""

    def part(member: tarfile.TarInfo) -> Part:
        def opened() -> IO[bytes]:
            stream = file.open("rb")
            stream.seek(member.offset_data)
            return cast("IO[bytes]", _Window(stream, member.size))

        return Part(size=member.size, open=opened)

    try:
        with tarfile.open(file) as archive:
            members = [member for member in archive if member.isfile()]
            described = [member for member in members if member.name.lower().endswith(".ovf")]
            if len(described) != 1 or described[0].size > _DESCRIPTOR_MOST:
                raise InputError(f"{file.name} has {len(described)} descriptors; an OVA has one.", hint="Fetch it again.")
            stream = archive.extractfile(described[0])
            assert stream is not None
            return stream.read().decode(), {member.name: part(member) for member in members if member is not described[0]}
    except (tarfile.TarError, UnicodeDecodeError, OSError) as error:
        raise InputError(f"{file.name} is no OVA: {error}.", hint="Fetch it again.") from error


class _Window:
    """The next octets of a file, and no more: a member of an archive."""

    def __init__(self, stream: IO[bytes], size: int) -> None:
        self._stream, self._left = stream, size

    def read(self, most: int = -1) -> bytes:
        piece = self._stream.read(self._left if most < 0 else min(most, self._left))
        self._left -= len(piece)
        return piece

    def __enter__(self) -> _Window:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()


def descriptor_of(name: str, capacity: int, size: int, bus: DiskBus = DiskBus.SCSI) -> str:
    """Of a machine with one disk: an OVF 1.1 envelope (DSP0243). `capacity` and `size` in octets."""
    kind, title, subtype = _CONTROLLERS.get(bus, _CONTROLLERS[DiskBus.SCSI])
    named = f"<rasd:ResourceSubType>{subtype}</rasd:ResourceSubType>" if subtype else ""
    controller = f"<rasd:ElementName>{title} 0</rasd:ElementName><rasd:InstanceID>3</rasd:InstanceID>{named}"
    controller += f"<rasd:ResourceType>{kind}</rasd:ResourceType>"
    return _ENVELOPE.format(name=escape(name), capacity=capacity, size=size, controller=controller)


_CONTROLLERS = {
    DiskBus.SCSI: (6, "SCSI controller", "lsilogic"),
    DiskBus.IDE: (5, "IDE controller", ""),
    DiskBus.SATA: (20, "SATA controller", "vmware.sata.ahci"),
}
"""Resource type (DSP1043; CIM_ResourceAllocationSettingData), title and subtype. ESXi has no disk on virtio or of the USB kind
that a guest would boot from: such guests find theirs on SCSI, or not at all."""


_ENVELOPE = """<?xml version="1.0" encoding="UTF-8"?>
<Envelope xmlns="http://schemas.dmtf.org/ovf/envelope/1" xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1"
  xmlns:rasd="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_ResourceAllocationSettingData"
  xmlns:vssd="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_VirtualSystemSettingData">
  <References><File ovf:href="disk.vmdk" ovf:id="file1" ovf:size="{size}"/></References>
  <DiskSection><Info>Disks</Info>
    <Disk ovf:capacity="{capacity}" ovf:diskId="vmdisk1" ovf:fileRef="file1"
      ovf:format="http://www.vmware.com/interfaces/specifications/vmdk.html#streamOptimized"/>
  </DiskSection>
  <VirtualSystem ovf:id="{name}"><Info>A virtual machine</Info><Name>{name}</Name>
    <OperatingSystemSection ovf:id="1"><Info>Guest</Info></OperatingSystemSection>
    <VirtualHardwareSection><Info>Hardware</Info>
      <System><vssd:ElementName>Virtual Hardware Family</vssd:ElementName><vssd:InstanceID>0</vssd:InstanceID>
        <vssd:VirtualSystemIdentifier>{name}</vssd:VirtualSystemIdentifier>
        <vssd:VirtualSystemType>vmx-13</vssd:VirtualSystemType></System>
      <Item><rasd:ElementName>1 virtual CPU</rasd:ElementName><rasd:InstanceID>1</rasd:InstanceID>
        <rasd:ResourceType>3</rasd:ResourceType><rasd:VirtualQuantity>1</rasd:VirtualQuantity></Item>
      <Item><rasd:AllocationUnits>byte * 2^20</rasd:AllocationUnits><rasd:ElementName>256MB</rasd:ElementName>
        <rasd:InstanceID>2</rasd:InstanceID><rasd:ResourceType>4</rasd:ResourceType>
        <rasd:VirtualQuantity>256</rasd:VirtualQuantity></Item>
      <Item><rasd:Address>0</rasd:Address>{controller}</Item>
      <Item><rasd:AddressOnParent>0</rasd:AddressOnParent><rasd:ElementName>disk0</rasd:ElementName>
        <rasd:HostResource>ovf:/disk/vmdisk1</rasd:HostResource><rasd:InstanceID>4</rasd:InstanceID>
        <rasd:Parent>3</rasd:Parent><rasd:ResourceType>17</rasd:ResourceType></Item>
    </VirtualHardwareSection>
  </VirtualSystem>
</Envelope>
"""
