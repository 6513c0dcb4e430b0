"""Where routers and hosts are put that name a group of places, or none: where most is free. Pure.

A router is whole, so it is placed whole. What is at a place of its group stays there. Of the places with room for it, one where
the processors suffice too comes first, then one with more of those that it is wired to (a wire between two places costs more
than one inside), then the one with most memory free. Where none has room, the one with most is taken, and booking says what
lacks there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from rackless.model.blueprint import Blueprint, HostWish, RouterWish
from rackless.model.errors import CapacityError
from rackless.model.plan import Plan
from rackless.model.site import Free, Site
from rackless.planning import machines

OVERHEAD = 350
"""MiB beside a guest's own memory, at most (providers/local/admission.py counts exactly)."""


@dataclass(frozen=True, kw_only=True)
class _Owner:
    name: str
    choice: tuple[str, ...]
    needs: Sequence[tuple[int, int]]
    """MiB of memory and processors, by machine."""

    @property
    def memory(self) -> float:
        return sum(memory + OVERHEAD for memory, _ in self.needs)

    @property
    def processors(self) -> float:
        return sum(processors for _, processors in self.needs)


def _take(free: dict[str, Free], spot: str, needs: Sequence[tuple[int, int]]) -> None:
    """What is put there takes its share."""
    if spot in free:
        owner = _Owner(name="", choice=(), needs=needs)
        left = free[spot]
        free[spot] = Free(memory=left.memory - owner.memory, processors=left.processors - owner.processors)


def located(blueprint: Blueprint, site: Site, there: Plan | None = None) -> Blueprint:
    """The blueprint with a place for each router and host that had a choice. Others stay as they are.

    Args:
        there: what the lab is made of already.

    Raises:
        CapacityError: no place of a group takes anything new.
        InputError: a family or place that the site has not.
    """
    wishes: tuple[RouterWish | HostWish, ...] = (*blueprint.routers, *blueprint.hosts)
    owners = [owner for wish in wishes if (owner := _owner(wish, blueprint, site)) is not None]
    if not owners:
        return blueprint
    was = {spec.owner: there.place_of(spec) for spec in there.machines} if there is not None else {}
    chosen = {owner.name for owner in owners}
    said = {wish.name: wish.place or blueprint.place or site.provider for wish in wishes if wish.name not in chosen}
    spots = {owner.name: was[owner.name] for owner in owners if _stays(owner, was, site)}
    free = dict(site.free)
    for wish in wishes:
        _take(free, spots.get(wish.name) or said.get(wish.name, ""), machines.needs(wish, site))
    for owner in sorted(owners, key=lambda one: (-one.memory, one.name)):
        if owner.name not in spots:
            spots[owner.name] = spot = _best(owner, free, _wired(owner.name, blueprint, {**said, **spots}))
            _take(free, spot, owner.needs)
    return replace(
        blueprint,
        routers=tuple(replace(wish, place=spots.get(wish.name, wish.place)) for wish in blueprint.routers),
        hosts=tuple(replace(wish, place=spots.get(wish.name, wish.place)) for wish in blueprint.hosts),
    )


def _owner(wish: RouterWish | HostWish, blueprint: Blueprint, site: Site) -> _Owner | None:
    """None for one whose place is said."""
    name = wish.place or blueprint.place
    if name and site.place(name) is not None:
        return None
    choice = tuple(place.name for place in site.group(name))
    if not choice:
        return None
    return _Owner(name=wish.name, choice=choice, needs=machines.needs(wish, site))


def _stays(owner: _Owner, was: Mapping[str, str], site: Site) -> bool:
    """Where it is, it stays, also when nothing new may come there; but not where it is to leave."""
    return was.get(owner.name) in owner.choice and was[owner.name] not in site.leaving


def _wired(name: str, blueprint: Blueprint, spots: Mapping[str, str]) -> Counter[str]:
    """Wires to each place, of those whose other end is somewhere already."""
    found: Counter[str] = Counter()
    for wire in blueprint.wires:
        ends = [end.owner for end in wire.ends]
        for mine, other in (ends, reversed(ends)):
            if mine == name and other in spots:
                found[spots[other]] += 1
    return found


def _best(owner: _Owner, free: Mapping[str, Free], wired: Counter[str]) -> str:
    open_: Sequence[str] = [place for place in owner.choice if place in free]
    if not open_:
        raise CapacityError(
            f"'{owner.name}' can be put nowhere: none of {', '.join(owner.choice)} takes anything new.",
            hint="`rackless site list` says why.",
        )

    def worth(place: str) -> tuple[bool, bool, int, float]:
        left = free[place]
        return left.memory >= owner.memory, left.processors >= owner.processors, wired[place], left.memory

    return max(sorted(open_), key=worth)
