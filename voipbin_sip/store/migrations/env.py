"""Run by Alembic, with the connection that `store.migrate` hands over."""

from __future__ import annotations

from alembic import context

from voipbin_sip.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite cannot alter most of a table
)
with context.begin_transaction():
    context.run_migrations()
