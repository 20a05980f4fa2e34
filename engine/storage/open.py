"""DATABASE_URL to a store: the only place that chooses a database."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote

from engine.clock import Clock
from engine.errors import SettingsError
from engine.storage.memory.store import MemoryStore
from engine.storage.port import Store
from engine.storage.sqlite.store import SqliteStore

_MEMORY = ("memory://", "sqlite:///:memory:")
_SQLITE = "sqlite:///"


def make_store(database_url: str, clock: Clock) -> Store:
    """Make (not open) the store for `database_url`. Raises SettingsError when it names none."""
    if database_url in _MEMORY:
        return MemoryStore()
    path = database_url.removeprefix(_SQLITE)
    if path in ("", database_url) or path.endswith("/") or set("?#") & set(path) or "\0" in unquote(path):
        raise SettingsError(
            f"DATABASE_URL={database_url!r} names no database. Use sqlite:///relative/path.db, "
            "sqlite:////absolute/path.db, or memory:// for one that is gone when the engine stops."
        )
    return SqliteStore(Path(unquote(path)), clock=clock)
