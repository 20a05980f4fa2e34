"""Changing triggers: PUT, PATCH, versions."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fakes.clock import FakeClock
from tests.http.client import Api

TARGET = {"url": "http://receiver.test/hook"}


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
