"""Where the page draws a lab's routers and hosts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "layouts",
        sa.Column("sandbox_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("x", sa.Float(), nullable=False),
        sa.Column("y", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["sandbox_id"], ["sandboxes.id"], name=op.f("fk_layouts_sandbox_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("sandbox_id", "name", name=op.f("pk_layouts")),
    )


def downgrade() -> None:
    op.drop_table("layouts")
