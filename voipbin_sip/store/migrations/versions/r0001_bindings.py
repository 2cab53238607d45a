"""Registered phones."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision: str | None = None


def upgrade() -> None:
    """Make the table of bindings."""
    op.create_table(
        "bindings",
        sa.Column("extension", sa.String(64), nullable=False),
        sa.Column("uri", sa.String(512), nullable=False),
        sa.Column("expires_at", sa.Float, nullable=False),
        sa.Column("updated_at", sa.Float, nullable=False),
        sa.Column("call_id", sa.Text, nullable=False),
        sa.Column("cseq", sa.Integer, nullable=False),
        sa.Column("transport", sa.String(8), nullable=False),
        sa.Column("local_host", sa.String(64), nullable=False),
        sa.Column("local_port", sa.Integer, nullable=False),
        sa.Column("remote_host", sa.String(64), nullable=False),
        sa.Column("remote_port", sa.Integer, nullable=False),
        sa.Column("source_host", sa.String(64), nullable=False),
        sa.Column("source_port", sa.Integer, nullable=False),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("q", sa.Float, nullable=False),
        sa.Column("user_agent", sa.String(128), nullable=False),
        sa.Column("instance", sa.String(128), nullable=False),
        sa.Column("reg_id", sa.String(10), nullable=False),
        sa.PrimaryKeyConstraint("extension", "uri", name="pk_bindings"),
    )
    op.create_index("ix_bindings_expires_at", "bindings", ["expires_at"])


def downgrade() -> None:
    """Drop it: phones register again by themselves."""
    op.drop_table("bindings")
