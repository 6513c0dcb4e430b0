"""How our things in a vCenter are told from others', and what we keep with a machine.

A virtual machine carries its mark in `extraConfig`, under keys that guests can't write (those of `guestinfo.` they can). It names
the site, the sandbox, the disk and the machine's own UUID. vCenter gives a copy another UUID, so what somebody clones of our
machine is theirs, though the mark was copied with it. Port groups carry the mark in their name, which vCenter keeps unique,
and on a distributed switch whole in their description.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter, ValidationError

from rackless.model.naming import digest
from rackless.model.plan import MachineSpec

MARK, MACHINE = "rackless.mark", "rackless.machine"
NAME_MOST = 80
"""Characters of a name in vCenter's inventory."""
_PREFIX = "rackless"
_PARKING = "parking"
_MACHINE = TypeAdapter(MachineSpec)


@dataclass(frozen=True, kw_only=True)
class Mark:
    site: str
    sandbox: str
    disk: str
    uuid: str

    def __str__(self) -> str:
        return f"{self.site}/{self.sandbox}/{self.disk}/{self.uuid}"


def mark(site: str, sandbox: str, disk: str) -> Mark:
    """The same at each try, so that the second finds what the first made."""
    return Mark(
        site=site, sandbox=sandbox, disk=disk, uuid=str(uuid.uuid5(uuid.NAMESPACE_URL, f"rackless:{site}/{sandbox}/{disk}"))
    )


def read_mark(options: Iterable[Any] | None, uuids: Iterable[str | None]) -> Mark | None:
    """The mark among these options, if it is that of the machine with these UUIDs."""
    text = option(options, MARK)
    parts = text.split("/")
    if len(parts) != 4 or parts[3] not in uuids:
        return None
    return Mark(site=parts[0], sandbox=parts[1], disk=parts[2], uuid=parts[3])


def option(options: Iterable[Any] | None, key: str) -> str:
    return next((str(one.value) for one in options or () if one.key == key), "")


def write_machine(spec: MachineSpec) -> str:
    """Without what is on its config disk: that may be long, and is there already."""
    return _MACHINE.dump_json(spec, exclude_defaults=True, exclude={"config_drive"}).decode()


def read_machine(text: str) -> MachineSpec | None:
    """None: the disk has no machine yet, or none that we can read."""
    try:
        return _MACHINE.validate_json(text) if text else None
    except ValidationError:
        return None


def folder_name(site: str, sandbox: str) -> str:
    return f"{sandbox}.{site}"


def read_folder(site: str, facts: Mapping[str, Any]) -> str:
    """The sandbox whose folder this is, if it is empty; otherwise nothing."""
    sandbox, _, owner = str(facts.get("name", "")).rpartition(".")
    return sandbox if owner == site and not facts.get("childEntity") else ""


def machine_name(sandbox: str, name: str) -> str:
    """As vCenter's lists show it: they have no folders, so that the lab is in it."""
    return f"{name}.{sandbox}"


def group_name(site: str, sandbox: str, segment: str) -> str:
    """Of a port group. One too long for vCenter is shortened to a digest."""
    full = f"{_PREFIX}.{site}.{sandbox}.{segment}"
    return full if len(full) <= NAME_MOST else f"{_PREFIX}.{site}.{sandbox}.{digest(segment, 10)}~"


def parking_name(site: str) -> str:
    return f"{_PREFIX}.{site}.{_PARKING}"


def read_group(site: str, name: str, description: str = "") -> tuple[str, str] | None:
    """Sandbox and segment of a port group of ours."""
    for text in (description, name):
        parts = text.split(".")
        if len(parts) == 4 and parts[:2] == [_PREFIX, site]:
            return parts[2], parts[3]
    return None


def describe_group(site: str, sandbox: str, segment: str) -> str:
    return f"{_PREFIX}.{site}.{sandbox}.{segment}"


def rule_name(site: str, sandbox: str, owner: str) -> str:
    return f"{_PREFIX}.{site}.{sandbox}.{owner}"
