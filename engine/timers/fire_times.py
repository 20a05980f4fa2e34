"""Questions to a schedule. Pure: the answers depend on the arguments alone, so they can be asked again at any time."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from engine.errors import InvalidInput
from engine.model.event import SkipReason
from engine.model.instant import MICROSECOND
from engine.model.schedule import AtSchedule, CronSchedule, IntervalSchedule, Schedule
from engine.model.trigger import Misfire, MisfirePolicy
from engine.timers.cron import affected_walls, count_cron_times, cron_time_from_end, next_cron_time, parse
from engine.timers.zones import YEAR_MAX, Transition, transitions
from engine.timers.zones import zone as zone

EVERY_MIN = timedelta(seconds=1)
EVERY_MAX = timedelta(days=3_650)
EVERY_ALLOWED = "from 1 second to 10 years (315360000 s), in whole milliseconds"

FIRES_PER_PLAN = 50
"""So that one transaction stays small; what is left over comes with the next plan."""

MISSED_FIRES_MAX = 1_000
"""How many missed fires the policy `all` makes up; older ones become one skipped row."""

_WALLS_NAMED = 3
"""How many local times a note names one by one."""


def next_fire_time(schedule: Schedule, after: datetime) -> datetime | None:
    """The first fire strictly later than `after`, in UTC; None when there is none.

    An interval is counted from its anchor in both directions: an anchor to come does not hold the schedule back.
    Raises InvalidInput for a schedule that `check_schedule` would refuse.
    """
    match schedule:
        case AtSchedule():
            return schedule.at if schedule.at > after else None
        case IntervalSchedule():
            return _tick(schedule, _ticks(schedule, after) + 1)
        case CronSchedule():
            return next_cron_time(parse(schedule.expression), schedule.timezone, after)


def first_fire_time(schedule: Schedule, now: datetime) -> datetime | None:
    """When a trigger made `now` fires first. `at` fires once and always, however late: also in the past."""
    return schedule.at if isinstance(schedule, AtSchedule) else next_fire_time(schedule, now)


def check_schedule(schedule: Schedule, now: datetime) -> None:
    """Raise InvalidInput, naming the field, unless the schedule can be served."""
    zone(schedule.timezone)
    match schedule:
        case IntervalSchedule(every=every):
            if not EVERY_MIN <= every <= EVERY_MAX or every % timedelta(milliseconds=1):
                raise InvalidInput.of("schedule.every_s", every.total_seconds(), EVERY_ALLOWED)
        case CronSchedule():
            if next_fire_time(schedule, now) is None:
                allowed = f"an expression that fires in {schedule.timezone}; no clock there shows these times again"
                raise InvalidInput.of("schedule.expression", schedule.expression, allowed)
        case AtSchedule():
            pass


def _ticks(schedule: IntervalSchedule, instant: datetime) -> int:
    """How many periods have ended from the anchor to `instant`; negative before it."""
    return (instant - schedule.anchor) // schedule.every


def _tick(schedule: IntervalSchedule, number: int) -> datetime | None:
    try:
        instant = schedule.anchor + number * schedule.every
    except OverflowError:
        return None
    return instant if instant.year <= YEAR_MAX else None


# --- the next fires, for people -------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class FireTime:
    """One fire to come."""

    at: datetime
    """UTC."""
    local: datetime
    """The same instant in the schedule's zone."""
    notes: tuple[str, ...]
    """What daylight saving does to this fire, a sentence each; mostly empty."""


def fire_times(schedule: Schedule, after: datetime, count: int) -> list[FireTime]:
    """The first `count` fires strictly later than `after`; fewer when the schedule ends before."""
    tz = zone(schedule.timezone)
    fires: list[FireTime] = []
    while len(fires) < count and (at := next_fire_time(schedule, after)) is not None:
        notes = tuple(_notes(schedule, after, at)) if isinstance(schedule, CronSchedule) else ()
        fires.append(FireTime(at=at, local=at.astimezone(tz), notes=notes))
        after = at
    return fires


def _notes(schedule: CronSchedule, after: datetime, at: datetime) -> Iterator[str]:
    for change in transitions(schedule.timezone, after.astimezone(UTC), at):
        if change.is_gap and (note := gap_note(schedule, change)):
            yield note
    local = at.astimezone(zone(schedule.timezone))
    if local.fold or local.utcoffset() != local.replace(fold=1).utcoffset():
        consequence = "fires the first time only"
        if parse(schedule.expression).is_interval:
            consequence = f"fires both times, this is the {'second' if local.fold else 'first'}"
        yield f"{_time(local)} comes twice on {local.date()}; {consequence}"


def gap_note(schedule: CronSchedule, change: Transition) -> str | None:
    """What becomes of the local times that a spring gap swallows; None when it swallows none of this schedule's."""
    expression = parse(schedule.expression)
    walls, count = affected_walls(expression, change, _WALLS_NAMED)
    if not count:
        return None
    consequence = "nothing fires then"
    if not expression.is_interval:
        day = "" if change.wall_after.date() == walls[0].date() else f"{change.wall_after.date()} "
        consequence = f"fires{'' if count == 1 else ' once,'} at {day}{_time(change.wall_after)}"
    verb = "does" if count == 1 else "do"
    return f"{_named(walls, count)} {verb} not exist on {walls[0].date()}; {consequence}"


