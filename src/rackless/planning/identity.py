"""What a machine's configuration drive holds, where no host channel reaches it (docs/reference/config-drive.md). Pure."""

from __future__ import annotations

import json
from dataclasses import replace

from rackless.model.blueprint import Blueprint
from rackless.model.family import ConfigFormat, Family, Role
from rackless.model.plan import ConfigFile, MachineSpec
from rackless.model.site import Site

FILE = "rackless.json"


def at_a_cloud(spec: MachineSpec, site: Site) -> bool:
    """Whether its place is one of the site's: those have no host channel."""
    name = spec.place or site.provider
    return any(place.name == name for place in site.places)


def given(spec: MachineSpec, family: Family, blueprint: Blueprint) -> MachineSpec:
    """The machine with its configuration drive; one whose family reads none is left as it is."""
    if family.facts(spec.role).config is not ConfigFormat.IDENTITY:
        return spec
    return replace(spec, config_drive=(ConfigFile(path=FILE, content=_identity(spec, blueprint)),))


def _identity(spec: MachineSpec, blueprint: Blueprint) -> str:
    """As the host channel's `identify` has it, without the time."""
    values: dict[str, object] = {
        "role": spec.role.value,
        "slot": spec.slot,
        "hostname": spec.name if spec.role is Role.CARD else spec.owner,
        "nics": [{"index": nic.index, "mac": nic.mac, "label": nic.label} for nic in spec.nics],
    }
    if spec.role is Role.HOST:
        wish = next(host for host in blueprint.hosts if host.name == spec.owner)
        values["addresses"] = [{"label": label, "address": address} for label, address in wish.addresses]
        values["routes"] = [{"to": to, "via": via} for to, via in wish.routes]
    return json.dumps(values, separators=(",", ":")) + "\n"
