"""Fires against an oracle that walks real time, around every kind of change that clocks have made."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import pytest
from cronsim import CronSim
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from engine.errors import InvalidInput
from engine.model.instant import MICROSECOND
from engine.timers.cron import count_cron_times, cron_time_from_end, next_cron_time, parse
from engine.timers.cron_expression import CronExpression
from tests.unit.timers.oracle import MONTHS, WEEKDAYS, RandomCron, Walk, random_cron, utc

# A zone, and an instant within a day of one of its changes.
CHANGES = [
    ("Europe/Berlin", utc(2026, 3, 29, 1)),
    ("Europe/Berlin", utc(2026, 10, 25, 1)),
    ("America/New_York", utc(2027, 3, 14, 7)),
    ("America/New_York", utc(2027, 11, 7, 6)),
    ("Australia/Lord_Howe", utc(2026, 4, 4, 15)),  # back by 30 minutes
    ("Australia/Lord_Howe", utc(2026, 10, 3, 15, 30)),  # forward by 30 minutes
    ("America/Sao_Paulo", utc(2018, 2, 18, 2)),  # midnight comes twice
    ("America/Sao_Paulo", utc(2018, 11, 4, 3)),  # midnight does not exist
    ("America/Havana", utc(2026, 3, 8, 5)),
    ("America/Havana", utc(2026, 11, 1, 5)),
    ("Africa/Casablanca", utc(2026, 2, 15, 2)),  # back for Ramadan
    ("Africa/Casablanca", utc(2026, 3, 22, 2)),
    ("Asia/Tehran", utc(2022, 3, 21, 20, 30)),  # at midnight
    ("Asia/Tehran", utc(2022, 9, 21, 19, 30)),
    ("Antarctica/Troll", utc(2026, 3, 29, 1)),  # two hours
    ("Antarctica/Troll", utc(2026, 10, 25, 1)),
    ("America/Caracas", utc(2007, 12, 9, 7)),  # half an hour back, for good
    ("America/Caracas", utc(2016, 5, 1, 7)),
    ("Asia/Pyongyang", utc(2015, 8, 14, 15)),
    ("Asia/Pyongyang", utc(2018, 5, 4, 14, 30)),
    ("Pacific/Apia", utc(2011, 12, 30, 10)),  # a whole day is skipped
    ("Pacific/Apia", utc(2010, 9, 26, 11)),
    ("Europe/Dublin", utc(2026, 10, 25, 1)),  # winter is the exception in its rules
]
AROUND = timedelta(hours=30)

FIXED = [
    "30 2 * * *",
    "0 0 * * *",
    "0 2 * * *",
    "0,30 0,2,3 * * *",
    "15 0-3 * * *",
    "*/15 1,2 * * *",
    "0 12 * * *",
    "59 23 * * *",
    "0-59 0-3 * * *",
]
INTERVAL_LIKE = ["* * * * *", "*/20 * * * *", "0 * * * *", "30 */2 * * *", "* 2 * * *", "7 *,3 * * *"]


@cache
def walk(zone: str, around: datetime) -> Walk:
    return Walk(zone, around - AROUND, around + AROUND)


def plain(expression: str) -> Callable[[datetime], bool]:
    """What FIXED and INTERVAL_LIKE mean; only minute and hour matter in them."""

    def values(part: str) -> set[int]:
        found: set[int] = set()
        for item in part.split(","):
            span, _, step = item.partition("/")
            low, _, high = ("0", "", "59") if span == "*" else span.partition("-")
            found.update(range(int(low), int(high or low) + 1, int(step or 1)))
        return found

    minutes, hours = (values(part) for part in expression.split()[:2])
    return lambda wall: wall.minute in minutes and wall.hour in hours and wall.second == 0


def chain(expression: CronExpression, zone: str, after: datetime, until: datetime) -> list[datetime]:
    fires = []
    fire = next_cron_time(expression, zone, after)
    while fire is not None and fire <= until:
        fires.append(fire)
        fire = next_cron_time(expression, zone, fire)
    return fires


@pytest.mark.parametrize(("zone", "around"), CHANGES)
def test_named_expressions_fire_as_the_walk_says(zone: str, around: datetime) -> None:
    walked = walk(zone, around)
    for text in FIXED + INTERVAL_LIKE:
        interval_like = text.split()[0][0] == "*" or text.split()[1][0] == "*"
        expected = walked.fires(plain(text), interval_like=interval_like)
        assert chain(parse(text), zone, walked.start, walked.end) == expected, text


@pytest.mark.parametrize(("zone", "around"), CHANGES)
def test_random_expressions_fire_as_the_walk_says(zone: str, around: datetime) -> None:
    walked = walk(zone, around)
    rng = random.Random(f"{zone} {around}")
    for _ in range(12):
        cron = random_cron(rng, dense=True)
        expression = parse_or_none(cron)
        if expression is None:
            continue
        expected = walked.fires(cron.matches, interval_like=cron.interval_like)
        assert expression.is_interval == cron.interval_like
        assert chain(expression, zone, walked.start, walked.end) == expected, cron.text
        check_restarts_and_counts(rng, expression, zone, walked, expected)


def check_restarts_and_counts(
    rng: random.Random, expression: CronExpression, zone: str, walked: Walk, expected: list[datetime]
) -> None:
    """From any instant on, the answer is the same as for an engine that never stopped; counts agree with the list."""
    span_s = (walked.end - walked.start).total_seconds()
    for _ in range(8):
        after, until = sorted(walked.start + timedelta(seconds=rng.uniform(0, span_s)) for _ in range(2))
        if expected and rng.random() < 0.5:
            after = min(rng.choice(expected), until)  # strictly later than a fire itself
        following = next((fire for fire in expected if fire > after), None)
        found = next_cron_time(expression, zone, after)
        if following is None:
            assert found is None or found > walked.end
        else:
            assert found == following, (expression.text, after)
        between = [fire for fire in expected if after < fire <= until]
        assert count_cron_times(expression, zone, after, until) == len(between), (expression.text, after, until)
        if between:
            nth = rng.randint(1, len(between))
            assert cron_time_from_end(expression, zone, after, until, nth) == between[-nth]


def parse_or_none(cron: RandomCron) -> CronExpression | None:
    """None for the few random ones that fire too rarely to be accepted."""
    try:
        return parse(cron.text)
    except InvalidInput as error:
        if "every 8 years" not in error.errors[0].allowed:
            raise
        return None


@pytest.mark.parametrize("zone", ["Europe/Berlin", "Australia/Lord_Howe", "Africa/Monrovia"])
def test_expressions_with_seconds_by_the_second(zone: str) -> None:
    """Monrovia came from an offset of -00:44:30, so that even full minutes fell between those of UTC."""
    around = {
        "Europe/Berlin": utc(2026, 10, 25, 1),
        "Australia/Lord_Howe": utc(2026, 10, 3, 15, 30),
        "Africa/Monrovia": utc(1972, 1, 7, 0, 44, 30),
    }[zone]
    walked = Walk(zone, around - timedelta(minutes=70), around + timedelta(minutes=100), timedelta(seconds=1))
    rng = random.Random(zone)
    texts = ["* * * * *", "0 * * * *", "*/10 * * * * *"]
    crons = [random_cron(rng, dense=True, with_seconds=True) for _ in range(12)]
    for cron in crons:
        cron.hours = set(range(24)) if rng.random() < 0.5 else cron.hours
        parts = cron.text.split()
        parts[2] = ",".join(map(str, sorted(cron.hours)))
        cron.text, cron.interval_like = " ".join(parts), parts[1][0] == "*"
        expression = parse_or_none(cron)
        if expression is not None:
            expected = walked.fires(cron.matches, interval_like=cron.interval_like)
            assert chain(expression, zone, walked.start, walked.end) == expected, cron.text
    for text in texts:
        seconds = set(range(0, 60, 10)) if len(text.split()) == 6 else {0}
        minutes = {0} if text[0] == "0" else set(range(60))
        expected = [i for i, wall in walked.readings if wall.second in seconds and wall.minute in minutes]
        assert chain(parse(text), zone, walked.start, walked.end) == [i for i in expected if i > walked.start], text


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 2**64), day=st.integers(0, 365 * 60), second=st.integers(0, 86_399))
def test_random_expressions_in_the_long_run(seed: int, day: int, second: int) -> None:
    """Rare days too (L, #, 29 February): no minute between `after` and the answer matches, and the answer does."""
    cron = random_cron(random.Random(seed))
    expression = parse_or_none(cron)
    if expression is None:
        return
    after = utc(1990, 1, 1) + timedelta(days=day, seconds=second)
    fire = next_cron_time(expression, "UTC", after)
    assert fire is not None
    assert fire > after
    assert cron.matches(fire.replace(tzinfo=None))
    assert count_cron_times(expression, "UTC", after, fire) == 1
    time_of_day = {"hour": min(cron.hours), "minute": min(cron.minutes), "second": 0, "microsecond": 0}
    wall = (after + timedelta(days=1)).replace(tzinfo=None, **time_of_day)
    while wall.date() < fire.date():
        assert not cron.matches(wall), "a day was passed over"
        wall += timedelta(days=1)


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 2**64), day=st.integers(0, 365 * 10))
def test_cronsim_agrees_away_from_clock_changes(seed: int, day: int) -> None:
    cron = random_cron(random.Random(seed))
    expression = parse_or_none(cron)
    if expression is None:
        return
    after = utc(2024, 1, 1) + timedelta(days=day)
    text = cron.text.upper()
    for names in (MONTHS, WEEKDAYS):
        for name in names:  # it does not read FRIL
            text = text.replace(name, str(names.index(name) + (names is MONTHS)))
    assume(not re.search(r"\b(\d+)-\1/", text))  # where it takes a-a/n for a/n
    simulated = CronSim(text, after.replace(tzinfo=None))
    fire = after
    for _ in range(5):
        following = next_cron_time(expression, "UTC", fire)
        assert following is not None
        fire = following
        assert fire.replace(tzinfo=None) == next(simulated), text


