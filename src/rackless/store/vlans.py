"""VLANs as CloudShell asks for them: which NIC is in which. Two NICs of one VLAN are the ends of a wire."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from rackless.store.schema import metadata, owner_key

table = sa.Table(
    "vlan_ports",
    metadata,
    owner_key(),
    sa.Column("machine", sa.String(64), primary_key=True),
    sa.Column("nic", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("vlan", sa.String(32), nullable=False),
    sa.Column("mode", sa.String(8), nullable=False),
    sa.Column("connection", sa.String(64), nullable=False),
)


@dataclass(frozen=True, kw_only=True)
class Member:
    """`vlan`: 450, or a range of a trunk (120-130). `connection`: CloudShell's id of the connector."""

    machine: str
    nic: int
    vlan: str
    mode: str
    connection: str


def join(db: sa.Connection, key: int, member: Member) -> None:
    """A NIC is in one VLAN at a time: it leaves the one that it was in."""
    leave(db, key, member.machine, member.nic)
    db.execute(table.insert().values(sandbox_id=key, **vars(member)))


def leave(db: sa.Connection, key: int, machine: str, nic: int) -> None:
    db.execute(table.delete().where(table.c.sandbox_id == key, table.c.machine == machine, table.c.nic == nic))


def drop(db: sa.Connection, key: int, machine: str) -> None:
    """A machine is no more."""
    db.execute(table.delete().where(table.c.sandbox_id == key, table.c.machine == machine))


def of(db: sa.Connection, key: int) -> list[Member]:
    """Of a sandbox, by machine and NIC."""
    columns = [column for column in table.c if column.name != "sandbox_id"]
    rows = db.execute(sa.select(*columns).where(table.c.sandbox_id == key).order_by(table.c.machine, table.c.nic)).mappings()
    return [Member(**row) for row in rows]
