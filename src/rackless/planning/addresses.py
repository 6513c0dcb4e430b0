"""Management addresses: a hash of the machine's name picks one, and linear probing finds the next free one."""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Callable, Mapping

from rackless.model import naming
from rackless.model.errors import CapacityError, InputError
from rackless.model.family import NicRole
from rackless.model.plan import Plan
from rackless.model.site import Site


def allot(
    sandbox: str, site: Site, names: list[str], static: Mapping[str, tuple[str, str]], held: Mapping[str, str]
) -> dict[str, str]:
    """An address with prefix length for each machine of `names`; those in `static` (owner, address) and in `held` (what machines
    of the lab that are there have) keep theirs.

    Never given out: the network and broadcast addresses, the first address (this machine's), what other sandboxes hold
    (`site.taken_addresses`), and what `static` names. Machines are gone through in alphabetical order, so that the order
    of the file does not matter.

    Raises:
        InputError: a static address belongs to the network itself, to this machine, or to another sandbox.
        CapacityError: the network has no free address left.
    """
    network = ipaddress.IPv4Network(site.management_network)
    given: dict[str, str] = {}
    own: set[str] = set()

    def taken(address: str) -> bool:
        return address in own or address in site.taken_addresses

    held = {name: text for name, text in held.items() if name in names and name not in static}
    for name, text in held.items():
        given[name] = text
        own.add(text.split("/")[0])
    for name, (owner, text) in static.items():
        _refuse_taken(network, taken, owner, text)
        given[name] = text
        own.add(str(ipaddress.ip_interface(text).ip))
    first = int(network.network_address) + 2
    count = network.num_addresses - 3
    for name in sorted(name for name in names if name not in given):
        address = _probe(f"{sandbox}/{name}", first, count, taken)
        if address is None:
            raise CapacityError(
                f"The management network {network} has no free address left for {name}.",
                hint="Take a lab down, or give the site a larger `management_network` in site.yaml.",
            )
        own.add(address)
        given[name] = f"{address}/{network.prefixlen}"
    return given


def held(plan: Plan) -> dict[str, str]:
    """Addresses that were chosen for the machines of a plan; one that its blueprint asked for is not."""
    static = {naming.controller(router.name) for router in plan.blueprint.routers if router.fxp0.address is not None}
    return {
        spec.name: nic.address
        for spec in plan.machines
        for nic in spec.nics
        if nic.role is NicRole.MANAGEMENT and nic.address is not None and spec.name not in static
    }


def _probe(key: str, first: int, count: int, taken: Callable[[str], bool]) -> str | None:
    """The first free of `count` addresses from the hashed one on, going round at the end; None when all are taken."""
    if count < 1:
        return None
    start = int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big") % count
    around = (str(ipaddress.IPv4Address(first + (start + step) % count)) for step in range(count))
    return next((address for address in around if not taken(address)), None)


def _refuse_taken(network: ipaddress.IPv4Network, taken: Callable[[str], bool], owner: str, text: str) -> None:
    address = ipaddress.ip_interface(text).ip
    if address in (network.network_address, network.broadcast_address):
        raise InputError(
            f"Router '{owner}' asks for the fxp0 address {address}, which is the network or broadcast address of {network}.",
            hint="Choose another address, or `fxp0: dhcp` to have one chosen.",
        )
    if address == network.network_address + 1:
        raise InputError(
            f"Router '{owner}' asks for the fxp0 address {address}, which is this machine's own on the management network.",
            hint="Choose another address, or `fxp0: dhcp` to have one chosen.",
        )
    if taken(str(address)):
        raise InputError(
            f"Router '{owner}' asks for the fxp0 address {address}, which another lab or router holds.",
            hint="Choose another address, take the other lab down, or use `fxp0: dhcp` to have a free one chosen.",
        )
