"""The wheel on a clock that is moved by hand, over a store that is a dictionary."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime, timedelta

import pytest
from structlog.testing import capture_logs

from engine.errors import StorageError
from engine.model.timer import TimerKey, TimerKind
from engine.timers.wheel import TimerWheel
from tests.fakes.clock import START, FakeClock, settle


def key(number: int) -> TimerKey:
    return TimerKey(TimerKind.TRIGGER, number)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


class Rows:
    """`Store.upcoming` over a dictionary, with a gate that holds answers back and failures on demand."""

    def __init__(self) -> None:
        self.due: dict[TimerKey, datetime] = {}
        self.asked: list[tuple[datetime | None, datetime]] = []
        self.gate = asyncio.Event()
        """Reads of what lies ahead wait for it once they have seen their rows."""
        self.gate.set()
        self.overdue_gate = asyncio.Event()
        """The same for reads of what is overdue."""
        self.overdue_gate.set()
        self.failures: list[Exception] = []

    async def upcoming(self, after: datetime | None, until: datetime, limit: int) -> list[tuple[TimerKey, datetime]]:
        self.asked.append((after, until))
        rows = sorted(
            ((key, due) for key, due in self.due.items() if (after is None or due > after) and due <= until),
            key=lambda row: (row[1], row[0]),
        )
        if len(rows) > limit:
            rows = [row for row in rows if row[1] <= rows[limit - 1][1]]
        first_or_ahead = after is not None or len(self.asked) == 1
        await (self.gate if first_or_ahead else self.overdue_gate).wait()
        if self.failures:
            raise self.failures.pop(0)
        return rows


class Bench:
    """A wheel with everything it touches."""

    def __init__(self, load_limit: int = 10_000) -> None:
        self.clock = FakeClock()
        self.rows = Rows()
        self.batches: list[list[TimerKey]] = []
        self.stepped: list[float] = []
        self.on_due: Callable[[list[TimerKey]], None] = lambda _: None
        self.order: list[str] = []
        self.wheel = TimerWheel(
            clock=self.clock,
            load=self.rows.upcoming,
            on_due=self._due,
            on_step=self._step,
            load_limit=load_limit,
        )
        self.task: asyncio.Task[None] | None = None

    def _due(self, keys: list[TimerKey]) -> None:
        self.order.append("due")
        self.batches.append(keys)
        for handed in keys:  # as the dispatcher does, who moves what has fired out of the way
            self.rows.due.pop(handed, None)
        self.on_due(keys)

    def _step(self, delta_s: float) -> None:
        self.order.append("step")
        self.stepped.append(delta_s)

    @property
    def fired(self) -> list[int]:
        return [key.id for batch in self.batches for key in batch]

    async def start(self) -> None:
        self.task = asyncio.create_task(self.wheel.run())
        await settle(40)

    async def stop(self) -> None:
        if self.task is not None:
            self.task.cancel()
            await asyncio.wait([self.task])
            self.task = None

    async def until(self, seconds: float, step_s: float = 0.5) -> None:
        """Let time pass up to START + seconds, in small pieces, as it does."""
        while self.clock.now() < at(seconds):
            await self.clock.advance(min(step_s, (at(seconds) - self.clock.now()).total_seconds()))
            await settle(40)


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    made = Bench()
    yield made
    await made.stop()


async def test_what_the_store_has_fires_at_its_time(bench: Bench) -> None:
    bench.rows.due = {key(1): at(10), key(2): at(10), key(3): at(10.5)}
    await bench.start()
    assert bench.wheel.loaded.is_set()
    assert bench.wheel.armed == 3
    await bench.until(9.999, step_s=1)
    assert bench.batches == []
    await bench.until(10)
    assert bench.batches == [[key(1), key(2)]]
    await bench.until(10.5)
    assert bench.fired == [1, 2, 3]
    assert bench.wheel.lag_s == 0


async def test_what_was_due_before_the_start_is_one_batch_in_order(bench: Bench) -> None:
    bench.rows.due = {key(1): at(-5), key(2): at(-500), key(3): at(-50_000), key(4): at(0)}
    await bench.start()
    assert bench.batches == [[key(3), key(2), key(1), key(4)]]
    assert bench.wheel.lag_s == 50_000


async def test_a_key_armed_for_sooner_wakes_the_loop(bench: Bench) -> None:
    await bench.start()
    bench.wheel.arm(key(1), at(3))
    bench.wheel.arm(key(2), at(2))
    await bench.until(2)
    assert bench.fired == [2]
    bench.wheel.arm(key(3), at(1))  # due already
    await settle(40)
    assert bench.fired == [2, 3]
    await bench.until(3)
    assert bench.fired == [2, 3, 1]


async def test_cancelled_and_moved_keys(bench: Bench) -> None:
    await bench.start()
    bench.wheel.arm(key(1), at(5))
    bench.wheel.arm(key(2), at(5))
    bench.wheel.arm(key(3), at(5))
    bench.wheel.cancel(key(1))
    bench.wheel.cancel(key(99))
    bench.wheel.arm(key(2), at(7))
    bench.wheel.arm(key(3), at(4_000))  # beyond the horizon: the old entry goes too
    assert bench.wheel.armed == 1
    await bench.until(10)
    assert bench.fired == [2]


async def test_beyond_the_horizon_is_left_to_the_store(bench: Bench) -> None:
    await bench.start()
    bench.rows.due[key(1)] = at(75)
    bench.wheel.arm(key(1), at(75))
    assert bench.wheel.armed == 0
    await bench.until(74.9, step_s=1)
    assert bench.wheel.armed == 1
    assert bench.fired == []
    await bench.until(75)
    assert bench.fired == [1]


async def test_the_horizon_moves_on_and_nothing_is_read_twice(bench: Bench) -> None:
    for number in range(300):
        bench.rows.due[key(number)] = at(number)
    await bench.start()
    await bench.until(300, step_s=1)
    assert bench.fired == list(range(300))
    ahead = [(after, until) for after, until in bench.rows.asked if after is not None]
    assert ahead
    for (_, until), (after, _) in itertools.pairwise(ahead):
        assert after == until
    assert ahead[0] == (at(60), at(80))
    assert all(until - after == timedelta(seconds=20) for after, until in ahead)


async def test_pages_that_are_cut_follow_as_the_horizon_comes_near() -> None:
    bench = Bench(load_limit=100)
    for number in range(3_000):
        bench.rows.due[key(number)] = at(number * 0.05)  # 20 a second: a page is 5 seconds
    await bench.start()
    most = 0
    for tick in range(1, 320):
        await bench.until(tick * 0.5)
        most = max(most, bench.wheel.armed)
    assert bench.fired == list(range(3_000))
    assert most <= 200
    await bench.stop()


async def test_a_page_of_one_instant_is_read_whole() -> None:
    bench = Bench(load_limit=10)
    for number in range(1_000):
        bench.rows.due[key(number)] = at(1)
    bench.rows.due[key(1_000)] = at(1.001)
    await bench.start()
    assert bench.wheel.armed == 1_001 or bench.wheel.armed == 1_000
    await bench.until(2)
    assert sorted(bench.fired) == list(range(1_001))
    await bench.stop()


async def test_a_backlog_longer_than_a_page_is_worked_off_at_once() -> None:
    bench = Bench(load_limit=100)
    for number in range(2_500):
        bench.rows.due[key(number)] = at(number - 3_000)
    await bench.start()
    await settle(500)
    assert bench.fired == list(range(2_500))
    await bench.stop()


async def test_what_is_overdue_is_sought_up_to_the_horizon_only() -> None:
    """Beyond it the next page brings it anyway."""
    bench = Bench(load_limit=2)
    bench.rows.due = {key(number): at(number - 3_000) for number in range(4)}
    bench.rows.gate.clear()
    await bench.start()
    await bench.clock.advance(20)
    bench.rows.gate.set()
    await settle(100)
    horizon = at(-3_000 + 1)
    assert (None, horizon) in bench.rows.asked[1:]
    assert bench.fired == [0, 1, 2, 3]
    await bench.stop()


async def test_what_is_still_overdue_is_handed_over_again(bench: Bench) -> None:
    await bench.start()
    bench.on_due = lambda keys: bench.rows.due.update(dict.fromkeys(keys, at(1)))  # nothing came of it
    bench.rows.due[key(1)] = at(1)
    bench.wheel.arm(key(1), at(1))
    await bench.until(19)
    assert bench.fired == [1]
    await bench.until(21)
    assert bench.fired == [1, 1]
    bench.on_due = lambda _: None
    await bench.until(41)
    assert bench.fired == [1, 1, 1]
    await bench.until(90)
    assert bench.fired == [1, 1, 1]


async def test_firing_goes_on_while_the_store_is_slow(bench: Bench) -> None:
    bench.rows.due = {key(1): at(25)}
    await bench.start()
    bench.rows.gate.clear()
    await bench.until(24)
    assert not bench.wheel.idle()
    assert bench.fired == []
    await bench.until(25)
    assert bench.fired == [1]
    bench.rows.gate.set()
    await settle(40)
    assert bench.wheel.idle()
    assert bench.wheel.horizon == at(80)


async def test_a_read_does_not_overwrite_what_was_armed_or_cancelled_meanwhile(bench: Bench) -> None:
    bench.rows.due = {key(1): at(65), key(2): at(65), key(3): at(65)}
    await bench.start()
    bench.rows.gate.clear()
    await bench.until(21)  # the read has seen the rows, and is held back
    bench.rows.due = {key(2): at(70), key(3): at(65)}
    bench.wheel.cancel(key(1))
    bench.wheel.arm(key(2), at(70))
    bench.rows.due[key(4)] = at(66)
    bench.wheel.arm(key(4), at(66))  # beyond the old horizon, and too late for the read
    bench.rows.gate.set()
    await settle(40)
    await bench.until(67)
    assert bench.fired == [3, 4]
    await bench.until(71)
    assert bench.fired == [3, 4, 2]


async def test_overdue_rows_that_were_settled_during_the_read_stay_settled(bench: Bench) -> None:
    await bench.start()
    bench.rows.due = {key(1): at(1), key(2): at(1)}
    bench.rows.overdue_gate.clear()
    await bench.until(21)
    bench.wheel.arm(key(1), at(5_000))
    bench.wheel.cancel(key(2))
    bench.rows.overdue_gate.set()
    await settle(40)
    assert bench.fired == []


async def test_keys_armed_during_the_first_read_fire(bench: Bench) -> None:
    bench.rows.gate.clear()
    await bench.start()
    assert not bench.wheel.loaded.is_set()
    bench.wheel.arm(key(1), at(1))
    await bench.until(1)
    assert bench.fired == [1]
    bench.rows.gate.set()
    await settle(40)
    assert bench.wheel.loaded.is_set()
    assert bench.fired == [1]


async def test_a_store_that_fails_is_asked_again_with_a_growing_wait(bench: Bench) -> None:
    bench.rows.due = {key(1): at(25), key(2): at(61)}
    await bench.start()
    bench.rows.asked.clear()
    bench.rows.failures = [StorageError("no answer")] * 12
    times: list[float] = []
    load = bench.rows.upcoming

    async def timed(after: datetime | None, until: datetime, limit: int) -> list[tuple[TimerKey, datetime]]:
        if after is None or not times or bench.clock.monotonic() != times[-1]:
            times.append(bench.clock.monotonic())
        return await load(after, until, limit)

    bench.wheel._load = timed
    with capture_logs() as logs:
        await bench.until(62, step_s=0.1)
    assert bench.fired == [1, 2]
    failures = [entry for entry in logs if entry["event"] == "timers could not be read"]
    assert len(failures) == 12
    waits = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert waits[:4] == pytest.approx([0.1, 0.2, 0.4, 0.8], abs=0.11)
    assert max(waits[:12]) <= 5.11
    assert bench.wheel.horizon is not None


async def test_a_failing_first_read_does_not_spin(bench: Bench) -> None:
    bench.rows.failures = [StorageError("not yet")] * 3
    bench.rows.due = {key(1): at(0.5)}
    await bench.start()
    assert len(bench.rows.asked) == 1
    assert not bench.wheel.loaded.is_set()
    await bench.until(2, step_s=0.1)
    assert bench.wheel.loaded.is_set()
    assert bench.fired == [1]


async def test_a_failure_when_the_horizon_is_past_does_not_spin() -> None:
    bench = Bench(load_limit=2)
    bench.rows.due = {key(number): at(number) for number in range(6)}
    await bench.start()
    bench.rows.failures = [StorageError("no answer")] * 4
    asked = len(bench.rows.asked)
    await bench.clock.advance(3)
    await settle(300)
    assert len(bench.rows.asked) == asked + 1
    await bench.until(20, step_s=0.2)
    assert bench.fired == list(range(6))
    await bench.stop()


@pytest.mark.parametrize("source", ["load", "due", "step"])
async def test_any_other_error_ends_the_loop(bench: Bench, source: str) -> None:
    async def fail_load(*_: object) -> list[tuple[TimerKey, datetime]]:
        raise ZeroDivisionError

    def fail(_: object) -> None:
        raise ZeroDivisionError

    if source == "load":
        failing: Callable[..., Awaitable[list[tuple[TimerKey, datetime]]]] = fail_load
        bench.wheel._load = failing
    bench.on_due = fail
    bench.wheel._on_step = fail
    await bench.start()
    if source == "due":
        bench.wheel.arm(key(1), at(0))
    elif source == "step":
        await bench.clock.step(100)
    await settle(40)
    assert bench.task is not None
    with pytest.raises(ZeroDivisionError):
        await bench.task
    assert not bench.wheel.running


async def test_a_step_forward_fires_what_became_due_and_refills_at_once(bench: Bench) -> None:
    bench.rows.due = {key(1): at(30), key(2): at(3_000), key(3): at(3_630), key(4): at(9_000)}
    await bench.start()
    await bench.until(1)
    bench.order.clear()
    with capture_logs() as logs:
        await bench.clock.step(3_600)
        await settle(40)
    assert bench.stepped == [pytest.approx(3_600)]
    assert bench.order[0] == "step"
    assert bench.fired == [1, 2]
    assert bench.wheel.steps == 1
    assert bench.wheel.horizon == at(3_661)
    assert any(entry["event"] == "the wall clock was stepped" for entry in logs)
    await bench.until(3_631, step_s=1)
    assert bench.fired == [1, 2, 3]


async def test_a_step_forward_within_the_window_refills_at_once_too(bench: Bench) -> None:
    await bench.start()
    await bench.clock.step(30)
    await settle(40)
    assert bench.wheel.horizon == at(90)


async def test_a_step_forward_during_a_read_is_followed_by_another(bench: Bench) -> None:
    bench.rows.gate.clear()
    bench.rows.due = {key(1): at(3_000)}
    await bench.start()
    await bench.clock.step(3_600)
    bench.rows.gate.set()
    await settle(60)
    assert bench.fired == [1]
    assert bench.wheel.horizon == at(3_660)


async def test_a_step_backward_fires_nothing_twice_and_waits_for_the_true_instant(bench: Bench) -> None:
    bench.rows.due = {key(1): at(10), key(2): at(50)}
    await bench.start()
    await bench.until(10)
    assert bench.fired == [1]
    await bench.clock.step(-120)
    await settle(40)
    assert bench.stepped == [pytest.approx(-120)]
    bench.wheel.arm(key(3), at(-100))
    await bench.until(-100)
    assert bench.fired == [1, 3]
    await bench.until(49, step_s=1)
    assert bench.fired == [1, 3]
    await bench.until(50)
    assert bench.fired == [1, 3, 2]
    assert bench.wheel.steps == 1
    ahead = [(after, until) for after, until in bench.rows.asked if after is not None]
    assert ahead[0][0] == at(60), "what had been read before the step was read again"


async def test_what_a_step_forward_makes_due_is_not_handed_over_twice(bench: Bench) -> None:
    """The store shows it as due until the dispatcher has committed; here the step comes as a refill is due."""
    bench.rows.due = {key(1): at(30)}
    bench.on_due = lambda keys: bench.rows.due.update(dict.fromkeys(keys, at(30)))
    await bench.start()
    bench.clock._now += timedelta(seconds=600)
    await bench.clock.advance(20)
    await settle(40)
    await bench.until(635)
    assert bench.stepped == [pytest.approx(600)]
    assert bench.fired == [1]


async def test_slewing_of_less_than_a_second_is_no_step(bench: Bench) -> None:
    await bench.start()
    for _ in range(20):
        await bench.clock.step(0.9)
        await settle(40)
    assert bench.stepped == []
    assert bench.wheel.steps == 0


async def test_stopped_it_forgets_and_started_again_it_reads_again(bench: Bench) -> None:
    bench.rows.due = {key(1): at(10)}
    await bench.start()
    assert (bench.wheel.running, bench.wheel.armed, bench.wheel.horizon) == (True, 1, at(60))
    await bench.stop()
    assert (bench.wheel.running, bench.wheel.armed, bench.wheel.horizon) == (False, 0, None)
    assert not bench.wheel.loaded.is_set()
    bench.wheel.arm(key(2), at(11))  # nobody runs it: left to the store
    assert bench.wheel.armed == 0
    bench.rows.due[key(2)] = at(11)
    await bench.start()
    await bench.until(11)
    assert bench.fired == [1, 2]


async def test_stopping_during_a_read_leaves_nothing_behind(bench: Bench) -> None:
    bench.rows.gate.clear()
    await bench.start()
    await bench.stop()
    await settle()
    assert [task for task in asyncio.all_tasks() if task.get_name() == "timer-refill"] == []


async def test_it_runs_once_at_a_time(bench: Bench) -> None:
    await bench.start()
    with pytest.raises(RuntimeError):
        await bench.wheel.run()
    assert bench.wheel.running


async def test_a_key_armed_by_the_hand_over_itself_is_not_missed(bench: Bench) -> None:
    """A trigger that fires every second is armed again while its batch is handed over."""
    bench.on_due = lambda keys: bench.wheel.arm(keys[0], bench.clock.now() + timedelta(seconds=1))
    await bench.start()
    bench.wheel.arm(key(1), at(1))
    await bench.until(5.5)
    assert bench.fired == [1] * 5
