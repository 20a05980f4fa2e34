"""Counts of events, from the roll-ups."""

from __future__ import annotations

import sqlite3
from typing import Any, get_args

from engine.model.event import EventKind, EventStatus
from engine.model.instant import from_microseconds, to_microseconds
from engine.storage.codec import Cell, is_storable
from engine.storage.port import AggregateField, AggregateQuery, AggregateRow
from engine.storage.sqlite.statements import fetch, id_array

ROWS_MAX = 10_000
_FIELDS = frozenset(get_args(AggregateField))
_HOUR = 3_600_000_000
_ALL = -1
"""In place of a trigger's id, in the roll-ups: every event, whatever its trigger."""

_NAMES = """
SELECT value AS trigger_id, (
    SELECT trigger_name FROM (
        SELECT * FROM (SELECT trigger_name, fired_at, id FROM events WHERE trigger_id = asked.value AND archived = 0
                       ORDER BY fired_at DESC, id DESC LIMIT 1)
        UNION ALL
        SELECT * FROM (SELECT trigger_name, fired_at, id FROM events WHERE trigger_id = asked.value AND archived = 1
                       ORDER BY fired_at DESC, id DESC LIMIT 1))
    ORDER BY fired_at DESC, id DESC LIMIT 1) AS trigger_name
FROM json_each(?) AS asked
"""


def aggregate(connection: sqlite3.Connection, query: AggregateQuery) -> list[AggregateRow]:
    """See `Store.aggregate`."""
    if not _FIELDS.issuperset(query.group_by):  # they become part of the statement
        raise ValueError(f"unknown fields in {query.group_by!r}")
    if query.trigger_id is not None and not is_storable(query.trigger_id):
        return []
    if "hour" in query.group_by or query.fired_from is not None or query.fired_to is not None:
        source, parameters = _from_hours(query)
    else:
        where, parameters = _conditions(query)
        source = f"SELECT * FROM event_totals WHERE {where}"  # noqa: S608
    groups = ", ".join(query.group_by)
    grouped = f"GROUP BY {groups} ORDER BY {groups}" if groups else "HAVING count(*)"
    columns = (*query.group_by, "total", "newest")
    source = f"""
        SELECT {", ".join((*query.group_by, "sum(count) AS total", "max(last_fired_at) AS newest"))}
        FROM ({source}) {grouped} LIMIT {ROWS_MAX}
    """  # noqa: S608
    rows = fetch(connection, columns, source, parameters)
    return _decode(rows, query.group_by, _names(connection, rows, query.group_by))


def _from_hours(query: AggregateQuery) -> tuple[str, list[Cell]]:
    """Whole hours from the roll-up, then the events of the broken hours at either end of the range."""
    start = None if query.fired_from is None else to_microseconds(query.fired_from)
    end = None if query.fired_to is None else to_microseconds(query.fired_to)
    first = None if start is None else -(-start // _HOUR)
    last = None if end is None else end // _HOUR
    where, parameters = _conditions(query)
    if first is not None and last is not None and first > last:  # both ends in one hour
        return _of_rows(query, start, end)
    if first is not None:
        where, parameters = f"{where} AND hour >= ?", [*parameters, first]
    if last is not None:
        where, parameters = f"{where} AND hour < ?", [*parameters, last]
    if "trigger_id" in query.group_by and query.trigger_id is None:
        # One search for each trigger instead of a walk through every hour of all of them.
        source = f"""
            SELECT event_hours.* FROM (SELECT DISTINCT trigger_id FROM event_totals) AS present
            CROSS JOIN event_hours USING (trigger_id) WHERE {where}
        """  # noqa: S608
    else:
        source = f"SELECT * FROM event_hours WHERE {where}"  # noqa: S608
    sources = [source]
    if first is not None and start is not None and first * _HOUR > start:
        rows, cells = _of_rows(query, start, first * _HOUR)
        sources.append(rows)
        parameters += cells
    if last is not None and end is not None and last * _HOUR < end:
        rows, cells = _of_rows(query, last * _HOUR, end)
        sources.append(rows)
        parameters += cells
    return " UNION ALL ".join(sources), parameters


def _of_rows(query: AggregateQuery, start: int | None, end: int | None) -> tuple[str, list[Cell]]:
    """The events of [start, end), in the shape of the roll-up."""
    halves = "(0, 1)" if query.archived is None else f"({int(query.archived)})"
    terms, parameters = [f"archived IN {halves}", "fired_at >= ?", "fired_at < ?"], list[Cell]([start, end])
    if query.trigger_id is not None:
        terms.append("trigger_id = ?")
        parameters.append(query.trigger_id)
    kinds, cells = _kinds(query)
    sql = f"""
        SELECT coalesce(trigger_id, 0) AS trigger_id, fired_at / {_HOUR} AS hour, kind, status, archived,
            1 AS count, fired_at AS last_fired_at
        FROM events WHERE {" AND ".join((*terms, kinds))}
    """  # noqa: S608
    return sql, [*parameters, *cells]


def _conditions(query: AggregateQuery) -> tuple[str, list[Cell]]:
    """On a roll-up: which trigger's rows, or the rows of all together, and the filters."""
    terms, parameters = list[str](), list[Cell]()
    if query.trigger_id is not None:
        terms.append("trigger_id = ?")
        parameters.append(query.trigger_id)
    elif "trigger_id" in query.group_by:
        terms.append(f"trigger_id > {_ALL}")
    else:
        terms.append(f"trigger_id = {_ALL}")
    if query.archived is not None:
        terms.append("archived = ?")
        parameters.append(int(query.archived))
    kinds, cells = _kinds(query)
    return " AND ".join((*terms, kinds)), [*parameters, *cells]


def _kinds(query: AggregateQuery) -> tuple[str, list[Cell]]:
    if not query.kind:
        return "kind <> 'test'", []
    return f"kind IN ({', '.join('?' * len(query.kind))})", [kind.value for kind in query.kind]


def _names(
    connection: sqlite3.Connection, rows: list[list[Any]], group_by: tuple[AggregateField, ...]
) -> dict[int, str]:
    if "trigger_id" not in group_by:
        return {}
    place = group_by.index("trigger_id")
    trigger_ids = {row[place] for row in rows}
    found = fetch(connection, ("trigger_id", "trigger_name"), _NAMES, (id_array(trigger_ids),))
    return dict(found)


def _decode(rows: list[list[Any]], group_by: tuple[AggregateField, ...], names: dict[int, str]) -> list[AggregateRow]:
    decoded = []
    for *cells, count, newest in rows:
        group = dict(zip(group_by, cells, strict=True))
        trigger_id = group.get("trigger_id") or None
        decoded.append(
            AggregateRow(
                count=count,
                trigger_id=trigger_id,
                trigger_name=names.get(trigger_id) if trigger_id else None,
                status=EventStatus(group["status"]) if "status" in group else None,
                kind=EventKind(group["kind"]) if "kind" in group else None,
                archived=bool(group["archived"]) if "archived" in group else None,
                hour=from_microseconds(group["hour"] * _HOUR) if "hour" in group else None,
                last_fired_at=from_microseconds(newest),
            )
        )
    return decoded
