"""The plain JSON shapes of schedules, targets and policies: what the API shows and what a store keeps.

`*_document` makes one, `*_from_document` reads back what `*_document` made. Neither validates: input from people is
validated by `http/schemas.py` before it becomes a record.
"""

from __future__ import annotations

from datetime import UTC, timedelta
from typing import Any

from engine.model.instant import format_instant, parse_instant
from engine.model.schedule import AtSchedule, CronSchedule, IntervalSchedule, Schedule
from engine.model.trigger import Misfire, MisfirePolicy, RetryPolicy, Target

Json = dict[str, Any]


def schedule_document(schedule: Schedule) -> Json:
    """An object with `kind`: at, interval or cron."""
    match schedule:
        case AtSchedule():
            return {"kind": "at", "at": format_instant(schedule.at), "timezone": schedule.timezone}
        case IntervalSchedule():
            return {
                "kind": "interval",
                "every_s": seconds(schedule.every),
                "anchor": format_instant(schedule.anchor),
                "timezone": schedule.timezone,
            }
        case CronSchedule():
            return {"kind": "cron", "expression": schedule.expression, "timezone": schedule.timezone}


def schedule_from_document(document: Json) -> Schedule:
    """Inverse of `schedule_document`."""
    timezone = document["timezone"]
    match document["kind"]:
        case "at":
            return AtSchedule(at=parse_instant(document["at"], UTC), timezone=timezone)
        case "interval":
            return IntervalSchedule(
                every=timedelta(seconds=document["every_s"]),
                anchor=parse_instant(document["anchor"], UTC),
                timezone=timezone,
            )
        case "cron":
            return CronSchedule(expression=document["expression"], timezone=timezone)
        case kind:
            raise ValueError(f"unknown schedule kind {kind!r}")


def target_document(target: Target) -> Json:
    """`headers` as an object; `success_codes` only where the user chose them."""
    document: Json = {
        "url": target.url,
        "method": target.method,
        "headers": dict(target.headers),
        "timeout_ms": target.timeout_ms,
    }
    if target.success_codes:
        document["success_codes"] = list(target.success_codes)
    return document


def target_from_document(document: Json) -> Target:
    """Inverse of `target_document`."""
    return Target(
        url=document["url"],
        method=document["method"],
        headers=tuple(document["headers"].items()),
        timeout_ms=document["timeout_ms"],
        success_codes=tuple(document.get("success_codes", ())),
    )


def retry_document(retry: RetryPolicy) -> Json:
    return {
        "attempts_max": retry.attempts_max,
        "backoff": retry.backoff,
        "first_delay_ms": retry.first_delay_ms,
        "delay_max_ms": retry.delay_max_ms,
    }


def retry_from_document(document: Json) -> RetryPolicy:
    """Inverse of `retry_document`."""
    return RetryPolicy(**document)


def misfire_document(misfire: Misfire) -> Json:
    return {"policy": misfire.policy.value, "window_s": seconds(misfire.window)}


def misfire_from_document(document: Json) -> Misfire:
    """Inverse of `misfire_document`."""
    return Misfire(policy=MisfirePolicy(document["policy"]), window=timedelta(seconds=document["window_s"]))


def seconds(duration: timedelta) -> int | float:
    """Whole seconds as an integer, so that 300 is shown as it was given."""
    value = duration / timedelta(seconds=1)
    return int(value) if value.is_integer() else value
