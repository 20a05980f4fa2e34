"""The machine's clock. The one file of tests that waits for real time, and that for milliseconds."""

from __future__ import annotations

import asyncio
import inspect
from datetime import UTC, datetime, timedelta

import pytest

from engine import clock as clock_module
from engine.clock import Clock, SystemClock
from tests.fakes.clock import FakeClock

LONG = timedelta(hours=1)


@pytest.fixture
def clock() -> SystemClock:
    return SystemClock()


def test_now_is_aware_utc(clock: SystemClock) -> None:
    before, now, after = datetime.now(UTC), clock.now(), datetime.now(UTC)
    assert before <= now <= after
    assert now.tzinfo is UTC


def test_monotonic_does_not_go_back(clock: SystemClock) -> None:
    readings = [clock.monotonic() for _ in range(100)]
    assert readings == sorted(readings)


async def test_a_wake_up_that_came_before_is_seen_at_once(clock: SystemClock) -> None:
    wakeup = asyncio.Event()
    wakeup.set()
    assert await clock.wait_until(clock.now() + LONG, wakeup)
    assert wakeup.is_set(), "clearing it is the caller's business"


@pytest.mark.parametrize("forever", [False, True])
async def test_a_wake_up_ends_the_wait(clock: SystemClock, forever: bool) -> None:
    wakeup = asyncio.Event()
    waiting = asyncio.ensure_future(clock.wait_until(None if forever else clock.now() + LONG, wakeup))
    await asyncio.sleep(0)
    assert not waiting.done()
    wakeup.set()
    began = clock.monotonic()
    assert await waiting
    assert clock.monotonic() - began < 0.5


@pytest.mark.parametrize("ago", [timedelta(0), timedelta(microseconds=1), timedelta(days=10_000)])
async def test_a_deadline_in_the_past_lets_others_run_and_returns(clock: SystemClock, ago: timedelta) -> None:
    ran = asyncio.Event()
    asyncio.get_running_loop().call_soon(ran.set)
    assert not await clock.wait_until(clock.now() - ago, asyncio.Event())
    assert ran.is_set(), "a loop of past deadlines would starve everything else"


async def test_the_deadline_ends_the_wait(clock: SystemClock) -> None:
    deadline = clock.now() + timedelta(milliseconds=20)
    wakeup = asyncio.Event()
    while clock.now() < deadline:
        assert not await clock.wait_until(deadline, wakeup)
    assert clock.now() - deadline < timedelta(seconds=0.5)


@pytest.mark.parametrize("forever", [False, True])
async def test_no_wait_is_longer_than_the_cap(
    clock: SystemClock, forever: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock_module, "WAIT_MAX_S", 0.01)
    began = clock.monotonic()
    assert not await clock.wait_until(None if forever else clock.now() + LONG, asyncio.Event())
    assert 0.005 < clock.monotonic() - began < 0.5


async def test_a_cancelled_wait_is_cancelled(clock: SystemClock) -> None:
    waiting = asyncio.ensure_future(clock.wait_until(clock.now() + LONG, asyncio.Event()))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_sleep_takes_its_time(clock: SystemClock) -> None:
    began = clock.monotonic()
    await clock.sleep(0.01)
    assert clock.monotonic() - began >= 0.009


@pytest.mark.parametrize("name", ["now", "monotonic", "wait_until", "sleep"])
def test_the_fake_has_the_same_face(name: str) -> None:
    faces = {inspect.signature(getattr(kind, name)) for kind in (Clock, SystemClock, FakeClock)}
    assert len(faces) == 1