def test_what_the_rules_say_in_berlin() -> None:
    """A few by hand, so that the oracle itself is not the only witness."""

    def fires(text: str, after: datetime, count: int) -> list[str]:
        found = []
        for _ in range(count):
            following = next_cron_time(parse(text), "Europe/Berlin", after)
            assert following is not None
            after = following
            found.append(after.astimezone(ZoneInfo("Europe/Berlin")).isoformat())
        return found

    autumn, spring = utc(2026, 10, 24, 22), utc(2026, 3, 28, 23)
    assert fires("30 2 * * *", autumn, 2) == ["2026-10-25T02:30:00+02:00", "2026-10-26T02:30:00+01:00"]
    assert fires("30 2 * * *", spring, 2) == ["2026-03-29T03:00:00+02:00", "2026-03-30T02:30:00+02:00"]
    assert fires("0,30 2,3 * * *", spring, 3) == [
        "2026-03-29T03:00:00+02:00",
        "2026-03-29T03:30:00+02:00",
        "2026-03-30T02:00:00+02:00",
    ]
    assert fires("30 * * * *", utc(2026, 10, 24, 23, 45), 3) == [
        "2026-10-25T02:30:00+02:00",
        "2026-10-25T02:30:00+01:00",
        "2026-10-25T03:30:00+01:00",
    ]
    assert fires("30 * * * *", utc(2026, 3, 29, 0, 45), 1) == ["2026-03-29T03:30:00+02:00"]


