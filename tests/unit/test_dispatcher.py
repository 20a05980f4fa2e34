"""Due -> transaction -> delivery, with a clock moved by hand and a scripted receiver."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest

from engine.errors import StorageCorrupt, StorageFull
from engine.model.event import Event, EventStatus, SkipReason
from engine.model.schedule import IntervalSchedule
from engine.model.trigger import Misfire, MisfirePolicy, OverlapPolicy, RetryPolicy, Trigger, TriggerState
from engine.registry import Edit
from engine.storage.memory.store import MemoryStore
from engine.storage.port import Firing
from tests.fakes.clock import START, FakeClock, settle
from tests.fakes.parts import Parts
from tests.fakes.records import RECEIVER, after, at, cron, definition, every
from tests.fakes.transport import FakeTransport

HOUR = 3600.0


def seconds(events: Sequence[Event]) -> list[float]:
    """When they were scheduled for, counted from START."""
    return [(event.scheduled_for - START).total_seconds() for event in events]


async def test_a_one_off_fires_at_its_time_not_before_and_is_completed() -> None:
    async with Parts() as parts:
        made = (await parts.registry.create(definition(schedule=after(10), payload='{"n": 1}'))).row
        await parts.pass_time(9.999, steps_of=3)
        assert await parts.events() == []
        await parts.pass_time(0.001)
        (event,) = await parts.events()
        assert (event.status, event.payload, event.lateness_ms) == (EventStatus.RECORDED, '{"n": 1}', 0)
        saved = await parts.store.get_trigger(made.id)
        assert (saved.state, saved.next_fire_at, saved.last_fired_at) == (TriggerState.COMPLETED, None, event.fired_at)
        assert parts.published == [event]


async def test_a_past_instant_fires_at_once() -> None:
    async with Parts() as parts:
        await parts.registry.create(definition(schedule=after(-HOUR)))
        await settle(60)
        (event,) = await parts.events()
        assert seconds([event]) == [-HOUR]
        assert event.status is EventStatus.RECORDED


async def test_an_interval_fires_every_time_and_far_fires_wait_in_the_store() -> None:
    async with Parts() as parts:
        await parts.registry.create(definition("minutely", schedule=every(60)))
        await parts.registry.create(definition("in an hour", schedule=after(HOUR)))
        assert parts.wheel.armed == 1, "what is due beyond the horizon is left to the store"
        await parts.pass_time(HOUR, steps_of=10)
        events = await parts.events()
        assert sorted(seconds(events)) == sorted([60.0 * n for n in range(1, 61)] + [HOUR])


async def test_a_target_is_sent_the_payload_after_the_commit() -> None:
    async with Parts() as parts:
        await parts.registry.create(
            definition(schedule=after(1), payload='{"n": 9223372036854775808}', target=RECEIVER)
        )
        await parts.pass_time(1)
        (event,) = await parts.events()
        (request,) = parts.transport.requests
        assert event.status is EventStatus.DELIVERED
        assert request.body == b'{"n": 9223372036854775808}'
        assert dict(request.headers)["webhook-id"] == event.message_id
        assert [published.status for published in parts.published] == [EventStatus.WAITING, EventStatus.DELIVERED]


async def test_nothing_is_sent_when_the_commit_fails_and_the_fire_is_made_up() -> None:
    class FullOnce(MemoryStore):
        refusals = 2

        async def record_firings(self, firings: Sequence[Firing]) -> list[list[Event] | None]:
            if self.refusals:
                self.refusals -= 1
                raise StorageFull("the disk is full")
            return await super().record_firings(firings)

    async with Parts(store=FullOnce()) as parts:
        await parts.registry.create(definition(schedule=after(1), target=RECEIVER))
        await parts.pass_time(1)
        assert parts.transport.requests == []
        await parts.pass_time(2)
        (event,) = await parts.events()
        assert event.status is EventStatus.DELIVERED
        assert len(parts.transport.requests) == 1
        assert parts.dispatcher.counters.store_errors == 2


async def test_a_corrupt_store_stops_the_dispatcher() -> None:
    class Corrupt(MemoryStore):
        async def record_firings(self, firings: Sequence[Firing]) -> list[list[Event] | None]:
            raise StorageCorrupt("malformed")

    async def run() -> None:
        async with Parts(store=Corrupt()) as parts:
            await parts.registry.create(definition(schedule=after(1)))
            await parts.pass_time(2)

    with pytest.raises(StorageCorrupt, match="malformed"):
        await run()


async def test_a_failed_attempt_is_tried_again_at_its_time_with_the_same_message_id() -> None:
    async with Parts() as parts:
        parts.transport.script(RECEIVER.url, 503, 500)
        retry = RetryPolicy(attempts_max=5, first_delay_ms=10_000)
        await parts.registry.create(definition(schedule=after(1), target=RECEIVER, retry=retry))
        await parts.pass_time(1)
        (event,) = await parts.events()
        assert (event.status, event.attempts_made) == (EventStatus.RETRYING, 1)
        await parts.pass_time(7)
        assert len(parts.transport.requests) == 1
        await parts.pass_time(8)
        assert len(parts.transport.requests) == 2
        await parts.pass_time(200)
        (event,) = await parts.events()
        assert (event.status, event.attempts_made) == (EventStatus.DELIVERED, 3)
        assert {dict(request.headers)["webhook-id"] for request in parts.transport.requests} == {event.message_id}
        assert [attempt.number for attempt in await parts.store.get_attempts(event.id)] == [1, 2, 3]


async def test_a_restart_resumes_what_was_under_way_and_what_waits_for_a_retry() -> None:
    store, clock = MemoryStore(), FakeClock()
    async with Parts(store=store, clock=clock) as parts:
        parts.transport.hold(RECEIVER.url)
        await parts.registry.create(definition(schedule=after(1), target=RECEIVER))
        await parts.pass_time(1)
        (event,) = await parts.events()
        assert len(parts.transport.requests) == 1
    unwell = FakeTransport()
    unwell.script(RECEIVER.url, 503)
    async with Parts(store=store, clock=clock, transport=unwell) as parts:
        await settle(60)
        (request,) = parts.transport.requests
        assert dict(request.headers)["webhook-id"] == event.message_id
        assert [one.status for one in await parts.events()] == [EventStatus.RETRYING]
    async with Parts(store=store, clock=clock) as parts:
        await parts.pass_time(7)
        (event,) = await parts.events()
        assert (event.status, event.attempts_made) == (EventStatus.DELIVERED, 2)


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (MisfirePolicy.COALESCE, [(3600.0, 60, None)]),
        (MisfirePolicy.LATEST, [(60.0, 59, SkipReason.MISFIRE), (3600.0, 1, None)]),
        (MisfirePolicy.SKIP, [(60.0, 60, SkipReason.MISFIRE)]),
        (MisfirePolicy.ALL, [(60.0 * n, 1, None) for n in range(1, 61)]),
    ],
)
async def test_an_hour_of_downtime_follows_the_misfire_policy(
    policy: MisfirePolicy, expected: list[tuple[float, int, SkipReason | None]]
) -> None:
    store, clock = MemoryStore(), FakeClock()
    async with Parts(store=store, clock=clock) as parts:
        await parts.registry.create(definition(schedule=every(60), misfire=Misfire(policy=policy)))
    await clock.advance(HOUR + 1)
    async with Parts(store=store, clock=clock) as parts:
        await settle(200)
        events = sorted(await parts.events(), key=lambda event: event.scheduled_for)
        found = [(due, event.missed_count, event.reason) for due, event in zip(seconds(events), events, strict=True)]
        assert found == expected
        await parts.pass_time(59)
        assert seconds(await parts.events())[-1] == HOUR + 60, "and then it goes on"


async def test_late_is_not_missed_while_the_engine_runs() -> None:
    async with Parts() as parts:
        await parts.registry.create(definition(schedule=every(1)))
        await parts.clock.advance(30)  # as a loop that hung for 30 s
        await settle(200)
        events = await parts.events()
        assert sorted(seconds(events)) == [float(n) for n in range(1, 31)]
        assert {event.missed_count for event in events} == {0}


async def test_a_step_forward_is_a_misfire_and_a_step_back_fires_nothing_twice() -> None:
    async with Parts() as parts:
        await parts.registry.create(definition(schedule=every(60)))
        await parts.clock.step(HOUR + 1)
        await settle(60)
        (event,) = await parts.events()
        assert (seconds([event]), event.missed_count) == ([HOUR], 60)
        await parts.clock.step(-HOUR - 1)
        await settle(60)
        await parts.pass_time(HOUR, steps_of=20)
        assert len(await parts.events()) == 1
        await parts.pass_time(60, steps_of=20)
        assert seconds(await parts.events()) == [HOUR, HOUR + 60]


async def test_a_trigger_set_back_to_an_instant_that_has_fired_moves_on_without_firing() -> None:
    async with Parts() as parts:
        made = (await parts.registry.create(definition(schedule=after(5)))).row
        await parts.pass_time(5)
        for schedule in (after(500), after(5)):
            await parts.registry.change(made.id, lambda _, s=schedule: Edit(definition=definition(schedule=s)))  # type: ignore[misc]
        await parts.pass_time(5)
        assert len(await parts.events()) == 1
        assert (await parts.store.get_trigger(made.id)).state is TriggerState.COMPLETED


async def test_overlap_skip_leaves_a_row_that_says_why() -> None:
    async with Parts() as parts:
        parts.transport.hold(RECEIVER.url)
        made = definition(schedule=every(10), target=RECEIVER, overlap=OverlapPolicy.SKIP)
        await parts.registry.create(made)
        await parts.pass_time(20)
        first, second = await parts.events()
        assert first.status in (EventStatus.WAITING, EventStatus.RUNNING)
        assert (second.status, second.reason) == (EventStatus.SKIPPED, SkipReason.OVERLAP)
        parts.transport.release(RECEIVER.url)
        await parts.pass_time(10)
        assert [event.status for event in await parts.events()] == [
            EventStatus.DELIVERED,
            EventStatus.SKIPPED,
            EventStatus.DELIVERED,
        ]


async def test_a_pause_ends_by_itself_and_what_it_swallowed_is_not_made_up() -> None:
    async with Parts() as parts:
        made = (await parts.registry.create(definition(schedule=every(60)))).row
        await parts.registry.pause(made.id, until=START + timedelta(seconds=150), note="deploy")
        await parts.pass_time(149, steps_of=10)
        assert (await parts.store.get_trigger(made.id)).state is TriggerState.PAUSED
        await parts.pass_time(40, steps_of=10)
        assert (await parts.store.get_trigger(made.id)).state is TriggerState.ACTIVE
        assert seconds(await parts.events()) == [180.0]


@pytest.mark.parametrize("change", ["pause", "remove", "reschedule"])
async def test_no_stale_fire_after_a_change_at_the_last_moment(change: str) -> None:
    async with Parts() as parts:
        made = (await parts.registry.create(definition(schedule=after(10)))).row
        await parts.pass_time(9.99)
        if change == "pause":
            await parts.registry.pause(made.id)
        elif change == "remove":
            await parts.registry.remove(made.id)
        else:
            later = definition(schedule=at(START + timedelta(seconds=30)))
            await parts.registry.change(made.id, lambda _: Edit(definition=later))
        await parts.pass_time(15)
        assert await parts.events() == []
        await parts.pass_time(10)
        assert seconds(await parts.events()) == ([30.0] if change == "reschedule" else [])


async def test_a_trigger_that_cannot_be_served_is_disabled_and_the_others_go_on() -> None:
    store, clock = MemoryStore(), FakeClock()
    await store.open()
    strange = definition("strange", schedule=cron("* * * * *", "Europe/Atlantis"))  # as saved where that zone is known
    made = await store.add_trigger(strange, state=TriggerState.ACTIVE, next_fire_at=START, now=START)
    async with Parts(store=store, clock=clock) as parts:
        await parts.registry.create(definition("fine", schedule=every(60)))
        await parts.pass_time(60, steps_of=20)
        disabled = await store.get_trigger(made.row.id)
        assert disabled.state is TriggerState.DISABLED
        assert "Europe/Berlin" in (disabled.state_reason or ""), "the reason says what would be allowed"
        assert [event.trigger_name for event in await parts.events()] == ["fine"]


async def test_after_a_step_back_what_is_due_before_the_old_start_is_not_missed() -> None:
    async with Parts() as parts:
        await parts.clock.step(-HOUR)
        await settle()
        skip = Misfire(policy=MisfirePolicy.SKIP)
        anchored = IntervalSchedule(every=timedelta(seconds=60), anchor=START - timedelta(hours=1))
        await parts.registry.create(definition(schedule=anchored, misfire=skip))
        await parts.pass_time(60, steps_of=20)
        assert [event.status for event in await parts.events()] == [EventStatus.RECORDED]


async def test_the_end_of_a_pause_of_a_trigger_just_deleted_does_no_harm() -> None:
    class Deletes(MemoryStore):
        async def replace_trigger(self, trigger: Trigger, *, seen: Trigger) -> Trigger:
            if trigger.state is TriggerState.ACTIVE:
                await self.remove_trigger(trigger.id)
            return await super().replace_trigger(trigger, seen=seen)

    async with Parts(store=Deletes()) as parts:
        made = (await parts.registry.create(definition(schedule=every(60)))).row
        await parts.registry.pause(made.id, until=START + timedelta(seconds=10))
        await parts.pass_time(20, steps_of=5)
        await parts.registry.create(definition("next", schedule=after(30)))
        await parts.pass_time(15, steps_of=5)
        assert [event.trigger_name for event in await parts.events()] == ["next"]
