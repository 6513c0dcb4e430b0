"""fxp0 of a router: by DHCP or a static address, of IPv4 or IPv6."""

from __future__ import annotations

import ipaddress

from rackless.blueprints.reading import Reading, opening, quoted, subject
from rackless.blueprints.source import Path
from rackless.model.blueprint import Management

INTERNAL = ipaddress.IPv4Network("128.0.0.0/16")
"""The network between controller and cards (docs/reference/internal-protocol.md)."""


def interface_fault(text: str) -> str | None:
    """Why `text` is not the address with prefix length of an interface; None when it is."""
    shown = quoted(text)
    address, slash, prefix = text.partition("/")
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return f"{shown} is not an IP address"
    if not slash:
        return f"{shown} has no prefix length"
    if not prefix.isdecimal() or not 1 <= int(prefix) <= ip.max_prefixlen:
        return f"{shown} has a prefix length that is not from 1 to {ip.max_prefixlen}"
    network = ipaddress.ip_interface(f"{ip}/{int(prefix)}").network
    broad = network.num_addresses > 2
    checks = (
        (ip.is_multicast, "is a multicast address"),
        (ip.is_loopback, "is a loopback address"),
        (ip.is_unspecified, "is no host's address"),
        (broad and ip == network.network_address, f"is the address of the network {network} itself"),
        (broad and ip.version == 4 and ip == network.broadcast_address, f"is the broadcast address of {network}"),
    )
    return next((f"{shown} {fault}" for bad, fault in checks if bad), None)


def read(reading: Reading, path: Path) -> Management:
    wish = reading.get(*path)
    if not isinstance(wish, dict):
        return Management()
    address = reading.get(*path, "address")
    gateway = reading.get(*path, "gateway")
    if isinstance(address, str):
        _check_address(reading, (*path, "address"), address)
    if isinstance(gateway, str):
        _check_gateway(reading, path, gateway)
    return Management(address=_one_form(address), gateway=_one_form(gateway))


def _one_form(text: object) -> str | None:
    """Of an IPv6 address, which can be written in several: whoever looks whether it is taken compares texts."""
    if not isinstance(text, str) or ":" not in text:
        return text if isinstance(text, str) else None
    try:
        return str(ipaddress.ip_interface(text) if "/" in text else ipaddress.ip_address(text))
    except ValueError:
        return text


def _check_address(reading: Reading, path: Path, text: str) -> None:
    what = opening(subject(path))
    if (fault := interface_fault(text)) is not None:
        reading.problem(path, f"{what} cannot be used: {fault}.", "Write a host's address with its prefix length: 192.0.2.7/24.")
        return
    interface = ipaddress.ip_interface(text)
    if interface.is_link_local:
        reading.problem(
            path,
            f"{what} is '{text}', which is link-local: no other network reaches it.",
            "Choose one of the management network.",
        )
    elif interface.version == 4 and interface.network.overlaps(INTERNAL):
        reading.problem(
            path,
            f"{what} is '{text}', which lies in {INTERNAL}, the router's internal network.",
            "Choose an address outside it.",
        )


def _check_gateway(reading: Reading, around: Path, text: str) -> None:
    path = (*around, "gateway")
    what = opening(subject(path))
    try:
        gateway = ipaddress.ip_address(text)
    except ValueError:
        reading.problem(
            path,
            f"{what} is {quoted(text)}, which is not an IP address.",
            "Write one such as 192.0.2.1, without a prefix length.",
        )
        return
    address = reading.get(*around, "address")
    if not isinstance(address, str) or interface_fault(address) is not None:
        return
    interface = ipaddress.ip_interface(address)
    if gateway == interface.ip:
        reading.problem(path, f"{what} is {gateway}, the address of fxp0 itself.", "Write the address of the next router.")
    elif gateway not in interface.network:
        reading.problem(
            path,
            f"{what} is {gateway}, which is not in {interface.network}, the network of fxp0.",
            "Choose a gateway in that network, or correct the address or its prefix length.",
        )


def check_duplicates(reading: Reading, names: list[str]) -> None:
    """The same static fxp0 address at two routers."""
    holders: dict[str, str] = {}
    for name in names:
        path: Path = ("routers", name, "fxp0", "address")
        address = reading.get(*path)
        if not isinstance(address, str):
            continue
        plain = (_one_form(address) or "").split("/")[0]
        other = holders.setdefault(plain, name)
        if other != name:
            line = reading.source.at(("routers", other, "fxp0", "address")).line
            reading.problem(
                path,
                f"{opening(subject(path))} is {plain}, which router '{other}' has already in line {line}.",
                "Give each router its own.",
            )
