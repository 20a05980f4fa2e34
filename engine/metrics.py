"""What /metrics shows, in the Prometheus text format."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from engine import __version__
from engine.model.event import UNDELIVERED, Event, EventKind, EventStatus


class Metrics:
    """Counts what happens (`observe`) and asks the parts for the rest when somebody looks (`watch`)."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._finished = Counter(
            "engine_events_finished",
            "Events that reached their last status.",
            ["kind", "status"],
            registry=self._registry,
        )
        self._lateness = Histogram(
            "engine_fire_lateness_seconds",
            "From the scheduled instant to the decision to fire.",
            buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1, 5, 60),
            registry=self._registry,
        )
        Gauge("engine_info", "The running version.", ["version"], registry=self._registry).labels(__version__).set(1)

    def observe(self, event: Event) -> None:
        """Count an event that was written or has changed. Archiving a finished one is no change of status."""
        if event.archived:
            return
        if event.status not in UNDELIVERED:
            self._finished.labels(event.kind.value, event.status.value).inc()
        first_news = event.status is EventStatus.RECORDED or (
            event.status is EventStatus.WAITING and not event.attempts_made
        )
        if first_news and event.kind is EventKind.SCHEDULED:
            self._lateness.observe(event.lateness_ms / 1000)

    def watch(self, name: str, description: str, read: Callable[[], float]) -> None:
        """A gauge whose value is `read()` at the moment somebody looks."""
        Gauge(f"engine_{name}", description, registry=self._registry).set_function(read)

    def render(self) -> bytes:
        return generate_latest(self._registry)
