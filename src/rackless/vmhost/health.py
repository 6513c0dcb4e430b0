"""The life of a guest: when it is started, from which image, when it counts as healthy, when it is reset. Pure.

A look at the guest and what happened to it since the last one go in; actions, and why it came up anew, come out. What is kept
between two looks may be lost: an agent that is started again finds the guest running and goes on with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from rackless.model.vmhost import Boot, GuestState, Reason
from rackless.vmhost import boot, reasons
from rackless.vmhost.actions import Action, EndHost, ResetGuest, StartGuest, StopGuest, WriteLoader
from rackless.vmhost.facts import Guest, Host, Slot
from rackless.vmhost.reasons import Event, EventKind
from rackless.vmhost.recovery import ladder
from rackless.vmhost.world import Sign


@dataclass(frozen=True, kw_only=True)
class Patience:
    """Seconds, but `tries`: starts from one image before the next is tried."""

    start: float = 600.0
    """Until a guest that was started answers. An emulated one takes a minute or more."""
    silent: float = 90.0
    """Without an answer, until a guest that was healthy is reset. Its own watchdog is faster (60 s in a reference guest)."""
    settle: float = 30.0
    """Healthy without a break, until a set is confirmed. A guest that cannot be asked is healthy when it has run that long."""
    again: float = 900.0
    """Until all images are tried again."""
    look: float = 5.0
    unwatched: float = 15.0
    """Between two looks, from which on the rest counts for nobody: what the agent was kept from seeing is no guest's silence. A
    look may take the seconds in which an answer is awaited, and those between two looks."""
    tries: int = 2


@dataclass(frozen=True, kw_only=True)
class Memory:
    """`since`: of the state, monotonic; `answered`: the last answer."""

    state: GuestState = GuestState.OFF
    since: float = 0.0
    answered: float = 0.0
    slot: Slot | None = None
    tries: Mapping[Slot, int] = field(default_factory=dict)
    pending: tuple[Event, ...] = ()
    """Of a guest that ended, and is not started again yet."""
    looked: float | None = None
    """When the last look was, monotonic."""


@dataclass(frozen=True, kw_only=True)
class Look:
    """Everything that is decided on."""

    now: float
    """Monotonic."""
    host: Host
    guest: Guest
    sign: Sign
    events: tuple[Event, ...] = ()
    wanted: bool = True
    recovers: bool = True
    """Auto-recovery is on."""
    first: Boot | None = None
    """The host's boot, when this guest was not started since."""
    stays_off: bool = False
    """When it shuts itself down it is not started again."""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    memory: Memory
    why: str = ""
    """Of the new state, if it is another one."""
    actions: tuple[Action, ...] = ()
    boot: tuple[Reason, str] | None = None
    """The guest comes up anew, and this is why."""
    off: bool = False
    """It switched itself off, and that is to be remembered."""


RESTARTS = {EventKind.PANICKED, EventKind.WATCHDOG, EventKind.RESET}


def decide(look: Look, memory: Memory, patience: Patience) -> Verdict:
    """One step. Called again at once until it asks for nothing more."""
    memory = watched(memory, look.now, patience)
    if look.sign.running:
        return _running(look, memory, patience)
    if memory.state in {GuestState.STARTING, GuestState.RUNNING, GuestState.UNHEALTHY}:
        return _ended(look, memory, patience)
    if not look.wanted:
        return _to(look, memory, GuestState.OFF, "it is switched off")
    if memory.state is GuestState.FAILED and look.now - memory.since < patience.again:
        return Verdict(memory=memory)
    tries = {} if memory.state is GuestState.FAILED else memory.tries
    return _start(look, replace(memory, tries=tries), patience)


def watched(memory: Memory, now: float, patience: Patience) -> Memory:
    """All clocks of a guest stand while nobody looks at it: on a machine that has no time for the agent, or was suspended, the
    guest had none to answer either."""
    lost = max(0.0, now - memory.looked - patience.unwatched) if memory.looked is not None else 0.0
    return replace(memory, looked=now, since=memory.since + lost, answered=memory.answered + lost)


def _running(look: Look, memory: Memory, patience: Patience) -> Verdict:
    slot = _slot_of(look.sign)
    if memory.state in {GuestState.OFF, GuestState.FAILED}:
        adopted = replace(memory, slot=slot, state=GuestState.STARTING, since=look.now, answered=look.now)
        return Verdict(memory=adopted, why="it runs already, and is taken over")
    if not look.wanted:
        return Verdict(memory=memory, actions=(StopGuest(guest=look.guest.name),))
    kinds = {event.kind for event in look.events} & RESTARTS
    # SeaBIOS resets a machine once more that was reset before: one reboot is told twice, seconds apart. As long as the guest has
    # not answered, it is coming up, however often it begins.
    bounced = memory.state is GuestState.STARTING and kinds == {EventKind.RESET}
    if kinds and not bounced:
        return _restarted(look, memory)
    if look.sign.answers or (look.sign.answers is None and look.now - memory.since >= patience.settle):
        return _answered(look, memory)
    return _coming_up(look, memory, patience) if memory.state is GuestState.STARTING else _silent(look, memory, patience)


def _coming_up(look: Look, memory: Memory, patience: Patience) -> Verdict:
    late = look.now - memory.since >= patience.start
    # Seen as ended with the next look.
    return Verdict(memory=memory, actions=(StopGuest(guest=look.guest.name, orderly=False),) if late else ())


