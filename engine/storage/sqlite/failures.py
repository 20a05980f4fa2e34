"""What SQLite says, as the engine's errors. The only place that reads SQLite's codes."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from engine.errors import StorageClosed, StorageCorrupt, StorageError, StorageFull, StorageLocked

ROOM_MIN_BYTES = 1 << 20
"""With less than this on the disk, an I/O error is taken for a full disk: SQLite does not pass ENOSPC of a sync on."""

DISK_FULL = "There is no room left on the disk of the database; nothing was written."


def storage_error(error: BaseException, path: Path) -> BaseException:
    """`error` as what the port promises to raise; errors of the engine's own, and faults in its code, stay as they are.

    `path` is the database, to look at the room on its disk.
    """
    if isinstance(error, sqlite3.Error):
        return _of_sqlite(error, path)
    if isinstance(error, OverflowError | UnicodeEncodeError):
        return StorageError(f"The database cannot hold this value: {error}.")
    return error


def _of_sqlite(error: sqlite3.Error, path: Path) -> StorageError:
    code = getattr(error, "sqlite_errorcode", None)  # absent where Python itself complains
    match None if code is None else code & 0xFF:  # the low byte is the class, the rest the detail
        case sqlite3.SQLITE_FULL:
            return StorageFull(DISK_FULL)
        case sqlite3.SQLITE_IOERR if room_bytes(path) < ROOM_MIN_BYTES:
            return StorageFull(DISK_FULL)
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
            return StorageCorrupt(f"{path} is not a sound SQLite database ({error}). Restore it from a backup.")
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return StorageLocked(f"Another program keeps {path} locked ({error}).")
        case None if "closed" in str(error):
            return StorageClosed("The store is not open.")
        case _:
            return StorageError(f"SQLite: {error}.")


def room_bytes(path: Path) -> int:
    """What an ordinary user may still write on the disk that holds `path`; 0 when the disk cannot say."""
    try:
        disk = os.statvfs(path.parent)
    except OSError:
        return 0
    return disk.f_bavail * disk.f_frsize
