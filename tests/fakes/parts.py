"""The engine's working parts without its HTTP server: wheel, dispatcher, deliverer and registry on a clock moved by
hand. Stopping and building new ones on the same store is a restart."""

from __future__ import annotations

import asyncio
import random
from types import TracebackType
from typing import Self

from engine.delivery.deliverer import Deliverer
from engine.dispatcher import Dispatcher
from engine.model.event import Event
from engine.registry import Registry
from engine.storage.memory.store import MemoryStore
from engine.storage.port import EventQuery, Store
from engine.timers.wheel import TimerWheel
from tests.fakes.clock import FakeClock, settle
from tests.fakes.transport import FakeTransport


class Parts:
    """Use as an async context manager; the store is opened if need be and left open."""

    def __init__(
        self,
        *,
        store: Store | None = None,
        clock: FakeClock | None = None,
        transport: FakeTransport | None = None,
        queued_max: int = 2_000,
        overflow_max: int = 100_000,
    ) -> None:
        self.store = store or MemoryStore()
        self.clock = clock or FakeClock()
        self.transport = transport or FakeTransport()
        self.published: list[Event] = []
        self.dispatcher = Dispatcher(store=self.store, clock=self.clock, publish=self.published.append)
        self.wheel = TimerWheel(
            clock=self.clock, load=self.dispatcher.load, on_due=self.dispatcher.due, on_step=self.dispatcher.stepped
        )
        self.deliverer = Deliverer(
            store=self.store,
            transport=self.transport,
            clock=self.clock,
            on_change=self.dispatcher.changed,
            on_room=self.dispatcher.room,
            rng=random.Random(1),
            in_flight_per_host_max=2,
            queued_max=queued_max,
            overflow_max=overflow_max,
        )
        self.dispatcher.connect(self.wheel, self.deliverer)
        self.registry = Registry(store=self.store, wheel=self.wheel, clock=self.clock, on_fired=self.dispatcher.fired)
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        await self.store.open()
        await self.deliverer.start()
        loops = (self.dispatcher.run(), self.deliverer.run(), self.wheel.run())
        self._tasks = [asyncio.create_task(loop) for loop in loops]
        await self.wheel.loaded.wait()
        await settle()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._tasks:
            task.cancel()
        ended = await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.deliverer.stop(0)
        broken = [end for end in ended if end is not None and not isinstance(end, asyncio.CancelledError)]
        if broken and error is None:
            raise broken[0]

    async def pass_time(self, seconds: float, *, steps_of: float = 1.0) -> None:
        """Let time pass in steps, as it would; everything due is worked off at each."""
        passed = 0.0
        while passed < seconds:
            step = min(steps_of, seconds - passed)
            await self.clock.advance(step)
            await settle(60)
            passed += step

    async def events(self) -> list[Event]:
        """All of the ledger, oldest first."""
        return list(reversed(await self.store.list_events(EventQuery(archived=None, limit=1_000))))
