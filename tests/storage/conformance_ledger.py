"""Reading the ledger."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta
from typing import Any

from engine.model.event import Event, EventKind, EventStatus
from engine.model.instant import MICROSECOND, to_microseconds
from engine.storage.port import EventQuery, Store
from tests.storage.examples import HOUR, MINUTE, NOON, new_event

HUGE = 10**30
OPEN = (EventStatus.WAITING, EventStatus.RETRYING)


async def _fill(store: Store) -> list[Event]:
    """Sixty events, newest first: many share an instant, a third is archived."""
    choose = random.Random(7)
    events = []
    for n in range(60):
        fields = {
            "status": choose.choice(list(EventStatus)),
            "kind": choose.choice([EventKind.API, EventKind.MANUAL, EventKind.TEST]),
            "fired_at": NOON + choose.randrange(12) * MINUTE,
            "payload": f'{{"n": {n}, "Größe": "100%"}}',
        }
        event = (await store.add_event(new_event(choose.choice([1, 2, None]), **fields))).row
        if n % 3 == 0:
            event = await store.archive_event(event.id)
        events.append(event)
    return sorted(events, key=lambda event: (event.fired_at, event.id), reverse=True)


async def test_newest_first_by_page_and_by_cursor(store: Store) -> None:
    events = await _fill(store)
    queries = (
        EventQuery(archived=None),
        EventQuery(),
        EventQuery(archived=True),
        EventQuery(archived=None, trigger_id=1),
        EventQuery(trigger_id=2, status=(EventStatus.FAILED, EventStatus.RECORDED)),
        EventQuery(archived=None, status=OPEN),
        EventQuery(archived=None, status=(EventStatus.FAILED, EventStatus.FAILED)),
        EventQuery(archived=None, status=(EventStatus.FAILED, EventStatus.DELIVERED)),
        EventQuery(archived=None, kind=(EventKind.TEST, EventKind.MANUAL)),
        EventQuery(archived=None, fired_from=NOON + 3 * MINUTE, fired_to=NOON + 7 * MINUTE),
    )
    for query in queries:
        expected = [event for event in events if _matches(event, query)]
        assert expected, "a query that finds nothing tests nothing"
        assert await _by_offset(store, query) == expected, query
        assert await _by_cursor(store, query) == expected, query
        counted = await store.count_events(query)
        if query.fired_from is None:
            assert counted == len(expected), query
        else:
            assert counted is None


async def test_ends_of_a_range(store: Store) -> None:
    await store.add_event(new_event())
    for query, expected in (
        (EventQuery(fired_from=NOON), 1),
        (EventQuery(fired_from=NOON + MICROSECOND), 0),
        (EventQuery(fired_to=NOON), 0),
        (EventQuery(fired_to=NOON + MICROSECOND), 1),
    ):
        assert len(await store.list_events(query)) == expected, query


async def test_by_name_and_text(store: Store) -> None:
    await store.add_event(new_event(1, trigger_name="Report", details="Called by Ü.", payload='{"x": "50%_off"}'))
    await store.add_event(new_event(2, trigger_name="report 2", status=EventStatus.SKIPPED, reason="overlap"))
    for query, expected in (
        (EventQuery(trigger_name="Report"), 1),
        (EventQuery(trigger_name="report"), 0),
        (EventQuery(text="REPORT"), 2),
        (EventQuery(text="by Ü"), 1),
        (EventQuery(text="BY ü."), 1),
        (EventQuery(text="y ü.*"), 0),
        (EventQuery(text="?ü"), 0),
        (EventQuery(text="50%_OFF"), 1),
        (EventQuery(text="50__off"), 0),
        (EventQuery(text="%"), 1),
        (EventQuery(text="OVERlap"), 1),
        (EventQuery(text="\x00"), 0),
        (EventQuery(text="report", trigger_id=2), 1),
    ):
        assert len(await store.list_events(query)) == expected, query
        assert await store.count_events(query) is None


async def test_text_without_case_in_any_alphabet(store: Store) -> None:
    text = "Ölpreis [früh] *Straße* ΟΔΥΣΣΕΥΣ ОТЧЁТ 100^2 a-ö] ?"
    await store.add_event(new_event(details=text))
    needles = ("öLPREIS", "ÖLP", "FRÜH]", "[FRÜ", "*STRAẞE*", "οδυσσευς", "οδυσσευσ", "отчёт 100^2", "-Ö] ?")
    for needle in (*needles, text.upper().replace("SS", "ẞ", 1), text.lower()):
        assert len(await store.list_events(EventQuery(text=needle))) == 1, needle
    for needle in ("ölpreiß", "fr?üh", "*ö", "[ö]", "[^ü]", "a-ü", "ö\0", "отчет"):
        assert await store.list_events(EventQuery(text=needle)) == [], needle


async def test_event_numbers_that_no_database_can_hold(store: Store) -> None:
    await store.add_event(new_event(1))
    for query in (EventQuery(trigger_id=HUGE), EventQuery(offset=HUGE), EventQuery(after=(-HUGE, -HUGE))):
        assert await store.list_events(query) == []
    assert await store.count_events(EventQuery(trigger_id=HUGE)) == 0
    everything = EventQuery(archived=None, after=(HUGE, HUGE), limit=HUGE)
    assert len(await store.list_events(everything)) == 1
    assert await store.list_events(EventQuery(limit=-5)) == []


async def test_microseconds(store: Store) -> None:
    at = NOON + timedelta(microseconds=123_457)
    event = (await store.add_event(new_event(fired_at=at, scheduled_for=at - MICROSECOND))).row
    saved = await store.get_event(event.id)
    assert (saved.fired_at, saved.scheduled_for) == (at, at - MICROSECOND)


async def test_a_read_sees_every_write_that_has_returned(store: Store) -> None:
    for n in range(30):
        event = (await store.add_event(new_event(fired_at=NOON + n * HOUR))).row
        assert (await store.list_events(EventQuery(limit=1)))[0] == event
        assert await store.count_events(EventQuery()) == n + 1


def _matches(event: Event, query: EventQuery) -> bool:
    return (
        (query.archived is None or query.archived == event.archived)
        and (query.trigger_id is None or query.trigger_id == event.trigger_id)
        and (not query.status or event.status in query.status)
        and (not query.kind or event.kind in query.kind)
        and (query.fired_from is None or query.fired_from <= event.fired_at)
        and (query.fired_to is None or event.fired_at < query.fired_to)
    )


async def _by_offset(store: Store, query: EventQuery) -> list[Event]:
    found: list[Event] = []
    while page := await store.list_events(_at(query, limit=7, offset=len(found))):
        assert len(page) <= 7
        found += page
    return found


async def _by_cursor(store: Store, query: EventQuery) -> list[Event]:
    found: list[Event] = []
    after = None
    while page := await store.list_events(_at(query, limit=7, after=after)):
        found += page
        after = (to_microseconds(page[-1].fired_at), page[-1].id)
    return found


def _at(query: EventQuery, **place: Any) -> EventQuery:
    return replace(query, **place)
