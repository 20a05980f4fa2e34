"""Scheduled fires, events by call, and what the timers are told."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from engine.errors import IdempotencyConflict
from engine.model.event import EventKind, EventStatus
from engine.model.instant import MICROSECOND
from engine.model.timer import TimerKey, TimerKind
from engine.model.trigger import TriggerState
from engine.storage.port import EventQuery, IdempotencyKey, Store
from tests.storage.examples import (
    HOUR,
    MINUTE,
    NOON,
    add_trigger,
    attempt,
    firing,
    new_event,
    scheduled_event,
)
from tests.storage.examples import RETRYING as RETRY_LATER

HUGE = 10**30


async def test_a_fire_is_written_and_the_trigger_moves_on(store: Store) -> None:
    trigger = await add_trigger(store, "a")
    [events] = await store.record_firings([firing(trigger)])
    assert events is not None
    assert [event.scheduled_for for event in events] == [NOON]
    assert await store.get_event(events[0].id) == events[0]
    moved = await store.get_trigger(trigger.id)
    assert moved == replace(trigger, next_fire_at=NOON + MINUTE, last_fired_at=NOON)
    assert await store.upcoming(None, NOON + HOUR, 10) == [(TimerKey(TimerKind.TRIGGER, trigger.id), NOON + MINUTE)]


@pytest.mark.parametrize("stale", [{"version": 2}, {"due_at": NOON + MICROSECOND}, {"trigger_id": HUGE}])
async def test_a_trigger_that_changed_does_not_fire(store: Store, stale: dict[str, object]) -> None:
    trigger, other = await add_trigger(store, "a"), await add_trigger(store, "b")
    results = await store.record_firings([replace(firing(trigger), **stale), firing(other)])  # type: ignore[arg-type]
    assert results[0] is None
    assert results[1] is not None
    assert await store.get_trigger(trigger.id) == trigger
    assert [e.trigger_id for e in await store.list_events(EventQuery())] == [other.id]


async def test_a_paused_trigger_does_not_fire(store: Store) -> None:
    trigger = await add_trigger(store, "a")
    paused = await store.replace_trigger(replace(trigger, state=TriggerState.PAUSED), seen=trigger)
    assert await store.record_firings([firing(paused)]) == [None]


async def test_a_fire_happens_once(store: Store) -> None:
    trigger = await add_trigger(store, "a")
    results = await asyncio.gather(*(store.record_firings([firing(trigger)]) for _ in range(5)))
    assert sorted(answer is None for [answer] in results) == [False, True, True, True, True]
    assert len(await store.list_events(EventQuery())) == 1


async def test_two_fires_of_one_trigger_in_a_batch(store: Store) -> None:
    trigger = await add_trigger(store, "a")
    second = replace(trigger, next_fire_at=NOON + MINUTE)
    results = await store.record_firings([firing(trigger), firing(second), firing(trigger)])
    assert [None if events is None else len(events) for events in results] == [1, 1, None]
    assert (await store.get_trigger(trigger.id)).next_fire_at == NOON + 2 * MINUTE


async def test_a_fire_in_the_ledger_is_left_out_and_the_trigger_moves_on(store: Store) -> None:
    trigger = await add_trigger(store, "a")
    await store.record_firings([firing(trigger)])
    moved = await store.get_trigger(trigger.id)
    back = await store.replace_trigger(replace(moved, next_fire_at=NOON), seen=moved)
    later = scheduled_event(trigger, NOON + MINUTE)
    again = replace(firing(back), events=(scheduled_event(trigger, NOON), later), next_fire_at=NOON + 2 * MINUTE)
    [events] = await store.record_firings([again])
    assert events is not None
    assert [event.scheduled_for for event in events] == [NOON + MINUTE]
    assert (await store.get_trigger(trigger.id)).next_fire_at == NOON + 2 * MINUTE
    assert len(await store.list_events(EventQuery())) == 2


async def test_the_last_fire_completes(store: Store) -> None:
    trigger = await add_trigger(store, "a")
    await store.record_firings([firing(trigger, next_fire_at=None, state=TriggerState.COMPLETED)])
    done = await store.get_trigger(trigger.id)
    assert (done.state, done.next_fire_at, done.last_fired_at) == (TriggerState.COMPLETED, None, NOON)
    assert await store.upcoming(None, NOON + HOUR, 10) == []


async def test_a_skipped_fire_is_no_last_fire(store: Store) -> None:
    trigger = await add_trigger(store, "a")
    skipped = scheduled_event(trigger, NOON, status=EventStatus.SKIPPED, reason="overlap")
    [events] = await store.record_firings([firing(trigger, events=(skipped,), fired=False)])
    assert events is not None
    assert (await store.get_trigger(trigger.id)).last_fired_at is None
    assert (await store.get_event(events[0].id)).reason == "overlap"


async def test_thousands_at_once_keep_their_order(store: Store) -> None:
    triggers = await asyncio.gather(*(add_trigger(store, f"t-{n}") for n in range(600)))
    results = await store.record_firings([firing(trigger) for trigger in triggers])
    assert [events[0].trigger_id for events in results if events] == [trigger.id for trigger in triggers]
    ids = [events[0].id for events in results if events]
    assert ids == sorted(set(ids))
    stored = {event.id: event for event in await store.get_events(ids)}
    assert [stored[id_].trigger_name for id_ in ids] == [f"t-{n}" for n in range(600)]


async def test_an_event_by_call(store: Store) -> None:
    trigger = await add_trigger(store, "a")
    event = (await store.add_event(new_event(trigger.id))).row
    assert await store.get_event(event.id) == event
    assert await store.get_trigger(trigger.id) == replace(trigger, last_fired_at=NOON)
    for fields in ({"status": EventStatus.SKIPPED}, {"kind": EventKind.TEST}):
        await store.add_event(new_event(trigger.id, fired_at=NOON + HOUR, **fields))
    assert (await store.get_trigger(trigger.id)).last_fired_at == NOON
    await store.add_event(new_event(trigger.id, fired_at=NOON - HOUR))
    assert (await store.get_trigger(trigger.id)).last_fired_at == NOON


async def test_an_idempotency_key_answers_the_event_it_made(store: Store) -> None:
    key = IdempotencyKey(scope="fire:1", key="\x00🎉", fingerprint="aa")
    made = await store.add_event(new_event(1, status=EventStatus.WAITING), idempotency=key)
    await store.mark_running([made.row.id])
    again = await store.add_event(new_event(1), idempotency=key)
    assert again.replayed
    assert again.row == replace(made.row, status=EventStatus.RUNNING)
    with pytest.raises(IdempotencyConflict):
        await store.add_event(new_event(1), idempotency=replace(key, fingerprint="bb"))
    assert len(await store.list_events(EventQuery())) == 1
    await store.record_attempt(
        attempt(made.row.id), replace(RETRY_LATER, status=EventStatus.FAILED, finished_at=NOON, next_attempt_at=None)
    )
    await store.delete_finished_before(NOON + MICROSECOND, 10)
    assert not (await store.add_event(new_event(1), idempotency=key)).replayed, "keys expire with the events"


async def test_texts_survive_byte_for_byte(store: Store) -> None:
    texts = ['{ "b":1 , "a":9223372036854775808.0 }', '"\\u0000 \\ud83c\\udf89 🎉"', "1e400", " null ", '"x"' * 9]
    made = await asyncio.gather(
        *(store.add_event(new_event(payload=t, details=t + "\x00", trigger_name=t)) for t in texts)
    )
    for written, text in zip(made, texts, strict=True):
        event = await store.get_event(written.row.id)
        assert (event.payload, event.details, event.trigger_name) == (text, text + "\x00", text)
    listed = await store.list_events(EventQuery())
    assert {event.payload for event in listed} == set(texts)


async def test_upcoming(store: Store) -> None:
    first = await add_trigger(store, "a", next_fire_at=NOON + MINUTE)
    await add_trigger(store, "never", next_fire_at=None)
    paused = await add_trigger(store, "paused", next_fire_at=NOON)
    until = NOON + 2 * MINUTE
    await store.replace_trigger(
        replace(paused, state=TriggerState.PAUSED, paused_until=until, next_fire_at=None), seen=paused
    )
    event = (await store.add_event(new_event(status=EventStatus.WAITING, fired_at=NOON + MINUTE))).row
    await store.mark_running([event.id])
    await store.add_event(new_event())
    expected = [
        (TimerKey(TimerKind.TRIGGER, first.id), NOON + MINUTE),
        (TimerKey(TimerKind.DELIVERY, event.id), NOON + MINUTE),
        (TimerKey(TimerKind.TRIGGER, paused.id), until),
    ]
    assert await store.upcoming(None, NOON + HOUR, 10) == expected
    assert await store.upcoming(NOON + MINUTE - MICROSECOND, until, 10) == expected
    assert await store.upcoming(NOON + MINUTE, until, 10) == expected[2:]
    assert await store.upcoming(None, until - MICROSECOND, 10) == expected[:2]


async def test_upcoming_is_never_cut_within_an_instant(store: Store) -> None:
    triggers = [await add_trigger(store, f"t-{n}", next_fire_at=NOON + (n // 4) * MINUTE) for n in range(12)]
    await store.add_event(new_event(status=EventStatus.WAITING))
    assert [len(await store.upcoming(None, NOON + HOUR, limit)) for limit in (0, 1, 4, 5, 6, 9, 10, 13, 99)] == [
        0, 5, 5, 5, 9, 9, 13, 13, 13,
    ]  # fmt: skip
    seen: list[TimerKey] = []
    after = None
    while page := await store.upcoming(after, NOON + HOUR, 3):
        seen += [key for key, _ in page]
        after = page[-1][1]
    assert len(seen) == len(set(seen)) == 13
    assert {key.id for key in seen if key.kind is TimerKind.TRIGGER} == {trigger.id for trigger in triggers}


async def test_undelivered(store: Store) -> None:
    for trigger_id, status in enumerate(EventStatus, start=1):
        await store.add_event(new_event(trigger_id, status=status))
    assert await store.undelivered([*range(1, 20), HUGE]) == {1, 2, 3}
    assert await store.undelivered([2, 7]) == {2}
    assert await store.undelivered([]) == set()


async def test_generations_move_before_the_caller_goes_on(store: Store) -> None:
    seen = store.generations
    before = (seen.triggers, seen.events)
    trigger = await add_trigger(store, "a")
    assert (seen.triggers > before[0], seen.events) == (True, before[1])
    before = (seen.triggers, seen.events)
    await store.record_firings([firing(trigger)])
    assert seen.triggers > before[0]
    assert seen.events > before[1]
    before = (seen.triggers, seen.events)
    await store.record_firings([firing(trigger)])
    assert (seen.triggers, seen.events) == before, "nothing was written"
    event = (await store.add_event(new_event(trigger.id, status=EventStatus.WAITING))).row
    for write in (
        store.mark_running([event.id]),
        store.record_attempt(attempt(event.id), RETRY_LATER),
        store.archive_event(event.id),
    ):
        before = (seen.triggers, seen.events)
        await write
        assert seen.events > before[1]
    before = (seen.triggers, seen.events)
    await store.remove_trigger(trigger.id)
    assert seen.triggers > before[0]


async def test_an_event_id_is_never_used_twice(store: Store) -> None:
    seen: set[int] = set()
    for n in range(3):
        event = (await store.add_event(new_event(fired_at=NOON + timedelta(seconds=n)))).row
        assert event.id not in seen
        seen.add(event.id)
        assert await store.delete_finished_before(NOON + HOUR, 10) == 1
