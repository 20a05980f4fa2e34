"""Active, archived, gone; and the life of a store itself."""

from __future__ import annotations

import asyncio

import pytest

from engine.errors import NotFound, StorageClosed
from engine.model.event import EventKind, EventStatus
from engine.model.instant import MICROSECOND
from engine.storage.port import EventQuery, Store
from tests.storage.examples import (
    DELIVERED,
    HOUR,
    MINUTE,
    NOON,
    add_trigger,
    attempt,
    firing,
    new_event,
    scheduled_event,
)

HUGE = 10**30


async def test_archiving_one(store: Store) -> None:
    event = (await store.add_event(new_event())).row
    archived = await store.archive_event(event.id)
    assert archived.archived
    generation = store.generations.events
    assert await store.archive_event(event.id) == archived
    assert store.generations.events == generation, "nothing reads differently"
    assert await store.list_events(EventQuery()) == []
    assert await store.list_events(EventQuery(archived=True)) == [archived]
    for id_ in (event.id + 1, HUGE):
        with pytest.raises(NotFound):
            await store.archive_event(id_)


async def test_archiving_what_has_finished(store: Store) -> None:
    events = [(await store.add_event(new_event(fired_at=NOON + n * MINUTE))).row for n in range(5)]
    late = (await store.add_event(new_event(fired_at=NOON - HOUR, finished_at=NOON + HOUR))).row
    waiting = (await store.add_event(new_event(fired_at=NOON - HOUR, status=EventStatus.WAITING))).row
    assert await store.archive_finished_before(NOON + 3 * MINUTE, 2) == 2
    assert await _archived(store) == {events[0].id, events[1].id}
    assert await store.archive_finished_before(NOON + 3 * MINUTE, 500) == 1, "the instant itself is not before it"
    assert await store.archive_finished_before(NOON + 3 * MINUTE, 500) == 0
    assert await store.archive_finished_before(NOON + 2 * HOUR, 500) == 3
    assert await _archived(store) == {*(event.id for event in events), late.id}
    assert [e.id for e in await store.list_events(EventQuery())] == [waiting.id]


async def test_deleting_what_has_finished(store: Store) -> None:
    events = [(await store.add_event(new_event(fired_at=NOON + n * MINUTE))).row for n in range(4)]
    await store.archive_event(events[0].id)
    sent = (await store.add_event(new_event(fired_at=NOON - HOUR, status=EventStatus.WAITING))).row
    assert await store.delete_finished_before(NOON + HOUR, 2) == 2
    assert {e.id for e in await store.list_events(EventQuery(archived=None))} == {
        events[2].id, events[3].id, sent.id,
    }  # fmt: skip
    await store.record_attempt(attempt(sent.id), DELIVERED)
    assert await store.delete_finished_before(NOON + MINUTE, 10) == 0
    assert await store.delete_finished_before(NOON + MINUTE + MICROSECOND, 10) == 1
    assert await store.get_attempts(sent.id) == []
    with pytest.raises(NotFound):
        await store.get_event(sent.id)
    assert await store.delete_finished_before(NOON + HOUR, 0) == 0


async def test_giving_space_back_comes_to_an_end(store: Store) -> None:
    kept = (await store.add_event(new_event(fired_at=NOON + HOUR))).row
    await asyncio.gather(*(store.add_event(new_event(payload='"' + "x" * 20_000 + '"')) for _ in range(100)))
    assert await store.delete_finished_before(NOON + HOUR, 100) == 100
    steps = 0
    while await store.give_back_space():
        steps += 1
        assert steps < 1_000
    assert not await store.give_back_space()
    assert await store.list_events(EventQuery()) == [kept]


async def test_many_expire_while_fires_go_on(store: Store) -> None:
    await asyncio.gather(*(store.add_event(new_event(n % 5 + 1)) for n in range(700)))
    trigger = await add_trigger(store, "a", next_fire_at=NOON + HOUR)
    archived, deleted, fired, counted = await asyncio.gather(
        store.archive_finished_before(NOON + MINUTE, 500),
        store.delete_finished_before(NOON + MINUTE, 650),
        store.record_firings([firing(trigger)]),
        store.add_event(new_event(fired_at=NOON + HOUR)),
    )
    assert 0 <= archived <= 500
    assert (deleted, len(fired), counted.replayed) == (650, 1, False)
    assert len(await store.list_events(EventQuery(archived=None, limit=1000))) == 52


async def test_a_fire_that_has_expired_may_be_written_again(store: Store) -> None:
    trigger = await add_trigger(store, "a")
    for _ in range(2):
        event = (await store.add_event(scheduled_event(trigger, NOON))).row
        assert event.kind is EventKind.SCHEDULED
        assert await store.delete_finished_before(NOON + HOUR, 10) == 1


async def test_opening_and_closing_twice(store: Store) -> None:
    await store.open()
    await store.check()
    trigger = await add_trigger(store, "a")
    await store.close()
    await store.close()
    for call in (
        store.check(),
        store.get_trigger(trigger.id),
        store.list_events(EventQuery()),
        store.upcoming(None, NOON, 1),
        store.archive_finished_before(NOON, 1),
        store.give_back_space(),
        store.add_event(new_event()),
        store.remove_trigger(trigger.id),
        store.record_firings([]),
    ):
        with pytest.raises(StorageClosed):
            await call
    await store.open()
    assert await store.get_trigger(trigger.id) == trigger


async def test_what_was_handed_in_is_finished(store: Store) -> None:
    writes = [asyncio.ensure_future(store.add_event(new_event())) for _ in range(20)]
    reads = [asyncio.ensure_future(store.list_events(EventQuery())) for _ in range(100)]
    await asyncio.sleep(0)
    await store.close()
    assert len({written.row.id for written in await asyncio.gather(*writes)}) == 20
    await asyncio.gather(*reads)
    await store.open()
    assert await store.count_events(EventQuery()) == 20


async def _archived(store: Store) -> set[int]:
    return {event.id for event in await store.list_events(EventQuery(archived=True, limit=100))}
