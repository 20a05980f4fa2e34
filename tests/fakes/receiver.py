"""Real receivers on loopback: one that speaks HTTP properly, and one that says whatever bytes a test gives it."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Self

from aiohttp import web

from engine.clock import SystemClock
from engine.receiver import Arrival, Receiver

Script = Callable[[web.Request, asyncio.Event], Awaitable[web.StreamResponse]]
"""Makes one answer. The event is set when the receiver stops."""


class FakeReceiver:
    """Answers 200 to everything, or what was scripted, and keeps what came. Use it as an async context manager."""

    def __init__(self) -> None:
        self.arrivals: list[Arrival] = []
        self.url = ""
        self._script: list[Script] = []
        self._came = asyncio.Event()
        self._receiver = Receiver(self._answer, clock=SystemClock())

    def script(self, *answers: int | web.Response | Script) -> None:
        """Answer the next requests with these, in order: a status, a response, or what a coroutine makes."""
        self._script.extend(answer if callable(answer) else fixed(answer) for answer in answers)

    async def arrived(self, count: int) -> None:
        """Return once `count` requests have come in all."""
        while len(self.arrivals) < count:
            self._came.clear()
            await self._came.wait()

    async def __aenter__(self) -> Self:
        await self._receiver.start("127.0.0.1", 0)
        self.url = self._receiver.url
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._receiver.stop()

    async def _answer(self, request: web.Request, arrival: Arrival, stopping: asyncio.Event) -> web.StreamResponse:
        self.arrivals.append(arrival)
        self._came.set()
        return await self._script.pop(0)(request, stopping) if self._script else web.Response(text="ok")


def fixed(answer: int | web.Response) -> Script:
    """The same answer at once."""

    async def script(_request: web.Request, _stopping: asyncio.Event) -> web.StreamResponse:
        return web.Response(status=answer) if isinstance(answer, int) else answer

    return script


def held(release: asyncio.Event, status: int = 200) -> Script:
    """Answer when `release` is set."""

    async def script(_request: web.Request, stopping: asyncio.Event) -> web.StreamResponse:
        waits = [asyncio.ensure_future(event.wait()) for event in (release, stopping)]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)
        return web.Response(status=status)

    return script


def hanging() -> Script:
    """Never answer."""
    return held(asyncio.Event())


class RawReceiver:
    """Reads one request after another from a connection as bytes, and answers each with the bytes of a script."""

    def __init__(self) -> None:
        self.requests: list[bytes] = []
        """Head and body of each, exactly as they came."""
        self.connections = 0
        self.ended = asyncio.Event()
        """Set when a peer has closed its connection."""
        self.url = ""


@asynccontextmanager
async def raw_receiver(
    *answers: bytes, greeting: bytes = b"", keep_open: bool = False, context: ssl.SSLContext | None = None
) -> AsyncIterator[RawReceiver]:
    """Serve `answers` in order, one for each request, whatever the connection; after the last one every connection
    that asks is closed, unless it is to be kept open in silence. `greeting` goes out before anything has come.
    """
    receiver, left, release = RawReceiver(), list(answers), asyncio.Event()
    conversations: list[asyncio.Task[None] | None] = []

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        receiver.connections += 1
        conversations.append(asyncio.current_task())
        try:
            writer.write(greeting)
            while (request := await _read_request(reader)) is not None:
                receiver.requests.append(request)
                if left:
                    writer.write(left.pop(0))
                    await writer.drain()
                if not left:
                    if keep_open:
                        await _until(release, reader)
                    break
        except OSError:
            pass
        finally:
            receiver.ended.set()
            writer.close()

    server = await asyncio.start_server(converse, "127.0.0.1", 0, ssl=context)
    host, port = server.sockets[0].getsockname()[:2]
    receiver.url = f"http{'s' if context else ''}://{host}:{port}/"
    try:
        yield receiver
    finally:
        release.set()
        server.close()
        await server.wait_closed()
        await asyncio.gather(*(task for task in conversations if task is not None))


async def _read_request(reader: asyncio.StreamReader) -> bytes | None:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"\r\ncontent-length: *([0-9]+)", head.lower())
        return head + (await reader.readexactly(int(length[1])) if length else b"")
    except asyncio.IncompleteReadError:
        return None


async def _until(release: asyncio.Event, reader: asyncio.StreamReader) -> None:
    """Wait until the test is over or the peer hangs up."""
    waits = [asyncio.ensure_future(release.wait()), asyncio.ensure_future(reader.read())]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
        await asyncio.gather(*waits, return_exceptions=True)
