"""The stream of events: live, resumed, reset, kept alive, limited, ended."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from engine.http import stream
from tests.fakes.clock import FakeClock
from tests.http.client import Api
from tests.http.conftest import StartApi

Item = dict[str, str]


class Reader:
    """Takes a stream apart, as the HTML standard says."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self.response = response

    async def block(self) -> list[str]:
        """The lines up to the next empty one."""
        lines = []
        while (line := (await self.response.content.readline()).decode()) not in ("\n", ""):
            lines.append(line.rstrip("\n"))
        return lines

    async def item(self) -> Item:
        """The next item; its fields. Comments are passed over."""
        while True:
            fields = dict(line.split(": ", 1) for line in await self.block() if not line.startswith(":"))
            if fields:
                return fields

    async def event(self) -> dict[str, Any]:
        item = await self.item()
        assert item["event"] == "event"
        document: dict[str, Any] = json.loads(item["data"])
        return document


@asynccontextmanager
async def opened(api: Api, query: str = "", **headers: str) -> AsyncIterator[Reader]:
    async with api.session.get(f"{api.url}/events/stream{query}", headers=headers) as response:
        assert response.status == 200
        assert response.headers["Content-Type"] == "text/event-stream; charset=utf-8"
        assert response.headers["Cache-Control"] == "no-store"
        reader = Reader(response)
        assert await reader.block() == ["retry: 2000"]
        yield reader


async def _fire(api: Api, trigger: dict[str, Any], payload: object = None) -> int:
    number: int = (await api.post(f"/triggers/{trigger['id']}/fire", payload)).json["id"]
    return number


async def test_events_come_as_they_happen(api: Api) -> None:
    trigger = await api.create(name="live")
    async with opened(api) as reader:
        number = await _fire(api, trigger, {"a": 1})
        event = await reader.event()
        assert (event["id"], event["trigger_name"], event["payload"]) == (number, "live", {"a": 1})
        assert "attempts" not in event
        await api.put(f"/events/archive/{number}")
        assert (await reader.event())["archived"] is True


async def test_two_watchers_see_the_same(api: Api) -> None:
    trigger = await api.create()
    async with opened(api) as one, opened(api) as two:
        await _fire(api, trigger)
        assert await one.item() == await two.item()


async def test_a_stream_resumes_where_it_was(api: Api) -> None:
    trigger = await api.create()
    async with opened(api) as reader:
        await _fire(api, trigger, 1)
        last = (await reader.item())["id"]
    for payload in (2, 3):
        await _fire(api, trigger, payload)
    for options in ({"Last-Event-ID": last}, {"query": f"?last_event_id={last}"}):
        async with opened(api, **options) as reader:
            assert [(await reader.event())["payload"] for _ in range(2)] == [2, 3]


async def test_a_stream_from_before_a_restart_is_told_to_read_again(api: Api) -> None:
    trigger = await api.create()
    await _fire(api, trigger)
    async with opened(api, **{"Last-Event-ID": "00000000-17"}) as reader:
        item = await reader.item()
        assert (item["event"], item["data"]) == ("reset", "{}")
        number = await _fire(api, trigger)
        assert (await reader.event())["id"] == number


async def test_payloads_that_are_large_or_in_several_lines(api: Api) -> None:
    trigger = await api.create()
    fire = f"/triggers/{trigger['id']}/fire"
    async with opened(api) as reader:
        await api.post(fire, data=b'{"a":\r\n 9223372036854775808,\n"b": "x\\ny"}')
        item = await reader.item()
        assert '{"a":   9223372036854775808, "b": "x\\ny"}' in item["data"]
        await _fire(api, trigger, "x" * 4_094)
        assert (await reader.event())["payload"] == "x" * 4_094
        await _fire(api, trigger, "x" * 4_095)
        large = await reader.event()
        assert "payload" not in large
        assert large["payload_omitted"] is True


async def test_a_comment_comes_when_nothing_else_does(api: Api, clock: FakeClock) -> None:
    async with opened(api) as reader:
        await clock.advance(14.9)
        await clock.advance(0.2)
        assert await reader.block() == [": still here"]
        await clock.advance(15.1)
        assert await reader.block() == [": still here"]


async def test_the_key_is_asked_for(start_api: StartApi) -> None:
    api = await start_api(key="k")
    assert (await api.get("/events/stream")).status == 401
    async with opened(api, **{"X-API-Key": "k"}):
        pass


async def test_there_is_a_limit(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "STREAMS_MAX", 1)
    async with opened(api):
        reply = await api.get("/events/stream")
        assert (reply.status, reply.headers["Retry-After"]) == (503, "5")
    assert (await api.call("HEAD", "/events/stream")).status == 200


async def test_a_stop_ends_the_streams_at_once_and_whole(api: Api) -> None:
    async with opened(api) as one, opened(api) as two:
        async with asyncio.timeout(3):
            await api.engine.stop()
        for reader in (one, two):
            # A stream that was cut off would raise ClientPayloadError here.
            assert await reader.response.content.read() == b""
    assert api.engine.feed.watchers == 0


async def test_a_client_that_went_away_is_forgotten(api: Api, clock: FakeClock) -> None:
    async with opened(api):
        assert api.engine.feed.watchers == 1
    trigger = await api.create()
    async with asyncio.timeout(5):
        while api.engine.feed.watchers:
            await _fire(api, trigger)
            await clock.advance(1)
