"""On time: a real process, real time, real HTTP. `make bench` measures the same with more triggers."""

from __future__ import annotations

from bench.lateness import measure_lateness, median


async def test_triggers_fire_within_20_ms_never_early_and_can_be_read_at_once() -> None:
    lateness = await measure_lateness(count=15, due_in_s=1.5, apart_s=0.05)
    assert len(lateness.recorded_ms) == len(lateness.delivered_ms) == len(lateness.readable_ms) == 15
    assert min(lateness.recorded_ms) >= 0
    assert min(lateness.delivered_ms) >= 0
    assert median(lateness.recorded_ms) <= 20
    assert median(lateness.delivered_ms) <= 20
