"""The grammar: what is read, and how what is not read is refused."""

from __future__ import annotations

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine.errors import InvalidInput
from engine.timers.cron_expression import LAST, NAMES, matching_days, parse


def refusal(text: str) -> str:
    with pytest.raises(InvalidInput) as caught:
        parse(text)
    (error,) = caught.value.errors
    assert error.field == "schedule.expression"
    assert error.value == text
    return error.allowed


def test_five_fields() -> None:
    expression = parse("5,35 8-18/5 1-3 JAN,mar Mon-fri")
    assert expression.seconds == (0,)
    assert expression.minutes == (5, 35)
    assert expression.hours == (8, 13, 18)
    assert expression.month_days == (1, 2, 3)
    assert expression.months == (1, 3)
    assert expression.weekdays == (1, 2, 3, 4, 5)
    assert expression.canonical == "5,35 8-18/5 1-3 JAN,MAR MON-FRI"


def test_six_fields_have_seconds_first() -> None:
    expression = parse("15 30 2 * * *")
    assert (expression.seconds, expression.minutes, expression.hours) == ((15,), (30,), (2,))


@pytest.mark.parametrize(
    ("part", "values"),
    [
        ("*", tuple(range(60))),
        ("*/15", (0, 15, 30, 45)),
        ("5-5", (5,)),
        ("50/4", (50, 54, 58)),
        ("10-20/5,0", (0, 10, 15, 20)),
        ("*/45", (0, 45)),
        ("*/70", (0,)),
        ("007", (7,)),
        ("59", (59,)),
    ],
)
def test_one_field(part: str, values: tuple[int, ...]) -> None:
    assert parse(f"{part} * * * *").minutes == values


@pytest.mark.parametrize(
    ("part", "weekdays"),
    [
        ("0", (0,)),
        ("7", (0,)),
        ("5-7", (0, 5, 6)),
        ("SUN-SAT", (0, 1, 2, 3, 4, 5, 6)),
        ("1/2", (0, 1, 3, 5)),
        ("6,0", (0, 6)),
    ],
)
def test_sunday_is_0_and_7(part: str, weekdays: tuple[int, ...]) -> None:
    assert parse(f"0 0 * * {part}").weekdays == weekdays


def test_last_days_and_nth_weekdays() -> None:
    expression = parse("0 0 15,L * 7L,TUE#3,5#1,wedL")
    assert expression.month_days == (15,)
    assert expression.last_day
    assert expression.nth_weekdays == ((0, LAST), (2, 3), (3, LAST), (5, 1))
    # November 2026 begins on a Sunday and has 30 days.
    assert matching_days(expression, 2026, 11) == (6, 15, 17, 25, 29, 30)


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("0 0 1,15 * MON", (1, 2, 9, 15, 16, 23, 30)),  # or
        ("0 0 1-31 * MON", tuple(range(1, 31))),  # or, though every day is listed
        ("0 0 */14 * MON", ()),  # and: 1, 15 and 29 are Sundays
        ("0 0 */14 * SUN", (1, 15, 29)),
        ("0 0 1-7 * */7", (1,)),  # and: the first Sunday
        ("0 0 *,1 * MON", (2, 9, 16, 23, 30)),
        ("0 0 * * *", tuple(range(1, 31))),
    ],
)
def test_day_fields_are_joined_as_debian_cron_does(text: str, days: tuple[int, ...]) -> None:
    assert matching_days(parse(text), 2026, 11) == days


def test_interval_like_is_a_star_in_front_of_minute_or_hour() -> None:
    for text in ("* 2 * * *", "0 * * * *", "*/30 2 * * *", "7 *,3 * * *", "30 */5 2 * * *"):
        assert parse(text).is_interval, text
    for text in ("0-59 0-23 * * *", "30 2 * * *", "5,* 2 * * *", "* 30 2 * * *"):
        assert not parse(text).is_interval, text


def test_names_mean_their_fields() -> None:
    for name, fields in NAMES.items():
        named, spelled = parse(name.upper()), parse(fields)
        assert named.canonical == fields
        assert (named.minutes, named.hours, named.month_days, named.months, named.weekdays, named.day_or) == (
            spelled.minutes,
            spelled.hours,
            spelled.month_days,
            spelled.months,
            spelled.weekdays,
            spelled.day_or,
        )


