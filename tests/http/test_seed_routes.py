"""The clients of both seeds: what their READMEs do, with the shapes their pages read."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fakes.clock import FakeClock
from tests.http.client import Api
from tests.http.conftest import StartApi


async def test_the_first_seeds_client(start_api: StartApi, clock: FakeClock) -> None:
    api = await start_api(key="your-secure-secret-key-123456")
    headers = {"X-API-Key": "your-secure-secret-key-123456"}
    made = await api.post(
        "/triggers/",
        {"name": "seed", "type": "scheduled", "schedule_time": "2026-11-22T09:00:05", "payload": "a string"},
        headers=headers,
    )
    assert made.status == 201
    trigger = made.json
    assert isinstance((await api.get("/triggers/", headers=headers)).json, list)
    trigger["schedule_time"] = trigger["schedule_time"]
    assert (await api.put(f"/triggers/{trigger['id']}", trigger, headers=headers)).status == 200
    await clock.advance(5)
    (event,) = (await api.get("/events/?archived=false&page=1&limit=10", headers=headers)).json
    assert (event["trigger_id"], event["payload"], event["timestamp"]) == (
        trigger["id"],
        "a string",
        "2026-11-22T09:00:05Z",
    )
    (row,) = (await api.get("/events/aggregate", headers=headers)).json
    assert (row["trigger_id"], row["count"]) == (trigger["id"], 1)
    archived = await api.put(f"/events/archive/{event['id']}", headers=headers)
    assert archived.json == {"message": "Event archived successfully"}
    tested = await api.post("/test/", {"any": "object"}, headers=headers)
    assert (tested.json["message"], tested.json["payload"]) == ("Test trigger fired", {"any": "object"})
    deleted = await api.delete(f"/triggers/{trigger['id']}", headers=headers)
    assert deleted.json == {"message": "Trigger deleted successfully"}


async def test_the_second_seeds_client(api: Api, clock: FakeClock) -> None:
    made = await api.post(
        "/schedule_trigger", {"trigger_name": "test_trigger", "trigger_type": "scheduled", "delay_seconds": 10}
    )
    assert (made.status, list(made.json)) == (200, ["message"])
    await api.post("/schedule_trigger", {"trigger_name": "often", "trigger_type": "scheduled", "interval_seconds": 30})
    await api.post("/schedule_trigger", {"trigger_name": "api_test", "trigger_type": "api", "payload": {"k": "v"}})
    assert (await api.get("/list_triggers")).json == {
        "db_triggers": [
            {"name": "test_trigger", "type": "scheduled", "schedule": "10s"},
            {"name": "often", "type": "scheduled", "schedule": "every 30s"},
            {"name": "api_test", "type": "api", "schedule": "manual"},
        ],
        "active_triggers": ["test_trigger", "often", "api_test"],
    }
    fired = await api.post("/trigger_api?trigger_name=api_test")
    assert (fired.status, set(fired.json), fired.json["payload"]) == (200, {"message", "payload"}, {"k": "v"})
    assert (await api.post("/trigger_api?trigger_name=api_test", {"k": 2})).json["payload"] == {"k": 2}
    await clock.advance(10)
    logs = (await api.get("/list_logs")).json
    assert logs[0] == {"trigger_name": "test_trigger", "executed_at": "2026-11-22T09:00:10Z"}
    assert [row["trigger_name"] for row in logs] == ["test_trigger", "api_test", "api_test"]
    assert "test_trigger" not in (await api.get("/list_triggers")).json["active_triggers"]
    removed = await api.post("/remove_trigger", {"trigger_name": "test_trigger"})
    assert (removed.status, list(removed.json)) == (200, ["message"])
    assert len((await api.get("/list_triggers")).json["db_triggers"]) == 2


async def test_testing_as_the_second_seed_has_it(api: Api) -> None:
    for body, payload in (
        ({"trigger_name": "x", "trigger_type": "scheduled", "delay_seconds": 5, "payload": [1]}, [1]),
        ({"trigger_name": "x", "payload": "text"}, "text"),
        ({"anything": 1}, {"anything": 1}),
    ):
        reply = await api.post("/test_trigger", body)
        assert reply.json == {"message": "Test trigger fired", "payload": payload}
    assert (await api.get("/triggers/")).json == []
    assert (await api.get("/list_logs")).json == []


@pytest.mark.parametrize(
    ("path", "body", "status", "says"),
    [
        ("/schedule_trigger", {"trigger_name": "taken", "trigger_type": "api"}, 409, "already named 'taken'"),
        ("/schedule_trigger", {"trigger_name": "x", "trigger_type": "scheduled"}, 422, "delay_seconds"),
        ("/schedule_trigger", {"trigger_name": "x", "trigger_type": "cron"}, 422, "scheduled or api"),
        ("/schedule_trigger", {"trigger_type": "api"}, 422, "trigger_name"),
        (
            "/schedule_trigger",
            {"trigger_name": "x", "trigger_type": "scheduled", "delay_seconds": 1, "interval_seconds": 1},
            422,
            "the only one",
        ),
        ("/schedule_trigger", {"trigger_name": "x", "trigger_type": "api", "delay_seconds": 1}, 422, "left out"),
        ("/schedule_trigger", {"trigger_name": "x", "trigger_type": "api", "extra": 1}, 422, "extra"),
        ("/remove_trigger", {"trigger_name": "unknown"}, 404, "no trigger 'unknown'"),
        ("/remove_trigger", {}, 422, "trigger_name"),
        ("/trigger_api?trigger_name=unknown", None, 404, "no trigger 'unknown'"),
        ("/trigger_api", None, 422, "trigger_name"),
        ("/test_trigger", [1], 422, "an object"),
    ],
)
async def test_errors_are_the_second_seeds(api: Api, path: str, body: Any, status: int, says: str) -> None:
    await api.create(name="taken")
    reply = await api.post(path, body)
    assert reply.status == status
    assert reply.headers["Content-Type"].startswith("application/json")
    assert list(reply.json) == ["error"]
    assert says in reply.json["error"]


async def test_unreadable_bodies_too(api: Api) -> None:
    for data, status in ((b"{", 400), (b" " * 2_000_000, 413)):
        reply = await api.post("/schedule_trigger", data=data)
        assert (reply.status, list(reply.json)) == (status, ["error"])
    reply = await api.post("/remove_trigger", data=b"{}", headers={"Content-Type": "text/plain"})
    assert (reply.status, list(reply.json)) == (415, ["error"])


async def test_a_paused_trigger_refuses_the_second_seeds_call(api: Api) -> None:
    trigger = await api.create(name="resting")
    await api.post(f"/triggers/{trigger['id']}/pause")
    reply = await api.post("/trigger_api?trigger_name=resting")
    assert (reply.status, list(reply.json)) == (409, ["error"])
    assert (await api.get("/list_triggers")).json["active_triggers"] == []
    assert (await api.get("/list_logs")).json == []
