"""Alembic's environment: `env.py` and one file for each step of the schema in `versions`."""
