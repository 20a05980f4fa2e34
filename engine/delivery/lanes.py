"""A lane for each host: so many abreast, the rest in its queue. No asyncio in it.

There is no limit over all hosts, so a host that hangs fills its own lane and nobody else's.
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


class Admission(Enum):
    """What became of an item that wanted in."""

    STARTED = "started"
    QUEUED = "queued"
    REFUSED = "refused"


@dataclass(slots=True)
class _Lane(Generic[Item]):
    in_flight: int = 0
    waiting: deque[Item] = field(default_factory=deque)


class Lanes(Generic[Item]):
    """Counts what is in flight by key and queues the overflow, first in, first out."""

    def __init__(self, *, in_flight_per_host_max: int, queued_max: int) -> None:
        self._in_flight_max = in_flight_per_host_max
        self._queued_max = queued_max
        self._queued_per_host_max = max(1, queued_max // QUEUE_SHARE)
        self._lanes: dict[Hashable, _Lane[Item]] = {}
        self.in_flight = 0
        self.queued = 0

    def enter(self, key: Hashable, item: Item) -> Admission:
        """Started: begin with `item` now, and `leave` when it is done. Queued: `leave` will return it in its turn."""
        lane = self._lanes.get(key) or _Lane()
        if lane.in_flight < self._in_flight_max:
            lane.in_flight += 1
            self.in_flight += 1
            self._lanes[key] = lane
            return Admission.STARTED
        if self.queued >= self._queued_max or len(lane.waiting) >= self._queued_per_host_max:
            return Admission.REFUSED
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
        if not lane.in_flight:
            del self._lanes[key]
        return None

    def clear_queues(self) -> list[Item]:
        """Take out all that is queued; what is in flight stays."""
        items = [item for lane in self._lanes.values() for item in lane.waiting]
        for lane in self._lanes.values():
            lane.waiting.clear()
        self.queued = 0
        return items
