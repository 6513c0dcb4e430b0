"""Alarms: raised once when something has been wrong for long enough, cleared once when it has been right for long enough. Pure.

What is wrong is told by conditions.py. What is in between is remembered here only (`Pending`): a decider that takes over begins
to count anew, so an alarm may come later by that, but never twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from rackless.model.errors import NotFoundError
from rackless.model.fabric import Alarm, Severity


@dataclass(frozen=True, kw_only=True)
class Condition:
    """Something that is wrong now. `after`: seconds for which it has to be so until it is an alarm; `quiet`: seconds for which it
    has to be gone until that is cleared. `stays`: not wrong enough to raise an alarm, too wrong to clear one."""

    name: str
    severity: Severity
    cause: str
    hint: str
    node: str = ""
    subject: str = ""
    after: float = 0.0
    quiet: float = 10.0
    stays: bool = False

    @property
    def key(self) -> str:
        return ":".join((self.name, self.node, self.subject)).rstrip(":")


@dataclass(frozen=True, kw_only=True)
class Pending:
    """By key: since when (monotonic) a condition holds that is no alarm yet, or is gone that is one still."""

    holds: Mapping[str, float] = field(default_factory=dict)
    gone: Mapping[str, float] = field(default_factory=dict)
    quiet: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Step:
    """`alarms`: those that stand now, worst first; `changes`: what was raised, got worse or was cleared, each told once."""

    alarms: tuple[Alarm, ...]
    pending: Pending
    changes: tuple[Alarm, ...]


WORST = tuple(Severity)


def step(standing: Iterable[Alarm], pending: Pending, found: Iterable[Condition], now: float, monotonic: float) -> Step:
    """`now`: seconds since the epoch, for people; `monotonic`: what is counted with."""
    before = {alarm.key: alarm for alarm in standing}
    here = {condition.key: condition for condition in found}
    holds = {key: pending.holds.get(key, monotonic) for key, each in here.items() if not each.stays and key not in before}
    gone = {key: pending.gone.get(key, monotonic) for key in before if key not in here}
    quiet = {key: here[key].quiet if key in here else pending.quiet.get(key, Condition.quiet) for key in before | here}
    alarms: dict[str, Alarm] = {}
    changes = []
    for key, alarm in before.items():
        if key in here:
            alarms[key] = _still(alarm, here[key])
            if WORST.index(alarms[key].severity) < WORST.index(alarm.severity):
                changes.append(alarms[key])
        elif monotonic - gone[key] >= quiet[key]:
            changes.append(replace(alarm, cleared_at=now))
            del gone[key]
        else:
            alarms[key] = alarm
    for key, since in holds.items():
        if monotonic - since >= here[key].after:
            alarms[key] = _raised(here[key], now)
            changes.append(alarms[key])
    left = {key: since for key, since in holds.items() if key not in alarms}
    return Step(alarms=ordered(alarms.values()), pending=Pending(holds=left, gone=gone, quiet=quiet), changes=tuple(changes))


def ordered(alarms: Iterable[Alarm]) -> tuple[Alarm, ...]:
    return tuple(sorted(alarms, key=lambda each: (WORST.index(each.severity), each.since, each.key)))


def _raised(condition: Condition, now: float) -> Alarm:
    return Alarm(
        name=condition.name,
        severity=condition.severity,
        since=now,
        cause=condition.cause,
        hint=condition.hint,
        node=condition.node,
        subject=condition.subject,
    )


def _still(alarm: Alarm, condition: Condition) -> Alarm:
    """It follows what is measured only when that gets worse: 81 % and 82 % are the same alarm, and one that was critical is until
    it is cleared. One that got worse is nobody's again."""
    if condition.stays or WORST.index(condition.severity) >= WORST.index(alarm.severity):
        return alarm
    worse = replace(alarm, severity=condition.severity, cause=condition.cause, hint=condition.hint)
    return replace(worse, acknowledged_at=None, acknowledged_by="")


def acknowledge(alarms: Iterable[Alarm], key: str, who: str, now: float) -> tuple[Alarm, ...]:
    """Somebody takes care of it. It stands until it is cleared; a second acknowledgement changes nothing.

    Raises:
        NotFoundError: there is no such alarm.
    """
    alarms = tuple(alarms)
    if key not in {alarm.key for alarm in alarms}:
        raise NotFoundError(f"There is no alarm {key}.", hint="`rackless fabric alarms` lists those that stand.")
    return tuple(
        replace(alarm, acknowledged_at=now, acknowledged_by=who) if alarm.key == key and alarm.acknowledged_at is None else alarm
        for alarm in alarms
    )
