"""Attempts: what is taken, sent, judged and recorded."""

import asyncio
import random
from dataclasses import replace
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from engine.delivery.deliverer import Deliverer
from engine.errors import NotFound, StorageFull
from engine.model.delivery import Outcome
from engine.model.event import EventStatus
from engine.model.trigger import Target
from tests.fakes.clock import START, settle
from tests.unit.delivery.rig import OTHER, URL, Rig

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


async def test_each_host_has_a_lane_and_what_finds_no_room_at_all_is_refused() -> None:
    rig = Rig(in_flight_per_host_max=2, queued_max=4, overflow_max=0)
    await rig.open()
    rig.transport.hold(URL)
    events = [await rig.event() for _ in range(4)]
    assert [rig.deliverer.submit(event) for event in events] == [True, True, True, False]
    assert [rig.deliverer.knows(event.id) for event in events] == [True, True, True, False]
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


async def test_what_overflows_is_asked_for_in_its_turn_when_there_is_room() -> None:
    rig = Rig(in_flight_per_host_max=1, queued_max=4, overflow_max=100)
    await rig.open()
    rig.transport.hold(URL)
    events = [await rig.event() for _ in range(5)]
    ids = [event.id for event in events]
    assert [rig.deliverer.submit(event) for event in events] == [True] * 5
    assert all(rig.deliverer.knows(event_id) for event_id in ids)
    assert (rig.deliverer.in_flight, rig.deliverer.queued, rig.called) == (1, 4, [])
    rig.transport.release(URL)
    await rig.changed(2)
    assert rig.called == ids[2:4], "as many as there is room for"
    assert not rig.deliverer.knows(ids[2])
    rig.deliverer.submit(events[2])
    rig.deliverer.excuse(ids[2:4])  # the second one is gone, and the next is asked for in its place
    await rig.changed(3)
    assert rig.called == ids[2:]
    rig.deliverer.submit(events[4])
    await rig.changed(4)
    assert [change.id for change in rig.changes] == [*ids[:3], ids[4]]
    assert not rig.deliverer._lanes._lanes
    assert not rig.deliverer._taken
    await rig.close()


async def test_a_stop_forgets_what_overflowed() -> None:
    rig = Rig(in_flight_per_host_max=1, queued_max=4, overflow_max=100)
    await rig.open()
    rig.transport.hold(URL)
    events = [await rig.event() for _ in range(5)]
    for event in events:
        rig.deliverer.submit(event)
    await settle()
    stopping = asyncio.create_task(rig.deliverer.stop(10))
    await settle()
    assert [rig.deliverer.knows(event.id) for event in events] == [True, False, False, False, False]
    rig.transport.release(URL)
    await asyncio.wait_for(stopping, 5)
    assert (rig.deliverer.queued, rig.called, len(rig.transport.requests)) == (0, [], 1)
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
        store=rig.store,
        transport=rig.transport,
        clock=rig.clock,
        on_change=lambda event: [][event.id],
        on_room=rig.called.extend,
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


async def test_a_bug_in_judging_fails_its_event_and_nothing_else(rig: Rig) -> None:
    class Broken(random.Random):
        def uniform(self, a: float, b: float) -> float:
            raise RuntimeError(f"no number between {a} and {b}")

    rig.deliverer._rng = Broken()
    rig.transport.script(URL, 503)
    event = await rig.event()
    with capture_logs() as logs:
        rig.deliverer.submit(event)
        await rig.changed(1)
    failed = rig.changes[0]
    assert (failed.status, failed.reason, failed.attempts_made) == (EventStatus.FAILED, "engine_error", 1)
    assert "The engine itself failed while judging the answer (RuntimeError)" in failed.details
    (attempt,) = await rig.store.get_attempts(event.id)
    assert attempt.exchange.response is not None, "what came is in the record"
    assert [entry["event_id"] for entry in logs if entry.get("exc_info")] == [event.id]
    rig.deliverer.submit(await rig.event())
    await rig.changed(2)
    assert rig.changes[1].status is EventStatus.DELIVERED
    assert rig.running is not None
    assert not rig.running.done()


async def test_a_bug_in_building_a_request_fails_its_event_and_nothing_else(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise KeyError("a bug")

    event = await rig.event()
    monkeypatch.setattr("engine.delivery.deliverer.build_request", broken)
    with capture_logs() as logs:
        rig.deliverer.submit(event)
        await rig.changed(1)
    assert (rig.changes[0].status, rig.changes[0].reason) == (EventStatus.FAILED, "invalid_request")
    assert "The engine itself failed while building the request (KeyError)" in rig.changes[0].details
    assert any(entry.get("exc_info") for entry in logs)


async def test_an_attempt_that_cannot_be_accounted_for_stops_the_engine(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> None:
        raise RuntimeError("neither written nor held")

    monkeypatch.setattr(rig.deliverer._outcomes, "write", broken)
    rig.deliverer.submit(await rig.event())
    assert rig.running is not None
    with pytest.raises(RuntimeError, match="neither written nor held"):
        await asyncio.wait_for(rig.running, 5)
