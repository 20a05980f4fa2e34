"""Group commit on SQLite: many callers share a sync, and none pays for another's failure."""

from __future__ import annotations

import asyncio
import json
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from engine.errors import NameTaken, StorageError, StorageFull, StorageLocked
from engine.model.event import Event, EventStatus
from engine.storage.port import EventQuery, Written
from engine.storage.sqlite.connection import run
from engine.storage.sqlite.store import SqliteStore
from tests.fakes.clock import FakeClock, settle
from tests.storage.examples import HOUR, NOON, add_trigger, firing, new_event, scheduled_event

BIG = '"' + "x" * 100_000 + '"'


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    store = SqliteStore(tmp_path / "engine.db", clock=FakeClock())
    await store.open()
    yield store
    await store.close()


async def on_writer(store: SqliteStore, sql: str) -> object:
    """Run a pragma on the writing connection."""
    assert store._connection is not None
    return await run(store._connection, store._path, lambda connection: connection.execute(sql).fetchone())


async def all_events(store: SqliteStore) -> list[Event]:
    return await store.list_events(EventQuery(archived=None, limit=10_000))


async def test_callers_share_a_commit(store: SqliteStore) -> None:
    before = store.commits
    await asyncio.gather(*(store.add_event(new_event()) for _ in range(200)))
    assert store.commits - before == 1


async def test_writes_of_different_kinds_share_a_commit(store: SqliteStore) -> None:
    trigger = await add_trigger(store, "a")
    event = (await store.add_event(new_event(status=EventStatus.WAITING))).row
    before = store.commits
    await asyncio.gather(
        store.mark_running([event.id]),
        add_trigger(store, "b"),
        store.record_firings([firing(trigger)]),
        store.add_event(new_event()),
    )
    assert store.commits - before == 1


async def test_what_callers_did_wrong_costs_no_second_commit(store: SqliteStore) -> None:
    await add_trigger(store, "taken")
    before = store.commits
    names = ("a", "b", "b", "taken")
    results = await asyncio.gather(*(add_trigger(store, name) for name in names), return_exceptions=True)
    assert [isinstance(result, NameTaken) for result in results] == [False, False, True, True]
    assert store.commits - before == 1


async def test_a_lone_write_does_not_wait_for_company(store: SqliteStore) -> None:
    for n in range(3):
        await store.add_event(new_event())
        assert store.commits == n + 1


async def test_only_the_write_that_cannot_be_made_fails(store: SqliteStore) -> None:
    trigger = await add_trigger(store, "a")
    events = [new_event(details=str(n)) for n in range(48)]
    # The first cannot be encoded; the second and third are one fire, which the ledger takes once.
    events += [new_event(details="\ud800"), scheduled_event(trigger, NOON), scheduled_event(trigger, NOON)]
    results: list[Written[Event] | BaseException] = await asyncio.gather(
        *(store.add_event(event) for event in events), return_exceptions=True
    )
    failed = [n for n, result in enumerate(results) if isinstance(result, StorageError)]
    assert failed == [48, 50]
    written = [result.row for result in results if isinstance(result, Written)]
    assert sorted(written, key=lambda e: e.id) == sorted(await all_events(store), key=lambda e: e.id)
    assert await store.count_events(EventQuery()) == 49


async def test_a_cancelled_caller_harms_nobody(store: SqliteStore) -> None:
    tasks = [asyncio.ensure_future(store.add_event(new_event(details=str(n)))) for n in range(40)]
    await asyncio.sleep(0)
    for task in tasks[:10]:  # nothing has been handed to the database yet
        task.cancel()
    await settle(3)
    for task in tasks[10:20]:  # these may be under way
        task.cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(result, asyncio.CancelledError) for result in results[:10])
    assert all(isinstance(result, Written) for result in results[20:])
    details = {event.details for event in await all_events(store)}
    assert details >= {str(n) for n in range(20, 40)}
    assert details.isdisjoint(str(n) for n in range(10))


async def test_a_cancelled_read_gives_its_connection_back(store: SqliteStore) -> None:
    for _ in range(10):
        task = asyncio.ensure_future(store.list_events(EventQuery()))
        await settle(2)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    await asyncio.gather(*(store.list_events(EventQuery()) for _ in range(10)))