def overlap_note(schedule: CronSchedule, change: Transition) -> str | None:
    """What becomes of the local times that an autumn overlap repeats; None when it repeats none of this schedule's."""
    expression = parse(schedule.expression)
    walls, count = affected_walls(expression, change, _WALLS_NAMED)
    if not count:
        return None
    consequence = "fires both times" if expression.is_interval else "fires the first time only"
    return f"{_named(walls, count)} {'comes' if count == 1 else 'come'} twice on {walls[0].date()}; {consequence}"


def _named(walls: list[datetime], count: int) -> str:
    named = [_time(wall) for wall in walls]
    if count > len(named):
        named.append(f"{count - len(named)} more")
    return named[0] if len(named) == 1 else f"{', '.join(named[:-1])} and {named[-1]}"


def _time(wall: datetime) -> str:
    return wall.strftime("%H:%M:%S" if wall.second else "%H:%M")


# --- what is due, and what was missed -------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class Occurrence:
    """One event to write."""

    scheduled_for: datetime
    missed_count: int
    """How many missed fires this one stands for, itself included; 0 for an ordinary fire."""
    skip: SkipReason | None
    """None: it fires."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """What to do about a trigger that is due."""

    occurrences: tuple[Occurrence, ...]
    """In order of `scheduled_for`, which are distinct. At most FIRES_PER_PLAN."""
    next_fire_at: datetime | None
    """The first instant that is not planned yet: in the future, or due when the plan was cut."""


def plan_fires(schedule: Schedule, due_at: datetime, now: datetime, running_since: datetime, misfire: Misfire) -> Plan:
    """What to write for a trigger whose stored next fire is `due_at`, not later than `now`.

    What came due while the engine was up, at or after `running_since`, fires, each by itself and however late. What
    came due before was missed and follows `misfire`; what is older than its window is skipped. `at` knows no misfire.
    """
    if isinstance(schedule, AtSchedule):
        return Plan(occurrences=(Occurrence(scheduled_for=due_at, missed_count=0, skip=None),), next_fire_at=None)
    planned = list(itertools.islice(_due(schedule, due_at, now, running_since, misfire), FIRES_PER_PLAN + 1))
    if len(planned) > FIRES_PER_PLAN:
        return Plan(occurrences=tuple(planned[:-1]), next_fire_at=planned[-1].scheduled_for)
    return Plan(occurrences=tuple(planned), next_fire_at=next_fire_time(schedule, now))


_Repeating = IntervalSchedule | CronSchedule


def _due(
    schedule: _Repeating, due_at: datetime, now: datetime, running_since: datetime, misfire: Misfire
) -> Iterator[Occurrence]:
    at: datetime | None = due_at
    missed_end = min(running_since - MICROSECOND, now)
    too_old_end = min(now - misfire.window - MICROSECOND, missed_end)
    if due_at <= too_old_end:
        yield _skipped(due_at, 1 + _count(schedule, due_at, too_old_end))
        at = next_fire_time(schedule, too_old_end)
    if at is not None and at <= missed_end:
        yield from _missed(schedule, at, missed_end, misfire.policy)
        at = next_fire_time(schedule, missed_end)
    while at is not None and at <= now:
        yield Occurrence(scheduled_for=at, missed_count=0, skip=None)
        at = next_fire_time(schedule, at)


def _missed(schedule: _Repeating, first: datetime, end: datetime, policy: MisfirePolicy) -> Iterator[Occurrence]:
    """The misfire policy, applied to `first` and every fire after it up to and including `end`."""
    count = 1 + _count(schedule, first, end)
    latest = first if count == 1 else _from_end(schedule, first, end, 1)
    match policy:
        case MisfirePolicy.COALESCE:
            yield Occurrence(scheduled_for=latest, missed_count=count, skip=None)
        case MisfirePolicy.LATEST:
            if count > 1:
                yield _skipped(first, count - 1)
            yield Occurrence(scheduled_for=latest, missed_count=1, skip=None)
        case MisfirePolicy.SKIP:
            yield _skipped(first, count)
        case MisfirePolicy.ALL:
            at: datetime | None = first
            if count > MISSED_FIRES_MAX:
                yield _skipped(first, count - MISSED_FIRES_MAX)
                at = _from_end(schedule, first, end, MISSED_FIRES_MAX)
            while at is not None and at <= end:
                yield Occurrence(scheduled_for=at, missed_count=1, skip=None)
                at = next_fire_time(schedule, at)


def _skipped(first: datetime, count: int) -> Occurrence:
    return Occurrence(scheduled_for=first, missed_count=count, skip=SkipReason.MISFIRE)


def _count(schedule: _Repeating, after: datetime, until: datetime) -> int:
    """How many fires there are with after < fire <= until."""
    if isinstance(schedule, IntervalSchedule):
        return _ticks(schedule, until) - _ticks(schedule, after)
    return count_cron_times(parse(schedule.expression), schedule.timezone, after, until)


def _from_end(schedule: _Repeating, after: datetime, until: datetime, nth: int) -> datetime:
    """The `nth` last of the fires with after < fire <= until; there are as many."""
    if isinstance(schedule, IntervalSchedule):
        return schedule.anchor + (_ticks(schedule, until) - nth + 1) * schedule.every
    return cron_time_from_end(parse(schedule.expression), schedule.timezone, after, until, nth)
