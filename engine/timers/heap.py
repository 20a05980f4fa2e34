"""The timer wheel's data structure: slots in a heap. No clock and no asyncio in it.

Due times are rounded up to a slot of one millisecond; each slot is a list of keys; a heap orders the slots, not the
keys. Ten thousand triggers that are due at noon are one heap entry. Cancelling is lazy: `_armed` says which slot a key
is in, an entry elsewhere is dead and is passed over when its slot comes up, or swept once there are too many.
"""

from __future__ import annotations

import heapq
from datetime import datetime, timedelta

from engine.model.instant import EPOCH, to_microseconds
from engine.model.timer import TimerKey

SLOT_US = 1_000
"""Width of a slot in microseconds."""

DEAD_ENTRIES_KEPT = 1_000
"""Below this many dead entries a sweep is not worth its walk."""


class TimerHeap:
    """Which keys are due when. Each key is armed for one instant at most."""

    def __init__(self) -> None:
        self._armed: dict[TimerKey, int] = {}
        self._slots: dict[int, list[TimerKey]] = {}
        self._order: list[int] = []
        self._live: dict[int, int] = {}
        self._entries = 0

    def __len__(self) -> int:
        """How many keys are armed."""
        return len(self._armed)

    def __contains__(self, key: object) -> bool:
        return key in self._armed

    def arm(self, key: TimerKey, due: datetime) -> None:
        """Put `key` in for `due`, rounded up to a slot; a key that is armed already moves."""
        slot = -(-to_microseconds(due) // SLOT_US)
        if self._armed.get(key) == slot:
            return
        self.cancel(key)
        self._armed[key] = slot
        keys = self._slots.get(slot)
        if keys is None:
            keys = self._slots[slot] = []
            heapq.heappush(self._order, slot)
        keys.append(key)
        self._live[slot] = self._live.get(slot, 0) + 1
        self._entries += 1

    def cancel(self, key: TimerKey) -> None:
        """Take `key` out. Cancelling what is not armed is harmless."""
        slot = self._armed.pop(key, None)
        if slot is None:
            return
        self._live[slot] -= 1
        dead = self._entries - len(self._armed)
        if dead > DEAD_ENTRIES_KEPT and dead * 2 > self._entries:
            self._sweep()

    def pop_due(self, now: datetime) -> list[TimerKey]:
        """Take out every key whose slot is not later than `now`, in the order of the slots."""
        now_slot = to_microseconds(now) // SLOT_US
        due: list[TimerKey] = []
        while self._order and self._order[0] <= now_slot:
            slot = heapq.heappop(self._order)
            for key in self._drop(slot):
                # A key that was cancelled and armed again for the same slot has two entries; the first one counts.
                if self._armed.get(key) == slot:
                    del self._armed[key]
                    due.append(key)
        return due

    def next_due(self) -> datetime | None:
        """The earliest slot that holds a live key."""
        while self._order:
            slot = self._order[0]
            if self._live[slot]:
                return _instant(slot)
            heapq.heappop(self._order)
            self._drop(slot)
        return None

    def due_of(self, key: TimerKey) -> datetime | None:
        """The slot `key` is armed for: its due time rounded up to a millisecond."""
        slot = self._armed.get(key)
        return None if slot is None else _instant(slot)

    def clear(self) -> None:
        """Forget everything."""
        self._armed.clear()
        self._slots.clear()
        self._order.clear()
        self._live.clear()
        self._entries = 0

    def _drop(self, slot: int) -> list[TimerKey]:
        keys = self._slots.pop(slot)
        del self._live[slot]
        self._entries -= len(keys)
        return keys

    def _sweep(self) -> None:
        """Build everything anew from what is armed. Keys of one slot keep their order."""
        armed = self._armed
        self._slots = {
            slot: alive
            for slot, keys in self._slots.items()
            if (alive := list(dict.fromkeys(key for key in keys if armed.get(key) == slot)))
        }
        self._order = list(self._slots)
        heapq.heapify(self._order)
        self._live = {slot: len(keys) for slot, keys in self._slots.items()}
        self._entries = len(armed)


def _instant(slot: int) -> datetime:
    return EPOCH + timedelta(microseconds=slot * SLOT_US)
