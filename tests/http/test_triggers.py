"""Triggers through the API: every route, every form of schedule, keys."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fakes.clock import FakeClock
from tests.http.client import Api

TARGET = {"url": "http://receiver.test/hook"}


async def test_create_shows_every_field_of_the_contract(api: Api) -> None:
    reply = await api.post(
        "/triggers/",
        {
            "name": "nightly-report",
            "type": "scheduled",
            "tags": ["billing"],
            "schedule": {"kind": "cron", "expression": "30 2 * * MON-FRI", "timezone": "Europe/Berlin"},
            "payload": {"report": "daily"},
            "target": {"url": "https://example.org/hook"},
        },
    )
    assert reply.status == 201
    trigger = reply.json
    assert reply.headers["Location"] == f"/triggers/{trigger['id']}"
    assert reply.headers["ETag"] == '"1"'
    assert trigger == {
        "id": trigger["id"],
        "name": "nightly-report",
        "type": "scheduled",
        "description": "",
        "tags": ["billing"],
        "is_active": True,
        "state": "active",
        "state_reason": None,
        "paused_until": None,
        "schedule": {"kind": "cron", "expression": "30 2 * * MON-FRI", "timezone": "Europe/Berlin"},
        "schedule_time": None,
        "next_fire_at": "2026-11-23T01:30:00Z",
        "last_fired_at": None,
        "payload": {"report": "daily"},
        "payload_schema": None,
        "target": {"url": "https://example.org/hook", "method": "POST", "headers": {}, "timeout_ms": 15000},
        "retry": {"attempts_max": 8, "backoff": "exponential", "first_delay_ms": 5000, "delay_max_ms": 36000000},
        "misfire": {"policy": "coalesce", "window_s": 86400},
        "overlap": "allow",
        "created_at": "2026-11-22T09:00:00Z",
        "updated_at": "2026-11-22T09:00:00Z",
        "version": 1,
    }
    assert (await api.get(f"/triggers/{trigger['id']}")).json == trigger


@pytest.mark.parametrize(
    ("given", "schedule", "next_fire_at"),
    [
        (
            {"schedule": {"kind": "at", "at": "2026-12-01T09:00", "timezone": "Europe/Berlin"}},
            {"kind": "at", "at": "2026-12-01T08:00:00Z", "timezone": "Europe/Berlin"},
            "2026-12-01T08:00:00Z",
        ),
        (
            {"schedule": {"kind": "delay", "delay_s": 10}},
            {"kind": "at", "at": "2026-11-22T09:00:10Z", "timezone": "UTC"},
            "2026-11-22T09:00:10Z",
        ),
        (
            {"schedule": {"kind": "interval", "every_s": 0.5 + 1, "anchor": "2026-11-22T08:59:59Z"}},
            {"kind": "interval", "every_s": 1.5, "anchor": "2026-11-22T08:59:59Z", "timezone": "UTC"},
            "2026-11-22T09:00:00.500000Z",
        ),
        (
            {"schedule": "*/5 * * * *", "timezone": "Asia/Tokyo"},
            {"kind": "cron", "expression": "*/5 * * * *", "timezone": "Asia/Tokyo"},
            "2026-11-22T09:05:00Z",
        ),
        (
            {"schedule": "@daily"},
            {"kind": "cron", "expression": "@daily", "timezone": "UTC"},
            "2026-11-23T00:00:00Z",
        ),
        (
            {"schedule": "every 5m"},
            {"kind": "interval", "every_s": 300, "anchor": "2026-11-22T09:00:00Z", "timezone": "UTC"},
            "2026-11-22T09:05:00Z",
        ),
        (
            {"schedule": "in 10s"},
            {"kind": "at", "at": "2026-11-22T09:00:10Z", "timezone": "UTC"},
            "2026-11-22T09:00:10Z",
        ),
        (
            {"schedule": "at 2026-12-01T09:00", "timezone": "Europe/Berlin"},
            {"kind": "at", "at": "2026-12-01T08:00:00Z", "timezone": "Europe/Berlin"},
            "2026-12-01T08:00:00Z",
        ),
        (
            {"schedule_time": "2026-12-01T09:00", "timezone": "Europe/Berlin"},
            {"kind": "at", "at": "2026-12-01T08:00:00Z", "timezone": "Europe/Berlin"},
            "2026-12-01T08:00:00Z",
        ),
        (
            {"delay_seconds": 10},
            {"kind": "at", "at": "2026-11-22T09:00:10Z", "timezone": "UTC"},
            "2026-11-22T09:00:10Z",
        ),
        (
            {"interval_seconds": 30},
            {"kind": "interval", "every_s": 30, "anchor": "2026-11-22T09:00:00Z", "timezone": "UTC"},
            "2026-11-22T09:00:30Z",
        ),
    ],
)
async def test_every_form_of_schedule(
    api: Api, given: dict[str, Any], schedule: dict[str, Any], next_fire_at: str
) -> None:
    trigger = await api.create(**given)
    assert trigger["type"] == "scheduled"
    assert trigger["schedule"] == schedule
    assert trigger["next_fire_at"] == next_fire_at
    assert trigger["schedule_time"] == (schedule["at"] if schedule["kind"] == "at" else None)


async def test_payload_survives_byte_for_byte(api: Api) -> None:
    payload = '{ "b": 1.0,\n  "a": 9223372036854775808123, "e": 1e300, "s": "\\u00e9\\/" }'
    body = f'{{"name": "exact", "payload": {payload}, "payload_schema": {{"type":"object", "$id":"x:1.0"}}}}'
    made = await api.post("/triggers/", data=body.encode())
    assert made.status == 201
    assert f'"payload":{payload},' in made.text
    assert '"payload_schema":{"type":"object", "$id":"x:1.0"},' in made.text
    fired = await api.post(f"/triggers/{made.json['id']}/fire")
    assert f'"payload":{payload}' in fired.text
    patched = await api.patch(f"/triggers/{made.json['id']}", {"description": "new"})
    assert f'"payload":{payload},' in patched.text


async def test_a_name_taken(api: Api) -> None:
    await api.create(name="one")
    two = await api.create(name="two")
    for reply in (
        await api.post("/triggers/", {"name": "one"}),
        await api.put(f"/triggers/{two['id']}", {"name": "one"}),
        await api.patch(f"/triggers/{two['id']}", {"name": "one"}),
    ):
        assert reply.status == 409
        assert reply.headers["Content-Type"] == "application/problem+json"
        assert reply.errors == {"name": "a name that no other trigger has"}


async def test_idempotent_create(api: Api) -> None:
    headers = {"Idempotency-Key": "k-1"}
    first = await api.post("/triggers/", {"name": "once"}, headers=headers)
    again = await api.post("/triggers/", {"name": "once"}, headers=headers)
    assert (first.status, again.status) == (201, 201)
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.json == first.json
    other = await api.post("/triggers/", {"name": "other"}, headers=headers)
    assert (other.status, list(other.errors)) == (422, ["Idempotency-Key"])
    assert len((await api.get("/triggers/")).json) == 1
    for wrong in ("", "a b", "é", "x" * 256):
        reply = await api.post("/triggers/", {"name": "other"}, headers={"Idempotency-Key": wrong})
        assert (reply.status, list(reply.errors)) == (400, ["Idempotency-Key"])


async def test_idempotent_fire(api: Api) -> None:
    one, two = await api.create(name="one"), await api.create(name="two")
    headers = {"Idempotency-Key": "k"}
    first = await api.post(f"/triggers/{one['id']}/fire", {"n": 1}, headers=headers)
    again = await api.post(f"/triggers/{one['id']}/fire", {"n": 1}, headers=headers)
    assert (first.status, again.status) == (202, 202)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.json["id"] == first.json["id"]
    assert (await api.post(f"/triggers/{one['id']}/fire", {"n": 2}, headers=headers)).status == 422
    elsewhere = await api.post(f"/triggers/{two['id']}/fire", {"n": 1}, headers=headers)
    assert "Idempotent-Replayed" not in elsewhere.headers
    assert len((await api.get("/events/")).json) == 2


async def test_fire(api: Api) -> None:
    trigger = await api.create(payload={"own": True})
    reply = await api.post(f"/triggers/{trigger['id']}/fire")
    assert reply.status == 202
    event = reply.json
    assert reply.headers["Location"] == f"/events/{event['id']}"
    assert (event["kind"], event["status"], event["payload"]) == ("api", "recorded", {"own": True})
    assert (await api.post(f"/triggers/{trigger['id']}/fire", None)).json["payload"] == {"own": True}
    assert (await api.post(f"/triggers/{trigger['id']}/fire", "text")).json["payload"] == "text"
    assert (await api.post("/triggers/999/fire")).status == 404
    scheduled = await api.create(name="s", schedule="@daily")
    assert (await api.post(f"/triggers/{scheduled['id']}/fire")).json["kind"] == "manual"


async def test_fire_checks_the_payload_schema(api: Api) -> None:
    schema = {"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}}}
    trigger = await api.create(payload_schema=schema)
    reply = await api.post(f"/triggers/{trigger['id']}/fire", {"n": "one"})
    assert (reply.status, list(reply.errors)) == (422, ["payload.n"])
    assert (await api.post(f"/triggers/{trigger['id']}/fire", {"n": 1})).status == 202


async def test_pause_and_resume(api: Api, clock: FakeClock) -> None:
    trigger = await api.create(schedule="every 1h")
    path = f"/triggers/{trigger['id']}"
    reply = await api.post(f"{path}/pause", {"until": "2026-11-22T12:00:00Z", "note": "moving house"})
    assert reply.status == 200
    paused = reply.json
    assert (paused["state"], paused["is_active"], paused["next_fire_at"]) == ("paused", False, None)
    assert (paused["paused_until"], paused["state_reason"]) == ("2026-11-22T12:00:00Z", "moving house")
    assert (await api.get(path)).json == paused
    resumed = (await api.post(f"{path}/resume")).json
    assert (resumed["state"], resumed["next_fire_at"]) == ("active", "2026-11-22T10:00:00Z")
    assert (resumed["paused_until"], resumed["state_reason"]) == (None, None)
    assert (await api.post(f"{path}/pause")).json["state"] == "paused"
    assert (await api.post(f"{path}/resume", {})).json["state"] == "active"
    late = await api.post(f"{path}/pause", {"until": "2026-11-22T09:00:00Z"})
    assert (late.status, late.errors) == (422, {"until": "a time in the future"})
    assert (await api.post("/triggers/999/pause")).status == 404


async def test_an_api_trigger_that_is_paused_refuses(api: Api) -> None:
    trigger = await api.create()
    await api.post(f"/triggers/{trigger['id']}/pause")
    reply = await api.post(f"/triggers/{trigger['id']}/fire")
    assert (reply.status, reply.json["title"]) == (409, "The trigger is not active")


async def test_delete_keeps_the_events(api: Api) -> None:
    trigger = await api.create(name="gone")
    event = (await api.post(f"/triggers/{trigger['id']}/fire")).json
    reply = await api.delete(f"/triggers/{trigger['id']}")
    assert (reply.status, reply.json) == (200, {"message": "Trigger deleted successfully"})
    for again in (await api.delete(f"/triggers/{trigger['id']}"), await api.get(f"/triggers/{trigger['id']}")):
        assert again.status == 404
    assert (await api.get(f"/events/{event['id']}")).json["trigger_name"] == "gone"


async def test_a_past_at_is_no_error_and_fires_at_once(api: Api, clock: FakeClock) -> None:
    trigger = await api.create(schedule={"kind": "at", "at": "2020-01-01T00:00:00Z"})
    await clock.advance(0.01)
    events = (await api.get(f"/events/?trigger_id={trigger['id']}")).json
    assert [(event["kind"], event["scheduled_for"]) for event in events] == [("scheduled", "2020-01-01T00:00:00Z")]
    assert (await api.get(f"/triggers/{trigger['id']}")).json["state"] == "completed"


async def test_reads_see_the_last_write(api: Api) -> None:
    trigger = await api.create()
    path = f"/triggers/{trigger['id']}"
    for number in range(5):
        await api.patch(path, {"description": str(number)})
        assert (await api.get(path)).json["description"] == str(number)
        assert (await api.get("/triggers/")).json[0]["description"] == str(number)


async def test_a_pause_until_a_local_time_means_that_of_the_trigger(api: Api) -> None:
    schedule = {"kind": "cron", "expression": "0 9 * * *", "timezone": "Europe/Berlin"}
    created = (await api.post("/triggers/", {"name": "local", "schedule": schedule})).json
    paused = await api.post(f"/triggers/{created['id']}/pause", {"until": "2026-11-22T12:00:00"})
    assert paused.json["paused_until"] == "2026-11-22T11:00:00Z"
