"""A vCenter as a place of a site: the server makes its provider of site.yaml, plans for it, examines it and audits it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.conformance import specs
from tests.unit.api_client import serving

from rackless.providers.contract import at
from rackless.providers.vsphere.provider import VsphereProvider

pytestmark = pytest.mark.vsphere
LAB = """
name: lab
place: vmware
routers:
  west: {cards: 1, ports_per_card: 2}
  east: {cards: 1, ports_per_card: 2}
wires:
  - [west:ge-0/0/0, east:ge-0/0/0]
"""


def site(venue) -> str:
    place = venue.server.place()
    return f"""
provider: home
places:
  home: {{provider: fake}}
  vmware:
    provider: vsphere
    server: {place.server}
    port: {place.port}
    user: {place.user}
    password-file: {place.password_file}
    ca-file: {place.ca_file}
    datacenter: {place.datacenter}
    cluster: {place.cluster}
    datastore: {place.datastore}
    switch: {place.switch}
    numbers: 100-199
    console-ports: 9300-9330
    firewall-open: yes
"""


async def test_a_vcenter_is_a_place_like_another(venue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RACKLESS_PROVIDER", raising=False)
    venue.server.image("rackless-images/reference")
    async with serving(tmp_path, "", monkeypatch, site(venue)) as client:
        places = {place["name"]: place for place in await client.items("/places")}
        assert places["vmware"]["provider"] == "vsphere"
        answer = await client.http.post("/places/vmware/check?quick=true", timeout=60)
        *findings, end = (json.loads(line) for line in answer.text.splitlines())
        assert [one["name"] for one in findings if not one["ok"]] == ["time"]
        assert end["checked"] == len(findings) >= 10
        plan = await client.ask("POST", "/plans", client.blueprint(LAB))
        assert plan["problems"] == []
        (about,) = plan["places"]
        assert (about["name"], about["most_nics"], about["rewiring"]) == ("vmware", 13, "live")
        # What of ours is at the vCenter and in no lab of the store is found, and can be taken away.
        provider = at(client.world.provider, "vmware")
        assert isinstance(provider, VsphereProvider)
        await provider.ensure(specs.wire("gone", "wire-1"))
        await provider.ensure(specs.disk("gone", "west-vcp"))
        found = {(one["kind"], one["name"]) for one in await client.items("/audit")}
        assert found == {("segment", "wire-1"), ("disk", "west-vcp-disk0")}
        for ref in await provider.owned():
            await provider.remove(ref)
        assert await client.items("/audit") == []
        await provider.close()
    with venue.server.admin() as content:
        content.searchIndex.FindByInventoryPath("DC0/vm/rackless-images/reference").Destroy_Task()


def test_who_has_no_vcenter_does_not_pay_for_its_library() -> None:
    code = (
        "import sys, rackless.providers.registry, rackless.daemons; sys.exit(any(name.startswith('pyV') for name in sys.modules))"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
