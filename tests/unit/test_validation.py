"""What has to hold of a definition, and JSON Schema on payloads."""

from __future__ import annotations

import json
from typing import Any

import pytest

from engine.errors import InvalidInput
from engine.model.trigger import TriggerType
from engine.validation import VIOLATIONS_MAX, check_definition, check_payload
from tests.fakes.clock import START
from tests.fakes.records import cron, definition, every


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"type": TriggerType.SCHEDULED}, "schedule"),
        ({"type": TriggerType.API, "schedule": every(60)}, "schedule"),
        ({"schedule": cron("61 * * * *")}, "schedule.expression"),
        ({"schedule": cron("0 0 31 2 *")}, "schedule.expression"),
        ({"schedule": cron("* * * * *", "Europe/Nowhere")}, "schedule.timezone"),
        ({"schedule": every(0)}, "schedule.every_s"),
        ({"payload_schema": '{"type": "no such type"}'}, "payload_schema"),
        ({"payload_schema": "17"}, "payload_schema"),
    ],
)
def test_what_cannot_be_saved_names_its_field(fields: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        check_definition(definition(**fields), START)
    assert [error.field for error in refusal.value.errors] == [field]


def test_every_violation_is_named_up_to_a_limit() -> None:
    schema = '{"type": "object", "required": ["a"], "additionalProperties": {"type": "integer"}}'
    with pytest.raises(InvalidInput) as refusal:
        check_payload(schema, '{"b": "x", "c": {"d": 1}}')
    assert {error.field for error in refusal.value.errors} == {"payload", "payload.b", "payload.c"}
    check_payload(schema, '{"a": 1}')
    many = "{" + ",".join(f'"k{n}": "x"' for n in range(100)) + "}"
    with pytest.raises(InvalidInput) as refusal:
        check_payload(schema, many)
    assert len(refusal.value.errors) == VIOLATIONS_MAX


def test_no_payload_is_null_to_a_schema() -> None:
    check_payload('{"type": "null"}', None)
    with pytest.raises(InvalidInput, match="payload"):
        check_payload('{"type": "object"}', None)


@pytest.mark.parametrize(
    "schema",
    [
        '{"pattern": "^(a+)+$"}',
        '{"properties": {"a": {"items": {"uniqueItems": true}}}}',
        '{"$ref": "http://127.0.0.1:1/schema.json"}',
        '{"anyOf": [{"not": {"$ref": "#"}}]}',
        '{"patternProperties": {"^(a+)+$": {}}}',
    ],
)
def test_what_could_take_for_ever_is_refused_by_its_keyword(schema: str) -> None:
    with pytest.raises(InvalidInput, match="payload_schema: allowed is a JSON Schema without"):
        check_definition(definition(payload_schema=schema), START)


def test_names_and_constants_are_no_keywords() -> None:
    schema = '{"properties": {"pattern": {"const": {"$ref": 1}}, "uniqueItems": true}, "required": ["$ref"]}'
    check_definition(definition(payload_schema=schema), START)


def test_the_work_of_a_check_is_bounded() -> None:
    big = json.dumps({"anyOf": [{}] * 1_000})
    with pytest.raises(InvalidInput, match="at most 1,000 parts"):
        check_definition(definition(payload_schema=big), START)
    schema = json.dumps({"items": {"anyOf": [{"type": "string"}] * 50}})
    check_payload(schema, json.dumps(["x"] * 500))
    with pytest.raises(InvalidInput, match="small enough for its schema"):
        check_payload(schema, json.dumps(["x"] * 5_000))
