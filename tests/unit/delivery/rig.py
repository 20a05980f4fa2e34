"""A deliverer with a fake clock, a scripted transport, and a store that gives trouble on demand."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from engine.delivery.deliverer import LAST_WRITES_S, Deliverer
from engine.model.delivery import Attempt, Verdict
from engine.model.event import Event, EventKind, fired_event
from engine.model.trigger import RetryPolicy, Target
from engine.storage.memory.store import MemoryStore
from tests.fakes.clock import START, FakeClock, settle
from tests.fakes.transport import FakeTransport

URL = "http://receiver.test/hook"
OTHER = "http://other.test/hook"


class TroubledStore(MemoryStore):
    """The memory store, with trouble on demand."""

    def __init__(self) -> None:
        super().__init__()
        self.write_errors: deque[Exception] = deque()
        """Raised by the next writes of outcomes, in order."""
        self.writes_tried = 0
        self.mark_errors: deque[Exception] = deque()
        self.marked: list[list[int]] = []
        self.writing = asyncio.Event()
        """Writes of outcomes wait for it."""
        self.writing.set()
        self.marking = asyncio.Event()
        """Marks wait for it."""
        self.marking.set()

    async def mark_running(self, event_ids: Sequence[int]) -> None:
        self.marked.append(list(event_ids))
        await self.marking.wait()
        if self.mark_errors:
            raise self.mark_errors.popleft()
        await super().mark_running(event_ids)

    async def record_attempt(self, attempt: Attempt, verdict: Verdict) -> Event:
        self.writes_tried += 1
        await self.writing.wait()
        if self.write_errors:
            raise self.write_errors.popleft()
        return await super().record_attempt(attempt, verdict)


class Rig:
    """A deliverer with everything around it."""

    def __init__(self, **limits: int) -> None:
        self.clock = FakeClock()
        self.store = TroubledStore()
        self.transport = FakeTransport()
        self.changes: list[Event] = []
        self.called: list[int] = []
        """Events there was room for again."""
        self.deliverer = Deliverer(
            store=self.store,
            transport=self.transport,
            clock=self.clock,
            on_change=self.changes.append,
            on_room=self.called.extend,
            rng=random.Random(1),
            **limits,
        )
        self.running: asyncio.Task[None] | None = None

    async def open(self) -> None:
        await self.store.open()
        await self.deliverer.start()
        self.running = asyncio.create_task(self.deliverer.run())

    async def close(self) -> None:
        self.store.writing.set()
        self.store.marking.set()
        stopping = asyncio.create_task(self.deliverer.stop(0))
        while not stopping.done():
            await self.clock.advance(LAST_WRITES_S)
        await stopping
        if self.running is not None:
            with suppress(RuntimeError):
                await self.running
        await self.store.close()

    async def event(self, url: str = URL, **target: object) -> Event:
        """A new one that is due."""
        draft = fired_event(
            trigger_id=None,
            trigger_name="trigger",
            kind=EventKind.MANUAL,
            details="Fired by hand.",
            scheduled_for=START,
            fired_at=START,
            payload='{"a":1}',
            target=replace(Target(url=url), **target),  # type: ignore[arg-type]
            retry=RetryPolicy(),
        )
        return (await self.store.add_event(draft)).row

    async def changed(self, count: int) -> None:
        """Return once there were `count` changes in all; no time passes."""
        async with asyncio.timeout(5):
            while len(self.changes) < count:
                await settle()
