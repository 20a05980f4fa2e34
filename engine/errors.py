"""Every exception the engine raises on purpose.

    EngineError
    ├── SettingsError            a setting that cannot be served with
    ├── InvalidInput             what a caller gave cannot be accepted; names field, value and what is allowed
    │   └── UnreadableInput      it could not even be parsed
    ├── NotFound                 no trigger or event has this id or name
    ├── Conflict                 the request is fine, the state of things is not
    │   ├── NameTaken            another trigger has this name
    │   ├── VersionConflict      the trigger changed since the caller read it
    │   ├── IdempotencyConflict  the key was used before for something else
    │   └── NotActive            the trigger is paused, completed or disabled
    └── StorageError             the store could not do what it was asked
        ├── StorageFull          no room; nothing of the write was kept
        ├── StorageLocked        another engine holds this database
        ├── StorageCorrupt       the file is malformed or from a newer engine
        └── StorageClosed        the store is not open

Outcomes of a delivery (a timeout, a refused connection) are data, not exceptions: see `model/delivery.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self


class EngineError(Exception):
    """Base of everything below. `str()` of it is one sentence for a person."""


class SettingsError(EngineError):
    """A setting, or a pair of settings, that the engine refuses to start with."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FieldError:
    """One thing wrong with an input."""

    field: str
    """Where: a dotted path such as `schedule.expression`; empty for the input as a whole."""
    value: object
    """What was given, shortened by whoever shows it."""
    allowed: str
    """What would be accepted, in words."""


class InvalidInput(EngineError):
    """One or more fields cannot be accepted."""

    def __init__(self, *errors: FieldError) -> None:
        if not errors:
            raise ValueError("InvalidInput needs at least one FieldError")
        self.errors: Sequence[FieldError] = errors
        super().__init__("; ".join(f"{error.field or 'The input'}: allowed is {error.allowed}" for error in errors))

    @classmethod
    def of(cls, field: str, value: object, allowed: str) -> Self:
        """The common case: one field."""
        return cls(FieldError(field=field, value=value, allowed=allowed))


class UnreadableInput(InvalidInput):
    """Not JSON, not UTF-8, nested too deep: there is nothing to validate."""


class NotFound(EngineError):
    """`what` is `trigger` or `event`; `which` is the id or name that was asked for."""

    def __init__(self, what: str, which: object) -> None:
        self.what, self.which = what, which
        super().__init__(f"There is no {what} {which!r}.")


class Conflict(EngineError):
    """The state of things does not allow the request."""


class NameTaken(Conflict):
    """Trigger names are unique."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"Another trigger is already named {name!r}.")


class VersionConflict(Conflict):
    """The trigger was changed by somebody else in between."""

    def __init__(self, trigger_id: int, expected: int, actual: int) -> None:
        self.trigger_id, self.expected, self.actual = trigger_id, expected, actual
        super().__init__(f"Trigger {trigger_id} is at version {actual}, not at {expected}.")


class IdempotencyConflict(Conflict):
    """The same Idempotency-Key came before with another request."""

    def __init__(self, key: str) -> None:
        self.key = key
        super().__init__(f"The Idempotency-Key {key!r} was used before with a different request.")


class NotActive(Conflict):
    """A trigger that is not active was called from outside."""

    def __init__(self, name: str, state: str) -> None:
        self.name, self.state = name, state
        super().__init__(f"Trigger {name!r} is {state}; resume it first.")


class StorageError(EngineError):
    """The store could not do what it was asked; nothing of the write was kept."""


class StorageFull(StorageError):
    """The disk or the quota is full."""


class StorageLocked(StorageError):
    """Another process has the database open for writing."""


class StorageCorrupt(StorageError):
    """The database is malformed, its migrations were edited, or a newer engine wrote it."""


class StorageClosed(StorageError):
    """Asked before `open` or after `close`."""
