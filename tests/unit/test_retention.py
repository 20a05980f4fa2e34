"""Active -> archived -> deleted, by the clock."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import pytest

from engine.errors import NotFound, StorageError
from engine.model.event import Event, EventKind, fired_event
from engine.retention import BATCH, PAUSE_S, ROUND_S, Retention
from engine.storage.memory.store import MemoryStore
from engine.storage.port import EventQuery
from tests.fakes.clock import START, FakeClock, settle
from tests.fakes.records import RECEIVER

HOUR = 3600.0


class Ledger(MemoryStore):
    """Notes the batches, and can refuse."""

    def __init__(self) -> None:
        super().__init__()
        self.batches: list[int] = []
        self.refuses = False
        self.steps_to_give_back = 0

    async def give_back_space(self) -> bool:
        self.steps_to_give_back -= 1
        return self.steps_to_give_back > 0

    async def archive_finished_before(self, instant: datetime, limit: int) -> int:
        if self.refuses:
            raise StorageError("no")
        self.batches.append(limit)
        return await super().archive_finished_before(instant, limit)


@pytest.fixture
async def store() -> AsyncIterator[Ledger]:
    ledger = Ledger()
    await ledger.open()
    yield ledger
    await ledger.close()


def retention_of(store: Ledger, clock: FakeClock, published: list[Event] | None = None) -> Retention:
    return Retention(
        store=store,
        clock=clock,
        active=timedelta(hours=2),
        retention=timedelta(hours=48),
        publish=([] if published is None else published).append,
    )


async def add(store: Ledger, *, sends: bool = False) -> Event:
    draft = fired_event(
        trigger_id=1,
        trigger_name="t",
        kind=EventKind.MANUAL,
        details="x",
        scheduled_for=START,
        fired_at=START,
        payload=None,
        target=RECEIVER if sends else None,
        retry=None,
    )
    return (await store.add_event(draft)).row


async def counts(store: Ledger) -> tuple[int, int]:
    """(active, archived)"""
    active = await store.list_events(EventQuery(archived=False, limit=1_000))
    return len(active), len(await store.list_events(EventQuery(archived=True, limit=1_000)))


async def test_active_for_two_hours_archived_until_48_then_gone(store: Ledger) -> None:
    clock = FakeClock()
    await add(store)
    running = asyncio.create_task(retention_of(store, clock).run())
    await settle()
    await clock.advance(2 * HOUR - ROUND_S)
    assert await counts(store) == (1, 0)
    await clock.advance(2 * ROUND_S)
    assert await counts(store) == (0, 1)
    await clock.advance(46 * HOUR - 2 * ROUND_S)
    assert await counts(store) == (0, 1)
    await clock.advance(2 * ROUND_S)
    assert await counts(store) == (0, 0)
    running.cancel()


async def test_what_is_not_delivered_yet_does_not_expire(store: Ledger) -> None:
    clock = FakeClock()
    await add(store, sends=True)
    await clock.advance(100 * HOUR)
    await retention_of(store, clock).round()
    assert await counts(store) == (1, 0)


async def test_it_works_in_batches_with_pauses(store: Ledger) -> None:
    clock = FakeClock()
    await asyncio.gather(*(add(store) for _ in range(BATCH + 10)))
    await clock.advance(3 * HOUR)
    running = asyncio.create_task(retention_of(store, clock).round())
    await settle()
    assert await counts(store) == (10, BATCH), "after one batch it pauses"
    await clock.advance(1)
    await running
    assert await counts(store) == (0, BATCH + 10)
    assert set(store.batches) == {BATCH}


async def test_space_is_given_back_with_pauses_also_when_nothing_was_deleted(store: Ledger) -> None:
    clock = FakeClock()
    store.steps_to_give_back = 10
    running = asyncio.create_task(retention_of(store, clock).round())
    await settle()
    assert store.steps_to_give_back == 9, "after one step it pauses"
    for left in range(8, -1, -1):
        await clock.advance(PAUSE_S)
        assert store.steps_to_give_back == left
    await running


async def test_giving_back_does_not_keep_events_from_expiring(store: Ledger) -> None:
    clock = FakeClock()
    store.steps_to_give_back = 1_000_000
    running = asyncio.create_task(retention_of(store, clock).round())
    for _ in range(4):
        await settle()
        await clock.advance(ROUND_S / 3)
    assert running.done(), "the rest is left to the next round"
    await running


async def test_after_an_error_it_goes_on_later(store: Ledger) -> None:
    clock = FakeClock(START + timedelta(hours=3))
    await add(store)
    store.refuses = True
    running = asyncio.create_task(retention_of(store, clock).run())
    await settle()
    store.refuses = False
    await clock.advance(ROUND_S)
    assert await counts(store) == (1, 0), "it waits longer than usual"
    await clock.advance(ROUND_S)
    assert await counts(store) == (0, 1)
    running.cancel()


async def test_archiving_by_hand(store: Ledger) -> None:
    published: list[Event] = []
    retention = retention_of(store, FakeClock(), published)
    event = await add(store)
    assert (await retention.archive(event.id)).archived
    assert (await retention.archive(event.id)).archived, "twice is harmless"
    assert published[0].id == event.id
    with pytest.raises(NotFound):
        await retention.archive(event.id + 1)
