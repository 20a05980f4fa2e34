"""Filters, order and counting, in the plainest way: what the other stores are compared with."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from engine.model.event import Event, EventKind
from engine.model.instant import from_microseconds, to_microseconds
from engine.model.trigger import Trigger
from engine.storage.codec import instant_cell, search_text
from engine.storage.port import AggregateField, AggregateQuery, AggregateRow, EventQuery, TriggerQuery

AGGREGATE_ROWS_MAX = 10_000
_HOUR = 3_600_000_000

_FOLD_ASCII = {ord(upper): ord(upper) + 32 for upper in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}
"""For a search that is ASCII itself: databases are quickest with that."""


def trigger_matches(trigger: Trigger, query: TriggerQuery) -> bool:
    definition = trigger.definition
    return (
        (query.type is None or definition.type is query.type)
        and (query.state is None or trigger.state is query.state)
        and (query.tag is None or query.tag in definition.tags)
        and (not query.text or query.text.casefold() in search_text(definition))
    )


def page_of_triggers(triggers: Iterable[Trigger], query: TriggerQuery) -> list[Trigger]:
    rows = [((_sort_value(t, query), t.id), t) for t in triggers if trigger_matches(t, query)]
    valued: list[tuple[Any, Trigger]] = [(key, t) for key, t in rows if key[0] is not None]
    empty: list[tuple[Any, Trigger]] = [(key[1], t) for key, t in rows if key[0] is None]
    if query.after is not None:
        value, id_ = query.after
        valued = [] if value is None else [row for row in valued if _is_beyond(row[0], (value, id_), query)]
        empty = empty if value is not None else [row for row in empty if _is_beyond(row[0], id_, query)]
    for part in (valued, empty):
        part.sort(key=lambda row: row[0], reverse=query.descending)
    return [trigger for _, trigger in (*valued, *empty)][: max(query.limit, 0)]


def _sort_value(trigger: Trigger, query: TriggerQuery) -> str | int | None:
    value: datetime | str | int | None = getattr(trigger, query.sort)
    return instant_cell(value) if isinstance(value, datetime) else value


def _is_beyond(key: Any, last: Any, query: TriggerQuery) -> bool:
    return bool(key < last if query.descending else key > last)


def event_matches(event: Event, query: EventQuery) -> bool:
    """Whether it is on any page of `query`."""
    return (
        (query.archived is None or event.archived is query.archived)
        and (query.trigger_id is None or event.trigger_id == query.trigger_id)
        and (query.trigger_name is None or event.trigger_name == query.trigger_name)
        and (not query.status or event.status in query.status)
        and (not query.kind or event.kind in query.kind)
        and _is_within(event, query.fired_from, query.fired_to)
        and (not query.text or _has_text(event, query.text))
    )


def page_of_events(events: Iterable[Event], query: EventQuery) -> list[Event]:
    rows = [((to_microseconds(e.fired_at), e.id), e) for e in events if event_matches(e, query)]
    if query.after is not None:
        rows = [row for row in rows if row[0] < query.after]
    rows.sort(key=lambda row: row[0], reverse=True)
    start = max(query.offset, 0)
    return [event for _, event in rows[start : start + max(query.limit, 0)]]


def _is_within(event: Event, start: datetime | None, end: datetime | None) -> bool:
    return (start is None or start <= event.fired_at) and (end is None or event.fired_at < end)


def _has_text(event: Event, part: str) -> bool:
    texts = (event.trigger_name, event.details, event.reason, event.payload)
    if part.isascii():
        return any(text is not None and part.translate(_FOLD_ASCII) in text.translate(_FOLD_ASCII) for text in texts)
    return any(text is not None and _contains(_fold_each(text), _fold_each(part)) for text in texts)


def _fold_each(text: str) -> list[str]:
    """Character by character, so that `ß` is not `ss`."""
    return [character.casefold() for character in text]


def _contains(characters: list[str], part: list[str]) -> bool:
    return any(characters[start : start + len(part)] == part for start in range(len(characters) - len(part) + 1))


def count_by(events: Iterable[Event], query: AggregateQuery) -> list[AggregateRow]:
    """See `Store.aggregate`."""
    names: dict[int | None, tuple[tuple[datetime, int], str]] = {}
    groups: dict[tuple[Any, ...], list[datetime]] = {}
    for event in events:
        newest = ((event.fired_at, event.id), event.trigger_name)
        names[event.trigger_id] = max(newest, names.get(event.trigger_id, newest))
        if _counts(event, query):
            group = tuple(_group_value(event, field) for field in query.group_by)
            groups.setdefault(group, []).append(event.fired_at)
    rows = []
    for group in sorted(groups)[:AGGREGATE_ROWS_MAX]:
        fields = dict(zip(query.group_by, group, strict=True))
        trigger_id = fields.get("trigger_id") or None
        rows.append(
            AggregateRow(
                count=len(groups[group]),
                trigger_id=trigger_id,
                trigger_name=names[trigger_id][1] if trigger_id else None,
                status=fields.get("status"),
                kind=fields.get("kind"),
                archived=fields.get("archived"),
                hour=from_microseconds(fields["hour"] * _HOUR) if "hour" in fields else None,
                last_fired_at=max(groups[group]),
            )
        )
    return rows


def _counts(event: Event, query: AggregateQuery) -> bool:
    return (
        (event.kind in query.kind if query.kind else event.kind is not EventKind.TEST)
        and (query.archived is None or event.archived is query.archived)
        and (query.trigger_id is None or event.trigger_id == query.trigger_id)
        and _is_within(event, query.fired_from, query.fired_to)
    )


def _group_value(event: Event, field: AggregateField) -> Any:
    match field:
        case "trigger_id":
            return event.trigger_id or 0
        case "hour":
            return to_microseconds(event.fired_at) // _HOUR
        case "status":
            return event.status
        case "kind":
            return event.kind
        case "archived":
            return event.archived
