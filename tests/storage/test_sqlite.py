"""The store on SQLite keeps every promise of the port."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from engine.storage.port import Store
from engine.storage.sqlite.store import SqliteStore
from tests.fakes.clock import FakeClock
from tests.storage.conformance import *  # noqa: F403


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    store = SqliteStore(tmp_path / "engine.db", clock=FakeClock())
    await store.open()
    yield store
    await store.close()
