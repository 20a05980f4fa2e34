"""Instants: exact to the microsecond, RFC 3339 on the wire, local times in gaps and overlaps."""

# ruff: noqa: DTZ001 -- wall times, and the bounds that hypothesis takes, are naive

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.model.instant import (
    MICROSECOND,
    format_instant,
    from_local,
    from_microseconds,
    parse_instant,
    require_aware,
    to_microseconds,
)

INSTANTS = st.datetimes(datetime(1970, 1, 1), datetime(9998, 12, 31), timezones=st.just(UTC))
ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "America/Sao_Paulo",
    "America/Havana",
    "Africa/Casablanca",
    "Asia/Tehran",
    "Antarctica/Troll",
    "America/Caracas",
    "Asia/Pyongyang",
    "Pacific/Apia",
]


@given(INSTANTS)
def test_microseconds_are_exact(instant: datetime) -> None:
    assert from_microseconds(to_microseconds(instant)) == instant


def test_microseconds_count_from_1970_in_any_zone() -> None:
    assert to_microseconds(datetime(1970, 1, 1, 1, 0, 0, 1, tzinfo=timezone(timedelta(hours=1)))) == 1
    assert to_microseconds(datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)) == -1


@given(INSTANTS, st.sampled_from(ZONES))
def test_what_is_written_reads_as_the_same_instant(instant: datetime, zone: str) -> None:
    text = format_instant(instant.astimezone(ZoneInfo(zone)))
    assert text.endswith("Z")
    assert parse_instant(text, ZoneInfo("Asia/Tokyo")) == instant


def test_the_fraction_is_shown_only_where_there_is_one() -> None:
    assert format_instant(datetime(2026, 11, 22, 9, tzinfo=UTC)) == "2026-11-22T09:00:00Z"
    assert format_instant(datetime(2026, 11, 22, 9, 0, 0, 120_000, tzinfo=UTC)) == "2026-11-22T09:00:00.120000Z"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-12-01T09:00", "2026-12-01T08:00:00Z"),
        ("2026-12-01 09:00:00.5", "2026-12-01T08:00:00.500000Z"),
        (" 2026-12-01T09:00:00Z ", "2026-12-01T09:00:00Z"),
        ("2026-12-01T09:00:00-05:00", "2026-12-01T14:00:00Z"),
        ("2026-12-01", "2026-11-30T23:00:00Z"),
        ("1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z"),
        ("9998-12-31T23:59:59.999999Z", "9998-12-31T23:59:59.999999Z"),
    ],
)
def test_a_time_without_offset_is_local(text: str, expected: str) -> None:
    assert format_instant(parse_instant(text, ZoneInfo("Europe/Berlin"))) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "tomorrow",
        "2026-02-30T00:00",
        "2026-11-22T24:01",
        "2026-11-22T09:00:60Z",
        "2026-11-22T09:00+25:00",
        "1969-12-31T23:59:59Z",
        "1970-01-01T00:00",
        "9999-01-01T00:00Z",
        "9999-12-31T23:59:59-23:59",
        "0001-01-01T00:00:00+14:00",
        "0001-01-01T00:00",
        "9999-12-31T23:59",
    ],
)
@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/New_York"])
def test_what_is_no_time_or_out_of_range_is_a_value_error(text: str, zone: str) -> None:
    if (text, zone) == ("1970-01-01T00:00", "America/New_York"):
        assert parse_instant(text, ZoneInfo(zone)) == datetime(1970, 1, 1, 5, tzinfo=UTC)
        return
    with pytest.raises(ValueError, match=r".+"):
        parse_instant(text, ZoneInfo(zone))


@pytest.mark.parametrize(
    ("zone", "wall", "expected"),
    [
        # Inside a gap: the first instant after it.
        ("Europe/Berlin", "2026-03-29T02:00", "2026-03-29T01:00:00Z"),
        ("Europe/Berlin", "2026-03-29T02:30", "2026-03-29T01:00:00Z"),
        ("Europe/Berlin", "2026-03-29T02:59:59.999999", "2026-03-29T01:00:00Z"),
        ("Australia/Lord_Howe", "2026-10-04T02:15", "2026-10-03T15:30:00Z"),
        ("America/Sao_Paulo", "2018-11-04T00:30", "2018-11-04T03:00:00Z"),
        ("Antarctica/Troll", "2026-03-29T02:30", "2026-03-29T01:00:00Z"),
        ("America/Caracas", "2016-05-01T02:45", "2016-05-01T07:00:00Z"),
        ("Pacific/Apia", "2011-12-30T00:00", "2011-12-30T10:00:00Z"),
        ("Pacific/Apia", "2011-12-30T12:00", "2011-12-30T10:00:00Z"),
        ("Pacific/Apia", "2011-12-30T23:59:59", "2011-12-30T10:00:00Z"),
        # At the edges of a gap nothing is moved.
        ("Europe/Berlin", "2026-03-29T01:59:59.999999", "2026-03-29T00:59:59.999999Z"),
        ("Europe/Berlin", "2026-03-29T03:00", "2026-03-29T01:00:00Z"),
        ("Pacific/Apia", "2011-12-29T23:59:59", "2011-12-30T09:59:59Z"),
        ("Pacific/Apia", "2011-12-31T00:00", "2011-12-30T10:00:00Z"),
        # Inside an overlap: the first pass.
        ("Europe/Berlin", "2026-10-25T02:00", "2026-10-25T00:00:00Z"),
        ("Europe/Berlin", "2026-10-25T02:59:59", "2026-10-25T00:59:59Z"),
        ("Europe/Berlin", "2026-10-25T03:00", "2026-10-25T02:00:00Z"),
        ("America/Havana", "2026-11-01T00:30", "2026-11-01T04:30:00Z"),
        ("Asia/Pyongyang", "2015-08-14T23:45", "2015-08-14T14:45:00Z"),
    ],
)
def test_local_times_in_gaps_and_overlaps(zone: str, wall: str, expected: str) -> None:
    for fold in (0, 1):
        local = datetime.fromisoformat(wall).replace(fold=fold)
        assert format_instant(from_local(local, ZoneInfo(zone))) == expected


@given(st.datetimes(datetime(1970, 1, 3), datetime(2037, 12, 29)), st.sampled_from(ZONES))
def test_a_local_time_that_exists_is_shown_again_and_others_move_to_the_end_of_the_gap(
    wall: datetime, zone: str
) -> None:
    place = ZoneInfo(zone)
    instant = from_local(wall, place)
    shown = instant.astimezone(place).replace(tzinfo=None, fold=0)
    if shown != wall:
        before = (instant - MICROSECOND).astimezone(place).replace(tzinfo=None)
        assert before < wall < shown, "the wall time lies in the gap that ends at the instant"


@pytest.mark.parametrize("zone", [UTC, timezone(timedelta(hours=-11, minutes=-30))])
def test_zones_without_transitions(zone: timezone) -> None:
    wall = datetime(2026, 11, 22, 9)
    assert from_local(wall, zone) == wall.replace(tzinfo=zone)


def test_naive_is_refused_by_name() -> None:
    require_aware(a=None, b=datetime(2026, 1, 1, tzinfo=UTC))
    with pytest.raises(ValueError, match="second"):
        require_aware(first=None, second=datetime(2026, 1, 1))
