"""Reads on SQLite stay fast however much there is: which index they take, and in how many steps."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from engine.model.event import EventStatus
from engine.model.trigger import Trigger
from engine.storage.codec import EVENT_COLUMNS
from engine.storage.migrate import read_migrations
from engine.storage.port import AggregateQuery, EventQuery, TriggerQuery
from engine.storage.sqlite import aggregate_reads, event_reads, trigger_reads
from engine.storage.sqlite.event_writes import insert_events
from engine.storage.sqlite.operation import Transaction
from engine.storage.sqlite.schema import migrate
from engine.storage.sqlite.statements import ROWS_MAX, fetch
from engine.storage.sqlite.text_search import contains
from tests.storage.examples import HOUR, NOON, new_event

AFTER = (1_795_000_000_000_000, 5)


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    path = tmp_path / "engine.db"
    connection = sqlite3.connect(path, isolation_level=None)
    migrate(connection, path, read_migrations("engine.storage.sqlite"), NOON)
    yield connection
    connection.close()


def plans(connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch, read: Any, *args: Any) -> str:
    """How SQLite goes about the statements of a read."""
    found: list[str] = []

    def explain(
        connection: sqlite3.Connection, columns: Sequence[str], source: str, parameters: Sequence[Any] = ()
    ) -> list[list[Any]]:
        found.extend(row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {source}", parameters))
        return []

    for module in (event_reads, trigger_reads, aggregate_reads):
        monkeypatch.setattr(module, "fetch", explain)
    read(connection, *args)
    return "\n".join(found)


@pytest.mark.parametrize(
    ("query", "index"),
    [
        (EventQuery(), "events_by_fired_at (archived=?)"),
        (EventQuery(after=AFTER), "events_by_fired_at (archived=? AND fired_at<?)"),
        (EventQuery(fired_from=NOON, fired_to=NOON + HOUR), "events_by_fired_at (archived=? AND fired_at>? AND"),
        (EventQuery(trigger_id=3), "events_by_trigger (trigger_id=? AND archived=?)"),
        (EventQuery(trigger_id=3, after=AFTER), "events_by_trigger (trigger_id=? AND archived=? AND fired_at<?)"),
        (EventQuery(status=(EventStatus.FAILED,)), "events_by_status (status=? AND archived=?)"),
    ],
)
def test_a_page_follows_one_index(
    connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch, query: EventQuery, index: str
) -> None:
    plan = plans(connection, monkeypatch, event_reads.list_events, query)
    assert index in plan
    assert "TEMP B-TREE" not in plan
    assert "SCAN" not in plan


@pytest.mark.parametrize(
    ("query", "index"),
    [
        (EventQuery(archived=None), "events_by_fired_at (archived=?)"),
        (EventQuery(archived=None, trigger_id=3), "events_by_trigger (trigger_id=? AND archived=?)"),
        (EventQuery(status=(EventStatus.WAITING, EventStatus.FAILED)), "events_by_status (status=? AND archived=?)"),
    ],
)
def test_a_page_merged_of_branches_sorts_no_more_than_them(
    connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch, query: EventQuery, index: str
) -> None:
    plan = plans(connection, monkeypatch, event_reads.list_events, query)
    assert plan.count(index) == 2
    assert "SCAN events" not in plan


@pytest.mark.parametrize("sort", ["id", "name", "created_at", "updated_at", "next_fire_at", "last_fired_at"])
@pytest.mark.parametrize("descending", [False, True])
def test_a_page_of_triggers_is_not_sorted(
    connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch, sort: Any, descending: bool
) -> None:
    value = "x" if sort == "name" else 5
    for after in (None, (value, 5)):
        query = TriggerQuery(sort=sort, descending=descending, after=after)
        plan = plans(connection, monkeypatch, trigger_reads.list_triggers, query)
        assert "TEMP B-TREE" not in plan


def test_what_the_timers_ask(connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = plans(connection, monkeypatch, trigger_reads.upcoming, None, NOON, 5)
    assert "triggers_by_due_at (due_at>? AND due_at<?)" in plan
    assert "events_by_next_attempt_at (next_attempt_at>? AND next_attempt_at<?)" in plan
    assert "TEMP B-TREE" not in plan
    plan = plans(connection, monkeypatch, event_reads.undelivered, [1, 2])
    assert "events_undelivered (trigger_id=?)" in plan


def test_expiry_finds_its_rows_by_index(connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = plans(connection, monkeypatch, lambda c: event_reads.finished_before(c, 5, 5, archived=(False, True)))
    assert plan.count("events_by_fired_at (archived=? AND fired_at<?)") == 2
    assert "TEMP B-TREE" not in plan


def test_counts_come_from_the_roll_ups(connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    for query in (AggregateQuery(), AggregateQuery(group_by=("hour", "status"), fired_from=NOON, fired_to=NOON + HOUR)):
        assert "events_by_fired_at" not in plans(connection, monkeypatch, aggregate_reads.aggregate, query)
    broken = AggregateQuery(fired_from=NOON + HOUR / 2, fired_to=NOON + 5 * HOUR)
    plan = plans(connection, monkeypatch, aggregate_reads.aggregate, broken)
    assert plan.count("events_by_fired_at (archived=? AND fired_at>? AND fired_at<?)") == 1


def test_more_rows_than_one_statement_takes(connection: sqlite3.Connection) -> None:
    events = [new_event(n + 1, trigger_name=f"name {n}") for n in range(2 * ROWS_MAX + 7)]
    written = insert_events(Transaction(connection), events)
    found = event_reads.list_events(connection, EventQuery(limit=10_000))
    assert found == written[::-1]


def test_a_page_too_long_for_one_text(connection: sqlite3.Connection) -> None:
    written = insert_events(Transaction(connection), [new_event(payload='"' + "x" * 5_000 + '"') for _ in range(10)])
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, 20_000)
    with pytest.raises(sqlite3.DataError):
        connection.execute("SELECT json_group_array(payload) FROM events").fetchone()
    assert event_reads.list_events(connection, EventQuery()) == written[::-1]


def test_a_page_is_one_row(connection: sqlite3.Connection) -> None:
    """Every row that is fetched is a chance for the event loop to keep the GIL from the reader."""
    insert_events(Transaction(connection), [new_event() for _ in range(100)])
    rows: list[object] = []

    def count(cursor: sqlite3.Cursor, row: tuple[object, ...]) -> tuple[object, ...]:
        rows.append(row)
        return row

    connection.row_factory = count
    assert len(fetch(connection, EVENT_COLUMNS, "SELECT * FROM events")) == 100
    assert len(rows) == 1


def test_a_read_of_two_statements_ends_its_snapshot(connection: sqlite3.Connection) -> None:
    assert trigger_reads.list_triggers(connection, TriggerQuery(sort="next_fire_at")) == list[Trigger]()
    assert not connection.in_transaction


def test_what_becomes_part_of_a_statement_is_checked(connection: sqlite3.Connection) -> None:
    odd: Any = "id; DROP TABLE triggers"
    with pytest.raises(ValueError, match="unknown sort"):
        trigger_reads.list_triggers(connection, TriggerQuery(sort=odd))
    with pytest.raises(ValueError, match="unknown fields"):
        aggregate_reads.aggregate(connection, AggregateQuery(group_by=(odd,)))


def test_every_letter_finds_every_form_of_it(connection: sqlite3.Connection) -> None:
    forms: dict[str, list[str]] = {}
    for character in map(chr, range(1, sys.maxunicode + 1)):
        if character.casefold() != character or character.islower():
            forms.setdefault(character.casefold(), []).append(character)
    assert len(forms) > 1_000
    connection.execute("CREATE TEMP TABLE texts (text TEXT)")
    for alike in forms.values():
        connection.execute("DELETE FROM texts")
        connection.executemany("INSERT INTO texts VALUES (?)", [(f"Ö-{character}-x",) for character in alike])
        for character in alike:
            condition, cells = contains("text", f"ö-{character}-X")
            found = connection.execute(f"SELECT count(*) FROM texts WHERE {condition}", cells).fetchone()
            assert found == (len(alike),), (character, alike)
