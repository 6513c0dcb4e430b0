"""`.venv/bin/python bench/vsphere.py`: what a vCenter is asked for, and how long the asking takes without one.

    calls per router    API calls to make a router of two machines and switch it on, and to take it away; by method
    calls per wire      to make the wire and attach both its ends, behind running machines; and to take it away
    fifty at once       as many routers (a hundred machines) deployed together: calls and seconds, against one after the other

Against govmomi's simulator, whose answers take a millisecond or two: the seconds are ours and its, not a data centre's. Fewer
calls are better: vCenter serves few at once, and each takes it 20 to 200 ms. Prints a table, or JSON with --json.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.conformance import specs
from tests.conformance.vsphere_place import no_image
from tests.vsphere.vcenter import VCenter

from rackless.model.plan import PortRef
from rackless.model.site import Site
from rackless.providers.contract import Power, Ref, RefKind
from rackless.providers.vsphere.provider import VsphereProvider
from rackless.workflows.teardown import remove_owned

ROUTERS = 50


def provider(server: VCenter) -> VsphereProvider:
    return VsphereProvider(server.place(), server.settings(), Site(), no_image)


async def router(where: VsphereProvider, name: str, console: int) -> None:
    await where.ensure(specs.internal("bench", name))
    for machine in (f"{name}-vcp", f"{name}-vfp0"):
        spec = specs.machine("bench", machine, console=console if machine.endswith("vcp") else None)
        await where.ensure(spec.disks[0])
        await where.ensure(spec)
        await where.power(Ref(kind=RefKind.MACHINE, sandbox="bench", name=machine), Power.ON)


async def counted(where: VsphereProvider, work: Any) -> tuple[Counter[str], float]:
    before, began = where.calls.copy(), time.monotonic()
    await work
    return where.calls - before, time.monotonic() - began


async def wire(where: VsphereProvider, *, there: bool) -> None:
    spec = specs.wire("bench", "wire-1", *(PortRef(sandbox="bench", machine=f"r{at}-vfp0", nic=2) for at in range(2)))
    if there:
        await where.ensure(spec)
        await asyncio.gather(*(where.attach(port, spec) for port in spec.ports))
        return
    await asyncio.gather(*(where.detach(port) for port in spec.ports))
    await where.remove(Ref(kind=RefKind.SEGMENT, sandbox="bench", name="wire-1"))


async def measure(server: VCenter) -> dict[str, Any]:
    found: dict[str, Any] = {}

    def keep(what: str, result: tuple[Counter[str], float], per: int = 1) -> None:
        calls, seconds = result
        found[what] = {
            "calls": round(calls.total() / per, 1),
            "seconds": round(seconds, 2),
            "by method": dict(calls.most_common()),
        }

    where = provider(server)
    keep("first router, with the inventory and the folder", await counted(where, router(where, "r0", 9500)))
    keep("router", await counted(where, router(where, "r1", 9501)))
    keep("wire", await counted(where, wire(where, there=True)))
    keep("wire taken away", await counted(where, wire(where, there=False)))
    keep("router taken away", await counted(where, remove_owned(where, "bench")), per=2)
    together = asyncio.gather(*(router(where, f"r{at}", 9500 + at) for at in range(ROUTERS)))
    keep(f"{ROUTERS} routers at once, each", await counted(where, together), per=ROUTERS)
    keep("all that is ours, asked once", await counted(where, where.owned()))
    keep(f"{ROUTERS} routers taken away at once, each", await counted(where, remove_owned(where, "bench")), per=ROUTERS)
    assert await where.owned() == ()
    await where.close()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    wanted = parser.parse_args()
    server = VCenter()
    try:
        server.image("rackless-images/tiny")
        found = asyncio.run(measure(server))
    finally:
        server.end()
    if wanted.json:
        print(json.dumps(found, indent=2))
        return
    for what, facts in found.items():
        print(f"{what:50} {facts['calls']:7.1f} calls {facts['seconds']:8.2f} s")
        print(" " * 8 + ", ".join(f"{count} {method}" for method, count in facts["by method"].items()))


if __name__ == "__main__":
    main()
