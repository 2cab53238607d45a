"""Resources, events and deliveries."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision: str | None = "0002"


def upgrade() -> None:
    """Make the three tables."""
    op.create_table(
        "resources",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("customer_id", sa.String(36), nullable=False),
        sa.Column("reference_id", sa.String(36), nullable=False),
        sa.Column("tm_create", sa.String(27), nullable=False),
        sa.Column("tm_delete", sa.String(27), nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_resources"),
    )
    op.create_index("ix_resources_list", "resources", ["kind", "tm_delete", "tm_create"])
    op.create_index("ix_resources_part", "resources", ["reference_id", "kind", "tm_create"])
    op.create_table(
        "events",
        sa.Column("id", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("type", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("resource_id", sa.String(36), nullable=False),
        sa.Column("customer_id", sa.String(36), nullable=False),
        sa.Column("activeflow_id", sa.String(36), nullable=False),
        sa.Column("owner_id", sa.String(36), nullable=False),
        sa.Column("webhook", sa.Boolean, nullable=False),
        sa.Column("data", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_events"),
    )
    op.create_index("ix_events_resource", "events", ["resource_id", "id"])
    op.create_index("ix_events_run", "events", ["activeflow_id", "id"])
    op.create_table(
        "deliveries",
        sa.Column("event_id", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("target", sa.String(36), nullable=False),
        sa.Column("method", sa.String(8), nullable=False),
        sa.Column("uri", sa.Text, nullable=False),
        sa.Column("order_key", sa.String(36), nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("next_try", sa.Float, nullable=False),
        sa.Column("dead", sa.Boolean, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("event_id", "target", name="pk_deliveries"),
    )


def downgrade() -> None:
    """Drop them."""
    for table in ("deliveries", "events", "resources"):
        op.drop_table(table)
