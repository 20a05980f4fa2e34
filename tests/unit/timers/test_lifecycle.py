"""State and next fire under every change a person can make."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from engine.errors import Conflict, InvalidInput
from engine.model.trigger import Trigger, TriggerState
from engine.timers.lifecycle import edited, paused, resumed, started
from tests.fakes.clock import START
from tests.fakes.records import after, definition, every, trigger

NOW = START + timedelta(seconds=90)
MINUTELY = definition(schedule=every(60))
ACTIVE, PAUSED, COMPLETED, DISABLED = (
    TriggerState.ACTIVE,
    TriggerState.PAUSED,
    TriggerState.COMPLETED,
    TriggerState.DISABLED,
)


def minutely(state: TriggerState = ACTIVE) -> Trigger:
    """Created at START; its next fire stands at 120 s unless it is not active."""
    due = START + timedelta(seconds=120) if state is ACTIVE else None
    return trigger(definition=MINUTELY, state=state, next_fire_at=due)


def test_starting_an_interval_waits_for_the_next_and_a_past_one_off_is_due_at_once() -> None:
    assert started(MINUTELY, NOW) == (ACTIVE, START + timedelta(seconds=120))
    assert started(definition(schedule=after(5)), NOW) == (ACTIVE, START + timedelta(seconds=5))
    assert started(definition(), NOW) == (ACTIVE, None)


def test_editing_anything_but_the_schedule_leaves_the_next_fire_alone_even_if_it_is_due() -> None:
    saved = replace(minutely(), next_fire_at=START + timedelta(seconds=60))
    changed = edited(saved, replace(MINUTELY, description="new"), None, NOW)
    assert changed.next_fire_at == saved.next_fire_at
    assert changed.definition.description == "new"
    assert changed.updated_at == NOW
    assert edited(saved, MINUTELY, True, NOW).next_fire_at == saved.next_fire_at


def test_a_new_schedule_counts_from_now() -> None:
    changed = edited(minutely(), replace(MINUTELY, schedule=every(7)), None, NOW)
    assert changed.next_fire_at == START + timedelta(seconds=91)


@pytest.mark.parametrize("state", [PAUSED, DISABLED])
def test_a_trigger_that_is_off_stays_off_when_edited(state: TriggerState) -> None:
    saved = replace(minutely(state), state_reason="because")
    for active in (None, False):
        changed = edited(saved, replace(MINUTELY, schedule=every(7)), active, NOW)
        assert (changed.state, changed.next_fire_at, changed.state_reason) == (state, None, "because")


def test_is_active_switches_on_and_off() -> None:
    off = edited(minutely(), MINUTELY, False, NOW)
    assert (off.state, off.next_fire_at) == (PAUSED, None)
    on = edited(replace(off, paused_until=NOW + timedelta(days=1)), MINUTELY, True, NOW)
    assert (on.state, on.next_fire_at, on.paused_until) == (ACTIVE, START + timedelta(seconds=120), None)


def test_a_completed_trigger_lives_again_only_with_a_new_schedule() -> None:
    once = definition(schedule=after(5))
    saved = trigger(definition=once, state=COMPLETED)
    assert edited(saved, replace(once, description="x"), None, NOW).state is COMPLETED
    assert edited(saved, once, False, NOW).state is COMPLETED
    with pytest.raises(InvalidInput, match="is_active"):
        edited(saved, once, True, NOW)
    again = edited(saved, replace(once, schedule=after(100)), None, NOW)
    assert (again.state, again.next_fire_at) == (ACTIVE, START + timedelta(seconds=100))
    assert edited(saved, replace(once, schedule=after(100)), False, NOW).state is PAUSED


def test_pause_and_resume() -> None:
    until = NOW + timedelta(hours=1)
    off = paused(minutely(), until, "maintenance", NOW)
    assert (off.state, off.next_fire_at, off.wake_at, off.state_reason) == (PAUSED, None, until, "maintenance")
    on = resumed(off, NOW + timedelta(seconds=45))
    assert (on.state, on.next_fire_at) == (ACTIVE, START + timedelta(seconds=180)), "the pause is not made up"
    assert (on.paused_until, on.state_reason) == (None, None)
    assert resumed(on, NOW) is on, "resuming what runs changes nothing"


def test_a_one_off_that_came_due_in_a_pause_fires_on_resume() -> None:
    off = paused(trigger(definition=definition(schedule=after(5)), next_fire_at=START), None, None, START)
    assert resumed(off, NOW).next_fire_at == START + timedelta(seconds=5)


def test_there_is_nothing_to_pause_or_resume_in_a_completed_trigger() -> None:
    saved = trigger(definition=definition(schedule=after(5)), state=COMPLETED)
    with pytest.raises(Conflict, match="completed"):
        paused(saved, None, None, NOW)
    with pytest.raises(Conflict, match="completed"):
        resumed(saved, NOW)
