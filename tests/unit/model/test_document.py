"""Documents: the shapes of the contract, and back to the same records."""

# ruff: noqa: DTZ001 -- wall times, and the bounds that hypothesis takes, are naive

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.model.document import (
    misfire_document,
    misfire_from_document,
    retry_document,
    retry_from_document,
    schedule_document,
    schedule_from_document,
    target_document,
    target_from_document,
)
from engine.model.schedule import AtSchedule, CronSchedule, IntervalSchedule, Schedule
from engine.model.trigger import Misfire, MisfirePolicy, RetryPolicy, Target

INSTANTS = st.datetimes(datetime(1970, 1, 1), datetime(9998, 12, 31), timezones=st.just(UTC))
ZONES = st.sampled_from(["UTC", "Europe/Berlin", "Pacific/Apia"])
MILLISECONDS = st.integers(1, 10 * 366 * 86_400_000).map(lambda count: timedelta(milliseconds=count))
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)

SCHEDULES: st.SearchStrategy[Schedule] = (
    st.builds(AtSchedule, at=INSTANTS, timezone=ZONES)
    | st.builds(IntervalSchedule, every=MILLISECONDS, anchor=INSTANTS, timezone=ZONES)
    | st.builds(CronSchedule, expression=TEXT, timezone=ZONES)
)
TARGETS = st.builds(
    Target,
    url=TEXT,
    method=st.sampled_from(["POST", "GET", "PUT"]),
    headers=st.dictionaries(TEXT, TEXT, max_size=4).map(lambda headers: tuple(headers.items())),
    timeout_ms=st.integers(1, 600_000),
    success_codes=st.lists(st.integers(200, 599), max_size=4).map(tuple),
)
RETRIES = st.builds(
    RetryPolicy,
    attempts_max=st.integers(1, 100),
    backoff=st.sampled_from(["exponential", "fixed"]),
    first_delay_ms=st.integers(0, 10**9),
    delay_max_ms=st.integers(0, 10**9),
)
MISFIRES = st.builds(Misfire, policy=st.sampled_from(MisfirePolicy), window=MILLISECONDS)


def through_json(document: dict[str, Any]) -> dict[str, Any]:
    """As it comes back from a store or a client."""
    result: dict[str, Any] = json.loads(json.dumps(document))
    return result


@given(SCHEDULES)
def test_schedules_come_back_the_same(schedule: Schedule) -> None:
    assert schedule_from_document(through_json(schedule_document(schedule))) == schedule


@given(TARGETS)
def test_targets_come_back_the_same(target: Target) -> None:
    assert target_from_document(through_json(target_document(target))) == target


@given(RETRIES)
def test_retry_policies_come_back_the_same(retry: RetryPolicy) -> None:
    assert retry_from_document(through_json(retry_document(retry))) == retry


@given(MISFIRES)
def test_misfire_rules_come_back_the_same(misfire: Misfire) -> None:
    assert misfire_from_document(through_json(misfire_document(misfire))) == misfire


def test_the_shapes_are_those_of_the_contract() -> None:
    nine = datetime(2026, 11, 22, 9, tzinfo=UTC)
    assert schedule_document(AtSchedule(at=nine, timezone="Europe/Berlin")) == {
        "kind": "at",
        "at": "2026-11-22T09:00:00Z",
        "timezone": "Europe/Berlin",
    }
    assert schedule_document(IntervalSchedule(every=timedelta(minutes=5), anchor=nine)) == {
        "kind": "interval",
        "every_s": 300,
        "anchor": "2026-11-22T09:00:00Z",
        "timezone": "UTC",
    }
    assert schedule_document(CronSchedule(expression="30 2 * * MON-FRI", timezone="Europe/Berlin")) == {
        "kind": "cron",
        "expression": "30 2 * * MON-FRI",
        "timezone": "Europe/Berlin",
    }
    assert target_document(Target(url="https://example.org/hook")) == {
        "url": "https://example.org/hook",
        "method": "POST",
        "headers": {},
        "timeout_ms": 15_000,
    }
    assert retry_document(RetryPolicy()) == {
        "attempts_max": 8,
        "backoff": "exponential",
        "first_delay_ms": 5_000,
        "delay_max_ms": 36_000_000,
    }
    assert misfire_document(Misfire()) == {"policy": "coalesce", "window_s": 86_400}


@pytest.mark.parametrize(("every", "shown"), [(timedelta(seconds=300), "300"), (timedelta(milliseconds=1500), "1.5")])
def test_whole_seconds_are_integers(every: timedelta, shown: str) -> None:
    schedule = IntervalSchedule(every=every, anchor=datetime(2026, 1, 1, tzinfo=UTC))
    assert json.dumps(schedule_document(schedule)["every_s"]) == shown


def test_headers_keep_their_order() -> None:
    headers = (("X-B", "1"), ("X-A", "2"), ("x-c", "3"))
    assert target_from_document(through_json(target_document(Target(url="u", headers=headers)))).headers == headers


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="lunar"):
        schedule_from_document({"kind": "lunar", "timezone": "UTC"})
