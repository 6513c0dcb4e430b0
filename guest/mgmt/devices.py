"""Which Unix interface carries what of a configuration, and how they are called (names of ports: system.ports). Pure.

A unit without a VLAN is the port's own Unix interface; one with a VLAN is `ge-0-0-0.100`, after the unit. lo0's further
units have no Unix interface of their own: their addresses are on the VRF of the routing instance that they are in.
"""

from __future__ import annotations

import re

from system.ports import kernel_name, router_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from .tree import Tree

LONGEST = 15
"""Characters of a Unix interface's name (IFNAMSIZ of linux/if.h, without the end mark)."""
BRIDGING = re.compile(r"(ge-\d+-\d+-\d+|ae\d+)v\d+|bd-[0-9a-f]{8}|irb\.\d+")
"""Unix interfaces that are there for bridge domains only."""


def logical_name(kernel: str) -> str:
    """The logical interface of a Unix one: with `.0` when it has no unit of its own. Other names stay as they are."""
    name = router_name(kernel)
    return kernel if name is None else name if "." in name else f"{name}.0"


def interfaces(tree: Tree) -> Tree:
    found: Tree = tree.get("interfaces", {}).get("interface", {})
    return found


def unit_of(tree: Tree, logical: str) -> Tree:
    """The tree of a logical interface; empty when it is not configured."""
    name, _, unit = logical.partition(".")
    found: Tree = interfaces(tree).get(name, {}).get("unit", {}).get(unit or "0", {})
    return found


def tagged(unit: Tree) -> bool:
    return bool(unit.get("vlan-id", "0") != "0")


def device(tree: Tree, logical: str) -> str:
    """The Unix interface that carries a logical one."""
    name, _, unit = logical.partition(".")
    if name == "irb":
        return f"irb.{unit or '0'}"
    if name == "lo0" and unit not in ("", "0"):
        return vrf_of(tree, logical) or "lo"
    return f"{kernel_name(name)}.{unit}" if tagged(unit_of(tree, logical)) else kernel_name(name)


def logicals(tree: Tree) -> Iterator[tuple[str, Tree, Tree]]:
    """(logical name, the port's tree, the unit's tree) of every unit."""
    for name, entry in interfaces(tree).items():
        for number, unit in entry.get("unit", {}).items():
            yield f"{name}.{number}", entry, unit


def aggregates(tree: Tree) -> list[str]:
    """Aggregates that the chassis has."""
    count = tree.get("chassis", {}).get("aggregated-devices", {}).get("ethernet", {}).get("device-count", "0")
    return [f"ae{number}" for number in range(int(count))]


def instances(tree: Tree) -> Tree:
    """Routing instances that have a table of their own, by name."""
    found: Tree = tree.get("routing-instances", {}).get("instance", {})
    return {name: entry for name, entry in found.items() if "instance-type" in entry}


def vrf_name(instance: str) -> str:
    """The Unix name of a routing instance: its own when it fits and can't be taken for something else."""
    from zlib import crc32

    taken = instance in ("lo", "int", "all", "default", "eth0") or router_name(instance) or BRIDGING.fullmatch(instance)
    if len(instance) <= LONGEST and not taken:
        return instance
    return f"ri-{crc32(instance.encode()):08x}"


def vrf_table(instance: str) -> int:
    """The kernel's table of an instance: from its name, so that it stays when others come and go."""
    from zlib import crc32

    return 10_000 + crc32(instance.encode()) % 1_000_000_000


def vrf_of(tree: Tree, logical: str) -> str | None:
    """The Unix name of the instance that a logical interface is in."""
    for name, entry in instances(tree).items():
        if logical in entry.get("interface", {}):
            return vrf_name(name)
    return None
