"""A plan that is there and one that is wanted -> what differs. Pure.

What is equal stays as it is, with the very spec it was made of: a family's other default, in a later release, changes no
machine that is there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from rackless.model import naming
from rackless.model.blueprint import Blueprint, HostWish, RouterWish
from rackless.model.changes import Change, Difference, Effect, Leaving, Live, Verb
from rackless.model.family import Role
from rackless.model.plan import MachineSpec, Plan, SegmentSpec
from rackless.planning.wires import absent
from rackless.planning.wiring import Wiring, wiring


@dataclass(kw_only=True)
class _Owner:
    """What differs of a router or host that stays: sentences, the greatest effect, machines by what becomes of them."""

    reasons: list[str] = field(default_factory=list)
    effect: Effect = Effect.NONE
    remade: set[str] = field(default_factory=set)
    touched: set[str] = field(default_factory=set)
    """Machines that come, go, or are started."""
    goes: set[str] = field(default_factory=set)
    """Those of them that go."""

    def say(self, reason: str, effect: Effect, *, remade: Iterable[str] = (), touched: Iterable[str] = ()) -> None:
        self.reasons.append(reason)
        self.effect = max(self.effect, effect, key=lambda each: each.rank)
        self.remade.update(remade)
        self.touched.update(touched)


def difference(there: Plan, wanted: Plan, live: Live, *, prune: bool = False) -> Difference:
    """What makes the lab of `there` one of `wanted`, which was planned with what is `there`.

    Wires that a blueprint drew and this one has not are taken away; those that were drawn live stay, unless they are in the way
    or `prune` says otherwise.
    """
    olds, news = _wishes(there.blueprint), _wishes(wanted.blueprint)
    before, after = _by_owner(there), _by_owner(wanted)
    compared = {name: _compare(olds[name], news[name], there, wanted, live) for name in news if name in olds}
    for name, owner in compared.items():
        _hurt(owner, name, (before[name], after[name]), live)
    plan = _kept(there, wanted, compared)
    changes = [_owner_row(name, wish, compared.get(name), (before[name], after[name])) for name, wish in news.items()]
    for name, wish in olds.items():
        if name not in news:
            gone = before[name]
            row = Change(
                verb=Verb.REMOVE, kind=_kind(wish), name=name, reason=_GONE, effect=Effect.LIVE, machines=gone, stops=gone
            )
            changes.append(row)
    joined: Wiring = wiring(there, plan, live, prune=prune)
    changes += joined.changes
    changes += _later(plan)
    return Difference(
        changes=tuple(changes),
        plan=plan,
        leaving=tuple(_leaving(there, plan, compared, live)),
        unwire=joined.unwire,
        impair=joined.impair,
        anew=frozenset(name for name, owner in compared.items() if owner.effect is Effect.ANEW),
    )


def _wishes(blueprint: Blueprint) -> dict[str, RouterWish | HostWish]:
    return {router.name: router for router in blueprint.routers} | {host.name: host for host in blueprint.hosts}


def _by_owner(plan: Plan) -> defaultdict[str, tuple[str, ...]]:
    """Names of the machines of each router and host."""
    found: defaultdict[str, tuple[str, ...]] = defaultdict(tuple)
    for spec in plan.machines:
        found[spec.owner] += (spec.name,)
    return found


_GONE = "it is no longer in the blueprint"


def _kind(wish: RouterWish | HostWish) -> str:
    return "router" if isinstance(wish, RouterWish) else "host"


def _owner_row(
    name: str, wish: RouterWish | HostWish, owner: _Owner | None, names: tuple[tuple[str, ...], tuple[str, ...]]
) -> Change:
    all_of_it = tuple(dict.fromkeys(names[0] + names[1]))
    if owner is None:
        return Change(verb=Verb.ADD, kind=_kind(wish), name=name, reason="it is new", effect=Effect.LIVE, machines=all_of_it)
    if not owner.reasons:
        return Change(verb=Verb.KEEP, kind=_kind(wish), name=name)
    anew = owner.effect is Effect.ANEW
    return Change(
        verb=Verb.CHANGE,
        kind=_kind(wish),
        name=name,
        reason="; ".join(owner.reasons),
        effect=owner.effect,
        machines=all_of_it if anew else tuple(sorted(owner.remade | owner.touched)),
        stops=tuple(machine for machine in names[0] if anew or machine in owner.remade | owner.goes),
    )


def _later(plan: Plan) -> Iterator[Change]:
    """Wires whose ports are not there yet."""
    for wish in plan.blueprint.wires:
        if wish.planned and (why := absent(plan, wish)):
            yield Change(verb=Verb.KEEP, kind="wire", name=str(wish), reason=f"not yet connected: {why}")


def _compare(old: RouterWish | HostWish, new: RouterWish | HostWish, there: Plan, wanted: Plan, live: Live) -> _Owner:
    owner = _Owner()
    if isinstance(old, RouterWish) and isinstance(new, RouterWish):
        _router(owner, old, new, (there, wanted), live)
        _moved(owner, new.name, there, wanted)
        for name, what in live.secrets:
            if name == new.name:
                owner.say(f"{what} is another", Effect.ANEW)
    elif isinstance(old, HostWish) and isinstance(new, HostWish):
        _host(owner, old, new)
        _moved(owner, new.name, there, wanted)
    else:
        owner.say(f"{_kind(old)} => {_kind(new)}", Effect.ANEW)
    return owner


def _router(owner: _Owner, old: RouterWish, new: RouterWish, plans: tuple[Plan, Plan], live: Live) -> None:
    controller = naming.controller(new.name)
    anew: Mapping[str, tuple[object, object]] = {
        "family": (old.family, new.family),
        "login.user": (old.login.user, new.login.user),
        "fxp0": (old.fxp0.address or "dhcp", new.fxp0.address or "dhcp"),
        "fxp0.gateway": (old.fxp0.gateway, new.fxp0.gateway),
    }
    for key, (was, is_) in anew.items():
        if was != is_:
            owner.say(f"{key} {_word(was)} => {_word(is_)}", Effect.ANEW)
    if _content(plans[0].blueprint, old) != _content(plans[1].blueprint, new):
        owner.say("the start-up configuration is another, and is loaded at first boot only", Effect.ANEW)
    if old.controller_memory != new.controller_memory:
        owner.say(_memory("controller", old.controller_memory, new.controller_memory), Effect.RESTART, remade=[controller])
    both = [naming.card(new.name, slot) for slot in range(min(old.cards, new.cards))]
    # A router of one machine has its ports itself.
    ported = both if any(spec.role is Role.CARD for spec in plans[0].machines_of(old.name)) else [controller]
    if old.card_memory != new.card_memory:
        owner.say(_memory("card", old.card_memory, new.card_memory), Effect.RESTART, remade=both)
    if old.ports_per_card != new.ports_per_card:
        owner.say(f"ports_per_card {old.ports_per_card} => {new.ports_per_card}", Effect.RESTART, remade=ported)
    if old.cards != new.cards:
        slots = range(min(old.cards, new.cards), max(old.cards, new.cards))
        alive = new.family in live.live_cards
        owner.say(
            f"cards {old.cards} => {new.cards}",
            Effect.LIVE if alive else Effect.RESTART,
            remade=[] if alive else [controller],
            touched=[naming.card(new.name, slot) for slot in slots],
        )
        owner.goes.update(naming.card(new.name, slot) for slot in range(new.cards, old.cards))


def _moved(owner: _Owner, name: str, there: Plan, wanted: Plan) -> None:
    was, is_ = (next((plan.place_of(spec) for spec in plan.machines_of(name)), "") for plan in (there, wanted))
    if was != is_:
        owner.say(f"place {was} => {is_}", Effect.ANEW)


def _host(owner: _Owner, old: HostWish, new: HostWish) -> None:
    if old.family != new.family:
        owner.say(f"family {old.family} => {new.family}", Effect.ANEW)
    if old.memory != new.memory:
        owner.say(_memory("", old.memory, new.memory), Effect.RESTART, remade=[new.name])
    if old.nics != new.nics:
        owner.say(f"nics {old.nics} => {new.nics}", Effect.RESTART, remade=[new.name])
    for what in ("addresses", "routes"):
        if sorted(getattr(old, what)) != sorted(getattr(new, what)):
            owner.say(f"{what} are others", Effect.RESTART, remade=[new.name])


def _hurt(owner: _Owner, name: str, names: tuple[tuple[str, ...], tuple[str, ...]], live: Live) -> None:
    """What is equal and not as it should be all the same."""
    stopped = sorted(machine for machine in names[0] if machine in live.stopped and machine in names[1])
    if stopped:
        owner.say(f"{', '.join(stopped)} {'is' if len(stopped) == 1 else 'are'} not running", Effect.LIVE, touched=stopped)
    elif name in live.unfinished:
        owner.say("its set-up did not end", Effect.LIVE)


def _content(blueprint: Blueprint, wish: RouterWish) -> str | None:
    return dict(blueprint.files).get(wish.startup) if wish.startup is not None else None


def _word(value: object) -> str:
    return "none" if value is None else str(value)


def _memory(what: str, old: int | None, new: int | None) -> str:
    was, is_ = ("default" if size is None else f"{size} MiB" for size in (old, new))
    return f"memory{f'.{what}' if what else ''} {was} => {is_}"


def _kept(there: Plan, wanted: Plan, compared: Mapping[str, _Owner]) -> Plan:
    """The wanted plan, with the specs that are there of machines that stay, and console ports and forwards of those that are
    made anew."""
    olds = {spec.name: spec for spec in there.machines}

    def keep(spec: MachineSpec) -> MachineSpec:
        old, owner = olds.get(spec.name), compared.get(spec.owner)
        if old is None or old.owner != spec.owner or old.role is not spec.role:
            return spec
        if owner is not None and owner.effect is not Effect.ANEW and spec.name not in owner.remade:
            return _placed(old, there, wanted)
        if there.place_of(old) != wanted.place_of(spec):
            return spec  # the numbers are the other place's
        return replace(spec, console_port=old.console_port, forwards=old.forwards)

    machines = tuple(keep(spec) for spec in wanted.machines)
    staying = {name for name, owner in compared.items() if owner.effect is not Effect.ANEW}
    mtus = {segment.name: segment.mtu for segment in there.segments}
    owners = {spec.name: spec.owner for spec in machines}

    def same_mtu(segment: SegmentSpec) -> SegmentSpec:
        if all(owners[port.machine] in staying for port in segment.ports):
            return replace(segment, mtu=mtus.get(segment.name, segment.mtu))
        return segment

    before = {segment.name: segment for segment in there.segments}

    def same_number(segment: SegmentSpec) -> SegmentSpec:
        old = before.get(segment.name)
        if old is None or set(map(there.place_of, old.ports)) != set(map(wanted.place_of, segment.ports)):
            return segment
        return replace(segment, number=old.number)

    segments = tuple(same_number(same_mtu(segment)) for segment in wanted.segments)
    return replace(wanted, machines=machines, segments=segments)


def _placed(spec: MachineSpec, there: Plan, wanted: Plan) -> MachineSpec:
    """The same where it would be sought somewhere else now, because the site makes what says nothing elsewhere, or another of its
    name is to be elsewhere: it says itself where it is."""
    other = wanted.machine(spec.name)
    moves = other is not None and wanted.place_of(other) != there.provider
    if spec.place or (there.provider == wanted.provider and not moves):
        return spec
    disks = tuple(replace(disk, place=there.provider) for disk in spec.disks)
    return replace(spec, place=there.provider, disks=disks)


def _leaving(there: Plan, plan: Plan, compared: Mapping[str, _Owner], live: Live) -> Iterator[Leaving]:
    """What goes, by name; what an earlier change began to take away goes too."""
    found = {each.machine.name: each for each in live.leaving}
    staying = {spec.name: spec for spec in plan.machines}
    for spec in there.machines:
        owner, earlier = compared.get(spec.owner), found.get(spec.name)
        same = spec.name in staying and staying[spec.name].owner == spec.owner and owner is not None
        whole = not same or (owner is not None and owner.effect is Effect.ANEW)
        if earlier is not None:
            found[spec.name] = replace(earlier, whole=earlier.whole or whole)
        elif whole or (owner is not None and spec.name in owner.remade):
            found[spec.name] = Leaving(machine=_placed(spec, there, plan), whole=whole)
    return iter([found[name] for name in sorted(found)])
