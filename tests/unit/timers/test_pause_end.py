"""The end of a pause that nobody has noticed yet."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from engine.model.trigger import TriggerState
from engine.timers.lifecycle import edited, pause_ended
from tests.fakes.clock import START
from tests.fakes.records import definition, every, trigger

UNTIL = START + timedelta(seconds=90)
NOW = START + timedelta(seconds=600)
PAUSED = trigger(definition=definition(schedule=every(60)), state=TriggerState.PAUSED, paused_until=UNTIL)


def test_fires_count_from_the_end_of_the_pause_also_after_another_edit() -> None:
    described = edited(PAUSED, replace(PAUSED.definition, description="new"), None, NOW)
    for saved in (PAUSED, described):
        ended = pause_ended(saved, NOW)
        assert (ended.state, ended.paused_until) == (TriggerState.ACTIVE, None)
        assert ended.next_fire_at == START + timedelta(seconds=120)
        assert ended.updated_at == NOW


def test_a_new_schedule_counts_from_the_edit() -> None:
    rescheduled = edited(PAUSED, replace(PAUSED.definition, schedule=every(30)), None, NOW)
    assert pause_ended(rescheduled, NOW).next_fire_at == NOW + timedelta(seconds=30)
