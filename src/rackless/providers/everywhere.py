"""All places of a site as one provider: each verb goes to the place of what it is about.

Where that is, a spec, ref or port says; where it says nothing, the lab's plan does (`Find`). A place that does not answer hides
none of the others, and is never taken for empty: `survey` names it, and `owned` fails.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

from rackless.model.calendar import UNLIMITED, Amounts, of_places
from rackless.model.errors import AbsentError, Problem, ProviderError, RacklessError
from rackless.model.places import OF_THIS_MACHINE
from rackless.model.plan import Plan, PortRef, SegmentSpec
from rackless.providers import impairing
from rackless.providers.abilities import lacking
from rackless.providers.contract import (
    Bearing,
    Capture,
    Carrier,
    Channel,
    Power,
    Provider,
    ProviderInfo,
    Reached,
    Ref,
    RefKind,
    Several,
    Spec,
    Stream,
    Survey,
    at,
    running_in,
)
from rackless.providers.glances import Glances, Runs

ANSWER = 90.0
"""Seconds in which a place has to say what it has; one that does not is silent."""

Result = TypeVar("Result")


@dataclass(frozen=True, kw_only=True)
class Whereabouts:
    """Where a lab is, as its plan has it. `default`: what says nothing of its own. `machines`: by name; `leaving`: where they are
    that are about to go. `places`: all where something of it can be."""

    default: str
    machines: Mapping[str, str] = field(default_factory=dict)
    leaving: Mapping[str, str] = field(default_factory=dict)
    places: frozenset[str] = frozenset()

    def of(self, machine: str) -> frozenset[str]:
        """Where a machine of this name can be."""
        return frozenset(each[machine] for each in (self.machines, self.leaving) if machine in each) or self.places


Find = Callable[[str], Awaitable[Whereabouts | None]]
"""Where a lab is; None for one that is not known: it may have left something anywhere."""


class Everywhere:
    """See `providers.contract.Provider`. `places`: by name, that of what names none first."""

    def __init__(self, places: Mapping[str, Provider], find: Find) -> None:
        self._places = dict(places)
        self._default = next(iter(self._places))
        self._find = find
        quick = {name for name, provider in self._places.items() if provider.info.name in OF_THIS_MACHINE}
        self._glances = Glances(self._runs_at, quick=quick)

    @property
    def info(self) -> ProviderInfo:
        """That of the place of what names none; what another can do is asked of it (`contract.at`)."""
        infos = {name: provider.info for name, provider in self._places.items()}
        notes = tuple(f"{name} ({info.name}): {note}" for name, info in infos.items() for note in info.notes or ("a place",))
        return replace(infos[self._default], notes=notes)

    def at(self, place: str) -> Provider:
        if place not in self._places:
            raise AbsentError(
                f"There is no place {place} in this site any more.",
                hint=f"Put it back into site.yaml; the places there are: {', '.join(self._places)}.",
            )
        return self._places[place]

    # What is where

    async def _where(self, sandbox: str) -> Whereabouts:
        return await self._find(sandbox) or Whereabouts(default=self._default, places=frozenset(self._places))

    async def _place(self, of: Spec | Ref | PortRef) -> str:
        """Of something that is at one place."""
        if of.place:
            return of.place
        where = await self._where(of.sandbox)
        name = of.machine if isinstance(of, PortRef) else of.name if isinstance(of, Ref) and of.kind is RefKind.MACHINE else ""
        return where.machines.get(name, where.default)

    async def _apart(self, segment: SegmentSpec) -> dict[str, SegmentSpec]:
        """The segment as each of its places has it: with its own ports."""
        ports: dict[str, list[PortRef]] = {}
        for port in segment.ports:
            ports.setdefault(await self._place(port), []).append(port)
        ports = ports or {await self._place(segment): []}
        return {
            place: replace(segment, place=place, ports=tuple(mine), beyond=tuple(sorted(set(ports) - {place})))
            for place, mine in ports.items()
        }

    # The verbs

    async def check(self, plan: Plan) -> tuple[Problem, ...]:
        """What a place cannot do at all, and what it says itself of its part of the plan."""
        found = await asyncio.gather(*(self._check(plan, place) for place in sorted(plan.places)))
        return tuple(problem for problems in found for problem in problems)

    async def _check(self, plan: Plan, place: str) -> tuple[Problem, ...]:
        try:
            provider = self.at(place)
            mine = part(plan, place)
            problems = (*lacking(mine, provider.info), *await provider.check(mine))
        except RacklessError as error:
            problems = (Problem(message=error.message, hint=error.hint),)
        return tuple(replace(problem, message=f"At {place}: {problem.message}") for problem in problems)

    async def ensure(self, spec: Spec) -> Ref:
        if not isinstance(spec, SegmentSpec):
            place = await self._place(spec)
            return replace(await self.at(place).ensure(spec), place=place)
        refs = [replace(await self.at(place).ensure(mine), place=place) for place, mine in (await self._apart(spec)).items()]
        return refs[0]

    async def power(self, machine: Ref, to: Power) -> None:
        place = await self._place(machine)
        try:
            await self.at(place).power(machine, to)
        finally:
            self._glances.changed(place)

    async def attach(self, port: PortRef, segment: SegmentSpec) -> None:
        place, parts = await self._place(port), await self._apart(segment)
        if place not in parts:
            raise ProviderError(f"Port {port} is not one of segment {segment.name}'s ports.", hint="Ensure the segment anew.")
        await self.at(place).attach(port, parts[place])

    async def detach(self, port: PortRef) -> None:
        """Where its machine is, and where it was: it may be on its way to another place."""
        places = [port.place] if port.place else sorted((await self._where(port.sandbox)).of(port.machine))
        await _all_of(self.at(place).detach(port) for place in places)

    async def console(self, machine: Ref) -> Stream:
        return await self.at(await self._place(machine)).console(machine)

    async def owned(self, sandbox: str | None = None) -> tuple[Ref, ...]:
        """Raises ProviderError when a place where something can be does not answer."""
        found = await self.survey(sandbox)
        if found.silent:
            raise ProviderError(str(found), hint=f"`rackless site check {min(found.silent)}` says what is the matter there.")
        return found.refs

    async def survey(self, sandbox: str | None = None) -> Survey:
        places = frozenset(self._places) if sandbox is None else (await self._where(sandbox)).places
        answers, silent = await self._ask(places, lambda provider: provider.owned(sandbox))
        refs = [replace(ref, place=place) for place, mine in answers.items() for ref in mine]
        if silent and not answers and len(self._places) > 1 and sandbox is None:
            raise ProviderError(f"No place answers. {Survey(refs=(), silent=silent)}", hint="`rackless site check` says why.")
        return Survey(refs=tuple(sorted(refs, key=lambda ref: ref.kind is not RefKind.MACHINE)), silent=silent)

    async def remove(self, ref: Ref) -> None:
        """Everywhere that the lab is, where nothing says where it is."""
        if ref.place or ref.kind is RefKind.MACHINE:
            place = await self._place(ref)
            try:
                await self.at(place).remove(ref)
            finally:
                if ref.kind is RefKind.MACHINE:
                    self._glances.changed(place)
            return
        places = sorted((await self._where(ref.sandbox)).places)
        await _all_of(self.at(place).remove(ref) for place in places)

    # The abilities

    async def carrier(self, port: PortRef, up: bool) -> None:
        place = await self._place(port)
        provider = self.at(place)
        if not isinstance(provider, Carrier) or not provider.info.carrier:
            raise ProviderError(f"The place {place} cannot switch carrier.", hint="Disconnect the wire instead.")
        await provider.carrier(port, up)

    async def capture(self, port: PortRef) -> AsyncIterator[bytes]:
        place = await self._place(port)
        provider = self.at(place)
        if not isinstance(provider, Capture) or not provider.info.capture:
            raise ProviderError(f"The place {place} cannot capture.", hint="Capture inside the router instead.")
        async for piece in provider.capture(port):
            yield piece

    async def channel(self, machine: Ref) -> Stream:
        place = await self._place(machine)
        provider = self.at(place)
        if not isinstance(provider, Channel) or not provider.info.host_channel:
            raise ProviderError(f"The place {place} has no host channel.", hint="Use the console.")
        return await provider.channel(machine)

    async def reached(self, machine: Ref) -> str:
        provider = self.at(await self._place(machine))
        return await provider.reached(machine) if isinstance(provider, Reached) else ""

    async def running(self, sandboxes: Collection[str]) -> Mapping[str, frozenset[str]]:
        answers, silent = await self._ask(self._places, lambda provider: running_in(provider, sandboxes))
        if silent:
            raise ProviderError(
                str(Survey(refs=(), silent=silent)), hint=f"`rackless site check {min(silent)}` says what is the matter there."
            )
        return _together(answers, sandboxes)

    async def survey_running(self, sandboxes: Collection[str]) -> tuple[Mapping[str, frozenset[str]], Survey]:
        """As last seen, where a place takes long to say it (providers/glances.py)."""
        answers, silent = await self._glances.look(self._places, sandboxes)
        return _together(answers, sandboxes), Survey(refs=(), silent=silent)

    async def refresh_running(self, sandboxes: Collection[str]) -> None:
        if self._glances.watched:
            await self._glances.refresh(self._places, sandboxes)

    async def _runs_at(self, place: str, sandboxes: Collection[str]) -> Runs:
        return await running_in(self.at(place), sandboxes)

    def capacity(self) -> Amounts:
        places = self._places.items()
        return of_places({name: one.capacity() if isinstance(one, Bearing) else UNLIMITED for name, one in places})

    def wanted(self, plan: Plan) -> Amounts:
        wants = {
            place: one.wanted(part(plan, place))
            for place, one in self._places.items()
            if place in plan.places and isinstance(one, Bearing)
        }
        return of_places(wants)

    async def _ask(
        self, places: Iterable[str], ask: Callable[[Provider], Awaitable[Result]], seconds: float = ANSWER
    ) -> tuple[dict[str, Result], dict[str, str]]:
        """Their answers, and why the others gave none."""

        async def one(place: str) -> Result:
            async with asyncio.timeout(seconds):
                return await ask(self.at(place))

        names = sorted(places)
        answers: dict[str, Result] = {}
        silent: dict[str, str] = {}
        for name, result in zip(names, await asyncio.gather(*map(one, names), return_exceptions=True), strict=True):
            if isinstance(result, RacklessError):
                silent[name] = result.message
            elif isinstance(result, TimeoutError):
                silent[name] = f"No answer within {seconds:g} s."
            elif isinstance(result, BaseException):
                raise result
            else:
                answers[name] = result
        return answers, silent


def unable(provider: Provider, plan: Plan) -> tuple[Problem, ...]:
    """What of a plan its places can't do, out of data alone: nobody is asked."""
    found = []
    for place in sorted(plan.places):
        where = f"At {place}: " if isinstance(provider, Several) else ""
        problems = lacking(part(plan, place), at(provider, place).info)
        found += [replace(problem, message=f"{where}{problem.message}") for problem in problems]
    return (*found, *impairing.lacking(provider, plan))


