import asyncio
import random
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from engine.delivery.deliverer import LAST_WRITES_S, Deliverer
from engine.errors import NotFound, StorageFull
from engine.model.delivery import Attempt, Outcome, Verdict
from engine.model.event import Event, EventKind, EventStatus, fired_event
from engine.model.trigger import RetryPolicy, Target
from engine.storage.memory.store import MemoryStore
from tests.fakes.clock import START, FakeClock, settle
from tests.fakes.transport import FakeTransport

URL = "http://receiver.test/hook"
OTHER = "http://other.test/hook"


class TroubledStore(MemoryStore):
    """The memory store, with trouble on demand."""

    def __init__(self) -> None:
        super().__init__()
        self.write_errors: deque[Exception] = deque()
        """Raised by the next writes of outcomes, in order."""
        self.writes_tried = 0
        self.mark_errors: deque[Exception] = deque()
        self.marked: list[list[int]] = []
        self.writing = asyncio.Event()
        """Writes of outcomes wait for it."""
        self.writing.set()
        self.marking = asyncio.Event()
        """Marks wait for it."""
        self.marking.set()

    async def mark_running(self, event_ids: Sequence[int]) -> None:
        self.marked.append(list(event_ids))
        await self.marking.wait()
        if self.mark_errors:
            raise self.mark_errors.popleft()
        await super().mark_running(event_ids)

    async def record_attempt(self, attempt: Attempt, verdict: Verdict) -> Event:
        self.writes_tried += 1
        await self.writing.wait()
        if self.write_errors:
            raise self.write_errors.popleft()
        return await super().record_attempt(attempt, verdict)


class Rig:
    """A deliverer with everything around it."""

    def __init__(self, **limits: int) -> None:
        self.clock = FakeClock()
        self.store = TroubledStore()
        self.transport = FakeTransport()
        self.changes: list[Event] = []
        self.deliverer = Deliverer(
            store=self.store,
            transport=self.transport,
            clock=self.clock,
            on_change=self.changes.append,
            rng=random.Random(1),
            **limits,
        )
        self.running: asyncio.Task[None] | None = None

    async def open(self) -> None:
        await self.store.open()
        await self.deliverer.start()
        self.running = asyncio.create_task(self.deliverer.run())

    async def close(self) -> None:
        self.store.writing.set()
        self.store.marking.set()
        stopping = asyncio.create_task(self.deliverer.stop(0))
        while not stopping.done():
            await self.clock.advance(LAST_WRITES_S)
        await stopping
        if self.running is not None:
            with suppress(RuntimeError):
                await self.running
        await self.store.close()

    async def event(self, url: str = URL, **target: object) -> Event:
        """A new one that is due."""
        draft = fired_event(
            trigger_id=None,
            trigger_name="trigger",
            kind=EventKind.MANUAL,
            details="Fired by hand.",
            scheduled_for=START,
            fired_at=START,
            payload='{"a":1}',
            target=replace(Target(url=url), **target),  # type: ignore[arg-type]
            retry=RetryPolicy(),
        )
        return (await self.store.add_event(draft)).row

    async def changed(self, count: int) -> None:
        """Return once there were `count` changes in all; no time passes."""
        async with asyncio.timeout(5):
            while len(self.changes) < count:
                await settle()


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    rig = Rig()
    await rig.open()
    yield rig
    await rig.close()


# --- one attempt --------------------------------------------------------------------------------------------------


async def test_a_delivery_is_recorded_and_told(rig: Rig) -> None:
    event = await rig.event()
    assert rig.deliverer.submit(event)
    await rig.changed(1)
    (told,) = rig.changes
    assert told == await rig.store.get_event(event.id)
    assert (told.status, told.attempts_made, told.next_attempt_at) == (EventStatus.DELIVERED, 1, None)
    assert told.details == "Answered 200 OK in 12 ms."
    (attempt,) = await rig.store.get_attempts(event.id)
    assert (attempt.number, attempt.started_at, attempt.exchange.outcome) == (1, START, Outcome.SUCCEEDED)
    assert rig.transport.requests[0].body == b'{"a":1}'
    assert (rig.deliverer.in_flight, rig.deliverer.queued) == (0, 0)


async def test_a_retry_is_a_row_and_the_next_attempt_is_the_same_message(rig: Rig) -> None:
    rig.transport.script(URL, 503, Outcome.TIMEOUT)
    event = await rig.event()
    rig.deliverer.submit(event)
    await rig.changed(1)
    first = rig.changes[0]
    assert (first.status, first.attempts_made) == (EventStatus.RETRYING, 1)
    assert first.next_attempt_at is not None
    assert timedelta(seconds=4) <= first.next_attempt_at - START <= timedelta(seconds=6)
    await rig.clock.advance(100)
    assert len(rig.transport.requests) == 1, "nothing sleeps here until the next attempt"
    for number in (2, 3):
        assert rig.deliverer.submit(rig.changes[-1])
        await rig.changed(number)
    assert [change.status for change in rig.changes[1:]] == [EventStatus.RETRYING, EventStatus.DELIVERED]
    assert [attempt.number for attempt in await rig.store.get_attempts(event.id)] == [1, 2, 3]
    assert {dict(request.headers)["webhook-id"] for request in rig.transport.requests} == {event.message_id}


