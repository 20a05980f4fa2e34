"""Records to store, with everything filled in that a test does not care about."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from engine.model.delivery import Attempt, Exchange, Outcome, Request, Response, Timing, Verdict
from engine.model.event import UNDELIVERED, EventKind, EventStatus, NewEvent, new_message_id
from engine.model.schedule import IntervalSchedule
from engine.model.trigger import Definition, RetryPolicy, Target, Trigger, TriggerState, TriggerType
from engine.storage.port import Firing, Store

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)

TARGET = Target(url="https://receiver.example/hook", headers=(("X-Tenant", "a"), ("X-Other", "b")))


def definition(name: str, **fields: Any) -> Definition:
    """A scheduled trigger; `fields` replace what it has."""
    defaults: dict[str, Any] = {
        "type": TriggerType.SCHEDULED,
        "schedule": IntervalSchedule(every=timedelta(minutes=1), anchor=NOON),
    }
    return Definition(name=name, **(defaults | fields))


async def add_trigger(
    store: Store, name: str, *, next_fire_at: datetime | None = NOON, now: datetime = NOON, **fields: Any
) -> Trigger:
    """Save an active trigger."""
    written = await store.add_trigger(
        definition(name, **fields), state=TriggerState.ACTIVE, next_fire_at=next_fire_at, now=now
    )
    return written.row


def new_event(trigger_id: int | None = None, **fields: Any) -> NewEvent:
    """An event by call, recorded at noon; a status that is undelivered comes with its next attempt."""
    fired_at = fields.get("fired_at", NOON)
    status = fields.setdefault("status", EventStatus.RECORDED)
    defaults: dict[str, Any] = {
        "trigger_name": f"trigger-{trigger_id}",
        "kind": EventKind.API,
        "details": "Called.",
        "scheduled_for": fired_at,
        "fired_at": fired_at,
        "message_id": new_message_id(),
    }
    if status in UNDELIVERED:
        defaults |= {"next_attempt_at": fired_at, "target": TARGET, "retry": RetryPolicy()}
    else:
        defaults["finished_at"] = fired_at
    return NewEvent(trigger_id=trigger_id, **(defaults | fields))


def scheduled_event(trigger: Trigger, at: datetime, **fields: Any) -> NewEvent:
    """The fire of `trigger` that was due at `at`, on time."""
    return new_event(
        trigger.id, **({"kind": EventKind.SCHEDULED, "trigger_name": trigger.name, "fired_at": at} | fields)
    )


def firing(trigger: Trigger, *, every: timedelta = MINUTE, **fields: Any) -> Firing:
    """The next fire of `trigger` as it was seen, and the one after it."""
    assert trigger.next_fire_at is not None
    defaults: dict[str, Any] = {
        "trigger_id": trigger.id,
        "version": trigger.version,
        "due_at": trigger.next_fire_at,
        "events": (scheduled_event(trigger, trigger.next_fire_at),),
        "next_fire_at": trigger.next_fire_at + every,
        "state": TriggerState.ACTIVE,
        "fired": True,
    }
    return Firing(**(defaults | fields))


def attempt(event_id: int, number: int = 1, **fields: Any) -> Attempt:
    """An attempt that was answered with 503, unless `fields` (of the exchange) say otherwise."""
    exchange: dict[str, Any] = {
        "request": Request(
            method="POST", url=TARGET.url, headers=(("content-type", "application/json"),), body=None, timeout_ms=15_000
        ),
        "outcome": Outcome.BAD_STATUS,
        "response": Response(status=503, headers=(("Server", "x"),), body=b"\x00\xff later", truncated=True),
        "timing": Timing(dns_ms=0.1, connect_ms=1.25, wait_ms=3.125, body_ms=None, total_ms=4.5),
    }
    return Attempt(event_id=event_id, number=number, started_at=NOON, exchange=Exchange(**(exchange | fields)))


DELIVERED = Verdict(
    status=EventStatus.DELIVERED,
    reason=None,
    details="Delivered: 200.",
    finished_at=NOON + MINUTE,
    next_attempt_at=None,
)
RETRYING = Verdict(
    status=EventStatus.RETRYING,
    reason="bad_status",
    details="Answered 503.",
    finished_at=None,
    next_attempt_at=NOON + MINUTE,
)
