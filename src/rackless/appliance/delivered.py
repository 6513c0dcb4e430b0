"""Answers that came with the machine: an OVF environment, or a cloud-init seed (NoCloud). Pure: texts in, answers out.

Of cloud-init this is the part that a node needs, and no more: `#cloud-config` with `rackless:` (our questions), `hostname`,
`ntp: servers:` and `ssh_authorized_keys`. Other keys are cloud-init's own, which the appliance does not run; they are named.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from xml.etree.ElementTree import Element

from rackless.appliance.answers import KNOWN
from rackless.appliance.descriptor import CLASS
from rackless.images.ovf import parsed
from rackless.model.errors import InputError

SPACE = "http://schemas.dmtf.org/ovf/environment/1"
MOST_SEED = 1 << 20
TAKEN = {"rackless", "hostname", "local-hostname", "instance-id", "ntp", "ssh_authorized_keys", "fqdn"}
SEED_HINT = "docs/howto/appliance.md shows a seed."


def environment(text: bytes) -> dict[str, str]:
    """Of an OVF environment document (DSP8027): our properties that are not empty.

    Raises:
        InputError: it is none, or broken.
    """
    root = parsed(text)
    if root.tag != f"{SPACE}}}Environment":
        raise InputError("What the OVF transport brought is no OVF environment.", hint="Deploy the appliance anew.")
    found = {}
    for each in root.iter():
        key, value = each.get("key", ""), each.get("value", "")
        if _local(each) == "Property" and key.startswith(f"{CLASS}.") and value:
            found[key.removeprefix(f"{CLASS}.").partition(".")[0]] = value
    return {key: value for key, value in found.items() if key in KNOWN}


def _local(element: Element) -> str:
    return element.tag.rpartition("}")[2]


def seed(user_data: str, meta_data: str = "") -> tuple[dict[str, str], tuple[str, ...]]:
    """Of a NoCloud seed: (answers, keys that were not taken).

    Raises:
        InputError: it is no `#cloud-config` of cloud-init, or a value is none.
    """
    if len(user_data) + len(meta_data) > MOST_SEED:
        raise InputError("The cloud-init seed is larger than any appliance's.", hint=SEED_HINT)
    if user_data.strip() and user_data.splitlines()[0].strip() != "#cloud-config":
        raise InputError("The seed's user-data does not begin with #cloud-config, so it is not taken.", hint=SEED_HINT)
    about, told = _mapping(meta_data, "meta-data"), _mapping(user_data, "user-data")
    found: dict[str, str] = {}
    name = told.get("hostname") or about.get("local-hostname") or about.get("hostname")
    if name:
        found["hostname"] = _text(name, "hostname").partition(".")[0].lower()
    if (ntp := told.get("ntp")) is not None:
        found["ntp"] = _text(ntp.get("servers", []) if isinstance(ntp, Mapping) else ntp, "ntp")
    keys = told.get("ssh_authorized_keys")
    if keys:
        first = keys[0] if isinstance(keys, list) else keys
        found["ssh-key"] = _text(first, "ssh_authorized_keys")
    ours = told.get("rackless") or {}
    if not isinstance(ours, Mapping):
        raise InputError("`rackless:` in the seed is no mapping of questions to answers.", hint=SEED_HINT)
    found |= {str(key).replace("_", "-"): _text(value, str(key)) for key, value in ours.items()}
    left = tuple(sorted((set(told) | set(about)) - TAKEN))
    return {key: value for key, value in found.items() if value}, left


def _mapping(text: str, what: str) -> Mapping[str, Any]:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        found = YAML(typ="safe", pure=True).load(text)
    except YAMLError as error:
        raise InputError(f"The seed's {what} is no YAML: {str(error).splitlines()[0]}.", hint=SEED_HINT) from error
    if found is None:
        return {}
    if not isinstance(found, Mapping):
        raise InputError(f"The seed's {what} is no mapping.", hint=SEED_HINT)
    return {str(key): value for key, value in found.items()}


def _text(value: Any, key: str) -> str:
    """A list becomes words."""
    if isinstance(value, list):
        return " ".join(_text(each, key) for each in value)
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise InputError(f"`{key}` in the seed is {type(value).__name__}, and takes a text or a list of texts.", hint=SEED_HINT)
    return str(value)
