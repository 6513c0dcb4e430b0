"""What a plan asks of a place that the place can't do, found out of data alone: before anything is made."""

from __future__ import annotations

from collections.abc import Iterator

from rackless.model.errors import Problem
from rackless.model.plan import Plan
from rackless.providers.contract import ProviderInfo


def lacking(plan: Plan, info: ProviderInfo) -> tuple[Problem, ...]:
    """`plan`: what is at the place of `info`, and no more."""
    return (*_nics(plan, info), *_mtus(plan, info))


def _nics(plan: Plan, info: ProviderInfo) -> Iterator[Problem]:
    most = info.most_nics
    for spec in plan.machines:
        if most is not None and len(spec.nics) > most:
            ports = len(spec.nics) - most
            yield Problem(
                message=f"{spec.name} has {len(spec.nics)} NICs, and a machine has at most {most} there.",
                hint=f"Give {spec.owner} {ports} port{'s' if ports > 1 else ''} a card less, or another place.",
            )


def _mtus(plan: Plan, info: ProviderInfo) -> Iterator[Problem]:
    """Wires are as wide as the place lets them be; what runs inside a router is as wide as its guests expect."""
    most = info.segment_most_mtu
    for segment in plan.segments:
        if most is not None and segment.kind == "internal" and segment.mtu > most:
            yield Problem(
                message=f"{segment.name} has to carry packets of {segment.mtu} octets, and a segment carries {most} there.",
                hint="Ask the cloud's administrator for a greater MTU of its networks, or use another place.",
            )
