"""Ports: the NICs of a sandbox's machines that carry traffic, with the MAC planned and the MAC that was seen."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from rackless.model.family import NicRole
from rackless.model.plan import MachineSpec
from rackless.store.schema import metadata, owner_key

table = sa.Table(
    "ports",
    metadata,
    owner_key(),
    sa.Column("machine", sa.String(64), primary_key=True),
    sa.Column("nic", sa.Integer, primary_key=True),
    sa.Column("owner", sa.String(32), nullable=False),
    sa.Column("label", sa.String(32), nullable=False),
    sa.Column("planned_mac", sa.String(17), nullable=False),
    sa.Column("mac", sa.String(17)),
    sa.UniqueConstraint("sandbox_id", "owner", "label"),
)


@dataclass(frozen=True, kw_only=True)
class PortRow:
    """`mac` is what the device itself reported, None until it did: a port with a MAC is ready."""

    sandbox_id: int
    machine: str
    nic: int
    owner: str
    label: str
    planned_mac: str
    mac: str | None


def add(db: sa.Connection, key: int, spec: MachineSpec) -> None:
    """A row for each traffic NIC of the machine."""
    for nic in spec.nics:
        if nic.role is NicRole.TRAFFIC:
            db.execute(
                table.insert().values(
                    sandbox_id=key, machine=spec.name, nic=nic.index, owner=spec.owner, label=nic.label, planned_mac=nic.mac
                )
            )


def drop(db: sa.Connection, key: int, machine: str) -> None:
    """Forget the ports of a machine."""
    db.execute(table.delete().where(table.c.sandbox_id == key, table.c.machine == machine))


def of(db: sa.Connection, key: int) -> list[PortRow]:
    rows = db.execute(table.select().where(table.c.sandbox_id == key).order_by(table.c.owner, table.c.machine, table.c.nic))
    return [PortRow(**dict(row)) for row in rows.mappings()]


def seen(db: sa.Connection, key: int, owner: str, macs: dict[str, str]) -> None:
    """Note the MAC of each port (by label) that the device reported; a port that it did not report has none."""
    for row in of(db, key):
        if row.owner == owner:
            where = (table.c.sandbox_id == key, table.c.machine == row.machine, table.c.nic == row.nic)
            db.execute(table.update().where(*where).values(mac=macs.get(row.label)))
