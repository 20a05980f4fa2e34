"""Records for tests: valid, with only what a test is about given."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from engine.model.event import Event, EventKind, fired_event
from engine.model.schedule import AtSchedule, CronSchedule, IntervalSchedule
from engine.model.trigger import Definition, Target, Trigger, TriggerState, TriggerType
from tests.fakes.clock import START

RECEIVER = Target(url="http://receiver.test/hook")


def definition(name: str = "trigger", **fields: Any) -> Definition:
    """Of type api unless there is a schedule."""
    kind = TriggerType.SCHEDULED if fields.get("schedule") else TriggerType.API
    return Definition(**{"name": name, "type": kind, **fields})


def trigger(**fields: Any) -> Trigger:
    """As created at START."""
    made = {"id": 1, "definition": definition(), "state": TriggerState.ACTIVE, "created_at": START, "updated_at": START}
    return Trigger(**{**made, **fields})


def event(event_id: int = 1, **fields: Any) -> Event:
    """Fired at START by hand; waiting when it has a target, otherwise recorded."""
    draft = fired_event(
        **{
            "trigger_id": 1,
            "trigger_name": "trigger",
            "kind": EventKind.MANUAL,
            "details": "Fired by hand.",
            "scheduled_for": START,
            "fired_at": START,
            "payload": None,
            "target": None,
            "retry": None,
            **fields,
        }
    )
    return Event(id=event_id, **{name: getattr(draft, name) for name in draft.__dataclass_fields__})


def at(instant: datetime) -> AtSchedule:
    return AtSchedule(at=instant)


def after(seconds: float) -> AtSchedule:
    """Due that long after START."""
    return AtSchedule(at=START + timedelta(seconds=seconds))


def every(seconds: float) -> IntervalSchedule:
    """Anchored at START."""
    return IntervalSchedule(every=timedelta(seconds=seconds), anchor=START)


def cron(expression: str, timezone: str = "UTC") -> CronSchedule:
    return CronSchedule(expression=expression, timezone=timezone)
