"""The engine as a process: its settings, its end, and what it does without Redis."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from pathlib import Path

import aiohttp
import pytest

from tests.fakes.engine_process import EngineProcess
from tests.fakes.receiver import FakeReceiver, held


async def test_a_key_in_dotenv_closes_the_api_and_leaves_the_page_open(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("X_API_KEY=your-secure-secret-key-123456\n")
    engine = EngineProcess(tmp_path)
    url = await engine.start()
    key = {"X-API-Key": "your-secure-secret-key-123456"}
    expected = [("/triggers/", {}, 401), ("/triggers/", key, 200), ("/healthz", {}, 200), ("/", {}, 200)]
    async with aiohttp.ClientSession() as client:
        for path, headers, status in expected:
            async with client.get(url + path, headers=headers) as answer:
                assert (path, answer.status) == (path, status)
    assert await engine.stop() == 0
    assert not any("secret-key" in line for line in engine.log)


async def test_with_a_redis_that_is_not_there_everything_works(tmp_path: Path) -> None:
    engine = EngineProcess(tmp_path, REDIS_HOST="127.0.0.1", REDIS_PORT="1")
    url = await engine.start()
    async with aiohttp.ClientSession() as client:
        for number in range(1, 6):
            async with client.post(f"{url}/triggers/", json={"name": f"t{number}"}) as answer:
                assert answer.status == 201
            async with client.get(f"{url}/triggers/") as answer:
                assert len(await answer.json()) == number
        async with client.get(f"{url}/readyz") as answer:
            assert answer.status == 200
    assert await engine.stop() == 0


async def test_a_stop_waits_for_the_attempt_in_flight_and_records_it(tmp_path: Path) -> None:
    engine, release = EngineProcess(tmp_path), asyncio.Event()
    url = await engine.start()
    async with FakeReceiver() as receiver, aiohttp.ClientSession() as client:
        receiver.script(held(release))
        body = {"name": "slow", "target": {"url": receiver.url}}
        async with client.post(f"{url}/triggers/", json=body) as answer:
            assert answer.status == 201
        async with client.post(f"{url}/triggers/1/fire") as answer:
            assert answer.status == 202
        await receiver.arrived(1)
        stopping = asyncio.create_task(engine.stop())
        while await _answers(client, url):
            pass
        release.set()
        assert await stopping == 0
    database = sqlite3.connect(engine.database)
    assert database.execute("SELECT status, attempts_made FROM events").fetchall() == [("delivered", 1)]
    database.close()


async def test_a_port_in_use_is_said_and_ends_with_78(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    first, second = EngineProcess(tmp_path / "a"), EngineProcess(tmp_path / "b")
    port = (await first.start()).rpartition(":")[2]
    with pytest.raises(RuntimeError, match="Cannot listen on"):
        await second.start("--port", port)
    assert await second.wait() == os.EX_CONFIG
    assert await first.stop() == 0


async def _answers(client: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with client.get(f"{url}/healthz"):
            return True
    except aiohttp.ClientConnectionError:
        return False
