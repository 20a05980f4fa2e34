"""The life of an event after it is done: active -> archived -> deleted, in small batches with pauses between."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import structlog

from engine.clock import Clock
from engine.errors import StorageClosed, StorageCorrupt, StorageError
from engine.model.event import Event
from engine.storage.port import Store

log = structlog.get_logger(__name__)

BATCH = 500
"""Events between two pauses. The store writes them in transactions of its own size, so that a fire never waits long."""
PAUSE_S = 0.05
"""Between two batches, or two steps of giving space back, so that fires and attempts come first."""
ROUND_S = 30.0
"""Between two rounds; also the longest that one round goes on giving space back."""
ERROR_WAIT_MAX_S = 300.0
"""After errors the wait doubles, up to this."""


class Retention:
    """Runs the rounds, and archives single events by hand. Ages count from the moment an event was finished."""

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        active: timedelta,
        retention: timedelta,
        publish: Callable[[Event], None],
    ) -> None:
        self._store = store
        self._clock = clock
        self._active = active
        self._retention = retention
        self._publish = publish
        self.archived = 0
        self.deleted = 0

    async def archive(self, event_id: int) -> Event:
        """Archive one event now; harmless when it is. Raises NotFound."""
        event = await self._store.archive_event(event_id)
        self._publish(event)
        return event

    async def run(self) -> None:
        """Round after round until cancelled. Raises only what the engine cannot go on after."""
        wait_s = ROUND_S
        while True:
            try:
                await self.round()
                wait_s = ROUND_S
            except (StorageClosed, StorageCorrupt):
                raise
            except StorageError as error:
                wait_s = min(wait_s * 2, ERROR_WAIT_MAX_S)
                log.error("expiry failed; trying again", wait_s=wait_s, error=str(error))
            await self._clock.sleep(wait_s)

    async def round(self) -> None:
        """Archive and delete all that has reached its age, then give back what space that has freed."""
        now = self._clock.now()
        self.deleted += await self._batches(self._store.delete_finished_before, now - self._retention)
        self.archived += await self._batches(self._store.archive_finished_before, now - self._active)
        await self._give_back_space()

    async def _give_back_space(self) -> None:
        # Also when nothing was deleted: a round before may have left some. Gigabytes take many rounds, for the next
        # events have to expire in between.
        until = self._clock.monotonic() + ROUND_S
        while await self._store.give_back_space() and self._clock.monotonic() < until:
            await self._clock.sleep(PAUSE_S)

    async def _batches(self, step: Callable[[datetime, int], Awaitable[int]], instant: datetime) -> int:
        total = 0
        while (count := await step(instant, BATCH)) > 0:
            total += count
            if count < BATCH:
                break
            await self._clock.sleep(PAUSE_S)
        return total