def test_an_hour_that_no_clock_shows_ends_the_search() -> None:
    """02:xx on the last Sunday of March is swallowed every year, for ever."""
    assert next_cron_time(parse("* 2 * 3 SUNL"), "Europe/Berlin", utc(2026, 1, 1)) is None


def test_the_next_fire_is_strictly_later_to_the_microsecond() -> None:
    noon = utc(2026, 11, 22, 12)
    expression = parse("0 12 * * *")
    assert next_cron_time(expression, "UTC", noon - MICROSECOND) == noon
    assert next_cron_time(expression, "UTC", noon) == noon + timedelta(days=1)
    assert next_cron_time(expression, "UTC", noon + MICROSECOND) == noon + timedelta(days=1)


def test_the_answer_does_not_depend_on_what_was_asked_before() -> None:
    expression = parse("17 3,4 L * *")
    instants = [utc(2026, 1, 1) + timedelta(hours=7 * n) for n in range(200)]
    forward = [next_cron_time(expression, "Europe/Berlin", instant) for instant in instants]
    next_cron_time.cache_clear()
    backward = [next_cron_time(expression, "Europe/Berlin", instant) for instant in reversed(instants)]
    assert forward == backward[::-1]


def test_leap_days_across_2100() -> None:
    expression = parse("0 0 29 2 *")
    assert next_cron_time(expression, "UTC", utc(2096, 3, 1)) == utc(2104, 2, 29)


def test_the_end_of_the_calendar() -> None:
    assert next_cron_time(parse("0 0 1 1 *"), "Europe/Berlin", utc(9998, 6, 1)) is None


def test_other_offsets_of_the_same_instant_get_the_same_answer() -> None:
    expression = parse("*/5 * * * *")
    after = utc(2026, 11, 22, 12)
    assert next_cron_time(expression, "UTC", after.astimezone(ZoneInfo("Asia/Kolkata"))) == utc(2026, 11, 22, 12, 5)
    answer = next_cron_time(expression, "Asia/Kolkata", after)
    assert answer is not None
    assert answer.tzinfo is UTC
