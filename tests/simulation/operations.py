"""What can be done to an engine, as data, and how to draw it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from hypothesis import strategies as st

from engine.model.delivery import Outcome
from engine.model.trigger import MisfirePolicy
from tests.simulation.plain_model import SECOND, Every, Once, Schedule

MINUTE, HOUR, DAY = 60 * SECOND, 3600 * SECOND, 86_400 * SECOND
WRITES = ("add_trigger", "replace_trigger", "remove_trigger", "record_firings", "add_event", "record_attempt")
TURNS_MAX = 8
"""The slowest store takes so many turns of the loop before it does something, and as many before it answers."""


class In(NamedTuple):
    """Once, so long from now."""

    lasts: int


@dataclass(frozen=True)
class Create:
    """A new trigger."""

    schedule: Schedule | In
    policy: str = "coalesce"
    window: int = DAY
    active: bool = True
    sends: bool = False


@dataclass(frozen=True)
class Change:
    """None leaves it as it is."""

    which: int
    schedule: Schedule | In | None = None
    active: bool | None = None


@dataclass(frozen=True)
class Pause:
    which: int
    lasts: int | None = None


@dataclass(frozen=True)
class Resume:
    which: int


@dataclass(frozen=True)
class Delete:
    which: int


@dataclass(frozen=True)
class FireByHand:
    which: int


@dataclass(frozen=True)
class PassTime:
    """In one jump: the loop may have hung for that long."""

    lasts: int


@dataclass(frozen=True)
class Restart:
    downtime: int


@dataclass(frozen=True)
class Refuse:
    """The store has no room for the next write; with a name, for the next one of that kind."""

    write: str | None = None


@dataclass(frozen=True)
class Fail:
    """The receiver answers the next request like this."""

    answer: int | Outcome


Act: TypeAlias = Change | Pause | Resume | Delete | FireByHand


@dataclass(frozen=True)
class Race:
    """Time passes until the trigger is due, and so many turns of the loop later, while it fires, a person acts."""

    turns: int
    act: Act


Operation: TypeAlias = Create | Act | PassTime | Restart | Refuse | Fail | Race

# Periods and jumps that meet each other at the same instants, and some that never do.
_periods = st.sampled_from([n * SECOND for n in (5, 30, 60, 61, 300, 3_600, 7_200)])
_phases = st.sampled_from([0, 1, 250, SECOND, 59 * SECOND, HOUR, -7 * SECOND])
_crons = st.sampled_from(
    [
        Every(5 * MINUTE, 0, "*/5 * * * *"),
        Every(10 * SECOND, 0, "*/10 * * * * *"),
        Every(HOUR, 30 * MINUTE, "30 * * * *"),
        Every(DAY, 75 * MINUTE, "15 10 * * *"),
    ]
)
_onces = st.sampled_from([-HOUR, 0, 1, SECOND, 10 * SECOND, MINUTE, 61 * SECOND, 10 * MINUTE, 3 * HOUR])
_schedules = st.one_of(
    st.builds(Every, _periods, _phases, st.none()),
    _crons,
    st.builds(In, _onces),
    st.builds(Once, st.sampled_from([-HOUR, 10 * SECOND])),
)
_waits = st.sampled_from([n * SECOND // 10 for n in (1, 5, 10, 50, 100, 290, 300, 590, 600, 610, 3_000, 9_000)])
_long_waits = st.sampled_from([HOUR, HOUR + 1_000, 2 * HOUR + 7 * SECOND])
_downtimes = st.one_of(st.just(0), _waits, _long_waits, st.just(30 * HOUR))
_which = st.integers(0, 4)
_policies = st.sampled_from([policy.value for policy in MisfirePolicy])
_acts = st.one_of(
    st.builds(Change, _which, st.none() | _schedules, st.sampled_from([None, None, True, False])),
    st.builds(Pause, _which, st.none() | _waits | _long_waits),
    st.builds(Resume, _which),
    st.builds(Delete, _which),
    st.builds(FireByHand, _which),
)
_operations = st.one_of(
    st.builds(
        Create,
        _schedules,
        _policies,
        st.sampled_from([DAY, 20 * MINUTE]),
        st.sampled_from([True, True, True, False]),
        st.booleans(),
    ),
    _acts,
    _acts,
    st.builds(Race, st.integers(0, 40), _acts),
    st.builds(Race, st.integers(0, 40), st.builds(Change, _which, _schedules)),
    st.builds(PassTime, _waits),
    st.builds(PassTime, _waits | _long_waits),
    st.builds(Restart, _downtimes),
    st.builds(Refuse, st.sampled_from([None, "record_firings", "record_firings", *WRITES])),
    st.builds(Fail, st.sampled_from([500, 503, 429, Outcome.TIMEOUT, Outcome.CONNECTION_ERROR])),
)
first = st.builds(Create, _schedules, _policies)
turns = st.sampled_from([(0, 0), (1, 1), (TURNS_MAX, 0), (0, TURNS_MAX), (TURNS_MAX, TURNS_MAX)])
"""Of reads and writes."""
rest = st.lists(_operations, max_size=8) | st.lists(_operations, min_size=12, max_size=40)
