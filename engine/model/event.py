"""Events: the ledger's rows. One for each time a trigger fired, or should have and did not."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from engine.model.instant import MICROSECOND, require_aware
from engine.model.trigger import RetryPolicy, Target


class EventKind(StrEnum):
    """What made it fire."""

    SCHEDULED = "scheduled"
    API = "api"
    MANUAL = "manual"
    TEST = "test"
    REPLAY = "replay"
    BACKFILL = "backfill"


class EventStatus(StrEnum):
    """How far it has come."""

    WAITING = "waiting"
    """Committed, the first attempt has not begun."""
    RUNNING = "running"
    """An attempt is under way."""
    RETRYING = "retrying"
    """An attempt failed; `next_attempt_at` has the next."""
    DELIVERED = "delivered"
    FAILED = "failed"
    SKIPPED = "skipped"
    """It did not fire; `reason` says why."""
    RECORDED = "recorded"
    """Logged; there was nothing to send."""


UNDELIVERED = frozenset({EventStatus.WAITING, EventStatus.RUNNING, EventStatus.RETRYING})
"""Statuses that still have an attempt ahead of them."""


class SkipReason(StrEnum):
    """Why an event was skipped. More follow with calendars, limits and breakers."""

    MISFIRE = "misfire"
    OVERLAP = "overlap"
    PAUSED = "paused"


def new_message_id() -> str:
    """The `webhook-id` of an event: the same on every attempt, unique for ever, without a dot."""
    return f"msg_{secrets.token_hex(16)}"


@dataclass(frozen=True, kw_only=True, slots=True)
class NewEvent:
    """An event about to be written."""

    trigger_id: int | None
    """None for the test of a trigger that is not saved."""
    trigger_name: str
    """As it was at the fire; stays readable after the trigger is gone."""
    kind: EventKind
    status: EventStatus
    reason: str | None = None
    """A short code: why it was skipped or failed."""
    details: str
    """One sentence for a person."""
    scheduled_for: datetime
    fired_at: datetime
    """When the engine decided; the ledger's order."""
    finished_at: datetime | None = None
    """When it reached a status that does not change again."""
    payload: str | None = None
    """JSON text as it is sent; None: no body."""
    missed_count: int = 0
    """How many fires that were missed this row stands for, itself included; 0 for an ordinary fire."""
    message_id: str
    target: Target | None = None
    """The trigger's target at the fire, so that a retry sends the same request."""
    retry: RetryPolicy | None = None
    next_attempt_at: datetime | None = None
    """When an attempt is due; set exactly while the status is in UNDELIVERED."""
    replay_of: int | None = None
    """The event this one sends again."""

    def __post_init__(self) -> None:
        require_aware(
            scheduled_for=self.scheduled_for,
            fired_at=self.fired_at,
            finished_at=self.finished_at,
            next_attempt_at=self.next_attempt_at,
        )
        if (self.next_attempt_at is not None) != (self.status in UNDELIVERED):
            raise ValueError(f"status {self.status} does not go with next_attempt_at {self.next_attempt_at}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Event(NewEvent):
    """An event as it stands in the ledger."""

    id: int
    archived: bool = False
    attempts_made: int = 0

    @property
    def lateness_ms(self) -> float:
        """From `scheduled_for` to `fired_at`; never negative, for nothing fires early."""
        return (self.fired_at - self.scheduled_for) / MICROSECOND / 1000


def fired_event(
    *,
    trigger_id: int | None,
    trigger_name: str,
    kind: EventKind,
    details: str,
    scheduled_for: datetime,
    fired_at: datetime,
    payload: str | None,
    target: Target | None,
    retry: RetryPolicy | None,
    missed_count: int = 0,
    replay_of: int | None = None,
) -> NewEvent:
    """A fire: waiting to be sent where there is a target, otherwise recorded and done."""
    return NewEvent(
        trigger_id=trigger_id,
        trigger_name=trigger_name,
        kind=kind,
        status=EventStatus.WAITING if target else EventStatus.RECORDED,
        details=details,
        scheduled_for=scheduled_for,
        fired_at=fired_at,
        finished_at=None if target else fired_at,
        payload=payload,
        missed_count=missed_count,
        message_id=new_message_id(),
        target=target,
        retry=retry if target else None,
        next_attempt_at=fired_at if target else None,
        replay_of=replay_of,
    )


def skipped_event(
    *,
    trigger_id: int,
    trigger_name: str,
    kind: EventKind,
    reason: SkipReason,
    details: str,
    scheduled_for: datetime,
    now: datetime,
    payload: str | None = None,
    missed_count: int = 0,
) -> NewEvent:
    """A fire that did not happen, and why."""
    return NewEvent(
        trigger_id=trigger_id,
        trigger_name=trigger_name,
        kind=kind,
        status=EventStatus.SKIPPED,
        reason=reason,
        details=details,
        scheduled_for=scheduled_for,
        fired_at=now,
        finished_at=now,
        payload=payload,
        missed_count=missed_count,
        message_id=new_message_id(),
    )
