"""Which places a wire can join: one, or two on the same fabric."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rackless.model.blueprint import End, Wire
from rackless.model.errors import InputError
from rackless.model.places import NO_WIRE, HostPlace, apart
from rackless.model.plan import Plan, SegmentSpec
from rackless.model.site import Site
from rackless.planning.wires import DEFAULT_WIRE_MTU


def wire_mtu(site: Site, plan: Plan, ends: Sequence[End], mtus: Mapping[str, int] | None = None) -> int:
    """Octets of IP that a wire has to carry whole: what both ends can, by owner in `mtus`; less where it goes between two places
    that promise less."""
    most = [DEFAULT_WIRE_MTU] if mtus is None else [mtus[end.owner] for end in ends if end.owner in mtus]
    names = {plan.place_of(spec) for end in ends for spec in plan.machines_of(end.owner)[:1]}
    if len(names) > 1:
        most += [place.wire_mtu for name in names if isinstance(place := site.place(name), HostPlace)]
    return min(most, default=0)


def check_reach(site: Site, plan: Plan, segment: SegmentSpec, wire: Wire) -> None:
    """Raises InputError when the segment of this wire cannot reach both its ends."""
    names = [plan.place_of(port) for port in segment.ports]
    places = [site.place(name) for name in names]
    one, other = places[0], places[-1]
    if one is None or other is None or not (why := apart(one, other)):
        return
    raise InputError(f"{wire} would go from {names[0]} to {names[-1]}, and {why}.", hint=NO_WIRE)
