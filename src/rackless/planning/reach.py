"""Which places a wire can join: one, or two on the same fabric."""

from __future__ import annotations

from rackless.model.blueprint import Wire
from rackless.model.errors import InputError
from rackless.model.places import NO_WIRE, apart
from rackless.model.plan import Plan, SegmentSpec
from rackless.model.site import Site


def check_reach(site: Site, plan: Plan, segment: SegmentSpec, wire: Wire) -> None:
    """Raises InputError when the segment of this wire cannot reach both its ends."""
    names = [plan.place_of(port) for port in segment.ports]
    places = [site.place(name) for name in names]
    one, other = places[0], places[-1]
    if one is None or other is None or not (why := apart(one, other)):
        return
    raise InputError(f"{wire} would go from {names[0]} to {names[-1]}, and {why}.", hint=NO_WIRE)
