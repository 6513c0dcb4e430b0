"""Locks on what labs and people share: a name, held by one at a time, for a lease or as long as a lab is there.

Every function is part of one transaction, and writers go one at a time, so nobody gets between a look and a change. Each
acquisition has a number that grows (a fencing token): who was taken over has an old one, and whatever is guarded can tell.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import sqlalchemy as sa

from rackless.model.errors import NotFoundError, StateError
from rackless.store.schema import metadata

table = sa.Table(
    "locks",
    metadata,
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("token", sa.Integer, nullable=False),
    sa.Column("held", sa.Boolean, nullable=False),
    sa.Column("owner", sa.String(64), nullable=False),
    sa.Column("holder", sa.String(128), nullable=False),
    sa.Column("sandbox_id", sa.Integer),
    sa.Column("since", sa.Float, nullable=False),
    sa.Column("expires", sa.Float),
)
"""A row stays when its lock is released: the token goes on growing."""

log = sa.Table(
    "lock_log",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", sa.String(64), nullable=False),
    sa.Column("token", sa.Integer, nullable=False),
    sa.Column("time", sa.Float, nullable=False),
    sa.Column("who", sa.String(64), nullable=False),
    sa.Column("what", sa.String(16), nullable=False),
    sa.Column("why", sa.Text, nullable=False),
)
sa.Index("ix_lock_log_name", log.c.name)


@dataclass(frozen=True, kw_only=True)
class LockRow:
    """`owner`: the user. `holder`: what of theirs has it, in their words. `sandbox_id`: the lab that has it, until its end.
    `expires`: when the lease is over; None for a lab's."""

    name: str
    token: int
    held: bool
    owner: str
    holder: str
    sandbox_id: int | None
    since: float
    expires: float | None

    def held_at(self, moment: float) -> bool:
        return self.held and (self.expires is None or self.expires > moment)


@dataclass(frozen=True, kw_only=True)
class LockEntry:
    """`what`: acquired, taken-over (its lease was over), released or broken."""

    id: int
    name: str
    token: int
    time: float
    who: str
    what: str
    why: str


def now(db: sa.Connection) -> float:
    """Seconds since the epoch; of the database's clock where several servers share it."""
    if db.dialect.name == "postgresql":
        return float(db.execute(sa.text("SELECT extract(epoch FROM clock_timestamp())")).scalar_one())
    return time.time()


def find(db: sa.Connection, name: str) -> LockRow | None:
    row = db.execute(table.select().where(table.c.name == name)).mappings().first()
    return LockRow(**dict(row)) if row else None


def listed(db: sa.Connection) -> list[LockRow]:
    """Every lock that there was, by name."""
    return [LockRow(**dict(row)) for row in db.execute(table.select().order_by(table.c.name)).mappings()]


def entries(db: sa.Connection, name: str, after: int, most: int) -> list[LockEntry]:
    """Newest first; `after`: older than the entry of that id."""
    query = log.select().where(log.c.name == name).order_by(log.c.id.desc()).limit(most)
    if after:
        query = query.where(log.c.id < after)
    return [LockEntry(**dict(row)) for row in db.execute(query).mappings()]


def acquire(
    db: sa.Connection, name: str, *, owner: str, holder: str, seconds: float | None, sandbox: int | None = None
) -> LockRow:
    """Take the lock, or take it over when its lease is over. `seconds` None: until it is released.

    Raises:
        StateError: somebody has it; says who, and until when.
    """
    moment, found = now(db), find(db, name)
    if found is not None and found.held_at(moment):
        raise StateError(f"The lock {name} is held by {said(found)}.", hint="Wait for it with `--wait`, or ask its holder.")
    values = {
        "token": (found.token if found else 0) + 1,
        "held": True,
        "owner": owner,
        "holder": holder,
        "sandbox_id": sandbox,
        "since": moment,
        "expires": None if seconds is None else moment + seconds,
    }
    if found is None:
        db.execute(table.insert().values(name=name, **values))
    else:
        db.execute(table.update().where(table.c.name == name).values(**values))
    made = _get(db, name)
    if found is not None and found.held:
        _note(db, made, owner, "taken-over", f"{holder}: the lease of {found.owner} ({found.holder}) was over")
    else:
        _note(db, made, owner, "acquired", holder)
    return made


def renew(db: sa.Connection, name: str, *, owner: str, token: int, seconds: float) -> LockRow:
    """A new lease from now on; also of one that is over, if nobody took the lock meanwhile.

    Raises:
        StateError: it is not theirs any more.
    """
    _mine(db, name, owner, token)
    db.execute(table.update().where(table.c.name == name, table.c.token == token).values(expires=now(db) + seconds))
    return _get(db, name)


def release(db: sa.Connection, name: str, *, owner: str, token: int) -> None:
    """Give it back. Raises StateError when it is not theirs (any more)."""
    row = _mine(db, name, owner, token)
    db.execute(table.update().where(table.c.name == name, table.c.token == token).values(held=False))
    _note(db, row, owner, "released", row.holder)


def release_of(db: sa.Connection, sandbox: int) -> None:
    """Give back all that a lab has: it has ended."""
    rows = db.execute(table.select().where(table.c.sandbox_id == sandbox, table.c.held)).mappings().all()
    for row in (LockRow(**dict(row)) for row in rows):
        db.execute(table.update().where(table.c.name == row.name).values(held=False))
        _note(db, row, row.owner, "released", f"{row.holder} has ended")


def break_(db: sa.Connection, name: str, *, who: str, why: str) -> LockRow:
    """Take the lock away from whoever has it: the log keeps by whom and why.

    Raises:
        NotFoundError: there is no such lock.
        StateError: nobody has it.
    """
    row = _get(db, name)
    if not row.held_at(now(db)):
        raise StateError(f"Nobody holds the lock {name}.", hint="`rackless lock list` shows who holds which.")
    db.execute(table.update().where(table.c.name == name).values(held=False))
    _note(db, row, who, "broken", f"it was {row.owner}'s ({row.holder}): {why}")
    return _get(db, name)


def said(row: LockRow) -> str:
    """ann (lab west) until its end"""
    until = (
        "until its end" if row.expires is None else f"until {time.strftime('%Y-%m-%d %H:%M:%S %Z', time.localtime(row.expires))}"
    )
    return f"{row.owner} ({row.holder}) {until}"


def _get(db: sa.Connection, name: str) -> LockRow:
    found = find(db, name)
    if found is None:
        raise NotFoundError(f"There is no lock named {name}.", hint="`rackless lock list` shows the locks.")
    return found


def _mine(db: sa.Connection, name: str, owner: str, token: int) -> LockRow:
    row = _get(db, name)
    if row.sandbox_id is None and row.held and row.owner == owner and row.token == token:
        return row
    state = f"it is held by {said(row)}" if row.held_at(now(db)) else "nobody holds it"
    raise StateError(f"The lock {name} is not {owner}'s with the token {token}: {state}.", hint="Acquire it anew.")


def _note(db: sa.Connection, row: LockRow, who: str, what: str, why: str) -> None:
    db.execute(log.insert().values(name=row.name, token=row.token, time=now(db), who=who, what=what, why=why))
