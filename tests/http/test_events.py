"""The ledger through the API."""

from __future__ import annotations

import pytest

from engine.model.delivery import Outcome
from tests.fakes.clock import FakeClock
from tests.fakes.transport import FakeTransport, response_of
from tests.http.client import Api

URL = "http://receiver.test/hook"


async def _fire(api: Api, count: int, clock: FakeClock, **fields: object) -> dict[str, object]:
    trigger = await api.create(**fields)
    for number in range(count):
        assert (await api.post(f"/triggers/{trigger['id']}/fire", {"n": number})).status == 202
        await clock.advance(1)
    return trigger


async def test_an_event_shows_every_field_of_the_contract(api: Api) -> None:
    trigger = await api.create(name="called")
    made = await api.post(f"/triggers/{trigger['id']}/fire", {"a": 1})
    event = (await api.get(f"/events/{made.json['id']}")).json
    assert event == {
        "id": made.json["id"],
        "trigger_id": trigger["id"],
        "trigger_name": "called",
        "kind": "api",
        "status": "recorded",
        "reason": None,
        "details": event["details"],
        "timestamp": "2026-11-22T09:00:00Z",
        "scheduled_for": "2026-11-22T09:00:00Z",
        "fired_at": "2026-11-22T09:00:00Z",
        "finished_at": "2026-11-22T09:00:00Z",
        "lateness_ms": 0.0,
        "payload": {"a": 1},
        "archived": False,
        "attempts_made": 0,
        "next_attempt_at": None,
        "message_id": event["message_id"],
        "missed_count": 0,
        "replay_of": None,
        "target_url": None,
        "attempts": [],
    }


async def test_attempts_have_request_response_and_timing(api: Api, clock: FakeClock, transport: FakeTransport) -> None:
    answer = response_of(500, headers=(("X-A", "1"), ("x-a", "2"), ("X-B", "\udcff")), body=b"\xff\x00")
    transport.script(URL, answer, Outcome.TIMEOUT, response_of(200, body="fine ✓".encode()))
    secrets = {"Authorization": "Bearer s3cr3t", "X-Api-Key": "s3cr3t", "X-My-Token": "s3cr3t", "X-Plain": "shown"}
    trigger = await api.create(target={"url": URL, "headers": secrets}, retry={"first_delay_ms": 100})
    event = (await api.post(f"/triggers/{trigger['id']}/fire", {"a": 1})).json
    assert (event["status"], event["target_url"]) == ("waiting", URL)
    for count in (1, 2, 3):
        await clock.advance(60)
        await transport.arrived(count)
    await clock.advance(0)
    reply = await api.get(f"/events/{event['id']}")
    assert "s3cr3t" not in reply.text
    read = reply.json
    assert (read["status"], read["attempts_made"], read["message_id"]) == ("delivered", 3, event["message_id"])
    first, second, third = read["attempts"]
    assert (first["number"], first["outcome"]) == (1, "bad_status")
    assert first["request"]["method"] == "POST"
    assert first["request"]["url"] == URL
    assert first["request"]["headers"]["Authorization"] == "***"
    assert first["request"]["headers"]["X-Plain"] == "shown"
    assert first["response"] == {
        "status": 500,
        "headers": {"X-A": "1, 2", "X-B": "?"},
        "body": "/wA=",
        "body_encoding": "base64",
        "truncated": False,
    }
    assert (second["outcome"], second["response"]) == ("timeout", None)
    assert second["error"]
    assert (third["response"]["body"], third["response"]["body_encoding"]) == ("fine ✓", "utf-8")
    assert third["timing"]["total_ms"] == 12.0


async def test_list_as_the_first_seed_has_it(api: Api, clock: FakeClock) -> None:
    await _fire(api, 12, clock)
    first = await api.get("/events/")
    assert [event["payload"]["n"] for event in first.json] == list(range(11, 1, -1))
    assert first.headers["X-Total-Count"] == "12"
    second = await api.get("/events/?archived=false&page=2&limit=10")
    assert [event["payload"]["n"] for event in second.json] == [1, 0]
    assert "Link" not in second.headers
    assert (await api.get("/events/?page=3")).json == []


async def test_pages_by_cursor_stay_put_while_events_come(api: Api, clock: FakeClock) -> None:
    trigger = await _fire(api, 7, clock)
    found, path = list[int](), "/events/?limit=3&page=1&kind=api"
    while path:
        reply = await api.get(path)
        found += [event["payload"]["n"] for event in reply.json]
        link = reply.headers.get("Link")
        path = link.removeprefix("<").removesuffix('>; rel="next"') if link else ""
        await api.post(f"/triggers/{trigger['id']}/fire", {"n": 100})
    assert found == [6, 5, 4, 3, 2, 1, 0]


