"""The file: who may open it, how it is set up, and what is done about one that cannot be trusted."""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
import sqlite3
import stat
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path

import pytest

from engine.errors import StorageClosed, StorageCorrupt, StorageError, StorageLocked
from engine.storage.migrate import Migration, read_migrations
from engine.storage.port import EventQuery
from engine.storage.sqlite.ballast import BALLAST_BYTES, Ballast
from engine.storage.sqlite.connection import run
from engine.storage.sqlite.expiry_writes import FREE_PAGES_KEPT, VACUUM_PAGES
from engine.storage.sqlite.schema import migrate
from engine.storage.sqlite.store import SqliteStore
from tests.fakes.clock import FakeClock
from tests.storage.examples import HOUR, NOON, add_trigger, new_event


def make_store(path: Path) -> SqliteStore:
    return SqliteStore(path, clock=FakeClock())


@asynccontextmanager
async def opened(path: Path) -> AsyncIterator[SqliteStore]:
    """An open store that is closed whatever happens: its threads would keep the test run from ending."""
    store = make_store(path)
    await store.open()
    try:
        yield store
    finally:
        await store.close()


async def make_database(path: Path) -> None:
    """A closed database with some events."""
    async with opened(path) as store:
        await add_trigger(store, "a")
        await asyncio.gather(*(store.add_event(new_event(payload='"' + "x" * 2000 + '"')) for _ in range(100)))


async def fails_to_open(path: Path, error: type[StorageError]) -> str:
    """Opening raises `error` and leaves nothing behind; returns what it says."""
    threads = set(threading.enumerate())
    store = make_store(path)
    try:
        with pytest.raises(error) as raised:
            await store.open()
    except BaseException:
        await store.close()
        raise
    for thread in set(threading.enumerate()) - threads:
        thread.join(timeout=10)
        assert not thread.is_alive()
    with pytest.raises(StorageClosed):
        await store.check()
    await store.close()
    return str(raised.value)


async def test_it_is_made_with_its_directory_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "engine.db"
    before = os.umask(0)
    try:
        async with opened(path) as store:
            await store.add_event(new_event())
            for file in path.parent.iterdir():
                assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
            assert {file.name for file in path.parent.iterdir()} == {
                f"engine.db{suffix}" for suffix in ("", "-wal", "-shm", ".lock", ".ballast")
            }
    finally:
        os.umask(before)
    assert not path.with_name("engine.db-wal").exists(), "the log is in the database when the last connection closes"


async def test_how_connections_are_set_up(tmp_path: Path) -> None:
    def pragmas(connection: sqlite3.Connection) -> dict[str, object]:
        names = ("journal_mode", "synchronous", "foreign_keys", "auto_vacuum", "trusted_schema", "query_only")
        return {name: connection.execute(f"PRAGMA {name}").fetchone()[0] for name in (*names, "wal_autocheckpoint")}

    common = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "auto_vacuum": 2, "trusted_schema": 0}
    async with opened(tmp_path / "engine.db") as store:
        assert store._connection is not None
        assert store._reading is not None
        writer = await run(store._connection, store._path, pragmas)
        assert writer == common | {"query_only": 0, "wal_autocheckpoint": 2048}
        assert store._reading_to_fire is not None
        for readers in (store._reading, store._reading_to_fire):
            assert await readers.read(pragmas) == common | {"query_only": 1, "wal_autocheckpoint": 0}


async def test_a_second_engine_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "engine.db"
    async with opened(path) as first:
        (tmp_path / "alias.db").symlink_to(path)
        for name in ("engine.db", "alias.db"):
            sentence = await fails_to_open(tmp_path / name, StorageLocked)
            assert str(path) in sentence
            assert f"process {os.getpid()}" in sentence
            assert "2026-11-22T09:00:00Z" in sentence
        await first.add_event(new_event())
    async with opened(path):
        pass


async def test_of_two_that_open_at_once_on_one_object(tmp_path: Path) -> None:
    store = make_store(tmp_path / "engine.db")
    await asyncio.gather(store.open(), store.open())
    await asyncio.gather(store.close(), store.close())


async def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    path = tmp_path / "engine.db"
    path.write_bytes(b"This is not a database. " * 100)
    assert str(path) in await fails_to_open(path, StorageCorrupt)
    assert path.read_bytes().startswith(b"This is not"), "it is never made anew"


async def test_a_database_of_another_program(tmp_path: Path) -> None:
    path = tmp_path / "engine.db"
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE t (x)")
    other.close()
    assert "another program" in await fails_to_open(path, StorageCorrupt)


@pytest.mark.parametrize("empty", [False, True])
async def test_a_log_without_its_database(tmp_path: Path, empty: bool) -> None:
    async with opened(tmp_path / "engine.db") as store:
        await store.add_event(new_event())
        shutil.copy(tmp_path / "engine.db-wal", tmp_path / "copy.db-wal")
    if empty:
        (tmp_path / "copy.db").touch()
    assert "copy.db-wal" in await fails_to_open(tmp_path / "copy.db", StorageCorrupt)


async def test_a_damaged_page(tmp_path: Path) -> None:
    path = tmp_path / "engine.db"
    await make_database(path)
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (path.stat().st_size - 4096))
    with pytest.raises(StorageCorrupt):
        await _open_and_read(path)


async def _open_and_read(path: Path) -> None:
    async with opened(path) as store:
        await store.list_events(EventQuery())


