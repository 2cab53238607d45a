"""The tables of the database. What changes here needs a migration beside it (`store/migrations/versions`)."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Float, Index, Integer, MetaData, String, Table, Text

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

# Every resource of the platform (resources.base.Resource): what it is found by, and itself as JSON.
resources = Table(
    "resources",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("kind", String(32), nullable=False),
    Column("customer_id", String(36), nullable=False),
    Column("reference_id", String(36), nullable=False),  # what it is a part of; the zero UUID: of nothing
    Column("tm_create", String(27), nullable=False),  # RFC 3339 with microseconds: sorts as time does
    Column("tm_delete", String(27), nullable=False),  # empty: not deleted
    Column("body", Text, nullable=False),
    Index("ix_resources_list", "kind", "tm_delete", "tm_create"),
    Index("ix_resources_part", "reference_id", "kind", "tm_create"),
)

# What happened to them (events.event.Event).
events = Table(
    "events",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("type", String(64), nullable=False),
    Column("kind", String(32), nullable=False),
    Column("resource_id", String(36), nullable=False),
    Column("customer_id", String(36), nullable=False),
    Column("activeflow_id", String(36), nullable=False),
    Column("owner_id", String(36), nullable=False),
    Column("webhook", Boolean, nullable=False),
    Column("data", Text, nullable=False),  # JSON
    Index("ix_events_resource", "resource_id", "id"),
    Index("ix_events_run", "activeflow_id", "id"),
)

# What webhooks have not taken yet: written with its event, removed when it was delivered.
deliveries = Table(
    "deliveries",
    metadata,
    Column("event_id", BigInteger, primary_key=True, autoincrement=False),
    Column("target", String(36), primary_key=True),  # the customer or the activeflow whose webhook it is
    Column("method", String(8), nullable=False),
    Column("uri", Text, nullable=False),
    Column("order_key", String(36), nullable=False),  # deliveries of one key go out one after the other
    Column("tries", Integer, nullable=False),
    Column("next_try", Float, nullable=False),  # seconds since 1970
    Column("dead", Boolean, nullable=False),  # given up: kept for people to see
    Column("why", Text, nullable=False),  # of the last failure
    Column("body", Text, nullable=False),  # as it is sent
)
