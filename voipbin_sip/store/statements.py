"""How rows are written: for each table one statement that puts them and one that removes them, made once.

SQLAlchemy makes them for the database that is used. Rows are given to its driver as they are then: going through
SQLAlchemy with each row would cost more than the database does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from sqlalchemy import Dialect, Table, UpdateBase, bindparam
from sqlalchemy.sql.compiler import SQLCompiler

from voipbin_sip.store.backend import Backend
from voipbin_sip.store.write_behind import Row, Value


@dataclass(frozen=True, slots=True, eq=False)
class Statement:
    """A statement in the words of the database, and the columns whose values it takes, in its order."""

    text: str
    columns: Sequence[str]

    def values(self, row: Row) -> tuple[Value, ...]:
        """Return what it takes of a row."""
        return tuple([row[name] for name in self.columns])


class Statements:
    """The statements of all tables."""

    def __init__(self, backend: Backend, dialect: Dialect) -> None:
        self._backend = backend
        self._dialect = dialect
        self._puts: dict[Table, Statement] = {}
        self._removals: dict[Table, Statement] = {}

    def put(self, table: Table) -> Statement:
        """Return what inserts a row, or replaces the one with its primary key."""
        if table not in self._puts:
            self._puts[table] = self._compiled(self._backend.upsert(table))
        return self._puts[table]

    def remove(self, table: Table) -> Statement:
        """Return what deletes the row with a primary key."""
        if table not in self._removals:
            where = [column == bindparam(column.name) for column in table.primary_key]
            self._removals[table] = self._compiled(table.delete().where(*where))
        return self._removals[table]

    def _compiled(self, statement: UpdateBase) -> Statement:
        compiled = statement.compile(dialect=self._dialect)
        assert isinstance(compiled, SQLCompiler) and compiled.positiontup is not None
        return Statement(str(compiled), tuple(compiled.positiontup))


@cache
def key_columns(table: Table) -> tuple[str, ...]:
    """Return the names of a table's primary key."""
    return tuple(column.name for column in table.primary_key)
