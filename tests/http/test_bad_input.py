"""Bad input: each a problem that names the field, the value and what is allowed."""

from __future__ import annotations

from typing import Any

import pytest

from tests.http.client import Api

CRON = {"kind": "cron", "expression": "* * * * *"}


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        (b"{", 400, "valid JSON"),
        (b"", 400, "valid JSON"),
        (b"\xff", 400, "valid UTF-8"),
        (b'{"name": "x", "payload": NaN}', 400, "a number of JSON"),
        (b'{"name": "x", "payload": -Infinity}', 400, "a number of JSON"),
        (b'{"name": "x", "payload": 1e400}', 400, "within the range of a double"),
        (b'{"name": "x", "payload": "\\ud800"}', 400, "lone surrogates"),
        (b'{"name": "x", "payload": ' + b"[" * 10_000 + b"]" * 10_000 + b"}", 400, "nested at most 100 levels"),
        (b'{"name": "x", "payload": "' + b"a" * 10_000_000 + b'"}', 413, "at most 1048576 bytes"),
        (b'{"name": "x", "payload": "' + b"a" * 300_000 + b'"}', 422, "at most 262144 bytes"),
    ],
)
async def test_bodies_that_cannot_be_read(api: Api, body: bytes, status: int, says: str) -> None:
    reply = await api.post("/triggers/", data=body)
    assert reply.status == status
    assert reply.headers["Content-Type"] == "application/problem+json"
    assert says in reply.json["errors"][0]["allowed"]
    assert len(reply.text) < 1_500
    assert (await api.get("/triggers/")).json == []


@pytest.mark.parametrize(
    ("fields", "field", "says"),
    [
        ({"name": None}, "name", "a string"),
        ({"name": 5}, "name", "a string"),
        ({"name": ""}, "name", "at least 1 character"),
        ({"name": "x" * 201}, "name", "at most 200 character"),
        ({"name": " x"}, "name", "without white space at its beginning or end"),
        ({"name": "a\tb"}, "name", "without control characters"),
        ({"nam": "x"}, "nam", "left out; known here: "),
        ({"type": "cron"}, "type", "scheduled or api"),
        ({"tags": "x"}, "tags", "an array"),
        ({"tags": ["x", "x"]}, "tags", "differ"),
        ({"tags": ["x"] * 21}, "tags", "at most 20"),
        ({"tags": ["x" * 51]}, "tags.0", "at most 50"),
        ({"description": "x" * 2001}, "description", "at most 2000"),
        ({"is_active": "yes"}, "is_active", "true or false"),
        ({"overlap": "queue"}, "overlap", "allow or skip"),
        ({"timezone": "Mars/Olympus", "schedule": "@daily"}, "timezone", "IANA"),
        ({"schedule": {**CRON, "timezone": "Mars/Olympus"}}, "schedule.timezone", "IANA"),
        ({"schedule": {**CRON, "expression": "61 * * * *"}}, "schedule.expression", "0"),
        ({"schedule": {**CRON, "expression": "0 0 31 2 *"}}, "schedule.expression", ""),
        ({"schedule": {**CRON, "expression": 5}}, "schedule.expression", "a string"),
        ({"schedule": {**CRON, "expresion": "x"}}, "schedule.expresion", "known here: kind, expression, timezone"),
        ({"schedule": "61 * * * *"}, "schedule", "0"),
        ({"schedule": "whenever"}, "schedule", "every 5m"),
        ({"schedule": 5}, "schedule", "kind"),
        ({"schedule": {"every": 5}}, "schedule", "kind"),
        ({"schedule": {"kind": "rrule"}}, "schedule.kind", "at, delay, interval, cron"),
        ({"schedule": {"kind": "interval"}}, "schedule.every_s", "given"),
        ({"schedule": {"kind": "interval", "every_s": 0}}, "schedule.every_s", "at least 1"),
        ({"schedule": {"kind": "interval", "every_s": "5"}}, "schedule.every_s", "a number"),
        ({"schedule": {"kind": "interval", "every_s": 1.00001}}, "schedule.every_s", "three decimals"),
        ({"schedule": {"kind": "interval", "every_s": 5, "anchor": "x"}}, "schedule.anchor", "a time"),
        ({"schedule": {"kind": "interval", "every_s": 1e300}}, "schedule.every_s", "at most"),
        ({"schedule": {"kind": "delay", "delay_s": -1}}, "schedule.delay_s", "at least 0"),
        ({"schedule": {"kind": "at", "at": "tomorrow"}}, "schedule.at", "a time"),
        ({"schedule": {"kind": "at", "at": "1969-01-01T00:00:00Z"}}, "schedule.at", "1970"),
        ({"schedule": {"kind": "at", "at": 5}}, "schedule.at", "a string"),
        ({"schedule_time": "x"}, "schedule_time", "a time"),
        ({"delay_seconds": -1}, "delay_seconds", "at least 0"),
        ({"interval_seconds": 0}, "interval_seconds", "at least 1"),
        ({"type": "scheduled"}, "schedule", "given for a trigger of type scheduled"),
        ({"type": "api", "delay_seconds": 5}, "delay_seconds", "left out for a trigger of type api"),
        ({"type": "api", "schedule": "@daily"}, "schedule", "left out for a trigger of type api"),
        ({"target": "http://x"}, "target", "an object"),
        ({"target": {}}, "target.url", "given"),
        ({"target": {"url": "ftp://x/"}}, "target.url", "http"),
        ({"target": {"url": "http://x/", "method": "BREW"}}, "target.method", "GET, POST"),
        ({"target": {"url": "http://x/", "timeout_ms": 99}}, "target.timeout_ms", "at least 100"),
        ({"target": {"url": "http://x/", "timeout_ms": 120_001}}, "target.timeout_ms", "at most 120000"),
        ({"target": {"url": "http://x/", "headers": {"Host": "y"}}}, "target.headers.Host", ""),
        ({"target": {"url": "http://x/", "headers": {"A": 1}}}, "target.headers.A", "a string"),
        ({"target": {"url": "http://x/", "success_codes": [99]}}, "target.success_codes.0", "at least 100"),
        ({"target": {"url": "http://x/", "timout_ms": 5}}, "target.timout_ms", "known here: url, method"),
        ({"retry": {"attempts_max": 0}}, "retry.attempts_max", "at least 1"),
        ({"retry": {"attempts_max": 51}}, "retry.attempts_max", "at most 50"),
        ({"retry": {"backoff": "linear"}}, "retry.backoff", "exponential"),
        ({"retry": {"first_delay_ms": 99}}, "retry.first_delay_ms", "at least 100"),
        ({"retry": {"delay_max_ms": 7 * 86_400_000 + 1}}, "retry.delay_max_ms", "at most 604800000"),
        ({"misfire": {"policy": "never"}}, "misfire.policy", "coalesce, all, latest or skip"),
        ({"misfire": {"window_s": -1}}, "misfire.window_s", "at least 0"),
        ({"payload_schema": {"type": "strange"}}, "payload_schema", "JSON Schema"),
        ({"payload_schema": [1]}, "payload_schema", "an object"),
    ],
)
async def test_fields_that_cannot_be(api: Api, fields: dict[str, Any], field: str, says: str) -> None:
    reply = await api.post("/triggers/", {"name": "x", **fields})
    assert reply.status == 422, reply.text
    problem = reply.json
    assert problem["title"] == "The input cannot be accepted"
    assert field in reply.errors, reply.text
    assert says in reply.errors[field]
    assert field in problem["detail"]
    assert "pydantic" not in reply.text
    assert (await api.get("/triggers/")).json == []


