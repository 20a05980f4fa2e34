"""The read-through cache in front of the store. It holds finished answers: bytes, ready to be sent.

Rows would have to be rendered again at every hit, and rendering costs most of what a cache saves.

The promise: a reader never gets anything older than the last write that was acknowledged when it asked. It rests on
`Generations`, which move after a commit and before the writer is told:

- A reader notes the generation when it asks, and it is part of the key. Every write acknowledged by then has moved
  the generation already, so whatever lies under that key was read from the database after those commits.
- Readers share a fill only under the same key, hence the same generation.
- A fill during which the generation moved is given to those who waited for it and is not kept.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Literal, Protocol, TypeAlias

from engine.clock import Clock
from engine.errors import StorageClosed
from engine.storage.port import Generations

Scope: TypeAlias = Literal["triggers", "events"]

MEMORY_BYTES_MAX = 32 * 1024 * 1024
"""What the cache in the process may hold, keys and bookkeeping included."""
ENTRY_BYTES_MAX = 1024 * 1024
"""Answers larger than this are not kept: one of them would push out hundreds of ordinary ones."""
ENTRY_OVERHEAD_BYTES = 300
"""What an entry costs besides its key and value: a dictionary slot, a tuple, two objects' headers, a float."""


class CacheBackend(Protocol):
    """Where answers are kept. It may forget anything at any time, and no method raises: a failure is a miss."""

    errors: int
    """Calls that failed, since the start."""

    def peek(self, key: str) -> bytes | None:
        """What can be told without I/O; None says nothing."""
        ...

    async def get(self, key: str) -> bytes | None:
        """The value last set under `key`, whole; None when there is none or it cannot be had."""
        ...

    async def set(self, key: str, value: bytes, ttl_s: float) -> None:
        """Keep `value` for at most `ttl_s` seconds, if possible."""
        ...

    async def close(self) -> None:
        """Let go of everything. Closing twice is harmless."""
        ...


class MemoryCache(CacheBackend):
    """Least recently used goes first, bounded by bytes."""

    def __init__(
        self, clock: Clock, *, bytes_max: int = MEMORY_BYTES_MAX, entry_bytes_max: int = ENTRY_BYTES_MAX
    ) -> None:
        self.errors = 0
        self.bytes_used = 0
        self._monotonic = clock.monotonic
        self._bytes_max = bytes_max
        self._entry_bytes_max = min(entry_bytes_max, bytes_max)
        self._entries: OrderedDict[str, tuple[bytes, float]] = OrderedDict()

    def peek(self, key: str) -> bytes | None:
        entry = self._entries.get(key)
        if entry is None:
            return None
        if entry[1] <= self._monotonic():
            self._forget(key)
            return None
        self._entries.move_to_end(key)
        return entry[0]

    async def get(self, key: str) -> bytes | None:
        return self.peek(key)

    async def set(self, key: str, value: bytes, ttl_s: float) -> None:
        self._forget(key)
        size = _size(key, value)
        if size > self._entry_bytes_max:
            return
        while self.bytes_used + size > self._bytes_max:
            self._forget(next(iter(self._entries)))
        self._entries[key] = (value, self._monotonic() + ttl_s)
        self.bytes_used += size

    async def close(self) -> None:
        self._entries.clear()
        self.bytes_used = 0

    def _forget(self, key: str) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self.bytes_used -= _size(key, entry[0])


def _size(key: str, value: bytes) -> int:
    return len(key) + len(value) + ENTRY_OVERHEAD_BYTES


class ReadCache:
    """Answers from the backend, or runs the fill, once for all who ask at the same time."""

    def __init__(self, generations: Generations, backend: CacheBackend, *, ttl_s: float = 60.0) -> None:
        self.hits = 0
        """Reads answered from the backend."""
        self.misses = 0
        """Reads that had to wait for a fill, their own or one that was under way."""
        self._generations = generations
        self._backend = backend
        self._ttl_s = ttl_s
        # Another process counts its generations from 0 too. The nonce keeps what it left in Redis out of reach.
        self._nonce = secrets.token_hex(8)
        self._flights: dict[str, asyncio.Task[tuple[bytes, bool]]] = {}
        self._closed = False

    @property
    def errors(self) -> int:
        """Calls to the backend that failed."""
        return self._backend.errors

    async def read(self, scope: Scope, key: str, fill: Callable[[], Awaitable[bytes]]) -> bytes:
        """The answer for `key`: what `fill` gave for it in this generation of `scope`, or gives now.

        `key` names everything the answer depends on besides the store's rows. `fill` reads the store and renders; it
        runs in a task of its own, so that a reader who gives up does not take the answer from the others. What it
        raises is raised to everybody who waits, and is not kept. Raises StorageClosed after `close`.
        """
        generation: int = getattr(self._generations, scope)
        full_key = f"{self._nonce}:{scope}:{generation}:{key}"
        value = self._backend.peek(full_key)
        if value is not None:
            self.hits += 1
            return value
        flight = self._flights.get(full_key)
        if flight is None:
            if self._closed:
                raise StorageClosed("The cache is closed.")
            flight = asyncio.create_task(self._fly(scope, generation, full_key, fill))
            self._flights[full_key] = flight
        value, cached = await self._wait(flight)
        if cached:
            self.hits += 1
        else:
            self.misses += 1
        return value

    async def close(self) -> None:
        """Stop fills under way (their readers get StorageClosed), then close the backend."""
        self._closed = True
        flights = list(self._flights.values())
        self._flights.clear()
        for flight in flights:
            flight.cancel()
        await asyncio.gather(*flights, return_exceptions=True)
        await self._backend.close()

    async def _fly(
        self, scope: Scope, generation: int, full_key: str, fill: Callable[[], Awaitable[bytes]]
    ) -> tuple[bytes, bool]:
        """Look, fill and keep. Returns the answer, and whether the backend had it."""
        try:
            value = await self._backend.get(full_key)
            if value is not None:
                return value, True
            value = await fill()
            if getattr(self._generations, scope) == generation:
                await self._backend.set(full_key, value, self._ttl_s)
            return value, False
        finally:
            # Here and not in a done callback: no reader may join a flight that has failed already.
            self._flights.pop(full_key, None)

    async def _wait(self, flight: asyncio.Task[tuple[bytes, bool]]) -> tuple[bytes, bool]:
        try:
            return await asyncio.shield(flight)
        except asyncio.CancelledError:
            reader = asyncio.current_task()
            if flight.cancelled() and not (reader and reader.cancelling()):
                raise StorageClosed("The cache was closed while the answer was being read.") from None
            raise
