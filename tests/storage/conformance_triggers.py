"""Saving, replacing, finding and listing triggers."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import pytest

from engine.errors import EngineError, IdempotencyConflict, NameTaken, NotFound, VersionConflict
from engine.model.instant import to_microseconds
from engine.model.schedule import AtSchedule, CronSchedule, IntervalSchedule, Schedule
from engine.model.trigger import (
    Misfire,
    MisfirePolicy,
    OverlapPolicy,
    RetryPolicy,
    Target,
    Trigger,
    TriggerState,
    TriggerType,
)
from engine.storage.port import IdempotencyKey, Store, TriggerQuery, TriggerSort
from tests.storage.examples import HOUR, MINUTE, NOON, TARGET, add_trigger, definition, new_event

HUGE = 10**30
KEY = IdempotencyKey(scope="create", key="k-1", fingerprint="aa")


@pytest.mark.parametrize(
    "schedule",
    [
        AtSchedule(at=datetime(2026, 12, 1, 9, 0, 0, 123456, tzinfo=UTC), timezone="Europe/Berlin"),
        IntervalSchedule(every=timedelta(milliseconds=1500), anchor=NOON),
        CronSchedule(expression="30 2 * * MON-FRI", timezone="America/New_York"),
    ],
)
async def test_everything_comes_back_as_it_was_saved(store: Store, schedule: Schedule) -> None:
    saved = definition(
        "name 🕰 \x00 'quoted'",
        description="line\nline",
        tags=("billing", "ü", 'with "quotes"'),
        schedule=schedule,
        payload='{ "z": 9223372036854775808, "a" : 1.0,\t"emoji": "🎉", "e":"\\u00e9" }',
        payload_schema='{"type":  "object"}',
        target=Target(url="https://x.example/ü?a=b", headers=(("B", "2"), ("A", "1")), success_codes=(200, 404)),
        retry=RetryPolicy(attempts_max=3, first_delay_ms=1),
        misfire=Misfire(policy=MisfirePolicy.LATEST, window=timedelta(hours=1)),
        overlap=OverlapPolicy.SKIP,
    )
    at = NOON + timedelta(microseconds=1)
    made = (await store.add_trigger(saved, state=TriggerState.ACTIVE, next_fire_at=at, now=NOON)).row
    assert made.definition == saved
    assert (made.version, made.next_fire_at, made.created_at, made.updated_at) == (1, at, NOON, NOON)
    assert await store.get_trigger(made.id) == made
    assert await store.find_trigger(saved.name) == made
    assert await store.get_triggers([made.id, made.id + 1]) == [made]
    paused = replace(
        made,
        state=TriggerState.PAUSED,
        state_reason="because",
        paused_until=NOON + HOUR,
        next_fire_at=None,
        updated_at=NOON + MINUTE,
    )
    assert await store.replace_trigger(paused, seen=made) == replace(paused, version=2)
    assert await store.get_trigger(made.id) == replace(paused, version=2)


async def test_a_bare_trigger(store: Store) -> None:
    bare = definition("bare", type=TriggerType.API, schedule=None)
    made = (await store.add_trigger(bare, state=TriggerState.ACTIVE, next_fire_at=None, now=NOON)).row
    assert await store.get_trigger(made.id) == made
    assert made.definition == bare


async def test_what_is_not_there(store: Store) -> None:
    trigger = await add_trigger(store, "a")
    for id_ in (trigger.id + 1, 0, -1, HUGE, -HUGE):
        with pytest.raises(NotFound):
            await store.get_trigger(id_)
        with pytest.raises(NotFound):
            await store.remove_trigger(id_)
        with pytest.raises(NotFound):
            await store.replace_trigger(replace(trigger, id=id_), seen=trigger)
    with pytest.raises(NotFound):
        await store.find_trigger("A")
    assert await store.get_triggers([HUGE]) == []


async def test_names_are_unique(store: Store) -> None:
    first = await add_trigger(store, "first")
    second = await add_trigger(store, "second")
    with pytest.raises(NameTaken):
        await add_trigger(store, "first")
    with pytest.raises(NameTaken):
        await store.replace_trigger(replace(second, definition=definition("first")), seen=second)
    assert await store.get_trigger(second.id) == second
    await store.replace_trigger(replace(first, definition=definition("third")), seen=first)
    assert (await add_trigger(store, "first")).name == "first"
    with pytest.raises(NotFound):
        await store.find_trigger("second ")


async def test_one_name_taken_among_many_that_come_together(store: Store) -> None:
    await add_trigger(store, "t-25")
    names = [f"t-{n}" for n in range(50)] + ["t-7"]
    results = await asyncio.gather(*(add_trigger(store, name) for name in names), return_exceptions=True)
    failed = [name for name, result in zip(names, results, strict=True) if isinstance(result, NameTaken)]
    assert failed == ["t-25", "t-7"]
    assert all(isinstance(result, Trigger | NameTaken) for result in results)
    assert await store.count_triggers(TriggerQuery()) == 50


async def test_an_idempotency_key_answers_what_it_made(store: Store) -> None:
    async def add(name: str, key: IdempotencyKey) -> tuple[Trigger, bool]:
        written = await store.add_trigger(
            definition(name), state=TriggerState.ACTIVE, next_fire_at=NOON, now=NOON, idempotency=key
        )
        return written.row, written.replayed

    both = await asyncio.gather(add("a", KEY), add("a", KEY))
    made = both[0][0]
    assert sorted(both, key=lambda written: written[1]) == [(made, False), (made, True)]
    changed = await store.replace_trigger(replace(made, state_reason="x"), seen=made)
    assert await add("a", KEY) == (changed, True)
    with pytest.raises(IdempotencyConflict):
        await add("a", replace(KEY, fingerprint="bb"))
    assert (await add("b", replace(KEY, scope="other")))[1] is False
    await store.remove_trigger(made.id)
    with pytest.raises(NotFound):
        await add("a", KEY)


async def test_a_key_is_not_kept_when_its_write_failed(store: Store) -> None:
    taken = await add_trigger(store, "a")
    with pytest.raises(NameTaken):
        await store.add_trigger(
            definition("a"), state=TriggerState.ACTIVE, next_fire_at=None, now=NOON, idempotency=KEY
        )
    await store.remove_trigger(taken.id)
    written = await store.add_trigger(
        definition("a"), state=TriggerState.ACTIVE, next_fire_at=None, now=NOON, idempotency=KEY
    )
    assert not written.replayed


@pytest.mark.parametrize(
    "stale",
    [{"version": 2}, {"state": TriggerState.PAUSED}, {"next_fire_at": NOON + MINUTE}, {"next_fire_at": None}],
)
async def test_a_trigger_that_changed_is_not_overwritten(store: Store, stale: dict[str, object]) -> None:
    saved = await add_trigger(store, "a")
    changed = replace(saved, state_reason="mine")
    with pytest.raises(VersionConflict):
        await store.replace_trigger(changed, seen=replace(saved, **stale))  # type: ignore[arg-type]
    assert await store.get_trigger(saved.id) == saved


async def test_of_two_that_replace_one_wins(store: Store) -> None:
    saved = await add_trigger(store, "a")
    results: list[Trigger | BaseException] = await asyncio.gather(
        *(store.replace_trigger(replace(saved, state_reason=str(n)), seen=saved) for n in range(5)),
        return_exceptions=True,
    )
    assert sum(isinstance(result, VersionConflict) for result in results) == 4
    assert (await store.get_trigger(saved.id)).version == 2


async def test_replacing_keeps_the_last_fire(store: Store) -> None:
    saved = await add_trigger(store, "a")
    await store.add_event(new_event(saved.id))
    replaced = await store.replace_trigger(saved, seen=saved)
    assert replaced.last_fired_at == NOON


async def test_removing_leaves_the_events(store: Store) -> None:
    saved = await add_trigger(store, "a")
    event = (await store.add_event(new_event(saved.id))).row
    with pytest.raises(VersionConflict):
        await store.remove_trigger(saved.id, version=2)
    with pytest.raises(VersionConflict):
        await store.remove_trigger(saved.id, version=HUGE)
    await store.remove_trigger(saved.id, version=1)
    with pytest.raises(EngineError):
        await store.get_trigger(saved.id)
    assert await store.get_event(event.id) == event


async def test_an_id_is_never_used_twice(store: Store) -> None:
    seen = set()
    for n in range(5):
        made = await add_trigger(store, f"t-{n}")
        assert made.id not in seen
        seen.add(made.id)
        await store.remove_trigger(made.id)


async def test_listing_in_every_order_page_by_page(store: Store) -> None:
    await _add_various(store)
    sorts: tuple[TriggerSort, ...] = (
        "id", "name", "created_at", "updated_at", "next_fire_at", "last_fired_at",
    )  # fmt: skip
    for sort, descending in product(sorts, (False, True)):
        whole = await store.list_triggers(TriggerQuery(sort=sort, descending=descending))
        values = [getattr(trigger, sort) for trigger in whole]
        some = [(v, t.id) for v, t in zip(values, whole, strict=True) if v is not None]
        none = [t.id for v, t in zip(values, whole, strict=True) if v is None]
        assert values[len(some) :] == [None] * len(none)
        assert some == sorted(some, reverse=descending)
        assert none == sorted(none, reverse=descending)
        assert len(whole) == 12
        pages: list[Trigger] = []
        after = None
        while page := await store.list_triggers(TriggerQuery(sort=sort, descending=descending, limit=5, after=after)):
            assert len(page) <= 5
            pages += page
            value = getattr(page[-1], sort)
            after = (to_microseconds(value) if isinstance(value, datetime) else value, page[-1].id)
        assert pages == whole


async def test_filters(store: Store) -> None:
    await _add_various(store)
    for query, expected in (
        (TriggerQuery(type=TriggerType.API), ["t-10", "t-11"]),
        (TriggerQuery(state=TriggerState.PAUSED), ["t-9"]),
        (TriggerQuery(tag="even"), ["t-0", "t-2", "t-4", "t-6", "t-8"]),
        (TriggerQuery(tag="eve"), []),
        (TriggerQuery(text="T-1"), ["t-1", "t-10", "t-11"]),
        (TriggerQuery(text="ÜBER_"), ["t-10"]),
        (TriggerQuery(text="EVEN"), ["t-0", "t-2", "t-4", "t-6", "t-8"]),
        (TriggerQuery(text="receiver.example/H"), ["t-11"]),
        (TriggerQuery(text="%"), []),
        (TriggerQuery(text="\x00"), []),
        (TriggerQuery(text="t-1", type=TriggerType.SCHEDULED), ["t-1"]),
    ):
        assert [trigger.name for trigger in await store.list_triggers(query)] == expected, query
        assert await store.count_triggers(query) == len(expected), query


async def test_a_count_is_of_all_pages(store: Store) -> None:
    await _add_various(store)
    assert await store.count_triggers(TriggerQuery(limit=3, after=(5, 5))) == 12


async def test_trigger_numbers_that_no_database_can_hold(store: Store) -> None:
    await _add_various(store)
    assert await store.list_triggers(TriggerQuery(after=(HUGE, HUGE))) == []
    assert len(await store.list_triggers(TriggerQuery(after=(-HUGE, -HUGE), limit=HUGE))) == 12
    assert await store.list_triggers(TriggerQuery(limit=-1)) == []


async def _add_various(store: Store) -> None:
    """Twelve triggers with ties, gaps and one of each kind."""
    for n in range(10):
        trigger = await add_trigger(
            store,
            f"t-{n}",
            next_fire_at=NOON + (n % 3) * MINUTE if n < 7 else None,
            now=NOON + (n // 2) * MINUTE,
            tags=("even", "x") if n % 2 == 0 else ("odd",),
        )
        if n % 4 == 1:
            await store.add_event(new_event(trigger.id, fired_at=NOON + (n % 2) * HOUR))
        if n == 9:
            saved = await store.get_trigger(trigger.id)
            await store.replace_trigger(replace(saved, state=TriggerState.PAUSED), seen=saved)
    api: dict[str, Any] = {"type": TriggerType.API, "schedule": None, "next_fire_at": None}
    await add_trigger(store, "t-10", description="drüber_weg", **api)
    await add_trigger(store, "t-11", target=TARGET, **api)
