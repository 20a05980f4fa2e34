"""Triggers through the API: every route, every form of schedule, versions, keys, pages."""

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
    payload = '{ "b": 1.0,\n  "a": 9223372036854775808123, "e": 1e400, "s": "\\u00e9\\/" }'
    body = f'{{"name": "exact", "payload": {payload}, "payload_schema": {{"type":"object", "$id":"x:1.0"}}}}'
    made = await api.post("/triggers/", data=body.encode())
    assert made.status == 201
    assert f'"payload":{payload},' in made.text
    assert '"payload_schema":{"type":"object", "$id":"x:1.0"},' in made.text
    fired = await api.post(f"/triggers/{made.json['id']}/fire")
    assert f'"payload":{payload}' in fired.text
    patched = await api.patch(f"/triggers/{made.json['id']}", {"description": "new"})
    assert f'"payload":{payload},' in patched.text


async def test_put_of_what_get_gave_changes_nothing(api: Api, clock: FakeClock) -> None:
    for schedule in ("@daily", "every 5m", "in 1h", None):
        fields = {"schedule": schedule} if schedule else {}
        trigger = await api.create(
            name=f"t {schedule}", payload={"a": [1, None]}, target={**TARGET, "headers": {"X-A": "b"}}, **fields
        )
        await clock.advance(1)
        reply = await api.put(f"/triggers/{trigger['id']}", (await api.get(f"/triggers/{trigger['id']}")).json)
        assert reply.status == 200, reply.text
        own = {"version", "updated_at"}
        assert {k: v for k, v in reply.json.items() if k not in own} == {
            k: v for k, v in trigger.items() if k not in own
        }


async def test_put_takes_defaults_for_what_is_left_out_and_keeps_is_active(api: Api) -> None:
    trigger = await api.create(schedule="@daily", description="long", target=TARGET, is_active=False)
    assert (trigger["state"], trigger["is_active"], trigger["next_fire_at"]) == ("paused", False, None)
    reply = await api.put(f"/triggers/{trigger['id']}", {"name": "t2", "schedule": "@hourly"})
    assert reply.json["description"] == ""
    assert reply.json["target"] is None
    assert reply.json["name"] == "t2"
    assert reply.json["state"] == "paused"
    reply = await api.put(f"/triggers/{trigger['id']}", {"name": "t2", "schedule": "@hourly", "is_active": True})
    assert (reply.json["state"], reply.json["next_fire_at"]) == ("active", "2026-11-22T10:00:00Z")


async def test_an_interval_keeps_its_anchor_while_its_period_stays(api: Api, clock: FakeClock) -> None:
    trigger = await api.create(interval_seconds=60)
    await clock.advance(10)
    path = f"/triggers/{trigger['id']}"
    for change in (
        api.put(path, {"name": "t", "interval_seconds": 60}),
        api.put(path, {"name": "t", "schedule": "every 1m"}),
        api.patch(path, {"schedule": {"kind": "interval", "every_s": 60}}),
        api.patch(path, {"interval_seconds": 60, "description": "x"}),
    ):
        assert (await change).json["schedule"]["anchor"] == "2026-11-22T09:00:00Z"
    changed = await api.patch(path, {"interval_seconds": 61})
    assert changed.json["schedule"]["anchor"] == "2026-11-22T09:00:10Z"


async def test_patch_merges(api: Api) -> None:
    trigger = await api.create(
        schedule="@daily",
        description="kept",
        payload=[1],
        target={**TARGET, "headers": {"X-A": "b"}, "timeout_ms": 500},
        retry={"attempts_max": 3},
    )
    path = f"/triggers/{trigger['id']}"
    reply = await api.patch(path, {"target": {"timeout_ms": 900}, "retry": {"first_delay_ms": 100}, "tags": ["x"]})
    assert reply.status == 200, reply.text
    changed = reply.json
    assert changed["target"] == {**TARGET, "method": "POST", "headers": {"X-A": "b"}, "timeout_ms": 900}
    assert (changed["retry"]["attempts_max"], changed["retry"]["first_delay_ms"]) == (3, 100)
    assert (changed["description"], changed["payload"], changed["tags"]) == ("kept", [1], ["x"])

    reply = await api.patch(path, {"target": {"timeout_ms": None}, "retry": None, "payload": None})
    assert reply.json["target"]["timeout_ms"] == 15_000
    assert reply.json["retry"]["attempts_max"] == 8
    assert reply.json["payload"] is None

    reply = await api.patch(path, {"target": None, "timezone": "Europe/Paris"})
    assert reply.json["target"] is None
    assert reply.json["schedule"] == {"kind": "cron", "expression": "@daily", "timezone": "Europe/Paris"}

    reply = await api.patch(path, {"type": "api", "schedule": None})
    assert (reply.json["type"], reply.json["schedule"], reply.json["next_fire_at"]) == ("api", None, None)


