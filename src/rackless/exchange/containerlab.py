"""containerlab topologies (`.clab.yml`): read into one of our blueprints, and written from a lab.

Source of the format: containerlab.dev, manual/topo-def-file, manual/nodes and manual/kinds/vr-vmx. A node's values come from
itself, then its group, its kind and the defaults. Interfaces of a vMX node are `ethN` (eth1 is the first port) or `ge-0/0/N`,
and containerlab has one card a router.
"""

from __future__ import annotations

import io
import ipaddress
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from rackless.blueprints import startup
from rackless.model import naming
from rackless.model.blueprint import Blueprint, End
from rackless.model.errors import BlueprintErrors, Problem

ROUTER_KINDS = frozenset(
    {
        "juniper_vmx",
        "vr-juniper_vmx",
        "vr-vmx",
        "juniper_vjunosrouter",
        "vr-juniper_vjunosrouter",
        "juniper_vjunosevolved",
        "vr-juniper_vjunosevolved",
    }
)
"""Kinds that become routers: Junos routers with ports `ge-0/0/N`."""
HOST_KINDS = frozenset({"linux"})
CARRIED = frozenset({"kind", "image", "type", "group", "startup-config", "exec", "labels"})
"""Keys of a node that are read here; the others are listed as left out."""
EXPORTED_IMAGE = "vrnetlab/juniper_vmx:latest"

_PORT = re.compile(r"(?:ge|xe|et)-(\d+)/0/(\d+)\Z")
_ETH = re.compile(r"eth(\d+)\Z")
_ADDRESS = re.compile(r"ip\s+(?:-\S+\s+)*a(?:ddr(?:ess)?)?\s+add\s+(\S+)\s+dev\s+(eth\d+)\s*\Z")
_ROUTE = re.compile(r"ip\s+(?:-\S+\s+)*r(?:oute)?\s+(?:add|replace)\s+(\S+)\s+via\s+(\S+)(?:\s+dev\s+\S+)?\s*\Z")


@dataclass(frozen=True, kw_only=True)
class Imported:
    """`text`: the blueprint, which `rackless up` takes. `left`: what of the topology is not in it, one sentence each."""

    text: str
    left: tuple[str, ...]


@dataclass(kw_only=True)
class _Node:
    """A node that becomes a router or a host. `ports`: the highest port used, by card."""

    name: str
    router: bool
    startup: str = ""
    ports: dict[int, int] = field(default_factory=dict)
    addresses: dict[str, str] = field(default_factory=dict)
    routes: dict[str, str] = field(default_factory=dict)


def read(text: str, *, file: str) -> Imported:
    """A blueprint of a containerlab topology.

    Raises:
        BlueprintErrors: it is no topology, or nothing of it can be made here.
    """
    value = _parse(text, file)
    topology = value.get("topology")
    if not isinstance(topology, dict) or not isinstance(topology.get("nodes"), dict):
        raise _bad(file, "There is no `topology.nodes` in it.", "Give a containerlab topology, as containerlab.dev describes it.")
    left: list[str] = [f"`{key}` of the topology" for key in value if key not in {"name", "topology"}]
    nodes: dict[str, _Node] = {}
    for name, own in topology["nodes"].items():
        node = _node(str(name), own if isinstance(own, dict) else {}, topology, left, taken=set(_names(nodes)))
        if node is not None:
            nodes[str(name)] = node
    wires = [wire for link in topology.get("links") or () if (wire := _wire(link, nodes, left)) is not None]
    if not nodes:
        raise _bad(file, f"None of its nodes can be made here: {'; '.join(left)}.", f"Kinds that can be: {_kinds()}.")
    return Imported(text=_written(_valid(str(value.get("name", "lab")), set()), nodes.values(), wires), left=tuple(left))


