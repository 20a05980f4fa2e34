"""When does it fire: for a schedule that is not saved, and for a trigger."""

from __future__ import annotations

from datetime import UTC, datetime

from aiohttp import web

from engine.http.answers import PreviewOut, UpcomingOut
from engine.http.definitions import checked_zone, schedule_of
from engine.http.endpoint import Answer, endpoint
from engine.http.queries import NoQuery, UpcomingQuery, read_query
from engine.http.rendering import json_response
from engine.http.representations import fire_document
from engine.http.requests import path_id, read_instant, read_model
from engine.http.schemas import PreviewInput
from engine.http.services import services_of
from engine.model.instant import MICROSECOND
from engine.model.trigger import Trigger, TriggerState
from engine.timers.describe import sentence, warnings
from engine.timers.fire_times import FireTime, check_schedule, fire_times

TAG = "schedules"


@endpoint(
    summary="Try a schedule out",
    description="The same code that will fire says when, and warns of what may surprise.",
    tag=TAG,
    body=PreviewInput,
    answers={200: Answer(description="In words, and the next fires", body=PreviewOut)},
)
async def preview(request: web.Request) -> web.Response:
    read_query(request, NoQuery)
    fields, _ = await read_model(request, PreviewInput)
    now = services_of(request).clock.now()
    zone_name = fields.timezone or "UTC"
    zone = checked_zone(zone_name, "timezone")
    schedule = schedule_of(fields.schedule, zone_name, now)
    check_schedule(schedule, now)
    after = now if fields.after is None else read_instant("after", fields.after, zone)
    return json_response(
        {
            "sentence": sentence(schedule),
            "fires": [fire_document(fire) for fire in fire_times(schedule, after, fields.count)],
            "warnings": warnings(schedule, now),
        }
    )


@endpoint(
    summary="The next fires of a trigger",
    tag=TAG,
    query=UpcomingQuery,
    answers={200: Answer(description="The next fires; none while it is paused without an end", body=UpcomingOut)},
)
async def upcoming(request: web.Request) -> web.Response:
    services, trigger_id = services_of(request), path_id(request)
    count = read_query(request, UpcomingQuery).count
    trigger = await services.store.get_trigger(trigger_id)
    fires = _next_fires(trigger, services.clock.now().astimezone(UTC), count)
    return json_response({"fires": [fire_document(fire) for fire in fires]})


def _next_fires(trigger: Trigger, now: datetime, count: int) -> list[FireTime]:
    """From where the trigger stands: its next fire as it is saved, or the end of its pause."""
    schedule = trigger.definition.schedule
    if schedule is None:
        return []
    if trigger.state is TriggerState.ACTIVE and trigger.next_fire_at is not None:
        return fire_times(schedule, trigger.next_fire_at - MICROSECOND, count)
    if trigger.state is TriggerState.PAUSED and trigger.paused_until is not None:
        return fire_times(schedule, max(trigger.paused_until, now), count)
    return []
