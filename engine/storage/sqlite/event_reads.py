"""Reads of the ledger."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from itertools import product

from engine.errors import NotFound
from engine.model.delivery import Attempt
from engine.model.event import Event, EventStatus
from engine.model.instant import to_microseconds
from engine.storage.codec import (
    ATTEMPT_COLUMNS,
    EVENT_COLUMNS,
    Cell,
    attempt_from_row,
    clamp,
    event_from_row,
    is_storable,
)
from engine.storage.port import EventQuery
from engine.storage.sqlite.event_writes import read_events
from engine.storage.sqlite.statements import fetch, id_array
from engine.storage.sqlite.text_search import contains

_COMMON_STATUSES = frozenset({EventStatus.DELIVERED, EventStatus.RECORDED})
"""Those that the index by status leaves out."""
_RARE = "status NOT IN ('delivered', 'recorded')"

_NEWEST_FIRST = "ORDER BY fired_at DESC, id DESC"
_SEARCHED = ("trigger_name", "details", "reason", "payload")

_ATTEMPTS = f"SELECT {', '.join(ATTEMPT_COLUMNS)} FROM attempts WHERE event_id = ? ORDER BY number"  # noqa: S608
_UNDELIVERED = """
SELECT value FROM json_each(?)
WHERE EXISTS (SELECT 1 FROM events WHERE trigger_id = value AND next_attempt_at IS NOT NULL)
"""
_FINISHED = """
SELECT * FROM (
    SELECT id, fired_at FROM events WHERE archived = {archived} AND fired_at < ?1 AND finished_at < ?1
    ORDER BY fired_at LIMIT ?2)
