"""Sandboxes: what is booked, what was planned for it, and how it stands. Ended ones stay as history."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import chain
from typing import Any

import sqlalchemy as sa
from pydantic import TypeAdapter

from rackless.model.calendar import ALWAYS, RESOURCES, Amounts, Span, Stay
from rackless.model.changes import Leaving
from rackless.model.errors import NotFoundError
from rackless.model.family import NicRole
from rackless.model.lifecycle import SANDBOX, SandboxState
from rackless.model.plan import MachineSpec, Plan
from rackless.model.suggestions import nearest
from rackless.observing import change
from rackless.store import events, history
from rackless.store.kept import Kept
from rackless.store.schema import metadata

table = sa.Table(
    "sandboxes",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", sa.String(32), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("reason", sa.Text, nullable=False, default=""),
    sa.Column("digest", sa.String(64), nullable=False),
    sa.Column("plan", sa.JSON, nullable=False),
    sa.Column("leaving", sa.JSON, nullable=False, server_default="[]"),
    sa.Column("created", sa.Float, nullable=False),
    sa.Column("since", sa.Float, nullable=False),
    sa.Column("boot_id", sa.String(64), nullable=False),
    sa.Column("owner", sa.String(64), nullable=False, server_default="local"),
    sa.Column("begins", sa.Float, nullable=False, server_default="0"),
    sa.Column("ends", sa.Float),
    sa.Column("saves", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("warned", sa.Boolean, nullable=False, server_default=sa.false()),
    *(sa.Column(name, sa.Float, nullable=False, server_default="0") for name in RESOURCES),
    sa.Column("others", sa.JSON, nullable=False, default={}, server_default="{}"),
    sa.Column("outline", sa.JSON, nullable=False, default={}, server_default="{}"),
    sa.Column("plan_key", sa.String(32), nullable=False, server_default=""),
)
sa.Index("ix_sandboxes_name", table.c.name)
# A name is taken by one sandbox that has not ended.
sa.Index(
    "ix_sandboxes_live_name",
    table.c.name,
    unique=True,
    sqlite_where=table.c.state != "ended",
    postgresql_where=table.c.state != "ended",
)

HELD = (*RESOURCES, "others")
"""Columns of what it holds."""
LIGHT = sa.select(*(column for column in table.c if column.name not in {"plan", "outline"}))
"""All of a row but for its plan, which may be a thousand times as long."""
CHUNK = 200
"""Plans that are read at once."""
# What ended lately is asked for at each booking.
sa.Index("ix_sandboxes_state_since", table.c.state, table.c.since)

PLAN = TypeAdapter(Plan)
PLANS: Kept[Plan] = Kept(most=20_000, size=lambda plan: len(plan.machines))
"""Plans by key: each is given another one whenever it changes, so what is kept is never old. Up to so many machines in all."""
ADDRESSES: Kept[frozenset[str]] = Kept(most=1_000_000, size=len)
"""Management addresses of plans, by the plans' keys: each booking asks for those of all labs."""
LEAVING = TypeAdapter(tuple[Leaving, ...])

TIMED = tuple(state.value for state in (SandboxState.BOOKED, SandboxState.DEPLOYING, SandboxState.READY, SandboxState.FAILED))
"""States in which a lab's end counts."""
LINGER = 300.0
"""Seconds for which one that should have ended is taken to hold what it has: it is being removed."""


@dataclass(frozen=True, kw_only=True)
class SandboxRow:
    """`digest`: of the blueprint, to tell the same from another. `leaving`: machines that are there, or were, and are not in the
    plan any more or not as they are: they go first. `boot_id`: of the host when its machines were started.
    `owner`: the user that made it. `saves`: its configurations are kept when its time is over. `warned`: its users were told
    that this is near."""

    id: int
    name: str
    state: SandboxState
    reason: str
    digest: str
    plan: Plan
    leaving: tuple[Leaving, ...]
    created: float
    since: float
    boot_id: str
    owner: str
    span: Span
    amounts: Amounts
    saves: bool
    warned: bool


def add(
    db: sa.Connection,
    *,
    plan: Plan,
    digest: str,
    boot_id: str,
    state: SandboxState = SandboxState.DEPLOYING,
    span: Span | None = None,
    amounts: Amounts = Amounts(),  # noqa: B008 - frozen
    saves: bool = False,
    who: str = history.SELF,
    owner: str = "local",
) -> int:
    """A new sandbox, from now on without an end if no span is given. The plan must hold no secret. Returns its id."""
    now = time.time()
    span = span or Span(begins=now)
    result = db.execute(
        table.insert().values(
            name=plan.sandbox,
            state=state.value,
            reason="",
            digest=digest,
            **_of_plan(plan),
            leaving=[],
            created=now,
            since=now,
            boot_id=boot_id,
            owner=owner,
            saves=saves,
            **_of_span(span),
            **asdict(amounts),
        )
    )
    primary = result.inserted_primary_key
    assert primary is not None
    key = int(primary[0])
    history.add(db, key, state.value, "asked for", who=who)
    events.add(db, key, "lab", {"state": state.value, "reason": ""})
    return key


