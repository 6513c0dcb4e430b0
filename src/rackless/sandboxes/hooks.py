"""Which hooks a job has, and whether the site allows what they do. A job keeps its hooks: site.yaml may change while it runs."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import TypeAdapter

from rackless.blueprints.hooks import REFERENCE
from rackless.model.blueprint import Blueprint
from rackless.model.errors import InputError
from rackless.model.hooks import Hook, Phase
from rackless.model.site import ANY, HookRules, HookSecret

ARGUMENT = "hooks"
"""Name of a job's argument that holds them."""
METADATA = frozenset({"100.100.100.200", "fd00:ec2::254"})
"""Addresses at which clouds give secrets to whoever asks (Alibaba, AWS), beside those of the link-local network."""

_HOOKS = TypeAdapter(tuple[Hook, ...])

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def kept(rules: HookRules, blueprint: Blueprint, phases: Sequence[Phase]) -> dict[str, Any]:
    """The argument of a job that goes through these phases: the site's hooks, then the blueprint's."""
    found = tuple(hook for hook in (*rules.always, *blueprint.hooks) if hook.phase in phases)
    return {ARGUMENT: _HOOKS.dump_python(found, mode="json")} if found else {}


def of(arguments: dict[str, Any]) -> tuple[Hook, ...]:
    """The hooks of a job; in the order that was kept."""
    return _HOOKS.validate_python(arguments.get(ARGUMENT, []))


def check(rules: HookRules, hooks: Iterable[Hook]) -> None:
    """Raises InputError for a hook that the site does not allow."""
    for hook in hooks:
        if hook.run:
            command(rules, hook)
        else:
            target(rules, hook)


def command(rules: HookRules, hook: Hook) -> list[str]:
    """What is executed.

    Raises:
        InputError: the site does not allow it, or it is not there.
    """
    program, *words = hook.run
    if hook.site or rules.executables == ANY:
        return [program, *words]
    if not rules.executables:
        raise InputError(
            f"The hook {hook} runs {program} on the server's machine, which this site does not allow.",
            hint="An admin can allow a folder of executables in site.yaml (`hooks: {executables: /etc/rackless/hooks}`).",
        )
    path = Path(rules.executables) / program
    if "/" in program or program in {".", ".."} or not path.is_file() or not os.access(path, os.X_OK):
        raise InputError(
            f"The hook {hook} runs {program}, which is none of the executables that this site allows.",
            hint=f"It has: {', '.join(_executables(rules)) or 'none'}.",
        )
    return [str(path), *words]


def _executables(rules: HookRules) -> list[str]:
    folder = Path(rules.executables)
    return sorted(path.name for path in folder.glob("*") if path.is_file() and os.access(path, os.X_OK))


def target(rules: HookRules, hook: Hook) -> tuple[str, tuple[HookSecret, ...]]:
    """The host that is called, and the secrets that it is sent.

    Raises:
        InputError: the site does not allow that.
    """
    host = (urlsplit(hook.call).hostname or "").lower()
    if not hook.site and not any(_matches(pattern, host) for pattern in rules.hosts):
        raise InputError(
            f"The hook {hook} calls {host}, which this site does not allow.",
            hint="An admin can allow hosts in site.yaml (`hooks: {hosts: [ci.example.net]}`).",
        )
    named = dict.fromkeys(name for _, value in hook.headers for name in REFERENCE.findall(value))
    return host, tuple(_secret(rules, hook, name, host) for name in named)


def _secret(rules: HookRules, hook: Hook, name: str, host: str) -> HookSecret:
    for secret in rules.secrets:
        if secret.name == name and any(_matches(pattern, host) for pattern in secret.hosts):
            return secret
    raise InputError(
        f"The hook {hook} has no secret '{name}' for {host}.", hint="An admin names secrets and their hosts in site.yaml."
    )


def _matches(pattern: str, host: str) -> bool:
    """Whether a rule is about this host, which is a name or an address."""
    if pattern in {ANY, host}:
        return True
    if pattern.startswith("*."):
        return host.endswith(pattern[1:])
    address = _address(host)
    return address is not None and _holds(pattern, address)


def _holds(pattern: str, address: Address) -> bool:
    try:
        return address in ipaddress.ip_network(pattern)
    except ValueError:
        return False


def _address(text: str) -> Address | None:
    try:
        found = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found


def may_reach(rules: HookRules, hook: Hook, text: str) -> bool:
    """Whether the address that a host's name stands for may be called: this machine itself, the link's neighbours and the places
    where clouds keep secrets only if the site names the address or its network."""
    address = _address(text)
    if address is None:
        return False
    if hook.site or any(_holds(pattern, address) for pattern in rules.hosts):
        return True
    if address.is_loopback and "localhost" in rules.hosts:
        return True
    bad = address.is_loopback or address.is_link_local or address.is_multicast or address.is_unspecified
    return not bad and not (address.is_reserved and address.version == 4) and str(address) not in METADATA
