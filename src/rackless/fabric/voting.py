"""Whether etcd runs on this node: by what is agreed on, and by etcd's own list of members. Pure.

A vote ends in etcd, not here: until its list has this node no more, etcd goes on here, for the majority that takes the vote may
need it. And a vote that was taken is never used again: who gets one anew follows with nothing, as a member of another number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rackless.fabric.engines import etcd
from rackless.fabric.etcd import Member
from rackless.fabric.places import Self
from rackless.model.fabric import Function, Layout


@dataclass(frozen=True, kw_only=True)
class Seat:
    """Of this node in etcd.

    `stale`: what etcd keeps here is of a vote that was taken, and has to go aside first. `member`: the number as which it begins;
    empty for the first of all. `others`: those that vote already, by name and peer URL.
    """

    runs: bool
    stale: bool = False
    member: str = ""
    others: tuple[tuple[str, str], ...] = ()


def seat(layout: Layout, me: Self, members: Sequence[Member] | None, begun: str | None, *, founder: bool = False) -> Seat:
    """What etcd is to do here.

    Args:
        members: etcd's list as it is now; None: it is not known, and what runs goes on.
        begun: as which member etcd began here, empty if that was not kept; None: it did not begin.
        founder: this node begins the fabric, and is to make its etcd.
    """
    node = layout.node(me.id)
    wanted = node is not None and node.has(Function.VOTE)
    if founder:
        return Seat(runs=wanted)
    if members is None:
        return Seat(runs=begun is not None)
    peer = etcd.peer_url(me)
    mine = next((one for one in members if one.name == me.id or (not one.name and one.peer == peer)), None)
    if mine is None:
        return Seat(runs=False, stale=begun is not None)
    number = str(mine.id)
    if begun and begun != number:
        return Seat(runs=False, stale=True)
    if begun is None and not wanted:
        return Seat(runs=False)
    by_url = {etcd.peer_url(one): one.id for one in layout.nodes}
    others = {by_url.get(one.peer, one.name): one.peer for one in members}
    return Seat(runs=True, member=number, others=tuple(sorted((name, url) for name, url in others.items() if name != me.id)))


def settled(layout: Layout, members: Sequence[Member]) -> bool:
    """Whoever is to vote does, and nobody else: etcd's list changes only after the layout has."""
    return {one.name for one in members} == {one.id for one in layout.voters} and not any(one.learner for one in members)
