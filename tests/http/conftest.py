"""A whole engine over HTTP: real parts, a store in memory, a clock that is moved by hand, a transport that answers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import aiohttp
import pytest

from engine.app import Engine
from engine.clock import Clock
from engine.settings import load_settings
from engine.storage.memory.store import MemoryStore
from engine.storage.port import Store
from tests.fakes.clock import FakeClock
from tests.fakes.transport import FakeTransport
from tests.http.client import Api

StartApi = Callable[..., Awaitable[Api]]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def transport() -> FakeTransport:
    return FakeTransport()


@pytest.fixture
async def start_api(clock: FakeClock, transport: FakeTransport) -> AsyncIterator[StartApi]:
    """Starts an engine with the given settings, and stops it after the test."""
    async with AsyncExitStack() as stack:

        async def start(
            *, own_clock: Clock | None = None, store: Store | None = None, key: str | None = None, **settings: object
        ) -> Api:
            quiet: dict[str, object] = {"host": "127.0.0.1", "port": 0, "redis_host": None, "cors_origins": ""}
            loaded = load_settings(**{**quiet, "x_api_key": key, **settings})
            engine = Engine(loaded, clock=own_clock or clock, store=store or MemoryStore(), transport=transport)
            stack.push_async_callback(engine.stop)
            await engine.start()
            session = await stack.enter_async_context(aiohttp.ClientSession())
            async with session.get(f"{engine.server.url}/openapi.json") as response:
                description = await response.json()
            return Api(engine, session, description)

        yield start


@pytest.fixture
async def api(start_api: StartApi) -> Api:
    """An engine without a key."""
    return await start_api()
