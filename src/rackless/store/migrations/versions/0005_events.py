"""The API: what a list of labs shows without their plans, events that can be taken up again, answers kept by idempotency key."""

from __future__ import annotations

import json
import uuid

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("sandboxes") as table:
        table.add_column(sa.Column("outline", sa.JSON(), nullable=False, server_default="{}"))
        table.add_column(sa.Column("plan_key", sa.String(length=32), nullable=False, server_default=""))
    _outline()
    op.create_index("ix_jobs_sandbox_id_started", "jobs", ["sandbox_id", "started"])
    op.create_index("ix_jobs_state", "jobs", ["state"])
    op.create_index("ix_sandboxes_name", "sandboxes", ["name"])
    op.create_table(
        "events",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("time", sa.Float(), nullable=False),
        sa.Column("lab", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("audience", sa.JSON(), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "answers",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("server", sa.String(length=64), nullable=False),
        sa.Column("since", sa.Float(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("media", sa.String(length=64), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_answers")),
    )
    op.create_index("ix_answers_since", "answers", ["since"])


def _outline() -> None:
    """What lists show of the labs that are there, out of their plans."""
    old = sa.table("sandboxes", *(sa.column(name) for name in ("id", "plan", "plan_key")), sa.column("outline", sa.JSON()))
    db = op.get_bind()
    for key, kept in db.execute(sa.select(old.c.id, old.c.plan)).all():
        plan = json.loads(kept) if isinstance(kept, str) else kept
        outline = {
            "provider": plan["provider"],
            "routers": len(plan["blueprint"]["routers"]),
            "hosts": len(plan["blueprint"]["hosts"]),
            "memory": sum(machine["memory"] for machine in plan["machines"]),
        }
        db.execute(old.update().where(old.c.id == key).values(outline=outline, plan_key=uuid.uuid4().hex))


def downgrade() -> None:
    op.drop_table("answers")
    op.drop_table("events")
    op.drop_index("ix_sandboxes_name", "sandboxes")
    op.drop_index("ix_jobs_state", "jobs")
    op.drop_index("ix_jobs_sandbox_id_started", "jobs")
    with op.batch_alter_table("sandboxes") as table:
        table.drop_column("plan_key")
        table.drop_column("outline")
