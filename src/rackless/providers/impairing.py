"""Wires that delay, lose and slow down frames: an ability that a provider may have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from rackless.model.errors import AbsentError, InputError, Problem
from rackless.model.impairment import Impairment
from rackless.model.plan import Plan, PortRef
from rackless.providers.contract import Provider, at


@dataclass(frozen=True, kw_only=True)
class Impaired:
    """`why`: it carries nothing, and the reason; "" when it carries."""

    how: Impairment
    why: str = ""


@runtime_checkable
class Impairing(Protocol):
    """A provider whose wires can be impaired."""

    async def impair(self, sandbox: str, segment: str, how: Impairment | None) -> None:
        """From now on, and whenever its machines are started anew; None: as it was before. Repeatable, and heals one that carries
        nothing. A wire that was not impaired, and is, or the other way about, may lose the frames of a few milliseconds.

        Raises:
            AbsentError: there is no such wire here.
        """
        ...

    async def impaired(self, sandbox: str) -> Mapping[str, Impaired]:
        """By segment, those that are."""
        ...


def impairing(provider: Provider, plan: Plan, ports: tuple[PortRef, ...]) -> Impairing:
    """Who can impair the wire between these ports.

    Raises:
        InputError: nobody can.
    """
    places = {spec.name: plan.place_of(spec) for spec in plan.machines}
    ends = sorted({places.get(port.machine, plan.place_of(port)) for port in ports})
    if len(ends) > 1:
        raise InputError(
            f"The wire goes from {ends[0]} to {ends[1]}, and only a wire within one place can be impaired.",
            hint="Have both ends at one place.",
        )
    there = at(provider, ends[0])
    if not isinstance(there, Impairing):
        raise InputError(
            f"Wires at {ends[0]} ({there.info.name}) cannot be impaired: their frames do not pass through Rackless.",
            hint="Use a lab of this machine, or `tc` inside of the guests.",
        )
    return there


def lacking(provider: Provider, plan: Plan) -> Iterator[Problem]:
    """Wires of a plan that are to be impaired, and can't be."""
    for wire in plan.wires:
        if wire.wire.impairment is not None:
            try:
                impairing(provider, plan, wire.ports)
            except AbsentError:
                continue  # a place that is not there is told otherwise
            except InputError as error:
                yield Problem(message=f"{wire.wire}: {error.message}", hint=error.hint)


async def impaired_at(provider: Provider, plan: Plan) -> dict[str, Impaired]:
    """Of all wires of a lab, by segment."""
    found: dict[str, Impaired] = {}
    for place in sorted(plan.places):
        try:
            there = at(provider, place)
        except AbsentError:
            continue
        if isinstance(there, Impairing):
            found |= await there.impaired(plan.sandbox)
    return found