async def test_filters(api: Api, clock: FakeClock, transport: FakeTransport) -> None:
    transport.script(URL, 400)
    one = await _fire(api, 1, clock, name="one", target={"url": URL})
    await _fire(api, 2, clock, name="two")
    await transport.arrived(1)
    await clock.advance(0)

    async def names(query: str) -> list[str]:
        return [event["trigger_name"] for event in (await api.get(f"/events/?{query}")).json]

    assert await names("") == ["two", "two", "one"]
    assert await names(f"trigger_id={one['id']}") == ["one"]
    assert await names("trigger_name=two") == ["two", "two"]
    assert await names("status=failed,delivered") == ["one"]
    assert await names("status=") == ["two", "two", "one"]
    assert await names("kind=manual,scheduled") == []
    assert await names("from=2026-11-22T09:00:01Z") == ["two", "two"]
    assert await names("from=2026-11-22T09:00:01Z&to=2026-11-22T09:00:02") == ["two"]
    assert await names("q=TW") == ["two", "two"]


async def test_archive(api: Api, clock: FakeClock) -> None:
    await _fire(api, 2, clock)
    newest = (await api.get("/events/")).json[0]
    reply = await api.put(f"/events/archive/{newest['id']}")
    assert (reply.status, reply.json) == (200, {"message": "Event archived successfully"})
    assert (await api.put(f"/events/archive/{newest['id']}")).status == 200
    assert len((await api.get("/events/?archived=false")).json) == 1
    assert [event["id"] for event in (await api.get("/events/?archived=true")).json] == [newest["id"]]
    assert len((await api.get("/events/?archived=all")).json) == 2
    assert (await api.put("/events/archive/999")).status == 404


async def test_aggregate(api: Api, clock: FakeClock) -> None:
    one = await _fire(api, 2, clock, name="one")
    two = await _fire(api, 1, clock, name="two")
    await api.post("/test/", {"bare": True})
    reply = await api.get("/events/aggregate")
    assert reply.json == [
        {"trigger_id": one["id"], "trigger_name": "one", "count": 2, "last_fired_at": "2026-11-22T09:00:01Z"},
        {"trigger_id": two["id"], "trigger_name": "two", "count": 1, "last_fired_at": "2026-11-22T09:00:02Z"},
    ]
    rows = (await api.get("/events/aggregate?group_by=status,kind,archived,hour")).json
    assert rows == [
        {
            "status": "recorded",
            "kind": "api",
            "archived": False,
            "hour": "2026-11-22T09:00:00Z",
            "count": 3,
            "last_fired_at": "2026-11-22T09:00:02Z",
        }
    ]
    assert [row["count"] for row in (await api.get("/events/aggregate?kind=test")).json] == [1]
    assert (await api.get("/events/aggregate?archived=true")).json == []
    ranged = await api.get("/events/aggregate?from=2026-11-22T09:00:01Z&to=2026-11-22T09:00:02Z")
    assert [(row["trigger_name"], row["count"]) for row in ranged.json] == [("one", 1)]
    wrong = await api.get("/events/aggregate?group_by=trigger_id,colour")
    assert list(wrong.errors) == ["group_by.1"]


async def test_replay(api: Api, clock: FakeClock, transport: FakeTransport) -> None:
    trigger = await api.create(target={"url": URL}, payload={"own": 1})
    event = (await api.post(f"/triggers/{trigger['id']}/fire", {"old": 1})).json
    await api.patch(f"/triggers/{trigger['id']}", {"target": {"url": "http://receiver.test/new"}})
    same = await api.post(f"/events/{event['id']}/replay")
    assert same.status == 202
    assert same.headers["Location"] == f"/events/{same.json['id']}"
    assert (same.json["kind"], same.json["replay_of"], same.json["payload"]) == ("replay", event["id"], {"old": 1})
    assert same.json["target_url"] == URL
    through = await api.post(f"/events/{event['id']}/replay", {"through_trigger": True})
    assert through.json["target_url"] == "http://receiver.test/new"
    assert (await api.post("/events/999/replay")).status == 404
    assert list((await api.post(f"/events/{event['id']}/replay", {"trough": True})).errors) == ["trough"]


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ("page=0", ["page"]),
        ("limit=0", ["limit"]),
        ("limit=1001", ["limit"]),
        ("archived=maybe", ["archived"]),
        ("status=failed,lost", ["status.1"]),
        ("kind=cron", ["kind.0"]),
        ("from=yesterday", ["from"]),
        ("to=1", ["to"]),
        ("trigger_id=0", ["trigger_id"]),
        ("cursor=WzFd", ["cursor"]),
        ("cursor=WzEsIjIiXQ", ["cursor"]),
        ("cursor=WzEsdHJ1ZV0", ["cursor"]),
        ("page=2&cursor=WzEsMl0", ["page", "cursor"]),
        ("colour=red", ["colour"]),
    ],
)
async def test_a_query_that_cannot_be(api: Api, query: str, fields: list[str]) -> None:
    reply = await api.get(f"/events/?{query}")
    assert (reply.status, list(reply.errors)) == (422, fields)
