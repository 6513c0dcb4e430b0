"""docs/howto/vsphere.md, followed literally from its step 2 on, as far as a simulator goes: no machine of it boots."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyVmomi import vim
from tests import howto
from tests.machines.cli import Installation
from tests.vsphere.vcenter import CLUSTER, DATACENTER, DATASTORE, SWITCH, USER, VCenter

pytestmark = [pytest.mark.vsphere, pytest.mark.timeout(400)]
DOCUMENT = "vsphere.md"


@pytest.fixture
def vcenter() -> Iterator[VCenter]:
    """With what steps 1 and 2 have an administrator make."""
    made = VCenter()
    with made.admin() as content:
        content.searchIndex.FindByInventoryPath(f"{DATACENTER}/vm").CreateFolder("rackless-images")
        pool = content.searchIndex.FindByInventoryPath(f"{DATACENTER}/host/{CLUSTER}/Resources")
        pool.CreateResourcePool("rackless", pool.config)
        group = vim.dvs.DistributedVirtualPortgroup.ConfigSpec(name="lab-management", type="earlyBinding", numPorts=8)
        content.searchIndex.FindByInventoryPath(f"{DATACENTER}/network/{SWITCH}").AddDVPortgroup_Task([group])
    yield made
    made.end()


def test_the_document_leads_to_a_place_for_labs(vcenter: VCenter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site, first = tmp_path / "site.yaml", tmp_path / "first.yaml"
    here = Installation.make(RACKLESS_SITE=str(site), RACKLESS_MANAGEMENT="forwarded")
    try:
        # 3. The authority's fingerprint is what one compares.
        authority = vcenter.folder / "ca.pem"
        (show,) = howto.commands(DOCUMENT, "3.", "openssl")
        shown = [str(authority) if word.endswith("vcenter-ca.pem") else word for word in show]
        assert "Fingerprint=" in subprocess.run(["openssl", *shown], capture_output=True, text=True, check=True).stdout

        # 4. The example has every key of the file that is the least.
        (example,) = howto.commands(DOCUMENT, "4.", "rackless")
        every = here.run(*example).out
        least = howto.blocks(DOCUMENT, "4.")[1]
        keys = [line.strip().partition(":")[0] for line in least.splitlines() if line.startswith("    ")]
        assert [key for key in keys if f"{key}:" not in every] == []
        names = {"datacenter": DATACENTER, "cluster": CLUSTER, "datastore": DATASTORE, "switch": SWITCH, "user": USER}
        text = howto.filled(least, **names, server="127.0.0.1", password_file=vcenter.password, ca_file=authority)
        site.write_text(text.replace("user:", f"port: {vcenter.port}\n    firewall-open: yes\n    user:"))
        here.run("stop", check=False)

        # 5. What the check finds is what the document says that it looks for.
        listing, check = howto.commands(DOCUMENT, "5.", "rackless")
        assert "vienna" in here.run(*listing).out
        found = {one["name"]: one for one in here.run(*check, "--quick", "--json", check=False).json()}
        assert set(found) == howto.findings(DOCUMENT, "5.")
        assert {name: one["detail"] for name, one in found.items() if not one["ok"]}.keys() <= {"time", "images"}, found

        # 6. An OVA of a vendor, which is there as an image afterwards.
        disk = tmp_path / "disk.qcow2"
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", disk, "8M"], check=True)
        assert "Image vmx-vcp is at vienna." in here.run("site", "import", "vienna", str(disk), "--name", "vmx-vcp").out
        found = {one["name"]: one for one in here.run(*check, "--quick", "--json", check=False).json()}
        assert found["images"]["ok"], found
        assert "vmx-vcp" in here.run("site", "clean", "vienna", "--dry-run").out

        # 7. A lab is planned there, with its limits.
        first.write_text(howto.blocks(DOCUMENT, "7.")[0])
        plan, *_ = howto.commands(DOCUMENT, "7.", "rackless")
        site.write_text(site.read_text().replace("provider: local\n", "provider: vienna\n"))
        here.run("stop", check=False)
        shown_plan = here.run(*(str(first) if word == "first.yaml" else word for word in plan)).out
        assert "vienna" in shown_plan
        here.run("site", "clean", "vienna")
    finally:
        here.close()
