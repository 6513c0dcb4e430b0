"""`.venv/bin/python bench/openstack_services.py`: what an OpenStack of real services is asked for, and how long it takes (root).

    router              a controller and a card made and switched on: requests, seconds
    the same, bare      the same two servers with their ports and network by openstacksdk alone, in as few requests as it takes
    wire                made, and both ends attached behind running machines; and taken away
    fifty at once       as many routers deployed together: requests and seconds of each, against one after the other
    looking             all that is ours, asked once
    router taken away

Keystone, Glance, Placement, Neutron and Nova are real (packaging/openstack), Nova's compute driver is its own fake: servers are
there at once and run nothing, so that the seconds are those of requests. Fewer requests are better: a cloud limits their rate.
Prints a table, or JSON with --json. --routers N for another number than fifty; --rewiring for another way than trunk.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

TOP = Path(__file__).parents[1]
sys.path.insert(0, str(TOP))

from deeds import ENDS, Counted, router, wire  # noqa: E402
from tests.conformance.openstack_place import OpenStackVenue  # noqa: E402
from tests.openstack import stack  # noqa: E402

from rackless.model.places import Numbers, Rewiring  # noqa: E402
from rackless.providers.openstack import parking  # noqa: E402
from rackless.workflows.teardown import remove_owned  # noqa: E402

NAMESPACE = "rackless-bench"


def bare(cloud: Any) -> None:
    """A network, two servers with as many ports, and the wait for them: what nobody can do without."""
    image = next(one for one in cloud.image.images() if "rackless_build" in one.properties)
    flavor = next(one for one in cloud.compute.flavors() if one.ram == 64)
    network = cloud.network.create_network(name="bare", is_port_security_enabled=False)
    cloud.network.create_subnet(network_id=network.id, ip_version=4, cidr="10.0.0.0/24", gateway_ip=None, is_dhcp_enabled=False)
    made = []
    for end in ENDS:
        ports = cloud.network.create_ports([{"network_id": network.id, "name": f"bare-{end}"} for _ in range(4)])
        ids = [{"port": port.id} for port in ports]
        made.append(cloud.compute.create_server(name=f"bare-{end}", image_id=image.id, flavor_id=flavor.id, networks=ids))
    for server in made:
        cloud.compute.wait_for_server(server, interval=0.5)
    for server in made:
        cloud.compute.delete_server(server)
    for server in made:
        cloud.compute.wait_for_delete(server, interval=0.5)
    for port in cloud.network.ports(network_id=network.id):
        cloud.network.delete_port(port)
    cloud.network.delete_network(network)


async def measure(folder: Path, way: Rewiring, routers: int) -> Counted:
    venue = OpenStackVenue(
        folder, rewiring=way, segment_type="vxlan", physical_network="", numbers=Numbers(first=5000, last=9000)
    )
    where = venue.provider()
    parking.BOUND_SECONDS = 0.0  # Nova's fake driver has no switch that would bind a port.
    found = Counted(lambda: where.cloud.calls, lambda line: print(line, file=sys.stderr, flush=True))  # it takes minutes
    await found.deed("first router, with image, flavor and parking network", router(where, "r0", 0))
    await found.deed("router", router(where, "r1", 1))
    cloud = stack.admin(folder)
    seen: list[str] = []
    cloud.session.session.hooks["response"].append(lambda answer, *_, **__: seen.append(answer.request.method))
    began = time.monotonic()
    await asyncio.to_thread(bare, cloud)
    found.keep("the same, bare, made and taken away", Counter(seen), time.monotonic() - began)
    await found.deed("wire", wire(where, there=True))
    await found.deed("wire taken away", wire(where, there=False))
    await found.deed("looking", where.owned())
    await found.deed("router taken away", remove_owned(where, "bench"), per=2)
    together = asyncio.gather(*(router(where, f"r{at}", at) for at in range(routers)))
    await found.deed(f"{routers} routers at once, each", together, per=routers)
    await found.deed(f"looking at {routers}", where.owned())
    await found.deed(f"{routers} routers taken away at once, each", remove_owned(where, "bench"), per=routers)
    assert await where.owned() == ()
    venue.end()
    return found


@contextmanager
def standing() -> Iterator[Path]:
    """A stack with Nova's fake driver, in a network namespace of its own, which this process enters."""
    subprocess.run(["ip", "netns", "add", NAMESPACE], check=True)
    try:
        subprocess.run(["ip", "-n", NAMESPACE, "link", "set", "lo", "up"], check=True)
        with Path(f"/var/run/netns/{NAMESPACE}").open("rb") as end:
            _enter(end.fileno())
        os.environ["RACKLESS_STACK_COMPUTE"] = "fake"
        with stack.standing() as folder:
            yield folder
    finally:
        subprocess.run(["ip", "netns", "del", NAMESPACE], check=True)


def _enter(namespace: int) -> None:
    """setns(2): the standard library has it from Python 3.12 on."""
    import ctypes

    clone_newnet = 0x40000000
    if ctypes.CDLL(None, use_errno=True).setns(namespace, clone_newnet):
        raise OSError(ctypes.get_errno(), "setns")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--routers", type=int, default=50, help="how many at once (50)")
    parser.add_argument("--rewiring", default="trunk", choices=[way.value for way in Rewiring])
    given = parser.parse_args()
    with standing() as folder:
        found = asyncio.run(measure(folder, Rewiring(given.rewiring), given.routers))
    print(json.dumps(found.found, indent=2) if given.json else found.table())


if __name__ == "__main__":
    main()
