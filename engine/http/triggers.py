"""Triggers: make, read, change, fire, pause, resume, delete."""

from __future__ import annotations

from datetime import UTC
from typing import Any

from aiohttp import web

from engine.errors import InvalidInput
from engine.http.answers import EventOut, MessageOut, TriggerOut
from engine.http.cursors import decode_cursor, encode_cursor, next_link
from engine.http.definitions import definition_from, patched, payload_text
from engine.http.endpoint import Answer, endpoint
from engine.http.queries import NoQuery, TriggerListQuery, read_query
from engine.http.rendering import Rendered, cached_response, json_response
from engine.http.representations import event_document, trigger_document
from engine.http.requests import (
    idempotency_key,
    path_id,
    read_body,
    read_instant,
    read_model,
    wanted_version,
)
from engine.http.schemas import NothingInput, PauseInput, TriggerInput, TriggerPatch
from engine.http.services import services_of
from engine.model.instant import to_microseconds
from engine.model.trigger import Trigger, TriggerState, TriggerType
from engine.registry import Edit
from engine.storage.port import TriggerQuery
from engine.timers.zones import zone

TAG = "triggers"
_TRIGGER = Answer(description="The trigger", body=TriggerOut, headers=("ETag",))


def _etag(trigger: Trigger) -> dict[str, str]:
    return {"ETag": f'"{trigger.version}"'}


@endpoint(
    summary="Create a trigger",
    tag=TAG,
    body=TriggerInput,
    headers=("Idempotency-Key",),
    answers={
        201: Answer(description="The trigger", body=TriggerOut, headers=("ETag", "Location", "Idempotent-Replayed"))
    },
    problems=(404, 409, 507),
)
async def create(request: web.Request) -> web.Response:
    services = services_of(request)
    read_query(request, NoQuery)
    fields, document = await read_model(request, TriggerInput)
    definition = definition_from(fields, document.members, services.clock.now())
    written = await services.registry.create(
        definition, active=fields.is_active is not False, idempotency=await idempotency_key(request, "create")
    )
    headers = {"Location": f"/triggers/{written.row.id}", **_etag(written.row)}
    if written.replayed:
        headers["Idempotent-Replayed"] = "true"
    return json_response(trigger_document(written.row), 201, headers)


@endpoint(
    summary="List triggers",
    tag=TAG,
    query=TriggerListQuery,
    answers={
        200: Answer(description="One page", body=list[TriggerOut], headers=("Link", "X-Total-Count")),
    },
)
async def list_all(request: web.Request) -> web.Response:
    parameters = read_query(request, TriggerListQuery)
    sort, descending = parameters.sort.removeprefix("-"), parameters.sort.startswith("-")
    query = TriggerQuery(
        type=TriggerType(parameters.type) if parameters.type else None,
        state=TriggerState(parameters.state) if parameters.state else None,
        tag=parameters.tag or None,
        text=parameters.q or None,
        sort=sort,  # type: ignore[arg-type]  # the same names, less the minus
        descending=descending,
        limit=parameters.limit + 1,  # one more tells whether there is a next page
        after=_after(parameters, sort) if parameters.cursor else None,
    )

    async def render() -> Rendered:
        store = services_of(request).store
        rows, total = await store.list_triggers(query), await store.count_triggers(query)
        headers = {"X-Total-Count": str(total)}
        if len(rows) > parameters.limit:
            rows = rows[: parameters.limit]
            last = encode_cursor([parameters.sort, _sort_value(rows[-1], sort), rows[-1].id])
            headers["Link"] = next_link(request, "/triggers/", last)
        return [trigger_document(row) for row in rows], headers

    return await cached_response(request, "triggers", render)


@endpoint(summary="One trigger", tag=TAG, answers={200: _TRIGGER})
async def get(request: web.Request) -> web.Response:
    trigger_id = path_id(request)
    read_query(request, NoQuery)

    async def render() -> Rendered:
        trigger = await services_of(request).store.get_trigger(trigger_id)
        return trigger_document(trigger), _etag(trigger)

    return await cached_response(request, "triggers", render)


@endpoint(
    summary="Replace a trigger",
    description="Fields that are left out take their defaults; `is_active` stays as it is.",
    tag=TAG,
    body=TriggerInput,
    headers=("If-Match",),
    answers={200: _TRIGGER},
    problems=(409, 412, 507),
)
async def replace(request: web.Request) -> web.Response:
    services, trigger_id, version = services_of(request), path_id(request), wanted_version(request)
    read_query(request, NoQuery)
    fields, document = await read_model(request, TriggerInput)

    def edit(saved: Trigger) -> Edit:
        now = services.clock.now()
        definition = definition_from(fields, document.members, now, saved.definition.schedule)
        return Edit(definition=definition, active=fields.is_active)

    trigger = await services.registry.change(trigger_id, edit, version=version)
    return json_response(trigger_document(trigger), headers=_etag(trigger))