def write(blueprint: Blueprint, *, wires: Iterable[tuple[End, End]]) -> Imported:
    """A containerlab topology of a blueprint, with the wires that there are now. Ports of cards above 0 can't be in one."""
    left: list[str] = []
    nodes: dict[str, Any] = {}
    for router in blueprint.routers:
        nodes[router.name] = {"kind": "juniper_vmx", "image": EXPORTED_IMAGE}
        if router.startup:
            nodes[router.name]["startup-config"] = router.startup
        if router.cards > 1:
            left.append(f"cards 1 to {router.cards - 1} of router {router.name}: a containerlab vMX has one card")
    for host in blueprint.hosts:
        nodes[host.name] = {"kind": "linux", "image": "alpine:latest"}
        commands = [f"ip addr add {address} dev {nic}" for nic, address in host.addresses]
        commands += [f"ip route add {prefix} via {hop}" for prefix, hop in host.routes]
        if commands:
            nodes[host.name]["exec"] = commands
    links = []
    for ends in wires:
        ours = [_exported(end) for end in ends]
        if None in ours:
            left.append(f"the wire {ends[0]} -- {ends[1]}: it ends at a card above 0")
        else:
            links.append({"endpoints": ours})
    heading = [f"Made by `rackless export` of lab {blueprint.name}; give the routers an image that you have."]
    return Imported(
        text=_dumped({"name": blueprint.name, "topology": {"nodes": nodes, "links": links}}, [*heading, *_left(left)]),
        left=tuple(left),
    )


def _parse(text: str, file: str) -> dict[str, Any]:
    try:
        value = YAML(typ="safe", pure=True).load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark
        line, column = (mark.line + 1, mark.column + 1) if mark is not None else (0, 0)
        problem = Problem(message=f"This is no YAML: {error.problem}.", file=file, line=line, column=column)
        raise BlueprintErrors([problem]) from error
    except (YAMLError, ValueError) as error:
        raise _bad(file, f"This is no YAML: {error}.", "") from error
    if not isinstance(value, dict):
        raise _bad(file, "It is no mapping.", "Give a containerlab topology, as containerlab.dev describes it.")
    return value


def _bad(file: str, message: str, hint: str) -> BlueprintErrors:
    return BlueprintErrors([Problem(message=message, hint=hint, file=file)])


def _kinds() -> str:
    return ", ".join(sorted(ROUTER_KINDS | HOST_KINDS))


def _node(name: str, own: Mapping[str, Any], topology: Mapping[str, Any], left: list[str], *, taken: set[str]) -> _Node | None:
    values = _inherited(own, topology)
    kind = str(values.get("kind", ""))
    if kind not in ROUTER_KINDS | HOST_KINDS:
        left.append(f"node {name}: kind {kind or '(none)'} has no counterpart here")
        return None
    node = _Node(name=_valid(name, taken), router=kind in ROUTER_KINDS)
    if node.name != name:
        left.append(f"the name {name}: it became {node.name}")
    others = [key for key in values if key not in CARRIED]
    if others:
        left.append(f"of node {name}: {', '.join(others)}")
    if isinstance(config := values.get("startup-config"), str):
        if node.router and startup.fault(config) is None:
            node.startup = config
        else:
            left.append(f"start-up configuration of node {name}: {startup.fault(config) or 'a host takes none'}")
    for command in values.get("exec") or ():
        if node.router or not _understood(node, str(command)):
            left.append(f"command of node {name}: {command}")
    return node


def _inherited(own: Mapping[str, Any], topology: Mapping[str, Any]) -> dict[str, Any]:
    """Own values over those of the group, the kind and the defaults."""

    def part(key: str, name: object) -> dict[str, Any]:
        table = topology.get(key)
        found = table.get(name) if isinstance(table, dict) else None
        return dict(found) if isinstance(found, dict) else {}

    found = topology.get("defaults")
    defaults = dict(found) if isinstance(found, dict) else {}
    group = part("groups", own.get("group", defaults.get("group")))
    kind = own.get("kind", group.get("kind", defaults.get("kind")))
    return {**defaults, **part("kinds", kind), **group, **own}


def _understood(node: _Node, command: str) -> bool:
    """Take an address or a route out of a command; False when it is another."""
    try:
        if match := _ADDRESS.match(command.strip()):
            ipaddress.ip_interface(match[1])
            if match[2] in node.addresses or "/" not in match[1] or match[2] == "eth0":
                return False
            node.addresses[match[2]] = match[1]
            return True
        if match := _ROUTE.match(command.strip()):
            prefix = "0.0.0.0/0" if match[1] == "default" else match[1]
            ipaddress.ip_network(prefix)
            ipaddress.ip_address(match[2])
            node.routes[prefix] = match[2]
            return True
    except ValueError:
        return False
    return False


