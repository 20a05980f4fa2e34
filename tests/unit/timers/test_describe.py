"""Schedules in words."""

from __future__ import annotations

import locale
from datetime import timedelta

import pytest
from cron_descriptor import ExpressionDescriptor
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import InvalidInput
from engine.model.schedule import AtSchedule, CronSchedule, IntervalSchedule
from engine.timers.cron import parse
from engine.timers.describe import sentence, short, warnings
from tests.fakes.clock import START
from tests.unit.timers.oracle import utc


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("30 2 * * MON-FRI", "At 02:30, Monday to Friday"),
        ("30 14 * * *", "At 14:30"),
        ("*/5 * * * *", "Every 5 minutes"),
        ("* * * * *", "Every minute"),
        ("@hourly", "Every hour"),
        ("@daily", "At 00:00"),
        ("@weekly", "At 00:00, on Sunday"),
        ("@yearly", "At 00:00, on day 1 of the month, in January"),
        ("15 30 2 * * *", "At 02:30:15"),
        ("*/10 * * * * *", "Every 10 seconds"),
        ("*/5 9-17 * * 1-5", "Every 5 minutes, between 09:00 and 17:59, Monday to Friday"),
        ("0 0 L * *", "At 00:00, on the last day of the month"),
        ("0 0 * * FRI#2", "At 00:00, on the second Friday of the month"),
        ("0 0 * * 5l", "At 00:00, on the last Friday of the month"),
        ("0 0 1,15 * MON", "At 00:00, on day 1 and 15 of the month, or on Monday"),
        ("0 0 1,15 * MON-FRI", "At 00:00, on day 1 and 15 of the month, or on Monday to Friday"),
        ("0 0 */2 * MON", "At 00:00, every 2 days, and only on Monday"),
        ("0 12 * JAN-MAR *", "At 12:00, January to March"),
        # No good words, so the expression itself:
        ("0 0 15,L * *", "0 0 15,L * *"),
        ("0 0 * * MON#1,MON#3", "0 0 * * MON#1,MON#3"),
        ("0 */30 * * *", "0 */30 * * *"),
        ("0 0 * * */2", "0 0 * * */2"),
        ("*,5 * * * *", "*,5 * * * *"),
    ],
)
def test_cron_in_words(expression: str, words: str) -> None:
    assert sentence(CronSchedule(expression=expression)) == words


def test_the_words_do_not_depend_on_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locale, "getlocale", lambda *_: ("de_DE", "UTF-8"))
    assert sentence(CronSchedule(expression="30 14 * * MON-FRI")) == "At 14:30, Monday to Friday"
    monkeypatch.setattr(locale, "getlocale", lambda *_: (None, None))  # a warning here would be an error
    assert sentence(CronSchedule(expression="30 14 * * MON-FRI")) == "At 14:30, Monday to Friday"


def test_without_words_the_expression_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> str:
        raise RuntimeError("no words")

    monkeypatch.setattr(ExpressionDescriptor, "get_full_description", broken)
    assert sentence(CronSchedule(expression="30 14 * * *")) == "30 14 * * *"


@given(st.text(alphabet="*/-,#L0123456789 ", max_size=30))
def test_whatever_is_accepted_has_a_sentence(text: str) -> None:
    try:
        parse(text)
    except InvalidInput:
        return
    assert sentence(CronSchedule(expression=text))


def test_at_in_words() -> None:
    assert (
        sentence(AtSchedule(at=utc(2026, 11, 22, 8), timezone="Europe/Berlin"))
        == "Once, on 22 November 2026 at 09:00 (Europe/Berlin)"
    )
    assert sentence(AtSchedule(at=utc(2027, 1, 2, 3, 4, 5))) == "Once, on 2 January 2027 at 03:04:05 (UTC)"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (1, "Every second"),
        (30, "Every 30 seconds"),
        (1.5, "Every 1.5 seconds"),
        (60, "Every minute"),
        (90, "Every 1 minute and 30 seconds"),
        (300, "Every 5 minutes"),
        (3_600, "Every hour"),
        (5_400, "Every 1 hour and 30 minutes"),
        (86_400, "Every day"),
        (90_061, "Every 1 day, 1 hour, 1 minute and 1 second"),
        (604_800, "Every week"),
        (8 * 86_400, "Every 8 days"),
        (14 * 86_400, "Every 2 weeks"),
    ],
)
def test_intervals_in_words(seconds: float, words: str) -> None:
    assert sentence(IntervalSchedule(every=timedelta(seconds=seconds), anchor=START)) == words


def test_most_schedules_need_no_warning() -> None:
    assert warnings(CronSchedule(expression="*/5 * * * *", timezone="Europe/Berlin"), START) == []
    assert warnings(CronSchedule(expression="0 12 * * *", timezone="Europe/Berlin"), START) == []
    assert warnings(CronSchedule(expression="30 2 * * *", timezone="UTC"), START) == []
    assert warnings(CronSchedule(expression="0 0 */2 * MON"), START) == []
    assert warnings(IntervalSchedule(every=timedelta(hours=1), anchor=START), START) == []
    assert warnings(AtSchedule(at=START + timedelta(seconds=1)), START) == []


def test_two_day_fields_are_warned_of() -> None:
    (warning,) = warnings(CronSchedule(expression="0 0 1 * MON"), START)
    assert "combined by or" in warning


def test_hours_that_clocks_skip_or_repeat_are_warned_of() -> None:
    assert warnings(CronSchedule(expression="30 2 * * *", timezone="Europe/Berlin"), START) == [
        "02:30 does not exist on 2027-03-28; fires at 03:00 (Europe/Berlin).",
        "02:30 comes twice on 2027-10-31; fires the first time only (Europe/Berlin).",
    ]
    assert warnings(CronSchedule(expression="0 0 * * *", timezone="America/Havana"), START) == [
        "00:00 does not exist on 2027-03-14; fires at 01:00 (America/Havana).",
        "00:00 comes twice on 2027-11-07; fires the first time only (America/Havana).",
    ]


def test_steps_that_do_not_come_out_even_are_warned_of() -> None:
    (uneven,) = warnings(CronSchedule(expression="*/7 * * * *"), START)
    assert uneven == "7 does not divide 60: the last step of each hour is shorter than 7 minutes."
    (too_long,) = warnings(CronSchedule(expression="*/90 * * * *"), START)
    assert too_long == "A step of 90 minutes is longer than hours are: this fires at minute 0 of each hour."


def test_at_in_the_past_is_warned_of() -> None:
    (warning,) = warnings(AtSchedule(at=START), START)
    assert "fires at once" in warning


def test_the_short_form() -> None:
    assert short(None, START) == "manual"
    assert short(AtSchedule(at=START + timedelta(seconds=10)), START) == "10s"
    assert short(AtSchedule(at=START + timedelta(seconds=10)), START + timedelta(milliseconds=3)) == "10s"
    assert short(AtSchedule(at=START - timedelta(days=1)), START) == "0s"
    assert short(IntervalSchedule(every=timedelta(seconds=30), anchor=START), START) == "every 30s"
    assert short(IntervalSchedule(every=timedelta(seconds=1.5), anchor=START), START) == "every 1.5s"
    assert short(CronSchedule(expression="@daily"), START) == "@daily"