async def test_the_targets_own_success_codes_are_in_the_record(rig: Rig) -> None:
    rig.transport.script(URL, 302)
    event = await rig.event(success_codes=(302,))
    rig.deliverer.submit(event)
    await rig.changed(1)
    assert rig.changes[0].status is EventStatus.DELIVERED
    (attempt,) = await rig.store.get_attempts(event.id)
    assert attempt.exchange.outcome is Outcome.SUCCEEDED


async def test_a_target_that_can_never_be_called_fails_at_once(rig: Rig) -> None:
    event = await rig.event("ftp://receiver.test/")
    assert rig.deliverer.submit(event)
    await rig.changed(1)
    assert (rig.changes[0].status, rig.changes[0].reason) == (EventStatus.FAILED, "invalid_request")
    assert rig.transport.requests == []
    assert len(await rig.store.get_attempts(event.id)) == 1


async def test_a_transport_that_raises_is_an_outcome(rig: Rig) -> None:
    rig.transport.script(URL, KeyError("a bug"))
    with capture_logs() as logs:
        rig.deliverer.submit(await rig.event())
        await rig.changed(1)
    assert rig.changes[0].status is EventStatus.RETRYING
    assert "The engine itself failed while sending (KeyError)" in rig.changes[0].details
    assert any(entry.get("exc_info") for entry in logs)


# --- submit -------------------------------------------------------------------------------------------------------


async def test_an_event_in_flight_is_not_sent_twice(rig: Rig) -> None:
    rig.transport.hold(URL)
    event = await rig.event()
    assert [rig.deliverer.submit(event) for _ in range(3)] == [True] * 3
    await settle()
    assert (len(rig.transport.requests), rig.deliverer.in_flight) == (1, 1)


@pytest.mark.parametrize("status", [200, 503, 404])
async def test_a_copy_from_before_the_outcome_is_not_sent_again(rig: Rig, status: int) -> None:
    rig.transport.script(URL, status)
    event = await rig.event()
    rig.deliverer.submit(event)
    await rig.changed(1)
    assert rig.deliverer.submit(event) is True
    await settle()
    assert len(rig.transport.requests) == 1


async def test_what_is_finished_is_not_sent(rig: Rig) -> None:
    rig.deliverer.submit(await rig.event())
    await rig.changed(1)
    assert rig.deliverer.submit(replace(rig.changes[0], attempts_made=5)) is True
    await settle()
    assert len(rig.transport.requests) == 1


async def test_an_event_without_a_target_is_a_mistake_of_the_caller(rig: Rig) -> None:
    with pytest.raises(ValueError, match="no target"):
        rig.deliverer.submit(replace(await rig.event(), target=None))


async def test_each_host_has_a_lane_and_its_overflow_waits() -> None:
    rig = Rig(in_flight_per_host_max=2, queued_max=4)
    await rig.open()
    rig.transport.hold(URL)
    events = [await rig.event() for _ in range(4)]
    assert [rig.deliverer.submit(event) for event in events] == [True, True, True, False]
    assert rig.deliverer.submit(events[2]) is True, "queued already"
    assert (rig.deliverer.in_flight, rig.deliverer.queued) == (2, 1)
    rig.deliverer.submit(await rig.event(OTHER))
    await rig.changed(1)
    assert rig.changes[0].target == Target(url=OTHER)
    assert len(rig.transport.requests) == 3
    rig.transport.release(URL)
    await rig.changed(4)
    assert rig.deliverer.submit(events[3]) is True
    await rig.changed(5)
    assert (rig.deliverer.in_flight, rig.deliverer.queued) == (0, 0)
    await rig.close()


async def test_a_lane_is_scheme_host_and_port() -> None:
    rig = Rig(in_flight_per_host_max=1, queued_max=100)
    await rig.open()
    urls = ["http://h/a", "http://H:80/b", "http://h:81/", "https://h/", "https://h:443/x", "http://i/"]
    for url in urls:
        rig.deliverer.submit(await rig.event(url))
    assert (rig.deliverer.in_flight, rig.deliverer.queued) == (4, 2)
    await rig.changed(6)
    await rig.close()


# --- writing ------------------------------------------------------------------------------------------------------


