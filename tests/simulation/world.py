"""Engine and model side by side: everything is done to both, and they are compared."""

from __future__ import annotations

import asyncio
import contextlib
import copy
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from engine.errors import Conflict, InvalidInput, StorageFull
from engine.model.event import UNDELIVERED, Event, EventKind, EventStatus
from engine.model.schedule import AtSchedule, CronSchedule, IntervalSchedule
from engine.model.trigger import Definition, Misfire, MisfirePolicy, Trigger
from engine.registry import Edit
from engine.storage.memory.store import MemoryStore
from engine.storage.port import EventQuery, Store, TriggerQuery
from tests.fakes.clock import START, FakeClock, settle
from tests.fakes.parts import Parts
from tests.fakes.records import RECEIVER, cron, definition
from tests.fakes.transport import FakeTransport
from tests.simulation.operations import (
    HOUR,
    TURNS_MAX,
    WRITES,
    Act,
    Change,
    Create,
    Delete,
    Fail,
    FireByHand,
    In,
    Operation,
    PassTime,
    Pause,
    Race,
    Refuse,
    Restart,
    Resume,
)
from tests.simulation.plain_model import PLAN_MAX, SECOND, Every, Once, Plain, PlainModel, Row, Schedule

ALL_ROWS = 1_000_000
READS = ("upcoming", "get_trigger", "get_triggers", "get_events")
QUIET_TURNS = 12 + 2 * TURNS_MAX
"""The engine is at rest when it was for so many turns of the loop."""


