"""Schedules as people type them."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import InvalidInput
from engine.model.schedule import AtSchedule, CronSchedule, IntervalSchedule, Schedule
from engine.timers.fire_times import check_schedule
from engine.timers.shorthand import parse_shorthand
from tests.fakes.clock import START
from tests.unit.timers.oracle import utc

ODD = START + timedelta(microseconds=1_234)


def read(text: str, now: datetime = ODD, timezone: str = "Europe/Berlin") -> Schedule:
    return parse_shorthand(text, now=now, timezone=timezone)


@pytest.mark.parametrize("text", ["*/5 * * * *", "@daily", "15 30 2 * * *", "0 0 L * MON#2"])
def test_cron(text: str) -> None:
    assert read(f"  {text} ") == CronSchedule(expression=text, timezone="Europe/Berlin")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("5s", 5),
        ("5m", 300),
        ("2h", 7_200),
        ("1d", 86_400),
        ("1w", 604_800),
        ("1h30m", 5_400),
        ("1h 30m", 5_400),
        ("1d2h3m4s", 93_784),
        ("1.5s", 1.5),
        ("0.5h", 1_800),
        ("1.25 seconds", 1.25),
        ("5 minutes", 300),
        ("5 Minutes", 300),
        ("10 secs", 10),
        ("2 hrs", 7_200),
        ("1 hour and 30 minutes", 5_400),
        ("1 day, 2 hours", 93_600),
        ("90 sec", 90),
        ("5  min", 300),
    ],
)
def test_durations(text: str, seconds: float) -> None:
    every, delay = read(f"every {text}"), read(f"In  {text}")
    assert isinstance(every, IntervalSchedule)
    assert isinstance(delay, AtSchedule)
    assert every.every == timedelta(seconds=seconds)
    assert delay.at == ODD + timedelta(seconds=seconds)
    assert every.timezone == delay.timezone == "Europe/Berlin"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("every second", 1), ("every minute", 60), ("every hour", 3_600), ("EVERY day", 86_400), ("every week", 604_800)],
)
def test_every_unit(text: str, seconds: int) -> None:
    schedule = read(text)
    assert isinstance(schedule, IntervalSchedule)
    assert schedule.every == timedelta(seconds=seconds)


def test_an_interval_is_anchored_now_cut_to_a_millisecond() -> None:
    schedule = read("every 5m")
    assert isinstance(schedule, IntervalSchedule)
    assert schedule.anchor == START + timedelta(milliseconds=1)
    exact = read("every 5m", now=START)
    assert isinstance(exact, IntervalSchedule)
    assert exact.anchor == START


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("at 2026-12-01T09:00", utc(2026, 12, 1, 8)),  # without an offset: in the zone
        ("at 2026-12-01 09:00:30", utc(2026, 12, 1, 8, 0, 30)),
        ("at 2026-12-01T09:00Z", utc(2026, 12, 1, 9)),
        ("AT 2026-12-01T09:00:00.5+05:30", utc(2026, 12, 1, 3, 30, 0, 500_000)),
        ("at 2026-07-01", utc(2026, 6, 30, 22)),
        ("at 2027-03-28T02:30", utc(2027, 3, 28, 1)),  # does not exist: the end of the gap
        ("at 2020-01-01T00:00Z", utc(2020, 1, 1)),  # in the past: no error, it fires at once
    ],
)
def test_at(text: str, at: datetime) -> None:
    assert read(text) == AtSchedule(at=at, timezone="Europe/Berlin")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("PT15M", 900),
        ("P1D", 86_400),
        ("PT1H30M", 5_400),
        ("P1W", 604_800),
        ("P1DT2H3M4S", 93_784),
        ("PT90M", 5_400),
        ("PT1.5S", 1.5),
        ("PT0,5H", 1_800),
        ("pt15m", 900),
    ],
)
def test_iso_8601_durations_are_intervals(text: str, seconds: float) -> None:
    expected = IntervalSchedule(
        every=timedelta(seconds=seconds), anchor=START + timedelta(milliseconds=1), timezone="Europe/Berlin"
    )
    assert read(f" {text} ") == expected


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("P1M", "no fixed length: use cron"),
        ("P1Y", "no fixed length: use cron"),
        ("P1Y2M3DT4H", "no fixed length: use cron"),
        ("p0m1d", "no fixed length: use cron"),
        ("R/PT15M", "a duration without R/"),
        ("r5/PT15M", "a duration without R/"),
        ("R-1/PT15M", "a duration without R/"),
        ("R/2026-12-01T09:00:00Z/PT15M", "every_s and anchor"),
        ("P", "PT15M"),
        ("PT", "such as PT15M"),
        ("P1DT", "such as PT15M"),
        ("P1H", "such as PT15M"),
        ("PT1D", "such as PT15M"),
        ("PT30M1H", "such as PT15M"),
        ("PT5", "such as PT15M"),
        ("-PT5M", "such as PT15M"),
        ("+PT5M", "such as PT15M"),
        ("PT5M and PT1H", "such as PT15M"),
        ("PT1.0005S", "three decimals"),
        ("PT\u0665M", "such as PT15M"),
        ("PT0S", "from 1 second"),
        ("PT0.999S", "from 1 second"),
        ("P3651D", "10 years"),
        ("P999999999W", "PT15M"),
    ],
)
def test_which_iso_8601_is_refused(text: str, names: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_shorthand(text, now=ODD, timezone="Europe/Berlin", field="body.schedule")
    (error,) = caught.value.errors
    assert (error.field, error.value) == ("body.schedule", text)
    assert names in error.allowed


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", "a cron expression"),
        ("soon", "a cron expression"),
        ("every", "every 5m"),
        ("every 5", "every 5m"),
        ("every 5x", "every 5m"),
        ("every 5m30", "every 5m"),
        ("every 5m,", "every 5m"),
        ("every m5", "every 5m"),
        ("every -5m", "every 5m"),
        ("every 5ms", "every 5m"),
        ("every 1e3s", "every 5m"),
        ("every \u0665m", "every 5m"),
        ("every 5months", "every 5m"),
        ("every 0s", "from 1 second"),
        ("every 0.999s", "from 1 second"),
        ("every 3651d", "10 years"),
        ("every 99999999999w", "every 5m"),
        ("in", "in 10s"),
        ("in 10", "in 10s"),
        ("in 999999999w", "in 10s"),
        ("in 9999999w", "10 years"),
        ("at", "2026-12-01T09:00"),
        ("at noon", "2026-12-01T09:00"),
        ("at 2026-13-01T00:00", "2026-12-01T09:00"),
        ("at 1969-01-01T00:00", "1970"),
        ("at 0001-01-01T00:00+14:00", "1970"),
        ("at 9999-12-31T23:59-12:00", "1970"),
        ("61 * * * *", "minute '61'"),
        ("0 0 31 2 *", "every 8 years"),
        ("* * * *", "this has 4 fields"),
        ("@reboot", "'@reboot'"),
        ("every " + "1s" * 200, "at most 256"),
        ("cron(" + "0 " * 200 + ")", "at most 256"),
        ("rate(" + "5" * 300 + " minutes)", "at most 256"),
        ("PT" + "1" * 300 + "M", "at most 256"),
    ],
)
def test_what_is_refused(text: str, names: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_shorthand(text, now=ODD, timezone="Europe/Berlin", field="body.schedule")
    (error,) = caught.value.errors
    assert (error.field, error.value) == ("body.schedule", text)
    assert names in error.allowed


def test_an_unknown_zone_is_its_own_error() -> None:
    with pytest.raises(InvalidInput) as caught:
        read("every 5m", timezone="Europe/Berln")
    assert caught.value.errors[0].field == "schedule.timezone"


@given(
    st.text(max_size=60)
    | st.text(alphabet="everyinat 0123456789.smhdw:-TZ+*/@", max_size=40)
    | st.text(alphabet="PTRWDHMSY0123456789.,/-", max_size=20)
)
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        schedule = read(text)
    except InvalidInput:
        return
    check_schedule(schedule, START)
