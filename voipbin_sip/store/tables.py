"""The tables of the database. What changes here needs a migration beside it (`store/migrations/versions`)."""

from __future__ import annotations

from sqlalchemy import Column, Float, Integer, MetaData, String, Table, Text

metadata = MetaData(
    naming_convention={  # so that migrations can name constraints, on every database alike
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# Phones by extension: the fields of registrar.contact.Contact. Times are seconds since 1970.
bindings = Table(
    "bindings",
    metadata,
    Column("extension", String(64), primary_key=True),
    Column("uri", String(512), primary_key=True),
    Column("expires_at", Float, nullable=False, index=True),
    Column("updated_at", Float, nullable=False),
    Column("call_id", Text, nullable=False),
    Column("cseq", Integer, nullable=False),
    Column("transport", String(8), nullable=False),
    Column("local_host", String(64), nullable=False),
    Column("local_port", Integer, nullable=False),
    Column("remote_host", String(64), nullable=False),
    Column("remote_port", Integer, nullable=False),
    Column("source_host", String(64), nullable=False),
    Column("source_port", Integer, nullable=False),
    Column("path", Text, nullable=False),  # JSON list
    Column("q", Float, nullable=False),
    Column("user_agent", String(128), nullable=False),
    Column("instance", String(128), nullable=False),
    Column("reg_id", String(10), nullable=False),
)

# Seconds of answered calls that left the server, by day (as the machine counts days) and account of the toll guard.
outbound_usage = Table(
    "outbound_usage",
    metadata,
    Column("day", String(10), primary_key=True),  # 2026-11-22
    Column("account", String(128), primary_key=True),
    Column("seconds", Float, nullable=False),
)
