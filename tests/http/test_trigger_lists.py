"""Lists of triggers: filters, order, pages."""

from __future__ import annotations

import pytest

from tests.fakes.clock import FakeClock
from tests.http.client import Api


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
