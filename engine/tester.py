"""Trying a trigger out: one attempt at most, nothing saved but a row of kind `test` in the ledger."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import datetime

from engine.clock import Clock
from engine.delivery.request import build_request
from engine.delivery.transport import Transport
from engine.delivery.verdict import conclude, failure_reason
from engine.model.delivery import Attempt, Exchange, Request, Verdict
from engine.model.event import Event, EventKind, EventStatus, NewEvent, fired_event
from engine.model.trigger import Definition, TriggerType
from engine.storage.port import Store
from engine.timers.fire_times import FireTime, fire_times
from engine.validation import check_definition, check_payload

FIRES_SHOWN = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class TestResult:
    """What a test gave. Parts that do not apply are None."""

    event: Event | None
    """The row in the ledger; None when nothing was to be sent."""
    request: Request | None
    attempt: Attempt | None
    fires: list[FireTime]


class Tester:
    """Renders, checks and sends as a fire would, with the same code. `publish` is told of the test's event."""

    def __init__(self, *, store: Store, transport: Transport, clock: Clock, publish: Callable[[Event], None]) -> None:
        self._store = store
        self._transport = transport
        self._clock = clock
        self._publish = publish

    async def test(self, definition: Definition, *, trigger_id: int | None = None, send: bool = True) -> TestResult:
        """Check `definition` and, if `send`, make one attempt. Raises InvalidInput where saving or firing would."""
        now = self._clock.now()
        check_definition(definition, now)
        if definition.type is TriggerType.API:
            check_payload(definition.payload_schema, definition.payload)
        fires = fire_times(definition.schedule, now, FIRES_SHOWN) if definition.schedule else []
        draft = fired_event(
            trigger_id=trigger_id,
            trigger_name=definition.name,
            kind=EventKind.TEST,
            details="Test: recorded, there is no target.",
            scheduled_for=now,
            fired_at=now,
            payload=definition.payload,
            target=definition.target,
            retry=definition.retry,
        )
        unsaved = _as_event(draft)
        request = build_request(unsaved, 1, now) if definition.target else None
        if not send:
            return TestResult(event=None, request=request, attempt=None, fires=fires)
        if request is None:
            event = (await self._store.add_event(draft)).row
            self._publish(event)
            return TestResult(event=event, request=None, attempt=None, fires=fires)
        event, attempt = await self._attempt(draft, unsaved, request, now)
        return TestResult(event=event, request=request, attempt=attempt, fires=fires)

    async def _attempt(
        self, draft: NewEvent, unsaved: Event, request: Request, started_at: datetime
    ) -> tuple[Event, Attempt]:
        """Send first and write afterwards, as a row that is already finished: a test is never sent again."""
        answer = await self._transport.send(request)
        now = self._clock.now()
        exchange, verdict = conclude(unsaved, answer, 1, now, random.Random())  # noqa: S311
        verdict = _final(verdict, exchange, now)
        finished = replace(
            draft,
            status=verdict.status,
            reason=verdict.reason,
            details=verdict.details,
            finished_at=verdict.finished_at,
            next_attempt_at=None,
        )
        written = (await self._store.add_event(finished)).row
        attempt = Attempt(event_id=written.id, number=1, started_at=started_at, exchange=exchange)
        event = await self._store.record_attempt(attempt, verdict)
        self._publish(event)
        return event, attempt


def _final(verdict: Verdict, exchange: Exchange, now: datetime) -> Verdict:
    """A test is not retried: what would be tried again counts as failed, and says so."""
    if verdict.status is not EventStatus.RETRYING:
        return verdict
    return replace(
        verdict,
        status=EventStatus.FAILED,
        reason=failure_reason(exchange),
        details=f"{verdict.details} A test is not tried again.",
        finished_at=now,
        next_attempt_at=None,
    )


def _as_event(draft: NewEvent) -> Event:
    """`draft` as if it were saved, to build the request that would be sent."""
    return Event(id=0, **{name: getattr(draft, name) for name in asdict(draft)})
