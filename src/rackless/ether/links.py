"""The management bridge and its taps, by rtnetlink. Everything made carries its owner's mark as the interface's alias.

All functions are synchronous (a few milliseconds of netlink). pyroute2 has an event loop of its own inside, so that they must not
be called where one is running: callers use a thread.
"""

from __future__ import annotations

import ipaddress
import os
from dataclasses import dataclass
from typing import Any

from pyroute2 import IPRoute, NetlinkError

from rackless.model.errors import ProviderError
from rackless.model.naming import digest

MTU = 1500
"""Bytes, of the management network."""
_EEXIST, _ENODEV, _NOT_SUPPORTED = 17, 19, 95
_CAP_NET_ADMIN = 12
_WAY_OUT = "Remove what is in the way, or set RACKLESS_MANAGEMENT=forwarded."


@dataclass(frozen=True, kw_only=True)
class Marked:
    """An interface that carries a mark."""

    name: str
    mark: str


def interface_name(prefix: str, mark: str) -> str:
    """At most 15 characters (IFNAMSIZ), computed from the mark."""
    return f"{prefix}{digest(mark, 15 - len(prefix))}"


def may_administer() -> bool:
    """Whether this process has CAP_NET_ADMIN and /dev/net/tun (capabilities(7), /proc/self/status CapEff)."""
    with open("/proc/self/status") as file:
        effective = next((int(line.split()[1], 16) for line in file if line.startswith("CapEff:")), 0)
    return bool(effective >> _CAP_NET_ADMIN & 1) and os.access("/dev/net/tun", os.R_OK | os.W_OK)


def conflicting_route(network: str, but: str) -> str | None:
    """A route (not the default) of this machine that overlaps `network`, on an interface other than `but`."""
    wanted = ipaddress.IPv4Network(network)
    with IPRoute() as ipr:
        names = {link["index"]: link.get_attr("IFLA_IFNAME") for link in ipr.get_links()}
        for route in ipr.get_routes(family=2):
            destination = route.get_attr("RTA_DST")
            if destination is None or names.get(route.get_attr("RTA_OIF")) == but:
                continue
            there = ipaddress.IPv4Network(f"{destination}/{route['dst_len']}", strict=False)
            if there.overlaps(wanted):
                return f"{there} on {names.get(route.get_attr('RTA_OIF'))}"
    return None


def ensure_bridge(name: str, mark: str, address: str) -> None:
    """A bridge that is up, has `address` (with prefix length) and carries `mark`. Repeatable.

    Raises:
        ProviderError: an interface of that name is somebody else's, or the kernel refused.
    """
    with IPRoute() as ipr:
        index = _index(ipr, name)
        if index is None:
            _do(lambda: ipr.link("add", ifname=name, kind="bridge"), f"make the bridge {name}", _EEXIST)
            index = _index(ipr, name)
            ipr.link("set", index=index, ifalias=mark)
        elif _alias(ipr, index) not in (mark, None):
            raise ProviderError(
                f"The bridge {name} does not carry our mark.", hint="Remove it, or set RACKLESS_MANAGEMENT=forwarded."
            )
        interface = ipaddress.IPv4Interface(address)
        _do(
            lambda: ipr.addr("add", index=index, address=str(interface.ip), prefixlen=interface.network.prefixlen),
            f"give {name} the address {address}",
            _EEXIST,
        )
        ipr.link("set", index=index, ifalias=mark, state="up", mtu=MTU)


def ensure_tap(name: str, mark: str, bridge: str) -> None:
    """A persistent tap on the bridge, isolated from the bridge's other taps where the kernel can. Repeatable."""
    with IPRoute() as ipr:
        index = _index(ipr, name)
        if index is None:
            _do(lambda: ipr.link("add", ifname=name, kind="tuntap", mode="tap"), f"make the tap {name}", _EEXIST)
            index = _index(ipr, name)
        elif _alias(ipr, index) not in (mark, None):
            raise ProviderError(f"The interface {name} does not carry our mark.", hint="Remove it with its owner's tools.")
        ipr.link("set", index=index, ifalias=mark)
        ipr.link("set", index=index, master=_index(ipr, bridge), mtu=MTU, state="up")
        _do(lambda: ipr.brport("set", index=index, isolated=1), f"isolate {name}", _NOT_SUPPORTED)


def remove(name: str, mark: str) -> None:
    """Take away an interface whose name was computed from `mark`; without any alias it is one whose making was cut short.
    Absent is success.

    Raises:
        ProviderError: the interface carries another mark.
    """
    with IPRoute() as ipr:
        index = _index(ipr, name)
        if index is None:
            return
        if _alias(ipr, index) not in (mark, None):
            raise ProviderError(f"The interface {name} does not carry our mark.", hint="Remove it with its owner's tools.")
        _do(lambda: ipr.link("del", index=index), f"remove {name}", _ENODEV)


def marked(prefix: str) -> list[Marked]:
    """All interfaces whose alias starts with `prefix`."""
    with IPRoute() as ipr:
        found = [(link.get_attr("IFLA_IFNAME"), link.get_attr("IFLA_IFALIAS") or "") for link in ipr.get_links()]
    return [Marked(name=name, mark=mark) for name, mark in found if mark.startswith(prefix)]


def _index(ipr: IPRoute, name: str) -> int | None:
    found = ipr.link_lookup(ifname=name)
    return int(found[0]) if found else None


def _alias(ipr: IPRoute, index: int | None) -> str | None:
    alias = ipr.get_links(index)[0].get_attr("IFLA_IFALIAS")
    return str(alias) if alias else None


def _do(act: Any, what: str, allowed: int) -> None:
    try:
        act()
    except NetlinkError as error:
        if error.code != allowed:
            raise ProviderError(f"The kernel refused to {what}: {error}.", hint=_WAY_OUT) from error