async def test_slow_searches_do_not_hold_up_what_is_due(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    trigger = await add_trigger(store, "a")
    event = (await store.add_event(new_event(trigger.id, status=EventStatus.WAITING))).row
    gate = threading.Event()

    def slow_search(connection: sqlite3.Connection, query: EventQuery) -> list[Event]:
        assert gate.wait(timeout=60)
        return []

    monkeypatch.setattr("engine.storage.sqlite.event_reads.list_events", slow_search)
    searches = [asyncio.ensure_future(store.list_events(EventQuery(text="x"))) for _ in range(24)]
    try:
        await settle()
        async with asyncio.timeout(10):
            assert len(await store.upcoming(None, NOON, 5)) == 2
            assert [found.id for found in await store.get_triggers([trigger.id])] == [trigger.id]
            assert await store.get_events([event.id]) == [event]
            assert await store.undelivered([trigger.id]) == {trigger.id}
            await store.check()
        assert not any(search.done() for search in searches)
    finally:
        gate.set()
        await asyncio.gather(*searches)


async def test_a_full_disk(store: SqliteStore, tmp_path: Path) -> None:
    kept = [(await store.add_event(new_event(fired_at=NOON + n * HOUR, payload=BIG))).row for n in range(5)]
    ballast = tmp_path / "engine.db.ballast"
    assert ballast.stat().st_size > 1 << 20
    pages = await on_writer(store, "PRAGMA page_count")
    await on_writer(store, f"PRAGMA max_page_count = {pages[0]}")  # type: ignore[index]
    generation = store.generations.events

    writes = (new_event(details="small"), new_event(payload=BIG), new_event(details="small"))
    results = await asyncio.gather(*(store.add_event(event) for event in writes), return_exceptions=True)
    assert [type(result) for result in results] == [StorageFull] * 3
    assert not ballast.exists(), "it makes room to delete"
    assert store.generations.events == generation
    assert sorted(await all_events(store), key=lambda e: e.id) == kept
    await store.check()

    with pytest.raises(StorageFull):
        await store.add_event(new_event(payload=BIG))
    assert await store.delete_finished_before(NOON + HOUR, 10) == 1
    await store.add_event(new_event(payload=BIG[:50_000]))
    assert ballast.exists(), "there is room again"
    await on_writer(store, "PRAGMA max_page_count = 1000000")
    await asyncio.gather(*(store.add_event(new_event(payload=BIG)) for _ in range(5)))
    assert len(await all_events(store)) == 10


async def test_a_full_disk_fails_only_what_needs_room(
    store: SqliteStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = (await store.add_event(new_event(payload=BIG))).row
    await store.close()
    (tmp_path / "engine.db.ballast").unlink()
    monkeypatch.setattr("engine.storage.sqlite.ballast.room_bytes", lambda path: 0)
    await store.open()
    write, deleted = await asyncio.gather(
        store.add_event(new_event()), store.delete_finished_before(NOON + HOUR, 10), return_exceptions=True
    )
    assert isinstance(write, StorageFull)
    assert deleted == 1
    assert await all_events(store) == []
    monkeypatch.undo()
    assert (await store.add_event(new_event())).row.id > old.id


async def test_another_program_that_keeps_the_file_locked(store: SqliteStore, tmp_path: Path) -> None:
    await on_writer(store, "PRAGMA busy_timeout = 0")
    other = sqlite3.connect(tmp_path / "engine.db", isolation_level=None)
    try:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StorageLocked):
            await store.add_event(new_event())
        assert await all_events(store) == [], "readers go on"
    finally:
        other.close()
    await store.add_event(new_event())


async def test_no_thread_is_left(tmp_path: Path) -> None:
    threads = set(threading.enumerate())
    store = SqliteStore(tmp_path / "other.db", clock=FakeClock())
    await store.open()
    own = set(threading.enumerate()) - threads
    assert len(own) > 1
    await store.close()
    for thread in own:
        thread.join(timeout=10)
        assert not thread.is_alive()


CRASH = """
import asyncio, sys
from pathlib import Path
from engine.clock import SystemClock
from engine.storage.sqlite.store import SqliteStore
from tests.storage.examples import add_trigger, firing, new_event

async def fire(store, n):
    trigger = await add_trigger(store, f"t-{n}")
    while True:
        [events] = await store.record_firings([firing(trigger)])
        trigger = await store.get_trigger(trigger.id)
        print(events[0].id, flush=True)

async def main():
    store = SqliteStore(Path(sys.argv[1]), clock=SystemClock())
    await store.open()
    await asyncio.gather(*(fire(store, n) for n in range(8)))

asyncio.run(main())
"""


def _crash(path: Path) -> set[int]:
    """Run a process that fires without end, kill it in the middle, return the ids that it had been told are safe."""
    with subprocess.Popen([sys.executable, "-c", CRASH, str(path)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(200)]
        process.send_signal(signal.SIGKILL)
        lines += process.stdout.readlines()
    return {int(json.loads(line)) for line in lines if line.endswith(b"\n")}


async def test_what_was_acknowledged_survives_a_kill(tmp_path: Path) -> None:
    path = tmp_path / "killed.db"
    acknowledged = _crash(path)
    assert len(acknowledged) >= 200
    store = SqliteStore(path, clock=FakeClock())
    await store.open()
    try:
        events = await all_events(store)
        assert acknowledged <= {event.id for event in events}
        assert len({(event.trigger_id, event.scheduled_for) for event in events}) == len(events)
        assert await store.count_events(EventQuery()) == len(events)
        for trigger in await store.get_triggers(list(range(1, 9))):
            fires = [event.scheduled_for for event in events if event.trigger_id == trigger.id]
            assert trigger.last_fired_at == max(fires, default=None), "event and advance are one"
        assert await on_writer(store, "PRAGMA integrity_check") == ("ok",)
    finally:
        await store.close()
