"""The segment behind a wire: the plan's own, or that of a wire that was made later."""

from __future__ import annotations

from dataclasses import replace

from rackless.model.plan import Plan, SegmentSpec
from rackless.model.site import Site
from rackless.planning import resolve, wire, wire_mtu
from rackless.store.wires import WireRow


def segment_of(site: Site, plan: Plan, row: WireRow) -> SegmentSpec:
    """The plan's segment of that name (with its MTU), else a fresh one between the row's two ports."""
    planned = plan.segment(row.segment)
    if planned is not None:
        # The row is newer where a router shows its NICs in another order than planned.
        return planned if set(planned.ports) == set(row.ports) else replace(planned, ports=row.ports)
    ends = [resolve(plan, text)[0] for text in row.ends]
    segment, _ = wire(plan, ends[0], ends[1], mtu=wire_mtu(site, plan, ends))
    return replace(segment, number=row.number)