async def test_a_directory_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert "directory" in await fails_to_open(tmp_path / "file" / "engine.db", StorageError)
    (tmp_path / "engine.db").mkdir()
    await fails_to_open(tmp_path / "engine.db", StorageError)


async def test_sqlite_that_is_too_old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 37, 2))
    assert "3.38.0" in await fails_to_open(tmp_path / "engine.db", StorageError)
    assert not (tmp_path / "engine.db").exists()


async def test_a_migration_that_was_edited(tmp_path: Path) -> None:
    await make_database(tmp_path / "engine.db")
    _tamper(tmp_path / "engine.db", "UPDATE schema_migrations SET checksum = 'x'")
    assert "another text" in await fails_to_open(tmp_path / "engine.db", StorageCorrupt)


async def test_a_database_of_a_newer_engine(tmp_path: Path) -> None:
    await make_database(tmp_path / "engine.db")
    _tamper(tmp_path / "engine.db", "INSERT INTO schema_migrations VALUES (99, 'x', 'x', 0)")
    assert "newer engine" in await fails_to_open(tmp_path / "engine.db", StorageCorrupt)


def _tamper(path: Path, *statements: str) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    for sql in statements:
        connection.execute(sql)
    connection.close()


async def test_the_next_migration(tmp_path: Path) -> None:
    path = tmp_path / "engine.db"
    await make_database(path)
    known = read_migrations("engine.storage.sqlite")
    good = Migration(number=len(known) + 1, name="good", sql="CREATE TABLE extra (x);")
    bad = Migration(number=len(known) + 2, name="bad", sql="CREATE TABLE more (x); INSERT INTO nowhere VALUES (1);")
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        migrate(connection, path, known, NOON)
        assert not list(tmp_path.glob("*.before-*")), "nothing to do, nothing to copy"
        with pytest.raises(sqlite3.OperationalError):
            migrate(connection, path, [*known, good, bad], NOON)
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema")}
        assert "extra" in tables
        assert "more" not in tables, "all of a migration or nothing"
        assert [n for (n,) in connection.execute("SELECT number FROM schema_migrations")] == [*range(1, len(known) + 2)]
    finally:
        connection.close()
    copy = path.with_name(f"{path.name}.before-{good.number:04}")
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    saved = sqlite3.connect(copy)
    assert saved.execute("SELECT count(*) FROM events").fetchone() == (100,)
    saved.close()


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="needs a directory in which nobody may make files")
async def test_a_lock_that_cannot_be_made(tmp_path: Path) -> None:
    assert "/proc/engine.db.lock: " in await fails_to_open(Path("/proc/engine.db"), StorageError)
    sentence = await fails_to_open(Path("/proc/nowhere/engine.db"), StorageError)
    assert sentence.startswith("Cannot make the directory /proc/nowhere: ")
    (tmp_path / "engine.db.lock").mkdir()
    assert f"{tmp_path}/engine.db.lock: Is a directory." in await fails_to_open(tmp_path / "engine.db", StorageError)


async def test_a_name_that_leads_in_a_circle(tmp_path: Path) -> None:
    (tmp_path / "engine.db").symlink_to(tmp_path / "engine.db")
    assert str(tmp_path / "engine.db") in await fails_to_open(tmp_path / "engine.db", StorageError)


async def test_a_disk_without_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(descriptor: int, operation: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.flock", refuse)
    sentence = await fails_to_open(tmp_path / "engine.db", StorageError)
    assert sentence == f"Cannot lock {tmp_path}/engine.db.lock: No locks available."


def test_room_is_set_aside_also_without_fallocate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("os.posix_fallocate")  # as on macOS
    ballast = Ballast(tmp_path / "engine.db")
    assert ballast.hold()
    file = tmp_path / "engine.db.ballast"
    assert file.stat().st_size == BALLAST_BYTES
    assert file.stat().st_blocks * 512 >= BALLAST_BYTES, "a file with holes sets nothing aside"


async def fill_and_delete(path: Path) -> None:
    """A database of little but free pages."""
    async with opened(path) as store:
        await asyncio.gather(*(store.add_event(new_event(payload='"' + "x" * 100_000 + '"')) for _ in range(100)))
        assert await store.delete_finished_before(NOON + HOUR, 100) == 100


def pages(path: Path) -> tuple[int, int]:
    """How many the database has, and how many of them are free."""
    connection = sqlite3.connect(path)
    try:
        return tuple(connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count"))
    finally:
        connection.close()


async def test_space_is_given_back_a_little_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "engine.db"
    await fill_and_delete(path)
    before, free = pages(path)
    assert free > 2_000
    async with opened(path) as store:
        steps = [pages(path)]
        while await store.give_back_space():
            steps.append(pages(path))
        steps.append(pages(path))
        # One more where a page of SQLite's own map of pages goes too.
        assert all(0 <= a[0] - b[0] <= VACUUM_PAGES + 1 for a, b in pairwise(steps))
        assert steps[-1][1] <= FREE_PAGES_KEPT
        assert path.stat().st_size == steps[-1][0] * 4096 < (before - free + 2 * FREE_PAGES_KEPT) * 4096, (
            "not only later"
        )
        assert not await store.give_back_space()
        assert pages(path) == steps[-1], "a few stay for the next events"


async def test_a_file_that_cannot_shrink_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "engine.db"
    async with opened(path):
        pass
    _tamper(path, "PRAGMA auto_vacuum = NONE", "VACUUM")
    await fill_and_delete(path)
    async with opened(path) as store:
        assert not await store.give_back_space()
