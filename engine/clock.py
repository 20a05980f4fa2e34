"""Time, asked for in one place. Nothing else in the engine reads a clock or sleeps."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

WAIT_MAX_S = 1.0
"""No wait is longer than this without looking at the wall clock again, so that a step of it is noticed."""


class Clock(Protocol):
    """What the engine asks of time. `tests/fakes/clock.py` has the one that is moved by hand."""

    def now(self) -> datetime:
        """The wall clock: aware, UTC. For schedules and rows."""
        ...

    def monotonic(self) -> float:
        """Seconds that never step. For elapsed time only."""
        ...

    async def wait_until(self, deadline: datetime | None, wakeup: asyncio.Event) -> bool:
        """Return True once `wakeup` is set, False once `deadline` may have come (None: wait for the wake-up alone).

        Returning False says "look again", not "it is time": waits are capped at `WAIT_MAX_S` and timers may be a
        little early, so the caller compares `now()` with its deadline and waits again. `wakeup` is left set.
        """
        ...

    async def sleep(self, seconds: float) -> None:
        """Pause for about `seconds` of monotonic time."""
        ...


class SystemClock:
    """The machine's clocks."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    async def wait_until(self, deadline: datetime | None, wakeup: asyncio.Event) -> bool:
        if wakeup.is_set():
            return True
        # `now` is read here, last thing before the wait, so that the caller's work is not added to the lateness.
        timeout_s = WAIT_MAX_S if deadline is None else min((deadline - self.now()) / timedelta(seconds=1), WAIT_MAX_S)
        if timeout_s <= 0:
            await asyncio.sleep(0)
            return wakeup.is_set()
        try:
            async with asyncio.timeout(timeout_s):
                await wakeup.wait()
        except TimeoutError:
            return wakeup.is_set()
        return True

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
