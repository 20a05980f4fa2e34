"""What is armed fires at its time; the loop starts, stops and fails in the open."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import pytest

from engine.model.timer import TimerKey
from tests.fakes.clock import settle
from tests.unit.timers.wheel_bench import Bench, at, key


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
