"""kill -9 in the middle of 200 fires a second, ten times over, on a real process, file and receiver."""

from __future__ import annotations

import asyncio
import json
import random
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from tests.fakes.engine_process import EngineProcess

TRIGGERS = 200
KILLS = 10
SECOND_US = 1_000_000


class SlowReceiver:
    """Answers every request after 100 ms, so that at any moment about 20 are in flight."""

    def __init__(self) -> None:
        self.seen: Counter[str] = Counter()
        self._arrived = asyncio.Event()
        self.url = ""

    async def handle(self, request: web.Request) -> web.Response:
        await request.read()
        self.seen[request.headers["webhook-id"]] += 1
        self._arrived.set()
        await asyncio.sleep(0.1)
        return web.Response(text="ok")

    async def more(self, count: int) -> None:
        """Return once `count` further requests have arrived."""
        wanted = self.seen.total() + count
        while self.seen.total() < wanted:
            self._arrived.clear()
            await self._arrived.wait()

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        app = web.Application()
        app.router.add_post("/", self.handle)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
        try:
            yield
        finally:
            await runner.cleanup()


async def create_triggers(client: aiohttp.ClientSession, engine_url: str, target: str) -> None:
    """Each fires every second, 5 ms after the one before it; what is missed while the engine is dead is made up."""
    start = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=2)

    async def create(number: int) -> None:
        anchor = start + timedelta(milliseconds=5 * number)
        body = {
            "name": f"every-second-{number}",
            "schedule": {"kind": "interval", "every_s": 1, "anchor": anchor.isoformat()},
            "target": {"url": target, "timeout_ms": 5000},
            "retry": {"first_delay_ms": 200, "delay_max_ms": 1000, "attempts_max": 20},
            "misfire": {"policy": "all", "window_s": 3600},
            "payload": {"number": number},
        }
        async with client.post(f"{engine_url}/triggers/", json=body) as answer:
            assert answer.status == 201, await answer.text()

    await asyncio.gather(*(create(number) for number in range(TRIGGERS)))


async def fire_by_hand(client: aiohttp.ClientSession, engine_url: str) -> list[int]:
    """Ids that the engine has acknowledged; they must outlive any kill."""

    async def fire() -> int:
        async with client.post(f"{engine_url}/triggers/1/fire") as answer:
            assert answer.status == 202, await answer.text()
            return int((await answer.json())["id"])

    return list(await asyncio.gather(*(fire() for _ in range(5))))


async def pause_all_and_drain(client: aiohttp.ClientSession, engine_url: str) -> None:
    for trigger_id in range(1, TRIGGERS + 1):
        async with client.post(f"{engine_url}/triggers/{trigger_id}/pause") as answer:
            assert answer.status == 200, await answer.text()
    while True:
        query = {"status": "waiting,running,retrying", "limit": "1"}
        async with client.get(f"{engine_url}/events/", params=query) as answer:
            if await answer.json() == []:
                return
        await asyncio.sleep(0.1)


@pytest.mark.timeout(300)
async def test_ten_kills_lose_nothing_and_double_nothing(tmp_path: Path) -> None:
    receiver, engine, rng = SlowReceiver(), EngineProcess(tmp_path, LOG_LEVEL="warning"), random.Random(20261122)
    acknowledged: list[int] = []
    async with receiver.serving(), aiohttp.ClientSession() as client:
        await engine.start()
        await create_triggers(client, engine.url, receiver.url)
        for _ in range(KILLS):
            await receiver.more(100 + rng.randrange(200))
            acknowledged += await fire_by_hand(client, engine.url)
            await engine.kill()
            await engine.start()
        await receiver.more(200)
        await pause_all_and_drain(client, engine.url)
        assert await engine.stop() == 0

    with sqlite3.connect(engine.database) as database:
        rows = database.execute("SELECT id, trigger_id, kind, status, scheduled_for, message_id FROM events").fetchall()
    database.close()

    by_trigger: dict[int, list[int]] = {}
    for _, trigger_id, kind, _, scheduled_for, _ in rows:
        if kind == "scheduled":
            by_trigger.setdefault(trigger_id, []).append(scheduled_for)
    assert len(by_trigger) == TRIGGERS
    for trigger_id, fires in by_trigger.items():
        fires.sort()
        expected = list(range(fires[0], fires[-1] + 1, SECOND_US))
        assert fires == expected, f"trigger {trigger_id}: lost or doubled"
    assert {row[0] for row in rows}.issuperset(acknowledged)
    assert Counter(row[3] for row in rows) == {"delivered": len(rows)}
    message_ids = [row[5] for row in rows]
    assert len(set(message_ids)) == len(message_ids)
    assert set(receiver.seen) == set(message_ids), "what arrived is what the ledger says, and all of it"
    again = sum(1 for count in receiver.seen.values() if count > 1)
    assert again > 0, "nothing was in flight at any kill: the test proved nothing about redelivery"
    print(json.dumps({"events": len(rows), "kills": KILLS, "delivered_again": again}))


async def test_a_second_engine_on_the_same_file_refuses(tmp_path: Path) -> None:
    first, second = EngineProcess(tmp_path), EngineProcess(tmp_path)
    await first.start()
    with pytest.raises(RuntimeError, match="the engine ended"):
        await second.start()
    assert await second.wait() == 75
    assert any("Error:" in line and str(first.database) in line for line in second.log), list(second.log)
    assert await first.stop() == 0
    await second.start()  # the lock went with the first
    assert await second.stop() == 0