async def test_an_outcome_that_cannot_be_written_is_written_again_and_never_sent_again(rig: Rig) -> None:
    rig.store.write_errors.extend([StorageFull("no room"), RuntimeError("a bug"), StorageFull("no room")])
    event = await rig.event()
    rig.deliverer.submit(event)
    await settle()
    for wait_s, tried in ((0.099, 1), (0.001, 2), (0.199, 2), (0.001, 3), (0.4, 4)):
        await rig.clock.advance(wait_s)
        assert rig.store.writes_tried == tried
        assert rig.deliverer.submit(event) is True
    await rig.changed(1)
    assert rig.changes[0].status is EventStatus.DELIVERED
    assert len(rig.transport.requests) == 1


async def test_waits_between_writes_stop_growing(rig: Rig) -> None:
    rig.store.write_errors.extend([StorageFull("no room")] * 20)
    rig.deliverer.submit(await rig.event())
    for _ in range(10):
        await rig.clock.advance(5)
    tried = rig.store.writes_tried
    await rig.clock.advance(5)
    assert rig.store.writes_tried == tried + 1


async def test_an_event_that_is_gone_is_dropped(rig: Rig) -> None:
    event = await rig.event()
    rig.store.write_errors.append(NotFound("event", event.id))
    rig.deliverer.submit(event)
    await settle()
    assert rig.deliverer.in_flight == 0
    assert rig.deliverer.submit(event) is True
    await settle()
    assert len(rig.transport.requests) == 1
    assert rig.changes == []


async def test_a_listener_that_raises_harms_nobody() -> None:
    rig = Rig()
    rig.deliverer = Deliverer(
        store=rig.store, transport=rig.transport, clock=rig.clock, on_change=lambda event: [][event.id]
    )
    await rig.open()
    event = await rig.event()
    with capture_logs() as logs:
        rig.deliverer.submit(event)
        await settle()
    assert (await rig.store.get_event(event.id)).status is EventStatus.DELIVERED
    assert any(entry.get("exc_info") for entry in logs)
    await rig.close()


# --- running ------------------------------------------------------------------------------------------------------


async def test_what_lasts_is_shown_as_running_in_one_write(rig: Rig) -> None:
    rig.transport.hold(URL)
    slow = [await rig.event() for _ in range(3)]
    for event in slow:
        rig.deliverer.submit(event)
    rig.deliverer.submit(await rig.event(OTHER))
    await rig.changed(1)
    await rig.clock.advance(0.199)
    assert rig.store.marked == []
    await rig.clock.advance(0.001)
    assert rig.store.marked == [[event.id for event in slow]]
    await rig.changed(4)
    assert rig.changes[1:] == [replace(event, status=EventStatus.RUNNING) for event in slow]
    assert (await rig.store.get_event(slow[0].id)).status is EventStatus.RUNNING
    await rig.clock.advance(10)
    assert len(rig.store.marked) == 1, "once is enough"
    rig.transport.release(URL)
    await rig.changed(7)
    assert {change.status for change in rig.changes[4:]} == {EventStatus.DELIVERED}


async def test_running_is_never_written_over_an_outcome(rig: Rig) -> None:
    """The answer comes while the mark is being written: the outcome has to wait for it."""
    rig.transport.hold(URL)
    rig.transport.script(URL, 503)
    rig.store.marking.clear()
    event = await rig.event()
    rig.deliverer.submit(event)
    await settle()
    await rig.clock.advance(0.2)
    assert rig.store.marked == [[event.id]]
    rig.transport.release(URL)
    await settle()
    assert rig.store.writes_tried == 0
    rig.store.marking.set()
    await rig.changed(2)
    assert [change.status for change in rig.changes] == [EventStatus.RUNNING, EventStatus.RETRYING]
    assert (await rig.store.get_event(event.id)).status is EventStatus.RETRYING


async def test_a_mark_that_fails_is_no_matter(rig: Rig) -> None:
    rig.store.mark_errors.append(StorageFull("no room"))
    rig.transport.hold(URL)
    rig.deliverer.submit(await rig.event())
    await settle()
    await rig.clock.advance(1)
    rig.transport.release(URL)
    await rig.changed(1)
    assert rig.changes[0].status is EventStatus.DELIVERED


async def test_a_bug_in_an_attempt_stops_the_engine(rig: Rig) -> None:
    class Broken(random.Random):
        def uniform(self, a: float, b: float) -> float:
            raise RuntimeError(f"no number between {a} and {b}")

    rig.deliverer._rng = Broken()
    rig.transport.script(URL, 503)
    rig.deliverer.submit(await rig.event())
    assert rig.running is not None
    with pytest.raises(RuntimeError, match="no number between"):
        await asyncio.wait_for(rig.running, 5)


# --- start and stop -----------------------------------------------------------------------------------------------


