"""A clock that stands still until a test moves it."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import UTC, datetime, timedelta

START = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


class FakeClock:
    """Implements `engine.clock.Clock`. `advance` moves both clocks, `step` the wall clock alone."""

    def __init__(self, now: datetime = START) -> None:
        self._now = now
        self._monotonic = 1_000.0
        self._moved = asyncio.Condition()
        self.waiting = 0
        """How many coroutines sleep or wait on this clock right now."""

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    async def advance(self, seconds: float, *, turns: int = 20) -> None:
        """Let `seconds` pass on both clocks, then let everything that became due run for `turns` turns of the loop."""
        self._now += timedelta(seconds=seconds)
        self._monotonic += seconds
        await self._notify(turns)

    async def step(self, seconds: float) -> None:
        """Set the wall clock forward (or back), as an administrator or NTP would."""
        self._now += timedelta(seconds=seconds)
        await self._notify()

    async def wait_until(self, deadline: datetime | None, wakeup: asyncio.Event) -> bool:
        """As the real one: False as soon as the clock was moved at all, for the caller looks again anyway."""
        if wakeup.is_set() or (deadline is not None and deadline <= self._now):
            await asyncio.sleep(0)
            return wakeup.is_set()
        tasks = [asyncio.ensure_future(wakeup.wait()), asyncio.ensure_future(self._next_move())]
        self.waiting += 1
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self.waiting -= 1
            for task in tasks:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
        return wakeup.is_set()

    async def sleep(self, seconds: float) -> None:
        deadline = self._monotonic + seconds
        self.waiting += 1
        try:
            while self._monotonic < deadline:
                await self._next_move()
        finally:
            self.waiting -= 1

    async def _next_move(self) -> None:
        async with self._moved:
            await self._moved.wait()

    async def _notify(self, turns: int = 20) -> None:
        async with self._moved:
            self._moved.notify_all()
        await settle(turns)


async def settle(turns: int = 20) -> None:
    """Give every ready task a few turns of the loop. No time passes."""
    for _ in range(turns):
        await asyncio.sleep(0)
