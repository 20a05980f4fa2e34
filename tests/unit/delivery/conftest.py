from collections.abc import AsyncIterator

import pytest

from engine.clock import SystemClock
from engine.delivery.transport import AiohttpTransport
from tests.fakes.receiver import FakeReceiver
from tests.unit.delivery.rig import Rig


@pytest.fixture
async def transport() -> AsyncIterator[AiohttpTransport]:
    transport = AiohttpTransport(clock=SystemClock())
    yield transport
    await transport.close()


@pytest.fixture
async def receiver() -> AsyncIterator[FakeReceiver]:
    async with FakeReceiver() as receiver:
        yield receiver


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    rig = Rig()
    await rig.open()
    yield rig
    await rig.close()
