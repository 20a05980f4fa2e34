"""Time zones: which names there are, and when their clocks change."""

from __future__ import annotations

import difflib
import functools
import zoneinfo
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from engine.errors import InvalidInput

NAME_CHARACTERS_MAX = 64
"""No IANA name is longer; longer text is not searched for a near match."""

SAMPLE_DAYS = 3
"""How far apart offsets are compared. Since 1970 no zone has changed its offset twice within six days (tzdata 2026)."""

YEAR_MAX = 9998
"""The last year the engine counts with, so that no conversion leaves what a datetime can hold."""

_NOT_ZONES = frozenset({"Factory", "localtime", "posixrules"})


@functools.cache
def zone_names() -> frozenset[str]:
    """Every IANA name this machine knows."""
    return frozenset(zoneinfo.available_timezones() - _NOT_ZONES)


@functools.lru_cache(maxsize=1_024)
def zone(name: str) -> ZoneInfo:
    """The zone of that name. Raises InvalidInput on `schedule.timezone`, with a suggestion where one is near."""
    if name in zone_names():
        return ZoneInfo(name)
    allowed = "an IANA time zone name such as 'Europe/Berlin' or 'UTC'"
    suggestion = _near_match(name)
    if suggestion is not None:
        allowed += f"; did you mean {suggestion!r}?"
    raise InvalidInput.of("schedule.timezone", name, allowed)


def _near_match(name: str) -> str | None:
    if not name or len(name) > NAME_CHARACTERS_MAX:
        return None
    by_folded: dict[str, str] = {}
    for known in sorted(zone_names()):
        by_folded.setdefault(known.casefold(), known)
        # People write the city alone: "Berlin".
        by_folded.setdefault(known.rpartition("/")[2].casefold(), known)
    folded = name.strip().replace(" ", "_").casefold()
    matches = difflib.get_close_matches(folded, by_folded, n=1, cutoff=0.75)
    return by_folded[matches[0]] if matches else None


@dataclass(frozen=True, kw_only=True, slots=True)
class Transition:
    """One change of a zone's offset."""

    at: datetime
    """UTC; the first instant of the new offset."""
    offset_before: timedelta
    offset_after: timedelta

    @property
    def is_gap(self) -> bool:
        """True: clocks go forward, and the wall times from `wall_before` up to `wall_after` do not exist.

        False: clocks go back, and those from `wall_after` up to `wall_before` come twice.
        """
        return self.offset_after > self.offset_before

    @property
    def wall_before(self) -> datetime:
        """What the clock would show at `at` had it not been changed. Naive."""
        return self.at.replace(tzinfo=None) + self.offset_before

    @property
    def wall_after(self) -> datetime:
        """What the clock shows at `at`. Naive."""
        return self.at.replace(tzinfo=None) + self.offset_after


def transitions(name: str, after: datetime, until: datetime) -> Iterator[Transition]:
    """Changes with after < at <= until, in order. Both in UTC."""
    for year in range(after.year, min(until.year, YEAR_MAX) + 1):
        for transition in _transitions_of_year(name, year):
            if transition.at > until:
                return
            if transition.at > after:
                yield transition


@functools.lru_cache(maxsize=4_096)
def _transitions_of_year(name: str, year: int) -> tuple[Transition, ...]:
    """zoneinfo does not tell its transitions, so offsets are compared a few days apart and a change is bisected."""
    tz = zone(name)
    found: list[Transition] = []
    # One step before the year, so that a change at its very first instant is seen from this side.
    low, end = datetime(year, 1, 1, tzinfo=UTC) - timedelta(seconds=1), datetime(year + 1, 1, 1, tzinfo=UTC)
    offset_low = _offset(low, tz)
    last = end - timedelta(seconds=1)
    while low < last:
        high = min(low + timedelta(days=SAMPLE_DAYS), last)
        offset_high = _offset(high, tz)
        if offset_high != offset_low:
            found.append(_bisect(low, high, offset_low, offset_high, tz))
        low, offset_low = high, offset_high
    return tuple(found)


def _bisect(low: datetime, high: datetime, before: timedelta, after: timedelta, tz: ZoneInfo) -> Transition:
    """The change between the whole seconds `low` (old offset) and `high` (new offset)."""
    seconds_low, seconds_high = 0, int((high - low).total_seconds())
    while seconds_high - seconds_low > 1:
        middle = (seconds_low + seconds_high) // 2
        if _offset(low + timedelta(seconds=middle), tz) == before:
            seconds_low = middle
        else:
            seconds_high = middle
    return Transition(at=low + timedelta(seconds=seconds_high), offset_before=before, offset_after=after)


def _offset(instant: datetime, tz: ZoneInfo) -> timedelta:
    return instant.astimezone(tz).utcoffset() or timedelta()
