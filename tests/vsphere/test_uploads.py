"""Images into a vCenter: OVAs and disks of the local store through the NFC lease, with progress, and what is interrupted."""

from __future__ import annotations

import asyncio
import io
import subprocess
import tarfile
from pathlib import Path

import pytest
from tests.conformance import specs
from tests.vsphere import soap, vcenter

from rackless.images import store
from rackless.model.errors import InputError, NotFoundError, ProviderError
from rackless.model.site import Site
from rackless.providers.contract import RefKind
from rackless.providers.vsphere import uploads
from rackless.providers.vsphere.provider import VsphereProvider

pytestmark = pytest.mark.vsphere


@pytest.fixture
def images(venue):
    """The names that a test imports; they are taken away after it."""
    yield
    with venue.server.admin() as content:
        folder = content.searchIndex.FindByInventoryPath(f"{vcenter.DATACENTER}/vm/rackless-images")
        for machine in folder.childEntity:
            if machine.name.startswith("new"):
                machine.Destroy_Task()


def disk(folder: Path, name: str = "disk.qcow2") -> Path:
    path = folder / name
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", path, "8M"], check=True)
    subprocess.run(["qemu-io", "-c", "write -P 0x5a 0 2M", path], check=True, stdout=subprocess.DEVNULL)
    return path


def ova(folder: Path, descriptor: str = "", *, descriptors: int = 1, lacking: bool = False) -> Path:
    """As a vendor packs one: descriptor, disk."""
    vmdk = folder / "disk.vmdk"
    options = ["-O", "vmdk", "-o", "subformat=streamOptimized"]
    subprocess.run(["qemu-img", "convert", *options, disk(folder), vmdk], check=True)
    text = descriptor or uploads.descriptor_of("vendor", 8 << 20, vmdk.stat().st_size)
    path = folder / "vendor.ova"
    with tarfile.open(path, "w") as archive:
        for number in range(descriptors):
            entry = tarfile.TarInfo(f"vendor{number}.ovf")
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text.encode()))
        if not lacking:
            archive.add(vmdk, "disk.vmdk")
    return path


def machine(venue, name: str):
    with venue.server.admin() as content:
        found = content.searchIndex.FindByInventoryPath(f"{vcenter.DATACENTER}/vm/rackless-images/{name}")
        return None if found is None else found._moId


async def test_an_ova_becomes_an_image_that_is_cloned_by_links(venue, images, tmp_path) -> None:
    provider = venue.provider()
    told: list[tuple[str, int]] = []
    await provider.uploads.ova(ova(tmp_path), "new-vmx", lambda *said: told.append(said))
    assert told[0] == ("sending", 0)
    assert told[-1] == ("sending", 100)
    methods = [one.method for one in venue.server.sent()]
    wanted = ["CreateImportSpec", "ImportVApp", "HttpNfcLeaseProgress", "HttpNfcLeaseComplete", "CreateSnapshot_Task"]
    assert [method for method in methods if method in wanted] == wanted
    assert provider.calls["PUT"] == 1
    await provider.ensure(specs.DiskSpec(sandbox="lab", name="west-vcp-disk0", image="new-vmx"))
    (cloned,) = venue.server.sent("CloneVM_Task")
    assert soap.request(cloned.body).get("spec/location/diskMoveType") == "createNewChildDiskBacking"


async def test_an_image_that_is_there_is_not_sent_again(venue, images, tmp_path) -> None:
    path = ova(tmp_path)
    await venue.provider().uploads.ova(path, "new-vmx")
    before = machine(venue, "new-vmx")
    await asyncio.gather(*(venue.provider().uploads.ova(path, "new-vmx") for _ in range(2)))
    assert machine(venue, "new-vmx") == before
    assert len(venue.server.sent("ImportVApp")) == 1


@pytest.mark.parametrize("method", ["HttpNfcLeaseProgress", "HttpNfcLeaseComplete", "CreateSnapshot_Task"])
async def test_what_was_interrupted_is_made_anew(venue, images, tmp_path, method: str) -> None:
    path = ova(tmp_path)
    venue.server.fault("fault", method, fault="SystemError")
    with pytest.raises(ProviderError):
        await venue.provider().uploads.ova(path, "new-vmx")
    broken = machine(venue, "new-vmx")
    if method != "CreateSnapshot_Task":
        assert len(venue.server.sent("HttpNfcLeaseAbort")) == 1
    await venue.provider().uploads.ova(path, "new-vmx")
    assert machine(venue, "new-vmx") not in (None, broken)
    with venue.server.admin() as content:
        found = content.searchIndex.FindByInventoryPath(f"{vcenter.DATACENTER}/vm/rackless-images/new-vmx")
        (snapshot,) = content.propertyCollector.RetrieveContents([_snapshots(found)])[0].propSet[0].val.rootSnapshotList
        assert snapshot.name == "rackless"


