"""Testing without saving."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fakes.transport import FakeTransport, response_of
from tests.http.client import Api

URL = "http://receiver.test/hook"


async def _logged(api: Api) -> list[str]:
    assert (await api.get("/triggers/")).json == []
    return [event["kind"] for event in (await api.get("/events/")).json]


async def test_a_bare_payload_as_the_first_seed_has_it(api: Api) -> None:
    for path in ("/test/", "/test/scheduled/", "/test/api/"):
        reply = await api.post(path, {"event": "signup", "type": "user.created", "target": "prod"})
        assert reply.status == 200
        assert reply.json["message"] == "Test trigger fired"
        assert reply.json["payload"] == {"event": "signup", "type": "user.created", "target": "prod"}
    assert await _logged(api) == ["test"] * 3


async def test_a_whole_trigger(api: Api, transport: FakeTransport) -> None:
    transport.script(URL, response_of(503, body=b"later"))
    body = {"name": "draft", "schedule": "0 0 13 * 5", "payload": {"n": 1}, "target": {"url": URL}}
    reply = await api.post("/test/", body)
    assert reply.status == 200
    result = reply.json
    assert (result["message"], result["payload"]) == ("Test trigger fired", {"n": 1})
    assert (result["request"]["url"], result["request"]["body"]) == (URL, {"n": 1})
    assert (result["response"]["status"], result["response"]["body"]) == (503, "later")
    assert result["timing"]["total_ms"] == 12.0
    assert (result["event"]["kind"], result["event"]["status"]) == ("test", "failed")
    assert result["event"]["trigger_id"] is None
    assert result["verdict"] == result["event"]["details"]
    assert len(result["fires"]) == 5
    assert result["warnings"]
    assert await _logged(api) == ["test"]
    assert len(transport.requests) == 1


async def test_rendering_only(api: Api, transport: FakeTransport) -> None:
    body = {"type": "api", "payload": {"n": 1}, "target": {"url": URL, "headers": {"Authorization": "Bearer x"}}}
    result = (await api.post("/test/?send=false", body)).json
    assert result["request"]["headers"]["Authorization"] == "***"
    assert not {"event", "response", "timing"} & result.keys()
    assert transport.requests == []
    assert await _logged(api) == []


async def test_a_saved_trigger(api: Api) -> None:
    trigger = await api.create(name="saved", payload=[1])
    reply = await api.post("/test/", {"trigger_id": trigger["id"]})
    assert (reply.json["payload"], reply.json["event"]["trigger_id"]) == ([1], trigger["id"])
    assert (await api.get(f"/triggers/{trigger['id']}")).json == trigger
    assert (await api.post("/test/api/", {"trigger_id": trigger["id"]})).status == 200
    other = await api.post("/test/scheduled/", {"trigger_id": trigger["id"]})
    assert (other.status, list(other.errors)) == (422, ["trigger_id"])
    assert (await api.post("/test/", {"trigger_id": 999})).status == 404
    assert list((await api.post("/test/", {"trigger_id": "x"})).errors) == ["trigger_id"]
    assert (await api.get("/events/aggregate")).json == []


async def test_one_type_only(api: Api) -> None:
    assert len((await api.post("/test/scheduled/", {"interval_seconds": 5})).json["fires"]) == 5
    wrong = await api.post("/test/api/", {"schedule": "@daily"})
    assert (wrong.status, list(wrong.errors)) == (422, ["schedule"])
    wrong = await api.post("/test/api/", {"type": "scheduled", "schedule": "@daily"})
    assert (wrong.status, list(wrong.errors)) == (422, ["type"])


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"schedule": "61 * * * *"}, "schedule"),
        ({"type": "scheduled"}, "schedule"),
        ({"target": {"url": "nowhere"}}, "target.url"),
        ({"type": "api", "colour": "red"}, "colour"),
        ([1], ""),
    ],
)
async def test_what_cannot_be_tested(api: Api, body: Any, field: str) -> None:
    reply = await api.post("/test/", body)
    assert (reply.status, list(reply.errors)) == (422, [field])
    assert await _logged(api) == []


async def test_nothing_at_all(api: Api) -> None:
    reply = await api.post("/test/")
    assert (reply.json["message"], reply.json["payload"]) == ("Test trigger fired", None)
