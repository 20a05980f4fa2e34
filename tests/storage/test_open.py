"""DATABASE_URL chooses the store."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.errors import SettingsError
from engine.storage.memory.store import MemoryStore
from engine.storage.open import make_store
from engine.storage.sqlite.store import SqliteStore
from tests.fakes.clock import FakeClock


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite:///data/engine.db", Path("data/engine.db")),
        ("sqlite:////var/lib/engine.db", Path("/var/lib/engine.db")),
        ("sqlite:////a%20b/c%3Fd.db", Path("/a b/c?d.db")),
    ],
)
async def test_sqlite(url: str, path: Path) -> None:
    store = make_store(url, FakeClock())
    assert isinstance(store, SqliteStore)
    assert store._path == path


@pytest.mark.parametrize("url", ["memory://", "sqlite:///:memory:"])
async def test_memory(url: str) -> None:
    assert isinstance(make_store(url, FakeClock()), MemoryStore)


@pytest.mark.parametrize(
    "url",
    ["", "engine.db", "sqlite://", "sqlite:///", "sqlite:///dir/", "sqlite:///a%00b", "sqlite:///a.db?mode=ro",
     "postgresql://localhost/engine", "memory://x"],
)  # fmt: skip
def test_anything_else_is_refused_with_what_is_allowed(url: str) -> None:
    with pytest.raises(SettingsError, match="sqlite:///relative"):
        make_store(url, FakeClock())


async def test_a_path_with_odd_letters_opens(tmp_path: Path) -> None:
    store = make_store(f"sqlite:///{tmp_path}/a b%3F%23%25.db", FakeClock())
    await store.open()
    await store.close()
    assert (tmp_path / "a b?#%.db").exists()
