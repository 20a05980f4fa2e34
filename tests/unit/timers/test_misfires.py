"""`plan_fires`: what happens to fires that came due while the engine was not running, or was late."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.model.event import SkipReason
from engine.model.instant import MICROSECOND
from engine.model.schedule import AtSchedule, CronSchedule, IntervalSchedule, Schedule
from engine.model.trigger import Misfire, MisfirePolicy
from engine.timers.fire_times import FIRES_PER_PLAN, MISSED_FIRES_MAX, Occurrence, Plan, next_fire_time, plan_fires
from tests.fakes.clock import START
from tests.unit.timers.oracle import utc

MINUTE = timedelta(minutes=1)
EACH_MINUTE = IntervalSchedule(every=MINUTE, anchor=START)
EACH_MINUTE_CRON = CronSchedule(expression="* * * * *", timezone="Europe/Berlin")
DAY = timedelta(days=1)


def fires(at: datetime, missed_count: int = 0) -> Occurrence:
    return Occurrence(scheduled_for=at, missed_count=missed_count, skip=None)


def skipped(at: datetime, missed_count: int) -> Occurrence:
    return Occurrence(scheduled_for=at, missed_count=missed_count, skip=SkipReason.MISFIRE)


def misfire(policy: MisfirePolicy, window: timedelta = DAY) -> Misfire:
    return Misfire(policy=policy, window=window)


def plan_all(
    schedule: Schedule, due_at: datetime, now: datetime, running_since: datetime, rule: Misfire
) -> list[Occurrence]:
    """Plan again and again, as the dispatcher does, until nothing is due."""
    found: list[Occurrence] = []
    due: datetime | None = due_at
    while due is not None and due <= now:
        plan = plan_fires(schedule, due, now, running_since, rule)
        assert 1 <= len(plan.occurrences) <= FIRES_PER_PLAN
        found += plan.occurrences
        assert plan.next_fire_at is None or plan.next_fire_at > found[-1].scheduled_for
        due = plan.next_fire_at
    assert due == next_fire_time(schedule, now)
    return found


@pytest.mark.parametrize("schedule", [EACH_MINUTE, EACH_MINUTE_CRON])
@pytest.mark.parametrize("policy", MisfirePolicy)
def test_on_time_is_one_ordinary_fire(schedule: Schedule, policy: MisfirePolicy) -> None:
    plan = plan_fires(schedule, START, START + MICROSECOND, START - MINUTE, misfire(policy))
    assert plan == Plan(occurrences=(fires(START),), next_fire_at=START + MINUTE)


@pytest.mark.parametrize("policy", MisfirePolicy)
def test_late_while_running_is_no_misfire(policy: MisfirePolicy) -> None:
    now = START + 3 * MINUTE + timedelta(seconds=20)
    plan = plan_fires(EACH_MINUTE, START, now, START, misfire(policy))
    assert plan.occurrences == tuple(fires(START + n * MINUTE) for n in range(4))
    assert plan.next_fire_at == START + 4 * MINUTE


@pytest.mark.parametrize("policy", MisfirePolicy)
def test_late_while_running_is_no_misfire_beyond_the_window_either(policy: MisfirePolicy) -> None:
    rule = misfire(policy, timedelta(seconds=1))
    plan = plan_fires(EACH_MINUTE, START, START + 2 * MINUTE, START, rule)
    assert plan.occurrences == tuple(fires(START + n * MINUTE) for n in range(3))


@pytest.mark.parametrize("policy", MisfirePolicy)
def test_at_fires_once_and_always(policy: MisfirePolicy) -> None:
    schedule = AtSchedule(at=START)
    now = START + timedelta(days=400)
    plan = plan_fires(schedule, START, now, now, misfire(policy, timedelta()))
    assert plan == Plan(occurrences=(fires(START),), next_fire_at=None)


NOW = START + timedelta(minutes=9, seconds=30)
UP = START + timedelta(minutes=7, seconds=30)  # fires 0-7 were missed, 8 and 9 came due while it ran
LATER = (fires(START + 8 * MINUTE), fires(START + 9 * MINUTE))


@pytest.mark.parametrize("schedule", [EACH_MINUTE, EACH_MINUTE_CRON])
@pytest.mark.parametrize(
    ("policy", "missed"),
    [
        (MisfirePolicy.COALESCE, (fires(START + 7 * MINUTE, 8),)),
        (MisfirePolicy.LATEST, (skipped(START, 7), fires(START + 7 * MINUTE, 1))),
        (MisfirePolicy.SKIP, (skipped(START, 8),)),
        (MisfirePolicy.ALL, tuple(fires(START + n * MINUTE, 1) for n in range(8))),
    ],
)
def test_each_policy(schedule: Schedule, policy: MisfirePolicy, missed: tuple[Occurrence, ...]) -> None:
    plan = plan_fires(schedule, START, NOW, UP, misfire(policy))
    assert plan == Plan(occurrences=missed + LATER, next_fire_at=START + 10 * MINUTE)


@pytest.mark.parametrize(
    ("policy", "missed"),
    [
        (MisfirePolicy.COALESCE, (fires(START, 1),)),
        (MisfirePolicy.LATEST, (fires(START, 1),)),
        (MisfirePolicy.SKIP, (skipped(START, 1),)),
        (MisfirePolicy.ALL, (fires(START, 1),)),
    ],
)
def test_a_single_missed_fire(policy: MisfirePolicy, missed: tuple[Occurrence, ...]) -> None:
    now = START + timedelta(seconds=30)
    assert plan_fires(EACH_MINUTE, START, now, now, misfire(policy)).occurrences == missed


def test_due_at_the_very_start_is_no_misfire() -> None:
    assert plan_fires(EACH_MINUTE, START, START, START, misfire(MisfirePolicy.SKIP)).occurrences == (fires(START),)
    late = plan_fires(EACH_MINUTE, START, START, START + MICROSECOND, misfire(MisfirePolicy.SKIP))
    assert late.occurrences == (skipped(START, 1),)


@pytest.mark.parametrize("schedule", [EACH_MINUTE, EACH_MINUTE_CRON])
@pytest.mark.parametrize(
    ("policy", "missed"),
    [
        (MisfirePolicy.COALESCE, (fires(START + 7 * MINUTE, 4),)),
        (MisfirePolicy.LATEST, (skipped(START + 4 * MINUTE, 3), fires(START + 7 * MINUTE, 1))),
        (MisfirePolicy.SKIP, (skipped(START + 4 * MINUTE, 4),)),
        (MisfirePolicy.ALL, tuple(fires(START + n * MINUTE, 1) for n in range(4, 8))),
    ],
)
def test_what_lies_before_the_window_is_one_skipped_row(
    schedule: Schedule, policy: MisfirePolicy, missed: tuple[Occurrence, ...]
) -> None:
    """The window reaches back to minute 4, which itself still counts."""
    rule = misfire(policy, NOW - (START + 4 * MINUTE))
    assert plan_fires(schedule, START, NOW, UP, rule).occurrences == (skipped(START, 4), *missed, *LATER)


def test_everything_before_the_window() -> None:
    now = START + timedelta(days=10)
    plan = plan_fires(EACH_MINUTE, START, now, now, misfire(MisfirePolicy.COALESCE, timedelta()))
    assert plan.occurrences == (skipped(START, 14_400), fires(now))
    plan = plan_fires(EACH_MINUTE, START, now, now + MICROSECOND, misfire(MisfirePolicy.COALESCE, timedelta()))
    assert plan.occurrences == (skipped(START, 14_400), fires(now, 1))


@pytest.mark.parametrize("schedule", [EACH_MINUTE, EACH_MINUTE_CRON])
@pytest.mark.parametrize("excess", [0, 1, 500])
def test_all_makes_up_a_thousand_at_most(schedule: Schedule, excess: int) -> None:
    now = START + (MISSED_FIRES_MAX + excess - 1) * MINUTE + timedelta(seconds=30)
    found = plan_all(schedule, START, now, now, misfire(MisfirePolicy.ALL, timedelta(days=9)))
    first = START + excess * MINUTE
    made_up = [fires(first + n * MINUTE, 1) for n in range(MISSED_FIRES_MAX)]
    assert found == ([skipped(START, excess)] if excess else []) + made_up


def test_a_year_of_seconds_is_counted_and_not_walked() -> None:
    """31 million fires; to look at each would take minutes."""
    schedule = CronSchedule(expression="* * * * * *", timezone="Europe/Berlin")
    now = START + timedelta(days=365, milliseconds=500)
    plan = plan_fires(schedule, START, now, now, misfire(MisfirePolicy.COALESCE))
    assert plan.occurrences == (
        skipped(START, 364 * 86_400 + 1),
        fires(now - timedelta(milliseconds=500), 86_400),
    )
    interval = IntervalSchedule(every=timedelta(seconds=1), anchor=START)
    assert plan_fires(interval, START, now, now, misfire(MisfirePolicy.COALESCE)) == plan


def test_a_night_of_the_autumn_overlap_is_counted_once() -> None:
    schedule = CronSchedule(expression="30 2 * * *", timezone="Europe/Berlin")
    due, now = utc(2026, 10, 24, 0, 30), utc(2026, 10, 27, 12)
    plan = plan_fires(schedule, due, now, now, misfire(MisfirePolicy.COALESCE, timedelta(days=7)))
    assert plan.occurrences == (fires(utc(2026, 10, 27, 1, 30), 4),)


def test_a_cut_plan_says_where_it_goes_on() -> None:
    now = START + timedelta(minutes=119, seconds=1)
    plan = plan_fires(EACH_MINUTE, START, now, START, misfire(MisfirePolicy.COALESCE))
    assert plan.occurrences == tuple(fires(START + n * MINUTE) for n in range(FIRES_PER_PLAN))
    assert plan.next_fire_at == START + FIRES_PER_PLAN * MINUTE


@settings(max_examples=150, deadline=None)
@given(
    schedule=st.sampled_from(
        [
            EACH_MINUTE,
            EACH_MINUTE_CRON,
            IntervalSchedule(every=timedelta(seconds=7), anchor=START - timedelta(days=90)),
            CronSchedule(expression="*/7 1-4 * * *", timezone="Europe/Berlin"),
            CronSchedule(expression="15,45 2 * * *", timezone="Europe/Berlin"),
            CronSchedule(expression="0 0 L * *", timezone="America/New_York"),
        ]
    ),
    policy=st.sampled_from(MisfirePolicy),
    window_s=st.integers(0, 200_000),
    begin_s=st.integers(-40 * 86_400, 10 * 86_400),
    length_s=st.integers(0, 9_000) | st.integers(0, 3 * 86_400),
    up_share=st.floats(0, 1),
)
def test_repeated_plans_are_the_uncut_plan(
    schedule: Schedule, policy: MisfirePolicy, window_s: int, begin_s: int, length_s: int, up_share: float
) -> None:
    """Against the plainest reading of the rule: list every due instant, then sort each into its class."""
    due_at = next_fire_time(schedule, START + timedelta(seconds=begin_s))
    assert due_at is not None
    now = due_at + timedelta(seconds=length_s)
    running_since = due_at + (now - due_at) * up_share
    rule = misfire(policy, timedelta(seconds=window_s))

    due = [due_at]
    while (following := next_fire_time(schedule, due[-1])) is not None and following <= now:
        due.append(following)
        if len(due) > 3_000:
            return
    ordinary = [at for at in due if at >= running_since]
    too_old = [at for at in due if at < running_since and at < now - rule.window]
    missed = [at for at in due if at < running_since and at >= now - rule.window]
    expected = [skipped(due_at, len(too_old))] if too_old else []
    if missed:
        match policy:
            case MisfirePolicy.COALESCE:
                expected.append(fires(missed[-1], len(missed)))
            case MisfirePolicy.LATEST:
                expected += [skipped(missed[0], len(missed) - 1)] if len(missed) > 1 else []
                expected.append(fires(missed[-1], 1))
            case MisfirePolicy.SKIP:
                expected.append(skipped(missed[0], len(missed)))
            case MisfirePolicy.ALL:
                kept = missed[-MISSED_FIRES_MAX:]
                expected += [skipped(missed[0], len(missed) - len(kept))] if len(kept) < len(missed) else []
                expected += [fires(at, 1) for at in kept]
    expected += [fires(at) for at in ordinary]

    found = plan_all(schedule, due_at, now, running_since, rule)
    assert found == expected
    assert len({occurrence.scheduled_for for occurrence in found}) == len(found)
