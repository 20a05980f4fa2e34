"""Amazon EventBridge's schedule expressions, as shorthand."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import InvalidInput
from engine.model.schedule import AtSchedule, CronSchedule, IntervalSchedule, Schedule
from engine.timers.cron import parse
from engine.timers.cron_expression import matching_days
from engine.timers.fire_times import check_schedule
from engine.timers.shorthand import parse_shorthand
from tests.fakes.clock import START
from tests.unit.timers.oracle import utc


def read(text: str, timezone: str = "Europe/Berlin") -> Schedule:
    return parse_shorthand(text, now=START, timezone=timezone)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("rate(5 minutes)", 300),
        ("rate(1 minute)", 60),
        ("rate(1 minutes)", 60),
        ("rate(2 minute)", 120),
        ("rate(1 hour)", 3_600),
        ("rate(12 hours)", 43_200),
        ("rate(1 day)", 86_400),
        ("rate(7 days)", 604_800),
        ("Rate( 5  Minutes )", 300),
    ],
)
def test_a_rate_is_an_interval(text: str, seconds: int) -> None:
    expected = IntervalSchedule(every=timedelta(seconds=seconds), anchor=START, timezone="Europe/Berlin")
    assert read(f" {text} ") == expected


@pytest.mark.parametrize(("timezone", "at"), [("UTC", utc(2026, 12, 1, 9)), ("Europe/Berlin", utc(2026, 12, 1, 8))])
def test_at_is_read_in_the_zone(timezone: str, at: datetime) -> None:
    assert read("at(2026-12-01T09:00:00)", timezone=timezone) == AtSchedule(at=at, timezone=timezone)


@pytest.mark.parametrize(
    ("text", "expression"),
    [
        ("0 9 ? * MON-FRI *", "0 9 * * MON-FRI"),
        ("0 9 ? * 2-6 *", "0 9 * * 1-5"),
        ("15 12 * * ? *", "15 12 * * *"),
        ("0 8 1 * ? *", "0 8 1 * *"),
        ("0/15 * * * ? *", "0/15 * * * *"),
        ("0/5 8-17 ? * MON-FRI *", "0/5 8-17 * * MON-FRI"),
        ("1/10 * ? JAN,FEB,MAR * *", "1/10 * * JAN,FEB,MAR *"),
        ("0 0 L * ? *", "0 0 L * *"),
        ("0 0 1-15,L * ? *", "0 0 1-15,L * *"),
        ("0 9 ? * 1 *", "0 9 * * 0"),  # Sunday
        ("0 9 ? * 7 *", "0 9 * * 6"),  # Saturday
        ("0 9 ? * 1,3-5,SAT *", "0 9 * * 0,2-4,SAT"),
        ("0 9 ? * 1-7/2 *", "0 9 * * 0-6/2"),
        ("0 9 ? * MON/2 *", "0 9 * * MON-SAT/2"),
        ("0 9 ? * 2/2 *", "0 9 * * 1-6/2"),  # Monday, Wednesday, Friday: 1/2 would be Sunday too
        ("0 9 ? * */2 *", "0 9 * * */2"),
        ("0 9 ? * 2-FRI *", "0 9 * * 1-FRI"),
        ("0 9 ? * 3#2 *", "0 9 * * 2#2"),  # the second Tuesday
        ("0 9 ? * TUE#5 *", "0 9 * * TUE#5"),
        ("15 10 ? * 6L *", "15 10 * * 5L"),  # the last Friday
        ("15 10 ? * FRIL,2L *", "15 10 * * FRIL,1L"),
        ("  0  9\t?\n* mon-fri * ", "0 9 * * MON-FRI"),
    ],
)
def test_cron(text: str, expression: str) -> None:
    expected = CronSchedule(expression=expression, timezone="Europe/Berlin")
    assert read(f"cron({text})") == read(f" Cron ({text}) ") == expected


DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")


@st.composite
def weekday_fields(draw: st.DrawFn) -> tuple[str, frozenset[int]]:
    """A day-of-week field of EventBridge without # and L, and the days it lists: 1 is Sunday, 7 is Saturday."""
    items: list[str] = []
    days: set[int] = set()
    for _ in range(draw(st.integers(1, 3))):
        low = draw(st.integers(1, 7))
        high = draw(st.integers(low, 7))
        step = draw(st.integers(1, 9))
        first, last = (draw(st.sampled_from([str(day), DAYS[day - 1]])) for day in (low, high))
        item, listed = draw(
            st.sampled_from(
                [
                    ("*", range(1, 8)),
                    (f"*/{step}", range(1, 8, step)),
                    (first, [low]),
                    (f"{first}/{step}", range(low, 8, step)),
                    (f"{first}-{last}", range(low, high + 1)),
                    (f"{first}-{last}/{step}", range(low, high + 1, step)),
                ]
            )
        )
        items.append(item)
        days.update(listed)
    return ",".join(items), frozenset(days)


def days_of_fires(expression: str, year: int, month: int) -> list[date]:
    """The days on which the schedule that `expression` becomes fires, by our own rules."""
    schedule = read(expression)
    assert isinstance(schedule, CronSchedule)
    return [date(year, month, day) for day in matching_days(parse(schedule.expression), year, month)]


def days_of(year: int, month: int) -> list[date]:
    first = date(year, month, 1)
    return [day for n in range(31) if (day := first + timedelta(days=n)).month == month]


def number_of(day: date) -> int:
    return day.isoweekday() % 7 + 1


