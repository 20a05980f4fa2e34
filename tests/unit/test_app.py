"""Starting and stopping, whatever happens in between."""

from __future__ import annotations

import asyncio
from datetime import datetime

import pytest

from engine.app import Engine
from engine.errors import EngineError, SettingsError, StorageError
from engine.model.timer import TimerKey
from engine.settings import load_settings
from engine.storage.memory.store import MemoryStore
from tests.fakes.transport import FakeTransport


class Unwell(MemoryStore):
    """Its timers cannot be read, so that a start never ends."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = asyncio.Event()
        self.closed = False

    async def upcoming(self, after: datetime | None, until: datetime, limit: int) -> list[tuple[TimerKey, datetime]]:
        self.asked.set()
        raise StorageError("not now")

    async def close(self) -> None:
        self.closed = True
        await super().close()


def engine_of(store: MemoryStore, **settings: object) -> Engine:
    loaded = load_settings(**{"host": "127.0.0.1", "port": 0, "x_api_key": None, "redis_host": None, **settings})
    return Engine(loaded, store=store, transport=FakeTransport())


async def test_it_can_be_told_to_stop_while_it_starts() -> None:
    store, stop = Unwell(), asyncio.Event()
    running = asyncio.create_task(engine_of(store).run(stop, lambda: pytest.fail("it never served")))
    await store.asked.wait()
    stop.set()
    await asyncio.wait_for(running, 10)
    assert store.closed


async def test_whatever_goes_wrong_after_the_start_it_is_stopped_again() -> None:
    def announce() -> None:
        raise RuntimeError("nobody listens")

    store = MemoryStore()
    with pytest.raises(RuntimeError, match="nobody listens"):
        await engine_of(store).run(asyncio.Event(), announce)
    with pytest.raises(StorageError):
        await store.check()


async def test_starting_and_stopping_twice_or_never_is_harmless() -> None:
    engine = engine_of(MemoryStore())
    await engine.stop()
    await engine.start()
    await engine.start()
    await engine.stop()
    await engine.stop()
    await engine.start()
    assert await engine.ready() == []
    await engine.stop()


async def test_a_host_that_cannot_be_is_a_sentence() -> None:
    with pytest.raises(SettingsError, match="Cannot listen on"):
        await engine_of(MemoryStore(), host="a..b", x_api_key="k").start()


async def test_a_loop_that_dies_stops_the_engine_with_its_reason() -> None:
    class Dies(MemoryStore):
        async def upcoming(
            self, after: datetime | None, until: datetime, limit: int
        ) -> list[tuple[TimerKey, datetime]]:
            raise ZeroDivisionError("a bug")

    with pytest.raises(EngineError, match="The wheel died: a bug"):
        await engine_of(Dies()).run(asyncio.Event(), lambda: None)
