"""The first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Written once, never edited: a later change of a table is a later migration."""
    op.create_table(
        "sandboxes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("plan", sa.JSON(), nullable=False),
        sa.Column("created", sa.Float(), nullable=False),
        sa.Column("since", sa.Float(), nullable=False),
        sa.Column("boot_id", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sandboxes")),
    )
    op.create_index(
        "ix_sandboxes_live_name",
        "sandboxes",
        ["name"],
        unique=True,
        sqlite_where=sa.text("state != 'ended'"),
        postgresql_where=sa.text("state != 'ended'"),
    )
    op.create_table(
        "inventory",
        sa.Column("sandbox_id", sa.Integer(), nullable=False),
        sa.Column("router", sa.String(length=32), nullable=False),
        sa.Column("document", sa.JSON(), nullable=False),
        sa.Column("taken", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["sandbox_id"], ["sandboxes.id"], name=op.f("fk_inventory_sandbox_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("sandbox_id", "router", name=op.f("pk_inventory")),
    )
    op.create_table(
        "jobs",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("sandbox_id", sa.Integer(), nullable=False),
        sa.Column("verb", sa.String(length=16), nullable=False),
        sa.Column("arguments", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("error", sa.JSON(), nullable=True),
        sa.Column("result", sa.JSON(), nullable=True),
        sa.Column("started", sa.Float(), nullable=False),
        sa.Column("ended", sa.Float(), nullable=True),
        sa.Column("cancelled", sa.Boolean(), nullable=False),
        sa.Column("resumed", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["sandbox_id"], ["sandboxes.id"], name=op.f("fk_jobs_sandbox_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_jobs")),
    )
    op.create_table(
        "machines",
        sa.Column("sandbox_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("owner", sa.String(length=32), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("slot", sa.Integer(), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("since", sa.Float(), nullable=False),
        sa.Column("configured", sa.Boolean(), nullable=False),
        sa.Column("host_keys", sa.JSON(), nullable=False),
        sa.Column("transcript", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["sandbox_id"], ["sandboxes.id"], name=op.f("fk_machines_sandbox_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("sandbox_id", "name", name=op.f("pk_machines")),
    )
    op.create_table(
        "pools",
        sa.Column("pool", sa.String(length=16), nullable=False),
        sa.Column("value", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("sandbox_id", sa.Integer(), nullable=False),
        sa.Column("holder", sa.String(length=96), nullable=False),
        sa.ForeignKeyConstraint(["sandbox_id"], ["sandboxes.id"], name=op.f("fk_pools_sandbox_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("pool", "value", name=op.f("pk_pools")),
        sa.UniqueConstraint("sandbox_id", "pool", "holder", name=op.f("uq_pools_sandbox_id_pool_holder")),
    )
    op.create_table(
        "ports",
        sa.Column("sandbox_id", sa.Integer(), nullable=False),
        sa.Column("machine", sa.String(length=64), nullable=False),
        sa.Column("nic", sa.Integer(), nullable=False),
        sa.Column("owner", sa.String(length=32), nullable=False),
        sa.Column("label", sa.String(length=32), nullable=False),
        sa.Column("planned_mac", sa.String(length=17), nullable=False),
        sa.Column("mac", sa.String(length=17), nullable=True),
        sa.ForeignKeyConstraint(["sandbox_id"], ["sandboxes.id"], name=op.f("fk_ports_sandbox_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("sandbox_id", "machine", "nic", name=op.f("pk_ports")),
        sa.UniqueConstraint("sandbox_id", "owner", "label", name=op.f("uq_ports_sandbox_id_owner_label")),
    )
    op.create_table(
        "secrets",
        sa.Column("sandbox_id", sa.Integer(), nullable=False),
        sa.Column("holder", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["sandbox_id"], ["sandboxes.id"], name=op.f("fk_secrets_sandbox_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("sandbox_id", "holder", "kind", name=op.f("pk_secrets")),
    )
    op.create_table(
        "wires",
        sa.Column("sandbox_id", sa.Integer(), nullable=False),
        sa.Column("segment", sa.String(length=64), nullable=False),
        sa.Column("end_a", sa.String(length=64), nullable=False),
        sa.Column("end_b", sa.String(length=64), nullable=False),
        sa.Column("machine_a", sa.String(length=64), nullable=False),
        sa.Column("nic_a", sa.Integer(), nullable=False),
        sa.Column("machine_b", sa.String(length=64), nullable=False),
        sa.Column("nic_b", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("since", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["sandbox_id"], ["sandboxes.id"], name=op.f("fk_wires_sandbox_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("sandbox_id", "segment", name=op.f("pk_wires")),
    )
    op.create_table(
        "job_events",
        sa.Column("job", sa.String(length=64), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("time", sa.Float(), nullable=False),
        sa.Column("step", sa.String(length=128), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["job"], ["jobs.id"], name=op.f("fk_job_events_job"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("job", "number", name=op.f("pk_job_events")),
    )


def downgrade() -> None:
    for name in ("secrets", "pools", "inventory", "wires", "ports", "machines", "job_events", "jobs", "sandboxes"):
        op.drop_table(name)
