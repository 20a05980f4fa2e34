"""Which migrations are to be applied."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.errors import StorageCorrupt
from engine.storage.migrate import Migration, pending, read_migrations

FIRST = Migration(number=1, name="initial", sql="CREATE TABLE a (x);")
SECOND = Migration(number=2, name="more", sql="CREATE TABLE b (x);")


def test_those_that_are_missing_in_order() -> None:
    assert pending([FIRST, SECOND], {}) == [FIRST, SECOND]
    assert pending([FIRST, SECOND], {1: FIRST.checksum}) == [SECOND]
    assert pending([FIRST], {1: FIRST.checksum}) == []


def test_what_this_engine_does_not_know() -> None:
    with pytest.raises(StorageCorrupt, match="newer engine"):
        pending([FIRST], {1: FIRST.checksum, 2: SECOND.checksum})
    with pytest.raises(StorageCorrupt, match="another text"):
        pending([FIRST, SECOND], {1: SECOND.checksum})


def test_the_files_count_from_one() -> None:
    migrations = read_migrations("engine.storage.sqlite")
    assert [migration.number for migration in migrations] == list(range(1, len(migrations) + 1))
    assert migrations[0].name == "initial"
    assert all(migration.sql for migration in migrations)


def test_a_gap_is_an_error_of_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.storage.migrate.files", lambda package: tmp_path)
    folder = tmp_path / "migrations"
    folder.mkdir()
    (folder / "0001_a.sql").touch()
    (folder / "0003_c.sql").touch()
    (folder / "notes.txt").touch()
    with pytest.raises(ValueError, match="1, 2, 3"):
        read_migrations("engine.storage.sqlite")
