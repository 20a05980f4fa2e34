"""How late one-off triggers fire on an otherwise idle machine, seen by the receiver and by the ledger."""

from __future__ import annotations

import asyncio
import statistics
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
from aiohttp import web

from tests.fakes.engine_process import EngineProcess


@dataclass(frozen=True, kw_only=True, slots=True)
class Lateness:
    """Milliseconds after `scheduled_for`, one value a trigger."""

    recorded_ms: list[float]
    """Until the engine decided to fire (`lateness_ms` of the event); triggers without a target."""
    delivered_ms: list[float]
    """Until the request was at the receiver; triggers with a target."""
    readable_ms: list[float]
    """From that arrival until the event could be read over the API."""


class _Receiver:
    """Notes when each request arrives, and reads the event back at once."""

    def __init__(self, client: aiohttp.ClientSession, count: int) -> None:
        self._client = client
        self._count = count
        self.engine_url = ""
        self.arrived: dict[str, datetime] = {}
        self.readable_ms: list[float] = []
        self.all_arrived = asyncio.Event()

    async def handle(self, request: web.Request) -> web.Response:
        arrived = datetime.now(UTC)
        name = (await request.json())["name"]
        query = {"trigger_name": name}
        async with self._client.get(f"{self.engine_url}/events/", params=query) as answer:
            events = await answer.json()
        if len(events) != 1:
            raise RuntimeError(f"the event of {name} cannot be read at its delivery: {events}")
        self.readable_ms.append((datetime.now(UTC) - arrived) / timedelta(milliseconds=1))
        self.arrived[events[0]["scheduled_for"]] = arrived
        if len(self.arrived) == self._count:
            self.all_arrived.set()
        return web.Response()


async def measure_lateness(count: int, due_in_s: float, apart_s: float) -> Lateness:
    """Create 2 x `count` one-off triggers, `apart_s` from each other, the first due in `due_in_s`; wait for all."""
    with tempfile.TemporaryDirectory() as directory:
        async with aiohttp.ClientSession() as client:
            receiver = _Receiver(client, count)
            app = web.Application()
            app.router.add_post("/", receiver.handle)
            runner = web.AppRunner(app, access_log=None)
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            target = f"http://127.0.0.1:{runner.addresses[0][1]}/"
            engine = EngineProcess(Path(directory), LOG_LEVEL="warning")
            receiver.engine_url = await engine.start()
            try:
                await _create(client, engine.url, target, count, due_in_s, apart_s)
                await asyncio.wait_for(receiver.all_arrived.wait(), due_in_s + 2 * count * apart_s + 10)
                recorded = await _recorded(client, engine.url, count)
            finally:
                await engine.stop()
                await runner.cleanup()
    delivered = [
        (arrived - datetime.fromisoformat(due)) / timedelta(milliseconds=1) for due, arrived in receiver.arrived.items()
    ]
    return Lateness(recorded_ms=recorded, delivered_ms=delivered, readable_ms=receiver.readable_ms)


async def _create(
    client: aiohttp.ClientSession, url: str, target: str, count: int, due_in_s: float, apart_s: float
) -> None:
    start = datetime.now(UTC) + timedelta(seconds=due_in_s)
    for number in range(2 * count):
        sends = number % 2 == 0
        name = f"{'delivered' if sends else 'recorded'}-{number}"
        body: dict[str, object] = {
            "name": name,
            "schedule": {"kind": "at", "at": (start + timedelta(seconds=number * apart_s)).isoformat()},
            "payload": {"name": name},
        }
        if sends:
            body["target"] = {"url": target}
        async with client.post(f"{url}/triggers/", json=body) as answer:
            if answer.status != 201:
                raise RuntimeError(await answer.text())


async def _recorded(client: aiohttp.ClientSession, url: str, count: int) -> list[float]:
    while True:
        async with client.get(f"{url}/events/", params={"status": "recorded", "limit": "1000"}) as answer:
            events = await answer.json()
        if len(events) >= count:
            return [event["lateness_ms"] for event in events]
        await asyncio.sleep(0.05)


def percentile(values: list[float], share: float) -> float:
    """The value below which `share` (0-1) of them lie, by nearest rank."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def median(values: list[float]) -> float:
    return statistics.median(values)
