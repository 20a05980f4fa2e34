"""When cron expressions fire. The only file that imports croniter.

croniter gets plain lists of integers and answers in naive local time; which real instant a local time is, in a spring
gap or an autumn overlap, is our own rule:

- *Interval-like* expressions (minute or hour begins with `*`) fire at every real instant whose wall clock matches.
- *Fixed-time* expressions fire once for each wall time: on the first pass of an overlap, at the first instant after a
  gap; fires that land on one instant are one. In other words: when the clock first shows that time or a later one.

Everything here depends on its arguments alone, so answers are cached and shared by all triggers that ask the same.
"""

from __future__ import annotations

import bisect
import copy
import functools
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from croniter import croniter

from engine.model.instant import MICROSECOND, from_local
from engine.timers.cron_expression import CronExpression, matching_days
from engine.timers.cron_expression import parse as parse
from engine.timers.zones import YEAR_MAX, Transition, transitions, zone

SEARCH_YEARS = 40
"""How far the next fire is looked for. Days come within 8 years, but gaps can swallow an hour year after year."""

_ONE_SECOND = timedelta(seconds=1)
_OVERLAP_DAYS_MAX = 2
"""No overlap is longer; the longest, of a whole day, were on the date line."""


@functools.lru_cache(maxsize=16_384)
def next_cron_time(expression: CronExpression, timezone: str, after: datetime) -> datetime | None:
    """The first fire strictly later than `after`, in UTC.

    None when none comes within SEARCH_YEARS. Raises InvalidInput for an unknown zone.
    """
    tz = zone(timezone)
    after = after.astimezone(UTC)
    if expression.is_interval:
        return _next_matching_instant(expression, timezone, tz, after)
    wall = _next_wall(expression, _latest_wall(timezone, tz, after))
    if wall is None or wall.year > min(after.year + SEARCH_YEARS, YEAR_MAX):
        return None
    return from_local(wall, tz)


def _next_matching_instant(expression: CronExpression, timezone: str, tz: ZoneInfo, after: datetime) -> datetime | None:
    """Between two changes of the offset, wall clock and real time run in step: search one such stretch at a time."""
    start, year_max = after, min(after.year + SEARCH_YEARS, YEAR_MAX)
    local = after.astimezone(tz)
    wall, offset = local.replace(tzinfo=None), local.utcoffset() or timedelta()
    asked_from, found = wall, _next_wall(expression, wall)
    while found is not None and found.year <= year_max:
        fire = found.replace(tzinfo=UTC) - offset
        change = next(transitions(timezone, start, fire), None)
        if change is None:
            return fire
        start, offset = change.at, change.offset_after
        wall = change.wall_after - MICROSECOND  # so that the new stretch's first reading itself can match
        if not asked_from <= wall < found:
            asked_from, found = wall, _next_wall(expression, wall)
    return None


def _latest_wall(timezone: str, tz: ZoneInfo, instant: datetime) -> datetime:
    """The latest time the wall clock has shown by `instant`; in the second pass of an overlap, the overlap's end."""
    local = instant.astimezone(tz)
    wall = local.replace(tzinfo=None)
    if local.fold:
        *_, change = transitions(timezone, instant - timedelta(days=_OVERLAP_DAYS_MAX), instant)
        wall = max(wall, change.wall_before - MICROSECOND)
    return wall


def _next_wall(expression: CronExpression, wall: datetime) -> datetime | None:
    """The first matching wall time strictly later than `wall`; both naive, in whole seconds."""
    # A copy, because croniter keeps the place it has come to in itself.
    iterator = copy.copy(_croniter(expression))
    wall = wall.replace(microsecond=0)
    while True:
        try:
            wall = iterator.get_next(datetime, start_time=wall)  # type: ignore[no-untyped-call]
        except (ValueError, OverflowError):  # it found nothing, or came to the end of the calendar
            return None
        if wall.day in matching_days(expression, wall.year, wall.month):
            return wall
        # Only with L and #, which are ours: croniter was told that any day will do.
        day = _next_day(expression, wall.date())
        if day is None:
            return None
        wall = datetime(day.year, day.month, day.day) - _ONE_SECOND  # noqa: DTZ001 (wall times are naive)


def _next_day(expression: CronExpression, after: date) -> date | None:
    """The first matching day later than `after`."""
    year, month, day = after.year, after.month, after.day
    while year <= YEAR_MAX:
        days = matching_days(expression, year, month)
        index = bisect.bisect_right(days, day)
        if index < len(days):
            return date(year, month, days[index])
        year, month, day = (year, month + 1, 0) if month < 12 else (year + 1, 1, 0)
    return None


