"""Every state table. A change of state is legal only if its row lists it; it is logged `noun name: a => b (reason)`."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

from rackless.model.errors import DefectError
from rackless.model.fabric import Life


class SandboxState(StrEnum):
    BOOKED = "booked"
    """For a time that has not come: what it needs counts as used in that time, nothing is made yet."""
    WAITING = "waiting"
    """In the queue: it begins as soon as it fits."""
    DEPLOYING = "deploying"
    READY = "ready"
    FAILED = "failed"
    """Set-up stopped with a reason; `up` tries again, `down` removes."""
    TEARING_DOWN = "tearing-down"
    ENDED = "ended"


class MachineState(StrEnum):
    PLANNED = "planned"
    STARTING = "starting"
    BOOTSTRAPPING = "bootstrapping"
    RUNNING = "running"
    STOPPED = "stopped"
    """Was running and is not there any more: killed, powered off, or the host rebooted."""
    REMOVED = "removed"


class JobState(StrEnum):
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class WireState(StrEnum):
    PLANNED = "planned"
    CONNECTED = "connected"
    DOWN = "down"
    """Connected, and taken down administratively by `rackless link --down`."""
    DISCONNECTED = "disconnected"


SANDBOX: Mapping[SandboxState, frozenset[SandboxState]] = {
    SandboxState.BOOKED: frozenset({SandboxState.DEPLOYING, SandboxState.FAILED, SandboxState.TEARING_DOWN}),
    SandboxState.WAITING: frozenset({SandboxState.DEPLOYING, SandboxState.FAILED, SandboxState.TEARING_DOWN}),
    SandboxState.DEPLOYING: frozenset({SandboxState.READY, SandboxState.FAILED, SandboxState.TEARING_DOWN}),
    SandboxState.READY: frozenset({SandboxState.DEPLOYING, SandboxState.TEARING_DOWN}),
    SandboxState.FAILED: frozenset({SandboxState.DEPLOYING, SandboxState.TEARING_DOWN}),
    SandboxState.TEARING_DOWN: frozenset({SandboxState.ENDED, SandboxState.FAILED}),
    SandboxState.ENDED: frozenset(),
}

MACHINE: Mapping[MachineState, frozenset[MachineState]] = {
    MachineState.PLANNED: frozenset({MachineState.STARTING, MachineState.REMOVED}),
    MachineState.STARTING: frozenset(
        {MachineState.BOOTSTRAPPING, MachineState.RUNNING, MachineState.STOPPED, MachineState.REMOVED}
    ),
    MachineState.BOOTSTRAPPING: frozenset(
        {MachineState.RUNNING, MachineState.STARTING, MachineState.STOPPED, MachineState.REMOVED}
    ),
    MachineState.RUNNING: frozenset({MachineState.STARTING, MachineState.STOPPED, MachineState.REMOVED}),
    MachineState.STOPPED: frozenset({MachineState.STARTING, MachineState.REMOVED}),
    MachineState.REMOVED: frozenset(),
}

WIRE: Mapping[WireState, frozenset[WireState]] = {
    WireState.PLANNED: frozenset({WireState.CONNECTED, WireState.DISCONNECTED}),
    WireState.CONNECTED: frozenset({WireState.DOWN, WireState.DISCONNECTED}),
    WireState.DOWN: frozenset({WireState.CONNECTED, WireState.DISCONNECTED}),
    WireState.DISCONNECTED: frozenset({WireState.CONNECTED}),
}

LIFE: Mapping[Life, frozenset[Life]] = {
    Life.ALIVE: frozenset({Life.SUSPECT}),
    Life.SUSPECT: frozenset({Life.ALIVE, Life.DEAD}),
    Life.DEAD: frozenset({Life.RETURNING}),
    Life.RETURNING: frozenset({Life.ALIVE, Life.DEAD}),
}
"""Of a node of a fabric. Nobody is dead who was not suspected, and nobody alive who was not heard steadily."""


State = TypeVar("State", bound=StrEnum)


def change(table: Mapping[State, frozenset[State]], noun: str, name: str, old: State, new: State) -> State:
    """Return `new` if the table allows it from `old`; staying in a state is always allowed.

    Raises:
        DefectError: the table has no such change.
    """
    if new is not old and new not in table[old]:
        raise DefectError(f"{noun} {name}: {old.value} => {new.value} is not a change its table allows.")
    return new
