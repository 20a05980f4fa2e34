"""A lane for each host: so many abreast, then a queue of items, then an overflow of their numbers. No asyncio in it.

There is no limit over all hosts on what is in flight, so a host that hangs fills its own lane and nobody else's. The
places in queues and in overflows are bounded in all, and one host gets a share of them. Where others have filled the
queues, a lane's overflow still moves up into its own places in flight.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass, field
from enum import Enum
from typing import Generic, TypeVar

Item = TypeVar("Item")

QUEUE_SHARE = 4
"""One host may hold 1/QUEUE_SHARE of all queued places, so that a dead one leaves room for the others."""
OVERFLOW_SHARE = 2
"""The same for the overflow, which is for the long backlogs that one host gathers."""


class Admission(Enum):
    """What became of an item that wanted in."""

    STARTED = "started"
    QUEUED = "queued"
    NOTED = "noted"
    REFUSED = "refused"


@dataclass(slots=True)
class _Lane(Generic[Item]):
    in_flight: int = 0
    waiting: deque[Item] = field(default_factory=deque)
    overflow: deque[int] = field(default_factory=deque)
    called: int = 0

    @property
    def empty(self) -> bool:
        return not (self.in_flight or self.overflow or self.called)


class Lanes(Generic[Item]):
    """Counts what is in flight by key and keeps the rest waiting, first in, first out."""

    def __init__(self, *, in_flight_per_host_max: int, queued_max: int, overflow_max: int) -> None:
        self._in_flight_max = in_flight_per_host_max
        self._queued_max = queued_max
        self._queued_per_host_max = max(1, queued_max // QUEUE_SHARE)
        self._overflow_max = overflow_max
        self._overflow_per_host_max = max(1, overflow_max // OVERFLOW_SHARE)
        self._lanes: dict[Hashable, _Lane[Item]] = {}
        self._called: dict[int, Hashable] = {}
        self.in_flight = 0
        self.queued = 0
        self.noted = 0

    def enter(self, key: Hashable, number: int, item: Item) -> Admission:
        """Started: begin with `item` now, and `leave` when it is done. Queued: `leave` will return it in its turn.
        Noted: only its number is kept, and `call` will return that. One that was called has its place."""
        lane = self._lanes.setdefault(key, _Lane())
        was_called = self._excuse(number)
        if not was_called and (lane.overflow or self._room(lane) <= 0):
            return self._note(lane, number)
        if lane.in_flight < self._in_flight_max:
            lane.in_flight += 1
            self.in_flight += 1
            return Admission.STARTED
        lane.waiting.append(item)
        self.queued += 1
        return Admission.QUEUED

    def leave(self, key: Hashable) -> Item | None:
        """One in flight is done. Returns the next of its lane, which is in flight from now on, or None."""
        lane = self._lanes[key]
        if lane.waiting:
            self.queued -= 1
            return lane.waiting.popleft()
        lane.in_flight -= 1
        self.in_flight -= 1
        self._forget_if_empty(key)
        return None

    def call(self, key: Hashable) -> list[int]:
        """The noted numbers there is room for now. Their places are kept until they `enter` or are excused."""
        lane = self._lanes.get(key)
        if lane is None or not lane.overflow:
            return []
        numbers = [lane.overflow.popleft() for _ in range(min(self._room(lane), len(lane.overflow)))]
        self.noted -= len(numbers)
        lane.called += len(numbers)
        self._called.update(dict.fromkeys(numbers, key))
        return numbers

    def excuse(self, number: int) -> Hashable | None:
        """`number` is not coming. If it was called, its place is free again: returns its key, to `call` others."""
        key = self._called.get(number)
        if not self._excuse(number):
            return None
        self._forget_if_empty(key)
        return key

    def clear_queues(self) -> tuple[list[Item], list[int]]:
        """Take out all that waits, the items and the noted numbers; what is in flight stays."""
        items = [item for lane in self._lanes.values() for item in lane.waiting]
        numbers = [number for lane in self._lanes.values() for number in lane.overflow]
        for key, lane in list(self._lanes.items()):
            lane.waiting.clear()
            lane.overflow.clear()
            lane.called = 0
            self._forget_if_empty(key)
        self._called.clear()
        self.queued = self.noted = 0
        return items, numbers

    def _room(self, lane: _Lane[Item]) -> int:
        queue = min(self._queued_per_host_max - len(lane.waiting), self._queued_max - self.queued - len(self._called))
        return self._in_flight_max - lane.in_flight + max(0, queue) - lane.called

    def _note(self, lane: _Lane[Item], number: int) -> Admission:
        if self.noted >= self._overflow_max or len(lane.overflow) >= self._overflow_per_host_max:
            return Admission.REFUSED
        lane.overflow.append(number)
        self.noted += 1
        return Admission.NOTED

    def _excuse(self, number: int) -> bool:
        if number not in self._called:
            return False
        self._lanes[self._called.pop(number)].called -= 1
        return True

    def _forget_if_empty(self, key: Hashable) -> None:
        if self._lanes[key].empty:
            del self._lanes[key]
