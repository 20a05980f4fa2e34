"""Zone names and the changes of their clocks."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from engine.errors import InvalidInput
from engine.timers.zones import transitions, zone, zone_names
from tests.unit.timers.oracle import utc


def test_known_zones() -> None:
    assert zone("Europe/Berlin") == ZoneInfo("Europe/Berlin")
    assert zone("UTC").key == "UTC"
    assert zone("Asia/Kolkata") is zone("Asia/Kolkata")


@pytest.mark.parametrize(
    ("name", "suggestion"),
    [
        ("Europe/Berln", "Europe/Berlin"),
        ("europe/berlin", "Europe/Berlin"),
        ("Berlin", "Europe/Berlin"),
        ("America/New York", "America/New_York"),
        ("Mars/Olympus", None),
        ("", None),
        ("../../etc/passwd", None),
        ("/etc/localtime", None),
        ("Europe/Berlin\x00", "Europe/Berlin"),
        ("x" * 300_000, None),
        ("localtime", None),
        ("Factory", None),
        ("+01:00", None),
    ],
)
def test_unknown_zones_are_refused(name: str, suggestion: str | None) -> None:
    with pytest.raises(InvalidInput) as caught:
        zone(name)
    (error,) = caught.value.errors
    assert (error.field, error.value) == ("schedule.timezone", name)
    assert "'Europe/Berlin'" in error.allowed
    assert ("did you mean" in error.allowed) == (suggestion is not None)
    assert suggestion is None or error.allowed.endswith(f"did you mean {suggestion!r}?")


def test_changes_of_berlin() -> None:
    spring, autumn = transitions("Europe/Berlin", utc(2026, 1, 1), utc(2026, 12, 31))
    assert (spring.at, spring.is_gap) == (utc(2026, 3, 29, 1), True)
    assert spring.wall_before.isoformat() == "2026-03-29T02:00:00"
    assert spring.wall_after.isoformat() == "2026-03-29T03:00:00"
    assert (autumn.at, autumn.is_gap) == (utc(2026, 10, 25, 1), False)
    assert autumn.wall_before.isoformat() == "2026-10-25T03:00:00"
    assert autumn.wall_after.isoformat() == "2026-10-25T02:00:00"


def test_bounds_are_after_and_until() -> None:
    at = utc(2026, 3, 29, 1)
    just = timedelta(microseconds=1)
    assert [change.at for change in transitions("Europe/Berlin", at - just, at)] == [at]
    assert not list(transitions("Europe/Berlin", at, at + timedelta(days=1)))
    assert not list(transitions("Europe/Berlin", at - timedelta(days=1), at - just))


def test_a_change_at_the_turn_of_the_year() -> None:
    """The Line Islands moved over the date line as 1994 ended, and never had its last day."""
    (change,) = transitions("Pacific/Kiritimati", utc(1994, 12, 1), utc(1995, 2, 1))
    assert change.at == utc(1994, 12, 31, 10)
    assert change.offset_after - change.offset_before == timedelta(days=1)


@pytest.mark.parametrize("name", ["America/Noronha", "Asia/Gaza", "Africa/Casablanca", "America/Argentina/Tucuman"])
def test_no_change_is_missed(name: str) -> None:
    """The zones whose changes lie closest together, hour by hour."""
    tz = ZoneInfo(name)
    start, end = utc(1999, 1, 1), utc(2006, 1, 1)
    if name in ("Asia/Gaza", "Africa/Casablanca"):
        start, end = utc(2038, 1, 1), utc(2042, 1, 1)
    expected = []
    instant, hour = start, timedelta(hours=1)
    while instant < end:
        if instant.astimezone(tz).utcoffset() != (instant + hour).astimezone(tz).utcoffset():
            expected.append(instant)
        instant += hour
    found = [change.at for change in transitions(name, start, end)]
    assert len(found) == len(expected)
    assert all(hour_before < at <= hour_before + hour for hour_before, at in zip(expected, found, strict=True))


def test_every_name_can_be_loaded() -> None:
    assert len(zone_names()) > 400
    for name in zone_names():
        assert zone(name).key == name
