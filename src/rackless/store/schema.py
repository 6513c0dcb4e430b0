"""What all tables share. Times are seconds since the epoch (float), documents are JSON; both run on SQLite and PostgreSQL."""

from __future__ import annotations

import sqlalchemy as sa

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def owner() -> sa.Column[int]:
    """The sandbox that a row belongs to and goes with."""
    return sa.Column("sandbox_id", sa.ForeignKey("sandboxes.id", ondelete="CASCADE"), nullable=False)


def owner_key() -> sa.Column[int]:
    """The same as the first part of the row's key."""
    return sa.Column("sandbox_id", sa.ForeignKey("sandboxes.id", ondelete="CASCADE"), primary_key=True)