@given(weekday_fields(), st.integers(1, 12))
def test_days_of_the_week_keep_their_meaning(field: tuple[str, frozenset[int]], month: int) -> None:
    text, listed = field
    expected = [day for day in days_of(2026, month) if number_of(day) in listed]
    assert days_of_fires(f"cron(0 9 ? * {text} *)", 2026, month) == expected


@pytest.mark.parametrize("number", range(1, 8))
def test_nth_and_last_days_keep_their_meaning(number: int) -> None:
    for month in range(1, 13):
        those = [day for day in days_of(2026, month) if number_of(day) == number]
        assert days_of_fires(f"cron(0 9 ? * {number}L *)", 2026, month) == those[-1:]
        for nth in range(1, 6):
            assert days_of_fires(f"cron(0 9 ? * {number}#{nth} *)", 2026, month) == those[nth - 1 : nth]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("cron(0 9 ? * MON-FRI 2026)", "'2026': cron has no year"),
        ("cron(0 9 ? * MON-FRI 2026-2030)", "'2026-2030'"),
        ("cron(0 9 ? * MON-FRI ?)", "in year"),
        ("cron(0 9 * * MON-FRI *)", "neither is"),
        ("cron(0 9 1 * MON *)", "neither is"),
        ("cron(0 9 ? * ? *)", "both are"),
        ("cron(0 9 15W * ? *)", "'15W': W (the nearest weekday)"),
        ("cron(0 9 LW * ? *)", "'LW': W (the nearest weekday)"),
        ("cron(0 9 1,15w * ? *)", "'15W': W (the nearest weekday)"),
        ("cron(0 9 L-3 * ? *)", "day of month 'L-3'"),
        ("cron(0 9 32 * ? *)", "day of month '32'"),
        ("cron(? 9 ? * MON *)", "minute '?'"),
        ("cron(60 9 ? * MON *)", "minute '60'"),
        ("cron(0 22-2 ? * MON *)", "a range runs upwards"),
        ("cron(0 9 ? * 0 *)", "'0' cannot be read"),
        ("cron(0 9 ? * 8 *)", "'8' cannot be read"),
        ("cron(0 9 ? * 6-2 *)", "'6-2': a range runs upwards"),
        ("cron(0 9 ? * SAT-SUN *)", "'SAT-SUN': a range runs upwards"),
        ("cron(0 9 ? * L *)", "7L for the last Saturday"),
        ("cron(0 9 ? * 3#1,6#3 *)", "only one item"),
        ("cron(0 9 ? * MON,6#3 *)", "only one item"),
        ("cron(0 9 ? * 3#6 *)", "'3#6' cannot be read"),
        ("cron(0 9 ? * 3#0 *)", "'3#0' cannot be read"),
        ("cron(0 9 ? * 2-6L *)", "'2-6L' cannot be read"),
        ("cron(0 9 ? * *-6 *)", "'*-6' cannot be read"),
        ("cron(0 9 ? * 2/0 *)", "'2/0' cannot be read"),
        ("cron(0 9 ? * MON, *)", "'' cannot be read"),
        ("cron(0 9 ? * MONDAY *)", "'MONDAY' cannot be read"),
        ("cron(0 9 ? * FR\u0131 *)", "ASCII"),  # upper() makes an I of it
        ("cron(0 9 31 2 ? *)", "every 8 years"),
        ("cron(*/5 * * * *)", "this has 5"),
        ("cron(0 0 9 ? * MON *)", "this has 7"),
        ("cron(@daily)", "this has 1"),
        ("cron()", "this has 0"),
        ("cron(0 9 ? * MON *", "a closing parenthesis"),
        ("cron(0 9 ? * MON *) UTC", "a closing parenthesis"),
        ("rate(5 minutes) ago", "a closing parenthesis"),
        ("rate(5)", "rate(value unit)"),
        ("rate(5minutes)", "rate(value unit)"),
        ("rate(30 seconds)", "'every 30s'"),
        ("rate(2 weeks)", "rate(value unit)"),
        ("rate(1.5 hours)", "rate(value unit)"),
        ("rate(-5 minutes)", "rate(value unit)"),
        ("rate(\u0665 minutes)", "rate(value unit)"),
        ("rate(5 minute\u017f)", "rate(value unit)"),  # a long s
        ("rate(0 minutes)", "from 1 second"),
        ("rate(3651 days)", "10 years"),
        ("rate(999999999 days)", "10 years"),
        ("rate(9999999999 days)", "rate(value unit)"),
        ("at(noon)", "2026-12-01T09:00"),
        ("at()", "2026-12-01T09:00"),
        ("every(5 minutes)", "rate(5 minutes)"),
    ],
)
def test_what_is_refused(text: str, names: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_shorthand(text, now=START, timezone="Europe/Berlin", field="body.schedule")
    (error,) = caught.value.errors
    assert (error.field, error.value) == ("body.schedule", text)
    assert names in error.allowed


ANY_CRON = st.lists(
    st.text(alphabet="0123456789*?LW#/-,", min_size=1, max_size=4) | st.sampled_from(["*", "?", "0", "9"]),
    min_size=5,
    max_size=6,
).map(lambda fields: f"cron({' '.join(fields)} *)")


@given(st.builds("{}({})".format, st.sampled_from(["at", "cron", "rate"]), st.text(max_size=40)) | ANY_CRON)
def test_any_expression_is_read_or_refused(text: str) -> None:
    try:
        schedule = read(text)
    except InvalidInput:
        return
    check_schedule(schedule, START)
