"""A file beside the database that is given up when the disk is full, so that there is room to delete."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from engine.storage.sqlite.failures import room_bytes

BALLAST_BYTES = 16 << 20
"""Room to put a whole log into the database, which frees the log for what deleting has to write: twice the log's size
at a checkpoint (`connection.py`)."""


class Ballast:
    """`<database>.ballast`. Losing the race for the last bytes is no error: then there is no ballast until later."""

    def __init__(self, database: Path) -> None:
        self._path = database.with_name(f"{database.name}.ballast")

    @property
    def held(self) -> bool:
        """Whether the room is set aside."""
        try:
            return self._path.stat().st_size >= BALLAST_BYTES
        except OSError:
            return False

    @property
    def would_be_spent(self) -> bool:
        """Whether what room is left is no more than the ballast should be, so that nothing but deleting may use it."""
        return not self.held and room_bytes(self._path) < BALLAST_BYTES

    def hold(self) -> bool:
        """Set the room aside if there is twice as much, and return whether it is.

        Twice: otherwise it would take back at once the very room that it has just given up.
        """
        if self.held:
            return True
        if room_bytes(self._path) < 2 * BALLAST_BYTES:
            return False
        try:
            descriptor = os.open(self._path, os.O_CREAT | os.O_WRONLY, 0o600)
            try:
                _allocate(descriptor)
            finally:
                os.close(descriptor)
        except OSError:
            self.release()
            return False
        return True

    def release(self) -> None:
        """Give the room up."""
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)


def _allocate(descriptor: int) -> None:
    """Fill the file to its size with room that is really there; to set its length alone would leave holes."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(descriptor, 0, BALLAST_BYTES)
        return
    zeros = bytes(1 << 20)  # macOS has no such call
    while (size := os.fstat(descriptor).st_size) < BALLAST_BYTES:
        os.pwrite(descriptor, zeros[: BALLAST_BYTES - size], size)
