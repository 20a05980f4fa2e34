"""The store in memory keeps every promise of the port but to outlive the process."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from engine.storage.memory.store import MemoryStore
from engine.storage.port import Store
from tests.storage.conformance import *  # noqa: F403


@pytest.fixture
async def store() -> AsyncIterator[Store]:
    store = MemoryStore()
    await store.open()
    yield store
    await store.close()
