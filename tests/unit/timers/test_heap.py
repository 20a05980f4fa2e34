"""The heap against the plainest model there is: a dictionary."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from engine.model.instant import EPOCH
from engine.model.timer import TimerKey, TimerKind
from engine.timers.heap import DEAD_ENTRIES_KEPT, TimerHeap
from tests.fakes.clock import START

MILLISECOND = timedelta(milliseconds=1)


def key(number: int) -> TimerKey:
    return TimerKey(TimerKind.TRIGGER, number)


def rounded_up(instant: datetime) -> datetime:
    return EPOCH - (EPOCH - instant) // MILLISECOND * MILLISECOND


class HeapBesideDictionary(RuleBasedStateMachine):
    """Whatever is done to both, both say the same."""

    @initialize()
    def begin(self) -> None:
        self.heap = TimerHeap()
        self.model: dict[TimerKey, datetime] = {}
        self.now = START

    @rule(number=st.integers(0, 12), due_us=st.integers(-3_000, 12_000))
    def arm(self, number: int, due_us: int) -> None:
        due = self.now + timedelta(microseconds=due_us)
        self.heap.arm(key(number), due)
        self.model[key(number)] = rounded_up(due)

    @rule(number=st.integers(0, 12))
    def cancel(self, number: int) -> None:
        self.heap.cancel(key(number))
        self.model.pop(key(number), None)

    @rule(pass_us=st.integers(0, 4_000))
    def pop(self, pass_us: int) -> None:
        self.now += timedelta(microseconds=pass_us)
        popped = self.heap.pop_due(self.now)
        due = {key: slot for key, slot in self.model.items() if slot <= self.now}
        assert set(popped) == set(due)
        assert len(popped) == len(due)
        slots = [due[key] for key in popped]
        assert slots == sorted(slots)
        for popped_key in popped:
            del self.model[popped_key]

    @invariant()
    def agree(self) -> None:
        assert len(self.heap) == len(self.model)
        assert self.heap.next_due() == min(self.model.values(), default=None)
        for number in range(13):
            assert (key(number) in self.heap) == (key(number) in self.model)
            assert self.heap.due_of(key(number)) == self.model.get(key(number))


HeapBesideDictionary.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestHeapBesideDictionary = HeapBesideDictionary.TestCase


@pytest.mark.parametrize("seed", range(5))
def test_many_cancels_are_swept_and_lose_nothing(seed: int) -> None:
    rng = random.Random(seed)
    heap = TimerHeap()
    kept = {}
    for number in range(4_000):
        due = START + timedelta(milliseconds=rng.randrange(500))
        heap.arm(key(number), due)
        kept[key(number)] = due
    for number in rng.sample(range(4_000), 3_500):
        heap.cancel(key(number))
        del kept[key(number)]
    assert heap._entries <= max(2 * len(heap), len(heap) + DEAD_ENTRIES_KEPT) + 1
    assert heap.next_due() == min(kept.values())
    assert set(heap.pop_due(START + timedelta(seconds=1))) == set(kept)
    assert len(heap) == 0
    assert heap.next_due() is None
    assert not heap._slots
    assert not heap._live


def test_memory_stays_bounded_when_one_key_moves_for_ever() -> None:
    heap = TimerHeap()
    for turn in range(20_000):
        heap.arm(key(1), START + timedelta(milliseconds=turn))
    assert heap._entries <= DEAD_ENTRIES_KEPT + 2
    assert len(heap) == 1


def test_ten_thousand_at_noon_are_one_heap_entry() -> None:
    heap = TimerHeap()
    for number in range(10_000):
        heap.arm(key(number), START)
    assert len(heap._order) == 1
    assert heap.pop_due(START) == [key(number) for number in range(10_000)]


def test_a_slot_rounds_up_and_never_fires_early() -> None:
    heap = TimerHeap()
    heap.arm(key(1), START + timedelta(microseconds=1))
    assert heap.pop_due(START + timedelta(microseconds=999)) == []
    assert heap.next_due() == START + MILLISECOND
    assert heap.pop_due(START + MILLISECOND) == [key(1)]


def test_cancelled_and_armed_again_for_the_same_slot_comes_once() -> None:
    heap = TimerHeap()
    heap.arm(key(1), START)
    heap.cancel(key(1))
    heap.arm(key(1), START)
    assert heap.pop_due(START) == [key(1)]


def test_clear_forgets_everything() -> None:
    heap = TimerHeap()
    heap.arm(key(1), START)
    heap.clear()
    assert len(heap) == 0
    assert heap.pop_due(START) == []
    heap.arm(key(1), START)
    assert heap.pop_due(START) == [key(1)]
