"""Many rows, few steps.

A thread that runs SQLite gives up the GIL at every step of a statement and has to win it back. While the event loop is
busy each of those takes milliseconds: a page of 50 rows, fetched row by row, took 134 ms beside a loop that never
rested, and 0.8 ms as one row. So rows go in as one multi-row VALUES and come out as one JSON text.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

import orjson

from engine.storage.codec import Cell, is_storable

ROWS_MAX = 256
"""Rows in one statement."""


def fetch(
    connection: sqlite3.Connection, columns: Sequence[str], source: str, parameters: Sequence[Cell] = ()
) -> list[list[Any]]:
    """The rows of the SELECT `source`, as lists of `columns`. Not for columns of bytes or floats: JSON has neither."""
    sql = f"SELECT json_group_array(json_array({', '.join(columns)})) FROM ({source})"  # noqa: S608
    try:
        return _read(connection.execute(sql, parameters))
    except sqlite3.DataError:
        # The text would be longer than SQLite's limit for one value (a billion bytes). Slow is better than not at all.
        plain = f"SELECT {', '.join(columns)} FROM ({source})"  # noqa: S608
        return [list(row) for row in connection.execute(plain, parameters)]


def fetch_for(connection: sqlite3.Connection, sql: str, rows: Sequence[Sequence[Cell]]) -> list[Any]:
    """Run `sql`, which has `{rows}` where VALUES stand and selects one JSON array, for all `rows`; join the answers.

    Rows beyond the given ones are filled up with NULL, so the statement has to drop rows whose first cell is NULL.
    """
    found: list[Any] = []
    for cursor in _run(connection, sql, rows):
        found += _read(cursor)
    return found


def run_for(connection: sqlite3.Connection, sql: str, rows: Sequence[Sequence[Cell]]) -> None:
    """As `fetch_for`, for a statement that answers nothing."""
    for cursor in _run(connection, sql, rows):
        cursor.close()


def insert(connection: sqlite3.Connection, table: str, columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
    """Insert `rows`; the first cell of a row is never None."""
    run_for(connection, _insert_sql(table, tuple(columns)), rows)


def id_array(ids: Iterable[int]) -> str:
    """JSON for `json_each(?)`; what no database can hold is left out."""
    return orjson.dumps([id_ for id_ in ids if is_storable(id_)]).decode()


def _run(connection: sqlite3.Connection, sql: str, rows: Sequence[Sequence[Cell]]) -> Iterable[sqlite3.Cursor]:
    for start in range(0, len(rows), ROWS_MAX):
        chunk = rows[start : start + ROWS_MAX]
        # Powers of two, so that a handful of prepared statements serve every length.
        width, length = len(chunk[0]), 1 << (len(chunk) - 1).bit_length()
        parameters = [cell for row in chunk for cell in row]
        parameters.extend([None] * (width * (length - len(chunk))))
        yield connection.execute(_with_rows(sql, width, length), parameters)


def _read(cursor: sqlite3.Cursor) -> list[Any]:
    found: list[Any] = orjson.loads(cursor.fetchone()[0])
    return found


@lru_cache(maxsize=512)
def _with_rows(sql: str, width: int, length: int) -> str:
    row = f"({', '.join('?' * width)})"
    return sql.replace("{rows}", ", ".join([row] * length))


@lru_cache(maxsize=16)
def _insert_sql(table: str, columns: tuple[str, ...]) -> str:
    names = ", ".join(columns)
    return f"INSERT INTO {table} ({names}) SELECT * FROM (VALUES {{rows}}) WHERE column1 IS NOT NULL"  # noqa: S608
