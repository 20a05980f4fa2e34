"""A wheel on a clock that is moved by hand, over a store that is a dictionary."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

from engine.model.timer import TimerKey, TimerKind
from engine.timers.wheel import TimerWheel
from tests.fakes.clock import START, FakeClock, settle


def key(number: int) -> TimerKey:
    return TimerKey(TimerKind.TRIGGER, number)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


class Rows:
    """`Store.upcoming` over a dictionary, with a gate that holds answers back and failures on demand."""

    def __init__(self) -> None:
        self.due: dict[TimerKey, datetime] = {}
        self.asked: list[tuple[datetime | None, datetime]] = []
        self.gate = asyncio.Event()
        """Reads of what lies ahead wait for it once they have seen their rows."""
        self.gate.set()
        self.overdue_gate = asyncio.Event()
        """The same for reads of what is overdue."""
        self.overdue_gate.set()
        self.failures: list[Exception] = []

    async def upcoming(self, after: datetime | None, until: datetime, limit: int) -> list[tuple[TimerKey, datetime]]:
        self.asked.append((after, until))
        rows = sorted(
            ((key, due) for key, due in self.due.items() if (after is None or due > after) and due <= until),
            key=lambda row: (row[1], row[0]),
        )
        if len(rows) > limit:
            rows = [row for row in rows if row[1] <= rows[limit - 1][1]]
        first_or_ahead = after is not None or len(self.asked) == 1
        await (self.gate if first_or_ahead else self.overdue_gate).wait()
        if self.failures:
            raise self.failures.pop(0)
        return rows


class Bench:
    """A wheel with everything it touches."""

    def __init__(self, load_limit: int = 10_000) -> None:
        self.clock = FakeClock()
        self.rows = Rows()
        self.batches: list[list[TimerKey]] = []
        self.stepped: list[float] = []
        self.on_due: Callable[[list[TimerKey]], None] = lambda _: None
        self.order: list[str] = []
        self.wheel = TimerWheel(
            clock=self.clock,
            load=self.rows.upcoming,
            on_due=self._due,
            on_step=self._step,
            load_limit=load_limit,
        )
        self.task: asyncio.Task[None] | None = None

    def _due(self, keys: list[TimerKey]) -> None:
        self.order.append("due")
        self.batches.append(keys)
        for handed in keys:  # as the dispatcher does, who moves what has fired out of the way
            self.rows.due.pop(handed, None)
        self.on_due(keys)

    def _step(self, delta_s: float) -> None:
        self.order.append("step")
        self.stepped.append(delta_s)

    @property
    def fired(self) -> list[int]:
        return [key.id for batch in self.batches for key in batch]

    async def start(self) -> None:
        self.task = asyncio.create_task(self.wheel.run())
        await settle(40)

    async def stop(self) -> None:
        if self.task is not None:
            self.task.cancel()
            await asyncio.wait([self.task])
            self.task = None

    async def until(self, seconds: float, step_s: float = 0.5) -> None:
        """Let time pass up to START + seconds, in small pieces, as it does."""
        while self.clock.now() < at(seconds):
            await self.clock.advance(min(step_s, (at(seconds) - self.clock.now()).total_seconds()))
            await settle(40)
