"""Idempotency keys, read and written in the transaction of the write they guard."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import datetime

from engine.errors import IdempotencyConflict
from engine.model.instant import to_microseconds
from engine.storage.codec import Cell
from engine.storage.port import IdempotencyKey
from engine.storage.sqlite.statements import fetch_for, insert

_FIND = """
WITH asked (scope, key) AS (VALUES {rows})
SELECT json_group_array(json_array(known.scope, known.key, known.fingerprint, known.resource_id))
FROM asked JOIN idempotency_keys AS known ON known.scope = asked.scope AND known.key = asked.key
"""
_COLUMNS = ("scope", "key", "fingerprint", "resource_id", "created_at")


class KnownKeys:
    """What is known about the keys of one batch, and what the batch adds."""

    def __init__(self, connection: sqlite3.Connection, asked: Sequence[IdempotencyKey | None]) -> None:
        self._connection = connection
        wanted = {(key.scope, key.key) for key in asked if key is not None}
        self._known: dict[tuple[str, str], tuple[str, int]] = {
            (scope, key): (fingerprint, resource_id)
            for scope, key, fingerprint, resource_id in fetch_for(connection, _FIND, list(wanted))
        }
        self._new: list[tuple[Cell, ...]] = []

    def resource_ids(self) -> list[int]:
        """What the keys made that were known from before."""
        return [resource_id for _, resource_id in self._known.values()]

    def resource_id(self, asked: IdempotencyKey | None) -> int | None:
        """What an earlier request with this key made. Raises IdempotencyConflict when that was another request."""
        if asked is None or (known := self._known.get((asked.scope, asked.key))) is None:
            return None
        fingerprint, resource_id = known
        if fingerprint != asked.fingerprint:
            raise IdempotencyConflict(asked.key)
        return resource_id

    def remember(self, asked: IdempotencyKey | None, resource_id: int, at: datetime) -> None:
        if asked is not None:
            self._known[asked.scope, asked.key] = (asked.fingerprint, resource_id)
            self._new.append((asked.scope, asked.key, asked.fingerprint, resource_id, to_microseconds(at)))

    def save(self) -> None:
        insert(self._connection, "idempotency_keys", _COLUMNS, self._new)
