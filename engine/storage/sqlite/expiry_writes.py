"""Writes that move events along their life: active, archived, gone."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from engine.errors import EngineError, NotFound
from engine.model.event import Event
from engine.storage.sqlite.connection import scalar
from engine.storage.sqlite.event_writes import read_events
from engine.storage.sqlite.operation import Operation, Transaction
from engine.storage.sqlite.statements import id_array

VACUUM_PAGES = 128
"""Given back to the disk at a time: half a mebibyte, a few milliseconds."""
FREE_PAGES_KEPT = 256
"""A mebibyte for the next events."""

_ARCHIVE = "UPDATE events SET archived = 1 WHERE id IN (SELECT value FROM json_each(?)) AND archived = 0"
_ARCHIVE_FINISHED = f"{_ARCHIVE} AND finished_at < ?"
_DELETE_FINISHED = "DELETE FROM events WHERE id IN (SELECT value FROM json_each(?)) AND finished_at < ?"
_FORGET = """
DELETE FROM idempotency_keys WHERE (scope, key) IN (
    SELECT scope, key FROM idempotency_keys WHERE created_at < ? ORDER BY created_at LIMIT ?)
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class ArchiveEvent(Operation[Event]):
    """See `Store.archive_event`."""

    event_id: int

    @classmethod
    def run(cls, transaction: Transaction, operations: Sequence[ArchiveEvent]) -> Sequence[Event | EngineError]:
        connection = transaction.connection
        ids = [operation.event_id for operation in operations]
        transaction.events_moved |= connection.execute(_ARCHIVE, (id_array(ids),)).rowcount > 0
        events = {event.id: event for event in read_events(connection, ids)}
        return [events.get(event_id) or NotFound("event", event_id) for event_id in ids]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Expire(Operation[int]):
    """`event_ids` were found by a reader; whether they may go is asked once more here. Answers how many went."""

    sql: ClassVar[str]

    event_ids: Sequence[int]
    before: int
    """Microseconds."""

    @property
    def rows(self) -> int:
        return len(self.event_ids)

    @classmethod
    def run(cls, transaction: Transaction, operations: Sequence[_Expire]) -> Sequence[int | EngineError]:
        answers = []
        for operation in operations:
            parameters = (id_array(operation.event_ids), operation.before)
            answers.append(transaction.connection.execute(cls.sql, parameters).rowcount)
        transaction.events_moved |= any(answers)
        return answers


class ArchiveFinished(_Expire):
    """See `Store.archive_finished_before`."""

    __slots__ = ()
    sql = _ARCHIVE_FINISHED


class DeleteFinished(_Expire):
    """See `Store.delete_finished_before`."""

    __slots__ = ()
    frees_space = True
    sql = _DELETE_FINISHED


@dataclass(frozen=True, kw_only=True, slots=True)
class ForgetKeys(Operation[int]):
    """Forget idempotency keys from before an instant; answers how many."""

    frees_space = True

    before: int
    """Microseconds."""
    limit: int

    @property
    def rows(self) -> int:
        return self.limit

    @classmethod
    def run(cls, transaction: Transaction, operations: Sequence[ForgetKeys]) -> Sequence[int | EngineError]:
        return [
            transaction.connection.execute(_FORGET, (operation.before, operation.limit)).rowcount
            for operation in operations
        ]


@dataclass(frozen=True, kw_only=True, slots=True)
class GiveBackSpace(Operation[bool]):
    """Cut some free pages off the end of the file. Answers whether there are more than should be kept."""

    frees_space = True
    alone = True

    @classmethod
    def run(cls, transaction: Transaction, operations: Sequence[GiveBackSpace]) -> Sequence[bool | EngineError]:
        return [operation.give_back(transaction.connection) for operation in operations]

    def give_back(self, connection: sqlite3.Connection) -> bool:
        """Carry out this one."""
        free = scalar(connection, "PRAGMA freelist_count")
        if free <= FREE_PAGES_KEPT:
            return False
        # The pragma gives one page back at each step. executescript makes all the steps without taking the GIL back in
        # between; it would commit an open transaction, hence `alone`.
        connection.executescript(f"PRAGMA incremental_vacuum({min(VACUUM_PAGES, free - FREE_PAGES_KEPT)})")
        left = scalar(connection, "PRAGMA freelist_count")
        if FREE_PAGES_KEPT < left < free:  # a database that was made without auto_vacuum stays as it is
            return True
        # The file itself shrinks when the log is put into it.
        connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
        return False
