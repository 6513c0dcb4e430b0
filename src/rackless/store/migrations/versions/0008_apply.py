"""Labs that change: what is on its way out, who drew a wire, and the blueprint as it was written."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("sandboxes") as table:
        table.add_column(sa.Column("leaving", sa.JSON(), nullable=False, server_default="[]"))
    with op.batch_alter_table("wires") as table:
        table.add_column(sa.Column("drawn", sa.Boolean(), nullable=False, server_default=sa.false()))
    _drawn()
    op.create_table(
        "blueprints",
        sa.Column("sandbox_id", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("file", sa.String(length=255), nullable=False),
        sa.Column("files", sa.JSON(), nullable=False),
        sa.Column("since", sa.Float(), nullable=False),
        sa.Column("who", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["sandbox_id"], ["sandboxes.id"], name=op.f("fk_blueprints_sandbox_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("sandbox_id", name=op.f("pk_blueprints")),
    )


def _drawn() -> None:
    """A wire that its lab's plan has not was drawn live."""
    db = op.get_bind()
    plans = sa.table("sandboxes", sa.column("id"), sa.column("plan", sa.JSON()))
    wires = sa.table("wires", sa.column("sandbox_id"), sa.column("segment"), sa.column("drawn", sa.Boolean()))
    planned = {
        key: {wire["segment"] for wire in plan["wires"]} for key, plan in db.execute(sa.select(plans.c.id, plans.c.plan)).all()
    }
    for key, segment in db.execute(sa.select(wires.c.sandbox_id, wires.c.segment)).all():
        if segment not in planned[key]:
            db.execute(wires.update().where(wires.c.sandbox_id == key, wires.c.segment == segment).values(drawn=True))


def downgrade() -> None:
    op.drop_table("blueprints")
    with op.batch_alter_table("wires") as table:
        table.drop_column("drawn")
    with op.batch_alter_table("sandboxes") as table:
        table.drop_column("leaving")
