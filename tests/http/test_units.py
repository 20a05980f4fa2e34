"""Small parts that are easier to see by themselves."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import pytest

from engine import errors
from engine.errors import EngineError, FieldError, InvalidInput
from engine.http.cursors import decode_cursor, encode_cursor
from engine.http.problems import Problem, problem_of, shortened
from engine.http.representations import response_document
from engine.http.requests import read_instant
from engine.http.routes import Router
from engine.model.delivery import Response


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (InvalidInput.of("f", 1, "x"), 422),
        (errors.UnreadableInput.of("", None, "x"), 400),
        (errors.NotFound("trigger", 5), 404),
        (errors.Conflict("x"), 409),
        (errors.NameTaken("x"), 409),
        (errors.NotActive("x", "paused"), 409),
        (errors.VersionConflict(1, 1, 2), 412),
        (errors.IdempotencyConflict("k"), 422),
        (errors.StorageError("x"), 503),
        (errors.StorageFull("x"), 507),
        (errors.StorageCorrupt("x"), 503),
        (errors.StorageClosed("x"), 503),
        (errors.StorageLocked("x"), 503),
    ],
)
def test_each_error_has_its_status(error: EngineError, status: int) -> None:
    problem = problem_of(error)
    assert problem is not None
    assert problem.status == status
    assert ("Retry-After" in problem.headers) == (status == 503)
    document = problem.document("urn:uuid:x")
    json.dumps(document)
    assert document["detail"].endswith(".") or status in (409, 503, 507)


def test_an_error_that_is_not_for_callers_has_none() -> None:
    assert problem_of(errors.SettingsError("x")) is None


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, None),
        (True, True),
        (5, 5),
        (1.5, 1.5),
        (2**70, str(2**70)),
        (float("inf"), "inf"),
        ("x" * 100, "x" * 100),
        ("x" * 101, "x" * 100 + "…"),
        ("\ud800", "?"),
        ([1, {"a": None}], '[1,{"a":null}]'),
        ({"a": 2**70}, "{'a': 1180591620717411303424}"),
    ],
)
def test_values_are_shown_short_and_always_as_json(value: Any, shown: Any) -> None:
    assert shortened(value) == shown
    problem = Problem(422, "x", errors=[FieldError(field="f", value=value, allowed="y")])
    json.dumps(problem.document("urn:uuid:x"), allow_nan=False)


@pytest.mark.parametrize("key", [["id", 5, 17], ["name", "ü/…", 1], ["next_fire_at", None, 2**63 - 1]])
def test_cursors_come_back_as_they_were(key: list[Any]) -> None:
    text = encode_cursor(key)
    assert text.isascii()
    assert not set(text) & set("+/=&?")
    assert decode_cursor(text, (str,), (str, int, type(None)), (int,)) == key


@pytest.mark.parametrize("key", [[], [1], [1, 2, 3], ["1", 2], [True, 1], [1.5, 1], [2**63, 1], [None, 1], {"a": 1}, 5])
def test_cursors_of_another_form_are_refused(key: Any) -> None:
    with pytest.raises(InvalidInput):
        decode_cursor(encode_cursor(key), (int,), (int,))


def test_times() -> None:
    assert read_instant("f", "2026-11-22T10:00:00+01:00") == datetime(2026, 11, 22, 9, tzinfo=UTC)
    for text in ("", "x", "2026-13-01T00:00:00Z", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "5"):
        with pytest.raises(InvalidInput, match="f: allowed is a time between"):
            read_instant("f", text)


@pytest.mark.parametrize(
    ("body", "truncated", "text", "encoding"),
    [
        (b"plain", False, "plain", "utf-8"),
        (b"", False, "", "utf-8"),
        ("aü".encode()[:-1], True, "a", "utf-8"),
        ("aü".encode()[:-1], False, "YcM=", "base64"),
        (b"\xff" + b"a" * 5, True, "/2FhYWFh", "base64"),
    ],
)
def test_bodies_are_shown_as_text_where_they_are(body: bytes, truncated: bool, text: str, encoding: str) -> None:
    document = response_document(Response(status=200, headers=(), body=body, truncated=truncated))
    assert (document["body"], document["body_encoding"]) == (text, encoding)


@pytest.mark.parametrize(
    ("path", "parameters"),
    [
        ("/", {}),
        ("", {}),
        ("//", {}),
        ("/triggers/17", {"id": "17"}),
        ("/triggers/17/fire/", {"id": "17"}),
        ("/events/aggregate", {}),
        ("/events/archive/5", {"id": "5"}),
        ("/events/stream", {}),
        ("/assets/v1/js/a.js", {"version": "v1", "path": "js/a.js"}),
    ],
)
def test_paths_find_their_endpoint(path: str, parameters: dict[str, str]) -> None:
    match = Router().match(path)
    assert match is not None
    assert match.parameters == parameters
    assert asdict(next(iter(match.endpoints.values())))["summary"]
