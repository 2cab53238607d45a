"""What was telephoned outside, so that a day's limits survive a restart."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision: str | None = "0001"


def upgrade() -> None:
    """Make the table of usage."""
    op.create_table(
        "outbound_usage",
        sa.Column("day", sa.String(10), nullable=False),
        sa.Column("account", sa.String(128), nullable=False),
        sa.Column("seconds", sa.Float, nullable=False),
        sa.PrimaryKeyConstraint("day", "account", name="pk_outbound_usage"),
    )


def downgrade() -> None:
    """Drop it: the day begins anew."""
    op.drop_table("outbound_usage")
