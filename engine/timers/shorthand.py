"""Schedules as people type them: `*/5 * * * *`, `@daily`, `every 5m`, `in 10s`, `at 2026-12-01T09:00`."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from engine.errors import InvalidInput
from engine.model.instant import EPOCH, parse_instant
from engine.model.schedule import AtSchedule, CronSchedule, IntervalSchedule, Schedule
from engine.timers.cron import parse
from engine.timers.fire_times import EVERY_ALLOWED, EVERY_MAX, EVERY_MIN, zone

CHARACTERS_MAX = 256

ALLOWED = (
    "a cron expression ('*/5 * * * *', '@daily'), 'every 5m', 'in 10s' (units s, m, h, d, w, also together: 1h30m), "
    "or 'at 2026-12-01T09:00'"
)

_MILLISECOND = timedelta(milliseconds=1)
_MS_BY_UNIT = {
    "s": 1_000,
    "m": 60_000,
    "h": 3_600_000,
    "d": 86_400_000,
    "w": 604_800_000,
}
_UNIT = "s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?|w|weeks?"
_PART = re.compile(rf"([0-9]{{1,9}})(?:\.([0-9]{{1,3}}))? ?({_UNIT})(?![a-z])", re.ASCII)
_BETWEEN = re.compile(r"(?:, ?| and | )?", re.ASCII)


def parse_shorthand(text: str, *, now: datetime, timezone: str, field: str = "schedule") -> Schedule:
    """Read one of the forms above. A time without an offset is read in `timezone`; intervals are anchored `now`.

    Raises InvalidInput on `field`, with the value and what is allowed; on `schedule.timezone` for an unknown zone.
    """
    tz = zone(timezone)
    if len(text) > CHARACTERS_MAX:
        raise InvalidInput.of(field, text, f"at most {CHARACTERS_MAX} characters: {ALLOWED}")
    stripped = text.strip()
    word, _, rest = stripped.partition(" ")
    rest = rest.strip()
    match word.lower():
        case "every":
            every = _duration(rest if rest[:1].isdigit() else f"1 {rest}")
            if every is None:
                raise InvalidInput.of(field, text, ALLOWED)
            if not EVERY_MIN <= every <= EVERY_MAX:
                raise InvalidInput.of(field, text, f"an interval {EVERY_ALLOWED}")
            return IntervalSchedule(every=every, anchor=_to_millisecond(now), timezone=timezone)
        case "in":
            delay = _duration(rest)
            if delay is None:
                raise InvalidInput.of(field, text, ALLOWED)
            if delay > EVERY_MAX:
                raise InvalidInput.of(field, text, "a delay of at most 10 years")
            return AtSchedule(at=now + delay, timezone=timezone)
        case "at":
            try:
                return AtSchedule(at=parse_instant(rest, tz), timezone=timezone)
            except (ValueError, OverflowError):
                allowed = "'at' and a time such as 2026-12-01T09:00 or 2026-12-01T09:00:00+01:00, years 1970-9998"
                raise InvalidInput.of(field, text, allowed) from None
        case _:
            return _cron(stripped, text, timezone, field)


def _cron(stripped: str, text: str, timezone: str, field: str) -> CronSchedule:
    try:
        parse(stripped)
    except InvalidInput as error:
        # One word or three are no attempt at cron, so its own complaint would not help.
        looks_like_cron = stripped.startswith("@") or len(stripped.split()) in (4, 5, 6, 7)
        raise InvalidInput.of(field, text, error.errors[0].allowed if looks_like_cron else ALLOWED) from None
    return CronSchedule(expression=stripped, timezone=timezone)


def _duration(text: str) -> timedelta | None:
    """`5m`, `1h30m`, `1 hour and 30 minutes`, `1.5s`; None when it cannot be read."""
    text = " ".join(text.lower().split())
    milliseconds, position = 0, 0
    while position < len(text) or not position:
        match = _PART.match(text, position)
        if match is None:
            return None
        thousandths = int(match[1]) * 1_000 + int((match[2] or "0").ljust(3, "0"))
        milliseconds += thousandths * _MS_BY_UNIT[match[3][0]] // 1_000
        position = match.end()
        between = _BETWEEN.match(text, position)
        if between and between.end() < len(text):  # so that a trailing comma is not read over
            position = between.end()
    try:
        return timedelta(milliseconds=milliseconds)
    except OverflowError:
        return None


def _to_millisecond(instant: datetime) -> datetime:
    """Rounded up, so that the anchor reads well and is not before the interval was made."""
    return EPOCH - (EPOCH - instant) // _MILLISECOND * _MILLISECOND
