"""A wheel that is stopped when its test ends."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.unit.timers.wheel_bench import Bench


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    made = Bench()
    yield made
    await made.stop()
