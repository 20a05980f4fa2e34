"""A few connections that only read, handed out one caller at a time."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

import aiosqlite

from engine.errors import StorageClosed
from engine.storage.sqlite.connection import open_reader, run

P = ParamSpec("P")
Result = TypeVar("Result")

READERS = 2
"""For whoever asks: beside one slow search there is one for pages. More would only fight over the GIL."""
READERS_TO_FIRE = 1
"""For what firing has to read, so that no search, nor a queue of them, is ever before it."""


class Readers:
    """The pool. The connection that was used last is used next: its page cache is the warmest."""

    def __init__(self, path: Path, count: int) -> None:
        self._path = path
        self._count = count
        self._idle: list[aiosqlite.Connection] = []
        # A semaphore serves in the order of arrival. A queue does not: a late `get` may take what an earlier one has
        # just been woken for, and `close` would then take the connections away from reads that still wait.
        self._slots = asyncio.Semaphore(0)
        self._is_open = False

    async def open(self) -> None:
        for _ in range(self._count):
            self._idle.append(await open_reader(self._path))
            self._slots.release()
        self._is_open = True

    async def close(self) -> None:
        """Let the reads that were asked for finish, then close every connection."""
        if self._is_open:
            self._is_open = False
            for _ in range(self._count):
                await self._slots.acquire()
        while self._idle:
            await self._idle.pop().close()

    async def read(
        self, function: Callable[Concatenate[sqlite3.Connection, P], Result], *args: P.args, **kwargs: P.kwargs
    ) -> Result:
        """Run `function` in a reader's thread: it sees every commit that came before."""
        if not self._is_open:
            raise StorageClosed("The store is not open.")
        await self._slots.acquire()
        connection = self._idle.pop()
        reading = asyncio.ensure_future(run(connection, self._path, function, *args, **kwargs))
        reading.add_done_callback(lambda _: self._give_back(connection, reading))
        # A thread cannot be cancelled. Its connection comes back when it is done, whether or not anybody still waits.
        return await asyncio.shield(reading)

    def _give_back(self, connection: aiosqlite.Connection, reading: asyncio.Future[Result]) -> None:
        if not reading.cancelled():
            reading.exception()  # seen, so that asyncio does not report what a cancelled caller cannot take any more
        self._idle.append(connection)
        self._slots.release()


class Snapshot:
    """Several statements that see one state of the database: `with Snapshot(connection):`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def __enter__(self) -> None:
        self._connection.execute("BEGIN")

    def __exit__(self, *_: object) -> None:
        self._connection.execute("ROLLBACK")  # nothing was written
