"""Example triggers and two days of events, so that a newcomer's page is not empty."""

from __future__ import annotations

import asyncio
import random
from datetime import datetime, timedelta

from engine.errors import NameTaken
from engine.model.delivery import Attempt, Exchange, Outcome, Request, Response, Timing, Verdict
from engine.model.event import EventKind, EventStatus, NewEvent, fired_event, new_message_id
from engine.model.schedule import CronSchedule, IntervalSchedule
from engine.model.trigger import Definition, RetryPolicy, Target, Trigger, TriggerType
from engine.storage.port import Store
from engine.timers.lifecycle import started

PERIOD = timedelta(hours=46)
"""The events lie this far back at most, so that expiry does not take them at once."""
FAILURE_RATE = 0.08
TOGETHER = 200
"""Events written at once, so that they share commits."""


async def fill_with_samples(store: Store, now: datetime, events: int) -> tuple[int, int]:
    """Add the triggers that are not there yet, and `events` events. Returns how many of each were added."""
    triggers, added = [], 0
    for definition in _definitions(now):
        try:
            state, next_fire_at = started(definition, now)
            written = await store.add_trigger(definition, state=state, next_fire_at=next_fire_at, now=now)
            triggers.append(written.row)
            added += 1
        except NameTaken:
            triggers.append(await store.find_trigger(definition.name))
    rng = random.Random(7)  # noqa: S311 - the same samples every time
    for start in range(0, events, TOGETHER):
        await asyncio.gather(
            *(
                _add_event(store, rng.choice(triggers), now - PERIOD * (1 - number / events), rng)
                for number in range(start, min(start + TOGETHER, events))
            )
        )
    return added, events


def _definitions(now: datetime) -> list[Definition]:
    """Nothing here calls out: targets are for the past events only, so that samples do no harm."""
    return [
        Definition(
            name="sample-nightly-report",
            type=TriggerType.SCHEDULED,
            description="Weekdays at half past two in Berlin.",
            tags=("sample", "billing"),
            schedule=CronSchedule(expression="30 2 * * MON-FRI", timezone="Europe/Berlin"),
            payload='{"report": "daily"}',
        ),
        Definition(
            name="sample-heartbeat",
            type=TriggerType.SCHEDULED,
            description="Every five minutes.",
            tags=("sample",),
            schedule=IntervalSchedule(every=timedelta(minutes=5), anchor=now.replace(microsecond=0)),
            payload='{"alive": true}',
        ),
        Definition(
            name="sample-order-created",
            type=TriggerType.API,
            description="Fired by whoever calls it.",
            tags=("sample", "orders"),
            payload='{"order": 1}',
            payload_schema='{"type": "object", "required": ["order"]}',
        ),
    ]


async def _add_event(store: Store, trigger: Trigger, fired_at: datetime, rng: random.Random) -> None:
    late = timedelta(milliseconds=rng.expovariate(1 / 2))
    fired = fired_event(
        trigger_id=trigger.id,
        trigger_name=trigger.name,
        kind=EventKind.API if trigger.definition.type is TriggerType.API else EventKind.SCHEDULED,
        details="Sample.",
        scheduled_for=fired_at - late,
        fired_at=fired_at,
        payload=trigger.definition.payload,
        target=None,
        retry=None,
    )
    if trigger.definition.type is not TriggerType.API:
        await store.add_event(fired)
        return
    took = timedelta(milliseconds=rng.uniform(8, 240))
    failed = rng.random() < FAILURE_RATE
    status = EventStatus.FAILED if failed else EventStatus.DELIVERED
    verdict = Verdict(
        status=status,
        reason="status_500" if failed else None,
        details=f"Sample: answered {500 if failed else 200}.",
        finished_at=fired_at + took,
        next_attempt_at=None,
    )
    sent = NewEvent(
        trigger_id=fired.trigger_id,
        trigger_name=fired.trigger_name,
        kind=fired.kind,
        status=status,
        reason=verdict.reason,
        details=verdict.details,
        scheduled_for=fired.scheduled_for,
        fired_at=fired_at,
        finished_at=verdict.finished_at,
        payload=fired.payload,
        message_id=new_message_id(),
        target=Target(url="http://127.0.0.1:9000/orders"),
        retry=RetryPolicy(attempts_max=1),
    )
    event = (await store.add_event(sent)).row
    await store.record_attempt(
        Attempt(event_id=event.id, number=1, started_at=fired_at, exchange=_exchange(event.message_id, failed, took)),
        verdict,
    )


def _exchange(message_id: str, failed: bool, took: timedelta) -> Exchange:
    took_ms = took / timedelta(milliseconds=1)
    return Exchange(
        request=Request(
            method="POST",
            url="http://127.0.0.1:9000/orders",
            headers=(("Content-Type", "application/json"), ("webhook-id", message_id)),
            body=None,
            timeout_ms=15_000,
        ),
        outcome=Outcome.BAD_STATUS if failed else Outcome.SUCCEEDED,
        response=Response(
            status=500 if failed else 200,
            headers=(("Content-Type", "text/plain"),),
            body=b"out of stock" if failed else b"ok",
            truncated=False,
        ),
        timing=Timing(connect_ms=0.4, wait_ms=took_ms - 0.5, body_ms=0.1, total_ms=took_ms),
    )
