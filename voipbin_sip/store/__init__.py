"""What outlives the process: SQLAlchemy tables, their migrations, and a writer that nobody waits for."""
