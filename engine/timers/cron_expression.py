"""The grammar of cron expressions, and which days of a month one of them means.

Five fields (minute, hour, day of month, month, day of week), or six with seconds first. The grammar is our own, since
cron libraries disagree on `*/n` in the day fields, on `5-5`, on where seconds go; nothing is ever guessed.
"""

from __future__ import annotations

import calendar
import functools
import re
from dataclasses import dataclass, field
from datetime import date
from typing import NoReturn

from engine.errors import InvalidInput

EXPRESSION_CHARACTERS_MAX = 256

FIRE_GAP_DAYS_MAX = 2_922
"""Eight years. 29 February 2096 is followed by 29 February 2104; anything rarer is refused."""

LAST = -1
"""In `nth_weekdays`: the last one of the month."""

NAMES = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}

_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")


@dataclass(frozen=True, kw_only=True, slots=True)
class CronExpression:
    """A parsed expression. Two are equal when their texts are; the rest follows from the text."""

    text: str
    """As it was given, without white space around it."""
    seconds: tuple[int, ...] = field(compare=False)
    minutes: tuple[int, ...] = field(compare=False)
    hours: tuple[int, ...] = field(compare=False)
    month_days: tuple[int, ...] = field(compare=False)
    last_day: bool = field(compare=False)
    """`L`: the last day of the month too."""
    months: tuple[int, ...] = field(compare=False)
    weekdays: tuple[int, ...] = field(compare=False)
    """0 is Sunday, 6 is Saturday."""
    nth_weekdays: tuple[tuple[int, int], ...] = field(compare=False)
    """(weekday, n) of `#n`, (weekday, LAST) of `L` after a weekday."""
    day_or: bool = field(compare=False)
    """A day matches when either day field does; False: when both do. Debian cron: *and* if either begins with `*`."""
    is_interval: bool = field(compare=False)
    """Minute or hour begins with `*`: fires at every real instant that matches, in both passes of an autumn hour."""
    canonical: str = field(compare=False)
    """The fields in upper case with single spaces, an @name spelled out."""

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, kw_only=True, slots=True)
class _Field:
    name: str
    low: int
    high: int
    names: dict[str, int]
    forms: str
    """What may stand here, for a person."""


_SECOND = _Field(name="second", low=0, high=59, names={}, forms="0-59")
_MINUTE = _Field(name="minute", low=0, high=59, names={}, forms="0-59")
_HOUR = _Field(name="hour", low=0, high=23, names={}, forms="0-23")
_MONTH_DAY = _Field(name="day of month", low=1, high=31, names={}, forms="1-31 or L (the last day)")
_MONTH = _Field(
    name="month", low=1, high=12, names={name: n for n, name in enumerate(_MONTHS, 1)}, forms="1-12 or JAN-DEC"
)
_WEEKDAY = _Field(
    name="day of week",
    low=0,
    high=7,
    names={name: n for n, name in enumerate(_WEEKDAYS)},
    forms="0-7 (0 and 7 are Sunday) or SUN-SAT, MON#2 (the second Monday), FRIL (the last Friday)",
)

_ITEM = re.compile(r"(?:(?P<all>\*)|(?P<first>[0-9]+|[A-Z]{3})(?:-(?P<last>[0-9]+|[A-Z]{3}))?)(?:/(?P<step>[0-9]+))?")
_NTH = re.compile(r"(?P<day>[0-9]|[A-Z]{3})(?:#(?P<nth>[0-9])|(?P<last>L))")

_SHAPE = (
    "five fields (minute, hour, day of month, month, day of week), six with seconds first, "
    f"or one of {', '.join(NAMES)}; for example '30 2 * * MON-FRI'"
)


class _Refused(Exception):
    """Says what is wrong and what would be right, in one sentence."""


@functools.lru_cache(maxsize=8_192)
def parse(expression: str) -> CronExpression:
    """Read an expression. Raises InvalidInput on `schedule.expression`, naming the part that is wrong.

    The same text always gives the same object. Whether it is refused for firing too rarely depends on the calendar
    alone, not on today.
    """
    try:
        return _parse(expression)
    except _Refused as refused:
        raise InvalidInput.of("schedule.expression", expression, str(refused)) from None


def _parse(expression: str) -> CronExpression:
    if len(expression) > EXPRESSION_CHARACTERS_MAX:
        raise _Refused(f"at most {EXPRESSION_CHARACTERS_MAX} characters; this has {len(expression)}")
    if not expression.isascii():
        raise _Refused(f"ASCII characters only; {next(c for c in expression if not c.isascii())!r} is not one")
    text = expression.strip(" \t")
    spelled = text
    if text.startswith("@"):
        spelled = NAMES.get(text.lower(), "")
        if not spelled:
            raise _Refused(f"one of {', '.join(NAMES)}; {text!r} is not known")
    parts = re.split("[ \t]+", spelled.upper()) if spelled else []
    if len(parts) not in (5, 6):
        raise _Refused(f"{_SHAPE}; this has {len(parts)} {'field' if len(parts) == 1 else 'fields'}")
    canonical = " ".join(parts)
    if len(parts) == 5:
        parts.insert(0, "0")
    parsed = _expression(text, canonical, parts)
    if not _fires_often_enough(parsed):
        raise _Refused("an expression that fires at least once in every 8 years; no such day comes that often")
    return parsed


