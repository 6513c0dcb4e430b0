"""The clouds of this installation, as its site file has them: where they are, how one gets in, and what is ours there.

A *place* is a provider with a name and settings. A site with no places has one: its provider, called as the provider is.
Secrets are never here, only the files that hold them.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class Rewiring(StrEnum):
    """How a port of a machine comes to a segment."""

    HOTPLUG = "hotplug"
    """A NIC is added to the running machine, and taken from it."""
    POWER_CYCLE = "power-cycle"
    """The machine is switched off, given the NIC, and switched on again, also when that failed."""
    TRUNK = "trunk"
    """Every port has its NIC from the first boot; only the segment behind it moves."""


TRUNK_TAG = 2
"""VLAN tag of a segment's frames on a NIC that is a trunk; 1 is the native VLAN of much equipment."""


@dataclass(frozen=True, kw_only=True)
class Numbers:
    """Inclusive VLAN ids or VNIs that are ours."""

    first: int
    last: int


@dataclass(frozen=True, kw_only=True)
class Place:
    """`name`: as blueprints and commands call it. `provider`: its kind, a key of providers/registry.py.

    `numbers`: VLAN ids or VNIs that are ours there; each segment of the place takes one. `fabric`: the layer-2 network on which
    these numbers are VLANs. Places that name the same fabric, and the same numbers, are on it both: a VLAN of it is one and the
    same at each of them, and so a wire can go from one to the other. `group`: places of which what names the
    group, or names no place where one of them is the site's own, is put where most is free (planning/placement.py).
    """

    name: str
    provider: str
    numbers: Numbers | None = None
    fabric: str = ""
    group: str = ""


@dataclass(frozen=True, kw_only=True)
class LocalPlace(Place):
    """This machine's own QEMU."""

    provider: str = "local"


@dataclass(frozen=True, kw_only=True)
class FakePlace(Place):
    """A pretended cloud, in memory. `memory`: MiB that its machines may have together. It pretends the limits of a real one too:
    `most_nics` of a machine, `segment_most_mtu` in octets; None for none."""

    provider: str = "fake"
    memory: int = 1 << 24
    most_nics: int | None = None
    segment_most_mtu: int | None = None


HOST_PORT = 9443
"""TCP port of rackless-vmhost."""
VXLAN_PORT = 4789
"""UDP port of VXLAN (RFC 7348, section 5)."""


def ending(text: str, default: int) -> tuple[str, int]:
    """IP address and port of "10.0.0.2", "10.0.0.2:9443" or "[2001:db8::2]:9443". Raises ValueError when it is none of them."""
    address, port = text, default
    if text.startswith("["):
        address, _, rest = text[1:].partition("]")
        port = int(rest[1:]) if rest.startswith(":") else default if not rest else 0
    elif text.count(":") == 1:
        address, _, rest = text.partition(":")
        port = int(rest)
    if not 1 <= port <= 65535:
        raise ValueError(text)
    return str(ipaddress.ip_address(address)), port


@dataclass(frozen=True, kw_only=True)
class HostPlace(Place):
    """Another machine's QEMU, behind the `rackless-vmhost` that serves there. Its wires to other hosts of its fabric are VXLAN,
    and `numbers` are VNIs.

    `address`: of its HTTPS port. `wires`: where it sends and takes VXLAN, an IP address, and a port if it is not 4789; empty: the
    address of `address`. `wire_mtu`: octets of IP that a wire to another host carries whole.
    """

    provider: str = "host"
    address: str
    wires: str = ""
    wire_mtu: int = 9500

    @property
    def ending(self) -> tuple[str, int]:
        return ending(self.address, HOST_PORT)

    @property
    def wire_end(self) -> tuple[str, int]:
        return ending(self.wires, VXLAN_PORT) if self.wires else (self.ending[0], VXLAN_PORT)


@dataclass(frozen=True, kw_only=True)
class OpenStackPlace(Place):
    """A project of an OpenStack cloud. MTUs in octets.

    `cloud`: the entry of clouds.yaml; empty: the environment's credentials (OS_*). `clouds_file`: where it is, if not where
    openstacksdk looks. `segment_type` and `physical_network`: provider:network_type and its network of what wires are made of;
    empty segment_type: the project's default, with no number of ours. `management_network`: an existing network for fxp0;
    empty: one of its own per lab, of `management_subnet`. `floating_network`: external network of fxp0's second address.
    """

    provider: str = "openstack"
    cloud: str = ""
    clouds_file: Path | None = None
    rewiring: Rewiring = Rewiring.TRUNK
    segment_type: str = ""
    physical_network: str = ""
    numbers: Numbers | None = None
    management_network: str = ""
    management_subnet: str = "172.29.0.0/16"
    floating_network: str = ""
    availability_zone: str = ""
    internal_mtu: int = 1500
    flavor_prefix: str = "rackless"
    make_flavors: bool = True


class Cloning(StrEnum):
    LINKED = "linked"
    INSTANT = "instant"
    FULL = "full"


class SerialLine(StrEnum):
    """Who waits for whom on a serial port over the network."""

    SERVER = "server"
    """The ESXi host listens at a port of `console_ports`."""
    CLIENT = "client"
    """The ESXi host connects to us."""
    CONCENTRATOR = "concentrator"


@dataclass(frozen=True, kw_only=True)
class VspherePlace(Place):
    """A part of a vCenter's inventory. TLS is verified against `ca_file`, or the system's authorities without one.

    `switch`: a distributed switch; empty: port groups on `standard_switch` of each host of the cluster. `firewall_open`: we may
    open the ESXi rule "VM serial port connected over network" for our own address.
    """

    provider: str = "vsphere"
    server: str
    port: int = 443
    user: str
    password_file: Path
    ca_file: Path | None = None
    datacenter: str
    cluster: str
    resource_pool: str = ""
    datastore: str = ""
    folder: str = "rackless"
    image_folder: str = "rackless-images"
    """Where images are: machines with snapshots, or templates."""
    switch: str = ""
    standard_switch: str = ""
    management_network: str = "VM Network"
    parking_network: str = ""
    """Port group of NICs that no wire has; empty: one of ours."""
    cloning: Cloning = Cloning.LINKED
    serial_line: SerialLine = SerialLine.SERVER
    concentrator: str = ""
    console_ports: Numbers = Numbers(first=9300, last=9330)
    firewall_open: bool = False
    anti_affinity: bool = False


KINDS: Mapping[str, type[Place]] = {
    "local": LocalPlace,
    "fake": FakePlace,
    "host": HostPlace,
    "openstack": OpenStackPlace,
    "vsphere": VspherePlace,
}
"""What a place of each provider has."""
OF_THIS_MACHINE: Mapping[str, Place] = {"local": LocalPlace(name="local"), "fake": FakePlace(name="fake")}
"""Those that need no settings, so that a site may name them without a word in `places`."""

NO_WIRE = "Put both ends at one place, or join the places by a fabric in site.yaml (docs/reference/places.md)."


def apart(one: Place, other: Place) -> str:
    """Why no wire can go from one place to the other; "" when one can."""
    if one.name == other.name or (one.fabric and one.fabric == other.fabric):
        return ""
    if one.fabric and other.fabric:
        return f"{one.name} is on the fabric {one.fabric}, and {other.name} on {other.fabric}"
    without = [place.name for place in (one, other) if not place.fabric]
    return f"{' and '.join(without)} {'is' if len(without) == 1 else 'are'} on no fabric"