"""


def check(connection: sqlite3.Connection) -> None:
    """Raise what a read raises, if it does."""
    connection.execute("SELECT 1 FROM events LIMIT 1").fetchone()


def get_event(connection: sqlite3.Connection, event_id: int) -> Event:
    found = read_events(connection, [event_id])
    if not found:
        raise NotFound("event", event_id)
    return found[0]


def get_attempts(connection: sqlite3.Connection, event_id: int) -> list[Attempt]:
    """Read row by row, for bodies are bytes; there are only a few."""
    if not is_storable(event_id):
        return []
    rows = connection.execute(_ATTEMPTS, (event_id,)).fetchall()
    if not rows:
        return []
    event = connection.execute("SELECT payload FROM events WHERE id = ?", (event_id,)).fetchone()
    return [attempt_from_row(row, event[0]) for row in rows] if event else []


def list_events(connection: sqlite3.Connection, query: EventQuery) -> list[Event]:
    """A page is the newest of one or more branches, each of which follows an index to its end or to the limit."""
    if query.trigger_id is not None and not is_storable(query.trigger_id):
        return []
    limit, offset = clamp(max(query.limit, 0)), clamp(max(query.offset, 0))
    branches = _branches(query)
    if len(branches) == 1:
        where, parameters = branches[0]
        source = f"SELECT * FROM events WHERE {where} {_NEWEST_FIRST} LIMIT ? OFFSET ?"  # noqa: S608
        return [event_from_row(row) for row in fetch(connection, EVENT_COLUMNS, source, (*parameters, limit, offset))]
    selects, cells = list[str](), list[Cell]()
    for where, parameters in branches:
        # Ids alone: what is merged and thrown away again should be small.
        selects.append(f"SELECT * FROM (SELECT id, fired_at FROM events WHERE {where} {_NEWEST_FIRST} LIMIT ?)")  # noqa: S608
        cells += [*parameters, clamp(limit + offset)]
    newest = f"SELECT id FROM ({' UNION ALL '.join(selects)}) {_NEWEST_FIRST} LIMIT ? OFFSET ?"  # noqa: S608
    source = f"SELECT * FROM events WHERE id IN ({newest}) {_NEWEST_FIRST} LIMIT ?"  # noqa: S608
    rows = fetch(connection, EVENT_COLUMNS, source, (*cells, limit, offset, limit))
    return [event_from_row(row) for row in rows]


def count_events(connection: sqlite3.Connection, query: EventQuery) -> int | None:
    """From the totals, which know neither times nor texts."""
    if query.fired_from is not None or query.fired_to is not None or query.text or query.trigger_name is not None:
        return None
    if query.trigger_id is not None and not is_storable(query.trigger_id):
        return 0
    terms, parameters = ["trigger_id = ?"], list[Cell]([-1 if query.trigger_id is None else query.trigger_id])
    if query.archived is not None:
        terms.append("archived = ?")
        parameters.append(int(query.archived))
    for column, wanted in (("status", query.status), ("kind", query.kind)):
        if wanted:
            terms.append(_one_of(column, wanted))
            parameters += [value.value for value in wanted]
    sql = f"SELECT coalesce(sum(count), 0) FROM event_totals WHERE {' AND '.join(terms)}"  # noqa: S608
    (count,) = connection.execute(sql, parameters).fetchone()
    return int(count)


def undelivered(connection: sqlite3.Connection, trigger_ids: Sequence[int]) -> set[int]:
    return {row[0] for row in fetch(connection, ("value",), _UNDELIVERED, (id_array(trigger_ids),))}


def finished_before(
    connection: sqlite3.Connection, instant: int, limit: int, *, archived: tuple[bool, ...]
) -> list[int]:
    """Ids of at most `limit` events that finished before `instant` (microseconds), oldest first.

    The search goes by `fired_at`, which has an index: nothing finishes before it fires.
    """
    source = " UNION ALL ".join(_FINISHED.format(archived=int(half)) for half in archived)
    rows = fetch(connection, ("id", "fired_at"), source, (instant, clamp(max(limit, 0))))
    rows.sort(key=lambda row: (row[1], row[0]))
    return [id_ for id_, _ in rows[:limit]]


def _branches(query: EventQuery) -> list[tuple[str, list[Cell]]]:
    """WHERE clauses that share no event and together have all that `query` wants."""
    halves = (False, True) if query.archived is None else (query.archived,)
    rare = bool(query.status) and _COMMON_STATUSES.isdisjoint(query.status) and query.trigger_id is None
    statuses: list[tuple[EventStatus, ...]] = [(s,) for s in dict.fromkeys(query.status)] if rare else [query.status]
    branches = []
    for archived, wanted in product(halves, statuses):
        terms, parameters = ["archived = ?"], list[Cell]([int(archived)])
        if wanted:
            terms.append(_one_of("status", wanted))
            parameters += [status.value for status in wanted]
        if rare:
            terms.append(_RARE)  # repeated so that SQLite sees that the partial index will do
        _add_conditions(query, terms, parameters)
        branches.append((" AND ".join(terms), parameters))
    return branches


def _add_conditions(query: EventQuery, terms: list[str], parameters: list[Cell]) -> None:
    if query.trigger_id is not None:
        terms.append("trigger_id = ?")
        parameters.append(query.trigger_id)
    if query.trigger_name is not None:
        terms.append("trigger_name = ?")
        parameters.append(query.trigger_name)
    if query.kind:
        terms.append(_one_of("kind", query.kind))
        parameters += [kind.value for kind in query.kind]
    if query.fired_from is not None:
        terms.append("fired_at >= ?")
        parameters.append(to_microseconds(query.fired_from))
    if query.fired_to is not None:
        terms.append("fired_at < ?")
        parameters.append(to_microseconds(query.fired_to))
    if query.text:
        searches = [contains(column, query.text) for column in _SEARCHED]
        terms.append(f"({' OR '.join(condition for condition, _ in searches)})")
        parameters += [cell for _, cells in searches for cell in cells]
    if query.after is not None:
        terms.append("(fired_at, id) < (?, ?)")
        parameters += [clamp(query.after[0]), clamp(query.after[1])]


def _one_of(column: str, values: Sequence[str]) -> str:
    # `=` for a single value: an index can then give the order too.
    return f"{column} = ?" if len(values) == 1 else f"{column} IN ({', '.join('?' * len(values))})"
