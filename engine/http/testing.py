"""Trying a trigger out without saving it."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from engine.errors import InvalidInput
from engine.http.answers import TestOut
from engine.http.definitions import SOURCES, definition_from, payload_text
from engine.http.endpoint import Answer, Endpoint, endpoint
from engine.http.queries import SendQuery, read_query
from engine.http.rendering import json_response
from engine.http.representations import (
    event_document,
    fire_document,
    request_document,
    response_document,
    timing_document,
)
from engine.http.requests import read_body
from engine.http.schemas import TriggerInput
from engine.http.services import services_of
from engine.http.validation_words import checked
from engine.json_text import Document, raw
from engine.model.trigger import Definition, TriggerType
from engine.tester import TestResult
from engine.timers.describe import warnings

TAG = "testing"
NAME = "test"
"""What a test is called in the ledger when it has no name of its own."""
MESSAGE = "Test trigger fired"


def _endpoint(summary: str, kind: TriggerType | None) -> Endpoint:
    @endpoint(
        summary=summary,
        description=(
            'The body is a whole trigger, `{"trigger_id": 17}`, or any other JSON object as a bare payload. '
            "Nothing is saved but an event of kind `test`."
        ),
        tag=TAG,
        query=SendQuery,
        body=dict[str, Any],
        body_required=False,
        answers={200: Answer(description="What it gave", body=TestOut)},
        problems=(404, 507),
    )
    async def handle(request: web.Request) -> web.Response:
        return await _test(request, kind)

    return handle


test = _endpoint("Test a trigger of either type", None)
test_scheduled = _endpoint("Test a scheduled trigger", TriggerType.SCHEDULED)
test_api = _endpoint("Test an API trigger", TriggerType.API)


async def _test(request: web.Request, kind: TriggerType | None) -> web.Response:
    services = services_of(request)
    send = read_query(request, SendQuery).send == "true"
    document = await read_body(request, required=False) or Document("{}", {}, {})
    if not isinstance(document.value, dict):
        raise InvalidInput.of("", document.value, "an object: a trigger, a trigger_id, or a payload")
    definition, trigger_id = await _definition(request, document, kind)
    result = await services.tester.test(definition, trigger_id=trigger_id, send=send)
    answer = _document(definition, result)
    if definition.schedule is not None:
        answer["fires"] = [fire_document(fire) for fire in result.fires]
        answer["warnings"] = warnings(definition.schedule, services.clock.now())
    return json_response(answer)


async def _definition(
    request: web.Request, document: Document, kind: TriggerType | None
) -> tuple[Definition, int | None]:
    """What is to be tested, and the id of the trigger if that is saved."""
    services, value = services_of(request), document.value
    if value.keys() == {"trigger_id"}:
        trigger_id = value["trigger_id"]
        if isinstance(trigger_id, bool) or not isinstance(trigger_id, int) or not 1 <= trigger_id <= 2**63 - 1:
            raise InvalidInput.of("trigger_id", trigger_id, "the id of a trigger, a whole number from 1")
        definition = (await services.store.get_trigger(trigger_id)).definition
        if kind is not None and definition.type is not kind:
            raise InvalidInput.of("trigger_id", trigger_id, f"a trigger of type {kind}; this one is {definition.type}")
        return definition, trigger_id
    if not _looks_like_trigger(value):
        payload = payload_text(document.text) if value else None
        return Definition(name=NAME, type=TriggerType.API, payload=payload), None
    if kind is not None and value.get("type", kind.value) != kind.value:
        raise InvalidInput.of("type", value["type"], f"{kind}, or left out")
    whole = {"name": NAME, **({"type": kind.value} if kind else {}), **value}
    fields = checked(TriggerInput, whole)
    return definition_from(fields, document.members, services.clock.now()), None


def _looks_like_trigger(value: dict[str, Any]) -> bool:
    """Payloads have members called `type` and `target` too, so those two count only in the form that triggers give."""
    if any(name in value for name in SOURCES) or value.get("type") in ("scheduled", "api"):
        return True
    return isinstance(value.get("target"), dict) and "url" in value["target"]


def _document(definition: Definition, result: TestResult) -> dict[str, Any]:
    answer: dict[str, Any] = {"message": MESSAGE, "payload": raw(definition.payload)}
    if result.event is not None:
        answer["event"] = event_document(result.event)
    if result.request is not None:
        body = None if result.request.body is None else result.request.body.decode("utf-8")
        answer["request"] = {**request_document(result.request), "body": raw(body)}
    if result.attempt is not None:
        exchange = result.attempt.exchange
        answer["response"] = None if exchange.response is None else response_document(exchange.response)
        answer["timing"] = timing_document(exchange.timing)
        answer["error"] = exchange.error
        answer["verdict"] = None if result.event is None else result.event.details
    return answer
