"""A commented site.yaml with one place of a kind, as `rackless site example` prints it.

What is commented out is the default, or one of its forms. Keys that have no words here are listed with their defaults.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import MISSING, Field, fields
from enum import StrEnum
from pathlib import Path
from typing import Any

from rackless.model.places import KINDS, Numbers, Place

WIDTH = 110

_HEADS = {
    "local": "This machine's own QEMU, beside other places.",
    "fake": "A pretended cloud in memory, to try things out: its machines answer, and no frame flows.",
    "host": "Another machine that runs rackless-vmhost. docs/howto/several-hosts.md leads there from nothing.",
    "openstack": "A project of an OpenStack cloud. docs/howto/openstack.md leads there from nothing.",
    "vsphere": "A part of a vCenter's inventory. docs/howto/vsphere.md leads there from nothing.",
}

_COMMON = {
    "numbers": (
        "2000-2099",
        "VLAN ids (or VNIs) that are ours: each wire and each internal network takes one while it is there.",
    ),
    "fabric": (
        "core",
        "The layer-2 network on which these numbers are VLANs. Places with the same fabric and the same numbers may have a "
        "wire between them.",
    ),
    "group": (
        "hall",
        "Places of one group share their work: what says `place: hall`, or names no place where the site's own is of it, is put "
        "where most is free.",
    ),
}

WORDS: dict[str, dict[str, tuple[str, str]]] = {
    "local": {},
    "fake": {"memory": ("16384", "MiB that its machines may have together.")},
    "host": {
        "address": ("10.0.0.2:9443", "Where its rackless-vmhost listens."),
        "wires": ("10.1.0.2:4789", "Where it sends and takes VXLAN, if that is not the same address, port 4789."),
        "wire_mtu": (
            "9500",
            "Octets of IP that a wire to another host carries whole; the network between them has to carry 54 more (IPv6: 74).",
        ),
    },
    "openstack": {
        "cloud": ("munich", "The entry of clouds.yaml. Without it, the environment's OS_* variables are taken."),
        "clouds_file": ("/etc/rackless/clouds.yaml", "Where that file is, if it is not where openstacksdk looks."),
        "rewiring": (
            "trunk",
            "How a port comes to a wire. trunk: every port has its NIC from the first boot, and only the network behind it "
            "moves. hotplug: a NIC is added to the running machine. power-cycle: the machine is off meanwhile.",
        ),
        "segment_type": ("vlan", "provider:network_type of wires: vlan or vxlan. Without it, what the project's default is."),
        "physical_network": ("physnet1", "The physical network of VLANs, as the cloud's administrator calls it."),
        "management_network": ("lab-management", "An existing network for fxp0. Without it, each lab gets one of its own."),
        "management_subnet": ("172.29.0.0/16", "Where fxp0's addresses are: of that network, or of ours."),
        "floating_network": ("public", "An external network out of which fxp0 gets a second address."),
        "availability_zone": ("nova", "Where its machines are started."),
        "internal_mtu": ("1500", "Octets of IP that the internal network of a router has to carry whole."),
        "flavor_prefix": ("rackless", "Flavors are called by it, and by what they have."),
        "make_flavors": ("yes", "Flavors that are not there are made, which needs the right for it."),
    },
    "vsphere": {
        "server": ("vcenter.example.net", "The vCenter."),
        "port": ("443", "Its port."),
        "user": ("rackless@vsphere.local", "Who we are there."),
        "password_file": ("/etc/rackless/vcenter.password", "A file with the password, readable by the server alone."),
        "ca_file": (
            "/etc/rackless/vcenter-ca.pem",
            "The authority of the vCenter's certificate, if the system does not know it.",
        ),
        "datacenter": ("dc1", "The datacenter, and in it"),
        "cluster": ("lab", "the cluster or host that runs our machines,"),
        "resource_pool": ("rackless", "its resource pool (without it: the cluster's own),"),
        "datastore": ("datastore1", "the datastore of our disks (without it: that of each image),"),
        "folder": ("rackless", "and the folder of our machines, which is made."),
        "image_folder": ("rackless-images", "Where images are: machines with snapshots, or templates."),
        "switch": ("dvs1", "A distributed switch, on which each wire is a port group. Without it, port groups are made on"),
        "standard_switch": ("vSwitch1", "this standard switch of each host of the cluster."),
        "management_network": ("VM Network", "Port group of fxp0."),
        "parking_network": ("rackless-parked", "Port group of NICs that no wire has; without it, one of ours."),
        "cloning": ("linked", "linked (of a snapshot), instant (where the server offers it) or full."),
        "serial_line": (
            "server",
            "Who waits for whom on serial lines. server: the ESXi host. client: we. concentrator: neither.",
        ),
        "concentrator": ("telnet://vspc.example.net:13370", "Where a concentrator of serial lines is."),
        "console_ports": ("9300-9330", "TCP ports of the ESXi hosts for serial lines."),
        "firewall_open": ("no", "We may open the ESXi rule of serial lines, for our own address alone."),
        "anti_affinity": ("no", "The machines of a router are kept on different hosts."),
    },
}
"""By kind and field: a value as it may stand in the file, and what it is for."""
_GIVEN = {"openstack": ("cloud",), "fake": ("memory",)}
"""Fields that are shown in force though they have a default."""


def example(kind: str) -> str:
    """The text of a site file with one place of this kind; it may be taken as it is, once its values are yours."""
    of = KINDS[kind]
    name = (
        "here"
        if kind == "local"
        else "pretended"
        if kind == "fake"
        else "munich"
        if kind == "openstack"
        else "alpha"
        if kind == "host"
        else "vienna"
    )
    lines = [f"# site.yaml: {_HEADS[kind]}", f"provider: {name}  # where labs are that name no place", "places:", f"  {name}:"]
    lines.append(f"    provider: {kind}")
    for field in fields(of):
        if field.name not in {"name", "provider"} and not (kind == "local" and field.name in _COMMON):
            lines += _lines(kind, field)
    return "\n".join(lines) + "\n"


def _lines(kind: str, field: Field[Any]) -> Iterator[str]:
    key = field.name.replace("_", "-")
    needed = field.default is MISSING and field.default_factory is MISSING
    value, words = {**_COMMON, **WORDS[kind]}.get(field.name, (None, ""))
    if words:
        yield ""
        yield from (f"    # {line}" for line in textwrap.wrap(words, WIDTH))
    text = value if value is not None else "" if needed else _text(field.default)
    yield f"    {key}: {text}" if needed or field.name in _GIVEN.get(kind, ()) else f"    #{key}: {text}"


def _text(value: object) -> str:
    """A default as the file has it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Numbers):
        return f"{value.first}-{value.last}"
    return str(value.value if isinstance(value, StrEnum) else value) if isinstance(value, StrEnum | Path | str | int) else ""


def unknown_words() -> list[str]:
    """Words here that no field has: a field was renamed."""

    def names(of: type[Place]) -> set[str]:
        return {field.name for field in fields(of)}

    return sorted(f"{kind}.{field}" for kind, words in WORDS.items() for field in words if field not in names(KINDS[kind]))
