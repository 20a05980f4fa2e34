"""Records to rows and back, for every database: a row is a sequence of cells in the order of the `*_COLUMNS`.

Cells are integers, texts, None, and for attempts also bytes and floats. Instants are integer microseconds; shapes are
the JSON of `model/document.py`; payloads stay the text they are.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, TypeAlias

import orjson

from engine import json_text
from engine.model.delivery import Attempt, Exchange, Outcome, Request, Response, Timing
from engine.model.document import (
    misfire_document,
    misfire_from_document,
    retry_document,
    retry_from_document,
    schedule_document,
    schedule_from_document,
    target_document,
    target_from_document,
)
from engine.model.event import Event, EventKind, EventStatus, NewEvent
from engine.model.instant import from_microseconds, to_microseconds
from engine.model.schedule import Schedule
from engine.model.trigger import (
    Definition,
    Misfire,
    OverlapPolicy,
    RetryPolicy,
    Target,
    Trigger,
    TriggerState,
    TriggerType,
)

Cell: TypeAlias = int | str | float | bytes | None
Row: TypeAlias = tuple[Cell, ...]

INTEGER_MAX = 2**63 - 1
"""Databases count in 64 bits; nothing beyond was ever stored."""

TRIGGER_COLUMNS = (
    "id", "name", "type", "state", "state_reason", "paused_until", "next_fire_at", "last_fired_at",
    "created_at", "updated_at", "version", "description", "tags", "schedule", "payload", "payload_schema",
    "target", "retry", "misfire", "overlap",
)  # fmt: skip
TRIGGER_DERIVED_COLUMNS = ("due_at", "search_text")
"""Written after `TRIGGER_COLUMNS`, for indexes and searches; never read back."""

EVENT_COLUMNS = (
    "id", "trigger_id", "trigger_name", "kind", "status", "reason", "details", "scheduled_for", "fired_at",
    "finished_at", "payload", "missed_count", "message_id", "target", "retry", "next_attempt_at", "replay_of",
    "archived", "attempts_made",
)  # fmt: skip

ATTEMPT_COLUMNS = (
    "event_id", "number", "started_at", "outcome", "error", "method", "url", "headers", "timeout_ms",
    "response_status", "response_headers", "response_body", "response_truncated",
    "dns_ms", "connect_ms", "wait_ms", "body_ms", "total_ms",
)  # fmt: skip


def is_storable(number: int) -> bool:
    """Whether a database can hold it; what cannot be held cannot be found either."""
    return -INTEGER_MAX <= number <= INTEGER_MAX


def clamp(number: int) -> int:
    """The nearest integer that a database can compare with."""
    return max(-INTEGER_MAX, min(number, INTEGER_MAX))


def trigger_row(trigger: Trigger) -> Row:
    """`TRIGGER_COLUMNS`, then `TRIGGER_DERIVED_COLUMNS`."""
    definition = trigger.definition
    return (
        trigger.id,
        definition.name,
        definition.type.value,
        trigger.state.value,
        trigger.state_reason,
        instant_cell(trigger.paused_until),
        instant_cell(trigger.next_fire_at),
        instant_cell(trigger.last_fired_at),
        to_microseconds(trigger.created_at),
        to_microseconds(trigger.updated_at),
        trigger.version,
        definition.description,
        _text(list(definition.tags)),
        None if definition.schedule is None else _text(schedule_document(definition.schedule)),
        definition.payload,
        definition.payload_schema,
        None if definition.target is None else _target_text(definition.target),
        _retry_text(definition.retry),
        _text(misfire_document(definition.misfire)),
        definition.overlap.value,
        instant_cell(trigger.wake_at),
        search_text(definition),
    )


def trigger_from_row(row: Sequence[Any]) -> Trigger:
    """From the cells of `TRIGGER_COLUMNS`."""
    (
        id_, name, type_, state, state_reason, paused_until, next_fire_at, last_fired_at, created_at, updated_at,
        version, description, tags, schedule, payload, payload_schema, target, retry, misfire, overlap,
    ) = row  # fmt: skip
    return Trigger(
        id=id_,
        definition=Definition(
            name=name,
            type=TriggerType(type_),
            description=description,
            tags=tuple(orjson.loads(tags)),
            schedule=None if schedule is None else _schedule(schedule),
            payload=payload,
            payload_schema=payload_schema,
            target=None if target is None else _target(target),
            retry=_retry(retry),
            misfire=_misfire(misfire),
            overlap=OverlapPolicy(overlap),
        ),
        state=TriggerState(state),
        state_reason=state_reason,
        paused_until=_instant(paused_until),
        next_fire_at=_instant(next_fire_at),
        last_fired_at=_instant(last_fired_at),
        created_at=from_microseconds(created_at),
        updated_at=from_microseconds(updated_at),
        version=version,
    )


def search_text(definition: Definition) -> str:
    """What `TriggerQuery.text` searches, folded; the separator is no character that people search for."""
    url = definition.target.url if definition.target else ""
    return "\x1f".join((definition.name, definition.description, *definition.tags, url)).casefold()


def event_row(event: NewEvent, event_id: int) -> Row:
    """`EVENT_COLUMNS` of an event that nobody has touched yet."""
    return (
        event_id,
        event.trigger_id,
        event.trigger_name,
        event.kind.value,
        event.status.value,
        event.reason,
        event.details,
        to_microseconds(event.scheduled_for),
        to_microseconds(event.fired_at),
        instant_cell(event.finished_at),
        event.payload,
        event.missed_count,
        event.message_id,
        None if event.target is None else _target_text(event.target),
        None if event.retry is None else _retry_text(event.retry),
        instant_cell(event.next_attempt_at),
        event.replay_of,
        0,
        0,
    )


def event_from_row(row: Sequence[Any]) -> Event:
    """From the cells of `EVENT_COLUMNS`."""
    (
        id_, trigger_id, trigger_name, kind, status, reason, details, scheduled_for, fired_at, finished_at, payload,
        missed_count, message_id, target, retry, next_attempt_at, replay_of, archived, attempts_made,
    ) = row  # fmt: skip
    return Event(
        id=id_,
        trigger_id=trigger_id,
        trigger_name=trigger_name,
        kind=_KINDS[kind],
        status=_STATUSES[status],
        reason=reason,
        details=details,
        scheduled_for=_at(scheduled_for),
        fired_at=_at(fired_at),
        finished_at=_instant(finished_at),
        payload=payload,
        missed_count=missed_count,
        message_id=message_id,
        target=None if target is None else _target(target),
        retry=None if retry is None else _retry(retry),
        next_attempt_at=_instant(next_attempt_at),
        replay_of=replay_of,
        archived=bool(archived),
        attempts_made=attempts_made,
    )


def event_of(event: NewEvent, event_id: int) -> Event:
    """`event` as it stands in the ledger right after it was written."""
    return Event(
        id=event_id,
        trigger_id=event.trigger_id,
        trigger_name=event.trigger_name,
        kind=event.kind,
        status=event.status,
        reason=event.reason,
        details=event.details,
        scheduled_for=event.scheduled_for,
        fired_at=event.fired_at,
        finished_at=event.finished_at,
        payload=event.payload,
        missed_count=event.missed_count,
        message_id=event.message_id,
        target=event.target,
        retry=event.retry,
        next_attempt_at=event.next_attempt_at,
        replay_of=event.replay_of,
    )


def attempt_row(attempt: Attempt) -> Row:
    """`ATTEMPT_COLUMNS`; the request's body is left out, for the event has it."""
    exchange = attempt.exchange
    request, response, timing = exchange.request, exchange.response, exchange.timing
    return (
        attempt.event_id,
        attempt.number,
        to_microseconds(attempt.started_at),
        exchange.outcome.value,
        exchange.error,
        request.method,
        request.url,
        _headers_text(request.headers),
        request.timeout_ms,
        response.status if response else None,
        _headers_text(response.headers) if response else None,
        response.body if response else None,
        int(response.truncated) if response else None,
        timing.dns_ms,
        timing.connect_ms,
        timing.wait_ms,
        timing.body_ms,
        timing.total_ms,
    )


