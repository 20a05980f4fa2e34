"""Questions to schedules of every kind."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import InvalidInput
from engine.model.instant import MICROSECOND
from engine.model.schedule import AtSchedule, CronSchedule, IntervalSchedule, Schedule
from engine.timers.fire_times import check_schedule, fire_times, first_fire_time, next_fire_time, zone
from tests.fakes.clock import START
from tests.unit.timers.oracle import utc

SECOND = timedelta(seconds=1)

instants = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
periods = st.integers(1_000, 10**9).map(lambda ms: timedelta(milliseconds=ms))


def berlin(expression: str) -> CronSchedule:
    return CronSchedule(expression=expression, timezone="Europe/Berlin")


def test_at_fires_once() -> None:
    schedule = AtSchedule(at=START)
    assert next_fire_time(schedule, START - MICROSECOND) == START
    assert next_fire_time(schedule, START) is None


def test_at_fires_first_at_its_instant_also_in_the_past() -> None:
    assert first_fire_time(AtSchedule(at=START), START - SECOND) == START
    assert first_fire_time(AtSchedule(at=START), START + timedelta(days=900)) == START


def test_other_schedules_fire_first_after_now() -> None:
    assert first_fire_time(IntervalSchedule(every=SECOND, anchor=START), START) == START + SECOND
    assert first_fire_time(berlin("0 12 * * *"), START) == utc(2026, 11, 22, 11)


@given(every=periods, anchor=instants, after=instants)
def test_an_interval_is_a_grid_around_its_anchor(every: timedelta, anchor: datetime, after: datetime) -> None:
    fire = next_fire_time(IntervalSchedule(every=every, anchor=anchor), after)
    assert fire is not None
    assert after < fire <= after + every
    assert (fire - anchor) % every == timedelta()


def test_an_interval_counts_in_utc() -> None:
    schedule = IntervalSchedule(every=timedelta(days=1), anchor=utc(2026, 10, 24, 10), timezone="Europe/Berlin")
    assert next_fire_time(schedule, utc(2026, 10, 25)) == utc(2026, 10, 25, 10)


def test_an_interval_ends_with_the_calendar() -> None:
    schedule = IntervalSchedule(every=timedelta(days=3_650), anchor=utc(9990, 1, 1))
    assert next_fire_time(schedule, utc(9990, 1, 1)) is None
    assert next_fire_time(schedule, datetime.max.replace(tzinfo=UTC)) is None


@given(after=instants)
def test_cron_through_a_schedule(after: datetime) -> None:
    fire = next_fire_time(CronSchedule(expression="@hourly"), after)
    assert fire == after.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)


# --- check_schedule -------------------------------------------------------------------------------------------------


def test_good_schedules_pass() -> None:
    for schedule in (
        AtSchedule(at=START - timedelta(days=1_000)),
        IntervalSchedule(every=SECOND, anchor=START),
        IntervalSchedule(every=timedelta(seconds=1, milliseconds=1), anchor=START),
        IntervalSchedule(every=timedelta(days=3_650), anchor=START),
        berlin("30 2 * * MON-FRI"),
        berlin("0 0 29 2 *"),
    ):
        check_schedule(schedule, START)


@pytest.mark.parametrize(
    ("schedule", "field", "value"),
    [
        (IntervalSchedule(every=timedelta(), anchor=START), "schedule.every_s", 0),
        (IntervalSchedule(every=-SECOND, anchor=START), "schedule.every_s", -1),
        (IntervalSchedule(every=timedelta(milliseconds=999), anchor=START), "schedule.every_s", 0.999),
        (IntervalSchedule(every=timedelta(seconds=1, microseconds=1), anchor=START), "schedule.every_s", 1.000001),
        (IntervalSchedule(every=timedelta(days=3_651), anchor=START), "schedule.every_s", 3_651 * 86_400),
        (IntervalSchedule(every=SECOND, anchor=START, timezone="Nowhere"), "schedule.timezone", "Nowhere"),
        (AtSchedule(at=START, timezone="Nowhere"), "schedule.timezone", "Nowhere"),
        (CronSchedule(expression="@daily", timezone="Nowhere"), "schedule.timezone", "Nowhere"),
        (berlin("61 * * * *"), "schedule.expression", "61 * * * *"),
        (berlin("0 0 31 2 *"), "schedule.expression", "0 0 31 2 *"),
        (berlin("* 2 * 3 0L"), "schedule.expression", "* 2 * 3 0L"),  # swallowed by the gap, every year
    ],
)
def test_bad_schedules_name_the_field(schedule: Schedule, field: str, value: object) -> None:
    with pytest.raises(InvalidInput) as caught:
        check_schedule(schedule, START)
    (error,) = caught.value.errors
    assert (error.field, error.value) == (field, value)
    assert error.allowed


# --- fire_times -----------------------------------------------------------------------------------------------------


def test_the_next_fires_in_both_clocks() -> None:
    fires = fire_times(berlin("30 2 * * *"), START, 3)
    assert [fire.at for fire in fires] == [utc(2026, 11, day, 1, 30) for day in (23, 24, 25)]
    assert fires[0].local.isoformat() == "2026-11-23T02:30:00+01:00"
    assert fires[0].local.tzinfo is zone("Europe/Berlin")
    assert all(fire.notes == () for fire in fires)


def test_at_is_listed_while_it_is_to_come() -> None:
    schedule = AtSchedule(at=START, timezone="Asia/Tokyo")
    (fire,) = fire_times(schedule, START - SECOND, 5)
    assert (fire.at, fire.local.isoformat(), fire.notes) == (START, "2026-11-22T18:00:00+09:00", ())
    assert fire_times(schedule, START, 5) == []
    assert fire_times(schedule, START - SECOND, 0) == []


def notes(schedule: Schedule, after: datetime, count: int) -> list[tuple[str, ...]]:
    return [fire.notes for fire in fire_times(schedule, after, count)]


def test_a_fixed_time_in_a_gap_is_noted() -> None:
    before = utc(2027, 3, 26, 12)
    assert notes(berlin("30 2 * * *"), before, 3) == [
        (),
        ("02:30 does not exist on 2027-03-28; fires at 03:00",),
        (),
    ]
    assert notes(berlin("0,30 2 * * *"), before, 4)[2:] == [
        ("02:00 and 02:30 do not exist on 2027-03-28; fires once, at 03:00",),
        (),
    ]
    assert notes(berlin("*/10 30 2 * * *"), utc(2027, 3, 27, 12), 1) == [
        ("02:30, 02:30:10, 02:30:20 and 3 more do not exist on 2027-03-28; fires once, at 03:00",)
    ]


def test_a_gap_on_another_day_is_noted_with_the_day() -> None:
    schedule = CronSchedule(expression="0 12 * * *", timezone="Pacific/Apia")
    assert notes(schedule, utc(2011, 12, 30), 2) == [
        ("12:00 does not exist on 2011-12-30; fires at 2011-12-31 00:00",),
        (),
    ]


def test_a_time_that_comes_twice_is_noted() -> None:
    after = utc(2027, 10, 30, 22)
    assert notes(berlin("30 2 * * *"), after, 2) == [
        ("02:30 comes twice on 2027-10-31; fires the first time only",),
        (),
    ]
    assert notes(berlin("30 * * * *"), after, 5) == [
        (),
        (),
        ("02:30 comes twice on 2027-10-31; fires both times, this is the first",),
        ("02:30 comes twice on 2027-10-31; fires both times, this is the second",),
        (),
    ]


def test_what_an_interval_like_expression_loses_to_a_gap_is_noted_on_the_next_fire() -> None:
    assert notes(berlin("30 * * * *"), utc(2027, 3, 28), 3) == [
        (),
        ("02:30 does not exist on 2027-03-28; nothing fires then",),
        (),
    ]


def test_a_change_that_the_schedule_does_not_meet_is_not_noted() -> None:
    assert notes(berlin("0 12 * * *"), utc(2027, 3, 27), 3) == [(), (), ()]
    assert notes(IntervalSchedule(every=timedelta(hours=1), anchor=START, timezone="Europe/Berlin"), START, 2) == [
        (),
        (),
    ]
