"""What a machine's configuration drive holds, where no host channel reaches it (docs/reference/config-drive.md). Pure."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterator
from dataclasses import replace

from rackless.model.blueprint import Blueprint
from rackless.model.family import ConfigFormat, Family, NicRole, Role
from rackless.model.places import OF_THIS_MACHINE, TRUNK_TAG, HostPlace, OpenStackPlace, Rewiring
from rackless.model.plan import ConfigFile, MachineSpec
from rackless.model.site import Site

FILE = "rackless.json"


def at_a_cloud(spec: MachineSpec, site: Site) -> bool:
    """Whether its place is a cloud: those have no host channel, which this machine and VM hosts have."""
    place = site.place(spec.place)
    return place is not None and place.provider not in OF_THIS_MACHINE and not isinstance(place, HostPlace)


def trunk_tag(spec: MachineSpec, site: Site) -> int | None:
    """The VLAN tag of frames on traffic NICs, where each of them is a trunk."""
    name = spec.place or site.provider
    found = next((place for place in site.places if place.name == name), None)
    return TRUNK_TAG if isinstance(found, OpenStackPlace) and found.rewiring is Rewiring.TRUNK else None


def given(spec: MachineSpec, family: Family, blueprint: Blueprint, *, cloud: bool, tag: int | None = None) -> MachineSpec:
    """The machine as it is at such a place: with its configuration drive, where its family reads one and no host channel
    reaches it (`tag`: see `trunk_tag`); at a cloud without its further disks, and with the vendor's metadata, which stand for
    each other."""
    facts = family.facts(spec.role)
    if cloud:
        spec = replace(spec, disks=spec.disks[:1])
    else:
        spec = replace(spec, metadata=())
        if family.host_channel:
            return spec
    if facts.config is ConfigFormat.IDENTITY:
        return replace(spec, config_drive=(_identity(spec, blueprint, tag),))
    if facts.config is ConfigFormat.CLOUD_INIT:
        return replace(spec, config_drive=tuple(_cloud_init(spec, blueprint, cloud=cloud)))
    return spec


def _cloud_init(spec: MachineSpec, blueprint: Blueprint, *, cloud: bool) -> Iterator[ConfigFile]:
    """What cloud-init's ConfigDrive reads: name, and addresses by MAC (OpenStack, network_data.json). A cloud's management
    network has no DHCP of ours, so the address of fxp0 is there too."""
    wish = next(host for host in blueprint.hosts if host.name == spec.owner)
    yield _json("openstack/latest/meta_data.json", {"uuid": f"{spec.sandbox}-{spec.name}", "hostname": spec.owner})
    links = [{"id": nic.label, "type": "phy", "ethernet_mac_address": nic.mac} for nic in spec.nics]
    networks: list[dict[str, object]] = [
        {"id": "management", "link": nic.label, "type": "ipv4_dhcp"}
        for nic in spec.nics
        if nic.role is NicRole.MANAGEMENT and not (cloud and nic.address)
    ]
    managed = [(nic.label, nic.address) for nic in spec.nics if cloud and nic.role is NicRole.MANAGEMENT and nic.address]
    for number, (label, text) in enumerate((*managed, *wish.addresses)):
        address = ipaddress.ip_interface(text)
        routes = [_route(to, via) for to, via in wish.routes if ipaddress.ip_address(via) in address.network]
        kind = f"ipv{address.version}"
        network = {"id": f"net{number}", "link": label, "type": kind, "ip_address": str(address.ip)}
        networks.append({**network, "netmask": str(address.netmask), "routes": routes})
    yield _json("openstack/latest/network_data.json", {"links": links, "networks": networks, "services": []})


def _route(to: str, via: str) -> dict[str, str]:
    default = "0.0.0.0/0" if ipaddress.ip_address(via).version == 4 else "::/0"
    network = ipaddress.ip_network(default if to == "default" else to)
    return {"network": str(network.network_address), "netmask": str(network.netmask), "gateway": via}


def _json(path: str, values: dict[str, object]) -> ConfigFile:
    return ConfigFile(path=path, content=json.dumps(values, separators=(",", ":")) + "\n")


def _identity(spec: MachineSpec, blueprint: Blueprint, tag: int | None) -> ConfigFile:
    """As the host channel's `identify` has it, without the time."""
    values: dict[str, object] = {
        "role": spec.role.value,
        "slot": spec.slot,
        "hostname": spec.name if spec.role is Role.CARD else spec.owner,
        "nics": [{"index": nic.index, "mac": nic.mac, "label": nic.label} for nic in spec.nics],
    }
    if tag is not None:
        values["tag"] = tag
    if spec.role is Role.HOST:
        wish = next(host for host in blueprint.hosts if host.name == spec.owner)
        # A cloud's management network has no DHCP of ours; on this machine the host channel stands for this file.
        managed = [(nic.label, nic.address) for nic in spec.nics if nic.role is NicRole.MANAGEMENT and nic.address]
        values["addresses"] = [{"label": label, "address": address} for label, address in (*managed, *wish.addresses)]
        values["routes"] = [{"to": to, "via": via} for to, via in wish.routes]
    return _json(FILE, values)
