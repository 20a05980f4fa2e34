"""Connections as the engine wants them, and the one way to run something on one."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

import aiosqlite

from engine.errors import StorageError
from engine.storage.sqlite.failures import storage_error

P = ParamSpec("P")
Result = TypeVar("Result")

SQLITE_VERSION_MIN = (3, 38, 0)
"""STRICT tables came with 3.37, JSON that is always built in with 3.38."""

BUSY_TIMEOUT_MS = 5_000
"""How long to wait for another program, e.g. a backup with the sqlite3 shell; the engine never waits for itself."""

_STATEMENTS_CACHED = 512

_PRAGMAS = (
    f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}",
    "PRAGMA foreign_keys = ON",
    "PRAGMA trusted_schema = OFF",
    "PRAGMA temp_store = MEMORY",
)
_WRITER_PRAGMAS = (
    "PRAGMA auto_vacuum = INCREMENTAL",  # without effect once there is a table
    "PRAGMA synchronous = FULL",
    "PRAGMA cache_size = -32768",  # KiB
    # Every checkpoint holds the writer up by a sync or two of the database file. 8 MiB of log makes them rare.
    "PRAGMA wal_autocheckpoint = 2048",
    "PRAGMA journal_size_limit = 67108864",
)
_READER_PRAGMAS = (
    "PRAGMA query_only = ON",
    "PRAGMA cache_size = -8192",
    # Two connections that checkpoint at once can corrupt the log (SQLite 3.7.0 to 3.51.2): only the writer does.
    "PRAGMA wal_autocheckpoint = 0",
)


def require_version() -> None:
    """Raise StorageError when Python's SQLite is too old for the schema."""
    if sqlite3.sqlite_version_info < SQLITE_VERSION_MIN:
        needed = ".".join(map(str, SQLITE_VERSION_MIN))
        raise StorageError(f"SQLite {sqlite3.sqlite_version} is too old: {needed} or newer is needed.")


async def open_writer(path: Path) -> aiosqlite.Connection:
    """The connection that writes and checkpoints. `path` exists and is absolute."""
    return await _open(path, _configure_writer)


async def open_reader(path: Path) -> aiosqlite.Connection:
    """A connection that cannot write. The writer was open before, so the log exists."""
    return await _open(path, _configure_reader)


async def run(
    connection: aiosqlite.Connection,
    path: Path,
    function: Callable[Concatenate[sqlite3.Connection, P], Result],
    *args: P.args,
    **kwargs: P.kwargs,
) -> Result:
    """Run `function` in the connection's thread, in one hop, and raise what goes wrong as the port says.

    aiosqlite's own methods make one hop (120 us and more under load) for every statement. Its queue takes whole
    functions too, under a private name; this is the only place that uses it.
    """
    try:
        raw = connection._conn  # noqa: SLF001
        return cast("Result", await connection._execute(function, raw, *args, **kwargs))  # type: ignore[no-untyped-call]  # noqa: SLF001
    except Exception as error:
        failure = storage_error(error, path)
        if failure is error:
            raise
        raise failure from error


async def _open(path: Path, configure: Callable[[sqlite3.Connection], None]) -> aiosqlite.Connection:
    # mode=rw: SQLite must not make the file; whether it may be made is decided in `database_file.py`.
    connection = aiosqlite.connect(
        f"{path.as_uri()}?mode=rw", uri=True, isolation_level=None, cached_statements=_STATEMENTS_CACHED
    )
    try:
        await connection
    except Exception as error:
        raise storage_error(error, path) from error
    try:
        await run(connection, path, configure)
    except BaseException:
        await connection.close()
        raise
    return connection


def _configure_writer(connection: sqlite3.Connection) -> None:
    _apply(connection, *_PRAGMAS, *_WRITER_PRAGMAS)
    (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
    if mode != "wal":
        raise StorageError("The disk of the database cannot keep a write-ahead log (a network disk?); use another.")


def _configure_reader(connection: sqlite3.Connection) -> None:
    _apply(connection, *_PRAGMAS, *_READER_PRAGMAS)


def _apply(connection: sqlite3.Connection, *pragmas: str) -> None:
    for pragma in pragmas:
        connection.execute(pragma).fetchall()


def scalar(connection: sqlite3.Connection, sql: str) -> Any:
    """The first cell of the first row."""
    return connection.execute(sql).fetchone()[0]
