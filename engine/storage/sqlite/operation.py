"""What the writer takes: one write of one caller. Operations of a kind run together, in one transaction."""

from __future__ import annotations

import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, Self, TypeVar

from engine.errors import EngineError
from engine.storage.sqlite.connection import scalar

Result = TypeVar("Result")


@dataclass(slots=True)
class Transaction:
    """An open transaction, and what it has done so far."""

    connection: sqlite3.Connection
    triggers_moved: bool = False
    """Triggers may read differently now; so for events."""
    events_moved: bool = False
    _free_ids: dict[str, int] = field(default_factory=dict)

    def take_ids(self, table: str, count: int) -> range:
        """`count` ids that no row of `table` has ever had.

        AUTOINCREMENT remembers the highest in `sqlite_sequence`, and this is the only connection that writes. Choosing
        them here spares a RETURNING, which costs a step for every row.
        """
        if table not in self._free_ids:
            sql = f"SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = '{table}'"  # noqa: S608
            self._free_ids[table] = scalar(self.connection, sql) + 1
        first = self._free_ids[table]
        self._free_ids[table] = first + count
        return range(first, first + count)


class Operation(ABC, Generic[Result]):
    """Subclasses are frozen dataclasses; `Result` is what the caller is given.

    Running is all or nothing for the batch, so what a caller did wrong (a name taken) is returned, not raised: only
    that caller is told. What is raised undoes the batch, and then each operation runs again alone.
    """

    __slots__ = ()

    frees_space: ClassVar[bool] = False
    """Worth trying when the disk is full."""
    alone: ClassVar[bool] = False
    """Runs outside any transaction."""

    @property
    def rows(self) -> int:
        """About how many rows it writes, for the size of a batch."""
        return 1

    @classmethod
    @abstractmethod
    def run(cls, transaction: Transaction, operations: Sequence[Self]) -> Sequence[Result | EngineError]:
        """Carry out all of `operations`, as if one after the other, and answer each."""


AnyOperation = Operation[Any]
