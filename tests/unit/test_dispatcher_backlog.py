"""More is due than can be done at once: what waits, where, and that nothing is lost or starved."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from engine.dispatcher import Dispatcher
from engine.errors import StorageFull
from engine.model.event import Event, EventStatus
from engine.model.timer import TimerKey, TimerKind
from engine.storage.memory.store import MemoryStore
from tests.fakes.clock import START, FakeClock, settle
from tests.fakes.parts import Parts
from tests.fakes.records import RECEIVER, after, definition


@pytest.mark.parametrize("overflow_max", [0, 2, 4, 100])
async def test_what_finds_no_room_waits_in_the_store_and_is_sent_later(overflow_max: int) -> None:
    async with Parts(queued_max=1, overflow_max=overflow_max) as parts:
        parts.transport.hold(RECEIVER.url)
        for number in range(6):  # 2 in flight, 1 queued, 3 without room
            await parts.registry.create(definition(f"t{number}", schedule=after(1), target=RECEIVER))
        await parts.pass_time(1)
        assert len(parts.transport.requests) == 2
        parts.transport.release(RECEIVER.url)
        await parts.pass_time(5)
        assert [event.status for event in await parts.events()] == [EventStatus.DELIVERED] * 6
        assert len(parts.transport.requests) == 6


class Reads(MemoryStore):
    """Remembers which events were read whole."""

    def __init__(self) -> None:
        super().__init__()
        self.read: list[int] = []

    async def get_events(self, event_ids: Sequence[int]) -> list[Event]:
        self.read.extend(event_ids)
        return await super().get_events(event_ids)


async def test_a_backlog_to_one_host_is_not_read_again_and_holds_up_nobody() -> None:
    store = Reads()
    async with Parts(store=store, queued_max=8) as parts:
        parts.transport.hold(RECEIVER.url)
        for number in range(200):
            await parts.registry.create(definition(f"t{number}", schedule=after(1), target=RECEIVER))
        await parts.pass_time(1)
        assert (parts.deliverer.in_flight, parts.deliverer.queued) == (2, 198)
        await parts.pass_time(60)  # in which the wheel hands all of them over three times, as still due
        assert store.read == []
        healthy = replace(RECEIVER, url="http://healthy.test/")
        await parts.registry.create(definition("healthy", schedule=after(0.5), target=healthy))
        await parts.pass_time(0.5)
        assert parts.published[-1].target == healthy
        assert parts.published[-1].status is EventStatus.DELIVERED
        parts.transport.release(RECEIVER.url)
        await settle(3_000)  # no time passes: what waits moves up as places get free
        assert {event.status for event in await parts.events()} == {EventStatus.DELIVERED}
        sent = [dict(request.headers)["webhook-id"] for request in parts.transport.requests]
        assert len(sent) == len(set(sent)) == 201
        delivered = [e.id for e in parts.published if e.status is EventStatus.DELIVERED and e.target == RECEIVER]
        moved = max(abs(place - event_id) for place, event_id in enumerate(delivered, start=1))
        assert moved <= 2, "first in, first out, as far as two abreast go"
        assert len(store.read) == 196, "each that was beyond the queue once, when its turn came"


async def test_what_was_called_for_and_cannot_be_read_keeps_its_turn() -> None:
    class Failing(Reads):
        failures = 0

        async def get_events(self, event_ids: Sequence[int]) -> list[Event]:
            if self.failures:
                self.failures -= 1
                raise StorageFull("the disk is full")
            return await super().get_events(event_ids)

    store = Failing()
    async with Parts(store=store, queued_max=4) as parts:
        parts.transport.hold(RECEIVER.url)
        for number in range(20):
            await parts.registry.create(definition(f"t{number}", schedule=after(1), target=RECEIVER))
        await parts.pass_time(1)
        store.failures = 2
        parts.transport.release(RECEIVER.url)
        await parts.pass_time(4)
        assert store.failures == 0
        assert [event.status for event in await parts.events()] == [EventStatus.DELIVERED] * 20
        assert len(parts.transport.requests) == 20


async def test_events_that_are_gone_when_their_turn_comes_hold_up_nobody() -> None:
    class Losing(Reads):
        lost: frozenset[int] = frozenset()

        async def get_events(self, event_ids: Sequence[int]) -> list[Event]:
            return [event for event in await super().get_events(event_ids) if event.id not in self.lost]

    store = Losing()
    async with Parts(store=store, queued_max=4) as parts:
        parts.transport.hold(RECEIVER.url)
        for number in range(30):
            await parts.registry.create(definition(f"t{number}", schedule=after(1), target=RECEIVER))
        await parts.pass_time(1)
        store.lost = frozenset(event.id for event in (await parts.events())[5:25])
        parts.transport.release(RECEIVER.url)
        await settle(500)
        assert len(parts.transport.requests) == 10
        assert parts.deliverer.queued == 0


async def test_more_than_a_batch_due_at_one_instant_all_fire_once() -> None:
    async with Parts() as parts:
        for number in range(1_200):
            await parts.registry.create(definition(f"t{number}", schedule=after(5)))
        await parts.pass_time(5)
        await parts.dispatcher.drained()
        assert parts.dispatcher.counters.fired == 1_200
        assert len({event.trigger_id for event in parts.published}) == 1_200


async def test_a_backlog_stays_in_the_store_until_there_is_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.dispatcher.DUE_MAX", 50)
    store = MemoryStore()
    await store.open()
    dispatcher = Dispatcher(store=store, clock=FakeClock(), publish=lambda _: None)
    dispatcher.due([TimerKey(TimerKind.TRIGGER, number) for number in range(60)])
    loading = asyncio.create_task(dispatcher.load(None, START, 10))
    await settle()
    assert not loading.done()
    running = asyncio.create_task(dispatcher.run())
    assert await loading == []
    running.cancel()
    await store.close()
