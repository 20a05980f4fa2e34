"""What the engine needs from a store, as a contract. `tests/storage/conformance.py` is the same in code.

Promises every store keeps:

1. **Durable.** When a write returns, it is committed and synced to disk; when it raises, nothing of it was kept.
2. **Alone or together.** Each write below is atomic. Writes of many callers may share one commit (group commit), but
   the failure of one caller's write does not fail another's.
3. **One event for each scheduled fire.** `record_firings` inserts the events and advances the trigger in the same
   transaction, and only if the trigger still is what the caller saw (version, state, `next_fire_at`). Rows of kind
   `scheduled` are unique by (trigger_id, scheduled_for).
4. **Reads see every write that has returned.** They do not wait for writes that are under way.
5. **Ids are never used twice**, also after a delete.
6. **Generations move after the commit**, before the writer is told: see `Generations`.
7. Instants are kept to the microsecond. Texts come back as they were given, byte for byte.
8. Roll-ups agree with the rows at every commit.

Every method raises StorageClosed when the store is not open, StorageFull when there is no room, StorageCorrupt when
the database is malformed, StorageError for anything else the database says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, Literal, Protocol, TypeVar

from engine.model.delivery import Attempt, Verdict
from engine.model.event import Event, EventKind, EventStatus, NewEvent
from engine.model.timer import TimerKey
from engine.model.trigger import Definition, Trigger, TriggerState, TriggerType

Row = TypeVar("Row")


@dataclass(slots=True)
class Generations:
    """Counters that move whenever what they name may read differently. A cache keys its entries with them."""

    triggers: int = 0
    events: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class IdempotencyKey:
    """What a caller sent as Idempotency-Key, remembered in the same transaction as the write it guards."""

    scope: str
    """The operation, e.g. `create` or `fire:17`: the same key may serve another operation."""
    key: str
    fingerprint: str
    """A hash of the request. The same key with another one is an IdempotencyConflict."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Firing:
    """One due trigger: the events to write, and what becomes of the trigger."""

    trigger_id: int
    version: int
    due_at: datetime
    """The `next_fire_at` that was seen."""
    events: tuple[NewEvent, ...]
    """At least one: the fire itself, and rows for what was skipped."""
    next_fire_at: datetime | None
    state: TriggerState
    """`active`, or `completed` when `next_fire_at` is None."""
    fired: bool
    """Whether any of `events` was not skipped; moves `last_fired_at` to that event's `fired_at`."""


TriggerSort = Literal["id", "name", "created_at", "updated_at", "next_fire_at", "last_fired_at"]


@dataclass(frozen=True, kw_only=True, slots=True)
class TriggerQuery:
    """A page of triggers. Ordered by (sort, id); rows whose sort value is None come last in both directions."""

    type: TriggerType | None = None
    state: TriggerState | None = None
    tag: str | None = None
    text: str | None = None
    """A part of the name, the description, a tag or the target's URL; without case."""
    sort: TriggerSort = "id"
    descending: bool = False
    limit: int = 100
    after: tuple[str | int | None, int] | None = None
    """Keyset: the (sort value, id) of the last row of the page before; instants as microseconds."""


@dataclass(frozen=True, kw_only=True, slots=True)
class EventQuery:
    """A page of events, newest first: ordered by (fired_at, id), both descending."""

    archived: bool | None = False
    """None: both."""
    trigger_id: int | None = None
    trigger_name: str | None = None
    status: tuple[EventStatus, ...] = ()
    kind: tuple[EventKind, ...] = ()
    fired_from: datetime | None = None
    """Inclusive."""
    fired_to: datetime | None = None
    """Exclusive."""
    text: str | None = None
    """A part of the trigger's name, the details, the reason or the payload; without case, character by character: `ß`
    is `ẞ`, but not `SS`. An ASCII text matches ASCII alone."""
    limit: int = 10
    offset: int = 0
    after: tuple[int, int] | None = None
    """Keyset: the (fired_at in microseconds, id) of the last row of the page before; then `offset` is 0."""


AggregateField = Literal["trigger_id", "status", "kind", "archived", "hour"]


@dataclass(frozen=True, kw_only=True, slots=True)
class AggregateQuery:
    """Counts of events, answered from the roll-ups; only the broken hours at the ends of a range read rows."""

    group_by: tuple[AggregateField, ...] = ("trigger_id",)
    archived: bool | None = None
    kind: tuple[EventKind, ...] = ()
    """Empty: every kind but `test`."""
    trigger_id: int | None = None
    fired_from: datetime | None = None
    """Inclusive."""
    fired_to: datetime | None = None
    """Exclusive."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AggregateRow:
    """One group. Fields that were not asked for are None."""

    count: int
    trigger_id: int | None = None
    trigger_name: str | None = None
    """With trigger_id: the name of its newest event, so that deleted triggers keep theirs."""
    status: EventStatus | None = None
    kind: EventKind | None = None
    archived: bool | None = None
    hour: datetime | None = None
    last_fired_at: datetime | None = None
    """Of the group; to the hour's newest event."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Written(Generic[Row]):
    """What a guarded write answers."""

    row: Row
    replayed: bool
    """True: the idempotency key was known, and this is what the first request made."""


