"""What labs need of a project, found out one after the other (`rackless site check`). A network made for it goes at once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from rackless.model.errors import ProviderError, RacklessError
from rackless.model.places import Rewiring
from rackless.providers.contract import Finding
from rackless.providers.openstack.cloud import Cloud
from rackless.providers.openstack.images import Images
from rackless.providers.openstack.networks import Networks
from rackless.providers.openstack.servers import Servers

_EXTENSIONS = {
    "port-security": "Add port_security to Neutron's extension_drivers: routers' frames have addresses of their own.",
    "net-mtu": "Use a Neutron that tells the MTU of networks.",
}


APART = 60.0
"""Seconds by which the cloud's clock may differ from ours; tokens and certificates bear that."""


async def examine(cloud: Cloud, networks: Networks, servers: Servers, images: Images) -> AsyncIterator[Finding]:
    place = cloud.place
    first = await _found("credentials", _credentials(cloud))
    yield first
    if not first.ok:
        return
    yield await _found("services", _services(cloud))
    yield await _found("extensions", _extensions(cloud))
    yield await _found("mtu", _mtu(cloud, networks))
    if place.numbers is not None:
        yield await _found("numbers", _numbers(cloud))
    if place.management_network:
        yield await _found("management network", _named(networks))
    yield await _found("images", _images(cloud, images))
    yield await _found("quota", _quota(cloud))
    yield await _found("flavors", _flavors(cloud))
    running = [server for server in await _or_none(servers.all) if server.running]
    if running:
        yield await _found("serial console", _console(servers, running[0].id, running[0].machine))
    yield await _found("time", _time(cloud))


async def _found(name: str, work: Awaitable[str]) -> Finding:
    """The finding of a check that gives its detail, or raises."""
    try:
        return Finding(name=name, ok=True, detail=await work)
    except RacklessError as error:
        return Finding(name=name, ok=False, detail=error.message, hint=error.hint)


async def _or_none(ask: Callable[[], Awaitable[list[Any]]]) -> list[Any]:
    try:
        return await ask()
    except RacklessError:
        return []


async def _credentials(cloud: Cloud) -> str:
    def ask(made: Any) -> str:
        return f"project {made.current_project.name or made.current_project.id} at {made.auth.get('auth_url', 'the cloud')}"

    return await cloud.call("logging in", ask, seconds=30)


async def _services(cloud: Cloud) -> str:
    def ask(made: Any) -> list[str]:
        wanted = {"compute": made.compute, "image": made.image, "network": made.network}
        return [f"{name} {proxy.get_endpoint()}" for name, proxy in wanted.items() if proxy.get_endpoint()]

    found = await cloud.call("looking for services", ask, seconds=60)
    if len(found) < 3:
        raise ProviderError(
            f"The catalogue has {', '.join(found) or 'nothing'}.", hint="Nova, Glance and Neutron are all needed."
        )
    return ", ".join(found)


async def _extensions(cloud: Cloud) -> str:
    def ask(made: Any) -> set[str]:
        return {str(one.alias) for one in made.network.extensions()}

    found = await cloud.call("asking for Neutron's extensions", ask)
    wanted = dict(_EXTENSIONS)
    if cloud.place.rewiring is Rewiring.TRUNK:
        wanted["trunk"] = "Add trunk to Neutron's service_plugins, or set `rewiring: power-cycle`."
    missing = [name for name in wanted if name not in found]
    if missing:
        raise ProviderError(f"Neutron has no {', '.join(missing)}.", hint=wanted[missing[0]])
    return f"Neutron has {', '.join(wanted)}"


async def _mtu(cloud: Cloud, networks: Networks) -> str:
    """Of a network as segments are; making one shows too that the project may make them."""
    most = await networks.most_mtu()
    if most < cloud.place.internal_mtu:
        raise ProviderError(
            f"Networks have an MTU of {most}, and the internal network of a router needs {cloud.place.internal_mtu}.",
            hint="Raise global_physnet_mtu and path_mtu of its Neutron: VXLAN takes 50 octets of them.",
        )
    return f"networks carry {most} octets, {cloud.place.internal_mtu} are needed"


async def _numbers(cloud: Cloud) -> str:
    """Numbers that networks of others have. Only an administrator sees those of other projects."""
    place = cloud.place
    assert place.numbers is not None
    first, last = place.numbers.first, place.numbers.last

    def ask(made: Any) -> list[int]:
        listed = made.network.networks(provider_network_type=place.segment_type)
        return [
            int(one.provider_segmentation_id)
            for one in listed
            if one.provider_segmentation_id is not None
            and first <= int(one.provider_segmentation_id) <= last
            and not str(one.name).startswith("rackless-")
        ]

    taken = await cloud.call("listing networks", ask)
    if taken:
        raise ProviderError(
            f"{len(taken)} of the numbers {first}-{last} have networks of others: {', '.join(map(str, sorted(taken)[:10]))}.",
            hint="Take them out of the place's numbers.",
        )
    return f"{place.segment_type} {first}-{last}, none of them another's as far as this user sees"


async def _named(networks: Networks) -> str:
    found = await networks.management("")
    await networks.trial(found)
    return f"{found.name}, {found.mtu} octets, and this user may give addresses in it"


async def _images(cloud: Cloud, images: Images) -> str:
    """An image without data, made for a moment: the project may make some, of the format of ours."""
    await images.trial()
    return "this user makes images in the project, and removes them"


async def _time(cloud: Cloud) -> str:
    """By the dates of its answers (RFC 9110, section 6.6.1)."""
    if cloud.ahead is None:
        return "the cloud does not date its answers"
    if abs(cloud.ahead) > APART:
        raise ProviderError(
            f"The cloud's clock and ours are {abs(cloud.ahead):.0f} s apart.", hint="Set up NTP, at the cloud and here."
        )
    return f"the cloud's clock is at most {max(1, round(abs(cloud.ahead)))} s from ours"


async def _quota(cloud: Cloud) -> str:
    limits = (await cloud.call("asking for the quota", lambda made: made.compute.get_limits())).absolute
    rows = {
        "servers": (limits.instances, limits.instances_used),
        "processors": (limits.total_cores, limits.total_cores_used),
        "MiB": (limits.total_ram, limits.total_ram_used),
    }
    left = {what: None if most is None or most < 0 else most - (used or 0) for what, (most, used) in rows.items()}
    empty = [what for what, number in left.items() if number is not None and number <= 0]
    if empty:
        raise ProviderError(f"The project has no {', '.join(empty)} left.", hint="End other labs, or ask for a larger quota.")
    return ", ".join(f"{what}: {'no limit' if number is None else f'{number} left'}" for what, number in left.items())


async def _flavors(cloud: Cloud) -> str:
    place = cloud.place
    found = await cloud.call("listing flavors", lambda made: [str(one.name) for one in made.compute.flavors()])
    if not found and not place.make_flavors:
        raise ProviderError("There is no flavor.", hint="Ask for one, or allow make-flavors with a user who may.")
    return f"{len(found)} there; {'made as needed' if place.make_flavors else 'the smallest that is enough is taken'}"


async def _console(servers: Servers, server: str, name: str) -> str:
    url = await servers.serial_address(server, name)
    return url.partition("?")[0]
