"""The verbs of a trigger's life."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.errors import InvalidInput, NotActive, NotFound, VersionConflict
from engine.model.event import EventKind, EventStatus, SkipReason
from engine.model.trigger import Target, Trigger, TriggerState
from engine.registry import Edit
from engine.storage.memory.store import MemoryStore
from engine.storage.port import IdempotencyKey
from tests.fakes.clock import settle
from tests.fakes.parts import Parts
from tests.fakes.records import RECEIVER, after, definition, every


def described(text: str) -> Edit:
    return Edit(definition=definition(schedule=every(60), description=text))


async def test_what_cannot_fire_is_not_saved() -> None:
    async with Parts() as parts:
        with pytest.raises(InvalidInput, match="every_s"):
            await parts.registry.create(definition(schedule=every(0)))
        with pytest.raises(NotFound):
            await parts.store.find_trigger("trigger")


async def test_created_inactive_it_waits_for_resume() -> None:
    async with Parts() as parts:
        made = (await parts.registry.create(definition(schedule=every(60)), active=False)).row
        assert (made.state, made.next_fire_at) == (TriggerState.PAUSED, None)
        await parts.registry.resume(made.id)
        await parts.pass_time(60, steps_of=20)
        assert len(await parts.events()) == 1


async def test_a_change_against_an_old_version_is_refused_and_without_a_version_it_is_applied_again() -> None:
    async with Parts() as parts:
        made = (await parts.registry.create(definition(schedule=every(60)))).row
        changed = await parts.registry.change(made.id, lambda _: described("one"), version=made.version)
        assert changed.version == made.version + 1
        with pytest.raises(VersionConflict):
            await parts.registry.change(made.id, lambda _: described("two"), version=made.version)
        with pytest.raises(VersionConflict):
            await parts.registry.remove(made.id, version=made.version)
        again = await parts.registry.change(made.id, lambda _: described("three"))
        assert (again.version, again.definition.description) == (made.version + 2, "three")


async def test_a_fire_between_the_read_and_the_write_of_a_change_is_neither_lost_nor_repeated() -> None:
    class FiresInBetween(MemoryStore):
        async def replace_trigger(self, trigger: Trigger, *, seen: Trigger) -> Trigger:
            if not fired:
                fired.append(True)
                await parts.clock.advance(60)
                await settle(100)
            return await super().replace_trigger(trigger, seen=seen)

    fired: list[bool] = []
    async with Parts(store=FiresInBetween()) as parts:
        made = (await parts.registry.create(definition(schedule=every(60)))).row
        changed = await parts.registry.change(made.id, lambda _: described("new"), version=made.version)
        assert changed.definition.description == "new"
        await parts.pass_time(60, steps_of=20)
        assert len(await parts.events()) == 2


async def test_firing_by_hand_leaves_the_schedule_alone_and_works_in_any_state() -> None:
    async with Parts() as parts:
        made = (await parts.registry.create(definition(schedule=every(60), payload="1"))).row
        event = (await parts.registry.fire_now(made.id, payload="2")).row
        assert (event.kind, event.payload, event.status) == (EventKind.MANUAL, "2", EventStatus.RECORDED)
        assert (await parts.store.get_trigger(made.id)).next_fire_at == made.next_fire_at
        await parts.registry.pause(made.id)
        assert (await parts.registry.fire_now(made.id)).row.payload == "1"


async def test_an_api_trigger_that_is_paused_refuses_and_the_ledger_says_so() -> None:
    async with Parts() as parts:
        made = (await parts.registry.create(definition())).row
        assert (await parts.registry.fire_now(made.id)).row.kind is EventKind.API
        await parts.registry.pause(made.id)
        with pytest.raises(NotActive, match="paused"):
            await parts.registry.fire_now(made.id)
        skipped = (await parts.events())[-1]
        assert (skipped.status, skipped.reason) == (EventStatus.SKIPPED, SkipReason.PAUSED)


async def test_a_payload_is_held_to_the_schema() -> None:
    async with Parts() as parts:
        made = (await parts.registry.create(definition(payload_schema='{"required": ["order"]}'))).row
        with pytest.raises(InvalidInput, match="order"):
            await parts.registry.fire_now(made.id, payload="{}")
        assert await parts.events() == []
        await parts.registry.fire_now(made.id, payload='{"order": 1}')


async def test_the_same_idempotency_key_fires_once() -> None:
    key = IdempotencyKey(scope="fire:1", key="k", fingerprint="f")
    async with Parts() as parts:
        made = (await parts.registry.create(definition(target=RECEIVER))).row
        first = await parts.registry.fire_now(made.id, idempotency=key)
        second = await parts.registry.fire_now(made.id, idempotency=key)
        await settle(60)
        assert (first.replayed, second.replayed) == (False, True)
        assert first.row.id == second.row.id
        assert len(parts.transport.requests) == 1


async def test_replay_sends_the_same_bytes_or_goes_through_the_trigger_as_it_is_now() -> None:
    elsewhere = Target(url="http://elsewhere.test/")
    async with Parts() as parts:
        made = (await parts.registry.create(definition(payload="[1,  2]", target=RECEIVER))).row
        event = (await parts.registry.fire_now(made.id)).row
        await parts.registry.change(
            made.id, lambda saved: Edit(definition=replace(saved.definition, payload="3", target=elsewhere))
        )
        same = await parts.registry.replay(event.id)
        current = await parts.registry.replay(event.id, through_trigger=True)
        await settle(60)
        sent = [(request.url, request.body) for request in parts.transport.requests]
        assert sent == [(RECEIVER.url, b"[1,  2]"), (RECEIVER.url, b"[1,  2]"), (elsewhere.url, b"[1,  2]")]
        assert {same.kind, current.kind} == {EventKind.REPLAY}
        assert {same.replay_of, current.replay_of} == {event.id}
        assert len({event.message_id, same.message_id, current.message_id}) == 3


async def test_events_of_a_removed_trigger_are_still_delivered_and_can_be_replayed() -> None:
    async with Parts() as parts:
        parts.transport.script(RECEIVER.url, 503)
        made = (await parts.registry.create(definition("gone", schedule=after(1), target=RECEIVER))).row
        await parts.pass_time(1)
        await parts.registry.remove(made.id)
        await parts.pass_time(8)
        (event,) = await parts.events()
        assert (event.trigger_name, event.status) == ("gone", EventStatus.DELIVERED)
        assert (await parts.registry.replay(event.id)).trigger_name == "gone"
        with pytest.raises(NotFound):
            await parts.registry.replay(event.id, through_trigger=True)
