"""Which addresses zebra is told of once more."""

from __future__ import annotations

from typing import Any

from mgmt.render.announcing import lacking


def link(name: str, *addresses: tuple[str, int, str]) -> dict[str, Any]:
    return {
        "ifname": name,
        "addr_info": [{"local": local, "prefixlen": length, "scope": scope} for local, length, scope in addresses],
    }


def test_only_what_zebra_lacks_of_the_ports_is_announced() -> None:
    there = [
        link("lo", ("127.0.0.1", 8, "host")),
        link("fxp0", ("172.29.0.2", 16, "global")),
        link("ge-0-0-0", ("10.0.0.1", 30, "global"), ("fe80::1", 64, "link")),
        link("ge-0-0-1", ("10.0.1.1", 30, "global"), ("2001:db8::1", 64, "global"), ("fe80::2", 64, "link")),
        link("ge-0-0-2", ("10.0.2.1", 30, "global")),
    ]
    known = {
        "ge-0-0-0": {"ipAddresses": [{"address": "10.0.0.1/30"}, {"address": "fe80::1/64"}]},
        "ge-0-0-1": {"ipAddresses": [{"address": "2001:db8::1/64"}]},
    }
    assert lacking(there, known) == [
        "addr replace 10.0.1.1/30 dev ge-0-0-1",
        "addr replace fe80::2/64 dev ge-0-0-1 scope link",
        "addr replace 10.0.2.1/30 dev ge-0-0-2",
    ]
