"""Reads of triggers, and what the timers have to look at."""

from __future__ import annotations

import sqlite3
from datetime import datetime
from typing import get_args

from engine.errors import NotFound
from engine.model.instant import from_microseconds, to_microseconds
from engine.model.timer import TimerKey, TimerKind
from engine.model.trigger import Trigger
from engine.storage.codec import INTEGER_MAX, TRIGGER_COLUMNS, Cell, clamp, trigger_from_row
from engine.storage.port import TriggerQuery, TriggerSort
from engine.storage.sqlite.reader import Snapshot
from engine.storage.sqlite.statements import fetch
from engine.storage.sqlite.trigger_writes import read_triggers

_SORTS = frozenset(get_args(TriggerSort))
_NULLABLE = frozenset({"next_fire_at", "last_fired_at"})

_UPCOMING = """
SELECT * FROM (
    SELECT 1 AS kind, id, due_at AS due FROM triggers
    WHERE due_at > :after AND due_at <= :until ORDER BY due_at LIMIT :limit)
UNION ALL
SELECT * FROM (
    SELECT 2, id, next_attempt_at FROM events
    WHERE next_attempt_at > :after AND next_attempt_at <= :until ORDER BY next_attempt_at LIMIT :limit)
"""


def get_trigger(connection: sqlite3.Connection, trigger_id: int) -> Trigger:
    found = read_triggers(connection, [trigger_id])
    if not found:
        raise NotFound("trigger", trigger_id)
    return found[0]


def find_trigger(connection: sqlite3.Connection, name: str) -> Trigger:
    found = fetch(connection, TRIGGER_COLUMNS, "SELECT * FROM triggers WHERE name = ?", (name,))
    if not found:
        raise NotFound("trigger", name)
    return trigger_from_row(found[0])


def list_triggers(connection: sqlite3.Connection, query: TriggerQuery) -> list[Trigger]:
    """First those that have the sort value, then those that have none: two searches, each along an index."""
    if query.sort not in _SORTS:  # it becomes part of the statement, so it is not left to the types alone
        raise ValueError(f"unknown sort {query.sort!r}")
    limit = clamp(max(query.limit, 0))
    with Snapshot(connection):
        rows = [] if query.after is not None and query.after[0] is None else _with_value(connection, query, limit)
        if query.sort in _NULLABLE and len(rows) < limit:
            rows += _without_value(connection, query, limit - len(rows))
    return [trigger_from_row(row) for row in rows]


def count_triggers(connection: sqlite3.Connection, query: TriggerQuery) -> int:
    where, parameters = _conditions(query)
    (count,) = connection.execute(f"SELECT count(*) FROM triggers WHERE {where}", parameters).fetchone()  # noqa: S608
    return int(count)


def upcoming(
    connection: sqlite3.Connection, after: datetime | None, until: datetime, limit: int
) -> list[tuple[TimerKey, datetime]]:
    """See `Store.upcoming`."""
    low, high = -INTEGER_MAX if after is None else to_microseconds(after), to_microseconds(until)
    with Snapshot(connection):
        rows = _between(connection, low, high, limit)[:limit]
        if rows and len(rows) == limit:
            last = rows[-1][2]
            rows = [row for row in rows if row[2] < last] + _between(connection, last - 1, last, INTEGER_MAX)
    return [(TimerKey(TimerKind(kind), id_), from_microseconds(due)) for kind, id_, due in rows]


def _between(connection: sqlite3.Connection, after: int, until: int, limit: int) -> list[list[int]]:
    source = _UPCOMING.replace(":after", "?1").replace(":until", "?2").replace(":limit", "?3")
    rows = fetch(connection, ("kind", "id", "due"), source, (after, until, limit))
    rows.sort(key=lambda row: (row[2], row[0], row[1]))
    return rows


def _with_value(connection: sqlite3.Connection, query: TriggerQuery, limit: int) -> list[list[Cell]]:
    where, parameters = _conditions(query)
    direction, beyond = ("DESC", "<") if query.descending else ("ASC", ">")
    sort = query.sort
    if query.after is not None:
        value, id_ = query.after
        where += f" AND ({sort}, id) {beyond} (?, ?)"
        parameters += [clamp(value) if isinstance(value, int) else value, clamp(id_)]
    if sort in _NULLABLE:
        where += f" AND {sort} IS NOT NULL"
    source = f"SELECT * FROM triggers WHERE {where} ORDER BY {sort} {direction}, id {direction} LIMIT ?"  # noqa: S608
    return fetch(connection, TRIGGER_COLUMNS, source, (*parameters, limit))


def _without_value(connection: sqlite3.Connection, query: TriggerQuery, limit: int) -> list[list[Cell]]:
    where, parameters = _conditions(query)
    direction, beyond = ("DESC", "<") if query.descending else ("ASC", ">")
    if query.after is not None and query.after[0] is None:
        where += f" AND id {beyond} ?"
        parameters.append(clamp(query.after[1]))
    source = f"SELECT * FROM triggers WHERE {where} AND {query.sort} IS NULL ORDER BY id {direction} LIMIT ?"  # noqa: S608
    return fetch(connection, TRIGGER_COLUMNS, source, (*parameters, limit))


def _conditions(query: TriggerQuery) -> tuple[str, list[Cell]]:
    terms, parameters = ["TRUE"], list[Cell]()
    if query.type is not None:
        terms.append("type = ?")
        parameters.append(query.type.value)
    if query.state is not None:
        terms.append("state = ?")
        parameters.append(query.state.value)
    if query.tag is not None:
        terms.append("EXISTS (SELECT 1 FROM json_each(tags) WHERE value = ?)")
        parameters.append(query.tag)
    if query.text:
        # Not LIKE: it folds ASCII alone, and its wildcards would have to be escaped.
        terms.append("instr(search_text, ?)")
        parameters.append(query.text.casefold())
    return " AND ".join(terms), parameters
