"""Starting and stopping: nothing is lost that has an outcome, and nothing else is recorded."""

import asyncio

from engine.delivery.deliverer import LAST_WRITES_S
from engine.errors import StorageFull
from engine.model.event import EventStatus
from tests.fakes.clock import START, settle
from tests.unit.delivery.rig import URL, Rig


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
