"""Functions over nodes: who votes, who may be the primary, who may hold the virtual address. Pure.

Votes stay where they are while their node lives: moving one is a change of etcd's members, and each of those is a risk. There are
one or three, never two: two voters have a quorum of two, so the loss of either would stop what one alone would go on with.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection
from dataclasses import replace

from rackless.model.fabric import Function, Layout, Node, NodeRole

VOTERS = 3
DATABASES = 3
"""Nodes whose database may become primary; others have a replica."""
ADDRESSES = 3
"""Nodes that may hold the virtual address; each of them has to be told of each other one (VRRP by unicast)."""


def assign(layout: Layout, lost: Collection[str] = ()) -> Layout:
    """`layout` with every node's functions as they should be; its version grows if any changed.

    `lost`: nodes that are dead for good, by id: another gets their vote if there is one that can, and their place among the
    databases; if there is none, they keep it, for a fabric that forgot a voter without a new one would be easier to lose.
    """
    votes = {each.id for each in voters(layout, lost)}
    full = _standing(layout, NodeRole.FULL, lost)
    # Two nodes and no third voice: the second is a standby that only an operator's take-over makes primary.
    candidates = {each.id for each in (full[:DATABASES] if len(votes) > 1 else [each for each in full if each.id in votes])}
    holders = {each.id for each in full if fits(each.address, layout.virtual_address)}
    holders = set([each.id for each in full if each.id in holders][:ADDRESSES]) if layout.virtual_address else set()
    if len(votes) == 1:
        holders &= votes
    nodes = tuple(replace(each, functions=_functions(each, votes, candidates, holders)) for each in layout.nodes)
    return layout if nodes == layout.nodes else replace(layout, nodes=nodes, version=layout.version + 1)


def _functions(node: Node, votes: set[str], candidates: set[str], holders: set[str]) -> frozenset[Function]:
    found = {Function.VOTE} if node.id in votes else set()
    if node.role is not NodeRole.WITNESS:
        found |= {Function.BALANCER, Function.APPLICATION}
        found.add(Function.DATABASE if node.id in candidates else Function.REPLICA)
        if node.id in holders:
            found.add(Function.ADDRESS)
    return frozenset(found)


def voters(layout: Layout, lost: Collection[str] = ()) -> tuple[Node, ...]:
    """Those who should vote: whoever does already, then full nodes and the witness in order of joining."""
    able = [each for each in layout.nodes if each.role is not NodeRole.APP]
    able.sort(key=lambda each: (each.id in lost, not each.has(Function.VOTE), each.role is NodeRole.WITNESS, each.number))
    here = [each for each in able if each.id not in lost]
    chosen = able[:VOTERS] if len(able) >= VOTERS else here[:1] if here else able[:1]
    return tuple(sorted(chosen, key=lambda each: each.number))


def _standing(layout: Layout, role: NodeRole, lost: Collection[str]) -> list[Node]:
    """Of that role; who may be primary already comes first, then in order of joining; lost ones last."""
    found = [each for each in layout.nodes if each.role is role]
    return sorted(found, key=lambda each: (each.id in lost, not each.has(Function.DATABASE), each.number))


def fits(address: str, virtual_address: str) -> bool:
    """Can a node of that address hold the virtual one: is it in the same subnet?"""
    if not virtual_address:
        return False
    return ipaddress.ip_address(address) in ipaddress.ip_interface(virtual_address).network


def safe(layout: Layout) -> bool:
    """Survives the loss of any one node without an operator."""
    return len(layout.voters) >= VOTERS and len(layout.having(Function.DATABASE)) > 1


def quorum(layout: Layout) -> int:
    """Voters that have to live."""
    return len(layout.voters) // 2 + 1


def spare(layout: Layout, lost: Collection[str]) -> Node | None:
    """Who gets the vote of a lost voter; None if there is nobody."""
    had = {each.id for each in layout.voters}
    return next((each for each in voters(layout, lost) if each.id not in had), None)


def standby(layout: Layout) -> Node | None:
    """The second of two full nodes without a third voice: the one that can take over when it is told to."""
    full = [each for each in layout.nodes if each.role is NodeRole.FULL]
    if len(full) != 2 or len(layout.voters) != 1:
        return None
    return next((each for each in full if not each.has(Function.VOTE)), None)


def removable(layout: Layout, node: Node, dead: Collection[str] = ()) -> str:
    """ "" if the fabric can go on without that node, else why not. `dead`: nodes that do not live, by id."""
    rest = replace(layout, nodes=tuple(each for each in layout.nodes if each.id != node.id))
    if not any(each.role is NodeRole.FULL and each.id not in dead for each in rest.nodes):
        return f"{node.name} is the last full node that lives."
    living = [each for each in layout.voters if each.id not in dead and each.id != node.id]
    if node.has(Function.VOTE) and len(layout.voters) > 1 and len(living) < quorum(layout):
        return (
            f"Without {node.name} only {len(living)} of {len(layout.voters)} voters would live, and {quorum(layout)} are needed."
        )
    return ""