def find(db: sa.Connection, name: str) -> SandboxRow | None:
    """The sandbox of this name that has not ended."""
    return next(iter(_rows(db, LIGHT.where(table.c.name == name, table.c.state != SandboxState.ENDED.value))), None)


def get(db: sa.Connection, name: str) -> SandboxRow:
    """The same; raises NotFoundError when there is none."""
    found = find(db, name)
    if found is None:
        near = nearest(name, names(db))
        guess = f"Did you mean '{near}'? " if near else ""
        raise NotFoundError(f"There is no lab named {name}.", hint=f"{guess}`rackless list` shows the labs.")
    return found


def by_id(db: sa.Connection, key: int) -> SandboxRow:
    found = _rows(db, LIGHT.where(table.c.id == key))
    if not found:
        raise NotFoundError(f"There is no lab with the number {key}.")
    return found[0]


def live(db: sa.Connection) -> list[SandboxRow]:
    """All that have not ended, by name."""
    return _rows(db, LIGHT.where(table.c.state != SandboxState.ENDED.value).order_by(table.c.name))


def due(db: sa.Connection, now: float, warn_before: float) -> tuple[list[SandboxRow], float]:
    """Labs that have to begin, be warned or end, by name, and when the next will have to (ALWAYS: never).

    Args:
        warn_before: seconds before its end at which a lab is warned.
    """
    ends, warning = table.c.ends, table.c.ends - warn_before
    booked, timed = table.c.state == SandboxState.BOOKED.value, table.c.state.in_(TIMED)
    begins = booked & (table.c.begins <= now)
    over = timed & ((ends <= now) | (~table.c.warned & (warning <= now)))
    found = _rows(db, LIGHT.where(begins | over).order_by(table.c.name))
    moments = (booked, table.c.begins), (timed, ends), (timed, warning)
    later = (sa.func.min(sa.case((which & (moment > now), moment))) for which, moment in moments)
    return found, min((at for at in db.execute(sa.select(*later)).one() if at is not None), default=ALWAYS)


def addresses(db: sa.Connection, *, but: str = "") -> frozenset[str]:
    """Management addresses that labs hold, without prefix lengths. `but`: the lab that asks."""
    query = sa.select(table.c.id, table.c.plan_key, table.c.leaving)
    rows = db.execute(query.where(table.c.state != SandboxState.ENDED.value, table.c.name != but)).all()
    kept = ADDRESSES.take(row.plan_key for row in rows)
    unread = {row.plan_key: row.id for row in rows if row.plan_key not in kept}
    plans = _plans(db, unread)
    kept |= ADDRESSES.keep({key: frozenset(_managed(plan.machines)) for key, plan in plans.items()})
    left = (each.machine for row in rows if row.leaving for each in LEAVING.validate_python(row.leaving))
    return frozenset(chain(_managed(left), *(kept[row.plan_key] for row in rows)))


def _managed(specs: Iterable[MachineSpec]) -> Iterator[str]:
    for spec in specs:
        yield from (nic.address.split("/")[0] for nic in spec.nics if nic.role is NicRole.MANAGEMENT and nic.address)


def names(db: sa.Connection) -> list[str]:
    """Of all that have not ended."""
    return list(db.execute(sa.select(table.c.name).where(table.c.state != SandboxState.ENDED.value)).scalars())


def count(db: sa.Connection) -> int:
    """How many have not ended."""
    query = sa.select(sa.func.count()).select_from(table).where(table.c.state != SandboxState.ENDED.value)
    return int(db.execute(query).scalar_one())


def latest(db: sa.Connection, name: str) -> int | None:
    """Id of the newest sandbox of this name, ended or not."""
    key = db.execute(sa.select(sa.func.max(table.c.id)).where(table.c.name == name)).scalar()
    return None if key is None else int(key)


def move(db: sa.Connection, key: int, state: SandboxState, reason: str = "", *, who: str = history.SELF) -> None:
    """Change the state by its table, with a reason; the history keeps when, who and why."""
    row = by_id(db, key)
    change(SANDBOX, "sandbox", row.name, row.state, state, reason=reason)
    values: dict[str, Any] = {"state": state.value, "reason": reason}
    if state is not row.state:
        values["since"] = time.time()
        history.add(db, key, state.value, reason, who=who)
    db.execute(table.update().where(table.c.id == key).values(**values))
    if (state, reason) != (row.state, row.reason):
        events.add(db, key, "lab", {"state": state.value, "reason": reason})


def stays(db: sa.Connection, now: float, *, but: int = 0) -> list[Stay]:
    """What is booked of the capacity from now on. One that is there and should have ended holds what it has until it is gone;
    one that waits in the queue holds nothing."""
    columns = (table.c.id, table.c.name, table.c.state, table.c.begins, table.c.ends, *(table.c[name] for name in HELD))
    quiet = (SandboxState.ENDED.value, SandboxState.WAITING.value)
    found = []
    for row in db.execute(sa.select(*columns).where(table.c.state.not_in(quiet), table.c.id != but)).mappings():
        span = _span(row)
        if row["state"] != SandboxState.BOOKED.value:
            span = Span(begins=min(span.begins, now), ends=max(span.ends, now + LINGER))
        found.append(Stay(sandbox=row["name"], span=span, amounts=_amounts(row)))
    return found


