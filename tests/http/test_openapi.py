"""The description is whole, and consistent in itself. That it is true, every test of this folder checks."""

from __future__ import annotations

import json
import re
from typing import Any, get_args

import pytest
from jsonschema import Draft202012Validator

from engine.http.answers import EventOut, Outcome, TriggerOut
from engine.http.openapi import openapi_document
from engine.http.queries import Kind, Sort, Status
from engine.http.routes import ROUTES
from engine.http.schemas import TriggerInput, TriggerPatch
from engine.model.delivery import Outcome as ModelOutcome
from engine.model.event import EventKind, EventStatus
from engine.storage.port import TriggerSort

DESCRIPTION: dict[str, Any] = json.loads(openapi_document(ROUTES))
OPERATIONS = [
    (method, path, operation) for path, methods in DESCRIPTION["paths"].items() for method, operation in methods.items()
]


def _refs(part: Any) -> list[str]:
    if isinstance(part, dict):
        own = [part["$ref"]] if isinstance(part.get("$ref"), str) else []
        return own + [ref for value in part.values() for ref in _refs(value)]
    return [ref for value in part for ref in _refs(value)] if isinstance(part, list) else []


def test_every_route_is_in_it() -> None:
    described = {(method.upper(), path) for method, path, _ in OPERATIONS}
    assert described == {(method, path) for method, path, _ in ROUTES if "*}" not in path}
    assert DESCRIPTION["openapi"] == "3.1.0"


def test_operations_have_ids_summaries_and_problems() -> None:
    ids = [operation["operationId"] for _, _, operation in OPERATIONS]
    assert len(set(ids)) == len(ids)
    for _, path, operation in OPERATIONS:
        assert operation["summary"]
        assert any(status.startswith("2") for status in operation["responses"])
        for status, response in operation["responses"].items():
            assert "X-Request-Id" in response["headers"]
            is_problem = int(status) >= 400 and path != "/readyz"
            if is_problem and operation["tags"] != ["second seed"]:
                assert list(response["content"]) == ["application/problem+json"]


def test_references_lead_somewhere() -> None:
    refs = _refs(DESCRIPTION)
    assert refs
    for ref in refs:
        part: Any = DESCRIPTION
        for name in ref.removeprefix("#/").split("/"):
            assert name in part, ref
            part = part[name]


def test_schemas_are_schemas_and_their_examples_fit() -> None:
    for schema in DESCRIPTION["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)
        validator = Draft202012Validator({**schema, "components": DESCRIPTION["components"]})
        for example in schema.get("examples", []):
            validator.validate(example)


def test_path_parameters_are_described() -> None:
    for _, path, operation in OPERATIONS:
        named = {each["name"] for each in operation.get("parameters", []) if each["in"] == "path"}
        assert named == set(re.findall(r"{(\w+)}", path))


@pytest.mark.parametrize(
    ("described", "real"),
    [
        (get_args(Status), [status.value for status in EventStatus]),
        (get_args(Kind), [kind.value for kind in EventKind]),
        (get_args(Outcome), [outcome.value for outcome in ModelOutcome]),
        ([sort for sort in get_args(Sort) if not sort.startswith("-")], get_args(TriggerSort)),
        ([sort[1:] for sort in get_args(Sort) if sort.startswith("-")], get_args(TriggerSort)),
    ],
)
def test_lists_of_values_are_those_of_the_model(described: Any, real: Any) -> None:
    assert sorted(described) == sorted(real)


def test_what_is_shown_of_a_trigger_can_be_given_back() -> None:
    assert set(TriggerOut.model_fields) <= set(TriggerInput.model_fields)
    assert set(TriggerPatch.model_fields) < set(TriggerInput.model_fields)
    assert {"id", "message_id", "lateness_ms", "payload"} <= set(EventOut.model_fields)