def _expression(text: str, canonical: str, parts: list[str]) -> CronExpression:
    second, minute, hour, month_day, month, weekday = parts
    last_day, month_days = _month_days(month_day)
    nth_weekdays, weekdays = _weekdays(weekday)
    return CronExpression(
        text=text,
        seconds=_values(_SECOND, second),
        minutes=_values(_MINUTE, minute),
        hours=_values(_HOUR, hour),
        month_days=month_days,
        last_day=last_day,
        months=_values(_MONTH, month),
        weekdays=weekdays,
        nth_weekdays=nth_weekdays,
        day_or=not (month_day.startswith("*") or weekday.startswith("*")),
        is_interval=minute.startswith("*") or hour.startswith("*"),
        canonical=canonical,
    )


def _month_days(part: str) -> tuple[bool, tuple[int, ...]]:
    items = part.split(",")
    plain = [item for item in items if item != "L"]
    return len(plain) < len(items), _values(_MONTH_DAY, ",".join(plain)) if plain else ()


def _weekdays(part: str) -> tuple[tuple[tuple[int, int], ...], tuple[int, ...]]:
    plain: list[str] = []
    nth_weekdays: set[tuple[int, int]] = set()
    for item in part.split(","):
        match = _NTH.fullmatch(item)
        if match is None:
            plain.append(item)
            continue
        weekday = _number(_WEEKDAY, item, match["day"]) % 7
        nth = LAST if match["last"] else int(match["nth"])
        if nth != LAST and not 1 <= nth <= 5:
            _refuse(_WEEKDAY, item, "# is followed by 1-5")
        nth_weekdays.add((weekday, nth))
    values = _values(_WEEKDAY, ",".join(plain)) if plain else ()
    return tuple(sorted(nth_weekdays)), tuple(sorted({value % 7 for value in values}))


def _values(of: _Field, part: str) -> tuple[int, ...]:
    """The values a field lists, ascending."""
    values: set[int] = set()
    for item in part.split(","):
        match = _ITEM.fullmatch(item)
        if match is None:
            _refuse(of, item or part, "it cannot be read")
        step = 1 if match["step"] is None else int(match["step"])
        if step == 0:
            _refuse(of, item, "a step is at least 1")
        if match["all"]:
            low, high = of.low, of.high
        else:
            low = _number(of, item, match["first"])
            high = low
            if match["last"] is not None:
                high = _number(of, item, match["last"])
            elif match["step"] is not None:
                high = of.high
            if low > high:
                hint = "; the week ends with 7, Sunday" if of is _WEEKDAY and match["last"] in ("0", "SUN") else ""
                _refuse(of, item, f"a range runs upwards{hint}")
        values.update(range(low, high + 1, step))
    return tuple(sorted(values))


def _number(of: _Field, item: str, text: str) -> int:
    value = of.names.get(text) if text.isalpha() else int(text)
    if value is None:
        _refuse(of, item, f"{text!r} is not a name here")
    if not of.low <= value <= of.high:
        _refuse(of, item, f"{text} is not within {of.low}-{of.high}")
    return value


def _refuse(of: _Field, item: str, why: str) -> NoReturn:
    raise _Refused(
        f"in {of.name} *, {of.forms}, ranges a-b, steps /n, and lists of these with commas; {of.name} {item!r}: {why}"
    )


@functools.lru_cache(maxsize=16_384)
def matching_days(expression: CronExpression, year: int, month: int) -> tuple[int, ...]:
    """The days of that month on which `expression` fires, ascending, by both day fields together."""
    if month not in expression.months:
        return ()
    first_weekday, length = calendar.monthrange(year, month)
    by_date = {day for day in expression.month_days if day <= length}
    if expression.last_day:
        by_date.add(length)
    by_weekday: set[int] = set()
    for weekday in expression.weekdays:
        by_weekday.update(_days_on(weekday, first_weekday, length))
    for weekday, nth in expression.nth_weekdays:
        days = _days_on(weekday, first_weekday, length)
        if nth == LAST:
            by_weekday.add(days[-1])
        elif nth <= len(days):
            by_weekday.add(days[nth - 1])
    return tuple(sorted(by_date | by_weekday if expression.day_or else by_date & by_weekday))


def _days_on(weekday: int, first_weekday: int, length: int) -> range:
    """Days of a month that are a `weekday` (0 is Sunday), where the first is a `first_weekday` (0 is Monday)."""
    return range(1 + (weekday - 1 - first_weekday) % 7, length + 1, 7)


def _fires_often_enough(expression: CronExpression) -> bool:
    """Whether no two matching days in a row are more than eight years apart, anywhere in the 400-year calendar."""
    firsts_and_lasts = {kind: _first_and_last(expression, year) for kind, year in _YEAR_OF_KIND.items()}
    if all(firsts_and_lasts.values()):
        return True
    last_match: date | None = None
    # Two rounds of the calendar, so that the stretch over its end is seen whole.
    for year in range(2000, 2800):
        found = firsts_and_lasts[_kind(year)]
        if found is None:
            continue
        first, last = (date(year, month, day) for month, day in found)
        if last_match is not None and (first - last_match).days > FIRE_GAP_DAYS_MAX:
            return False
        last_match = last
    return last_match is not None


def _first_and_last(expression: CronExpression, year: int) -> tuple[tuple[int, int], tuple[int, int]] | None:
    first = next(((m, days[0]) for m in expression.months if (days := matching_days(expression, year, m))), None)
    if first is None:
        return None
    last = next((m, days[-1]) for m in reversed(expression.months) if (days := matching_days(expression, year, m)))
    return first, last


def _kind(year: int) -> tuple[bool, int]:
    """Years with the same leap day and the same first weekday have the same days throughout: 14 kinds."""
    return calendar.isleap(year), date(year, 1, 1).weekday()


_YEAR_OF_KIND = {_kind(year): year for year in range(2000, 2400)}