def waiting(db: sa.Connection) -> list[SandboxRow]:
    """The queue, in the order in which they came."""
    return _rows(db, LIGHT.where(table.c.state == SandboxState.WAITING.value).order_by(table.c.id))


def extend(db: sa.Connection, key: int, ends: float, why: str, *, who: str = history.SELF) -> None:
    """Another end (ALWAYS: none); whoever was warned of the old one will be warned of this one too."""
    db.execute(table.update().where(table.c.id == key).values(ends=None if ends == ALWAYS else ends, warned=False))
    history.add(db, key, "extended", why, who=who)
    _told(db, key)


def respan(db: sa.Connection, key: int, span: Span) -> None:
    """The time it gets after waiting."""
    db.execute(table.update().where(table.c.id == key).values(**_of_span(span)))


def warn(db: sa.Connection, key: int, why: str) -> None:
    """Its end is near, and that is told once."""
    db.execute(table.update().where(table.c.id == key).values(warned=True))
    history.add(db, key, "warned", why)
    _told(db, key)


def _told(db: sa.Connection, key: int) -> None:
    """Something of it changed that is not its state: whoever shows it reads it anew."""
    row = db.execute(sa.select(table.c.state, table.c.reason).where(table.c.id == key)).one()
    events.add(db, key, "lab", {"state": row.state, "reason": row.reason})


def booted(db: sa.Connection, key: int, boot_id: str) -> None:
    """Note in which boot of the host the machines were started."""
    db.execute(table.update().where(table.c.id == key).values(boot_id=boot_id))


def replan(db: sa.Connection, key: int, plan: Plan) -> None:
    """Keep another plan (with what came out of the pools). It must hold no secret."""
    db.execute(table.update().where(table.c.id == key).values(**_of_plan(plan)))


def depart(db: sa.Connection, key: int, leaving: tuple[Leaving, ...]) -> None:
    """Keep which machines are on their way out."""
    db.execute(table.update().where(table.c.id == key).values(leaving=LEAVING.dump_python(leaving, mode="json")))


def hold(db: sa.Connection, key: int, amounts: Amounts) -> None:
    """Keep what it holds of the capacity."""
    db.execute(table.update().where(table.c.id == key).values(**asdict(amounts)))


def made_from(db: sa.Connection, key: int, digest: str) -> None:
    """Keep which blueprint it is made from now."""
    db.execute(table.update().where(table.c.id == key).values(digest=digest))


def _rows(db: sa.Connection, query: sa.Select[Any]) -> list[SandboxRow]:
    """The rows of a query of `LIGHT`, with their plans: out of memory where they were read before."""
    found = list(db.execute(query).mappings())
    plans = _plans(db, {row["plan_key"]: row["id"] for row in found})
    return [_row(row, plans[row["plan_key"]]) for row in found]


def _plans(db: sa.Connection, ids: Mapping[str, int]) -> dict[str, Plan]:
    """Plans by key, of the rows with these ids."""
    plans = PLANS.take(ids)
    unread = [key for name, key in ids.items() if name not in plans]
    for at in range(0, len(unread), CHUNK):
        wanted = sa.select(table.c.plan_key, table.c.plan).where(table.c.id.in_(unread[at : at + CHUNK]))
        plans |= PLANS.keep({key: PLAN.validate_python(kept) for key, kept in db.execute(wanted)})
    return plans


def _row(row: sa.RowMapping, plan: Plan) -> SandboxRow:
    fields = {name: value for name, value in row.items() if name not in {"begins", "ends", "plan_key", *HELD}}
    fields |= {"state": SandboxState(row["state"]), "plan": plan, "leaving": LEAVING.validate_python(row["leaving"])}
    return SandboxRow(**fields, span=_span(row), amounts=_amounts(row))


def _of_plan(plan: Plan) -> dict[str, Any]:
    """The columns that follow from a plan."""
    return {
        "plan": PLAN.dump_python(plan, mode="json"),
        "plan_key": uuid.uuid4().hex,
        "outline": {
            "provider": plan.provider,
            "routers": len(plan.blueprint.routers),
            "hosts": len(plan.blueprint.hosts),
            "memory": plan.memory,
        },
    }


def _span(row: sa.RowMapping) -> Span:
    return Span(begins=row["begins"], ends=ALWAYS if row["ends"] is None else row["ends"])


def _of_span(span: Span) -> dict[str, float | None]:
    return {"begins": span.begins, "ends": None if span.ends == ALWAYS else span.ends}


def _amounts(row: sa.RowMapping) -> Amounts:
    return Amounts(**{name: row[name] for name in HELD})
