"""What running machines take of their host: an ability that a provider may have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from rackless.model.errors import AbsentError
from rackless.providers.contract import Provider, at


@dataclass(frozen=True, kw_only=True)
class Usage:
    """Of one machine. `private`: octets of memory that nobody else has, None where the host does not tell them; `proportional`:
    with a share of what it has together with others. `cpu`: seconds of processor time since it was started."""

    private: int | None
    proportional: int | None
    cpu: float


@runtime_checkable
class Measuring(Protocol):
    """A provider that can say what its machines take."""

    async def usage(self) -> Mapping[tuple[str, str], Usage]:
        """Of every machine that runs, by sandbox and name; some seconds old at most."""
        ...


async def usage_at(provider: Provider, places: Iterable[str]) -> dict[tuple[str, str], Usage]:
    """Of all machines at those of the places that can say it."""
    found: dict[tuple[str, str], Usage] = {}
    for place in sorted(places):
        try:
            there = at(provider, place)
        except AbsentError:  # a place that this site does not have any more
            continue
        if isinstance(there, Measuring):
            found |= await there.usage()
    return found
