"""When does it fire: for a schedule that is not saved, and for a trigger."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from aiohttp import web

from engine.http.answers import PreviewOut, UpcomingOut
from engine.http.definitions import checked_zone, schedule_of
from engine.http.endpoint import Answer, endpoint
from engine.http.queries import NoQuery, UpcomingQuery, read_query
from engine.http.rendering import json_response
from engine.http.representations import fire_document
from engine.http.requests import path_id, read_instant, read_model
from engine.http.schemas import PreviewInput
from engine.http.services import Services, services_of
from engine.model.instant import MICROSECOND
from engine.model.schedule import AtSchedule, Schedule
from engine.model.trigger import TriggerState
from engine.timers.describe import sentence, warnings
from engine.timers.fire_times import FireTime, check_schedule, fire_times
from engine.timers.zones import zone

TAG = "schedules"
FIRES_AT_ONCE = 5
WHEN_THE_PAUSE_ENDS = "came due during the pause; fires when it ends"


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
    local = checked_zone(zone_name, "timezone")
    schedule = schedule_of(fields.schedule, zone_name, now)
    check_schedule(schedule, now)
    after = now if fields.after is None else read_instant("after", fields.after, local)
    return json_response(
        {
            "sentence": sentence(schedule),
            "fires": await _fires(services_of(request), schedule, after, fields.count),
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
    schedule, now = trigger.definition.schedule, services.clock.now()
    fires: list[dict[str, Any]] = []
    if schedule is not None and trigger.state is TriggerState.ACTIVE and trigger.next_fire_at is not None:
        fires = await _fires(services, schedule, trigger.next_fire_at - MICROSECOND, count)
    elif schedule is not None and trigger.state is TriggerState.PAUSED and trigger.paused_until is not None:
        resumes_at = max(trigger.paused_until, now)
        if isinstance(schedule, AtSchedule) and schedule.at <= resumes_at:
            local = resumes_at.astimezone(zone(schedule.timezone))
            fires = [fire_document(FireTime(at=resumes_at, local=local, notes=(WHEN_THE_PAUSE_ENDS,)))]
        else:
            fires = await _fires(services, schedule, resumes_at, count)
    return json_response({"fires": fires})


async def _fires(services: Services, schedule: Schedule, after: datetime, count: int) -> list[dict[str, Any]]:
    """The next fires, a few at a time: a rare one can take milliseconds to find, and everything else runs between."""
    documents: list[dict[str, Any]] = []
    while len(documents) < count:
        slice_max = min(FIRES_AT_ONCE, count - len(documents))
        fires = fire_times(schedule, after, slice_max)
        documents += [fire_document(fire) for fire in fires]
        if len(fires) < slice_max:
            break
        after = fires[-1].at
        await services.clock.sleep(0)
    return documents