class World:
    """Does everything twice, in the engine and in the model, and compares."""

    def __init__(self, make_store: Callable[[FakeClock], Store], turns: tuple[int, int]) -> None:
        self.clock = FakeClock()
        self.transport = FakeTransport()
        self.model = PlainModel()
        self.by_hand: Counter[int] = Counter()
        self.made: list[int] = []
        self.refusing: str | None = None
        self.refused = False
        self.store = self._wrapped(make_store(self.clock), turns)

    @property
    def now(self) -> int:
        return microseconds(self.clock.now())

    def _wrapped(self, store: Store, turns: tuple[int, int]) -> Store:
        """`store`, which refuses a write when it is told to, and takes some turns of the loop for all it does."""

        def guarded(name: str, method: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
            async def guard(*args: Any, **kwargs: Any) -> Any:
                if name in WRITES and self.refusing in ("any", name):
                    self.refusing, self.refused = None, True
                    raise StorageFull("no room")
                took = turns[name in WRITES]
                await settle(took)
                answer = await method(*args, **kwargs)
                await settle(took)
                return answer

            return guard

        for name in (*WRITES, *READS):
            setattr(store, name, guarded(name, getattr(store, name)))
        return store

    async def start(self) -> None:
        self.running = AsyncExitStack()
        self.parts = await self.running.enter_async_context(
            Parts(store=self.store, clock=self.clock, transport=self.transport, queued_max=ALL_ROWS)
        )
        self.model.up_since = self.now
        await self.settled()

    async def stop(self) -> None:
        await self.running.aclose()
        await self.store.close()

    async def settled(self) -> None:
        """Return once the engine is at rest, and the model too."""
        await self.settled_engine()
        self.model.work_off(self.now)

    async def settled_engine(self) -> None:
        quiet = 0
        while quiet < QUIET_TURNS:
            await asyncio.sleep(0)
            parts = self.parts
            at_rest = parts.wheel.idle() and parts.dispatcher._idle.is_set() and not parts.deliverer.in_flight
            quiet = quiet + 1 if at_rest else 0
            if self.refused:  # it is tried again after a second at the latest
                self.refused = False
                await settle(QUIET_TURNS)
                await self.clock.advance(1)
                quiet = 0

    async def do(self, operation: Operation) -> None:
        match operation:
            case PassTime(lasts):
                await self.clock.advance(lasts / SECOND)
            case Restart(downtime):
                await self.stop()
                await self.clock.advance(downtime / SECOND)
                self.refusing = None
                await self.start()
            case Refuse(write):
                self.refusing = write or "any"
            case Fail(answer):
                self.transport.script(RECEIVER.url, answer)
            case Create():
                with contextlib.suppress(StorageFull):
                    await self.create(operation)
            case Race(turns, act):
                await self.clock.advance(self.due_in(act) / SECOND, turns=turns)
                await self.act(act)
            case _:
                await self.act(operation)
        await self.settled()

    def due_in(self, act: Act) -> int:
        """In whole milliseconds, as the clock goes; three hours at the most, lest the others fire without end."""
        due = self.model.triggers[self.made[act.which % len(self.made)]].next_fire(self.now) if self.made else None
        return min(-(-(due - self.now) // 1_000) * 1_000, 3 * HOUR) if due is not None else 0

    async def act(self, act: Act) -> None:
        """What a person does. What is due at that moment happens before it or after it, but not both.

        Engine and model agree on whether it is allowed. Nothing comes of it when there was no room.
        """
        if not self.made:
            return
        trigger_id = self.made[act.which % len(self.made)]
        answer = ""
        now = self.now
        try:
            await self.act_in_engine(act, trigger_id)
            answer = "done"
        except (Conflict, InvalidInput):
            answer = "not allowed"
        except StorageFull:
            return
        if isinstance(act, FireByHand):
            self.by_hand[trigger_id] += 1
        await self.settled_engine()
        rows = Counter(row for row in await self.rows() if row.trigger_id == trigger_id)
        candidates = []
        for before in (True, False):
            model = copy.deepcopy(self.model)
            if before:
                model.work_off(now)
            allowed = act_in_model(model, act, trigger_id, now)
            model.work_off(self.now)
            same = Counter(row for row in model.ledger.values() if row.trigger_id == trigger_id) == rows
            candidates.append((allowed == (answer == "done"), same, model))
        agreeing = [model for allowed, same, model in candidates if allowed and same]
        assert agreeing, (act, answer, rows, candidates)
        self.model = agreeing[0]
        if isinstance(act, Delete):
            self.made.remove(trigger_id)

    async def create(self, operation: Create) -> None:
        now = self.now
        made = await self.parts.registry.create(
            definition(
                f"trigger at {now} after {len(self.made)} and {len(self.by_hand)}",
                schedule=schedule_of(_from(operation.schedule, now)),
                misfire=Misfire(
                    policy=MisfirePolicy(operation.policy), window=timedelta(microseconds=operation.window)
                ),
                target=RECEIVER if operation.sends else None,
            ),
            active=operation.active,
        )
        self.made.append(made.row.id)
        self.by_hand[made.row.id] = 0
        self.model.triggers[made.row.id] = Plain(
            schedule=_from(operation.schedule, now),
            policy=operation.policy,
            window=operation.window,
            since=now,
            paused=not operation.active,
        )

    async def act_in_engine(self, act: Act, trigger_id: int) -> None:
        registry, now = self.parts.registry, self.now
        match act:
            case Change(_, schedule, active):

                def edit(saved: Trigger) -> Edit:
                    wanted: Definition = replace(saved.definition, description=f"edited at {now}")
                    if schedule is not None:
                        wanted = replace(wanted, schedule=schedule_of(_from(schedule, now)))
                    return Edit(definition=wanted, active=active)

                await registry.change(trigger_id, edit)
            case Pause(_, lasts):
                await registry.pause(trigger_id, until=None if lasts is None else instant(now + lasts))
            case Resume():
                await registry.resume(trigger_id)
            case Delete():
                await registry.remove(trigger_id)
            case FireByHand():
                await registry.fire_now(trigger_id)

    # --- what has to hold -----------------------------------------------------------------------------------------

    async def check_triggers(self) -> None:
        """State and next fire are the model's, so nothing is stuck; the wheel holds what the store has, and no more."""
        saved = await self.store.list_triggers(TriggerQuery(limit=1_000))
        found = {t.id: (t.state.value, t.next_fire_at and microseconds(t.next_fire_at)) for t in saved}
        assert found == {
            trigger_id: (
                "completed" if trigger.completed else "paused" if trigger.paused else "active",
                trigger.next_fire(self.now),
            )
            for trigger_id, trigger in self.model.triggers.items()
        }
        wheel = self.parts.wheel
        assert wheel.horizon is not None
        near = await self.store.upcoming(None, wheel.horizon, ALL_ROWS)
        in_heap = {key: wheel._heap.due_of(key) for key in wheel._heap._armed}
        assert in_heap == {key: _rounded_up(due) for key, due in near}

    async def events(self) -> list[Event]:
        return await self.store.list_events(EventQuery(archived=None, limit=ALL_ROWS))

    async def rows(self) -> list[Row]:
        return rows_of(await self.events())

    async def check_ledger(self) -> list[Event]:
        events = await self.events()
        assert Counter(rows_of(events)) == Counter(self.model.ledger.values())
        by_hand = Counter(event.trigger_id for event in events if event.kind is EventKind.MANUAL)
        assert by_hand == +self.by_hand
        assert all(event.lateness_ms >= 0 for event in events)
        return events

    async def check_deliveries(self) -> None:
        """With all triggers gone, what is under way comes to its end."""
        for trigger_id in list(self.made):
            await self.do(Delete(self.made.index(trigger_id)))
        for _ in range(9):
            await self.do(PassTime(12 * HOUR))
        sent: dict[str, list[bytes | None]] = {}
        for request in self.transport.requests:
            sent.setdefault(dict(request.headers)["webhook-id"], []).append(request.body)
        events = [event for event in await self.check_ledger() if event.target is not None]
        assert not [event for event in events if event.status in UNDELIVERED]
        assert {event.status for event in events} <= {EventStatus.DELIVERED, EventStatus.SKIPPED}
        assert {event.message_id: event.attempts_made for event in events if event.target} == {
            message_id: len(bodies) for message_id, bodies in sent.items()
        }


async def play(
    operations: Sequence[Operation], make_store: Callable[[FakeClock], Store], turns: tuple[int, int]
) -> None:
    world = World(make_store, turns)
    await world.start()
    try:
        for operation in operations:
            await world.do(operation)
            await world.check_triggers()
        world.refusing = None
        await world.check_ledger()
        await world.check_deliveries()
    finally:
        await world.stop()


def run(
    operations: Sequence[Operation],
    make_store: Callable[[FakeClock], Store] = lambda _: MemoryStore(),
    *,
    turns: tuple[int, int] = (0, 0),
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        # Small, so that plans are cut and the cap is reached with few fires.
        patch.setattr("engine.timers.fire_times.FIRES_PER_PLAN", 7)
        patch.setattr("engine.timers.fire_times.MISSED_FIRES_MAX", PLAN_MAX)
        asyncio.run(play(operations, make_store, turns))


def act_in_model(model: PlainModel, act: Act, trigger_id: int, now: int) -> bool:
    """False: it is refused."""
    trigger = model.triggers[trigger_id]
    match act:
        case Change(_, schedule, active):
            return trigger.edit(_from(schedule, now) if schedule else trigger.schedule, active, now)
        case Pause(_, lasts):
            return trigger.pause(None if lasts is None else now + lasts)
        case Resume():
            return trigger.resume(now)
        case Delete():
            del model.triggers[trigger_id]
    return True


def microseconds(at: datetime) -> int:
    return (at - START) // timedelta(microseconds=1)


def instant(at: int) -> datetime:
    return START + timedelta(microseconds=at)


def rows_of(events: Sequence[Event]) -> list[Row]:
    """Of the fires that a schedule asked for."""
    return [
        Row(
            event.trigger_id or 0,
            microseconds(event.scheduled_for),
            event.missed_count,
            event.status is EventStatus.SKIPPED,
        )
        for event in events
        if event.kind is EventKind.SCHEDULED
    ]


def schedule_of(schedule: Schedule) -> AtSchedule | IntervalSchedule | CronSchedule:
    match schedule:
        case Once(at):
            return AtSchedule(at=instant(at))
        case Every(period, phase, None):
            return IntervalSchedule(every=timedelta(microseconds=period), anchor=instant(phase))
        case Every(_, _, expression):
            return cron(expression or "")


def _from(schedule: Schedule | In, now: int) -> Schedule:
    """As meant at `now`."""
    return Once(now + schedule.lasts) if isinstance(schedule, In) else schedule


def _rounded_up(due: datetime) -> datetime:
    return instant(-(-microseconds(due) // 1_000) * 1_000)
