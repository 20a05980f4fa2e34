"""What stands inside the parentheses of Amazon EventBridge's `cron(...)` and `rate(...)`, in our own terms.

The source of the grammar: the cron expressions reference of EventBridge and "Schedule types" of EventBridge Scheduler.
Whatever has no exact counterpart is refused. Days and times are translated; what daylight saving does to them follows
our own rules, as for every other schedule.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import NoReturn

from engine.errors import InvalidInput

_WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_DAY = f"[1-7]|{'|'.join(_WEEKDAYS)}"
_EVERY_DAY = re.compile(r"\*(?:/[1-9][0-9]*)?")
_DAYS = re.compile(rf"(?P<first>{_DAY})(?:-(?P<last>{_DAY}))?(?P<step>/[1-9][0-9]*)?")
_NTH = re.compile(rf"(?P<day>{_DAY})(?P<which>L|#[1-5])")
_NEAREST_WEEKDAY = re.compile("(?:[0-9]+|L)?W")
_RATE = re.compile(r"([0-9]{1,9})\s+(minute|hour|day)s?", re.ASCII | re.IGNORECASE)

_FORM = "cron(minute hour day-of-month month day-of-week year)"
_WEEKDAY_FORMS = (
    "in day of week of cron(...) *, ?, 1-7 (1 is Sunday) or SUN-SAT, ranges a-b, steps /n, lists of these with commas, "
    "6L (the last Friday), or 3#2 (the second Tuesday) by itself"
)


def period(text: str) -> timedelta:
    """The period of `rate(text)`: `5 minutes`, `1 hour`, `1 day`. A day is 24 hours, in EventBridge as well.

    `1 minutes` and `5 minute`, which EventBridge refuses, are read too. Raises InvalidInput on `schedule.every_s`.
    """
    match = _RATE.fullmatch(text.strip())
    if match is None:
        allowed = (
            "rate(value unit), where value is a whole number and unit minutes, hours or days, such as rate(5 minutes); "
            "for other units write 'every 30s'"
        )
        raise InvalidInput.of("schedule.every_s", text, allowed)
    return timedelta(**{f"{match[2].lower()}s": int(match[1])})


def cron_expression(text: str) -> str:
    """The expression of ours that means the same as `cron(text)`. The result has yet to be parsed.

    Minutes, hours, months and days of the month are the same in both and passed on, so that `parse` judges them; days
    of the week and `?` are translated here, and judged in EventBridge's terms. Raises InvalidInput on
    `schedule.expression`.
    """
    if not text.isascii():  # before upper(), which makes plain letters of some that are not
        _refuse(text, f"{_FORM} in ASCII characters only")
    fields = text.upper().split()
    if len(fields) != 6:
        _refuse(
            text, f"six fields, {_FORM}, such as cron(0 9 ? * MON-FRI *); this has {len(fields)} in the parentheses"
        )
    minute, hour, month_day, month, weekday, year = fields
    if year != "*":
        _refuse(
            text,
            f"* in year of cron(...), not {year!r}: cron has no year here and repeats in every year; for one "
            "time use at(2026-12-01T09:00:00)",
        )
    if (month_day == "?") == (weekday == "?"):
        which = "both are" if weekday == "?" else "neither is"
        _refuse(text, f"? in exactly one of day of month and day of week of cron(...), as EventBridge has it; {which}")
    for item in month_day.split(","):
        if _NEAREST_WEEKDAY.fullmatch(item):
            _refuse(
                text, f"1-31, L, * or ? in day of month of cron(...); {item!r}: W (the nearest weekday) is not known"
            )
    # With * in one of the two day fields, ours fires on the days that match the other one.
    month_day, weekday = "*" if month_day == "?" else month_day, "*" if weekday == "?" else _weekdays(text, weekday)
    return f"{minute} {hour} {month_day} {month} {weekday}"


def _weekdays(text: str, part: str) -> str:
    items = part.split(",")
    if "#" in part and len(items) > 1:
        _refuse(text, f"{_WEEKDAY_FORMS}; {part!r}: with # there is only one item")
    return ",".join(_weekday(text, item) for item in items)


def _weekday(text: str, item: str) -> str:
    if item == "L":
        _refuse(text, f"{_WEEKDAY_FORMS}; L alone: write SAT for Saturdays, 7L for the last Saturday of the month")
    if _EVERY_DAY.fullmatch(item):
        return item
    if nth := _NTH.fullmatch(item):
        return _ours(nth["day"]) + nth["which"]
    days = _DAYS.fullmatch(item)
    if days is None:
        _refuse(text, f"{_WEEKDAY_FORMS}; {item!r} cannot be read")
    first, last, step = days["first"], days["last"], days["step"] or ""
    if step and last is None:
        # EventBridge's week ends on Saturday. Ours goes on to 7, a second Sunday, and would count that in.
        last = "SAT" if first.isalpha() else "7"
    if last is None:
        return _ours(first)
    if _position(first) > _position(last):
        _refuse(text, f"{_WEEKDAY_FORMS}; {item!r}: a range runs upwards, and the week ends on Saturday")
    return f"{_ours(first)}-{_ours(last)}{step}"


def _position(day: str) -> int:
    """0 is Sunday, 6 is Saturday."""
    return _WEEKDAYS.index(day) if day.isalpha() else int(day) - 1


def _ours(day: str) -> str:
    """Names mean the same in both; numbers are one less with us."""
    return day if day.isalpha() else str(_position(day))


def _refuse(text: str, allowed: str) -> NoReturn:
    raise InvalidInput.of("schedule.expression", text, allowed)
