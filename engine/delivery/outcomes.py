"""Writing outcomes down: until it succeeds, because an attempt that was made cannot be unmade."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from datetime import timedelta

import structlog

from engine.clock import Clock
from engine.errors import NotFound, StorageError
from engine.model.delivery import Attempt, Verdict
from engine.model.event import Event
from engine.storage.port import Store

WRITE_AGAIN_FIRST_S = 0.1
WRITE_AGAIN_MAX_S = 5.0
REMEMBERED_MAX = 20_000
"""How many outcomes are remembered, to recognize copies of events that were read before the commit."""

log = structlog.get_logger(__name__)


class OutcomeWriter:
    """Records attempts, and knows which ones it has recorded lately."""

    def __init__(self, *, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._attempts_made: OrderedDict[int, int] = OrderedDict()
        self._giving_up = asyncio.Event()

    def resume(self) -> None:
        """Undo `give_up`."""
        self._giving_up.clear()

    def give_up(self) -> None:
        """Let each outcome that is still being written have one more try."""
        self._giving_up.set()

    def is_stale(self, event: Event) -> bool:
        """Whether an attempt has been recorded that `event` does not know of."""
        return self._attempts_made.get(event.id, 0) > event.attempts_made

    async def write(self, attempt: Attempt, verdict: Verdict) -> Event | None:
        """The event after the commit; None when it is gone, or when the store refused until after `give_up`."""
        wait_s = WRITE_AGAIN_FIRST_S
        while True:
            last_try = self._giving_up.is_set()
            try:
                event = await self._store.record_attempt(attempt, verdict)
            except NotFound:
                log.info("the event of an attempt is gone", event_id=attempt.event_id, attempt=attempt.number)
                self._remember(attempt.event_id, attempt.number)
                return None
            except Exception as error:
                log.warning(
                    "an outcome could not be written",
                    event_id=attempt.event_id,
                    attempt=attempt.number,
                    error=str(error),
                    exc_info=None if isinstance(error, StorageError) else error,
                )
            else:
                self._remember(event.id, event.attempts_made)
                return event
            if last_try:
                log.error("an outcome is lost, so the attempt is made again later", event_id=attempt.event_id)
                return None
            await self._pause(wait_s)
            wait_s = min(wait_s * 2, WRITE_AGAIN_MAX_S)

    async def _pause(self, seconds: float) -> None:
        """Wait, but no longer than until `give_up`."""
        until = self._clock.now() + timedelta(seconds=seconds)
        while self._clock.now() < until and not await self._clock.wait_until(until, self._giving_up):
            pass

    def _remember(self, event_id: int, attempts_made: int) -> None:
        self._attempts_made[event_id] = attempts_made
        self._attempts_made.move_to_end(event_id)
        if len(self._attempts_made) > REMEMBERED_MAX:
            self._attempts_made.popitem(last=False)