async def test_two_schedules_are_named_both(api: Api) -> None:
    reply = await api.post("/triggers/", {"name": "x", "delay_seconds": 5, "interval_seconds": 5})
    assert (reply.status, set(reply.errors)) == (422, {"delay_seconds", "interval_seconds"})
    reply = await api.post(
        "/triggers/", {"name": "x", "schedule": "at 2027-01-01T00:00Z", "schedule_time": "2027-01-01T00:00:01Z"}
    )
    assert (reply.status, set(reply.errors)) == (422, {"schedule", "schedule_time"})


async def test_everything_wrong_is_named_at_once(api: Api) -> None:
    reply = await api.post("/triggers/", {"type": "x", "tags": 1, "wrong": 1, "retry": {"attempts_max": "x"}})
    assert set(reply.errors) == {"name", "type", "tags", "wrong", "retry.attempts_max"}


async def test_the_value_is_shown_and_shortened(api: Api) -> None:
    reply = await api.post("/triggers/", {"name": "n" * 1_000})
    assert reply.json["errors"] == [
        {"field": "name", "value": "n" * 100 + "…", "allowed": "at most 200 characters long"}
    ]
    reply = await api.post("/triggers/", {"name": {"deep": list(range(100))}})
    value = reply.json["errors"][0]["value"]
    assert value.startswith('{"deep":[0,1,2')
    assert len(value) == 101
    reply = await api.post("/triggers/", {"name": 10**30})
    assert reply.json["errors"][0]["value"] == str(10**30)


@pytest.mark.parametrize("body", [b"[]", b'"x"', b"5", b"null", b"true"])
async def test_a_trigger_is_an_object(api: Api, body: bytes) -> None:
    reply = await api.post("/triggers/", data=body)
    assert (reply.status, reply.errors) == (422, {"": "an object"})


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
async def test_other_media_types(api: Api, media_type: str) -> None:
    reply = await api.post("/triggers/", data=b'{"name": "x"}', headers={"Content-Type": media_type})
    assert (reply.status, reply.errors) == (415, {"Content-Type": "application/json"})


async def test_json_suffixes_are_json(api: Api) -> None:
    headers = {"Content-Type": "application/cloudevents+json; charset=utf-8"}
    assert (await api.post("/triggers/", data=b'{"name": "x"}', headers=headers)).status == 201


@pytest.mark.parametrize("text", ["x", "0", "-1", "1.0", "99999999999999999999", "9223372036854775808", "%C2%B2"])
@pytest.mark.parametrize("path", ["/triggers/{}", "/events/{}", "/triggers/{}/upcoming"])
async def test_ids_are_whole_numbers(api: Api, text: str, path: str) -> None:
    reply = await api.get(path.format(text))
    assert (reply.status, reply.errors) == (422, {"id": "a whole number from 1"})
    assert (await api.get(path.format(2**63 - 1))).status == 404


async def test_parameters_where_there_are_none(api: Api) -> None:
    trigger = await api.create()
    for method, path in (
        ("POST", "/triggers/"),
        ("GET", f"/triggers/{trigger['id']}"),
        ("DELETE", f"/triggers/{trigger['id']}"),
        ("POST", f"/triggers/{trigger['id']}/fire"),
        ("GET", "/healthz"),
    ):
        reply = await api.call(method, f"{path}?dry_run=true")
        assert (reply.status, reply.errors) == (422, {"dry_run": "left out; nothing is known here"})
    assert len((await api.get("/triggers/")).json) == 1
    assert (await api.get("/events/")).json == []
