"""`places` of site.yaml -> the clouds of this installation. What a place may have is read off its dataclass in model/places.py.

places:
  munich:
    provider: openstack
    cloud: munich
    rewiring: trunk
    segment-type: vlan
    physical-network: physnet1
    numbers: 2000-2099
"""

from __future__ import annotations

import re
import types
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, fields
from enum import StrEnum
from itertools import combinations
from pathlib import Path
from typing import Any, Union, get_args, get_origin, get_type_hints

from rackless.model.errors import InputError
from rackless.model.places import HOST_PORT, KINDS, VXLAN_PORT, HostPlace, Numbers, Place, ending
from rackless.model.suggestions import did_you_mean

NAME = re.compile(r"[a-z][a-z0-9-]{0,30}\Z")
MOST_NUMBER = (1 << 24) - 2
"""The greatest VNI that may be used (RFC 7348, section 5: 24 bits); VLAN ids end at 4094."""

LEAST_MTU, MOST_MTU = 576, 9500


def read(file: Path, value: object) -> tuple[Place, ...]:
    """Raises InputError at the first thing that is wrong."""
    if not isinstance(value, dict):
        raise InputError(f"{file}: places must be a mapping of names to places.", hint="`rackless site example` shows one.")
    found = tuple(_place(file, str(name), entry) for name, entry in value.items())
    _check_together(file, found)
    return found


def _place(file: Path, name: str, entry: object) -> Place:
    where = f"places.{name}"
    if not NAME.match(name):
        hint = "Use at most 31 small letters, digits and hyphens, beginning with a letter."
        raise InputError(f"{file}: '{name}' cannot be the name of a place.", hint=hint)
    if not isinstance(entry, dict):
        raise InputError(f"{file}: {where} must be a mapping.", hint="`rackless site example` shows one.")
    kind = str(entry.get("provider", ""))
    if kind not in KINDS:
        says = f"is of the provider '{kind}', which there is not" if kind else "does not say of which provider it is"
        raise InputError(f"{file}: {where} {says}.", hint=f"Write `provider:` and one of {', '.join(KINDS)}.")
    if name in KINDS and name != kind:
        raise InputError(f"{file}: {where} has the name of a provider that it is not of.", hint="Give it another name.")
    of = KINDS[kind]
    return of(name=name, **dict(_values(file, where, of, entry)))


def _values(file: Path, where: str, of: type[Place], entry: Mapping[object, object]) -> Iterator[tuple[str, Any]]:
    hints = get_type_hints(of)
    known = {field.name: field for field in fields(of) if field.name != "name"}
    seen: set[str] = set()
    for key, value in entry.items():
        name = str(key).replace("-", "_")
        if name not in known:
            raise InputError(f"{file}: {where} has the key '{key}', which is not known.", hint=_unknown(str(key), known))
        if name in seen:
            raise InputError(f"{file}: {where} has {_key(name)} twice.", hint="Write it once.")
        seen.add(name)
        try:
            yield name, _read(hints[name], value)
        except (ValueError, TypeError, KeyError) as error:
            raise InputError(
                f"{file}: {where}.{_key(name)} is {_shown(value)}.", hint=f"Write {_wanted(hints[name])}."
            ) from error
    for name, field in known.items():
        if name not in seen and field.default is MISSING and field.default_factory is MISSING:
            raise InputError(f"{file}: {where} has no {_key(name)}.", hint=f"Write {_wanted(hints[name])}.")


def _key(name: str) -> str:
    """As it is written in the file."""
    return name.replace("_", "-")


def _shown(value: object) -> str:
    return "empty" if value is None else f"'{value}'"


def _unknown(key: str, known: Mapping[str, object]) -> str:
    file = f"{key.replace('-', '_')}_file"
    if file in known:
        return f"Secrets are never in this file: put it into one of its own, and write `{_key(file)}: /path/of/it`."
    return did_you_mean(key, map(_key, known), "keys here")


def _read(of: Any, value: object) -> Any:
    """Raises ValueError, TypeError or KeyError when the value is none of its type."""
    if get_origin(of) in {Union, types.UnionType}:
        return _read(next(one for one in get_args(of) if one is not type(None)), value)
    if get_origin(of) is tuple:
        return tuple(_read(get_args(of)[0], one) for one in (value if isinstance(value, list) else [value]))
    if isinstance(value, dict | list) or value is None or (isinstance(value, bool) and of is not bool):
        raise TypeError(value)
    readers: Mapping[Any, Callable[[str], Any]] = {bool: _yes, Numbers: _numbers, Path: _path, str: _text}
    return readers.get(of, of)(str(value))


def _yes(text: str) -> bool:
    return {"yes": True, "true": True, "no": False, "false": False}[text.lower()]


