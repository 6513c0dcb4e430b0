"""A service for teams: sandboxes in time and their history, several servers."""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


RESOURCES = ("memory", "processors", "disk", "consoles", "forwards")


def upgrade() -> None:
    with op.batch_alter_table("sandboxes") as table:
        table.add_column(sa.Column("owner", sa.String(length=64), nullable=False, server_default="local"))
        table.add_column(sa.Column("begins", sa.Float(), nullable=False, server_default="0"))
        table.add_column(sa.Column("ends", sa.Float(), nullable=True))
        table.add_column(sa.Column("saves", sa.Boolean(), nullable=False, server_default=sa.false()))
        table.add_column(sa.Column("warned", sa.Boolean(), nullable=False, server_default=sa.false()))
        for name in RESOURCES:
            table.add_column(sa.Column(name, sa.Float(), nullable=False, server_default="0"))
    _count()
    op.create_table(
        "history",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("sandbox_id", sa.Integer(), nullable=False),
        sa.Column("time", sa.Float(), nullable=False),
        sa.Column("who", sa.String(length=64), nullable=False),
        sa.Column("what", sa.String(length=32), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("told", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["sandbox_id"], ["sandboxes.id"], name=op.f("fk_history_sandbox_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_history")),
    )
    op.create_index("ix_history_sandbox_id", "history", ["sandbox_id"])
    op.create_index("ix_history_told", "history", ["told"])
    with op.batch_alter_table("jobs") as table:
        table.add_column(sa.Column("server", sa.String(length=64), nullable=False, server_default=""))
    op.create_table(
        "servers",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("host", sa.String(length=255), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("started", sa.Float(), nullable=False),
        sa.Column("seen", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_servers")),
    )

    op.create_table(
        "users",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("password", sa.Text(), nullable=True),
        sa.Column("disabled", sa.Boolean(), nullable=False),
        sa.Column("created", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_users")),
    )
    op.create_table(
        "tokens",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user", sa.String(length=64), nullable=False),
        sa.Column("label", sa.String(length=64), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("created", sa.Float(), nullable=False),
        sa.Column("expires", sa.Float(), nullable=True),
        sa.Column("used", sa.Float(), nullable=True),
        sa.ForeignKeyConstraint(["user"], ["users.name"], name=op.f("fk_tokens_user"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tokens")),
        sa.UniqueConstraint("digest", name=op.f("uq_tokens_digest")),
        sa.UniqueConstraint("user", "label", name=op.f("uq_tokens_user_label")),
    )
    op.create_table(
        "shares",
        sa.Column("sandbox_id", sa.Integer(), nullable=False),
        sa.Column("user", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["sandbox_id"], ["sandboxes.id"], name=op.f("fk_shares_sandbox_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user"], ["users.name"], name=op.f("fk_shares_user"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("sandbox_id", "user", name=op.f("pk_shares")),
    )
    op.create_table(
        "access_log",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("time", sa.Float(), nullable=False),
        sa.Column("who", sa.String(length=64), nullable=False),
        sa.Column("via", sa.String(length=16), nullable=False),
        sa.Column("action", sa.String(length=32), nullable=False),
        sa.Column("path", sa.String(length=255), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_access_log")),
    )


def _count() -> None:
    """Labs that are there hold memory and processors from when they were made, without an end."""
    old = sa.table(
        "sandboxes", *(sa.column(name) for name in ("id", "state", "created", "plan", "begins", "memory", "processors"))
    )
    db = op.get_bind()
    for key, created, plan in db.execute(sa.select(old.c.id, old.c.created, old.c.plan).where(old.c.state != "ended")).all():
        machines = (json.loads(plan) if isinstance(plan, str) else plan)["machines"]
        amounts = {"memory": sum(m["memory"] for m in machines), "processors": sum(m["vcpus"] for m in machines)}
        db.execute(old.update().where(old.c.id == key).values(begins=created, **amounts))


def downgrade() -> None:
    for name in ("access_log", "shares", "tokens", "users", "history"):
        op.drop_table(name)
    with op.batch_alter_table("sandboxes") as table:
        for name in ("owner", "begins", "ends", "saves", "warned", *RESOURCES):
            table.drop_column(name)
    op.drop_table("servers")
    with op.batch_alter_table("jobs") as table:
        table.drop_column("server")
