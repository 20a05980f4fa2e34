"""Attempts and what they mean."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from engine.errors import NotFound
from engine.model.delivery import Exchange, Outcome
from engine.model.event import Event, EventStatus
from engine.storage.port import Store
from tests.storage.examples import DELIVERED, MINUTE, NOON, RETRYING, attempt, new_event

HUGE = 10**30


async def _waiting(store: Store, payload: str | None = '{"a": 1}') -> Event:
    return (await store.add_event(new_event(3, status=EventStatus.WAITING, payload=payload))).row


async def test_running(store: Store) -> None:
    waiting, retrying, done = await _waiting(store), await _waiting(store), await _waiting(store)
    retrying = await store.record_attempt(attempt(retrying.id), RETRYING)
    done = await store.record_attempt(attempt(done.id), DELIVERED)
    await store.mark_running([waiting.id, retrying.id, done.id, HUGE])
    assert await store.get_event(waiting.id) == replace(waiting, status=EventStatus.RUNNING)
    assert await store.get_event(retrying.id) == replace(retrying, status=EventStatus.RUNNING)
    assert await store.get_event(done.id) == done
    await store.mark_running([])


async def test_attempts_until_delivered(store: Store) -> None:
    event = await _waiting(store)
    await store.mark_running([event.id])
    first, second = attempt(event.id), attempt(event.id, 2, outcome=Outcome.SUCCEEDED, error=None)
    after = await store.record_attempt(first, RETRYING)
    assert after == replace(
        event,
        status=EventStatus.RETRYING,
        reason="bad_status",
        details="Answered 503.",
        attempts_made=1,
        next_attempt_at=NOON + MINUTE,
    )
    assert await store.get_event(event.id) == after
    done = await store.record_attempt(second, DELIVERED)
    assert (done.status, done.reason, done.attempts_made) == (EventStatus.DELIVERED, None, 2)
    assert (done.finished_at, done.next_attempt_at) == (NOON + MINUTE, None)
    assert await store.get_event(event.id) == done
    recorded = await store.get_attempts(event.id)
    assert [a.number for a in recorded] == [1, 2]
    body = replace(first.exchange.request, body=b'{"a": 1}')
    assert recorded[0] == replace(first, exchange=replace(first.exchange, request=body))
    assert await store.undelivered([3]) == set()


async def test_attempts_that_had_no_answer(store: Store) -> None:
    event = await _waiting(store, payload=None)
    made = attempt(event.id, outcome=Outcome.TIMEOUT, response=None, error="No answer within 15 s. \x00")
    await store.record_attempt(made, RETRYING)
    assert await store.get_attempts(event.id) == [made]


async def test_headers_that_are_no_text(store: Store) -> None:
    event = await _waiting(store, payload=None)
    made = attempt(event.id)
    response = made.exchange.response
    assert response is not None
    odd = replace(response, headers=(("X", "caf\udce9"), ("X", 'a"b'), ("Set-Cookie", "🎉\x00")), body=b"")
    made = replace(made, exchange=replace(made.exchange, response=odd))
    await store.record_attempt(made, RETRYING)
    assert await store.get_attempts(event.id) == [made]


async def test_the_same_attempt_again_changes_nothing(store: Store) -> None:
    event = await _waiting(store)
    first = await store.record_attempt(attempt(event.id), RETRYING)
    assert await store.record_attempt(attempt(event.id), DELIVERED) == first
    assert await store.get_event(event.id) == first
    assert len(await store.get_attempts(event.id)) == 1
    twice = await asyncio.gather(*(store.record_attempt(attempt(event.id, 2), DELIVERED) for _ in range(3)))
    assert {after.attempts_made for after in twice} == {2}


async def test_an_event_that_is_gone(store: Store) -> None:
    event = await _waiting(store)
    results: list[Event | BaseException] = await asyncio.gather(
        *(store.record_attempt(attempt(id_), DELIVERED) for id_ in (event.id, event.id + 1, HUGE)),
        return_exceptions=True,
    )
    assert isinstance(results[0], Event)
    assert [type(result) for result in results[1:]] == [NotFound, NotFound]
    with pytest.raises(NotFound):
        await store.get_event(HUGE)
    assert await store.get_attempts(HUGE) == []
    assert await store.get_attempts(event.id + 1) == []
    assert await store.get_events([event.id + 1, HUGE]) == []


async def test_hundreds_at_once(store: Store) -> None:
    events = await asyncio.gather(*(_waiting(store) for _ in range(300)))
    done = await asyncio.gather(*(store.record_attempt(attempt(event.id), DELIVERED) for event in events))
    assert [event.id for event in done] == [event.id for event in events]
    assert sorted(await store.get_events([e.id for e in events]), key=lambda e: e.id) == done
    exchange: Exchange = (await store.get_attempts(events[299].id))[0].exchange
    assert exchange.timing.wait_ms == 3.125
