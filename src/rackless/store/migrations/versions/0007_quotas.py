"""Groups and quotas; what labs count for them; users of an OpenID provider."""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

COUNTED = ("labs", "routers", "machines")


def upgrade() -> None:
    with op.batch_alter_table("sandboxes") as table:
        for name in COUNTED:
            table.add_column(sa.Column(name, sa.Float(), nullable=False, server_default="0"))
    _count()
    op.create_table(
        "groups",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("created", sa.Float(), nullable=False),
        sa.Column("quota", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_groups")),
    )
    op.create_table(
        "members",
        sa.Column("group", sa.String(length=64), nullable=False),
        sa.Column("user", sa.String(length=64), nullable=False),
        sa.Column("provider", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(["group"], ["groups.name"], name=op.f("fk_members_group"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user"], ["users.name"], name=op.f("fk_members_user"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("group", "user", name=op.f("pk_members")),
    )
    op.create_table(
        "user_quotas",
        sa.Column("user", sa.String(length=64), nullable=False),
        sa.Column("quota", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["user"], ["users.name"], name=op.f("fk_user_quotas_user"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user", name=op.f("pk_user_quotas")),
    )


def _count() -> None:
    """What labs that are there count."""
    old = sa.table("sandboxes", *(sa.column(name) for name in ("id", "state", "plan", *COUNTED)))
    db = op.get_bind()
    for key, plan in db.execute(sa.select(old.c.id, old.c.plan).where(old.c.state != "ended")).all():
        kept = json.loads(plan) if isinstance(plan, str) else plan
        counts = {"labs": 1, "routers": len(kept["blueprint"]["routers"]), "machines": len(kept["machines"])}
        db.execute(old.update().where(old.c.id == key).values(**counts))


def downgrade() -> None:
    for name in ("user_quotas", "members", "groups"):
        op.drop_table(name)
    with op.batch_alter_table("sandboxes") as table:
        for name in COUNTED:
            table.drop_column(name)