async def test_nothing_is_taken_before_the_start_or_after_the_stop() -> None:
    rig = Rig()
    await rig.store.open()
    event = await rig.event()
    assert rig.deliverer.submit(event) is False
    await rig.open()
    await rig.deliverer.stop()
    assert rig.deliverer.submit(event) is False
    assert rig.running is not None
    await asyncio.wait_for(rig.running, 5)
    assert rig.transport.requests == []
    await rig.open()
    assert rig.deliverer.submit(event) is True, "a start after a stop"
    await rig.changed(1)
    await rig.close()


async def test_starting_and_stopping_twice_is_harmless() -> None:
    rig = Rig()
    await rig.deliverer.stop()
    await rig.open()
    await rig.deliverer.start()
    rig.deliverer.submit(await rig.event())
    await rig.changed(1)
    await rig.deliverer.stop()
    await rig.deliverer.stop()
    await rig.close()


async def test_a_stop_waits_for_what_is_in_flight_and_leaves_what_is_queued() -> None:
    rig = Rig(in_flight_per_host_max=1)
    await rig.open()
    rig.transport.hold(URL)
    first, second = await rig.event(), await rig.event()
    rig.deliverer.submit(first)
    rig.deliverer.submit(second)
    await settle()
    stopping = asyncio.create_task(rig.deliverer.stop(10))
    await settle()
    await rig.clock.advance(9.9)
    assert not stopping.done()
    rig.transport.release(URL)
    await asyncio.wait_for(stopping, 5)
    assert (await rig.store.get_event(first.id)).status is EventStatus.DELIVERED
    assert await rig.store.get_attempts(second.id) == []
    assert len(rig.transport.requests) == 1
    await rig.close()


async def test_a_send_that_outlasts_the_grace_is_cut_off_and_leaves_no_attempt() -> None:
    rig = Rig()
    await rig.open()
    rig.transport.hold(URL)
    event = await rig.event()
    rig.deliverer.submit(event)
    await settle()
    stopping = asyncio.create_task(rig.deliverer.stop(10))
    await settle()
    await rig.clock.advance(10)
    await asyncio.wait_for(stopping, 5)
    assert rig.transport.cancelled == 1
    assert await rig.store.get_attempts(event.id) == []
    left = await rig.store.get_event(event.id)
    assert left.next_attempt_at == START, "so that the next start finds it"
    rig.transport.release(URL)
    await rig.open()
    assert rig.deliverer.submit(left)
    await rig.changed(1)
    ids = [dict(request.headers)["webhook-id"] for request in rig.transport.requests]
    assert ids == [event.message_id] * 2
    await rig.close()


async def test_an_outcome_that_is_being_written_at_the_stop_is_kept() -> None:
    rig = Rig()
    await rig.open()
    rig.store.writing.clear()
    event = await rig.event()
    rig.deliverer.submit(event)
    await settle()
    assert rig.store.writes_tried == 1
    stopping = asyncio.create_task(rig.deliverer.stop(10))
    await settle()
    await rig.clock.advance(10)
    assert not stopping.done()
    rig.store.writing.set()
    await asyncio.wait_for(stopping, 5)
    assert (await rig.store.get_event(event.id)).status is EventStatus.DELIVERED
    await rig.close()


async def test_an_outcome_gets_one_more_try_when_the_grace_is_over() -> None:
    rig = Rig()
    await rig.open()
    rig.store.write_errors.extend([StorageFull("no room")] * 100)
    # Writes are tried at 0, 0.1, 0.3, 0.7, 1.5, 3.1 and 6.3 s; the next would be at 11.3 s, after the grace.
    event = await rig.event()
    rig.deliverer.submit(event)
    stopping = asyncio.create_task(rig.deliverer.stop(10))
    await settle()
    for _ in range(99):
        await rig.clock.advance(0.1)
    assert rig.store.writes_tried == 7
    rig.store.write_errors.clear()
    await rig.clock.advance(0.2)
    await asyncio.wait_for(stopping, 5)
    assert (await rig.store.get_event(event.id)).status is EventStatus.DELIVERED
    await rig.close()


async def test_a_store_that_never_writes_does_not_hold_up_the_stop_for_ever() -> None:
    for trouble in ("refuses", "hangs"):
        rig = Rig()
        await rig.open()
        if trouble == "refuses":
            rig.store.write_errors.extend([StorageFull("no room")] * 1_000)
        else:
            rig.store.writing.clear()
        event = await rig.event()
        rig.deliverer.submit(event)
        await settle()
        stopping = asyncio.create_task(rig.deliverer.stop(10))
        await settle()
        await rig.clock.advance(10)
        await rig.clock.advance(LAST_WRITES_S)
        await asyncio.wait_for(stopping, 5)
        assert await rig.store.get_attempts(event.id) == []
        assert rig.deliverer.in_flight == 0
        await rig.close()
