"""The store in plain dictionaries. Every method runs to its end without a pause, so each is atomic by itself."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from engine.errors import IdempotencyConflict, NameTaken, NotFound, StorageClosed, VersionConflict
from engine.model.delivery import Attempt, Verdict
from engine.model.event import UNDELIVERED, Event, EventKind, EventStatus, NewEvent
from engine.model.timer import TimerKey, TimerKind
from engine.model.trigger import Definition, Trigger, TriggerState
from engine.storage.codec import event_of
from engine.storage.memory.queries import count_by, event_matches, page_of_events, page_of_triggers, trigger_matches
from engine.storage.port import (
    AggregateQuery,
    AggregateRow,
    EventQuery,
    Firing,
    Generations,
    IdempotencyKey,
    TriggerQuery,
    Written,
)

_BEGINNING = datetime.min.replace(tzinfo=UTC)


class MemoryStore:
    """Implements `engine.storage.port.Store`, all but durability: what it holds goes with the object.

    It searches by looking at everything, which is fine for a few thousand events.
    """

    def __init__(self) -> None:
        self.generations = Generations()
        self._is_open = False
        self._triggers: dict[int, Trigger] = {}
        self._ids_by_name: dict[str, int] = {}
        self._events: dict[int, Event] = {}
        self._attempts: dict[int, dict[int, Attempt]] = {}
        self._fires: set[tuple[int | None, datetime]] = set()
        self._keys: dict[tuple[str, str], tuple[str, int, datetime]] = {}
        self._last_trigger_id = 0
        self._last_event_id = 0

    async def open(self) -> None:
        self._is_open = True

    async def close(self) -> None:
        self._is_open = False

    async def check(self) -> None:
        self._require_open()

    # --- triggers -------------------------------------------------------------------------------------------------

    async def add_trigger(
        self,
        definition: Definition,
        *,
        state: TriggerState,
        next_fire_at: datetime | None,
        now: datetime,
        idempotency: IdempotencyKey | None = None,
    ) -> Written[Trigger]:
        self._require_open()
        known_id = self._known(idempotency)
        if known_id is not None:
            return Written(row=self._trigger(known_id), replayed=True)
        self._require_free(definition.name)
        self._last_trigger_id += 1
        trigger = Trigger(
            id=self._last_trigger_id,
            definition=definition,
            state=state,
            next_fire_at=next_fire_at,
            created_at=now,
            updated_at=now,
        )
        self._triggers[trigger.id] = trigger
        self._ids_by_name[trigger.name] = trigger.id
        self._remember(idempotency, trigger.id, now)
        self.generations.triggers += 1
        return Written(row=trigger, replayed=False)

    async def replace_trigger(self, trigger: Trigger, *, seen: Trigger) -> Trigger:
        self._require_open()
        saved = self._trigger(trigger.id)
        if (saved.version, saved.state, saved.next_fire_at) != (seen.version, seen.state, seen.next_fire_at):
            raise VersionConflict(trigger.id, seen.version, saved.version)
        if trigger.name != saved.name:
            self._require_free(trigger.name)
        written = replace(trigger, version=saved.version + 1, last_fired_at=saved.last_fired_at)
        self._triggers[trigger.id] = written
        del self._ids_by_name[saved.name]
        self._ids_by_name[written.name] = written.id
        self.generations.triggers += 1
        return written

    async def remove_trigger(self, trigger_id: int, *, version: int | None = None) -> None:
        self._require_open()
        saved = self._trigger(trigger_id)
        if version is not None and version != saved.version:
            raise VersionConflict(trigger_id, version, saved.version)
        del self._triggers[trigger_id]
        del self._ids_by_name[saved.name]
        self.generations.triggers += 1

    async def get_trigger(self, trigger_id: int) -> Trigger:
        self._require_open()
        return self._trigger(trigger_id)

    async def find_trigger(self, name: str) -> Trigger:
        self._require_open()
        if name not in self._ids_by_name:
            raise NotFound("trigger", name)
        return self._triggers[self._ids_by_name[name]]

    async def get_triggers(self, trigger_ids: Sequence[int]) -> list[Trigger]:
        self._require_open()
        return [self._triggers[trigger_id] for trigger_id in set(trigger_ids) if trigger_id in self._triggers]

    async def list_triggers(self, query: TriggerQuery) -> list[Trigger]:
        self._require_open()
        return page_of_triggers(self._triggers.values(), query)

    async def count_triggers(self, query: TriggerQuery) -> int:
        self._require_open()
        return sum(trigger_matches(trigger, query) for trigger in self._triggers.values())

    # --- firing ---------------------------------------------------------------------------------------------------

    async def upcoming(self, after: datetime | None, until: datetime, limit: int) -> list[tuple[TimerKey, datetime]]:
        self._require_open()
        due = [(TimerKey(TimerKind.TRIGGER, t.id), t.wake_at) for t in self._triggers.values()]
        due += [(TimerKey(TimerKind.DELIVERY, e.id), e.next_attempt_at) for e in self._events.values()]
        start = after or _BEGINNING
        rows = sorted(((key, at) for key, at in due if at is not None and start < at <= until), key=lambda r: r[::-1])
        page = rows[:limit]
        return [row for row in rows if row[1] <= page[-1][1]] if page else []

    async def record_firings(self, firings: Sequence[Firing]) -> list[list[Event] | None]:
        self._require_open()
        return [self._record_firing(firing) for firing in firings]

    def _record_firing(self, firing: Firing) -> list[Event] | None:
        trigger = self._triggers.get(firing.trigger_id)
        if trigger is None or (trigger.version, trigger.state, trigger.next_fire_at) != (
            firing.version,
            TriggerState.ACTIVE,
            firing.due_at,
        ):
            return None
        events = [self._add(event) for event in firing.events if not self._has_fired(event)]
        fired = [event.fired_at for event in events if event.status is not EventStatus.SKIPPED and firing.fired]
        self._triggers[trigger.id] = replace(
            trigger,
            state=firing.state,
            next_fire_at=firing.next_fire_at,
            last_fired_at=max((*fired, trigger.last_fired_at or _BEGINNING)) if fired else trigger.last_fired_at,
        )
        self.generations.triggers += 1
        return events

    async def add_event(self, event: NewEvent, *, idempotency: IdempotencyKey | None = None) -> Written[Event]:
        self._require_open()
        known_id = self._known(idempotency)
        if known_id is not None:
            return Written(row=self._event(known_id), replayed=True)
        added = self._add(event)
        self._remember(idempotency, added.id, event.fired_at)
        trigger = None if event.trigger_id is None else self._triggers.get(event.trigger_id)
        if trigger and event.status is not EventStatus.SKIPPED and event.kind is not EventKind.TEST:
            last_fired_at = max(event.fired_at, trigger.last_fired_at or event.fired_at)
            self._triggers[trigger.id] = replace(trigger, last_fired_at=last_fired_at)
            self.generations.triggers += 1
        return Written(row=added, replayed=False)

    async def undelivered(self, trigger_ids: Sequence[int]) -> set[int]:
        self._require_open()
        waiting = {event.trigger_id for event in self._events.values() if event.status in UNDELIVERED}
        return {trigger_id for trigger_id in trigger_ids if trigger_id in waiting}

    # --- delivering -----------------------------------------------------------------------------------------------

    async def mark_running(self, event_ids: Sequence[int]) -> None:
        self._require_open()
        for event_id in event_ids:
            event = self._events.get(event_id)
            if event and event.status in (EventStatus.WAITING, EventStatus.RETRYING):
                self._put(replace(event, status=EventStatus.RUNNING))

    async def record_attempt(self, attempt: Attempt, verdict: Verdict) -> Event:
        self._require_open()
        event = self._event(attempt.event_id)
        attempts = self._attempts.setdefault(event.id, {})
        if attempt.number in attempts:
            return event
        attempts[attempt.number] = attempt
        return self._put(
            replace(
                event,
                status=verdict.status,
                reason=verdict.reason,
                details=verdict.details,
                finished_at=verdict.finished_at,
                next_attempt_at=verdict.next_attempt_at,
                attempts_made=event.attempts_made + 1,
            )
        )

    # --- reading the ledger ---------------------------------------------------------------------------------------

    async def get_event(self, event_id: int) -> Event:
        self._require_open()
        return self._event(event_id)

    async def get_events(self, event_ids: Sequence[int]) -> list[Event]:
        self._require_open()
        return [self._events[event_id] for event_id in set(event_ids) if event_id in self._events]

    async def get_attempts(self, event_id: int) -> list[Attempt]:
        self._require_open()
        attempts = self._attempts.get(event_id, {})
        if not attempts:
            return []
        payload = self._events[event_id].payload
        body = None if payload is None else payload.encode()
        return [_with_body(attempt, body) for _, attempt in sorted(attempts.items())]

    async def list_events(self, query: EventQuery) -> list[Event]:
        self._require_open()
        return page_of_events(self._events.values(), query)

    async def count_events(self, query: EventQuery) -> int | None:
        self._require_open()
        if query.fired_from is not None or query.fired_to is not None or query.text or query.trigger_name is not None:
            return None  # what roll-ups cannot tell anywhere, nobody should come to expect here
        return sum(event_matches(event, query) for event in self._events.values())

    async def aggregate(self, query: AggregateQuery) -> list[AggregateRow]:
        self._require_open()
        return count_by(self._events.values(), query)

    # --- expiry ---------------------------------------------------------------------------------------------------

    async def archive_event(self, event_id: int) -> Event:
        self._require_open()
        event = self._event(event_id)
        return event if event.archived else self._put(replace(event, archived=True))

    async def archive_finished_before(self, instant: datetime, limit: int) -> int:
        self._require_open()
        active = (event for event in self._events.values() if not event.archived)
        events = _oldest_finished(active, instant, limit)
        for event in events:
            self._put(replace(event, archived=True))
        return len(events)

    async def delete_finished_before(self, instant: datetime, limit: int) -> int:
        self._require_open()
        events = _oldest_finished(self._events.values(), instant, limit)
        for event in events:
            del self._events[event.id]
            self._attempts.pop(event.id, None)
            if event.kind is EventKind.SCHEDULED:
                self._fires.discard((event.trigger_id, event.scheduled_for))
        self._keys = {key: known for key, known in self._keys.items() if known[2] >= instant}
        self.generations.events += bool(events)
        return len(events)

    async def give_back_space(self) -> bool:
        self._require_open()
        return False

    # --- within ---------------------------------------------------------------------------------------------------

    def _require_open(self) -> None:
        if not self._is_open:
            raise StorageClosed("The store is not open.")

    def _require_free(self, name: str) -> None:
        if name in self._ids_by_name:
            raise NameTaken(name)

    def _trigger(self, trigger_id: int) -> Trigger:
        if trigger_id not in self._triggers:
            raise NotFound("trigger", trigger_id)
        return self._triggers[trigger_id]

    def _event(self, event_id: int) -> Event:
        if event_id not in self._events:
            raise NotFound("event", event_id)
        return self._events[event_id]

    def _add(self, new: NewEvent) -> Event:
        self._last_event_id += 1
        if new.kind is EventKind.SCHEDULED:
            self._fires.add((new.trigger_id, new.scheduled_for))
        return self._put(event_of(new, self._last_event_id))

    def _put(self, event: Event) -> Event:
        self._events[event.id] = event
        self.generations.events += 1
        return event

    def _has_fired(self, event: NewEvent) -> bool:
        return event.kind is EventKind.SCHEDULED and (event.trigger_id, event.scheduled_for) in self._fires

    def _known(self, asked: IdempotencyKey | None) -> int | None:
        if asked is None or (asked.scope, asked.key) not in self._keys:
            return None
        fingerprint, resource_id, _ = self._keys[asked.scope, asked.key]
        if fingerprint != asked.fingerprint:
            raise IdempotencyConflict(asked.key)
        return resource_id

    def _remember(self, asked: IdempotencyKey | None, resource_id: int, at: datetime) -> None:
        if asked is not None:
            self._keys[asked.scope, asked.key] = (asked.fingerprint, resource_id, at)


def _oldest_finished(events: Iterable[Event], instant: datetime, limit: int) -> list[Event]:
    finished = [e for e in events if e.finished_at is not None and e.finished_at < instant]
    return sorted(finished, key=lambda e: (e.fired_at, e.id))[:limit]


def _with_body(attempt: Attempt, body: bytes | None) -> Attempt:
    request = replace(attempt.exchange.request, body=body)
    return replace(attempt, exchange=replace(attempt.exchange, request=request))
