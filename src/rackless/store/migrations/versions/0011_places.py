"""Several places: what a lab holds of each, and pools that are called by them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("sandboxes") as table:
        table.add_column(sa.Column("others", sa.JSON(), nullable=False, server_default="{}"))
    with op.batch_alter_table("wires") as table:
        table.add_column(sa.Column("number", sa.Integer(), nullable=True))
    with op.batch_alter_table("pools") as table:
        table.alter_column("pool", existing_type=sa.String(length=16), type_=sa.String(length=48))


def downgrade() -> None:
    with op.batch_alter_table("pools") as table:
        table.alter_column("pool", existing_type=sa.String(length=48), type_=sa.String(length=16))
    with op.batch_alter_table("wires") as table:
        table.drop_column("number")
    with op.batch_alter_table("sandboxes") as table:
        table.drop_column("others")
