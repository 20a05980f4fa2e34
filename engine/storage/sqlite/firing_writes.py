"""Scheduled fires: the events, and the advance of their triggers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine.errors import EngineError
from engine.model.event import Event, EventKind, EventStatus, NewEvent
from engine.model.instant import to_microseconds
from engine.model.trigger import TriggerState
from engine.storage.codec import Cell, instant_cell, is_storable
from engine.storage.port import Firing
from engine.storage.sqlite.event_writes import insert_events
from engine.storage.sqlite.operation import Operation, Transaction
from engine.storage.sqlite.statements import fetch, fetch_for, id_array, run_for

_SAVED = "SELECT * FROM triggers WHERE id IN (SELECT value FROM json_each(?))"
_FIND_FIRES = """
WITH asked (trigger_id, scheduled_for) AS (VALUES {rows})
SELECT json_group_array(json_array(known.trigger_id, known.scheduled_for))
FROM asked JOIN events AS known ON known.trigger_id = asked.trigger_id
    AND known.scheduled_for = asked.scheduled_for AND known.kind = 'scheduled'
"""
_ADVANCE = """
WITH moved (id, state, next_fire_at, due_at, last_fired_at) AS (VALUES {rows})
UPDATE triggers SET state = moved.state, next_fire_at = moved.next_fire_at, due_at = moved.due_at,
    last_fired_at = moved.last_fired_at
FROM moved WHERE triggers.id = moved.id
"""


@dataclass(slots=True)
class _Standing:
    """Where a trigger stands, as far as firing can change it."""

    version: int
    state: str
    next_fire_at: int | None
    last_fired_at: int | None
    moved: bool = False

    def is_as_seen(self, firing: Firing) -> bool:
        return (
            self.state == TriggerState.ACTIVE
            and self.version == firing.version
            and self.next_fire_at == to_microseconds(firing.due_at)
        )

    def advance(self, firing: Firing, written: Sequence[NewEvent]) -> None:
        self.state = firing.state.value
        self.next_fire_at = instant_cell(firing.next_fire_at)
        if firing.fired:
            for event in written:
                if event.status is not EventStatus.SKIPPED:
                    self.last_fired_at = max(to_microseconds(event.fired_at), self.last_fired_at or 0)
        self.moved = True

    def row(self, trigger_id: int) -> tuple[Cell, ...]:
        due_at = self.next_fire_at if self.state == TriggerState.ACTIVE else None
        return (trigger_id, self.state, self.next_fire_at, due_at, self.last_fired_at)


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordFirings(Operation[list[list[Event] | None]]):
    """See `Store.record_firings`. Firings of several callers are one list to the database."""

    firings: Sequence[Firing]

    @property
    def rows(self) -> int:
        return sum(len(firing.events) for firing in self.firings)

    @classmethod
    def run(
        cls, transaction: Transaction, operations: Sequence[RecordFirings]
    ) -> Sequence[list[list[Event] | None] | EngineError]:
        firings = [firing for operation in operations for firing in operation.firings]
        standings = _read_standings(transaction, firings)
        fires = _read_fires(transaction, [firing for firing in firings if firing.trigger_id in standings])
        written: list[Sequence[NewEvent] | None] = []
        for firing in firings:
            standing = standings.get(firing.trigger_id)
            if standing is None or not standing.is_as_seen(firing):
                written.append(None)
                continue
            new = [event for event in firing.events if _is_new(event, fires)]
            standing.advance(firing, new)
            written.append(new)
        events = iter(insert_events(transaction, [event for new in written for event in new or ()]))
        moved = [standing.row(trigger_id) for trigger_id, standing in standings.items() if standing.moved]
        run_for(transaction.connection, _ADVANCE, moved)
        transaction.triggers_moved |= bool(moved)
        answers = iter(None if new is None else [next(events) for _ in new] for new in written)
        return [[next(answers) for _ in operation.firings] for operation in operations]


def _is_new(event: NewEvent, fires: set[tuple[int | None, int]]) -> bool:
    """Whether the ledger lacks this fire; from now on it has it."""
    if event.kind is not EventKind.SCHEDULED:
        return True
    fire = _fire(event)
    is_new = fire not in fires
    fires.add(fire)
    return is_new


def _fire(event: NewEvent) -> tuple[int | None, int]:
    return event.trigger_id, to_microseconds(event.scheduled_for)


def _read_standings(transaction: Transaction, firings: Sequence[Firing]) -> dict[int, _Standing]:
    columns = ("id", "version", "state", "next_fire_at", "last_fired_at")
    ids = id_array({firing.trigger_id for firing in firings})
    rows = fetch(transaction.connection, columns, _SAVED, (ids,))
    return {row[0]: _Standing(*row[1:]) for row in rows}


def _read_fires(transaction: Transaction, firings: Sequence[Firing]) -> set[tuple[int | None, int]]:
    """Those of the fires that are in the ledger; only a trigger that was set back in time has any."""
    asked = {
        _fire(event)
        for firing in firings
        for event in firing.events
        if event.kind is EventKind.SCHEDULED and event.trigger_id is not None and is_storable(event.trigger_id)
    }
    found = fetch_for(transaction.connection, _FIND_FIRES, list(asked))
    return {(trigger_id, scheduled_for) for trigger_id, scheduled_for in found}