class Store(Protocol):
    """The port. One engine, one store."""

    generations: Generations

    async def open(self) -> None:
        """Make the database if there is none, bring it to the newest schema, take the lock.

        Raises StorageLocked when another engine holds it, StorageCorrupt when it cannot be trusted. Opening twice is
        harmless.
        """
        ...

    async def close(self) -> None:
        """Finish what was handed in, release the lock. Closing twice, or what was never opened, is harmless."""
        ...

    async def check(self) -> None:
        """Return if a read works now; raise StorageError otherwise. For readiness."""
        ...

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
        """Save a new trigger (version 1). Raises NameTaken, IdempotencyConflict.

        A known idempotency key answers the trigger it made, as it is now; NotFound if that one is gone.
        """
        ...

    async def replace_trigger(self, trigger: Trigger, *, seen: Trigger) -> Trigger:
        """Write `trigger` over the saved one if that still is as `seen`, and return it at the next version.

        "As seen" means the same version, state and `next_fire_at`: a fire in between moves the latter without a new
        version, and writing over that would bring a spent fire back. `last_fired_at` is kept as saved.
        Raises NotFound, VersionConflict (also for such a fire in between), NameTaken.
        """
        ...

    async def remove_trigger(self, trigger_id: int, *, version: int | None = None) -> None:
        """Delete it; its events stay. Raises NotFound, and VersionConflict when `version` is given and differs."""
        ...

    async def get_trigger(self, trigger_id: int) -> Trigger:
        """Raises NotFound."""
        ...

    async def find_trigger(self, name: str) -> Trigger:
        """By its exact name. Raises NotFound."""
        ...

    async def get_triggers(self, trigger_ids: Sequence[int]) -> list[Trigger]:
        """Those that exist, in any order. At most 1,000 ids."""
        ...

    async def list_triggers(self, query: TriggerQuery) -> list[Trigger]:
        """At most `query.limit` rows."""
        ...

    async def count_triggers(self, query: TriggerQuery) -> int:
        """How many there are on all pages (`limit` and `after` do not count)."""
        ...

    # --- firing ---------------------------------------------------------------------------------------------------

    async def upcoming(self, after: datetime | None, until: datetime, limit: int) -> list[tuple[TimerKey, datetime]]:
        """Triggers by `Trigger.wake_at` and undelivered events by `next_attempt_at`, with after < due <= until.

        Earliest first, at most `limit`; when it is cut, every row with the last returned instant is still included,
        so that the caller can go on from there (then there may be more than `limit`).
        """
        ...

    async def record_firings(self, firings: Sequence[Firing]) -> list[list[Event] | None]:
        """One transaction for all. For each, in order: the events as written, or None when the trigger has changed
        since it was seen, in which case nothing of that firing was written.

        An event whose (trigger_id, scheduled_for) is in the ledger already, as after a clock that was set back, is
        left out of the answer, and the trigger moves on all the same: nothing fires twice, and nothing is stuck.
        """
        ...

    async def add_event(self, event: NewEvent, *, idempotency: IdempotencyKey | None = None) -> Written[Event]:
        """Write one event that no schedule asked for. Raises IdempotencyConflict.

        Moves the trigger's `last_fired_at`, unless the event is skipped or a test.
        """
        ...

    async def undelivered(self, trigger_ids: Sequence[int]) -> set[int]:
        """Those of the triggers that have an event still waiting, running or retrying."""
        ...

    # --- delivering -----------------------------------------------------------------------------------------------

    async def mark_running(self, event_ids: Sequence[int]) -> None:
        """Show these as `running`. Only for events that wait or retry; others are left as they are."""
        ...

    async def record_attempt(self, attempt: Attempt, verdict: Verdict) -> Event:
        """Write the attempt and what it means for its event, in one transaction; returns the event.

        Recording the same (event_id, number) again changes nothing and answers the event as it is.
        Raises NotFound when the event is gone.
        """
        ...

    # --- reading the ledger ---------------------------------------------------------------------------------------

    async def get_event(self, event_id: int) -> Event:
        """Raises NotFound."""
        ...

    async def get_events(self, event_ids: Sequence[int]) -> list[Event]:
        """Those that exist, in any order. At most 1,000 ids."""
        ...

    async def get_attempts(self, event_id: int) -> list[Attempt]:
        """By number. Empty when there are none."""
        ...

    async def list_events(self, query: EventQuery) -> list[Event]:
        """At most `query.limit` rows."""
        ...

    async def count_events(self, query: EventQuery) -> int | None:
        """How many there are on all pages, where the roll-ups can tell; else None."""
        ...

    async def aggregate(self, query: AggregateQuery) -> list[AggregateRow]:
        """Ordered by the fields of `group_by`, in their order. At most 10,000 rows."""
        ...

    # --- expiry ---------------------------------------------------------------------------------------------------

    async def archive_event(self, event_id: int) -> Event:
        """Archive it now. Archiving twice is harmless. Raises NotFound."""
        ...

    async def archive_finished_before(self, instant: datetime, limit: int) -> int:
        """Archive up to `limit` active events with `finished_at` < instant, oldest first; returns how many."""
        ...

    async def delete_finished_before(self, instant: datetime, limit: int) -> int:
        """Delete up to `limit` events with `finished_at` < instant, their attempts too; returns how many.

        Also forgets idempotency keys older than `instant`. What that frees is used again for what is written next;
        see `give_back_space` for the rest.
        """
        ...

    async def give_back_space(self) -> bool:
        """Give a little of the space that deleting has freed back to the disk: a step of a few milliseconds.

        True while there is more to give back. Some is kept for the next events, so that a store whose events come and
        go at one pace does not shrink and grow all the time.
        """
        ...
