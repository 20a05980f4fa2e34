"""Triggers: what the user decided (`Definition`) and where it stands now (`Trigger`)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from engine.model.instant import require_aware
from engine.model.schedule import Schedule


class TriggerType(StrEnum):
    """How a trigger comes to fire."""

    SCHEDULED = "scheduled"
    API = "api"


class TriggerState(StrEnum):
    """Where a trigger stands."""

    ACTIVE = "active"
    PAUSED = "paused"
    COMPLETED = "completed"
    """A one-off that has fired, or a schedule that has run out."""
    DISABLED = "disabled"
    """Switched off by the engine; `state_reason` says why."""


class MisfirePolicy(StrEnum):
    """What to do with fires that came due while the engine was not running."""

    COALESCE = "coalesce"
    ALL = "all"
    LATEST = "latest"
    SKIP = "skip"


class OverlapPolicy(StrEnum):
    """What to do when the last delivery of the same trigger is still under way."""

    ALLOW = "allow"
    SKIP = "skip"


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """Where a fire is sent, as an HTTP request."""

    url: str
    method: str = "POST"
    headers: tuple[tuple[str, str], ...] = ()
    """In the order given; names compare without case and are unique."""
    timeout_ms: int = 15_000
    """For one whole attempt: resolve, connect, send, wait and read."""
    success_codes: tuple[int, ...] = ()
    """Statuses that count as delivered; empty means 200-299."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RetryPolicy:
    """When to try again. `delivery/retry.py` has the formula."""

    attempts_max: int = 8
    """The first attempt included."""
    backoff: str = "exponential"
    first_delay_ms: int = 5_000
    delay_max_ms: int = 36_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Misfire:
    """The misfire rule of one trigger."""

    policy: MisfirePolicy = MisfirePolicy.COALESCE
    window: timedelta = timedelta(days=1)
    """Fires older than this are not made up."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Definition:
    """All that a user decides about a trigger. Validated before it gets here."""

    name: str
    """Unique, 1-200 characters."""
    type: TriggerType
    description: str = ""
    tags: tuple[str, ...] = ()
    schedule: Schedule | None = None
    """None exactly when `type` is api."""
    payload: str | None = None
    """JSON text, byte for byte as it was given; None when there is none (or it was `null`)."""
    payload_schema: str | None = None
    """JSON Schema as JSON text, checked against what fires the trigger by call."""
    target: Target | None = None
    """None: a fire is recorded only."""
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    misfire: Misfire = field(default_factory=Misfire)
    overlap: OverlapPolicy = OverlapPolicy.ALLOW


@dataclass(frozen=True, kw_only=True, slots=True)
class Trigger:
    """A saved trigger."""

    id: int
    definition: Definition
    state: TriggerState
    state_reason: str | None = None
    """The note of a pause, or why the engine disabled it."""
    paused_until: datetime | None = None
    """When a pause ends by itself; None: only by resume."""
    next_fire_at: datetime | None = None
    """UTC; None unless active and scheduled."""
    last_fired_at: datetime | None = None
    """UTC, of the last event that was not skipped."""
    created_at: datetime
    updated_at: datetime
    """When the definition or the state was last changed by a person; a fire does not touch it."""
    version: int = 1
    """Counts changes of definition and state, not fires."""

    def __post_init__(self) -> None:
        require_aware(
            paused_until=self.paused_until,
            next_fire_at=self.next_fire_at,
            last_fired_at=self.last_fired_at,
            created_at=self.created_at,
            updated_at=self.updated_at,
        )

    @property
    def name(self) -> str:
        return self.definition.name

    @property
    def is_active(self) -> bool:
        return self.state is TriggerState.ACTIVE

    @property
    def wake_at(self) -> datetime | None:
        """When the timer wheel has to look at it: the next fire, or the end of a pause."""
        if self.state is TriggerState.ACTIVE:
            return self.next_fire_at
        return self.paused_until if self.state is TriggerState.PAUSED else None
