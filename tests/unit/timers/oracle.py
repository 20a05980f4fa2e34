"""When a cron expression fires, found out in the plainest way: walk real time and look at the clock on the wall.

No cron library in it, nothing of the engine either. `Walk` steps through UTC, a minute (or a second) at a time, and
asks zoneinfo what the clock shows. `RandomCron` is an expression whose meaning is known because it was made from it.
"""

from __future__ import annotations

import calendar
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
WEEKDAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]


class Walk:
    """Every instant from `start` up to `end` (both included), with the wall time that is shown then."""

    def __init__(self, zone: str, start: datetime, end: datetime, step: timedelta = timedelta(minutes=1)) -> None:
        tz = ZoneInfo(zone)
        self.start, self.end, self.step = start, end, step
        self.readings: list[tuple[datetime, datetime]] = []
        # Some days more in front, so that it is known what the clock has shown already.
        instant = start - timedelta(days=2 if step >= timedelta(minutes=1) else 0)
        while instant <= end:
            self.readings.append((instant, instant.astimezone(tz).replace(tzinfo=None)))
            instant += step

    def fires(self, matches: Callable[[datetime], bool], *, interval_like: bool) -> list[datetime]:
        """All fires with start < fire <= end."""
        found = []
        if interval_like:
            # At every real instant whose wall clock matches.
            found = [instant for instant, wall in self.readings if matches(wall)]
        else:
            # Once for each wall time: when the clock first shows it, or has jumped over it.
            latest = self.readings[0][1]
            for instant, wall in self.readings[1:]:
                reached = False
                while latest < wall:
                    latest += self.step
                    reached = matches(latest) or reached
                if reached:
                    found.append(instant)
        return [instant for instant in found if instant > self.start]


@dataclass
class RandomCron:
    """An expression and, independently of its text, what it means."""

    text: str
    interval_like: bool
    seconds: set[int]
    minutes: set[int]
    hours: set[int]
    months: set[int]
    month_day: Callable[[datetime], bool]
    weekday: Callable[[datetime], bool]
    either_day: bool

    def matches(self, wall: datetime) -> bool:
        if wall.second not in self.seconds or wall.minute not in self.minutes or wall.hour not in self.hours:
            return False
        if wall.month not in self.months:
            return False
        by_date, by_weekday = self.month_day(wall), self.weekday(wall)
        return by_date or by_weekday if self.either_day else by_date and by_weekday


def random_cron(rng: random.Random, *, dense: bool = False, with_seconds: bool = False) -> RandomCron:
    """`dense`: fires about every day, so that a window of a few days has something in it."""
    second_text, seconds = _values(rng, 0, 59, []) if with_seconds else ("", {0})
    minute_text, minutes = _values(rng, 0, 59, [])
    hour_text, hours = _values(rng, 0, 23, [])
    if rng.random() < 0.5:
        hours_near = [0, 1, 2, 3, 23]
        hours = set(rng.sample(hours_near, rng.randint(1, 3)))
        hour_text = ",".join(map(str, sorted(hours)))
    star = dense and rng.random() < 0.7
    month_text, months = ("*", set(range(1, 13))) if dense or rng.random() < 0.5 else _values(rng, 1, 12, MONTHS)
    day_text, month_day = ("*", _always) if star else _month_day(rng)
    weekday_text, weekday = ("*", _always) if star or rng.random() < 0.4 else _weekday(rng)
    parts = [minute_text, hour_text, day_text, month_text, weekday_text]
    text = " ".join([second_text, *parts] if with_seconds else parts)
    return RandomCron(
        text=text,
        interval_like=minute_text[0] == "*" or hour_text[0] == "*",
        seconds=seconds,
        minutes=minutes,
        hours=hours,
        months=months,
        month_day=month_day,
        weekday=weekday,
        either_day=day_text[0] != "*" and weekday_text[0] != "*",
    )


def _always(_: datetime) -> bool:
    return True


def _values(rng: random.Random, low: int, high: int, names: list[str]) -> tuple[str, set[int]]:
    """One field: `*`, `*/n`, a number, a range, a stepped one, or a list of these."""

    def show(value: int) -> str:
        return names[value - low] if names and rng.random() < 0.3 else str(value)

    def item() -> tuple[str, set[int]]:
        kind = rng.choice(["number", "number", "range", "stepped", "open", "every"])
        a = rng.randint(low, high)
        b = rng.randint(a, high)
        step = rng.randint(1, max(2, (high - low) // 2))
        if kind == "number":
            return show(a), {a}
        if kind == "range":
            return f"{show(a)}-{show(b)}", set(range(a, b + 1))
        if kind == "stepped":
            return f"{show(a)}-{show(b)}/{step}", set(range(a, b + 1, step))
        if kind == "open":
            return f"{show(a)}/{step}", set(range(a, high + 1, step))
        return f"*/{step}", set(range(low, high + 1, step))

    if rng.random() < 0.25:
        return "*", set(range(low, high + 1))
    items = [item() for _ in range(rng.choice([1, 1, 1, 2, 3]))]
    return ",".join(text for text, _ in items), set().union(*(values for _, values in items))


def _month_day(rng: random.Random) -> tuple[str, Callable[[datetime], bool]]:
    text, values = _values(rng, 1, 31, [])
    with_last = rng.random() < 0.25
    if with_last:
        text = rng.choice(["L", f"{text},L"])
        values = set() if text == "L" else values

    def matches(wall: datetime) -> bool:
        return wall.day in values or (with_last and wall.day == calendar.monthrange(wall.year, wall.month)[1])

    return text, matches


def _weekday(rng: random.Random) -> tuple[str, Callable[[datetime], bool]]:
    kind = rng.choice(["values", "values", "nth", "last", "both"])
    text, values = _values(rng, 0, 7, [*WEEKDAYS, "7"])
    weekdays = {value % 7 for value in values}
    chosen, nth = rng.randint(0, 6), rng.randint(1, 5)
    shown = rng.choice([str(chosen), WEEKDAYS[chosen], WEEKDAYS[chosen].lower()])
    special = f"{shown}L" if kind == "last" else f"{shown}#{nth}"
    if kind in ("nth", "last"):
        text, weekdays = special, set()
    elif kind == "both":
        text = f"{text},{special}"

    def matches(wall: datetime) -> bool:
        weekday = wall.isoweekday() % 7
        if weekday in weekdays:
            return True
        if kind == "values" or weekday != chosen:
            return False
        if kind == "last":
            return (wall + timedelta(days=7)).month != wall.month
        return (wall.day - 1) // 7 + 1 == nth

    return text, matches


def utc(*parts: int) -> datetime:
    """Short for an instant in a test."""
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc,arg-type]
