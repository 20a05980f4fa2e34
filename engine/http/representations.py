"""Records as the API shows them: plain dictionaries for `json_text.write`, with payload texts copied as they are."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from engine.json_text import raw
from engine.model.delivery import Attempt, Request, Response, Timing
from engine.model.document import misfire_document, retry_document, schedule_document, target_document
from engine.model.event import Event
from engine.model.instant import format_instant
from engine.model.schedule import AtSchedule
from engine.model.trigger import Definition, Trigger
from engine.storage.port import AggregateField, AggregateRow
from engine.timers.fire_times import FireTime

Json = dict[str, Any]

MASK = "***"
_SECRET = re.compile(r"auth|api-?key|token|secret|password|credential|cookie|session", re.IGNORECASE)


def trigger_document(trigger: Trigger) -> Json:
    """A trigger, under the names of the API."""
    definition, schedule = trigger.definition, trigger.definition.schedule
    return {
        "id": trigger.id,
        "name": definition.name,
        "type": definition.type.value,
        "description": definition.description,
        "tags": definition.tags,
        "is_active": trigger.is_active,
        "state": trigger.state.value,
        "state_reason": trigger.state_reason,
        "paused_until": _instant(trigger.paused_until),
        "schedule": None if schedule is None else schedule_document(schedule),
        "schedule_time": format_instant(schedule.at) if isinstance(schedule, AtSchedule) else None,
        "next_fire_at": _instant(trigger.next_fire_at),
        "last_fired_at": _instant(trigger.last_fired_at),
        "payload": raw(definition.payload),
        "payload_schema": raw(definition.payload_schema),
        "target": None if definition.target is None else target_document(definition.target),
        "retry": retry_document(definition.retry),
        "misfire": misfire_document(definition.misfire),
        "overlap": definition.overlap.value,
        "created_at": format_instant(trigger.created_at),
        "updated_at": format_instant(trigger.updated_at),
        "version": trigger.version,
    }


def definition_document(definition: Definition) -> tuple[Json, dict[str, str]]:
    """A definition as it could have been given, and apart from it the texts of its payload and payload schema."""
    document: Json = {
        "name": definition.name,
        "type": definition.type.value,
        "description": definition.description,
        "tags": list(definition.tags),
        "retry": retry_document(definition.retry),
        "misfire": misfire_document(definition.misfire),
        "overlap": definition.overlap.value,
    }
    if definition.schedule is not None:
        document["schedule"] = schedule_document(definition.schedule)
    if definition.target is not None:
        document["target"] = target_document(definition.target)
    texts = {"payload": definition.payload, "payload_schema": definition.payload_schema}
    return document, {name: text for name, text in texts.items() if text is not None}


def event_document(event: Event, *, payload: bool = True) -> Json:
    """An event, under the names of the API; without its payload when that is too much."""
    document: Json = {
        "id": event.id,
        "trigger_id": event.trigger_id,
        "trigger_name": event.trigger_name,
        "kind": event.kind.value,
        "status": event.status.value,
        "reason": event.reason,
        "details": event.details,
        "timestamp": format_instant(event.fired_at),
        "scheduled_for": format_instant(event.scheduled_for),
        "fired_at": format_instant(event.fired_at),
        "finished_at": _instant(event.finished_at),
        "lateness_ms": event.lateness_ms,
        "archived": event.archived,
        "attempts_made": event.attempts_made,
        "next_attempt_at": _instant(event.next_attempt_at),
        "message_id": event.message_id,
        "missed_count": event.missed_count,
        "replay_of": event.replay_of,
        "target_url": None if event.target is None else event.target.url,
    }
    if payload:
        document["payload"] = raw(event.payload)
    return document


def attempt_document(attempt: Attempt) -> Json:
    """One attempt: request, response, timing. The request's body is the event's payload and not repeated."""
    exchange = attempt.exchange
    return {
        "number": attempt.number,
        "started_at": format_instant(attempt.started_at),
        "outcome": exchange.outcome.value,
        "error": exchange.error,
        "request": request_document(exchange.request),
        "response": None if exchange.response is None else response_document(exchange.response),
        "timing": timing_document(exchange.timing),
    }


def request_document(request: Request) -> Json:
    """A request with secrets masked."""
    return {
        "method": request.method,
        "url": request.url,
        "headers": {
            name: MASK if _SECRET.search(name) else value for name, value in joined_headers(request.headers).items()
        },
        "timeout_ms": request.timeout_ms,
    }


def response_document(response: Response) -> Json:
    """A response; its body as text where it is UTF-8, else as base64."""
    body, encoding = _body_text(response), "utf-8"
    if body is None:
        body, encoding = base64.b64encode(response.body).decode(), "base64"
    return {
        "status": response.status,
        "headers": joined_headers(response.headers),
        "body": body,
        "body_encoding": encoding,
        "truncated": response.truncated,
    }


def _body_text(response: Response) -> str | None:
    """The body as text; where it was cut, perhaps in the middle of a character, without that character."""
    try:
        return response.body.decode("utf-8")
    except UnicodeDecodeError as error:
        if response.truncated and error.end == len(response.body) and error.reason == "unexpected end of data":
            return response.body[: error.start].decode("utf-8")
        return None


def timing_document(timing: Timing) -> Json:
    """Milliseconds by stage."""
    return {
        "dns_ms": timing.dns_ms,
        "connect_ms": timing.connect_ms,
        "wait_ms": timing.wait_ms,
        "body_ms": timing.body_ms,
        "total_ms": timing.total_ms,
    }


def joined_headers(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """One value a name: several are joined by a comma, which RFC 9110, section 5.3, lets anybody do."""
    joined: dict[str, str] = {}
    names: dict[str, str] = {}
    for name, value in headers:
        # What a receiver sends may be no UTF-8; it was read with surrogates in place of such bytes.
        value = value.encode("utf-8", "replace").decode()
        first = names.setdefault(name.lower(), name)
        joined[first] = f"{joined[first]}, {value}" if first in joined else value
    return joined


def fire_document(fire: FireTime) -> Json:
    """One of the next fires."""
    return {"at": format_instant(fire.at), "local": fire.local.isoformat(), "notes": list(fire.notes)}


def aggregate_document(row: AggregateRow, group_by: Iterable[AggregateField]) -> Json:
    """A row with the fields it is grouped by, and what was counted."""
    document: Json = {}
    for field in group_by:
        value = getattr(row, field)
        document[field] = format_instant(value) if isinstance(value, datetime) else value
        if field == "trigger_id":
            document["trigger_name"] = row.trigger_name
    document["count"] = row.count
    document["last_fired_at"] = _instant(row.last_fired_at)
    return document


def _instant(instant: datetime | None) -> str | None:
    return None if instant is None else format_instant(instant)
