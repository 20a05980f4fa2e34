"""Due -> next fire time -> one transaction -> deliver.

The wheel says what is due and nothing more; what that means is read from the store, where the truth is. A key that
comes too early, twice, or for something that is gone does no harm: the store's compare-and-set decides.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

from engine.clock import Clock
from engine.delivery.deliverer import Deliverer
from engine.errors import InvalidInput, NotFound, StorageClosed, StorageCorrupt, StorageError, VersionConflict
from engine.model.event import (
    UNDELIVERED,
    Event,
    EventKind,
    EventStatus,
    NewEvent,
    SkipReason,
    fired_event,
    skipped_event,
)
from engine.model.timer import TimerKey, TimerKind
from engine.model.trigger import OverlapPolicy, Trigger, TriggerState
from engine.storage.port import Firing, Store
from engine.timers.fire_times import Occurrence, plan_fires
from engine.timers.lifecycle import pause_ended
from engine.timers.wheel import TimerWheel

log = structlog.get_logger(__name__)

BATCH_MAX = 500
"""Keys read together, and about the most events of one commit."""
DUE_MAX = 20_000
"""With this many keys waiting, the wheel reads no further ones from the store until there is room again."""
AGAIN = timedelta(seconds=1)
"""How soon to look again at what could not be done now: no room to deliver, or the store refused."""


@dataclass(slots=True)
class Counters:
    """For the metrics."""

    fired: int = 0
    skipped: int = 0
    store_errors: int = 0


class Dispatcher:
    """Turns due triggers into events and hands events to the deliverer. `publish` is told of every change."""

    def __init__(self, *, store: Store, clock: Clock, publish: Callable[[Event], None]) -> None:
        self._store = store
        self._clock = clock
        self._publish = publish
        self._due: dict[TimerKey, None] = {}
        self._something_due = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._room = asyncio.Event()
        self._room.set()
        self._running_since = clock.now()
        self.counters = Counters()

    def connect(self, wheel: TimerWheel, deliverer: Deliverer) -> None:
        """Complete the circle: both were built with methods of this dispatcher."""
        self._wheel = wheel
        self._deliverer = deliverer

    # --- what the others call -------------------------------------------------------------------------------------

    def due(self, keys: Sequence[TimerKey]) -> None:
        """From the wheel: look at these. Quick; the work is done in `run`."""
        self._due.update(dict.fromkeys(keys))
        if len(self._due) >= DUE_MAX:
            self._room.clear()
        self._idle.clear()
        self._something_due.set()

    async def load(self, after: datetime | None, until: datetime, limit: int) -> list[tuple[TimerKey, datetime]]:
        """`Store.upcoming` for the wheel, once there is room: after a long downtime a million may be overdue, and they
        are better kept in the store than here."""
        await self._room.wait()
        return await self._store.upcoming(after, until, limit)

    def stepped(self, delta_s: float) -> None:
        """From the wheel: the wall clock moved by `delta_s`. What a step forward passed over counts as missed."""
        now = self._clock.now()
        self._running_since = now if delta_s > 0 else min(self._running_since, now)

    def fired(self, event: Event) -> None:
        """From the registry: an event that no schedule asked for was written."""
        self._publish(event)
        self._send(event)

    def changed(self, event: Event) -> None:
        """From the deliverer: an attempt began to last, or ended and was recorded."""
        self._publish(event)
        if event.status is EventStatus.RETRYING and event.next_attempt_at is not None:
            self._wheel.arm(TimerKey(TimerKind.DELIVERY, event.id), event.next_attempt_at)

    def room(self, event_ids: Sequence[int]) -> None:
        """From the deliverer: there is room now for these, which it could not keep whole."""
        self.due([TimerKey(TimerKind.DELIVERY, event_id) for event_id in event_ids])

    async def drained(self) -> None:
        """Return once nothing handed in is left to be written."""
        await self._idle.wait()

    async def run(self) -> None:
        """Work off what is due, batch by batch, until cancelled. Raises only what the engine cannot go on after."""
        self._running_since = self._clock.now()
        while True:
            if not self._due:
                self._something_due.clear()
                self._idle.set()
            await self._something_due.wait()
            batch = list(self._due)[:BATCH_MAX]
            for key in batch:
                del self._due[key]
            if len(self._due) < DUE_MAX:
                self._room.set()
            try:
                await self._fire([key.id for key in batch if key.kind is TimerKind.TRIGGER])
                await self._deliver([key.id for key in batch if key.kind is TimerKind.DELIVERY])
            except (StorageClosed, StorageCorrupt):
                raise
            except StorageError as error:
                self.counters.store_errors += 1
                log.error("could not record what is due; trying again", keys=len(batch), error=str(error))
                again_at = self._clock.now() + AGAIN
                for key in batch:
                    self._wheel.arm(key, again_at)

    # --- triggers -------------------------------------------------------------------------------------------------

    async def _fire(self, trigger_ids: Sequence[int]) -> None:
        if not trigger_ids:
            return
        triggers = await self._store.get_triggers(trigger_ids)
        skippers = [t.id for t in triggers if t.definition.overlap is OverlapPolicy.SKIP]
        under_way = await self._store.undelivered(skippers) if skippers else set()
        now = self._clock.now()
        firings: list[Firing] = []
        size = 0
        for trigger in triggers:
            if trigger.wake_at is None:
                continue
            if trigger.wake_at > now:
                self._wheel.arm(TimerKey(TimerKind.TRIGGER, trigger.id), trigger.wake_at)
            elif trigger.state is TriggerState.PAUSED:
                await self._end_pause(trigger)
            else:
                try:
                    firings.append(firing := self._firing(trigger, now, trigger.id in under_way))
                except InvalidInput as error:
                    await self._disable(trigger, str(error))
                    continue
                size += len(firing.events)
                if size >= BATCH_MAX:
                    await self._commit(firings)
                    firings, size = [], 0
        if firings:
            await self._commit(firings)

    def _firing(self, trigger: Trigger, now: datetime, under_way: bool) -> Firing:
        definition, due_at = trigger.definition, trigger.next_fire_at
        if definition.schedule is None or due_at is None:
            raise RuntimeError(f"trigger {trigger.id} is due without a schedule")
        plan = plan_fires(definition.schedule, due_at, now, self._running_since, definition.misfire)
        skip_next = under_way
        events: list[NewEvent] = []
        for occurrence in plan.occurrences:
            events.append(_event(trigger, occurrence, now, overlaps=skip_next))
            # The first fire of this plan is itself under way when the next one comes.
            if events[-1].status in UNDELIVERED and definition.overlap is OverlapPolicy.SKIP:
                skip_next = True
        return Firing(
            trigger_id=trigger.id,
            version=trigger.version,
            due_at=due_at,
            events=tuple(events),
            next_fire_at=plan.next_fire_at,
            state=TriggerState.ACTIVE if plan.next_fire_at else TriggerState.COMPLETED,
            fired=any(event.status is not EventStatus.SKIPPED for event in events),
        )

    async def _commit(self, firings: Sequence[Firing]) -> None:
        recorded = await self._store.record_firings(firings)
        for firing, events in zip(firings, recorded, strict=True):
            if events is None:
                continue  # it was changed meanwhile, and whoever changed it has armed it again
            if firing.next_fire_at is not None:
                self._wheel.arm(TimerKey(TimerKind.TRIGGER, firing.trigger_id), firing.next_fire_at)
            for event in events:
                if event.status is EventStatus.SKIPPED:
                    self.counters.skipped += 1
                else:
                    self.counters.fired += 1
                self._publish(event)
                self._send(event)

    async def _end_pause(self, trigger: Trigger) -> None:
        try:
            written = await self._store.replace_trigger(pause_ended(trigger, self._clock.now()), seen=trigger)
        except (VersionConflict, NotFound):
            return  # somebody resumed, changed or deleted it first, and has told the wheel
        except InvalidInput as error:
            await self._disable(trigger, str(error))
            return
        if written.wake_at is not None:
            self._wheel.arm(TimerKey(TimerKind.TRIGGER, written.id), written.wake_at)

    async def _disable(self, trigger: Trigger, reason: str) -> None:
        """Take out of service what cannot be served here, such as a zone that this machine does not know: the other
        triggers go on, and whoever looks at this one sees why it does not."""
        log.error("a trigger cannot be served and is disabled", trigger_id=trigger.id, reason=reason)
        disabled = replace(
            trigger,
            state=TriggerState.DISABLED,
            state_reason=reason,
            paused_until=None,
            next_fire_at=None,
            updated_at=self._clock.now(),
        )
        with contextlib.suppress(VersionConflict, NotFound):
            await self._store.replace_trigger(disabled, seen=trigger)

    # --- deliveries -----------------------------------------------------------------------------------------------

    async def _deliver(self, event_ids: Sequence[int]) -> None:
        # What waits for a slow host is still due in the store, so the wheel hands it over again and again.
        wanted = [event_id for event_id in event_ids if not self._deliverer.knows(event_id)]
        if not wanted:
            return
        now = self._clock.now()
        for event in await self._store.get_events(wanted):
            if event.next_attempt_at is not None and event.next_attempt_at > now:
                self._wheel.arm(TimerKey(TimerKind.DELIVERY, event.id), event.next_attempt_at)
            else:
                self._send(event)
        self._deliverer.excuse(wanted)

    def _send(self, event: Event) -> None:
        if event.status in UNDELIVERED and not self._deliverer.submit(event):
            self._wheel.arm(TimerKey(TimerKind.DELIVERY, event.id), self._clock.now() + AGAIN)


def _event(trigger: Trigger, occurrence: Occurrence, now: datetime, *, overlaps: bool) -> NewEvent:
    """The ledger row for one occurrence."""
    missed = occurrence.missed_count
    if occurrence.skip is not None or overlaps:
        reason = occurrence.skip or SkipReason.OVERLAP
        return skipped_event(
            trigger_id=trigger.id,
            trigger_name=trigger.name,
            kind=EventKind.SCHEDULED,
            reason=reason,
            details="The last delivery was still under way."
            if reason is SkipReason.OVERLAP
            else f"{_fires(missed)} came due while the engine was not running.",
            scheduled_for=occurrence.scheduled_for,
            now=now,
            payload=trigger.definition.payload,
            missed_count=missed,
        )
    return fired_event(
        trigger_id=trigger.id,
        trigger_name=trigger.name,
        kind=EventKind.SCHEDULED,
        details="Fired on schedule."
        if not missed
        else f"Fired late: stands for {_fires(missed)} that came due while the engine was not running.",
        scheduled_for=occurrence.scheduled_for,
        fired_at=now,
        payload=trigger.definition.payload,
        target=trigger.definition.target,
        retry=trigger.definition.retry,
        missed_count=missed,
    )


def _fires(count: int) -> str:
    return "1 fire" if count == 1 else f"{count:,} fires"
