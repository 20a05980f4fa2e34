"""What a set of triggers should fire, in the plainest way: lists of instants and no index, no heap, no store.

Instants are whole microseconds since the clock's START. It knows the rules and none of the engine's code.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

SECOND = 1_000_000
PLAN_MAX = 60
"""How many missed fires `all` makes up here; the tests set the engine to the same number."""


class Once(NamedTuple):
    """At that instant."""

    at: int


class Every(NamedTuple):
    """At phase + n * period."""

    period: int
    phase: int
    cron: str | None = None
    """The expression that says the same, where it is to be said as one."""


Schedule: TypeAlias = Once | Every


class Row(NamedTuple):
    """One row of the ledger."""

    trigger_id: int
    scheduled_for: int
    missed_count: int
    skipped: bool


@dataclass(kw_only=True)
class Plain:
    """One trigger. A schedule is asked for what comes strictly later than `since`."""

    schedule: Schedule
    policy: str
    window: int
    since: int
    paused: bool = False
    until: int | None = None
    completed: bool = False

    def activate(self, now: int) -> None:
        self.since, self.paused, self.until, self.completed = now, False, None, False

    def edit(self, schedule: Schedule, active: bool | None, now: int) -> bool:
        """False: it is refused."""
        rescheduled, self.schedule = schedule != self.schedule, schedule
        if self.completed and not rescheduled:
            return not active
        if active or (active is None and not self.paused):
            if rescheduled or self.paused:
                self.activate(now)
        elif not self.paused:
            self.paused, self.completed = True, False
        return True

    def pause(self, until: int | None) -> bool:
        """False: it is refused."""
        if not self.completed:
            self.paused, self.until = True, until
        return not self.completed

    def resume(self, now: int) -> bool:
        """False: it is refused."""
        if self.paused:
            self.activate(now)
        return not self.completed

    def next_fire(self, now: int) -> int | None:
        """Once everything up to `now` is worked off."""
        if self.paused or self.completed:
            return None
        return self.schedule.at if isinstance(self.schedule, Once) else instants(self.schedule, now, None)[0]


def instants(schedule: Every, after: int, until: int | None) -> list[int]:
    """With after < instant <= until; only the first one where `until` is None."""
    first = schedule.phase + ((after - schedule.phase) // schedule.period + 1) * schedule.period
    return list(range(first, first + 1 if until is None else until + 1, schedule.period))


@dataclass
class PlainModel:
    """All of them, and the ledger."""

    triggers: dict[int, Plain] = field(default_factory=dict)
    ledger: dict[tuple[int, int], Row] = field(default_factory=dict)
    up_since: int = 0

    def work_off(self, now: int) -> None:
        """Whatever is due up to `now` happens."""
        for trigger_id, trigger in self.triggers.items():
            if trigger.until is not None and trigger.until <= now:
                trigger.activate(trigger.until)
            if trigger.paused or trigger.completed:
                continue
            for row in self._due(trigger_id, trigger, now):
                self.ledger.setdefault((trigger_id, row.scheduled_for), row)
            trigger.since = now

    def _due(self, trigger_id: int, trigger: Plain, now: int) -> list[Row]:
        if isinstance(trigger.schedule, Once):
            trigger.completed = trigger.schedule.at <= now
            return [Row(trigger_id, trigger.schedule.at, 0, False)] if trigger.completed else []
        due = instants(trigger.schedule, trigger.since, now)
        missed = [at for at in due if at < self.up_since]
        too_old = [at for at in missed if at < now - trigger.window]
        missed = missed[len(too_old) :]
        rows = [Row(trigger_id, too_old[0], len(too_old), True)] if too_old else []
        if missed and trigger.policy == "coalesce":
            rows.append(Row(trigger_id, missed[-1], len(missed), False))
        elif missed:
            kept = {"all": missed[-PLAN_MAX:], "latest": missed[-1:], "skip": []}[trigger.policy]
            if len(missed) > len(kept):
                rows.append(Row(trigger_id, missed[0], len(missed) - len(kept), True))
            rows += [Row(trigger_id, at, 1, False) for at in kept]
        return rows + [Row(trigger_id, at, 0, False) for at in due if at >= self.up_since]
