"""The database on the disk before SQLite sees it: made once, readable by its owner alone, locked by one engine."""

from __future__ import annotations

import contextlib
import fcntl
import os
from datetime import datetime
from pathlib import Path

from engine.errors import StorageCorrupt, StorageError, StorageLocked
from engine.model.instant import format_instant


class DatabaseLock:
    """`<database>.lock`, held by flock for as long as the store is open. The system drops it when the process dies."""

    def __init__(self, database: Path) -> None:
        self._database = database
        self._path = database.with_name(f"{database.name}.lock")
        self._descriptor: int | None = None

    def acquire(self, now: datetime) -> None:
        """Raises StorageLocked, naming the process that holds it, and StorageError when there can be no such lock."""
        try:
            descriptor = os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600)
        except OSError as error:
            raise StorageError(f"Cannot make the lock file {self._path}: {error.strerror}.") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(descriptor, 200, 0).decode("utf-8", "replace").strip() or "unknown"
            os.close(descriptor)
            raise StorageLocked(
                f"Another engine is using {self._database} ({holder}). "
                "Stop it first, or give this one another DATABASE_URL."
            ) from None
        except OSError as error:  # some network disks have no locks
            os.close(descriptor)
            raise StorageError(f"Cannot lock {self._path}: {error.strerror}.") from error
        # With no room on the disk the lock holds all the same; only its owner's name is missing.
        with contextlib.suppress(OSError):
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"process {os.getpid()}, since {format_instant(now)}\n".encode(), 0)
        self._descriptor = descriptor

    def release(self) -> None:
        """The file stays: removing it would let two engines lock two files of one name."""
        if self._descriptor is not None:
            with contextlib.suppress(OSError):
                os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = None


def make_directory(database: Path) -> Path:
    """Make the directory if there is none, and return the file's real path: two names of one file are one database,
    and share one lock. Raises StorageError when it cannot be made, or the name leads nowhere.
    """
    try:
        database.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"Cannot make the directory {database.parent}: {error.strerror}.") from error
    try:
        return database.resolve()
    except (OSError, RuntimeError) as error:  # Python 3.11 has RuntimeError for links that lead in a circle
        raise StorageError(f"Cannot find out where {database} leads: {error}.") from error


def make_file(database: Path) -> None:
    """Make the file if there is none, and keep others from reading it. Called with the lock held.

    Raises StorageCorrupt when there is a log without its database: SQLite would take the log for that of the new file.
    """
    log = database.with_name(f"{database.name}-wal")
    if _size(database) == 0 and _size(log) > 0:
        raise StorageCorrupt(f"{database} is missing or empty, yet its log {log.name} is there. Restore both.")
    try:
        descriptor = os.open(database, os.O_CREAT | os.O_RDWR, 0o600)
        try:
            os.fchmod(descriptor, 0o600)  # SQLite gives the log the same mode
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        directory = os.open(database.parent, os.O_RDONLY)
        try:
            os.fsync(directory)  # or the new name itself could be lost with the power
        finally:
            os.close(directory)
    except OSError as error:
        raise StorageError(f"Cannot open the database {database}: {error.strerror}.") from error


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
