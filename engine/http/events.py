"""The ledger: list, read, count, archive, send again."""

from __future__ import annotations

from aiohttp import web

from engine.errors import FieldError, InvalidInput
from engine.http.answers import AggregateOut, EventOut, EventWithAttempts, MessageOut
from engine.http.cursors import decode_cursor, encode_cursor, next_link
from engine.http.endpoint import Answer, endpoint
from engine.http.queries import AggregateListQuery, EventListQuery, NoQuery, read_query, three_way
from engine.http.rendering import Rendered, cached_response, json_response
from engine.http.representations import aggregate_document, attempt_document, event_document
from engine.http.requests import path_id, read_instant, read_model
from engine.http.schemas import ReplayInput
from engine.http.services import services_of
from engine.model.event import EventKind, EventStatus
from engine.model.instant import to_microseconds
from engine.storage.port import AggregateQuery, EventQuery

TAG = "events"


@endpoint(
    summary="List events, newest first",
    tag=TAG,
    query=EventListQuery,
    answers={
        200: Answer(description="One page", body=list[EventOut], headers=("Link", "X-Total-Count")),
    },
)
async def list_all(request: web.Request) -> web.Response:
    parameters = read_query(request, EventListQuery)
    query = _event_query(parameters)

    async def render() -> Rendered:
        store = services_of(request).store
        rows, total = await store.list_events(query), await store.count_events(query)
        headers = {} if total is None else {"X-Total-Count": str(total)}
        if len(rows) > parameters.limit:
            rows = rows[: parameters.limit]
            cursor = encode_cursor([to_microseconds(rows[-1].fired_at), rows[-1].id])
            headers["Link"] = next_link(request, "/events/", cursor)
        return [event_document(row) for row in rows], headers

    return await cached_response(request, "events", render)


@endpoint(
    summary="One event, with its attempts",
    tag=TAG,
    answers={200: Answer(description="The event", body=EventWithAttempts)},
)
async def get(request: web.Request) -> web.Response:
    event_id = path_id(request)
    read_query(request, NoQuery)

    async def render() -> Rendered:
        store = services_of(request).store
        # The attempts are read first: one that is written in between then shows in the event's count alone,
        # and the cache drops such an answer anyway.
        attempts, event = await store.get_attempts(event_id), await store.get_event(event_id)
        return {**event_document(event), "attempts": [attempt_document(attempt) for attempt in attempts]}, {}

    return await cached_response(request, "events", render)


@endpoint(
    summary="Count events",
    description="By trigger unless `group_by` says otherwise. Tests count only where `kind` asks for them.",
    tag=TAG,
    query=AggregateListQuery,
    answers={200: Answer(description="A row for each group", body=list[AggregateOut])},
)
async def aggregate(request: web.Request) -> web.Response:
    parameters = read_query(request, AggregateListQuery)
    group_by = tuple(dict.fromkeys(parameters.group_by)) or ("trigger_id",)
    query = AggregateQuery(
        group_by=group_by,
        archived=three_way(parameters.archived),
        kind=tuple(map(EventKind, parameters.kind)),
        trigger_id=parameters.trigger_id,
        fired_from=None if parameters.from_ is None else read_instant("from", parameters.from_),
        fired_to=None if parameters.to is None else read_instant("to", parameters.to),
    )

    async def render() -> Rendered:
        rows = await services_of(request).store.aggregate(query)
        return [aggregate_document(row, group_by) for row in rows], {}

    return await cached_response(request, "events", render)


@endpoint(
    summary="Archive an event now",
    tag=TAG,
    answers={200: Answer(description="It is archived", body=MessageOut)},
    problems=(507,),
)
async def archive(request: web.Request) -> web.Response:
    event_id = path_id(request)
    read_query(request, NoQuery)
    await services_of(request).retention.archive(event_id)
    return json_response({"message": "Event archived successfully"})


@endpoint(
    summary="Send an event again",
    tag=TAG,
    body=ReplayInput,
    body_required=False,
    answers={202: Answer(description="The new event", body=EventOut, headers=("Location",))},
    problems=(409, 507),
)
async def replay(request: web.Request) -> web.Response:
    event_id = path_id(request)
    read_query(request, NoQuery)
    fields, _ = await read_model(request, ReplayInput, required=False)
    event = await services_of(request).registry.replay(event_id, through_trigger=fields.through_trigger)
    return json_response(event_document(event), 202, {"Location": f"/events/{event.id}"})


def _event_query(parameters: EventListQuery) -> EventQuery:
    after = None
    if parameters.cursor is not None:
        if parameters.page != 1:
            allowed = "one of page and cursor, not both"
            raise InvalidInput(
                FieldError(field="page", value=parameters.page, allowed=allowed),
                FieldError(field="cursor", value=parameters.cursor, allowed=allowed),
            )
        fired_at, last_id = decode_cursor(parameters.cursor, (int,), (int,))
        after = (fired_at, last_id)
    return EventQuery(
        archived=three_way(parameters.archived),
        trigger_id=parameters.trigger_id,
        trigger_name=parameters.trigger_name or None,
        status=tuple(map(EventStatus, parameters.status)),
        kind=tuple(map(EventKind, parameters.kind)),
        fired_from=None if parameters.from_ is None else read_instant("from", parameters.from_),
        fired_to=None if parameters.to is None else read_instant("to", parameters.to),
        text=parameters.q or None,
        limit=parameters.limit + 1,  # one more tells whether there is a next page
        offset=(parameters.page - 1) * parameters.limit,
        after=after,
    )
