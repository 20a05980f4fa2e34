"""Instants: aware UTC datetimes in the engine, integer microseconds since 1970 in a store, RFC 3339 on the wire."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def to_microseconds(instant: datetime) -> int:
    """Microseconds since 1970-01-01T00:00Z, exactly (no float in between)."""
    return (instant - EPOCH) // MICROSECOND


def from_microseconds(microseconds: int) -> datetime:
    """The inverse of `to_microseconds`."""
    return EPOCH + timedelta(microseconds=microseconds)


def format_instant(instant: datetime) -> str:
    """RFC 3339 in UTC with `Z`; the fraction only where there is one."""
    return instant.astimezone(UTC).isoformat().removesuffix("+00:00") + "Z"


def parse_instant(text: str, zone: tzinfo) -> datetime:
    """Read RFC 3339 or ISO 8601; a time without an offset is read in `zone`.

    A local time that a spring gap swallows becomes the first instant after the gap; one that an autumn overlap
    repeats is the first pass. Raises ValueError when `text` is no such time or lies outside the years 1970-9998.
    """
    parsed = datetime.fromisoformat(text.strip())
    try:
        instant = (from_local(parsed, zone) if parsed.tzinfo is None else parsed).astimezone(UTC)
    except OverflowError:  # at the ends of the calendar the instant itself is beyond what datetime can hold
        raise ValueError(f"year {parsed.year} is out of range") from None
    if not 1970 <= instant.year <= 9998:
        raise ValueError(f"year {instant.year} is out of range")
    return instant


def from_local(wall: datetime, zone: tzinfo) -> datetime:
    """The instant (UTC) at which clocks in `zone` first show `wall`, or the end of the gap that swallows it.

    PEP 495: inside a gap the offset of fold=0 is the one before the transition and that of fold=1 the one after it;
    the transition is found by bisection between the two readings.
    """
    first = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if first.astimezone(zone).replace(tzinfo=None) == wall:
        return first
    low, high = wall.replace(tzinfo=zone, fold=1).astimezone(UTC), first
    before = low.astimezone(zone).utcoffset()
    while high - low > MICROSECOND:
        middle = low + (high - low) // 2
        if middle.astimezone(zone).utcoffset() == before:
            low = middle
        else:
            high = middle
    return high


def require_aware(**instants: datetime | None) -> None:
    """Raise ValueError for a naive datetime: records refuse them, so that none is ever compared or stored."""
    for name, instant in instants.items():
        if instant is not None and instant.tzinfo is None:
            raise ValueError(f"{name} must be timezone-aware, got {instant!r}")
