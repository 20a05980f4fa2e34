"""The verbs of a trigger's life. Each writes the store first and then brings the wheel in step with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from engine.clock import Clock
from engine.errors import NotActive, VersionConflict
from engine.model.event import Event, EventKind, NewEvent, SkipReason, fired_event, skipped_event
from engine.model.timer import TimerKey, TimerKind
from engine.model.trigger import Definition, Trigger, TriggerState, TriggerType
from engine.storage.port import IdempotencyKey, Store, Written
from engine.timers.lifecycle import edited, paused, resumed, started
from engine.timers.wheel import TimerWheel
from engine.validation import check_definition, check_payload


@dataclass(frozen=True, kw_only=True, slots=True)
class Edit:
    """What a change makes of a trigger."""

    definition: Definition
    active: bool | None = None
    """None: as active as it was."""


class Registry:
    """Keeps store and wheel in step. `on_fired` is told of every event made here, after its commit."""

    def __init__(self, *, store: Store, wheel: TimerWheel, clock: Clock, on_fired: Callable[[Event], None]) -> None:
        self._store = store
        self._wheel = wheel
        self._clock = clock
        self._on_fired = on_fired

    async def create(
        self, definition: Definition, *, active: bool = True, idempotency: IdempotencyKey | None = None
    ) -> Written[Trigger]:
        """Save a new trigger and arm it. Raises InvalidInput, NameTaken, IdempotencyConflict."""
        now = self._clock.now()
        check_definition(definition, now)
        state, next_fire_at = started(definition, now) if active else (TriggerState.PAUSED, None)
        written = await self._store.add_trigger(
            definition, state=state, next_fire_at=next_fire_at, now=now, idempotency=idempotency
        )
        self._arm(written.row)
        return written

    async def change(self, trigger_id: int, edit: Callable[[Trigger], Edit], *, version: int | None = None) -> Trigger:
        """Apply `edit` to the trigger as saved. Without `version` it is applied again if somebody else was faster.

        Raises NotFound, InvalidInput, NameTaken, VersionConflict (only when `version` is given).
        """

        def change(saved: Trigger) -> Trigger:
            wanted = edit(saved)
            now = self._clock.now()
            if wanted.definition != saved.definition:
                check_definition(wanted.definition, now)
            return edited(saved, wanted.definition, wanted.active, now)

        return await self._replace(trigger_id, change, version)

    async def pause(self, trigger_id: int, *, until: datetime | None = None, note: str | None = None) -> Trigger:
        """Stop firing until `until`, or until resumed. Raises NotFound, Conflict."""
        return await self._replace(trigger_id, lambda saved: paused(saved, until, note, self._clock.now()))

    async def resume(self, trigger_id: int) -> Trigger:
        """Fire again; harmless when it does. Raises NotFound, Conflict."""
        return await self._replace(trigger_id, lambda saved: resumed(saved, self._clock.now()))

    async def remove(self, trigger_id: int, *, version: int | None = None) -> None:
        """Delete the trigger; events it has fired are still delivered and stay readable. Raises NotFound,
        VersionConflict."""
        await self._store.remove_trigger(trigger_id, version=version)
        self._wheel.cancel(TimerKey(TimerKind.TRIGGER, trigger_id))

    async def fire_now(
        self, trigger_id: int, *, payload: str | None = None, idempotency: IdempotencyKey | None = None
    ) -> Written[Event]:
        """Fire, with `payload` in place of the trigger's own where it is given. The schedule is not touched.

        An API trigger that is not active refuses (NotActive) and leaves a skipped event; a scheduled one can be fired
        by hand in any state. Raises NotFound, InvalidInput, NotActive, IdempotencyConflict.
        """
        trigger = await self._store.get_trigger(trigger_id)
        definition, now = trigger.definition, self._clock.now()
        called = definition.type is TriggerType.API
        if payload is None:
            payload = definition.payload
        check_payload(definition.payload_schema, payload)
        if called and not trigger.is_active:
            await self._record(
                skipped_event(
                    trigger_id=trigger.id,
                    trigger_name=trigger.name,
                    kind=EventKind.API,
                    reason=SkipReason.PAUSED,
                    details=f"Called while {trigger.state}.",
                    scheduled_for=now,
                    now=now,
                    payload=payload,
                )
            )
            raise NotActive(trigger.name, trigger.state)
        return await self._record(
            fired_event(
                trigger_id=trigger.id,
                trigger_name=trigger.name,
                kind=EventKind.API if called else EventKind.MANUAL,
                details="Called through the API." if called else "Fired by hand.",
                scheduled_for=now,
                fired_at=now,
                payload=payload,
                target=definition.target,
                retry=definition.retry,
            ),
            idempotency,
        )

    async def replay(self, event_id: int, *, through_trigger: bool = False) -> Event:
        """Send an event again: the same bytes to the same place, or its payload through the trigger as it is now.

        Raises NotFound (event, or the trigger when it is to go through it).
        """
        event = await self._store.get_event(event_id)
        now = self._clock.now()
        target, retry, name = event.target, event.retry, event.trigger_name
        if through_trigger:
            definition = (await self._store.get_trigger(event.trigger_id or 0)).definition
            target, retry, name = definition.target, definition.retry, definition.name
        written = await self._record(
            fired_event(
                trigger_id=event.trigger_id,
                trigger_name=name,
                kind=EventKind.REPLAY,
                details=f"Event {event.id} again, "
                + ("through the trigger as it is now." if through_trigger else "as it was."),
                scheduled_for=now,
                fired_at=now,
                payload=event.payload,
                target=target,
                retry=retry,
                replay_of=event.id,
            )
        )
        return written.row

    async def _record(self, event: NewEvent, idempotency: IdempotencyKey | None = None) -> Written[Event]:
        written = await self._store.add_event(event, idempotency=idempotency)
        if not written.replayed:
            self._on_fired(written.row)
        return written

    async def _replace(
        self, trigger_id: int, change: Callable[[Trigger], Trigger], version: int | None = None
    ) -> Trigger:
        while True:
            saved = await self._store.get_trigger(trigger_id)
            if version is not None and saved.version != version:
                raise VersionConflict(trigger_id, version, saved.version)
            changed = change(saved)
            if changed is saved:
                return saved
            try:
                written = await self._store.replace_trigger(changed, seen=saved)
            except VersionConflict:
                continue  # it fired or was changed in between; look again
            self._arm(written)
            return written

    def _arm(self, trigger: Trigger) -> None:
        key = TimerKey(TimerKind.TRIGGER, trigger.id)
        if trigger.wake_at is None:
            self._wheel.cancel(key)
        else:
            self._wheel.arm(key, trigger.wake_at)
