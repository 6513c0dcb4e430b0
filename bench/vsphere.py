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
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from deeds import Counted, router, wire
from tests.conformance.vsphere_place import no_image
from tests.vsphere.vcenter import VCenter

from rackless.model.site import Site
from rackless.providers.vsphere.provider import VsphereProvider
from rackless.workflows.teardown import remove_owned

ROUTERS = 50


def provider(server: VCenter) -> VsphereProvider:
    return VsphereProvider(server.place(), server.settings(), Site(), no_image)


async def measure(server: VCenter) -> Counted:
    where = provider(server)
    found = Counted(lambda: where.calls)
    await found.deed("first router, with the inventory and the folder", router(where, "r0", 0, console=9500))
    await found.deed("router", router(where, "r1", 1, console=9501))
    await found.deed("wire", wire(where, there=True))
    await found.deed("wire taken away", wire(where, there=False))
    await found.deed("router taken away", remove_owned(where, "bench"), per=2)
    together = asyncio.gather(*(router(where, f"r{at}", at, console=9500 + at) for at in range(ROUTERS)))
    await found.deed(f"{ROUTERS} routers at once, each", together, per=ROUTERS)
    await found.deed("all that is ours, asked once", where.owned())
    await found.deed(f"{ROUTERS} routers taken away at once, each", remove_owned(where, "bench"), per=ROUTERS)
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
    print(json.dumps(found.found, indent=2) if wanted.json else found.table())


if __name__ == "__main__":
    main()
