"""What becomes of a trigger's state and next fire when a person changes it. Pure: the registry does the writing."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from engine.errors import Conflict, InvalidInput
from engine.model.trigger import Definition, Trigger, TriggerState
from engine.timers.fire_times import first_fire_time


def started(definition: Definition, now: datetime) -> tuple[TriggerState, datetime | None]:
    """State and next fire of a trigger that is (re)activated at `now`."""
    if definition.schedule is None:
        return TriggerState.ACTIVE, None
    next_fire_at = first_fire_time(definition.schedule, now)
    return (TriggerState.ACTIVE if next_fire_at else TriggerState.COMPLETED), next_fire_at


def edited(saved: Trigger, definition: Definition, active: bool | None, now: datetime) -> Trigger:
    """`saved` with another definition; `active` None leaves it as active as it was.

    The next fire stands while the schedule does, so that an edit of the description neither skips nor repeats one.
    A new schedule brings a completed trigger back to life. Raises InvalidInput when a completed one is to be active
    without a new schedule: it would have nothing left to do.
    """
    rescheduled = definition.schedule != saved.definition.schedule
    trigger = replace(saved, definition=definition, updated_at=now)
    if saved.state is TriggerState.COMPLETED and not rescheduled:
        if active:
            raise InvalidInput.of("is_active", True, "false, or a new schedule: this trigger has completed")
        return trigger
    if active is None:
        active = saved.state in (TriggerState.ACTIVE, TriggerState.COMPLETED)
    if active:
        if saved.state is TriggerState.ACTIVE and not rescheduled:
            return trigger
        return _activated(trigger, now)
    if saved.state in (TriggerState.ACTIVE, TriggerState.COMPLETED):
        return replace(trigger, state=TriggerState.PAUSED, state_reason=None, paused_until=None, next_fire_at=None)
    if rescheduled and saved.paused_until is not None:
        # The end of the pause may have passed unnoticed, and a new schedule counts from now.
        return replace(trigger, paused_until=max(saved.paused_until, now))
    return trigger  # paused or disabled already, and stays so


def paused(saved: Trigger, until: datetime | None, note: str | None, now: datetime) -> Trigger:
    """`saved`, not firing until `until` or resume. Raises Conflict for a completed trigger."""
    if saved.state is TriggerState.COMPLETED:
        raise Conflict(f"Trigger {saved.name!r} has completed; there is nothing to pause.")
    return replace(
        saved, state=TriggerState.PAUSED, state_reason=note, paused_until=until, next_fire_at=None, updated_at=now
    )


def resumed(saved: Trigger, now: datetime) -> Trigger:
    """`saved`, firing again from `now` on; what the pause swallowed is not made up, except a one-off.

    Raises Conflict for a completed trigger.
    """
    if saved.state is TriggerState.COMPLETED:
        raise Conflict(f"Trigger {saved.name!r} has completed; give it a new schedule to run it again.")
    if saved.state is TriggerState.ACTIVE:
        return saved
    return _activated(replace(saved, updated_at=now), now)


def pause_ended(saved: Trigger, now: datetime) -> Trigger:
    """`saved`, whose pause has ended by itself: firing again from `paused_until` on, however late that is noticed.

    What came due between then and `now` was not swallowed by the pause; it is late, or was missed while the engine was
    not running, as with any other trigger.
    """
    return _activated(replace(saved, updated_at=now), saved.paused_until or now)


def _activated(trigger: Trigger, since: datetime) -> Trigger:
    state, next_fire_at = started(trigger.definition, since)
    return replace(trigger, state=state, state_reason=None, paused_until=None, next_fire_at=next_fire_at)
