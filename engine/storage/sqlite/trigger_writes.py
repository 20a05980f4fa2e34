"""Writes to the triggers."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from engine.errors import EngineError, IdempotencyConflict, NameTaken, NotFound, VersionConflict
from engine.model.trigger import Definition, Trigger, TriggerState
from engine.storage.codec import (
    TRIGGER_COLUMNS,
    TRIGGER_DERIVED_COLUMNS,
    is_storable,
    trigger_from_row,
    trigger_row,
)
from engine.storage.port import IdempotencyKey, Written
from engine.storage.sqlite.idempotency import KnownKeys
from engine.storage.sqlite.operation import Operation, Transaction
from engine.storage.sqlite.statements import fetch, fetch_for, id_array, insert

_ALL_COLUMNS = (*TRIGGER_COLUMNS, *TRIGGER_DERIVED_COLUMNS)

_TAKEN = """
WITH asked (name) AS (VALUES {rows})
SELECT json_group_array(triggers.name) FROM asked JOIN triggers ON triggers.name = asked.name
"""
_REPLACE = f"UPDATE triggers SET ({', '.join(_ALL_COLUMNS)}) = ({', '.join('?' * len(_ALL_COLUMNS))}) WHERE id = ?"  # noqa: S608


def read_triggers(connection: sqlite3.Connection, trigger_ids: Iterable[int]) -> list[Trigger]:
    """Those that exist, in any order."""
    source = "SELECT * FROM triggers WHERE id IN (SELECT value FROM json_each(?))"
    return [trigger_from_row(row) for row in fetch(connection, TRIGGER_COLUMNS, source, (id_array(trigger_ids),))]


@dataclass(frozen=True, kw_only=True, slots=True)
class AddTrigger(Operation[Written[Trigger]]):
    """See `Store.add_trigger`."""

    definition: Definition
    state: TriggerState
    next_fire_at: datetime | None
    now: datetime
    idempotency: IdempotencyKey | None

    @classmethod
    def run(
        cls, transaction: Transaction, operations: Sequence[AddTrigger]
    ) -> Sequence[Written[Trigger] | EngineError]:
        connection = transaction.connection
        keys = KnownKeys(connection, [operation.idempotency for operation in operations])
        triggers = {trigger.id: trigger for trigger in read_triggers(connection, keys.resource_ids())}
        names = list({operation.definition.name for operation in operations})
        taken = set(fetch_for(connection, _TAKEN, [(name,) for name in names]))
        free_ids = iter(transaction.take_ids("triggers", len(operations)))
        made: list[Trigger] = []
        answers: list[Written[Trigger] | EngineError] = []
        for operation in operations:
            name = operation.definition.name
            try:
                known_id = keys.resource_id(operation.idempotency)
            except IdempotencyConflict as conflict:
                answers.append(conflict)
                continue
            if known_id is not None:
                known = triggers.get(known_id)
                answers.append(Written(row=known, replayed=True) if known else NotFound("trigger", known_id))
            elif name in taken:
                answers.append(NameTaken(name))
            else:
                trigger = operation.trigger(next(free_ids))
                taken.add(name)
                triggers[trigger.id] = trigger
                keys.remember(operation.idempotency, trigger.id, operation.now)
                made.append(trigger)
                answers.append(Written(row=trigger, replayed=False))
        insert(connection, "triggers", _ALL_COLUMNS, [trigger_row(trigger) for trigger in made])
        keys.save()
        transaction.triggers_moved |= bool(made)
        return answers

    def trigger(self, trigger_id: int) -> Trigger:
        """The trigger as it is saved, under its new id."""
        return Trigger(
            id=trigger_id,
            definition=self.definition,
            state=self.state,
            next_fire_at=self.next_fire_at,
            created_at=self.now,
            updated_at=self.now,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class ReplaceTrigger(Operation[Trigger]):
    """See `Store.replace_trigger`."""

    trigger: Trigger
    seen: Trigger

    @classmethod
    def run(cls, transaction: Transaction, operations: Sequence[ReplaceTrigger]) -> Sequence[Trigger | EngineError]:
        return [operation.replace(transaction) for operation in operations]

    def replace(self, transaction: Transaction) -> Trigger | EngineError:
        """Carry out this one: replacing is rare enough for a few statements each."""
        connection, trigger, seen = transaction.connection, self.trigger, self.seen
        found = read_triggers(connection, [trigger.id])
        if not found:
            return NotFound("trigger", trigger.id)
        saved = found[0]
        if (saved.version, saved.state, saved.next_fire_at) != (seen.version, seen.state, seen.next_fire_at):
            return VersionConflict(trigger.id, seen.version, saved.version)
        holder = connection.execute(
            "SELECT 1 FROM triggers WHERE name = ? AND id <> ?", (trigger.name, trigger.id)
        ).fetchone()
        if holder is not None:
            return NameTaken(trigger.name)
        written = replace(trigger, version=saved.version + 1, last_fired_at=saved.last_fired_at)
        connection.execute(_REPLACE, (*trigger_row(written), trigger.id))
        transaction.triggers_moved = True
        return written


@dataclass(frozen=True, kw_only=True, slots=True)
class RemoveTrigger(Operation[None]):
    """See `Store.remove_trigger`."""

    frees_space = True

    trigger_id: int
    version: int | None

    @classmethod
    def run(cls, transaction: Transaction, operations: Sequence[RemoveTrigger]) -> Sequence[EngineError | None]:
        return [operation.remove(transaction) for operation in operations]

    def remove(self, transaction: Transaction) -> EngineError | None:
        """Carry out this one."""
        if not is_storable(self.trigger_id):
            return NotFound("trigger", self.trigger_id)
        connection = transaction.connection
        saved = connection.execute("SELECT version FROM triggers WHERE id = ?", (self.trigger_id,)).fetchone()
        if saved is None:
            return NotFound("trigger", self.trigger_id)
        if self.version is not None and self.version != saved[0]:
            return VersionConflict(self.trigger_id, self.version, saved[0])
        connection.execute("DELETE FROM triggers WHERE id = ?", (self.trigger_id,))
        transaction.triggers_moved = True
        return None
