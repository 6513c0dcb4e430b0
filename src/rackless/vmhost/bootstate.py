"""What a VM host boots next: the state that GRUB and the host share, and every change of it. Pure.

It is kept in GRUB's environment block (`grubenv`), because GRUB can write nothing else. GRUB itself decides at boot with the
script of grubscript.py; `order` here is the same decision for whoever wants to know beforehand.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum

from rackless.model.errors import InputError, StateError

SLOTS = ("a", "b")
ATTEMPTS = 3
"""Times that a set which was never confirmed is booted before it is given up."""
SIZE = 1024
"""Bytes of an environment block (GRUB manual, Environment block)."""
HEAD = b"# GRUB Environment Block\n"


class Slot(StrEnum):
    """`empty`: nothing was installed, or writing it is not done. `trial`: installed, not confirmed. `bad`: given up."""

    EMPTY = "empty"
    TRIAL = "trial"
    GOOD = "good"
    BAD = "bad"


@dataclass(frozen=True, kw_only=True)
class BootState:
    """
    Attributes:
        current: slot of the primary disk that is booted.
        slots: state of both slots of the primary disk.
        left: attempts that a slot in state `trial` has left.
        snapshot: slot of the backup disk with a whole snapshot; empty when none was taken.
        snapshot_bad: it was given up.
        once: name of a set that is booted the next time only, `1a` to `2b`.
        repairs: restarts after a repair at boot since a set was last confirmed: what ends a circle of repairing and failing.
        recovery: whether damage is repaired at boot; the guest switches it off with `set vmhost no-auto-recovery`.
    """

    current: str = "a"
    slots: dict[str, Slot] = field(default_factory=lambda: {"a": Slot.EMPTY, "b": Slot.EMPTY})
    left: dict[str, int] = field(default_factory=lambda: {"a": 0, "b": 0})
    snapshot: str = ""
    snapshot_bad: bool = False
    once: str = ""
    repairs: int = 0
    recovery: bool = True

    @property
    def alternate(self) -> str:
        return other(self.current)

    def bootable(self, slot: str) -> bool:
        """A slot of the primary disk holds what may be booted: confirmed, or with attempts left."""
        return self.slots[slot] is Slot.GOOD or (self.slots[slot] is Slot.TRIAL and self.left[slot] > 0)

    def _with(self, slot: str, state: Slot, left: int = 0) -> BootState:
        return replace(self, slots={**self.slots, slot: state}, left={**self.left, slot: left})

    def written(self, slot: str) -> BootState:
        """Writing into a slot begins: from now on nothing boots it.

        Raises:
            StateError: it is the set that is current.
        """
        if slot == self.current and self.slots[slot] is not Slot.EMPTY:
            raise StateError(f"Set {slot} is current, and is not written over.", hint="Install into the other set.")
        return self._with(slot, Slot.EMPTY)

    def activated(self, slot: str, attempts: int = ATTEMPTS) -> BootState:
        """A slot that was just written is current from the next boot on, on trial."""
        return replace(self._with(slot, Slot.TRIAL, attempts), current=slot, once="")

    def confirmed(self, name: str) -> BootState:
        """The guest of the running set is healthy. A set of the primary disk that was booted instead becomes current."""
        disk, slot = split(name)
        if disk == 1:
            return replace(self._with(slot, Slot.GOOD), current=slot, repairs=0)
        if slot == self.snapshot:
            return replace(self, snapshot_bad=False, repairs=0)
        return self

    def failed(self, name: str) -> BootState:
        """A set is given up: the next boot takes the next in the order."""
        disk, slot = split(name)
        if disk == 1:
            return self._with(slot, Slot.BAD)
        return replace(self, snapshot_bad=True) if slot == self.snapshot else self

    def rolled_back(self) -> BootState:
        """The alternate set is current from the next boot on, and what was current is the alternate.

        Raises:
            StateError: the alternate set holds nothing that may boot.
        """
        slot = self.alternate
        if not self.bootable(slot):
            words = "holds no software" if self.slots[slot] is Slot.EMPTY else "was given up, because it did not come up healthy"
            raise StateError(f"The alternate set {slot} {words}.", hint="Add software first.")
        return replace(self, current=slot, once="")

    @property
    def next_snapshot(self) -> str:
        """Slot of the backup disk that a new snapshot is written to: never the one that holds the last."""
        return other(self.snapshot) if self.snapshot else "a"

    def snapshot_taken(self, slot: str) -> BootState:
        return replace(self, snapshot=slot, snapshot_bad=False)

    def boot_once(self, name: str) -> BootState:
        """
        Raises:
            StateError: nothing that boots is there.
        """
        disk, slot = split(name)
        there = self.bootable(slot) if disk == 1 else slot == self.snapshot
        if not there:
            raise StateError(f"There is no software in set {name}.", hint="Take a snapshot first." if disk == 2 else "")
        return replace(self, once=name)

    def order(self) -> tuple[tuple[str, str], ...]:
        """(name of a set, why it would be booted) in the order in which they are tried at the next boot."""
        found: list[tuple[str, str]] = []
        if self.once:
            found.append((self.once, "once"))
        if self.bootable(self.current):
            found.append((f"1{self.current}", "current" if self.slots[self.current] is Slot.GOOD else "trial"))
        if self.snapshot and not self.snapshot_bad:
            found.append((f"2{self.snapshot}", "snapshot"))
        if self.slots[self.alternate] is Slot.GOOD:
            found.append((f"1{self.alternate}", "alternate"))
        # Nothing of this is fit; a host that tries is better than one that waits for a person (rauc issue 683).
        found.append((f"1{self.current}", "last-resort"))
        if self.snapshot:
            found.append((f"2{self.snapshot}", "last-resort"))
        found.append((f"1{self.alternate}", "last-resort"))
        return tuple(found)


def other(slot: str) -> str:
    return "b" if slot == "a" else "a"


def split(name: str) -> tuple[int, str]:
    """Disk and slot of a set's name.

    Raises:
        InputError: it is none.
    """
    if len(name) != 2 or name[0] not in "12" or name[1] not in SLOTS:
        raise InputError(
            f"{name!r} is no name of a set.", hint="Sets are 1a and 1b on the primary disk, 2a and 2b on the backup disk."
        )
    return int(name[0]), name[1]


def variables(state: BootState) -> dict[str, str]:
    """As GRUB knows them. `whole` comes last: a block that was cut has none."""
    return {
        "current": state.current,
        "a": state.slots["a"],
        "b": state.slots["b"],
        "a_left": str(state.left["a"]),
        "b_left": str(state.left["b"]),
        "snapshot": state.snapshot,
        "snapshot_bad": "1" if state.snapshot_bad else "",
        "once": state.once,
        "repairs": str(state.repairs),
        "recovery": "" if state.recovery else "off",
        "whole": "1",
    }


def pack(state: BootState) -> bytes:
    """An environment block."""
    text = HEAD + "".join(f"{name}={value}\n" for name, value in variables(state).items()).encode()
    return text + b"#" * (SIZE - len(text))


def unpack(block: bytes) -> BootState | None:
    """None when the block is damaged."""
    if len(block) != SIZE or not block.startswith(HEAD):
        return None
    try:
        lines = block[len(HEAD) :].decode("ascii").splitlines()
        values = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
        if set(values) != set(variables(BootState())) or values["whole"] != "1" or values["recovery"] not in ("", "off"):
            return None
        if values["current"] not in SLOTS or values["snapshot"] not in ("", *SLOTS) or values["snapshot_bad"] not in ("", "1"):
            return None
        if values["once"]:
            split(values["once"])
        return BootState(
            current=values["current"],
            slots={slot: Slot(values[slot]) for slot in SLOTS},
            left={slot: int(values[f"{slot}_left"]) for slot in SLOTS},
            snapshot=values["snapshot"],
            snapshot_bad=values["snapshot_bad"] == "1",
            once=values["once"],
            repairs=int(values["repairs"]),
            recovery=not values["recovery"],
        )
    except (ValueError, InputError):
        return None
