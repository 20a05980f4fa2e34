"""What the browser tests drive: a real engine in its own process, a real receiver, a line between that can be cut."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from tests.fakes.engine_process import EngineProcess

HOSTILE = "<h1>Gone</h1><script>document.title = 'taken over'</script><img src=x onerror=alert(1)>"


@dataclass(slots=True)
class Receiver:
    """Answers /ok with 200, /hostile with a page that would run if it were taken for markup; keeps the bodies."""

    url: str = ""
    bodies: list[bytes] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.Response:
        self.bodies.append(await request.read())
        if request.path == "/hostile":
            return web.Response(status=400, text=HOSTILE, content_type="text/html")
        return web.json_response({"received": True})


@contextlib.asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    """A receiver on a free port of the loopback."""
    receiver = Receiver()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", receiver.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield receiver
    finally:
        await runner.cleanup()


@dataclass(slots=True)
class Api:
    """The engine, asked directly, beside the page."""

    url: str
    session: aiohttp.ClientSession

    async def call(self, method: str, path: str, body: object = None) -> Any:
        async with self.session.request(method, self.url + path, json=body) as response:
            assert response.ok, await response.text()
            return await response.json()

    async def trigger(self, name: str, **fields: object) -> Any:
        """Create a trigger; by a call unless `fields` have a schedule."""
        kind = "scheduled" if "schedule" in fields else "api"
        return await self.call("POST", "/triggers/", {"name": name, "type": kind, **fields})

    async def fire(self, trigger: Any) -> Any:
        return await self.call("POST", f"/triggers/{trigger['id']}/fire")

    async def names(self) -> list[str]:
        return [trigger["name"] for trigger in await self.call("GET", "/triggers/?limit=1000")]


@contextlib.asynccontextmanager
async def running_engine(directory: Path, **settings: str) -> AsyncIterator[Api]:
    """The engine in a process of its own, with a database in `directory`."""
    engine = EngineProcess(directory, **settings)
    await engine.start()
    headers = {"X-API-Key": settings["X_API_KEY"]} if "X_API_KEY" in settings else {}
    try:
        async with aiohttp.ClientSession(headers=headers) as session:
            yield Api(engine.url, session)
    finally:
        await engine.stop()


class Line:
    """A plain relay between browser and engine, to be cut and mended on the same port."""

    def __init__(self, to_url: str) -> None:
        self._to_port = int(to_url.rpartition(":")[2])
        self._server: asyncio.Server | None = None
        self._ends: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    async def mend(self) -> None:
        self._server = await asyncio.start_server(self._accepted, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        """Break what is open and refuse what comes."""
        if self._server is None:
            return
        self._server.close()
        for end in list(self._ends):
            end.transport.abort()
        await asyncio.gather(*self._tasks)
        await self._server.wait_closed()
        self._server = None

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            onward_reader, onward = await asyncio.open_connection("127.0.0.1", self._to_port)
        except OSError:
            writer.transport.abort()
            return
        self._ends |= {writer, onward}
        await asyncio.gather(_copy(reader, onward), _copy(onward_reader, writer))
        for end in (writer, onward):
            end.transport.abort()
            with contextlib.suppress(OSError):
                await end.wait_closed()
            self._ends.discard(end)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Until either side ends; then the other side is told."""
    with contextlib.suppress(OSError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    with contextlib.suppress(OSError, RuntimeError):
        writer.close()