def test_the_same_text_is_the_same_expression() -> None:
    assert parse("0 5 * * *") is parse("0 5 * * *")
    assert parse("0 5 * * *") != parse("0 6 * * *")
    assert parse(" \t0 5 * * * ").text == "0 5 * * *"
    assert len({parse("0 5 * * *"), parse("0 5 * * *")}) == 1


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("61 * * * *", "minute '61'"),
        ("* 24 * * *", "hour '24'"),
        ("* * 0 * *", "day of month '0'"),
        ("* * 32 * *", "day of month '32'"),
        ("* * * 13 *", "month '13'"),
        ("* * * MON *", "month 'MON'"),
        ("* * * * 8", "day of week '8'"),
        ("* * * * JAN", "day of week 'JAN'"),
        ("60 * * * * *", "second '60'"),
        ("*/0 * * * *", "a step is at least 1"),
        ("1/0 * * * *", "a step is at least 1"),
        ("30-10 * * * *", "a range runs upwards"),
        ("0 0 * * FRI-SUN", "the week ends with 7"),
        ("0 0 * * MON#6", "# is followed by 1-5"),
        ("0 0 * * MON#0", "# is followed by 1-5"),
        ("0 0 * * 8#1", "day of week '8#1'"),
        ("1,,2 * * * *", "minute"),
        (",1 * * * *", "minute"),
        ("1, * * * *", "minute"),
        ("*5 * * * *", "minute '*5'"),
        ("-1 * * * *", "minute '-1'"),
        ("1-2-3 * * * *", "minute"),
        ("*/5/5 * * * *", "minute"),
        ("1.5 * * * *", "minute"),
        ("+1 * * * *", "minute"),
        ("0x1 * * * *", "minute"),
        ("? * * * *", "minute '?'"),
        ("H * * * *", "minute 'H'"),
        ("R * * * *", "minute 'R'"),
        ("L * * * *", "minute 'L'"),
        ("0 0 LW * *", "day of month 'LW'"),
        ("0 0 15W * *", "day of month '15W'"),
        ("0 0 L-3 * *", "day of month 'L-3'"),
        ("0 0 * * L", "day of week 'L'"),
        ("0 0 * * 1-5#2", "day of week '1-5#2'"),
        ("0 0 * * MONDAY", "day of week 'MONDAY'"),
        ("* * * *", "this has 4 fields"),
        ("* * * * * * *", "this has 7 fields"),
        ("", "this has 0 fields"),
        ("   ", "this has 0 fields"),
        ("noon", "this has 1 field"),
        ("@reboot", "'@reboot' is not known"),
        ("@every 5m", "is not known"),
        ("@", "is not known"),
        ("*\n* * * *", "this has 4 fields"),
        ("* * * * *\n", "day of week"),
        ("\u0665 * * * *", "ASCII"),  # an Arabic-Indic five
        ("\uff15 * * * *", "ASCII"),
        ("*\u00a0* * * *", "ASCII"),
        ("\ud800 * * * *", "ASCII"),
        ("* * * * *\x00", "day of week"),
    ],
)
def test_what_is_refused_says_where(text: str, names: str) -> None:
    assert names in refusal(text)


@pytest.mark.parametrize(
    "text",
    [
        "0 0 31 2 *",
        "0 0 30 FEB *",
        "0 0 31 4,6,9,11 *",
        "0 0 29 2 */7",  # and: a Sunday in a leap year comes every 28 years
        "0 0 */29 2 MON#1",
        "0 0 * 2 SUN#5",
    ],
)
def test_days_that_come_too_rarely_are_refused(text: str) -> None:
    assert "every 8 years" in refusal(text)


@pytest.mark.parametrize(
    "text", ["0 0 29 2 *", "0 0 L 2 *", "0 0 29 2 MON", "0 0 31 2,3 *", "0 0 * * MON#5", "0 0 31 1 */2"]
)
def test_days_that_come_often_enough_are_accepted(text: str) -> None:
    parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "x" * 300_000,
        "* " * 150_000,
        f"{'9' * 5_000} * * * *",
        f"{'9' * 240} * * * *",
        f"*/{'0' * 240} * * * *",
        ",".join("*" * 120) + " * * *",
        "-" * 250,
        "0 0 31 2 *",
        f"{'1-' * 120} * * * *",
        "\u0661" * 10_000,
    ],
)
def test_hostile_input_is_refused_at_once(text: str) -> None:
    """Under a millisecond; the best of several, as the machine may be busy."""
    durations = []
    for _ in range(20):
        begun = time.perf_counter()
        with pytest.raises(InvalidInput):
            parse(text)
        durations.append(time.perf_counter() - begun)
    assert min(durations) < 0.001


@given(st.text(alphabet="*/-,#@LW0123456789 MONSUNJAN\t?", max_size=40))
@example("0 0 L * *")
def test_any_text_is_read_or_refused(text: str) -> None:
    """Nothing but InvalidInput comes out, and what is accepted has a day to fire on."""
    try:
        expression = parse(text)
    except InvalidInput:
        return
    assert expression.minutes
    assert expression.hours
    assert any(matching_days(expression, year, month) for year in range(2024, 2033) for month in range(1, 13))