def attempt_from_row(row: Sequence[Any], payload: str | None) -> Attempt:
    """From the cells of `ATTEMPT_COLUMNS` and the payload of the event."""
    (
        event_id, number, started_at, outcome, error, method, url, headers, timeout_ms, response_status,
        response_headers, response_body, response_truncated, dns_ms, connect_ms, wait_ms, body_ms, total_ms,
    ) = row  # fmt: skip
    response = None
    if response_status is not None:
        response = Response(
            status=response_status,
            headers=_headers(response_headers),
            body=response_body,
            truncated=bool(response_truncated),
        )
    return Attempt(
        event_id=event_id,
        number=number,
        started_at=from_microseconds(started_at),
        exchange=Exchange(
            request=Request(
                method=method,
                url=url,
                headers=_headers(headers),
                body=None if payload is None else payload.encode(),
                timeout_ms=timeout_ms,
            ),
            outcome=Outcome(outcome),
            response=response,
            error=error,
            timing=Timing(dns_ms=dns_ms, connect_ms=connect_ms, wait_ms=wait_ms, body_ms=body_ms, total_ms=total_ms),
        ),
    )


def instant_cell(instant: datetime | None) -> int | None:
    return None if instant is None else to_microseconds(instant)


def _instant(microseconds: int | None) -> datetime | None:
    return None if microseconds is None else _at(microseconds)


def _text(document: object) -> str:
    return json_text.write(document).decode()


# Headers of an answer may carry lone surrogates, which is how bytes that are no UTF-8 come out of an HTTP parser. The
# standard encoder writes them as escapes, where others refuse.
def _headers_text(headers: tuple[tuple[str, str], ...]) -> str:
    return json.dumps(headers, separators=(",", ":"))


def _headers(text: str) -> tuple[tuple[str, str], ...]:
    return tuple((name, value) for name, value in json.loads(text))


# A page of events is read a thousand times a second, and most of the time would go into making the same few values
# again: an event that is on time and only recorded has one instant three times. So each is made once and shared.
_KINDS = {kind.value: kind for kind in EventKind}
_STATUSES = {status.value: status for status in EventStatus}
_at = lru_cache(maxsize=4096)(from_microseconds)


@lru_cache(maxsize=1024)
def _target_text(target: Target) -> str:
    return _text(target_document(target))


@lru_cache(maxsize=1024)
def _retry_text(retry: RetryPolicy) -> str:
    return _text(retry_document(retry))


@lru_cache(maxsize=1024)
def _schedule(text: str) -> Schedule:
    return schedule_from_document(orjson.loads(text))


@lru_cache(maxsize=1024)
def _target(text: str) -> Target:
    return target_from_document(orjson.loads(text))


@lru_cache(maxsize=1024)
def _retry(text: str) -> RetryPolicy:
    return retry_from_document(orjson.loads(text))


@lru_cache(maxsize=1024)
def _misfire(text: str) -> Misfire:
    return misfire_from_document(orjson.loads(text))
