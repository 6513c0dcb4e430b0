"""The appliance's OVA into a vCenter: by our own import, and by pyVmomi alone as any other tool would do it."""

from __future__ import annotations

import http.client
import ssl
import tarfile
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from pyVmomi import vim
from tests.unit.test_ova import disk
from tests.vsphere import vcenter

from rackless.appliance import ova

pytestmark = pytest.mark.vsphere


@pytest.fixture
async def made(tmp_path: Path) -> Path:
    target = tmp_path / "rackless-1.0.ova"
    await ova.make(disk(tmp_path), target, "1.0", tmp_path)
    return target


def machine(content: Any, name: str) -> Any:
    return content.searchIndex.FindByInventoryPath(f"{vcenter.DATACENTER}/vm/{name}")


def hardware(found: Any) -> dict[str, Any]:
    devices = found.config.hardware.device
    disks = [each for each in devices if isinstance(each, vim.vm.device.VirtualDisk)]
    return {
        "processors": found.config.hardware.numCPU,
        "memory": found.config.hardware.memoryMB,
        "disks": sorted(each.capacityInKB << 10 for each in disks),
        "controllers": sum(isinstance(each, vim.vm.device.VirtualLsiLogicController) for each in devices),
        "cards": sum(isinstance(each, vim.vm.device.VirtualVmxnet3) for each in devices),
    }


WANTED = {"processors": 4, "memory": 8192, "disks": [16 << 20, 40 << 30], "controllers": 1, "cards": 1}


async def test_our_own_import_takes_it(venue, made: Path) -> None:
    await venue.provider().uploads.ova(made, "new-appliance")
    with venue.server.admin() as content:
        found = machine(content, "rackless-images/new-appliance")
        assert hardware(found) == WANTED
        found.Destroy_Task()


def send(url: str, server: vcenter.VCenter, data: bytes) -> int:
    where = urlsplit(url)
    host = "127.0.0.1" if where.hostname in {None, "*"} else str(where.hostname)
    context = ssl.create_default_context(cafile=str(server.folder / "ca.pem"))
    line = http.client.HTTPSConnection(host, where.port or server.port, context=context, timeout=60)
    try:
        line.request("POST", where.path, body=data, headers={"Content-Type": "application/x-vnd.vmware-streamVmdk"})
        answer = line.getresponse()
        answer.read()
        return answer.status
    finally:
        line.close()


def test_a_stranger_imports_it_with_its_properties(venue, made: Path) -> None:
    server = venue.server
    with tarfile.open(made) as archive, server.admin() as content:
        text = archive.extractfile("rackless-1.0.ovf").read().decode()
        find = content.searchIndex.FindByInventoryPath
        pool = find(f"{vcenter.DATACENTER}/host/{vcenter.CLUSTER}/Resources")
        store = next(each for each in find(vcenter.DATACENTER).datastore if each.name == vcenter.DATASTORE)
        network = find(vcenter.DATACENTER).network[0]
        params = vim.OvfManager.CreateImportSpecParams(
            entityName="by-a-stranger",
            diskProvisioning="thin",
            locale="",
            deploymentOption="",
            networkMapping=[vim.OvfManager.NetworkMapping(name="Management", network=network)],
            propertyMapping=[vim.KeyValue(key="rackless.hostname", value="one")],
        )
        spec = content.ovfManager.CreateImportSpec(ovfDescriptor=text, resourcePool=pool, datastore=store, cisp=params)
        assert not spec.error
        assert [item.path for item in spec.fileItem] == ["rackless-1.0-disk1.vmdk", "rackless-1.0-disk2.vmdk"]
        lease = pool.ImportVApp(spec=spec.importSpec, folder=find(f"{vcenter.DATACENTER}/vm"))
        for item in spec.fileItem:
            (url,) = [each.url for each in lease.info.deviceUrl if each.importKey == item.deviceId]
            assert send(url, server, archive.extractfile(item.path).read()) in {200, 201}
        lease.HttpNfcLeaseComplete()
        found = machine(content, "by-a-stranger")
        assert hardware(found) == WANTED
        found.Destroy_Task()
