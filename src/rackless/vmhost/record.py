"""What the agent remembers over its own end and the host's: one JSON text, written whole (world.WriteRecord)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from rackless.model.errors import InputError
from rackless.model.vmhost import Boot, Decision, Reason
from rackless.vmhost.facts import Slot

DECISIONS = 64
ANSWERS = 16


@dataclass(frozen=True, kw_only=True)
class Operation:
    """A request that takes several steps. `stage`: how many of them are done; `boot_id`: of the host's run that took it on."""

    id: str
    kind: str
    by: str = ""
    slot: Slot | None = None
    bundle: str = ""
    version: str = ""
    reboot: bool = False
    partition: bool = False
    stage: int = 0
    boot_id: str = ""


@dataclass(frozen=True, kw_only=True)
class Record:
    """`host_boot`: the run of the host whose reason is in `boots` already; `started`: by guest, the run in which it was started
    last; `off`: guests that somebody switched off; `answers`: ends of the latest requests, by their id."""

    host_boot: str = ""
    boots: tuple[Boot, ...] = ()
    guests: Mapping[str, tuple[Boot, ...]] = field(default_factory=dict)
    started: Mapping[str, str] = field(default_factory=dict)
    off: frozenset[str] = frozenset()
    auto_recovery: bool = True
    operation: Operation | None = None
    answers: tuple[tuple[str, str], ...] = ()
    decisions: tuple[Decision, ...] = ()
    upgraded_at: float = 0.0
    snapshot_at: float = 0.0
    failed_disks: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """By disk: the serial number of the one whose last test failed, and what was found."""


def as_text(record: Record) -> str:
    whole = asdict(record)
    return json.dumps(whole | {"off": sorted(record.off)}, separators=(",", ":"))


def from_text(text: str) -> Record:
    """Raises:
    InputError: it is no record.
    """
    if not text:
        return Record()
    try:
        return _read(json.loads(text))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"The record is damaged: {error}.") from error


def _read(kept: dict[str, Any]) -> Record:
    operation = kept["operation"]
    if operation is not None:
        operation = Operation(**(operation | {"slot": Slot(operation["slot"]) if operation["slot"] else None}))
    return Record(
        host_boot=str(kept["host_boot"]),
        boots=_boots(kept["boots"]),
        guests={name: _boots(boots) for name, boots in kept["guests"].items()},
        started=dict(kept["started"]),
        off=frozenset(kept["off"]),
        auto_recovery=bool(kept["auto_recovery"]),
        operation=operation,
        answers=tuple((str(key), str(answer)) for key, answer in kept["answers"]),
        decisions=tuple(Decision(**each) for each in kept["decisions"]),
        upgraded_at=float(kept["upgraded_at"]),
        snapshot_at=float(kept["snapshot_at"]),
        failed_disks={name: (str(serial), str(why)) for name, (serial, why) in kept.get("failed_disks", {}).items()},
    )


def _boots(kept: list[dict[str, Any]]) -> tuple[Boot, ...]:
    return tuple(Boot(at=each["at"], reason=Reason(each["reason"]), detail=each["detail"]) for each in kept)
