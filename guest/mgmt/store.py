"""Committed configurations on disk: the active one and up to 49 before it, compressed, each with who, when and why."""

from __future__ import annotations

import gzip
import os
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .world import Machine

FOLDER = "/config"
ACTIVE = f"{FOLDER}/rackless.conf.gz"
RESCUE = f"{FOLDER}/rescue.conf.gz"
MOST = 49
"""Highest rollback number; 0 is the active configuration."""


class Confirm:
    """What becomes of a commit that nobody confirms. `deadline`: seconds since the epoch. `back`: rollback number to go to, as
    seen from this commit. `minutes`: the time that was given."""

    __slots__ = ("back", "deadline", "minutes")

    def __init__(self, deadline: int, back: int, minutes: int) -> None:
        self.deadline = deadline
        self.back = back
        self.minutes = minutes

    def remaining(self) -> float:
        """Seconds; never more than was given, whatever has become of the clock."""
        return max(0.0, min(self.deadline - time.time(), self.minutes * 60.0))


class Commit:
    """One committed configuration. `seconds` since the epoch."""

    __slots__ = ("comment", "confirm", "minutes", "seconds", "text", "user", "via")

    def __init__(self, text: str, *, user: str, via: str, seconds: int, comment: str = "", confirm: Confirm | None = None,
                 minutes: int = 0) -> None:  # fmt: skip
        self.text = text
        self.user = user
        self.via = via
        self.seconds = seconds
        self.comment = comment
        self.confirm = confirm
        self.minutes = minutes
        """Of a `commit confirmed`, whether it was confirmed or not; 0 for others."""

    @property
    def when(self) -> str:
        return time.strftime("%Y-%m-%d %H:%M:%S %Z", time.localtime(self.seconds))


def place(number: int) -> str:
    """Path of rollback `number`; 0 is the active configuration."""
    return ACTIVE if number == 0 else f"{FOLDER}/rackless.conf.{number}.gz"


def read(world: Machine, number: int) -> Commit | None:
    """The commit `rollback number` goes to, or None. A damaged file raises OSError, EOFError or ValueError."""
    return _read(world, place(number))


def _read(world: Machine, path: str) -> Commit | None:
    import zlib

    data = world.read_bytes(path)
    if data is None:
        return None
    try:
        text = gzip.decompress(data).decode()
    except zlib.error as error:
        raise ValueError(str(error)) from error
    facts = {}
    for line in text.splitlines():
        if not line.startswith("## "):
            break
        name, _, value = line[3:].partition(": ")
        facts[name] = value
    confirm = [int(word) for word in facts.get("confirm", "").split()]
    return Commit(
        text,
        user=facts.get("user", "root"),
        via=facts.get("via", "other"),
        seconds=int(facts.get("seconds", "0")),
        comment=facts.get("comment", ""),
        confirm=Confirm(*confirm) if len(confirm) == 3 else None,
        minutes=int(facts.get("minutes", "0")),
    )


def _packed(commit: Commit) -> bytes:
    head = f"## seconds: {commit.seconds}\n## user: {commit.user}\n## via: {commit.via}\n"
    if commit.comment:
        head += f"## comment: {' '.join(commit.comment.split())}\n"
    if commit.minutes:
        head += f"## minutes: {commit.minutes}\n"
    if commit.confirm is not None:
        head += f"## confirm: {commit.confirm.deadline} {commit.confirm.back} {commit.confirm.minutes}\n"
    return gzip.compress((head + _body(commit.text)).encode(), 6)


def _body(text: str) -> str:
    """The configuration without the facts that stand before it."""
    lines = text.splitlines(keepends=True)
    while lines and lines[0].startswith("## "):
        del lines[0]
    return "".join(lines)


def write(world: Machine, commit: Commit) -> None:
    """Make `commit` the active one. A crash at any point leaves an active configuration that is whole, the old or the new.

    The new file is on the disk before any name changes, and the active name changes last, in one step. A crash before that
    leaves the history with one hole or one double, which the next commit moves on.
    """
    fresh = ACTIVE + ".fresh"
    world.write_bytes(fresh, _packed(commit), 0o600, lasting=True)
    for number in range(MOST, 1, -1):
        if world.exists(place(number - 1)):
            os.rename(world.path(place(number - 1)), world.path(place(number)))
    if world.exists(ACTIVE):
        # A second name, not a move: the active name never goes away. What stands there is what a crash left.
        world.remove(place(1))
        os.link(world.path(ACTIVE), world.path(place(1)))
    os.rename(world.path(fresh), world.path(ACTIVE))
    world.settle(FOLDER)


def confirm(world: Machine, commit: Commit) -> None:
    """Write the active commit anew, with another `confirm`; the history stays."""
    world.write_bytes(ACTIVE, _packed(commit), 0o600, lasting=True)


def history(world: Machine) -> list[tuple[int, Commit]]:
    """All that can be rolled back to, newest first. Damaged ones are left out."""
    found = []
    for number in range(MOST + 1):
        try:
            commit = read(world, number)
        except (OSError, EOFError, ValueError):
            continue
        if commit is not None:
            found.append((number, commit))
    return found


# ---- rescue


def rescue(world: Machine) -> Commit | None:
    """The rescue configuration, or None."""
    return _read(world, RESCUE)


def save_rescue(world: Machine, commit: Commit) -> None:
    world.write_bytes(RESCUE, _packed(commit), 0o600, lasting=True)


def delete_rescue(world: Machine) -> None:
    """Absent is success."""
    world.remove(RESCUE)
