"""The window that moves over the store: pages, failures, and reads that run beside the loop."""

from __future__ import annotations

import itertools
from datetime import datetime, timedelta

import pytest
from structlog.testing import capture_logs

from engine.errors import StorageError
from engine.model.timer import TimerKey
from tests.fakes.clock import settle
from tests.unit.timers.wheel_bench import Bench, at, key


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