def part(plan: Plan, place: str) -> Plan:
    """What of a plan is at one place; a segment that is at two has there the ports of its own."""
    segments = []
    at_home = {spec.name: plan.place_of(spec) for spec in plan.machines}
    for segment in plan.segments:
        spots = {port: at_home.get(port.machine, plan.place_of(port)) for port in segment.ports}
        ports = tuple(port for port, spot in spots.items() if spot == place)
        if ports:
            beyond = tuple(sorted(set(spots.values()) - {place}))
            segments.append(replace(segment, ports=ports, place=place, beyond=beyond))
    return replace(
        plan,
        machines=tuple(spec for spec in plan.machines if plan.place_of(spec) == place),
        segments=tuple(segments),
        wires=tuple(wire for wire in plan.wires if any(at_home.get(port.machine) == place for port in wire.ports)),
    )


def _together(answers: Mapping[str, Runs], sandboxes: Collection[str]) -> Runs:
    return {name: frozenset[str]().union(*(mine.get(name, ()) for mine in answers.values())) for name in sandboxes}


async def _all_of(verbs: Iterable[Awaitable[None]]) -> None:
    """All at once; wait for all also when one fails, then raise the first failure."""
    for result in await asyncio.gather(*verbs, return_exceptions=True):
        if isinstance(result, BaseException):
            raise result