@pytest.mark.parametrize(
    ("patch", "field"),
    [
        ({"state": "paused"}, "state"),
        ({"desciption": "typo"}, "desciption"),
        ({"name": None}, "name"),
        ({"type": "api"}, "schedule"),
        ({"schedule": None}, "schedule"),
        ({"target": {"url": "ftp://x"}}, "target.url"),
        ({"target": {"timeout": 5}}, "target.timeout"),
        ([], ""),
    ],
)
async def test_a_patch_that_cannot_be(api: Api, patch: Any, field: str) -> None:
    trigger = await api.create(schedule="@daily", target=TARGET)
    reply = await api.patch(f"/triggers/{trigger['id']}", patch)
    assert reply.status == 422
    assert list(reply.errors) == [field]
    assert (await api.get(f"/triggers/{trigger['id']}")).json == trigger


async def test_if_match(api: Api) -> None:
    trigger = await api.create()
    path = f"/triggers/{trigger['id']}"
    body = {"name": "t", "description": "1"}
    assert (await api.put(path, body, headers={"If-Match": '"1"'})).headers["ETag"] == '"2"'
    stale = await api.put(path, {**body, "description": "2"}, headers={"If-Match": '"1"'})
    assert stale.status == 412
    assert stale.errors == {"If-Match": '"2"'}
    assert (await api.patch(path, {"description": "3"}, headers={"If-Match": '"1"'})).status == 412
    assert (await api.delete(path, headers={"If-Match": '"1"'})).status == 412
    assert (await api.put(path, body, headers={"If-Match": "*"})).status == 200
    for wrong in ("1", 'W/"1"', '"one"', '"1", "2"'):
        reply = await api.put(path, body, headers={"If-Match": wrong})
        assert (reply.status, list(reply.errors)) == (400, ["If-Match"])
    current = (await api.get(path)).headers["ETag"]
    assert (await api.delete(path, headers={"If-Match": current})).status == 200


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


async def test_list_filters_and_counts(api: Api) -> None:
    await api.create(name="a", tags=["red"], description="Needle here")
    await api.create(name="b", schedule="@daily", tags=["red", "blue"])
    await api.create(name="c", schedule="@hourly", is_active=False)

    async def names(query: str) -> list[str]:
        reply = await api.get(f"/triggers/?{query}")
        assert reply.headers["X-Total-Count"] == str(len(reply.json))
        return [trigger["name"] for trigger in reply.json]

    assert await names("") == ["a", "b", "c"]
    assert await names("type=api") == ["a"]
    assert await names("state=paused") == ["c"]
    assert await names("tag=red") == ["a", "b"]
    assert await names("q=needle") == ["a"]
    assert await names("sort=-name") == ["c", "b", "a"]
    assert await names("type=scheduled&sort=next_fire_at") == ["b", "c"]


@pytest.mark.parametrize("sort", ["id", "name", "-name", "created_at", "next_fire_at", "-next_fire_at"])
async def test_pages_by_cursor_hold_every_trigger_once(api: Api, clock: FakeClock, sort: str) -> None:
    for number in range(7):
        await api.create(name=f"n{number}", **({"delay_seconds": 60 + number % 3} if number % 2 else {}))
        await clock.advance(0.001)
    whole = [trigger["id"] for trigger in (await api.get(f"/triggers/?sort={sort}")).json]
    found, path, pages = list[int](), f"/triggers/?limit=3&sort={sort}", 0
    while path:
        reply = await api.get(path)
        assert reply.headers["X-Total-Count"] == "7"
        found += [trigger["id"] for trigger in reply.json]
        link = reply.headers.get("Link")
        path = link.removeprefix("<").removesuffix('>; rel="next"') if link else ""
        pages += 1
    assert (found, pages) == (whole, 3)


@pytest.mark.parametrize(
    ("query", "field", "allowed"),
    [
        ("limit=0", "limit", "at least 1"),
        ("limit=1001", "limit", "at most 1000"),
        ("limit=x", "limit", "a whole number"),
        ("type=cron", "type", "scheduled or api"),
        ("state=gone", "state", "active, paused, completed or disabled"),
        ("stat=active", "stat", "left out; known here: type, state, tag, q, sort, limit, cursor"),
        ("type=api&type=api", "type", "given once"),
        ("cursor=AAAA", "cursor", "a cursor as the Link header of the page before has it"),
        ("cursor=W10", "cursor", "a cursor as the Link header of the page before has it"),
        ("cursor=%C3%A9", "cursor", "a cursor as the Link header of the page before has it"),
        ("sort=name&cursor=WyJpZCIsMSwxXQ", "cursor", "a cursor as the Link header of the page before has it"),
        ("sort=created_at&cursor=WyJpZCIsMSwxXQ", "cursor", "used with sort=id, as it was made"),
    ],
)
async def test_a_query_that_cannot_be(api: Api, query: str, field: str, allowed: str) -> None:
    reply = await api.get(f"/triggers/?{query}")
    assert (reply.status, reply.errors) == (422, {field: allowed})


async def test_reads_see_the_last_write(api: Api) -> None:
    trigger = await api.create()
    path = f"/triggers/{trigger['id']}"
    for number in range(5):
        await api.patch(path, {"description": str(number)})
        assert (await api.get(path)).json["description"] == str(number)
        assert (await api.get("/triggers/")).json[0]["description"] == str(number)
