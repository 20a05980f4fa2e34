"""When a trigger fires. Data only; `timers/fire_times.py` answers questions about it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias

from engine.model.instant import require_aware


@dataclass(frozen=True, kw_only=True, slots=True)
class AtSchedule:
    """Once, and always, however late. A delay becomes one of these when the trigger is created."""

    at: datetime
    """UTC."""
    timezone: str = "UTC"
    """IANA name; only for showing the local time."""

    def __post_init__(self) -> None:
        require_aware(at=self.at)


@dataclass(frozen=True, kw_only=True, slots=True)
class IntervalSchedule:
    """At `anchor + n * every`, counted in UTC, so it never drifts."""

    every: timedelta
    """At least 1 s, in whole milliseconds."""
    anchor: datetime
    """UTC; the creation time unless the user says otherwise."""
    timezone: str = "UTC"
    """IANA name; only for showing the local time."""

    def __post_init__(self) -> None:
        require_aware(anchor=self.anchor)


@dataclass(frozen=True, kw_only=True, slots=True)
class CronSchedule:
    """At the wall-clock times that match `expression` in `timezone`."""

    expression: str
    """As the user wrote it: five fields, six with seconds first, or an @name."""
    timezone: str = "UTC"
    """IANA name."""


Schedule: TypeAlias = AtSchedule | IntervalSchedule | CronSchedule
