"""VLANs as CloudShell asks for them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "vlan_ports",
        sa.Column("sandbox_id", sa.Integer(), nullable=False),
        sa.Column("machine", sa.String(length=64), nullable=False),
        sa.Column("nic", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("vlan", sa.String(length=32), nullable=False),
        sa.Column("mode", sa.String(length=8), nullable=False),
        sa.Column("connection", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["sandbox_id"], ["sandboxes.id"], name=op.f("fk_vlan_ports_sandbox_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("sandbox_id", "machine", "nic", name=op.f("pk_vlan_ports")),
    )


def downgrade() -> None:
    op.drop_table("vlan_ports")