async def test_an_import_that_came_to_no_end_is_a_leftover_once_it_can_come_to_none(
    venue, images, tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    venue.server.fault("fault", "CreateSnapshot_Task", fault="SystemError")
    with pytest.raises(ProviderError):
        await venue.provider().uploads.ova(ova(tmp_path), "new-vmx")
    assert machine(venue, "new-vmx") is not None
    assert await venue.provider().owned() == ()  # Another server of ours may still be at it.
    monkeypatch.setattr(uploads, "SENDING", -5.0)
    assert await venue.provider().owned("lab") == ()
    (ref,) = await venue.provider().owned()
    assert (ref.kind, ref.sandbox, ref.name) == (RefKind.FILE, "", "import new-vmx")
    for _ in range(2):
        await venue.provider().remove(ref)
    assert machine(venue, "new-vmx") is None
    assert await venue.provider().owned() == ()


def _snapshots(found):
    from pyVmomi import vim, vmodl

    query = vmodl.query.PropertyCollector
    kind = query.PropertySpec(type=vim.VirtualMachine, pathSet=["snapshot"])
    return query.FilterSpec(objectSet=[query.ObjectSpec(obj=found)], propSet=[kind])


async def test_anothers_machine_of_that_name_is_left_alone(venue, tmp_path) -> None:
    before = machine(venue, "bare")  # Without a snapshot, as an interrupted import is; but it is not ours.
    await venue.provider().uploads.ova(ova(tmp_path), "bare")
    assert machine(venue, "bare") == before
    assert venue.server.sent("ImportVApp") == []


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda folder: ova(folder, descriptors=2), "has 2 descriptors"),
        (lambda folder: ova(folder, descriptors=0), "has 0 descriptors"),
        (lambda folder: ova(folder, lacking=True), "names disk.vmdk, which is not there"),
        (disk, "is no OVA"),
        (lambda folder: folder / "nowhere.ova", "is no OVA"),
    ],
)
async def test_what_is_no_ova_is_refused(venue, images, tmp_path, make, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        await venue.provider().uploads.ova(make(tmp_path), "new-vmx")


async def test_hardware_that_the_hosts_have_not_is_told(venue, images, tmp_path) -> None:
    text = uploads.descriptor_of("vendor", 8 << 20, 1000).replace(
        "<rasd:ResourceType>6</rasd:ResourceType>", "<rasd:ResourceType>21</rasd:ResourceType>"
    )
    with pytest.raises(InputError, match="unsupported resource type: 21"):
        await venue.provider().uploads.ova(ova(tmp_path, text), "new-vmx")


async def test_an_image_of_the_local_store_is_imported_when_a_disk_wants_it(venue, images, tmp_path) -> None:
    image = store.Image(name="new-one", digest="0123456789abcdef", disk=disk(tmp_path), kernel=None, initrd=None, append="")

    def find(name: str) -> store.Image:
        if name != "new-one":
            raise NotFoundError(f"There is no image {name}.", hint="Import it.")
        return image

    provider = VsphereProvider(venue.server.place(), venue.server.settings("a"), Site(), find)
    wanted = specs.DiskSpec(sandbox="lab", name="west-vcp-disk0", image="new-one")
    await asyncio.gather(*(provider.ensure(wanted) for _ in range(2)))
    assert machine(venue, "new-one.01234567") is not None
    (sent,) = venue.server.sent("CreateImportSpec")
    assert 'ovf:capacity="8388608"' in soap.request(sent.body).get("ovfDescriptor")
    assert len(venue.server.sent("CloneVM_Task")) == 1
    await provider.close()


async def test_images_that_we_imported_go_when_no_machine_may_stand_on_them(venue, images, tmp_path) -> None:
    provider = venue.provider()
    told: list[tuple[str, int]] = []
    await provider.receive(ova(tmp_path), "new-vendor", lambda *said: told.append(said))
    await provider.receive(disk(tmp_path), "new-disk", lambda *said: told.append(said))
    assert [said for said in told if said[1] == 100] == [("sending", 100), ("converting", 100), ("sending", 100)]
    spec = specs.machine("lab", "west-vcp")
    await provider.ensure(spec.disks[0])
    assert [(one.name, one.used) for one in await provider.kept()] == [
        (name, "1 disks that may stand on it") for name in ("new-disk", "new-vendor")
    ]
    for ref in await provider.owned():
        await provider.remove(ref)
    for one in await provider.kept():
        assert one.used == ""
        await provider.drop(one)
        await provider.drop(one)
    assert await provider.kept() == ()
    assert machine(venue, "tiny") is not None  # Not ours: somebody put it there.
