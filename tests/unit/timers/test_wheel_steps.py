"""A wall clock that is stepped while the wheel sleeps."""

from __future__ import annotations

from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from tests.fakes.clock import settle
from tests.unit.timers.wheel_bench import Bench, at, key


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
