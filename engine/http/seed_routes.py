"""The routes of the second seed, for clients that exist: names, shapes and `{"error": ...}` are theirs."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from engine.errors import InvalidInput
from engine.http.answers import MessageOut, SeedListOut, SeedLogOut, SeedPayloadOut
from engine.http.definitions import definition_from, payload_text
from engine.http.endpoint import Answer, endpoint
from engine.http.queries import NameQuery, NoQuery, read_query
from engine.http.rendering import Rendered, cached_response, json_response
from engine.http.requests import read_body, read_model
from engine.http.schemas import SeedNameInput, SeedTriggerInput, TriggerInput
from engine.http.services import services_of
from engine.http.validation_words import checked
from engine.json_text import Document, raw
from engine.model.event import EventKind, EventStatus
from engine.model.instant import format_instant
from engine.model.trigger import Definition, Trigger, TriggerType
from engine.storage.port import EventQuery, TriggerQuery
from engine.timers.describe import short

TAG = "second seed"
PAGE = 1_000
TRIGGERS_MAX = 10_000
"""The seed's lists have no pages, so they end here."""
LOGS_MAX = 1_000

_FIRED_KINDS = tuple(kind for kind in EventKind if kind is not EventKind.TEST)
_FIRED_STATUSES = tuple(status for status in EventStatus if status is not EventStatus.SKIPPED)


@endpoint(
    summary="Make a trigger",
    tag=TAG,
    body=SeedTriggerInput,
    answers={200: Answer(description="It is made", body=MessageOut)},
    problems=(409, 507),
    seed_errors=True,
)
async def schedule_trigger(request: web.Request) -> web.Response:
    services = services_of(request)
    read_query(request, NoQuery)
    fields, document = await read_model(request, SeedTriggerInput)
    definition = _definition(fields, document, request)
    await services.registry.create(definition)
    done = "created" if definition.type is TriggerType.API else "scheduled"
    return json_response({"message": f"Trigger '{definition.name}' {done} successfully"})


@endpoint(
    summary="List triggers",
    tag=TAG,
    answers={200: Answer(description="All triggers, and the names of the active ones", body=SeedListOut)},
    seed_errors=True,
)
async def list_triggers(request: web.Request) -> web.Response:
    read_query(request, NoQuery)

    async def render() -> Rendered:
        store, triggers = services_of(request).store, list[Trigger]()
        while len(triggers) < TRIGGERS_MAX:
            after = (triggers[-1].id, triggers[-1].id) if triggers else None
            page = await store.list_triggers(TriggerQuery(limit=PAGE, after=after))
            triggers += page
            if len(page) < PAGE:
                break
        rows = [
            {
                "name": trigger.name,
                "type": trigger.definition.type.value,
                "schedule": short(trigger.definition.schedule, trigger.created_at),
            }
            for trigger in triggers
        ]
        return {"db_triggers": rows, "active_triggers": [each.name for each in triggers if each.is_active]}, {}

    return await cached_response(request, "triggers", render)


@endpoint(
    summary="Remove a trigger",
    tag=TAG,
    body=SeedNameInput,
    answers={200: Answer(description="It is gone", body=MessageOut)},
    problems=(404, 507),
    seed_errors=True,
)
async def remove_trigger(request: web.Request) -> web.Response:
    services = services_of(request)
    read_query(request, NoQuery)
    fields, _ = await read_model(request, SeedNameInput)
    trigger = await services.store.find_trigger(fields.trigger_name)
    await services.registry.remove(trigger.id)
    return json_response({"message": f"Trigger '{trigger.name}' removed successfully"})


@endpoint(
    summary="Fire a trigger by name",
    description="The body, any JSON, goes in place of the trigger's own payload.",
    tag=TAG,
    query=NameQuery,
    body=Any,
    body_required=False,
    answers={200: Answer(description="It has fired", body=SeedPayloadOut)},
    problems=(404, 409, 507),
    seed_errors=True,
)
async def trigger_api(request: web.Request) -> web.Response:
    services = services_of(request)
    parameters = read_query(request, NameQuery)
    document = await read_body(request, required=False)
    trigger = await services.store.find_trigger(parameters.trigger_name)
    payload = None if document is None else payload_text(document.text)
    event = (await services.registry.fire_now(trigger.id, payload=payload)).row
    return json_response({"message": f"API trigger '{trigger.name}' fired", "payload": raw(event.payload)})


@endpoint(
    summary="What has fired, newest first",
    tag=TAG,
    answers={200: Answer(description="At most 1,000 rows", body=list[SeedLogOut])},
    seed_errors=True,
)
async def list_logs(request: web.Request) -> web.Response:
    read_query(request, NoQuery)
    query = EventQuery(archived=None, status=_FIRED_STATUSES, kind=_FIRED_KINDS, limit=LOGS_MAX)

    async def render() -> Rendered:
        rows = await services_of(request).store.list_events(query)
        return [{"trigger_name": row.trigger_name, "executed_at": format_instant(row.fired_at)} for row in rows], {}

    return await cached_response(request, "events", render)


@endpoint(
    summary="Test a trigger without saving it",
    description="The body is a trigger as /schedule_trigger takes it, or any other JSON object as a bare payload.",
    tag=TAG,
    body=dict[str, Any],
    body_required=False,
    answers={200: Answer(description="It has fired", body=SeedPayloadOut)},
    problems=(507,),
    seed_errors=True,
)
async def test_trigger(request: web.Request) -> web.Response:
    read_query(request, NoQuery)
    document = await read_body(request, required=False) or Document("{}", {}, {})
    if not isinstance(document.value, dict):
        raise InvalidInput.of("", document.value, "an object")
    if "trigger_name" in document.value or "trigger_type" in document.value:
        whole = {"trigger_name": "test", "trigger_type": "api", **document.value}
        definition = _definition(checked(SeedTriggerInput, whole), document, request)
    else:
        payload = payload_text(document.text) if document.value else None
        definition = Definition(name="test", type=TriggerType.API, payload=payload)
    await services_of(request).tester.test(definition)
    return json_response({"message": "Test trigger fired", "payload": raw(definition.payload)})


def _definition(fields: SeedTriggerInput, document: Document, request: web.Request) -> Definition:
    """The definition that a trigger of the second seed stands for."""
    if fields.trigger_type == "scheduled" and fields.delay_seconds is None and fields.interval_seconds is None:
        raise InvalidInput.of("delay_seconds", None, "given, or interval_seconds, for a scheduled trigger")
    modern = {
        "name": fields.trigger_name,
        "type": fields.trigger_type,
        "delay_seconds": fields.delay_seconds,
        "interval_seconds": fields.interval_seconds,
    }
    return definition_from(checked(TriggerInput, modern), document.members, services_of(request).clock.now())