def _numbers(text: str) -> Numbers:
    first, _, last = text.partition("-")
    found = Numbers(first=int(first), last=int(last or first))
    if not 1 <= found.first <= found.last <= MOST_NUMBER:
        raise ValueError(text)
    return found


def _path(text: str) -> Path:
    found = Path(text)
    if not found.is_absolute():
        raise ValueError(text)
    return found


def _text(text: str) -> str:
    if not text.isprintable():
        raise ValueError(text)
    return text


def _wanted(of: Any) -> str:
    """What to write for a value of this type."""
    if get_origin(of) in {Union, types.UnionType}:
        return _wanted(next(one for one in get_args(of) if one is not type(None)))
    if get_origin(of) is tuple:
        return f"a list, each {_wanted(get_args(of)[0])}"
    if isinstance(of, type) and issubclass(of, StrEnum):
        return f"one of {', '.join(of)}"
    return _WORDS.get(of, "a value")


_WORDS: Mapping[Any, str] = {
    bool: "yes or no",
    int: "a whole number",
    float: "a number",
    str: "one line of text",
    Path: "the absolute path of a file",
    Numbers: "a range of numbers from 1 on, such as 2000-2099",
}


def _check_together(file: Path, found: tuple[Place, ...]) -> None:
    """What is right of each and wrong of two."""
    names = {place.name for place in found}
    for place in found:
        if place.group and (not NAME.match(place.group) or place.group in names):
            hint = "Use at most 31 small letters, digits and hyphens, and no place's name."
            raise InputError(f"{file}: places.{place.name}.group is '{place.group}'.", hint=hint)
        if isinstance(place, HostPlace):
            _check_host(file, place)
        if place.fabric and not NAME.match(place.fabric):
            hint = "Use at most 31 small letters, digits and hyphens, beginning with a letter."
            raise InputError(f"{file}: places.{place.name}.fabric is '{place.fabric}'.", hint=hint)
        if (why := no_fabric(place)) and place.fabric:
            raise InputError(f"{file}: places.{place.name} has a fabric, and {why}.", hint="docs/reference/places.md says when.")
        if place.numbers is not None and place.provider == "local":
            raise InputError(
                f"{file}: places.{place.name} has numbers, and wires on this machine have none.", hint="Leave it out."
            )
    for one, other in combinations(found, 2):
        if one.provider == other.provider == "local":
            message = f"{file}: places.{one.name} and places.{other.name} are both this machine."
            raise InputError(message, hint="Leave one of them out.")
        if one.fabric and one.fabric == other.fabric and (one.provider == "host") != (other.provider == "host"):
            message = (
                f"{file}: places.{one.name} and places.{other.name} are on the fabric {one.fabric}, and only one is a VM host."
            )
            raise InputError(message, hint="Wires between VM hosts are VXLAN: give them a fabric of their own.")
        if one.fabric and one.fabric == other.fabric and one.numbers != other.numbers:
            message = f"{file}: places.{one.name} and places.{other.name} are on the fabric {one.fabric} with other numbers each."
            raise InputError(message, hint="Give both the same `numbers`: those of the fabric that are ours at all its places.")
        if one.fabric and one.fabric == other.name:
            message = f"{file}: the fabric of places.{one.name} has the name of a place."
            raise InputError(message, hint="Give the fabric a name of its own.")
        if other.fabric and other.fabric == one.name:
            message = f"{file}: the fabric of places.{other.name} has the name of a place."
            raise InputError(message, hint="Give the fabric a name of its own.")


def _check_host(file: Path, place: HostPlace) -> None:
    for key, text, default in (("address", place.address, HOST_PORT), ("wires", place.wires or "::1", VXLAN_PORT)):
        try:
            ending(text, default)
        except ValueError as error:
            hint = "Write an IP address, and a port if it is another than usual: 10.0.0.2:9443, [2001:db8::2]:9443."
            raise InputError(f"{file}: places.{place.name}.{key} is '{text}'.", hint=hint) from error
    if not LEAST_MTU <= place.wire_mtu <= MOST_MTU:
        raise InputError(
            f"{file}: places.{place.name}.wire-mtu is {place.wire_mtu}.", hint=f"Write octets from {LEAST_MTU} to {MOST_MTU}."
        )


def no_fabric(place: Place) -> str:
    """Why its wires cannot leave it; "" when they can."""
    if place.provider == "local":
        return "wires on this machine are sockets between its machines, and no VLAN"
    if place.numbers is None:
        return "it has no `numbers`, so nobody knows which VLAN a wire is on"
    if place.provider == "host":
        return ""
    kind = getattr(place, "segment_type", "vlan")
    if kind != "vlan":
        return f"its segments are {kind or 'whatever the cloud takes'}, and no VLAN"
    if place.numbers.last > 4094:
        return "its numbers go beyond 4094, the last VLAN id"
    return ""
