"""The store on SQLite: what is open, and which part does what."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import aiosqlite

from engine.clock import Clock
from engine.errors import StorageClosed
from engine.model.delivery import Attempt, Verdict
from engine.model.event import Event, NewEvent
from engine.model.instant import to_microseconds
from engine.model.timer import TimerKey
from engine.model.trigger import Definition, Trigger, TriggerState
from engine.storage.migrate import read_migrations
from engine.storage.port import (
    AggregateQuery,
    AggregateRow,
    EventQuery,
    Firing,
    Generations,
    IdempotencyKey,
    TriggerQuery,
    Written,
)
from engine.storage.sqlite import aggregate_reads, event_reads, trigger_reads
from engine.storage.sqlite.connection import open_writer, require_version, run
from engine.storage.sqlite.database_file import DatabaseLock, make_directory, make_file
from engine.storage.sqlite.event_writes import AddEvent, MarkRunning, RecordAttempt, read_events
from engine.storage.sqlite.expiry_writes import ArchiveEvent, ArchiveFinished, DeleteFinished, ForgetKeys, GiveBackSpace
from engine.storage.sqlite.firing_writes import RecordFirings
from engine.storage.sqlite.reader import READERS, READERS_TO_FIRE, Readers
from engine.storage.sqlite.schema import migrate
from engine.storage.sqlite.trigger_writes import AddTrigger, RemoveTrigger, ReplaceTrigger, read_triggers
from engine.storage.sqlite.writer import Writer

EXPIRY_ROWS_MAX = 100
"""Events that expire in one transaction: it holds the writer up for some milliseconds, and fires have to wait."""


class SqliteStore:
    """Implements `engine.storage.port.Store`; the promises are there. `path` is the database file."""

    def __init__(self, path: Path, *, clock: Clock) -> None:
        self.generations = Generations()
        self._path = path
        self._clock = clock
        self._opening = asyncio.Lock()
        self._lock: DatabaseLock | None = None
        self._connection: aiosqlite.Connection | None = None
        self._writing: Writer | None = None
        self._reading: Readers | None = None
        self._reading_to_fire: Readers | None = None

    # --- life -----------------------------------------------------------------------------------------------------

    async def open(self) -> None:
        async with self._opening:
            if self._writing is not None:
                return
            require_version()
            path = make_directory(self._path.absolute())
            lock = DatabaseLock(path)
            lock.acquire(self._clock.now())
            self._lock = lock
            try:
                await self._open(path)
            except BaseException:
                await self._shut()
                raise

    async def _open(self, path: Path) -> None:
        make_file(path)
        self._connection = await open_writer(path)
        migrations = read_migrations("engine.storage.sqlite")
        await run(self._connection, path, migrate, path, migrations, self._clock.now())
        self._reading = Readers(path, READERS)
        await self._reading.open()
        self._reading_to_fire = Readers(path, READERS_TO_FIRE)
        await self._reading_to_fire.open()
        writer = Writer(self._connection, path, self.generations)
        writer.start()
        self._writing = writer

    async def close(self) -> None:
        async with self._opening:
            await self._shut()

    async def _shut(self) -> None:
        """The writer's connection goes last: the last to close a database puts the log into it."""
        writing, self._writing = self._writing, None
        pools = (self._reading, self._reading_to_fire)
        self._reading = self._reading_to_fire = None
        connection, self._connection = self._connection, None
        lock, self._lock = self._lock, None
        try:
            if writing is not None:
                await writing.close()
            for readers in pools:
                if readers is not None:
                    await readers.close()
        finally:
            if connection is not None:
                await connection.close()
            if lock is not None:
                lock.release()

    async def check(self) -> None:
        await self._readers_to_fire.read(event_reads.check)

    @property
    def commits(self) -> int:
        """Transactions committed since the store was opened."""
        return self._writer.commits

    @property
    def _writer(self) -> Writer:
        if self._writing is None:
            raise StorageClosed("The store is not open.")
        return self._writing

    @property
    def _readers(self) -> Readers:
        if self._reading is None or self._writing is None:
            raise StorageClosed("The store is not open.")
        return self._reading

    @property
    def _readers_to_fire(self) -> Readers:
        if self._reading_to_fire is None or self._writing is None:
            raise StorageClosed("The store is not open.")
        return self._reading_to_fire

    # --- triggers -------------------------------------------------------------------------------------------------

    async def add_trigger(
        self,
        definition: Definition,
        *,
        state: TriggerState,
        next_fire_at: datetime | None,
        now: datetime,
        idempotency: IdempotencyKey | None = None,
    ) -> Written[Trigger]:
        return await self._writer.submit(
            AddTrigger(definition=definition, state=state, next_fire_at=next_fire_at, now=now, idempotency=idempotency)
        )

    async def replace_trigger(self, trigger: Trigger, *, seen: Trigger) -> Trigger:
        return await self._writer.submit(ReplaceTrigger(trigger=trigger, seen=seen))

    async def remove_trigger(self, trigger_id: int, *, version: int | None = None) -> None:
        await self._writer.submit(RemoveTrigger(trigger_id=trigger_id, version=version))

    async def get_trigger(self, trigger_id: int) -> Trigger:
        return await self._readers.read(trigger_reads.get_trigger, trigger_id)

    async def find_trigger(self, name: str) -> Trigger:
        return await self._readers.read(trigger_reads.find_trigger, name)

    async def get_triggers(self, trigger_ids: Sequence[int]) -> list[Trigger]:
        return await self._readers_to_fire.read(read_triggers, trigger_ids)

    async def list_triggers(self, query: TriggerQuery) -> list[Trigger]:
        return await self._readers.read(trigger_reads.list_triggers, query)

    async def count_triggers(self, query: TriggerQuery) -> int:
        return await self._readers.read(trigger_reads.count_triggers, query)

    # --- firing ---------------------------------------------------------------------------------------------------

    async def upcoming(self, after: datetime | None, until: datetime, limit: int) -> list[tuple[TimerKey, datetime]]:
        return await self._readers_to_fire.read(trigger_reads.upcoming, after, until, limit)

    async def record_firings(self, firings: Sequence[Firing]) -> list[list[Event] | None]:
        return await self._writer.submit(RecordFirings(firings=firings))

    async def add_event(self, event: NewEvent, *, idempotency: IdempotencyKey | None = None) -> Written[Event]:
        return await self._writer.submit(AddEvent(event=event, idempotency=idempotency))

    async def undelivered(self, trigger_ids: Sequence[int]) -> set[int]:
        return await self._readers_to_fire.read(event_reads.undelivered, trigger_ids)

    # --- delivering -----------------------------------------------------------------------------------------------

    async def mark_running(self, event_ids: Sequence[int]) -> None:
        await self._writer.submit(MarkRunning(event_ids=event_ids))

    async def record_attempt(self, attempt: Attempt, verdict: Verdict) -> Event:
        return await self._writer.submit(RecordAttempt(attempt=attempt, verdict=verdict))

    # --- reading the ledger ---------------------------------------------------------------------------------------

    async def get_event(self, event_id: int) -> Event:
        return await self._readers.read(event_reads.get_event, event_id)

    async def get_events(self, event_ids: Sequence[int]) -> list[Event]:
        return await self._readers_to_fire.read(read_events, event_ids)

    async def get_attempts(self, event_id: int) -> list[Attempt]:
        return await self._readers.read(event_reads.get_attempts, event_id)

    async def list_events(self, query: EventQuery) -> list[Event]:
        return await self._readers.read(event_reads.list_events, query)

    async def count_events(self, query: EventQuery) -> int | None:
        return await self._readers.read(event_reads.count_events, query)

    async def aggregate(self, query: AggregateQuery) -> list[AggregateRow]:
        return await self._readers.read(aggregate_reads.aggregate, query)

    # --- expiry ---------------------------------------------------------------------------------------------------

    async def archive_event(self, event_id: int) -> Event:
        return await self._writer.submit(ArchiveEvent(event_id=event_id))

    async def archive_finished_before(self, instant: datetime, limit: int) -> int:
        before, archived = to_microseconds(instant), 0
        ids = await self._readers.read(event_reads.finished_before, before, limit, archived=(False,))
        for start in range(0, len(ids), EXPIRY_ROWS_MAX):
            chunk = ids[start : start + EXPIRY_ROWS_MAX]
            archived += await self._writer.submit(ArchiveFinished(event_ids=chunk, before=before))
        return archived

    async def delete_finished_before(self, instant: datetime, limit: int) -> int:
        before, deleted = to_microseconds(instant), 0
        ids = await self._readers.read(event_reads.finished_before, before, limit, archived=(False, True))
        for start in range(0, len(ids), EXPIRY_ROWS_MAX):
            chunk = ids[start : start + EXPIRY_ROWS_MAX]
            deleted += await self._writer.submit(DeleteFinished(event_ids=chunk, before=before))
        while await self._writer.submit(ForgetKeys(before=before, limit=EXPIRY_ROWS_MAX)) == EXPIRY_ROWS_MAX:
            pass
        return deleted

    async def give_back_space(self) -> bool:
        return await self._writer.submit(GiveBackSpace())
