"""Blueprint -> text, such that reading it gives the same blueprint; and a text without the secrets that stand in it."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import ReusedAnchorWarning, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from rackless.blueprints.source import parse
from rackless.model.blueprint import Blueprint, HostWish, Management, RouterWish, Wire
from rackless.model.hooks import Hook, Phase

HIDDEN = "********"
_SECRET = frozenset({"password", "community"})


def written(blueprint: Blueprint, notes: Mapping[Wire, str] | None = None) -> str:
    """One line a router, host and wire; what is the default is left out. `notes`: remarks on wires."""
    lines = [f"name: {blueprint.name}"]
    lines += [f"place: {_flow(blueprint.place)}"] if blueprint.place else []
    lines += _part("routers", ((router.name, _router(router)) for router in blueprint.routers))
    lines += _part("hosts", ((host.name, _host(host)) for host in blueprint.hosts))
    lines += ["wires:"] if blueprint.wires else []
    for wire in blueprint.wires:
        ends = f"[{wire.ends[0]}, {wire.ends[1]}]"
        more = [*(["planned: true"] if wire.planned else []), *_impaired(wire)]
        remark = f"  # {notes[wire]}" if notes and wire in notes else ""
        lines.append(f"  - {{{', '.join([f'ends: {ends}', *more])}}}{remark}" if more else f"  - {ends}{remark}")
    lines += _hooks(blueprint.hooks)
    return "\n".join(lines) + "\n"


def _impaired(wire: Wire) -> list[str]:
    return [f"{key}: {text}" for key, text in wire.impairment.texts().items()] if wire.impairment is not None else []


def _hooks(hooks: Iterable[Hook]) -> Iterator[str]:
    hooks = [hook for hook in hooks if not hook.site]
    for number, phase in enumerate(phase for phase in Phase if any(hook.phase is phase for hook in hooks)):
        yield from (["hooks:"] if number == 0 else [])
        yield f"  {phase.value}:"
        for hook in hooks:
            if hook.phase is phase:
                wish: dict[str, Any] = {
                    "name": hook.name,
                    "run": list(hook.run),
                    "call": hook.call,
                    "headers": dict(hook.headers),
                }
                wish |= {"method": hook.method} if hook.call else {}
                wish["deadline"] = f"{hook.deadline:g}s"
                yield f"    - {_flow({key: value for key, value in wish.items() if value})}"


def _part(title: str, wishes: Iterator[tuple[str, dict[str, Any]]]) -> list[str]:
    found = [f"  {name}: {_flow(wish)}" for name, wish in wishes]
    return [f"{title}:", *found] if found else []


def _router(router: RouterWish) -> dict[str, Any]:
    usual = RouterWish(name=router.name)
    wish: dict[str, Any] = {"family": router.family, "cards": router.cards, "ports_per_card": router.ports_per_card}
    memory = {"controller": router.controller_memory, "card": router.card_memory}
    wish["memory"] = {key: size for key, size in memory.items() if size is not None}
    login = {"user": router.login.user if router.login.user != usual.login.user else None, "password": router.login.password}
    wish["login"] = {key: value for key, value in login.items() if value is not None}
    wish["snmp"] = {"community": router.snmp.community} if router.snmp.community is not None else {}
    wish["fxp0"] = _fxp0(router.fxp0)
    wish["startup"] = router.startup
    wish["place"] = router.place or None
    return {key: value for key, value in wish.items() if value not in (None, {})}


def _fxp0(fxp0: Management) -> dict[str, str]:
    values = {"address": fxp0.address, "gateway": fxp0.gateway}
    return {key: value for key, value in values.items() if value is not None}


def _host(host: HostWish) -> dict[str, Any]:
    wish: dict[str, Any] = {"family": host.family, "nics": host.nics, "memory": host.memory}
    addresses: dict[str, list[str]] = {}
    for interface, address in host.addresses:
        addresses.setdefault(interface, []).append(address)
    wish["addresses"] = {name: found[0] if len(found) == 1 else found for name, found in addresses.items()}
    wish["routes"] = dict(host.routes)
    wish["place"] = host.place or None
    return {key: value for key, value in wish.items() if value not in (None, {})}


def _flow(value: Any) -> str:
    """In YAML's flow style, texts in quotes wherever they could be read as something else."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_flow(key)}: {_flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    if isinstance(value, int):
        return str(value)
    text = str(value)
    plain = text.replace("-", "").replace(".", "").replace("/", "").replace("_", "")
    if plain.isalnum() and plain.isascii() and text[0].isalpha() and parse(f"x: {text}", "").value == {"x": text}:
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def without_secrets(text: str) -> str:
    """The text with its passwords and communities hidden; "" for one that can't be read as YAML."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ReusedAnchorWarning)
            root = YAML(typ="rt", pure=True).compose(text)
    except (YAMLError, RecursionError, ValueError):
        return ""
    places = sorted({(node.start_mark.index, node.end_mark.index) for node in _secrets(root, set())}, reverse=True)
    for begins, ends in places:
        text = f"{text[:begins]}{HIDDEN!r}{text[ends:]}"
    return text


def _secrets(node: Node | None, seen: set[int]) -> Iterator[ScalarNode]:
    if node is None or id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, SequenceNode):
        for item in node.value:
            yield from _secrets(item, seen)
    elif isinstance(node, MappingNode):
        for key, item in node.value:
            if isinstance(key, ScalarNode) and key.value in _SECRET and isinstance(item, ScalarNode):
                yield item
            yield from _secrets(item, seen)
