"""What the timer wheel holds: keys of things that have to be looked at, at an instant."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple


class TimerKind(IntEnum):
    """What the id of a key means."""

    TRIGGER = 1
    """A trigger's next fire, or the end of its pause."""
    DELIVERY = 2
    """An event's next attempt."""


class TimerKey(NamedTuple):
    """One thing to look at when it is due. Due or not is decided again from the store, never from the key."""

    kind: TimerKind
    id: int
