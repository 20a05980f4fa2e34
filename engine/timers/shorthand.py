"""Schedules as people type them, or bring them along from elsewhere.

Our own: `*/5 * * * *`, `@daily`, `every 5m`, `in 10s`, `at 2026-12-01T09:00`. ISO 8601 durations, which mean every so
often: `PT15M`, `P1D`. Amazon EventBridge's: `rate(5 minutes)`, `at(2026-12-01T09:00:00)`, `cron(0 9 ? * MON-FRI *)`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar
from zoneinfo import ZoneInfo

from engine.errors import InvalidInput
from engine.model.instant import EPOCH, parse_instant
from engine.model.schedule import AtSchedule, CronSchedule, IntervalSchedule, Schedule
from engine.timers import eventbridge
from engine.timers.cron import parse
from engine.timers.fire_times import EVERY_ALLOWED, EVERY_MAX, EVERY_MIN, zone

Read = TypeVar("Read")

CHARACTERS_MAX = 256

ALLOWED = (
    "a cron expression ('*/5 * * * *', '@daily'), 'every 5m', 'in 10s' (units s, m, h, d, w, also together: 1h30m), "
    "'at 2026-12-01T09:00', an ISO 8601 duration ('PT15M'), or one of EventBridge's: 'rate(5 minutes)', "
    "'at(2026-12-01T09:00:00)', 'cron(0 9 ? * MON-FRI *)'"
)

_DURATION_ALLOWED = (
    "an ISO 8601 duration of weeks, days, hours, minutes and seconds, such as PT15M, PT1H30M, P1D, P1W (it means every "
    "so often; at most nine digits and three decimals each)"
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

_LIKE_ISO_8601 = re.compile("[+-]?P[0-9T]|R-?[0-9]*/", re.ASCII | re.IGNORECASE)
_NUMBER = r"[0-9]{1,9}(?:[.,][0-9]{1,3})?"
_ISO_8601 = re.compile(
    rf"P(?:{_NUMBER}W)?(?:{_NUMBER}D)?(?:T(?=[0-9])(?:{_NUMBER}H)?(?:{_NUMBER}M)?(?:{_NUMBER}S)?)?",
    re.ASCII | re.IGNORECASE,
)


def parse_shorthand(text: str, *, now: datetime, timezone: str, field: str = "schedule") -> Schedule:
    """Read one of the forms above. A time without an offset is read in `timezone`; intervals are anchored `now`.

    A day is 24 hours in every duration, whatever the clocks do. Raises InvalidInput on `field`, with the value and
    what is allowed; on `schedule.timezone` for an unknown zone.
    """
    return _Reader(text=text, field=field, now=now, timezone=timezone, tz=zone(timezone)).schedule()


@dataclass(frozen=True, kw_only=True, slots=True)
class _Reader:
    text: str
    field: str
    now: datetime
    timezone: str
    tz: ZoneInfo

    def schedule(self) -> Schedule:
        if len(self.text) > CHARACTERS_MAX:
            raise self.refused(f"at most {CHARACTERS_MAX} characters: {ALLOWED}")
        stripped = self.text.strip()
        name, parenthesis, inner = stripped.partition("(")
        name = name.rstrip().lower()
        if parenthesis and name in ("at", "cron", "rate"):
            return self.eventbridge(name, inner)
        if _LIKE_ISO_8601.match(stripped):
            return self.interval(self.iso_8601(stripped))
        word, _, rest = stripped.partition(" ")
        rest = rest.strip()
        match word.lower():
            case "every":
                return self.interval(_duration(rest if rest[:1].isdigit() else f"1 {rest}"))
            case "in":
                return self.delayed(_duration(rest))
            case "at":
                return self.at(rest)
            case _:
                # One word or three are no attempt at cron, so its own complaint would not help.
                looks_like_cron = stripped.startswith("@") or len(stripped.split()) in (4, 5, 6, 7)
                return self.cron(stripped, None if looks_like_cron else ALLOWED)

    def eventbridge(self, name: str, inner: str) -> Schedule:
        if not inner.endswith(")"):
            raise self.refused(f"a closing parenthesis, at the end: {ALLOWED}")
        inner = inner[:-1]
        match name:
            case "rate":
                return self.interval(self.judged(eventbridge.period, inner))
            case "at":
                return self.at(inner)
            case _:
                return self.cron(self.judged(eventbridge.cron_expression, inner))

    def iso_8601(self, text: str) -> timedelta | None:
        if text[0] in "rR":
            raise self.refused(
                "a duration without R/ (PT15M), which repeats without end; repetitions cannot be counted here, and to "
                "start at a time of its own a schedule is an object with kind interval, every_s and anchor"
            )
        date, _, _ = text.upper().partition("T")
        if "Y" in date or "M" in date:
            raise self.refused(
                f"{_DURATION_ALLOWED}; a year or a month has no fixed length: use cron, such as '0 9 1 * *' for the "
                "first of each month (minutes come after a T: PT5M)"
            )
        if not _ISO_8601.fullmatch(text):
            raise self.refused(_DURATION_ALLOWED)
        return _duration(text[1:].lower().replace("t", "").replace(",", "."))

    def interval(self, every: timedelta | None) -> IntervalSchedule:
        if every is None:
            raise self.refused(ALLOWED)
        if not EVERY_MIN <= every <= EVERY_MAX:
            raise self.refused(f"an interval {EVERY_ALLOWED}")
        return IntervalSchedule(every=every, anchor=to_millisecond(self.now), timezone=self.timezone)

    def delayed(self, delay: timedelta | None) -> AtSchedule:
        if delay is None:
            raise self.refused(ALLOWED)
        if delay > EVERY_MAX:
            raise self.refused("a delay of at most 10 years")
        return AtSchedule(at=self.now + delay, timezone=self.timezone)

    def at(self, time: str) -> AtSchedule:
        try:
            return AtSchedule(at=parse_instant(time, self.tz), timezone=self.timezone)
        except (ValueError, OverflowError):
            allowed = "'at' and a time such as 2026-12-01T09:00 or 2026-12-01T09:00:00+01:00, years 1970-9998"
            raise self.refused(allowed) from None

    def cron(self, expression: str, allowed: str | None = None) -> CronSchedule:
        """`allowed` is said instead of what the parser has to say."""
        try:
            self.judged(parse, expression)
        except InvalidInput:
            if allowed is None:
                raise
            raise self.refused(allowed) from None
        return CronSchedule(expression=expression, timezone=self.timezone)

    def judged(self, read: Callable[[str], Read], part: str) -> Read:
        """What `read` makes of a part of the text; what it has against the part is told about the text."""
        try:
            return read(part)
        except InvalidInput as error:
            raise self.refused(error.errors[0].allowed) from None

    def refused(self, allowed: str) -> InvalidInput:
        return InvalidInput.of(self.field, self.text, allowed)


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


def to_millisecond(instant: datetime) -> datetime:
    """Cut to whole milliseconds, for an anchor that reads well. Not rounded up: an anchor that is still to come would
    itself be the first fire, and that at once."""
    return instant - (instant - EPOCH) % _MILLISECOND
