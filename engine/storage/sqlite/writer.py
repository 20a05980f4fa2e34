"""The one writer: takes what is pending, commits it together, and only then tells the callers.

When it is idle a write starts at once; while a commit is under way the next ones gather. So there is no delay to tune,
and the busier it gets the more writes share a sync.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import aiosqlite

from engine.errors import StorageClosed, StorageCorrupt, StorageError, StorageFull
from engine.storage.port import Generations
from engine.storage.sqlite.ballast import Ballast
from engine.storage.sqlite.connection import run
from engine.storage.sqlite.failures import DISK_FULL, storage_error
from engine.storage.sqlite.operation import AnyOperation, Operation, Transaction

Result = TypeVar("Result")

BATCH_ROWS_MAX = 256
"""A batch ends when it has as many rows; one operation that is larger is a batch of its own."""


@dataclass(slots=True)
class _Committed:
    """What a batch came to: an answer for each operation, and what moved."""

    answers: Sequence[object]
    triggers_moved: bool = False
    events_moved: bool = False


class Writer:
    """Owns the writing connection from `start` to `close`."""

    def __init__(self, connection: aiosqlite.Connection, path: Path, generations: Generations) -> None:
        self._connection = connection
        self._path = path
        self._generations = generations
        self._ballast = Ballast(path)
        self._pending: deque[tuple[AnyOperation, asyncio.Future[Any]]] = deque()
        self._wakeup = asyncio.Event()
        self._full = False
        self._closing = False
        self._task: asyncio.Task[None] | None = None
        self.commits = 0
        """Transactions committed so far."""

    def start(self) -> None:
        self._full = not self._ballast.hold() and self._ballast.would_be_spent
        self._task = asyncio.create_task(self._work(), name="storage writer")

    async def close(self) -> None:
        """Commit what was handed in, then stop. The connection is left to whoever opened it."""
        self._closing = True
        self._wakeup.set()
        if self._task is not None:
            await asyncio.wait([self._task])

    async def submit(self, operation: Operation[Result]) -> Result:
        """Return once `operation` is on the disk. A caller that is cancelled may or may not have written."""
        if self._closing or self._task is None or self._task.done():
            raise StorageClosed("The store is not open.")
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._pending.append((operation, future))
        self._wakeup.set()
        return await future

    async def _work(self) -> None:
        try:
            while not self._closing or self._pending:
                await self._wakeup.wait()
                self._wakeup.clear()
                while batch := self._take():
                    await self._carry_out(batch)
        finally:
            for _, future in self._pending:  # only if this task was cancelled
                future.cancel()

    def _take(self) -> list[tuple[AnyOperation, asyncio.Future[Any]]]:
        """The next batch: what is pending, up to a size; an operation that runs alone is a batch by itself."""
        batch: list[tuple[AnyOperation, asyncio.Future[Any]]] = []
        rows = 0
        while self._pending and rows < BATCH_ROWS_MAX:
            operation, future = self._pending[0]
            if operation.alone and batch:
                break
            self._pending.popleft()
            if future.done():  # its caller was cancelled before anything was written
                continue
            batch.append((operation, future))
            rows += operation.rows
            if operation.alone:
                break
        return batch

    async def _carry_out(self, batch: list[tuple[AnyOperation, asyncio.Future[Any]]]) -> None:
        try:
            committed = await run(self._connection, self._path, self._commit, [operation for operation, _ in batch])
        except asyncio.CancelledError:
            for _, future in batch:
                future.cancel()
            raise
        except Exception as error:  # the thread itself failed: nothing is known but that nobody may be left waiting
            committed = _Committed([error] * len(batch))
        # Before the callers are told: whoever reads after its own write finds no cached answer from before it.
        self._generations.triggers += committed.triggers_moved
        self._generations.events += committed.events_moved
        for (_, future), answer in zip(batch, committed.answers, strict=True):
            if future.done():
                continue
            if isinstance(answer, Exception):
                future.set_exception(answer)
            else:
                future.set_result(answer)

    # --- below: in the connection's thread ------------------------------------------------------------------------

    def _commit(self, connection: sqlite3.Connection, operations: Sequence[AnyOperation]) -> _Committed:
        if self._full:
            self._full = not self._ballast.hold()
        if self._full:
            # What little room there is belongs to deleting.
            return self._each(connection, operations, StorageFull(DISK_FULL))
        try:
            return self._transaction(connection, operations)
        except Exception as error:
            failure = storage_error(error, self._path)
            if isinstance(failure, StorageFull):
                self._full = True
                self._make_room(connection)
                return self._each(connection, operations, failure)
            if len(operations) == 1 or isinstance(failure, StorageCorrupt):
                return _Committed([_again(failure) for _ in operations])
        return self._each(connection, operations, None)

    def _each(
        self, connection: sqlite3.Connection, operations: Sequence[AnyOperation], full: StorageFull | None
    ) -> _Committed:
        """Every operation in a transaction of its own; with `full`, only those that make room, the others fail."""
        committed = _Committed([])
        answers: list[object] = []
        for operation in operations:
            if full is not None and not operation.frees_space:
                answers.append(_again(full))
                continue
            try:
                alone = self._transaction(connection, [operation])
            except Exception as error:
                answers.append(_again(storage_error(error, self._path)))
            else:
                answers.extend(alone.answers)
                committed.triggers_moved |= alone.triggers_moved
                committed.events_moved |= alone.events_moved
        committed.answers = answers
        return committed

    def _make_room(self, connection: sqlite3.Connection) -> None:
        """Give the ballast up, and spend it on emptying the log: deleting can then write over the log's old pages."""
        self._ballast.release()
        with contextlib.suppress(sqlite3.Error):
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    def _transaction(self, connection: sqlite3.Connection, operations: Sequence[AnyOperation]) -> _Committed:
        """All of it or, raising, nothing."""
        transaction = Transaction(connection)
        if operations[0].alone:
            return _Committed(operations[0].run(transaction, operations))
        connection.execute("BEGIN IMMEDIATE")
        try:
            answers = _run_by_kind(transaction, operations)
            connection.execute("COMMIT")
        except BaseException:
            # SQLite may have rolled back by itself (a full disk); to go on would commit fragments.
            if connection.in_transaction:
                with contextlib.suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")
            raise
        self.commits += 1
        return _Committed(answers, transaction.triggers_moved, transaction.events_moved)


def _run_by_kind(transaction: Transaction, operations: Sequence[AnyOperation]) -> list[object]:
    """Together what is of one kind; the order among callers that wait at the same time is free to choose."""
    places: dict[type[AnyOperation], list[int]] = {}
    for place, operation in enumerate(operations):
        places.setdefault(type(operation), []).append(place)
    answers: list[object] = [None] * len(operations)
    for kind, at in places.items():
        for place, answer in zip(at, kind.run(transaction, [operations[place] for place in at]), strict=True):
            answers[place] = answer
    return answers


def _again(error: BaseException) -> BaseException:
    """A fresh exception for each caller: a shared one would collect everybody's traceback."""
    if not isinstance(error, StorageError):
        return error
    fresh = type(error)(*error.args)
    fresh.__cause__ = error.__cause__
    return fresh
