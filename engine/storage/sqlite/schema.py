"""Brings a SQLite database to the newest schema."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from engine.errors import StorageCorrupt
from engine.model.instant import to_microseconds
from engine.storage.migrate import Migration, pending
from engine.storage.sqlite.connection import scalar

APPLICATION_ID = 1163150641
"""As in migration 1."""

_MAKE_TABLE = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    number INTEGER PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL, applied_at INTEGER NOT NULL
) STRICT
"""


def migrate(connection: sqlite3.Connection, path: Path, migrations: Sequence[Migration], now: datetime) -> None:
    """Apply what is missing, each in its own transaction; raise StorageCorrupt for what is not the engine's.

    A database that is in use is copied to `<database>.before-NNNN` first.
    """
    applied = _applied(connection, path)
    missing = pending(migrations, applied)
    if missing and applied:
        _back_up(connection, path.with_name(f"{path.name}.before-{missing[0].number:04}"))
    for migration in missing:
        _apply(connection, migration, now)


def _applied(connection: sqlite3.Connection, path: Path) -> dict[int, str]:
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    if not tables:
        return {}
    if scalar(connection, "PRAGMA application_id") != APPLICATION_ID or "schema_migrations" not in tables:
        raise StorageCorrupt(f"{path} is a database of another program; it is left alone.")
    return dict(connection.execute("SELECT number, checksum FROM schema_migrations").fetchall())


def _apply(connection: sqlite3.Connection, migration: Migration, now: datetime) -> None:
    try:
        # executescript would commit a transaction that is open, so the script opens its own.
        connection.executescript(f"BEGIN IMMEDIATE;\n{_MAKE_TABLE};\n{migration.sql}")
        connection.execute(
            "INSERT INTO schema_migrations VALUES (?, ?, ?, ?)",
            (migration.number, migration.name, migration.checksum, to_microseconds(now)),
        )
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _back_up(connection: sqlite3.Connection, copy: Path) -> None:
    copy.unlink(missing_ok=True)  # of an attempt that failed: VACUUM INTO wants a new file
    copy.touch(mode=0o600)
    connection.execute("VACUUM INTO ?", (str(copy),))
