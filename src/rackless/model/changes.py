"""What it takes to make a lab that is there into another one: rows for people, and what of it goes first."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from rackless.model.plan import MachineSpec, Plan, WireSpec


class Verb(StrEnum):
    ADD = "add"
    REMOVE = "remove"
    CHANGE = "change"
    KEEP = "keep"


class Effect(StrEnum):
    """What a change does to machines that are there, from nothing to the most."""

    NONE = "none"
    LIVE = "live"
    """Behind running machines: none of those that stay is switched off."""
    RESTART = "restart"
    """Machines are switched off and made with other devices; their disks stay, and so does what was configured."""
    ANEW = "anew"
    """Machines are made anew from their image: what was configured since is lost."""

    @property
    def rank(self) -> int:
        return list(Effect).index(self)

    @property
    def disruptive(self) -> bool:
        """It needs to be allowed."""
        return self in {Effect.RESTART, Effect.ANEW}


@dataclass(frozen=True, kw_only=True)
class Change:
    """One row. `kind`: router, host or wire. `machines`: those that are made, switched off or taken away; `stops`: those of them
    that are there."""

    verb: Verb
    kind: str
    name: str
    reason: str = ""
    effect: Effect = Effect.NONE
    machines: tuple[str, ...] = ()
    stops: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Leaving:
    """A machine that goes, as it is there. `whole`: with its disk; else it comes back with other devices."""

    machine: MachineSpec
    whole: bool = True


@dataclass(frozen=True, kw_only=True)
class LiveWire:
    """A wire of the lab as it is. `drawn`: by `rackless connect`, not by a blueprint. `connected`: or taken down by `link`; else
    it is still to be connected."""

    spec: WireSpec
    drawn: bool = False
    connected: bool = True


@dataclass(frozen=True, kw_only=True)
class Live:
    """What is known of a lab beside its plan, for a comparison.

    `stopped`: machines that do not run and should. `unfinished`: routers and hosts whose set-up did not end. `secrets`: (router,
    which) that the new blueprint gives and the lab has otherwise. `leaving`: machines that an earlier change takes away and has
    not yet. `live_cards`: families whose cards come and go while the controller runs.
    """

    wires: tuple[LiveWire, ...] = ()
    stopped: frozenset[str] = frozenset()
    unfinished: frozenset[str] = frozenset()
    secrets: tuple[tuple[str, str], ...] = ()
    leaving: tuple[Leaving, ...] = ()
    live_cards: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Difference:
    """`plan`: what will be there, with the names, MACs and numbers of what stays. `leaving`: machines that go before that,
    `unwire`: segments of wires that go before that. `anew`: routers that get their new secrets with their new disks."""

    changes: tuple[Change, ...]
    plan: Plan
    leaving: tuple[Leaving, ...] = ()
    unwire: tuple[str, ...] = ()
    impair: tuple[str, ...] = ()
    """Segments of wires that stay, and are impaired otherwise."""
    anew: frozenset[str] = frozenset()

    @property
    def empty(self) -> bool:
        """Nothing has to be done."""
        return all(change.verb is Verb.KEEP for change in self.changes) and not self.leaving and not self.unwire

    @property
    def disruptive(self) -> tuple[Change, ...]:
        """Those that need to be allowed."""
        return tuple(change for change in self.changes if change.verb is Verb.CHANGE and change.effect.disruptive)
