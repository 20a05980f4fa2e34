"""Records: frozen, without naive datetimes, and events whose status and next attempt agree."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from engine.model.delivery import Attempt, Exchange, Outcome, Request, Timing, Verdict
from engine.model.event import (
    UNDELIVERED,
    Event,
    EventKind,
    EventStatus,
    NewEvent,
    SkipReason,
    fired_event,
    new_message_id,
    skipped_event,
)
from engine.model.schedule import AtSchedule, IntervalSchedule
from engine.model.trigger import Definition, RetryPolicy, Target, Trigger, TriggerState, TriggerType

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
NAIVE = datetime(2026, 11, 22, 9)  # noqa: DTZ001 -- what the records must refuse
TARGET = Target(url="https://example.org/hook")
EXCHANGE = Exchange(
    request=Request(method="POST", url="https://example.org/hook", headers=(), body=None, timeout_ms=1),
    outcome=Outcome.TIMEOUT,
    timing=Timing(total_ms=1.0),
)


def make_event(**changes: Any) -> Event:
    values: dict[str, Any] = {
        "id": 1,
        "trigger_id": 17,
        "trigger_name": "nightly-report",
        "kind": EventKind.SCHEDULED,
        "status": EventStatus.RECORDED,
        "details": "Recorded.",
        "scheduled_for": NOW,
        "fired_at": NOW,
        "message_id": new_message_id(),
    }
    return Event(**values | changes)


def make_trigger(**changes: Any) -> Trigger:
    values: dict[str, Any] = {
        "id": 17,
        "definition": Definition(name="nightly-report", type=TriggerType.API),
        "state": TriggerState.ACTIVE,
        "created_at": NOW,
        "updated_at": NOW,
    }
    return Trigger(**values | changes)


def make_attempt(**changes: Any) -> Attempt:
    values: dict[str, Any] = {"event_id": 1, "number": 1, "started_at": NOW, "exchange": EXCHANGE}
    return Attempt(**values | changes)


def make_verdict(**changes: Any) -> Verdict:
    values: dict[str, Any] = {"finished_at": None, "next_attempt_at": NOW}
    return Verdict(status=EventStatus.RETRYING, reason="timeout", details="It timed out.", **values | changes)


def make_interval(**changes: Any) -> IntervalSchedule:
    return IntervalSchedule(every=timedelta(minutes=5), **changes)


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (make_event, "scheduled_for"),
        (make_event, "fired_at"),
        (make_event, "finished_at"),
        (make_event, "next_attempt_at"),
        (make_trigger, "paused_until"),
        (make_trigger, "next_fire_at"),
        (make_trigger, "last_fired_at"),
        (make_trigger, "created_at"),
        (make_trigger, "updated_at"),
        (make_attempt, "started_at"),
        (make_verdict, "finished_at"),
        (make_verdict, "next_attempt_at"),
        (AtSchedule, "at"),
        (make_interval, "anchor"),
    ],
)
def test_naive_datetimes_are_refused_by_name(make: Callable[..., object], field: str) -> None:
    with pytest.raises(ValueError, match=field):
        make(**{field: NAIVE})


@pytest.mark.parametrize("record", [make_event(), make_trigger(), make_attempt(), make_verdict(), EXCHANGE, TARGET])
def test_records_do_not_change(record: Any) -> None:
    name = dataclasses.fields(record)[0].name
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(record, name, getattr(record, name))


@pytest.mark.parametrize("status", list(EventStatus))
def test_an_attempt_is_due_exactly_while_undelivered(status: EventStatus) -> None:
    due, not_due = {"status": status, "next_attempt_at": NOW}, {"status": status, "next_attempt_at": None}
    allowed, refused = (due, not_due) if status in UNDELIVERED else (not_due, due)
    assert make_event(**allowed).status is status
    with pytest.raises(ValueError, match=status.value):
        make_event(**refused)


def test_undelivered_are_those_with_an_attempt_ahead() -> None:
    assert {status.value for status in UNDELIVERED} == {"waiting", "running", "retrying"}


def test_message_ids_are_unique_and_hold_no_dot() -> None:
    ids = {new_message_id() for _ in range(1_000)}
    assert len(ids) == 1_000
    assert all(message_id.startswith("msg_") and "." not in message_id for message_id in ids)


def test_lateness_is_in_milliseconds() -> None:
    assert make_event(fired_at=NOW + timedelta(microseconds=1_500)).lateness_ms == 1.5


def fire(target: Target | None) -> NewEvent:
    return fired_event(
        trigger_id=17,
        trigger_name="nightly-report",
        kind=EventKind.SCHEDULED,
        details="Fired.",
        scheduled_for=NOW,
        fired_at=NOW + timedelta(milliseconds=3),
        payload=None,
        target=target,
        retry=RetryPolicy(),
    )


def test_a_fire_with_a_target_waits_to_be_sent() -> None:
    event = fire(TARGET)
    assert (event.status, event.next_attempt_at, event.finished_at) == (EventStatus.WAITING, event.fired_at, None)
    assert (event.target, event.retry) == (TARGET, RetryPolicy())


def test_a_fire_without_a_target_is_recorded_and_done() -> None:
    event = fire(None)
    assert (event.status, event.next_attempt_at, event.finished_at) == (EventStatus.RECORDED, None, event.fired_at)
    assert event.retry is None


def test_a_skipped_fire_is_done_and_says_why() -> None:
    event = skipped_event(
        trigger_id=17,
        trigger_name="nightly-report",
        kind=EventKind.SCHEDULED,
        reason=SkipReason.MISFIRE,
        details="The engine was not running.",
        scheduled_for=NOW - timedelta(days=2),
        now=NOW,
    )
    assert (event.status, event.reason, event.finished_at, event.next_attempt_at) == ("skipped", "misfire", NOW, None)


@pytest.mark.parametrize(
    ("state", "next_fire_at", "paused_until", "expected"),
    [
        (TriggerState.ACTIVE, NOW, None, NOW),
        (TriggerState.ACTIVE, None, None, None),
        (TriggerState.PAUSED, None, NOW, NOW),
        (TriggerState.PAUSED, NOW, None, None),
        (TriggerState.COMPLETED, None, NOW, None),
        (TriggerState.DISABLED, NOW, NOW, None),
    ],
)
def test_the_wheel_looks_at_the_next_fire_or_the_end_of_a_pause(
    state: TriggerState, next_fire_at: datetime | None, paused_until: datetime | None, expected: datetime | None
) -> None:
    trigger = make_trigger(state=state, next_fire_at=next_fire_at, paused_until=paused_until)
    assert trigger.wake_at == expected
    assert trigger.is_active == (state is TriggerState.ACTIVE)
    assert trigger.name == "nightly-report"
