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


class Commit:
    """One committed configuration. `seconds` since the epoch."""

    __slots__ = ("comment", "seconds", "text", "user", "via")

    def __init__(self, text: str, *, user: str, via: str, seconds: int, comment: str = "") -> None:
        self.text = text
        self.user = user
        self.via = via
        self.seconds = seconds
        self.comment = comment

    @property
    def when(self) -> str:
        return time.strftime("%Y-%m-%d %H:%M:%S %Z", time.localtime(self.seconds))


def place(number: int) -> str:
    """Path of rollback `number`; 0 is the active configuration."""
    return ACTIVE if number == 0 else f"{FOLDER}/rackless.conf.{number}.gz"


def read(world: Machine, number: int) -> Commit | None:
    """The commit `rollback number` goes to, or None. A damaged file raises OSError or EOFError."""
    data = world.read_bytes(place(number))
    if data is None:
        return None
    text = gzip.decompress(data).decode()
    facts = {}
    for line in text.splitlines():
        if not line.startswith("## "):
            break
        name, _, value = line[3:].partition(": ")
        facts[name] = value
    return Commit(
        text,
        user=facts.get("user", "root"),
        via=facts.get("via", "other"),
        seconds=int(facts.get("seconds", "0")),
        comment=facts.get("comment", ""),
    )


def write(world: Machine, commit: Commit) -> None:
    """Make `commit` the active one. A crash at any point leaves an active configuration that is whole, the old or the new."""
    head = f"## seconds: {commit.seconds}\n## user: {commit.user}\n## via: {commit.via}\n"
    if commit.comment:
        head += f"## comment: {commit.comment}\n"
    fresh = ACTIVE + ".fresh"
    world.write_bytes(fresh, gzip.compress((head + commit.text).encode(), 6), 0o600, lasting=True)
    for number in range(MOST, 1, -1):
        if world.exists(place(number - 1)):
            os.rename(world.path(place(number - 1)), world.path(place(number)))
    if world.exists(ACTIVE):
        os.link(world.path(ACTIVE), world.path(place(1)))
    os.rename(world.path(fresh), world.path(ACTIVE))
    world.settle(FOLDER)


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
