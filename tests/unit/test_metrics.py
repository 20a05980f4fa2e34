"""What /metrics counts."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from engine.metrics import Metrics
from engine.model.event import EventKind, EventStatus
from tests.fakes.clock import START
from tests.fakes.records import RECEIVER, event


def test_an_event_is_counted_once_when_it_is_finished_and_its_lateness_when_it_fired() -> None:
    metrics = Metrics()
    waiting = event(
        kind=EventKind.SCHEDULED, target=RECEIVER, scheduled_for=START - timedelta(milliseconds=3), fired_at=START
    )
    metrics.observe(waiting)
    metrics.observe(replace(waiting, status=EventStatus.RETRYING, attempts_made=1))
    delivered = replace(waiting, status=EventStatus.DELIVERED, attempts_made=2, next_attempt_at=None, finished_at=START)
    metrics.observe(delivered)
    metrics.observe(replace(delivered, archived=True))
    text = metrics.render().decode()
    assert 'engine_events_finished_total{kind="scheduled",status="delivered"} 1.0' in text
    assert "engine_fire_lateness_seconds_count 1.0" in text
    assert 'engine_fire_lateness_seconds_bucket{le="0.002"} 0.0' in text
    assert 'engine_fire_lateness_seconds_bucket{le="0.005"} 1.0' in text


def test_gauges_are_read_when_somebody_looks() -> None:
    metrics, value = Metrics(), [1.0]
    metrics.watch("things", "Things.", lambda: value[0])
    value[0] = 7.0
    assert "engine_things 7.0" in metrics.render().decode()