@functools.lru_cache(maxsize=4_096)
def _croniter(expression: CronExpression) -> croniter:
    days, weekdays = _listed(expression.month_days, 31), _listed(expression.weekdays, 7)
    if expression.last_day or expression.nth_weekdays:
        days = weekdays = "*"
    elif expression.day_or and "*" in (days, weekdays):
        # croniter takes a full list for `*`, which it does not combine by *or*.
        days = weekdays = "*"
    fields = [
        _listed(expression.minutes, 60),
        _listed(expression.hours, 24),
        days,
        _listed(expression.months, 12),
        weekdays,
    ]
    if expression.seconds != (0,):
        fields.append(_listed(expression.seconds, 60))
    start = datetime(1970, 1, 1)  # noqa: DTZ001 (wall times are naive)
    return croniter(" ".join(fields), start, ret_type=datetime, day_or=expression.day_or)


def _listed(values: tuple[int, ...], full: int) -> str:
    return "*" if len(values) == full else ",".join(map(str, values))


# --- counting, for fires that were missed ---------------------------------------------------------------------------


def count_cron_times(expression: CronExpression, timezone: str, after: datetime, until: datetime) -> int:
    """How many fires there are with after < fire <= until, counted by days and not one by one."""
    after, until = after.astimezone(UTC), until.astimezone(UTC)
    if until <= after:
        return 0
    tz = zone(timezone)
    changes = transitions(timezone, after, until)
    if not expression.is_interval:
        count = _count_walls(expression, _latest_wall(timezone, tz, after), _latest_wall(timezone, tz, until))
        for change in changes:
            if change.is_gap:
                # All that fall into the gap land on its end, as does the reading of the end itself.
                landed = _count_walls(expression, change.wall_before - MICROSECOND, change.wall_after)
                count -= max(landed - 1, 0)
        return count
    count, wall = 0, after.astimezone(tz).replace(tzinfo=None)
    for change in changes:
        count += _count_walls(expression, wall, change.wall_before - MICROSECOND)
        wall = change.wall_after - MICROSECOND
    return count + _count_walls(expression, wall, until.astimezone(tz).replace(tzinfo=None))


def cron_time_from_end(
    expression: CronExpression, timezone: str, after: datetime, until: datetime, nth: int
) -> datetime:
    """The `nth` last (1: the last) of the fires with after < fire <= until. There must be as many."""
    low, high = after, until
    while high - low > _ONE_SECOND:
        middle = low + (high - low) // 2
        if count_cron_times(expression, timezone, middle, until) >= nth:
            low = middle
        else:
            high = middle
    fire = next_cron_time(expression, timezone, low)
    if fire is None or fire > until:
        raise ValueError(f"fewer than {nth} fires of {expression} between {after} and {until}")
    return fire


def _count_walls(expression: CronExpression, after: datetime, until: datetime) -> int:
    """How many matching wall times there are with after < wall <= until."""
    if until <= after:
        return 0
    per_day = len(expression.hours) * len(expression.minutes) * len(expression.seconds)
    days = _count_days(expression, after.date(), until.date())
    return days * per_day + _count_in_day(expression, until) - _count_in_day(expression, after)


def _count_days(expression: CronExpression, first: date, end: date) -> int:
    """How many matching days there are with first <= day < end."""
    count = -bisect.bisect_left(matching_days(expression, first.year, first.month), first.day)
    year, month = first.year, first.month
    while (year, month) < (end.year, end.month):
        count += len(matching_days(expression, year, month))
        year, month = (year, month + 1) if month < 12 else (year + 1, 1)
    return count + bisect.bisect_left(matching_days(expression, year, month), end.day)


def _count_in_day(expression: CronExpression, until: datetime) -> int:
    """How many matching times its day has up to and including `until`."""
    if until.day not in matching_days(expression, until.year, until.month):
        return 0
    hours, minutes, seconds = expression.hours, expression.minutes, expression.seconds
    count = bisect.bisect_left(hours, until.hour) * len(minutes) * len(seconds)
    if until.hour in hours:
        count += bisect.bisect_left(minutes, until.minute) * len(seconds)
        if until.minute in minutes:
            count += bisect.bisect_right(seconds, until.second)
    return count


def affected_walls(expression: CronExpression, change: Transition, limit: int) -> tuple[list[datetime], int]:
    """Matching wall times that do not exist (a gap) or come twice (an overlap): the first `limit`, and how many."""
    low, high = sorted((change.wall_before, change.wall_after))
    count = _count_walls(expression, low - MICROSECOND, high - MICROSECOND)
    walls: list[datetime] = []
    wall = low - MICROSECOND
    for _ in range(min(count, limit)):
        following = _next_wall(expression, wall)
        if following is None:
            break
        walls.append(wall := following)
    return walls, count
