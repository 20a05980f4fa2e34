"""Writes to the ledger that record a fire or a delivery."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from engine.errors import EngineError, IdempotencyConflict, NotFound
from engine.model.delivery import Attempt, Verdict
from engine.model.event import Event, EventKind, EventStatus, NewEvent
from engine.model.instant import to_microseconds
from engine.storage.codec import (
    ATTEMPT_COLUMNS,
    EVENT_COLUMNS,
    Cell,
    Row,
    attempt_row,
    event_from_row,
    event_of,
    event_row,
    instant_cell,
    is_storable,
)
from engine.storage.port import IdempotencyKey, Written
from engine.storage.sqlite.idempotency import KnownKeys
from engine.storage.sqlite.operation import Operation, Transaction
from engine.storage.sqlite.statements import fetch, fetch_for, id_array, insert, run_for

_MOVE_LAST_FIRED = """
WITH fired (trigger_id, at) AS (VALUES {rows})
UPDATE triggers SET last_fired_at = max(coalesce(last_fired_at, fired.at), fired.at)
FROM fired WHERE triggers.id = fired.trigger_id
"""
_FIND_ATTEMPTS = """
WITH asked (event_id, number) AS (VALUES {rows})
SELECT json_group_array(json_array(known.event_id, known.number))
FROM asked JOIN attempts AS known ON known.event_id = asked.event_id AND known.number = asked.number
"""
_JUDGE = """
WITH judged (id, status, reason, details, finished_at, next_attempt_at, attempts_made) AS (VALUES {rows})
UPDATE events SET status = judged.status, reason = judged.reason, details = judged.details,
    finished_at = judged.finished_at, next_attempt_at = judged.next_attempt_at, attempts_made = judged.attempts_made
FROM judged WHERE events.id = judged.id
"""
_RUN = """
UPDATE events SET status = 'running'
WHERE id IN (SELECT value FROM json_each(?)) AND status IN ('waiting', 'retrying')
"""


def read_events(connection: sqlite3.Connection, event_ids: Iterable[int]) -> list[Event]:
    """Those that exist, in any order."""
    source = "SELECT * FROM events WHERE id IN (SELECT value FROM json_each(?))"
    return [event_from_row(row) for row in fetch(connection, EVENT_COLUMNS, source, (id_array(event_ids),))]


def insert_events(transaction: Transaction, events: Sequence[NewEvent]) -> list[Event]:
    """Write `events` under new ids; the caller has seen to it that no fire is there already."""
    ids = transaction.take_ids("events", len(events))
    rows = [event_row(event, event_id) for event, event_id in zip(events, ids, strict=True)]
    insert(transaction.connection, "events", EVENT_COLUMNS, rows)
    transaction.events_moved |= bool(events)
    return [event_of(event, event_id) for event, event_id in zip(events, ids, strict=True)]


@dataclass(frozen=True, kw_only=True, slots=True)
class AddEvent(Operation[Written[Event]]):
    """See `Store.add_event`."""

    event: NewEvent
    idempotency: IdempotencyKey | None

    @classmethod
    def run(cls, transaction: Transaction, operations: Sequence[AddEvent]) -> Sequence[Written[Event] | EngineError]:
        connection = transaction.connection
        keys = KnownKeys(connection, [operation.idempotency for operation in operations])
        events = {event.id: event for event in read_events(connection, keys.resource_ids())}
        free_ids = iter(transaction.take_ids("events", len(operations)))
        made: list[Row] = []
        fired: dict[int, int] = {}
        answers: list[Written[Event] | EngineError] = []
        for operation in operations:
            new = operation.event
            try:
                known_id = keys.resource_id(operation.idempotency)
            except IdempotencyConflict as conflict:
                answers.append(conflict)
                continue
            if known_id is not None:
                known = events.get(known_id)
                answers.append(Written(row=known, replayed=True) if known else NotFound("event", known_id))
                continue
            event = event_of(new, next(free_ids))
            events[event.id] = event
            keys.remember(operation.idempotency, event.id, new.fired_at)
            made.append(event_row(new, event.id))
            answers.append(Written(row=event, replayed=False))
            if new.trigger_id is not None and new.status is not EventStatus.SKIPPED and new.kind is not EventKind.TEST:
                fired[new.trigger_id] = max(to_microseconds(new.fired_at), fired.get(new.trigger_id, 0))
        insert(connection, "events", EVENT_COLUMNS, made)
        run_for(connection, _MOVE_LAST_FIRED, list(fired.items()))
        keys.save()
        transaction.events_moved |= bool(made)
        transaction.triggers_moved |= bool(fired)
        return answers


@dataclass(frozen=True, kw_only=True, slots=True)
class MarkRunning(Operation[None]):
    """See `Store.mark_running`."""

    event_ids: Sequence[int]

    @property
    def rows(self) -> int:
        return len(self.event_ids)

    @classmethod
    def run(cls, transaction: Transaction, operations: Sequence[MarkRunning]) -> Sequence[EngineError | None]:
        ids = id_array(event_id for operation in operations for event_id in operation.event_ids)
        transaction.events_moved |= transaction.connection.execute(_RUN, (ids,)).rowcount > 0
        return [None] * len(operations)


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordAttempt(Operation[Event]):
    """See `Store.record_attempt`."""

    attempt: Attempt
    verdict: Verdict

    @property
    def rows(self) -> int:
        return 2

    @classmethod
    def run(cls, transaction: Transaction, operations: Sequence[RecordAttempt]) -> Sequence[Event | EngineError]:
        connection = transaction.connection
        asked = [(operation.attempt.event_id, operation.attempt.number) for operation in operations]
        events = {event.id: event for event in read_events(connection, {event_id for event_id, _ in asked})}
        asked = [(event_id, number) for event_id, number in asked if event_id in events and is_storable(number)]
        recorded = {(event_id, number) for event_id, number in fetch_for(connection, _FIND_ATTEMPTS, asked)}
        made: list[Row] = []
        judged: set[int] = set()
        answers: list[Event | EngineError] = []
        for operation in operations:
            attempt = operation.attempt
            event = events.get(attempt.event_id)
            if event is None:
                answers.append(NotFound("event", attempt.event_id))
                continue
            if (event.id, attempt.number) not in recorded:
                recorded.add((event.id, attempt.number))
                event = events[event.id] = after_attempt(event, operation.verdict)
                made.append(attempt_row(attempt))
                judged.add(event.id)
            answers.append(event)
        insert(connection, "attempts", ATTEMPT_COLUMNS, made)
        run_for(connection, _JUDGE, [_judgement(events[event_id]) for event_id in judged])
        transaction.events_moved |= bool(made)
        return answers


def after_attempt(event: Event, verdict: Verdict) -> Event:
    """`event` as one more attempt leaves it."""
    return replace(
        event,
        status=verdict.status,
        reason=verdict.reason,
        details=verdict.details,
        finished_at=verdict.finished_at,
        next_attempt_at=verdict.next_attempt_at,
        attempts_made=event.attempts_made + 1,
    )


def _judgement(event: Event) -> tuple[Cell, ...]:
    return (
        event.id,
        event.status.value,
        event.reason,
        event.details,
        instant_cell(event.finished_at),
        instant_cell(event.next_attempt_at),
        event.attempts_made,
    )
