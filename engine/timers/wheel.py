"""The loop that sleeps until something is due. The heap beside it holds the near future, the store the rest.

The heap knows every timer up to the *horizon*. A refill moves the horizon on: it reads what is due between the old
one and the new one, and nothing twice. When a read is cut by its limit, the horizon ends at the last instant that was
read, and the next read follows as it comes near; so a million timers cost neither memory nor start-up time.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import structlog

from engine.clock import Clock
from engine.errors import StorageError
from engine.model.instant import EPOCH
from engine.model.timer import TimerKey
from engine.timers.heap import TimerHeap

Load = Callable[[datetime | None, datetime, int], Awaitable[list[tuple[TimerKey, datetime]]]]
"""`Store.upcoming`."""

STEP_MIN_S = 1.0
"""A wall clock that moves against the monotonic one by more than this between two looks has been stepped."""

OVERDUE_S = 5.0
"""What the store still shows as due this long after its time is handed over again."""

LEAD_S = 2.0
"""How long before the horizon the next page is read, where the last one was cut by the limit."""

RETRY_FIRST_S, RETRY_MAX_S = 0.1, 5.0
"""Wait after a read that failed: doubled each time, up to the maximum."""

_log = structlog.get_logger(__name__)


class TimerWheel:
    """Hands over keys when they are due: not early, in batches, and again if nothing came of it."""

    def __init__(
        self,
        *,
        clock: Clock,
        load: Load,
        on_due: Callable[[list[TimerKey]], None],
        on_step: Callable[[float], None],
        horizon_s: float = 60.0,
        refill_s: float = 20.0,
        load_limit: int = 10_000,
    ) -> None:
        """`on_due` gets all that is due as one batch, and `on_step` how far (seconds, signed) the wall clock was
        stepped, before the batch that follows from it. Both are called by the loop and must be quick.
        """
        self._clock = clock
        self._load = load
        self._on_due = on_due
        self._on_step = on_step
        self._horizon_length = timedelta(seconds=horizon_s)
        self._refill_s = refill_s
        self._load_limit = load_limit
        self._lead = timedelta(seconds=min(LEAD_S, horizon_s / 2))
        self._heap = TimerHeap()
        self._wakeup = asyncio.Event()
        self._running = False
        self.loaded = asyncio.Event()
        """Set once the first page of a run has been read."""
        self.steps = 0
        """Steps of the wall clock that were seen."""
        self.lag_s = 0.0
        """How late the earliest timer of the last batch was handed over."""
        self._forget()

    def _forget(self) -> None:
        """The state of a wheel that has not begun: everything is in the store."""
        self._heap.clear()
        self.loaded.clear()
        self._horizon: datetime | None = None
        self._loading_until: datetime | None = None
        self._touched: set[TimerKey] = set()
        self._refill: asyncio.Task[None] | None = None
        self._refill_at = self._overdue_at = self._clock.monotonic()
        self._retry_s = RETRY_FIRST_S
        self._drift_s: float | None = None
        self._sleeps_until: datetime | None = None

    @property
    def armed(self) -> int:
        """How many timers are in memory."""
        return len(self._heap)

    @property
    def horizon(self) -> datetime | None:
        """Up to when every timer is in memory; None before the first read."""
        return self._horizon

    @property
    def running(self) -> bool:
        """Whether the loop runs."""
        return self._running

    def idle(self) -> bool:
        """True when nothing is due now and no read is under way."""
        due = self._heap.next_due()
        return self._refill is None and (due is None or due > self._clock.now())

    def arm(self, key: TimerKey, due: datetime) -> None:
        """Say that `key` is due at `due`, which the store knows already. Moves a key that is armed.

        Beyond the horizon it is left to the store, which the refill reads in time.
        """
        covered_until = self._loading_until or self._horizon
        if covered_until is None or due > covered_until:
            self.cancel(key)
            return
        self._touch(key)
        self._heap.arm(key, due)
        if self._sleeps_until is not None and due < self._sleeps_until:
            self._wakeup.set()

    def cancel(self, key: TimerKey) -> None:
        """Say that `key` is not due any more. Cancelling what is not armed is harmless."""
        self._touch(key)
        self._heap.cancel(key)

    def _touch(self, key: TimerKey) -> None:
        # A read that is under way may have seen the row as it was before.
        if self._loading_until is not None:
            self._touched.add(key)

    async def run(self) -> None:
        """The loop. Runs until its task is cancelled; may be run again after that.

        An exception of `on_due`, of `on_step`, or of `load` other than a StorageError ends it.
        """
        if self._running:
            raise RuntimeError("the timer wheel runs already")
        self._forget()
        self._running = True
        try:
            while True:
                self._wakeup.clear()
                self._look()
                self._tend_refill()
                self._hand_over()
                self._sleeps_until = self._next_look_at()
                await self._clock.wait_until(self._sleeps_until, self._wakeup)
                self._sleeps_until = None
        finally:
            self._running = False
            if self._refill is not None:
                self._refill.cancel()
                with contextlib.suppress(asyncio.CancelledError, StorageError):
                    await self._refill
            self._forget()

    def _look(self) -> None:
        """Compare the wall clock with the monotonic one; a suspended machine is a step forward too."""
        drift_s = (self._clock.now() - EPOCH).total_seconds() - self._clock.monotonic()
        delta_s = 0.0 if self._drift_s is None else drift_s - self._drift_s
        self._drift_s = drift_s
        if abs(delta_s) <= STEP_MIN_S:
            return
        self.steps += 1
        _log.warning("the wall clock was stepped", delta_s=round(delta_s, 3))
        # The horizon has moved against the time, so it is brought up at once. After a step backward it is far ahead;
        # what was handed over is no longer in the heap, and so does not fire twice.
        self._refill_at = self._clock.monotonic()
        # What a step forward makes due is handed over now; the store may show it as due for a while yet.
        self._overdue_at = self._clock.monotonic() + self._refill_s
        self._on_step(delta_s)

    def _hand_over(self) -> None:
        earliest = self._heap.next_due()
        now = self._clock.now()
        if earliest is None or earliest > now:
            return
        self.lag_s = (now - earliest).total_seconds()
        self._on_due(self._heap.pop_due(now))

    def _next_look_at(self) -> datetime:
        """The next slot, or the next refill. The clock is read last, for the wait starts from here."""
        due = self._heap.next_due()
        refill_in_s = self._refill_s if self._refill is not None else self._refill_at - self._clock.monotonic()
        refill = self._clock.now() + timedelta(seconds=refill_in_s)
        if self._refill is None and not self._failing and self._horizon is not None:
            refill = min(refill, self._horizon - self._lead)
        return refill if due is None else min(due, refill)

    # --- the refill ---------------------------------------------------------------------------------------------

    def _tend_refill(self) -> None:
        """Take in a read that has ended, begin one that is due. Reads run beside the loop, which goes on firing."""
        if self._refill is not None:
            if not self._refill.done():
                return
            finished, self._refill = self._refill, None
            finished.result()  # raises what ended the read
        now = self._clock.now()
        runs_out = self._horizon is not None and self._horizon <= now + self._lead and not self._failing
        if self._clock.monotonic() >= self._refill_at or runs_out:
            until = now + self._horizon_length
            self._loading_until = until if self._horizon is None else max(self._horizon, until)
            self._touched.clear()
            self._refill = asyncio.create_task(self._read(self._horizon, self._loading_until), name="timer-refill")
            self._refill.add_done_callback(lambda _: self._wakeup.set())

    @property
    def _failing(self) -> bool:
        """The last read failed, so the next one keeps to its wait."""
        return self._retry_s > RETRY_FIRST_S

    async def _read(self, horizon: datetime | None, until: datetime) -> None:
        """One refill: what is overdue once more, then the next stretch of the future."""
        try:
            overdue = await self._read_overdue(horizon)
            upcoming: list[tuple[TimerKey, datetime]] = []
            if horizon is None or until > horizon:
                upcoming = await self._load(horizon, until, self._load_limit)
            following = upcoming[-1][1] if len(upcoming) >= self._load_limit else until
        except StorageError as error:
            _log.error("timers could not be read", error=str(error), again_in_s=self._retry_s)
            self._refill_at = self._clock.monotonic() + self._retry_s
            self._retry_s = min(self._retry_s * 2, RETRY_MAX_S)
            return
        finally:
            self._loading_until = None
        for key, due in overdue:
            # One that is in the heap is going to be handed over as it is.
            if key not in self._touched and key not in self._heap:
                self._heap.arm(key, due)
        for key, due in upcoming:
            if key not in self._touched:
                self._heap.arm(key, due)
        self._horizon = following
        self._retry_s = RETRY_FIRST_S
        self._refill_at = self._clock.monotonic() + self._refill_s
        self.loaded.set()

    async def _read_overdue(self, horizon: datetime | None) -> list[tuple[TimerKey, datetime]]:
        """What should have been gone for OVERDUE_S and is not, up to the horizon. Normally nothing.

        Once every `refill_s`, however fast pages follow one another: while a backlog is worked off, each page would
        find again what the page before has handed over.
        """
        monotonic_s = self._clock.monotonic()
        if monotonic_s < self._overdue_at:
            return []
        self._overdue_at = monotonic_s + self._refill_s
        if horizon is None:
            return []  # the first read has no lower end and finds all of it
        until = min(self._clock.now() - timedelta(seconds=OVERDUE_S), horizon)
        return await self._load(None, until, self._load_limit)
