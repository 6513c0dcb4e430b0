"""Addresses and routes of a plain host."""

from __future__ import annotations

import ipaddress

from rackless.blueprints.management import interface_fault
from rackless.blueprints.reading import Reading, quoted
from rackless.blueprints.source import Path, Value
from rackless.model.blueprint import End

_Address = ipaddress.IPv4Interface | ipaddress.IPv6Interface


def addresses(reading: Reading, host: Path, nics: int | None, most: int) -> tuple[tuple[str, str], ...]:
    """(interface, address with prefix length) in the file's order. `nics` None: not known. `most`: the family's."""
    wishes = reading.get(*host, "addresses")
    found: list[tuple[str, str]] = []
    for interface, value in wishes.items() if isinstance(wishes, dict) else ():
        path: Path = (*host, "addresses", interface)
        good = _check_interface(reading, path, interface, nics, most)
        for at, text in _texts(reading, path, value):
            if (fault := interface_fault(text)) is not None:
                hint = "Write a host's address with its prefix length: 192.0.2.10/24."
                reading.problem(at, f"The address of {interface} of host '{host[1]}' cannot be used: {fault}.", hint)
            elif (other := next((name for name, had in found if _same(had, text)), None)) is not None:
                hint = "Give each interface its own."
                message = f"The address {text} of {interface} of host '{host[1]}' is given to {other} already."
                reading.problem(at, message, hint)
            elif good:
                found.append((interface, text))
    return tuple(found)


def _same(one: str, other: str) -> bool:
    return ipaddress.ip_interface(one).ip == ipaddress.ip_interface(other).ip


def _texts(reading: Reading, path: Path, value: Value) -> list[tuple[Path, str]]:
    """The texts of one address or a list of them, with the path of each; what is no text has been complained about."""
    pairs: list[tuple[Path, Value]] = [(path, value)]
    if isinstance(value, list):
        pairs = [((*path, at), item) for at, item in enumerate(value)]
    return [(at, item) for at, item in pairs if isinstance(item, str) and reading.sound(*at)]


def _check_interface(reading: Reading, path: Path, interface: str, nics: int | None, most: int) -> bool:
    host = path[1]
    number = End(owner=str(host), port=interface).host_nic
    if interface == "eth0":
        reading.key_problem(
            path, f"eth0 of host '{host}' is its management interface and gets its address by itself.", "Use eth1 and up."
        )
        return False
    if number is None:
        hint = "The interfaces of a host are eth1, eth2 and so on."
        reading.key_problem(path, f"Host '{host}' has no interface {quoted(interface)}.", hint)
        return False
    if nics is not None and number > nics:
        reading.key_problem(
            path,
            f"Host '{host}' has no interface {quoted(interface)}: with `nics: {nics}` it has {span(nics)}.",
            nics_hint(number, nics, most),
        )
        return False
    return True


def span(nics: int) -> str:
    return "eth1 alone" if nics == 1 else f"eth1 to eth{nics}"


def nics_hint(number: int, nics: int, most: int) -> str:
    """The way out when eth<number> is beyond `nics`; no more than `most` can be had."""
    there = "eth1" if nics == 1 else f"one of eth1 to eth{nics}"
    return f"Write `nics: {number}`, or use {there}." if number <= most else f"Use {there}."


def routes(reading: Reading, host: Path) -> tuple[tuple[str, str], ...]:
    """(destination, next hop) in the file's order; `default` stands for 0.0.0.0/0 or ::/0 as the next hop has it."""
    wishes = reading.get(*host, "routes")
    found: dict[str, str] = {}
    for destination, via in wishes.items() if isinstance(wishes, dict) else ():
        path: Path = (*host, "routes", destination)
        if not isinstance(via, str) or not reading.sound(*path):
            continue
        hop = _next_hop(reading, path, via)
        network = _destination(reading, path, destination, hop)
        if hop is None or network is None:
            continue
        if network in found:
            reading.key_problem(path, f"Host '{host[1]}' has two routes to {network}.", "Keep one of the two.")
        found[network] = via
    return tuple(found.items())


def _next_hop(reading: Reading, path: Path, via: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    host = path[1]
    try:
        hop = ipaddress.ip_address(via)
    except ValueError:
        hint = "Write the next hop's address without a prefix length: `default: 192.0.2.1`."
        reading.problem(path, f"The next hop of a route of host '{host}' is {quoted(via)}, which is not an IP address.", hint)
        return None
    own = _own(reading, path[:2])
    if own is None or hop.is_link_local:
        return hop
    if any(hop == interface.ip for interface in own):
        reading.problem(path, f"The next hop {hop} is an address of host '{host}' itself.", "Write the next router's address.")
        return None
    if not any(hop in interface.network for interface in own):
        networks = ", ".join(str(interface.network) for interface in own) or "none"
        reading.problem(
            path,
            f"The next hop {hop} is in no network of host '{host}'.",
            f"Its networks (from `addresses`) are: {networks}.",
        )
        return None
    return hop


def _own(reading: Reading, host: Path) -> list[_Address] | None:
    """The host's addresses; None when one of them had a problem, so that nothing can be said about the others."""
    wishes = reading.get(*host, "addresses")
    if wishes is None:
        return [] if reading.sound(*host, "addresses") else None
    texts = [text for value in wishes.values() for text in (value if isinstance(value, list) else [value])]
    if not all(isinstance(text, str) and interface_fault(text) is None for text in texts):
        return None
    return [ipaddress.ip_interface(text) for text in texts]


def _destination(
    reading: Reading, path: Path, text: str, hop: ipaddress.IPv4Address | ipaddress.IPv6Address | None
) -> str | None:
    host = path[1]
    if text == "default":
        return None if hop is None else ("0.0.0.0/0" if hop.version == 4 else "::/0")
    hint = "Write `default` or a prefix such as 198.51.100.0/24."
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        reading.key_problem(path, f"{quoted(text)} is not the destination of a route (host '{host}').", hint)
        return None
    if str(network) != text:
        if "/" not in text:
            hint = f"Write it with its prefix length: {network}."
        elif network.version == 4 or str(network.network_address) != text.partition("/")[0]:
            hint = f"Did you mean {network}?"
        reading.key_problem(path, f"{quoted(text)} is not the destination of a route (host '{host}').", hint)
        return None
    if hop is not None and hop.version != network.version:
        hint = f"Give a next hop that is an IPv{network.version} address."
        reading.problem(path, f"The route to {network} of host '{host}' has the next hop {hop}, of the other IP version.", hint)
        return None
    return str(network)
