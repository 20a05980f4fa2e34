"""Counts agree with the rows after whatever happened."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import combinations
from typing import Any, get_args

import pytest

from engine.model.event import Event, EventKind, EventStatus
from engine.storage.port import AggregateField, AggregateQuery, AggregateRow, EventQuery, Store
from tests.storage.examples import (
    DELIVERED,
    HOUR,
    MINUTE,
    NOON,
    RETRYING,
    add_trigger,
    attempt,
    firing,
    new_event,
)

FIELDS: tuple[AggregateField, ...] = get_args(AggregateField)


@pytest.mark.parametrize("seed", range(3))
async def test_any_history(store: Store, seed: int) -> None:
    choose = random.Random(seed)
    triggers = [(await add_trigger(store, f"t-{n}")).id for n in range(3)]
    for step in range(120):
        await _do_something(store, choose, triggers)
        if step % 40 == 39:
            await _check_against_rows(store, choose)


async def test_names_are_those_of_the_newest_events(store: Store) -> None:
    for n, name in ((0, "old"), (2, "newest"), (1, "middle")):
        await store.add_event(new_event(5, trigger_name=name, fired_at=NOON + n * MINUTE))
    newest = (await store.list_events(EventQuery(limit=1)))[0]
    expected = AggregateRow(count=3, trigger_id=5, trigger_name="newest", last_fired_at=NOON + 2 * MINUTE)
    assert await store.aggregate(AggregateQuery()) == [expected]
    await store.archive_event(newest.id)
    assert (await store.aggregate(AggregateQuery()))[0].trigger_name == "newest"


async def test_tests_count_only_when_asked_for(store: Store) -> None:
    await store.add_event(new_event(kind=EventKind.TEST))
    assert await store.aggregate(AggregateQuery()) == []
    rows = await store.aggregate(AggregateQuery(kind=(EventKind.TEST,)))
    assert rows == [AggregateRow(count=1, last_fired_at=NOON)]
    assert await store.count_events(EventQuery()) == 1


async def test_nothing_to_count(store: Store) -> None:
    for group_by in ((), ("hour",), ("trigger_id", "status")):
        assert await store.aggregate(AggregateQuery(group_by=group_by)) == []
    assert await store.aggregate(AggregateQuery(trigger_id=10**30)) == []


async def test_the_last_fire_follows_when_the_newest_hour_empties(store: Store) -> None:
    old = (await store.add_event(new_event(5))).row
    new = (await store.add_event(new_event(5, fired_at=NOON + 2 * HOUR))).row
    query = AggregateQuery(archived=False)
    assert (await store.aggregate(query))[0].last_fired_at == new.fired_at
    await store.archive_event(new.id)
    assert (await store.aggregate(query))[0].last_fired_at == old.fired_at


async def _do_something(store: Store, choose: random.Random, triggers: list[int]) -> None:
    events = await store.list_events(EventQuery(archived=None, limit=1000))
    fired_at = NOON + timedelta(minutes=choose.randrange(60 * 5))
    match choose.randrange(8):
        case 0 | 1 | 2:
            status = choose.choice(list(EventStatus))
            kind = choose.choice([EventKind.API, EventKind.MANUAL, EventKind.TEST, EventKind.REPLAY])
            trigger_id = choose.choice([*triggers, None])
            await store.add_event(new_event(trigger_id, status=status, kind=kind, fired_at=fired_at))
        case 3:
            found = await store.get_triggers(triggers)
            await store.record_firings([firing(t, every=timedelta(minutes=choose.randrange(1, 90))) for t in found])
        case 4 if events:
            await store.mark_running([event.id for event in choose.choices(events, k=4)])
        case 5 if events:
            event = choose.choice(events)
            verdict = choose.choice([DELIVERED, RETRYING, replace(DELIVERED, status=EventStatus.FAILED)])
            verdict = replace(verdict, finished_at=verdict.finished_at and event.fired_at)
            await store.record_attempt(attempt(event.id, event.attempts_made + 1), verdict)
        case 6 if events:
            await store.archive_event(choose.choice(events).id)
            await store.archive_finished_before(fired_at, choose.randrange(3))
        case 7:
            await store.delete_finished_before(fired_at, choose.randrange(3))


async def _check_against_rows(store: Store, choose: random.Random) -> None:
    events = await store.list_events(EventQuery(archived=None, limit=100_000))
    groups = [chosen for n in range(len(FIELDS) + 1) for chosen in combinations(FIELDS, n)]
    for fields in groups:
        group_by = tuple(choose.sample(fields, len(fields)))
        start = choose.choice([None, NOON + HOUR, NOON + timedelta(minutes=choose.randrange(300))])
        end = choose.choice([None, NOON + 3 * HOUR, NOON + timedelta(minutes=choose.randrange(300))])
        query = AggregateQuery(
            group_by=group_by,
            archived=choose.choice([None, True, False]),
            kind=choose.choice([(), (EventKind.TEST, EventKind.API)]),
            trigger_id=choose.choice([None, None, 1]),
            fired_from=start,
            fired_to=end,
        )
        counted = [event for event in events if _counts(event, query)]
        expected = Counter(_group(event, group_by) for event in counted)
        rows = await store.aggregate(query)
        answered = [(tuple(_cell(getattr(row, field)) for field in group_by), row.count) for row in rows]
        assert answered == sorted(expected.items()), query
        for row, (group, _) in zip(rows, answered, strict=True):
            newest = max(event.fired_at for event in counted if _group(event, group_by) == group)
            assert row.last_fired_at is not None
            assert _hour(row.last_fired_at) == _hour(newest), query
            if row.trigger_id is not None:
                assert row.trigger_name == next(e.trigger_name for e in events if e.trigger_id == row.trigger_id)
    for archived in (None, True, False):
        for status in ((), (EventStatus.RECORDED, EventStatus.FAILED)):
            expected_count = sum(archived in (None, e.archived) and (not status or e.status in status) for e in events)
            assert await store.count_events(EventQuery(archived=archived, status=status)) == expected_count


def _counts(event: Event, query: AggregateQuery) -> bool:
    return (
        (event.kind in query.kind if query.kind else event.kind is not EventKind.TEST)
        and query.archived in (None, event.archived)
        and query.trigger_id in (None, event.trigger_id)
        and (query.fired_from is None or query.fired_from <= event.fired_at)
        and (query.fired_to is None or event.fired_at < query.fired_to)
    )


def _group(event: Event, group_by: tuple[AggregateField, ...]) -> tuple[Any, ...]:
    return tuple(_cell(_hour(event.fired_at) if field == "hour" else getattr(event, field)) for field in group_by)


def _cell(value: Any) -> Any:
    return 0 if value is None else value  # so that events of no trigger can be sorted among the others


def _hour(instant: datetime) -> datetime:
    return instant.replace(minute=0, second=0, microsecond=0)