def _restarted(look: Look, memory: Memory) -> Verdict:
    kinds = {event.kind for event in look.events}
    reason, why = reasons.of_guest(look.events)
    # One that has panicked and sits there is helped; one that goes on by itself is not disturbed.
    helped = () if kinds & {EventKind.RESET, EventKind.WATCHDOG} else (ResetGuest(guest=look.guest.name),)
    fresh = replace(memory, state=GuestState.STARTING, since=look.now)
    return Verdict(memory=fresh, why=why, actions=helped, boot=(reason, why))


def _answered(look: Look, memory: Memory) -> Verdict:
    if memory.state is GuestState.RUNNING:
        return Verdict(memory=replace(memory, answered=look.now))
    took = look.now - memory.since
    why = f"it answered after {took:.0f} s" if look.sign.answers else f"it has run for {took:.0f} s"
    tries = {} if memory.slot is None else {slot: count for slot, count in memory.tries.items() if slot is not memory.slot}
    return Verdict(memory=replace(memory, state=GuestState.RUNNING, since=look.now, answered=look.now, tries=tries), why=why)


def _silent(look: Look, memory: Memory, patience: Patience) -> Verdict:
    if look.sign.answers is None:
        return Verdict(memory=memory)
    silent = look.now - memory.answered
    if silent >= patience.silent:
        why = f"it did not answer for {silent:.0f} s"
        fresh = replace(memory, state=GuestState.STARTING, since=look.now)
        return Verdict(
            memory=fresh,
            why=f"{why}, and is reset",
            actions=(ResetGuest(guest=look.guest.name),),
            boot=(Reason.GUEST_WATCHDOG, why),
        )
    if memory.state is GuestState.RUNNING and silent >= patience.silent / 2:
        return _to(look, memory, GuestState.UNHEALTHY, f"it has not answered for {silent:.0f} s")
    return Verdict(memory=memory)


def _ended(look: Look, memory: Memory, patience: Patience) -> Verdict:
    """Its process is gone."""
    kinds = {event.kind for event in look.events}
    off = replace(memory, state=GuestState.OFF, since=look.now, pending=look.events)
    if not look.wanted:
        by_us = Event(kind=EventKind.SHUTDOWN_BY_HOST, at=look.now)
        return Verdict(memory=replace(off, pending=(by_us,)), why="it is switched off")
    if memory.state is GuestState.STARTING and memory.slot is not None:
        tries = {**memory.tries, memory.slot: memory.tries.get(memory.slot, 0) + 1}
        took = look.now - memory.since
        why = f"it did not come up from {memory.slot.value} within {took:.0f} s, try {tries[memory.slot]} of {patience.tries}"
        return Verdict(memory=replace(off, tries=tries), why=why)
    if EventKind.SHUTDOWN in kinds and EventKind.PANICKED not in kinds and look.stays_off:
        return Verdict(memory=off, why="it shut itself down", off=True)
    return Verdict(memory=off, why=reasons.of_guest(look.events)[1])


def _start(look: Look, memory: Memory, patience: Patience) -> Verdict:
    name, booted = look.guest.name, look.host.booted
    steps = ladder(look.host, look.guest)
    if not look.recovers:
        steps = steps[:1] if steps and steps[0] is (booted or look.host.loader.current) else ()
    left = [slot for slot in steps if memory.tries.get(slot, 0) < patience.tries]
    failed_here = look.guest.administrative and look.recovers and (booted is not None and booted not in left)
    back = boot.fallback(look.host) if failed_here else None
    if back is not None and booted is not None:
        why = f"guest {name} does not come up from unconfirmed set {booted.value}, set {back.value} is next"
        loader = boot.unusable(look.host.loader, booted)
        return Verdict(memory=memory, why=why, actions=(WriteLoader(loader=loader, why=why), EndHost(how="reboot", why=why)))
    if not left:
        # Without recovery the state is left for whoever wants to look at it; one image is tried again and again otherwise.
        return _to(look, memory, GuestState.FAILED, "no image is left that it could come up from")
    slot = left[0]
    moved = replace(memory, state=GuestState.STARTING, since=look.now, slot=slot, pending=())
    # A second try of one start is no second reboot.
    again = sum(memory.tries.values()) or (memory.state is GuestState.FAILED and look.first is None)
    told = None if again else reasons.of_guest(memory.pending or look.events, host=look.first)
    why = f"it is started from set {slot.value}" + (f", version {v}" if (v := look.guest.image(slot).version) else "")
    return Verdict(memory=moved, why=why, actions=(StartGuest(guest=name, slot=slot),), boot=told)


def _to(look: Look, memory: Memory, state: GuestState, why: str) -> Verdict:
    if memory.state is state and state is not GuestState.FAILED:
        return Verdict(memory=memory)
    return Verdict(memory=replace(memory, state=state, since=look.now), why=why)


def _slot_of(sign: Sign) -> Slot | None:
    return Slot(sign.image) if sign.image else None


def settled(memory: Memory, now: float, patience: Patience) -> bool:
    """It has been up for long enough to say that what it came up from works."""
    return memory.state is GuestState.RUNNING and now - memory.since >= patience.settle


def to_confirm(look: Look, memory: Memory) -> bool:
    """The administrative guest, once it is settled, came up from the set that runs and that nobody confirmed yet."""
    booted = look.host.booted
    return look.guest.administrative and memory.slot is booted and booted not in look.host.loader.confirmed
