"""site.yaml -> Site: what this installation has. Every key is optional; RACKLESS_PROVIDER wins over `provider`.

provider: local                              # or the name of one of `places`
places: {munich: {provider: openstack}}      # see site_places.py
management_network: 172.29.0.0/16
console_ports: 9300-9399
forward_ports: 20000-20999
most_memory: 48G
most_processors: 64
most_disk: 200G
warn_before: 10m
reconcile_every: 5m
caller_rate: 50
stranger_rate: 5
heal: no
warm: yes
warm_most: 4G
evacuate_after: 10m
names: lab.example.net
behind_proxy: no
webhook: https://chat.example.net/hooks/labs
oidc: [...]                                  # see site_oidc.py
quota: {labs: 3, longest: 3d}                # see site_quota.py
hooks: {executables: /etc/rackless/hooks}    # see site_hooks.py
"""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from rackless.blueprints.amounts import mebibytes
from rackless.model.durations import seconds
from rackless.model.errors import InputError
from rackless.model.family import Family
from rackless.model.places import OF_THIS_MACHINE
from rackless.model.site import PoolRange, Site
from rackless.model.suggestions import did_you_mean
from rackless.sandboxes import site_hooks, site_oidc, site_places, site_quota


def load_site(path: Path, families: Sequence[Family]) -> Site:
    """The site of this file; without the file, the defaults.

    Raises:
        InputError: it is not YAML, has a key that is not known, or a value that is not what its key takes.
    """
    kept: Any = {}
    if path.exists():
        try:
            kept = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8")) or {}
        except (YAMLError, UnicodeDecodeError) as error:
            raise InputError(f"{path} is not YAML: {str(error).splitlines()[0]}.", hint="Mend it, or move it away.") from error
    if not isinstance(kept, dict):
        raise InputError(f"{path} must be a mapping of keys to values.", hint=f"Known keys: {', '.join(_KEYS)}.")
    for key in kept:
        if key not in _KEYS and key not in _PARTS:
            known = ", ".join([*_KEYS, *_PARTS])
            raise InputError(f"{path} has the key '{key}', which is not known.", hint=f"Known keys: {known}.")
    values: dict[str, Any] = {
        key: _PARTS[key](path, value) if key in _PARTS else _read(path, key, value) for key, value in kept.items()
    }
    values["provider"] = os.environ.get("RACKLESS_PROVIDER") or values.get("provider", "local")
    site = Site(families=tuple(families), **values)
    _check_default(path, site)
    return site


def _check_default(path: Path, site: Site) -> None:
    """That `provider` is somewhere, and this machine is not there twice."""
    if site.place("") is None:
        hint = did_you_mean(site.provider, (*(place.name for place in site.places), *OF_THIS_MACHINE), "providers and places")
        raise InputError(f"There is no provider {site.provider}.", hint=hint)
    locals_ = [place.name for place in site.everywhere if place.provider == "local"]
    if len(locals_) > 1:
        here = locals_[1]
        message = f"{path}: this machine is a place twice, as `provider: local` and as places.{here}."
        raise InputError(message, hint=f"Write `provider: {here}`, or leave places.{here} out.")


def _read(path: Path, key: str, value: object) -> object:
    read, wanted = _KEYS[key]
    try:
        return read(str(value))
    except ValueError as error:
        raise InputError(f"{path}: {key} is '{value}'.", hint=f"Write {wanted}.") from error


def _word(text: str) -> str:
    if not text.isidentifier():
        raise ValueError(text)
    return text


def _place(text: str) -> str:
    if not site_places.NAME.match(text):
        raise ValueError(text)
    return text


def _network(text: str) -> str:
    network = ipaddress.IPv4Network(text)
    if network.num_addresses < 8:
        raise ValueError(text)
    return str(network)


def _range(text: str) -> PoolRange:
    first, last = (int(part) for part in text.split("-"))
    if not 1024 <= first <= last <= 65535:
        raise ValueError(text)
    return PoolRange(first=first, last=last)


def _size(text: str) -> int:
    found = mebibytes(int(text) if text.isdecimal() else text)
    if not found:
        raise ValueError(text)
    return found


def _rate(text: str) -> float:
    found = float(text)
    if not 0 <= found <= 1e6:  # nan neither
        raise ValueError(text)
    return found


def _count(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise ValueError(text)
    return int(text)


def _yes(text: str) -> bool:
    """YAML has made a bool of yes and no already."""
    if text not in {"True", "False", "yes", "no"}:
        raise ValueError(text)
    return text in {"True", "yes"}


def _names(text: str) -> tuple[str, ...]:
    names = tuple(text.lower().split())
    if not names or not all(re.fullmatch(r"[a-z0-9_:.-]+", name) for name in names):
        raise ValueError(text)
    return names


def _url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError(text)
    return text


_KEYS: dict[str, tuple[Callable[[str], object], str]] = {
    "name": (_word, "one word"),
    "provider": (_place, "local, fake or the name of one of `places`"),
    "management_network": (_network, "an IPv4 network of 8 addresses or more, such as 172.29.0.0/16"),
    "console_ports": (_range, "two ports from 1024 to 65535, such as 9300-9399"),
    "forward_ports": (_range, "two ports from 1024 to 65535, such as 20000-20999"),
    "warm": (_yes, "yes or no"),
    "warm_most": (_size, "a size, such as 4G"),
    "most_memory": (_size, "a size, such as 48G"),
    "most_processors": (_count, "a number, such as 64"),
    "most_disk": (_size, "a size, such as 200G"),
    "warn_before": (seconds, "a time, such as 10m"),
    "reconcile_every": (seconds, "a time, such as 5m"),
    "caller_rate": (_rate, "requests a second, such as 50, or 0 for no limit"),
    "stranger_rate": (_rate, "requests a second, such as 5, or 0 for no limit"),
    "evacuate_after": (seconds, "a time, such as 10m"),
    "heal": (_yes, "yes or no"),
    "names": (_names, "host names or addresses, a space between two"),
    "behind_proxy": (_yes, "yes or no"),
    "webhook": (_url, "a URL that begins with https:// or http://"),
}

_PARTS: dict[str, Callable[[Path, object], object]] = {
    "hooks": site_hooks.read,
    "quota": site_quota.read,
    "oidc": site_oidc.read,
    "places": site_places.read,
}
"""Keys whose values are mappings, and who reads them."""
