"""The site as it is for one lab: addresses that others hold, and what the places of its groups have left for it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace

import sqlalchemy as sa

from rackless.model.calendar import Span, placed
from rackless.model.site import Free, Site
from rackless.planning.calendar import Calendar
from rackless.sandboxes.times import Place
from rackless.store import sandboxes


def situated(db: sa.Connection, place: Place, name: str, span: Span | None = None, leaving: frozenset[str] = frozenset()) -> Site:
    """Args:
    name: of the lab; what it holds itself is free for it.
    span: when it is to be; None: from now on.
    leaving: places that it is to leave.
    """
    site = replace(place.site, taken_addresses=sandboxes.addresses(db, but=name), leaving=leaving)
    if not any(one.group for one in site.places):
        return site
    found = sandboxes.find(db, name)
    stays = sandboxes.stays(db, time.time(), but=found.id if found is not None else 0)
    free = _free(place, Calendar(place.capacity, stays), span or Span(begins=time.time()))
    return replace(site, free={one: left for one, left in free.items() if one not in leaving})


def _free(place: Place, calendar: Calendar, span: Span) -> Mapping[str, Free]:
    """At the busiest moment of the span."""
    found = {}
    for name, processors in place.open.items():
        memory, cores = placed("memory", name), placed("processors", name)
        held = calendar.most(span)
        found[name] = Free(memory=place.capacity.limit(memory) - held.of(memory), processors=processors - held.of(cores))
    return found