def _wire(link: Any, nodes: Mapping[str, _Node], left: list[str]) -> tuple[str, str] | None:
    """Both forms: `endpoints: ["a:eth1", "b:eth1"]`, and `type: veth` with mappings."""
    points = link.get("endpoints") if isinstance(link, dict) else None
    named = [_point(point) for point in points] if isinstance(points, list) else []
    if len(named) != 2 or None in named or (isinstance(link, dict) and link.get("type", "veth") != "veth"):
        left.append(f"the link {_shown(link)}: only links between two nodes can be made")
        return None
    ends = []
    for point in named:
        assert point is not None
        name, interface = point
        node = nodes.get(name)
        port = _port(node, interface) if node is not None else None
        if node is None or port is None:
            why = f"{name} is not in the blueprint" if node is None else f"{interface} is no port of {name} here"
            left.append(f"the link {_shown(link)}: {why}")
            return None
        ends.append((node, *port))
    for node, card, number in ends:
        node.ports[card] = max(node.ports.get(card, 0), number)
    first, second = (
        f"{node.name}:ge-{card}/0/{number}" if node.router else f"{node.name}:eth{number}" for node, card, number in ends
    )
    return first, second


def _point(point: Any) -> tuple[str, str] | None:
    if isinstance(point, str) and point.count(":") == 1:
        name, interface = point.split(":")
        return name, interface
    if isinstance(point, dict) and "node" in point and "interface" in point:
        return str(point["node"]), str(point["interface"])
    return None


def _port(node: _Node, interface: str) -> tuple[int, int] | None:
    """(card, port) of a router, (0, NIC) of a host."""
    eth, port = _ETH.match(interface), _PORT.match(interface)
    if node.router and port:
        return int(port[1]), int(port[2])
    if eth and int(eth[1]) > 0:
        return 0, int(eth[1]) - 1 if node.router else int(eth[1])
    return None


def _shown(link: Any) -> str:
    points = link.get("endpoints") if isinstance(link, dict) else None
    if isinstance(points, list):
        named = [_point(point) for point in points]
        return " -- ".join(f"{point[0]}:{point[1]}" if point else str(raw) for point, raw in zip(named, points, strict=True))
    return str(link)[:80]


def _valid(name: str, taken: set[str]) -> str:
    """The name as a blueprint allows it, and no other node's."""
    found = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "node"
    found = found if found[0].isalpha() else f"n{found}"
    found = found[: naming.NAME_MOST].rstrip("-")
    number = 2
    unique = found
    while unique in taken:
        ending = f"-{number}"
        unique, number = found[: naming.NAME_MOST - len(ending)].rstrip("-") + ending, number + 1
    return unique


def _names(nodes: Mapping[str, _Node]) -> Iterable[str]:
    return (node.name for node in nodes.values())


def _written(name: str, nodes: Iterable[_Node], wires: list[tuple[str, str]]) -> str:
    value: dict[str, Any] = {"name": name}
    routers, hosts = {}, {}
    for node in nodes:
        if not node.router:
            nics = max([*node.ports.values(), *(int(nic.removeprefix("eth")) for nic in node.addresses), 1])
            host: dict[str, Any] = {"nics": nics}
            host.update({key: found for key in ("addresses", "routes") if (found := getattr(node, key))})
            hosts[node.name] = host
            continue
        cards, ports = max(node.ports, default=0) + 1, max(node.ports.values(), default=0) + 1
        routers[node.name] = {"cards": cards, "ports_per_card": ports, **({"startup": node.startup} if node.startup else {})}
    value.update({key: found for key, found in (("routers", routers), ("hosts", hosts)) if found})
    if wires:
        value["wires"] = [list(wire) for wire in wires]
    return _dumped(value, [])


def _exported(end: End) -> str | None:
    place = end.card_and_port
    if place is None:
        return str(end)
    return f"{end.owner}:eth{place[1] + 1}" if place[0] == 0 else None


def _left(left: list[str]) -> list[str]:
    return ["Not in it:", *(f"  {line}" for line in left)] if left else []


def _dumped(value: dict[str, Any], comments: list[str]) -> str:
    yaml = YAML()
    yaml.default_flow_style = None
    yaml.width = 120
    text = io.StringIO()
    yaml.dump(value, text)
    return "".join(f"# {line}\n" for line in comments) + text.getvalue()
