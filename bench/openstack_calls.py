"""Requests to an OpenStack per router and per wire: fewer is better. Against the HTTP cloud of the tests: only the provider's
conduct counts there; a real cloud is polled more often while it is slow.

    python bench/openstack_calls.py [--json]
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Awaitable
from pathlib import Path

TOP = Path(__file__).parents[1]
sys.path.insert(0, str(TOP))

from tests.conformance import specs  # noqa: E402
from tests.openstack.http_cloud import HttpCloud  # noqa: E402

from rackless.model.places import OpenStackPlace, Rewiring  # noqa: E402
from rackless.model.plan import PortRef, SegmentSpec  # noqa: E402
from rackless.model.site import Site  # noqa: E402
from rackless.providers.contract import Power, Ref, RefKind  # noqa: E402
from rackless.providers.openstack.provider import OpenStackProvider  # noqa: E402
from rackless.settings import Settings  # noqa: E402

CARDS = 2


class Image:
    def __init__(self, disk: Path) -> None:
        self.disk = disk


async def measure(place: OpenStackPlace, cloud: HttpCloud, top: Path) -> dict[str, Counter[str]]:
    disk = top / "tiny.raw"
    disk.write_bytes(b"disk")
    settings = Settings(state=top / "s", run=top / "r", images=top / "i", site_file=top / "site.yaml")
    provider = OpenStackProvider(place, settings, Site(), lambda _: Image(disk))

    async def counted(work: Awaitable[object]) -> Counter[str]:
        cloud.asked.clear()
        await work
        return Counter(f"{asked.split()[0]} {asked.split('/')[1]}" for asked in cloud.asked)

    async def router(name: str) -> None:
        machines = [specs.machine("lab", f"{name}-{end}") for end in ("vcp", *(f"vfp{card}" for card in range(CARDS)))]
        ports = tuple(PortRef(sandbox="lab", machine=machine.name, nic=1) for machine in machines)
        await provider.ensure(SegmentSpec(sandbox="lab", name=f"{name}-internal", kind="internal", ports=ports, mtu=1500))
        for machine in machines:
            await provider.ensure(machine.disks[0])
            await provider.ensure(machine)
            await provider.power(Ref(kind=RefKind.MACHINE, sandbox="lab", name=machine.name), Power.ON)

    async def remove() -> None:
        for ref in await provider.owned("lab"):
            await provider.remove(ref)

    await router("first")  # image, flavor and parking network are there afterwards
    found = {"router": await counted(router("west"))}
    ends = [specs.port(specs.machine("lab", name), 2) for name in ("west-vfp0", "west-vfp1")]
    wire = specs.wire("lab", "wire-1", *ends)

    async def connect() -> None:
        await provider.ensure(wire)
        for end in ends:
            await provider.attach(end, wire)

    async def disconnect() -> None:
        for end in ends:
            await provider.detach(end)
        await provider.remove(Ref(kind=RefKind.SEGMENT, sandbox="lab", name=wire.name))

    found["wire"] = await counted(connect())
    found["unwire"] = await counted(disconnect())
    found["look"] = await counted(provider.owned("lab"))
    found["remove"] = await counted(remove())
    return found


def main() -> None:
    total: dict[str, dict[str, dict[str, int]]] = {}
    for way in Rewiring:
        with tempfile.TemporaryDirectory() as name:
            cloud = HttpCloud()
            with cloud.serving(Path(name)) as served:
                place = OpenStackPlace(**{**vars(served), "rewiring": way})
                total[way.value] = {what: dict(counts) for what, counts in asyncio.run(measure(place, cloud, Path(name))).items()}
    if "--json" in sys.argv:
        print(json.dumps(total, indent=2))
        return
    for way, found in total.items():
        print(f"\n{way} (a router is one controller and {CARDS} cards of two ports; removed are two of them)")
        for what, counts in found.items():
            parts = ", ".join(f"{number} {asked}" for asked, number in sorted(counts.items(), key=lambda pair: -pair[1]))
            print(f"  {what:8} {sum(counts.values()):4}   {parts}")


if __name__ == "__main__":
    main()