@endpoint(
    summary="Change some fields of a trigger",
    description="A JSON merge patch: `null` puts a field back to its default, a schedule is replaced whole.",
    tag=TAG,
    body=TriggerPatch,
    headers=("If-Match",),
    answers={200: _TRIGGER},
    problems=(409, 412, 507),
)
async def patch(request: web.Request) -> web.Response:
    services, trigger_id, version = services_of(request), path_id(request), wanted_version(request)
    read_query(request, NoQuery)
    document = await read_body(request)
    assert document is not None  # noqa: S101 - a body is required

    def edit(saved: Trigger) -> Edit:
        definition, active = patched(saved, document, services.clock.now())
        return Edit(definition=definition, active=active)

    trigger = await services.registry.change(trigger_id, edit, version=version)
    return json_response(trigger_document(trigger), headers=_etag(trigger))


@endpoint(
    summary="Delete a trigger",
    description="Its events stay readable under the name they had, until they expire.",
    tag=TAG,
    headers=("If-Match",),
    answers={200: Answer(description="It is gone", body=MessageOut)},
    problems=(400, 412, 507),
)
async def remove(request: web.Request) -> web.Response:
    trigger_id, version = path_id(request), wanted_version(request)
    read_query(request, NoQuery)
    await services_of(request).registry.remove(trigger_id, version=version)
    return json_response({"message": "Trigger deleted successfully"})


@endpoint(
    summary="Fire a trigger now",
    description="The body, any JSON, replaces the trigger's own payload. Without one, or with null, its own goes.",
    tag=TAG,
    body=Any,
    body_required=False,
    headers=("Idempotency-Key",),
    answers={202: Answer(description="The event", body=EventOut, headers=("Location", "Idempotent-Replayed"))},
    problems=(409, 507),
)
async def fire(request: web.Request) -> web.Response:
    trigger_id = path_id(request)
    read_query(request, NoQuery)
    document = await read_body(request, required=False)
    payload = None if document is None else payload_text(document.text)
    written = await services_of(request).registry.fire_now(
        trigger_id, payload=payload, idempotency=await idempotency_key(request, f"fire:{trigger_id}")
    )
    headers = {"Location": f"/events/{written.row.id}"}
    if written.replayed:
        headers["Idempotent-Replayed"] = "true"
    return json_response(event_document(written.row), 202, headers)


@endpoint(
    summary="Pause a trigger",
    tag=TAG,
    body=PauseInput,
    body_required=False,
    answers={200: _TRIGGER},
    problems=(409, 507),
)
async def pause(request: web.Request) -> web.Response:
    services, trigger_id = services_of(request), path_id(request)
    read_query(request, NoQuery)
    fields, _ = await read_model(request, PauseInput, required=False)
    until = None
    if fields.until is not None:
        schedule = (await services.store.get_trigger(trigger_id)).definition.schedule
        until = read_instant("until", fields.until, zone(schedule.timezone) if schedule else UTC)
    if until is not None and until <= services.clock.now():
        raise InvalidInput.of("until", fields.until, "a time in the future")
    trigger = await services.registry.pause(trigger_id, until=until, note=fields.note)
    return json_response(trigger_document(trigger), headers=_etag(trigger))


@endpoint(
    summary="Resume a trigger",
    tag=TAG,
    body=NothingInput,
    body_required=False,
    answers={200: _TRIGGER},
    problems=(409, 507),
)
async def resume(request: web.Request) -> web.Response:
    trigger_id = path_id(request)
    read_query(request, NoQuery)
    await read_model(request, NothingInput, required=False)
    trigger = await services_of(request).registry.resume(trigger_id)
    return json_response(trigger_document(trigger), headers=_etag(trigger))


def _sort_value(trigger: Trigger, sort: str) -> str | int | None:
    if sort in ("id", "name"):
        value: str | int = getattr(trigger, sort)
        return value
    instant = getattr(trigger, sort)
    return None if instant is None else to_microseconds(instant)


def _after(parameters: TriggerListQuery, sort: str) -> tuple[str | int | None, int]:
    """The keyset of the cursor. One that was made for another order would skip rows, so it is refused."""
    kind = str if sort == "name" else int
    order, value, last_id = decode_cursor(parameters.cursor or "", (str,), (kind, type(None)), (int,))
    if order != parameters.sort:
        raise InvalidInput.of("cursor", parameters.cursor, f"used with sort={order}, as it was made")
    return value, last_id
