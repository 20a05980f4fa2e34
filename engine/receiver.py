"""A small receiver of webhooks, to see a whole delivery without any other service. Not part of the engine's own work.

It prints each arrival and answers 200, or fails, delays, hangs or hangs up: always, as its options say, or for one
target, as the query of the URL says: `?status=503`, `?delay=2`, `?hang=1`, `?close=1`.
"""

from __future__ import annotations

import asyncio
import random
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from aiohttp import web

from engine.clock import Clock
from engine.errors import SettingsError

BODY_BYTES_MAX = 16 * 2**20
BODY_SHOWN_MAX = 200
DELAY_MAX_S = 3_600.0
IDS_MAX = 10_000
"""How many message ids are counted at a time."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Arrival:
    """A request that came in."""

    at: datetime
    method: str
    path: str
    """With the query."""
    headers: Mapping[str, str]
    """Names compare without case."""
    body: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class Behavior:
    """What the receiver does with a request."""

    status: int = 200
    fail_rate: float = 0.0
    """The share of requests, 0 to 1, that are answered 503 instead."""
    delay_s: float = 0.0
    """Before the answer."""
    hang: bool = False
    """Never answer."""
    close: bool = False
    """Hang up without an answer."""

    def overridden(self, query: Mapping[str, str]) -> Behavior:
        """As the query of the URL says. Raises ValueError for values out of range."""
        status, delay_s = int(query.get("status", self.status)), float(query.get("delay", self.delay_s))
        if not 200 <= status <= 599:
            raise ValueError(f"status is 200 to 599, not {status}")
        if not 0 <= delay_s <= DELAY_MAX_S:
            raise ValueError(f"delay is 0 to {DELAY_MAX_S:g} s, not {delay_s:g}")
        return Behavior(
            status=status,
            fail_rate=0.0 if "status" in query else self.fail_rate,
            delay_s=delay_s,
            hang=_flag(query.get("hang"), self.hang),
            close=_flag(query.get("close"), self.close),
        )


Answer = Callable[[web.Request, Arrival, asyncio.Event], Awaitable[web.StreamResponse]]
"""The event is set when the receiver stops: an answer that waits has to wait for it too."""


class Receiver:
    """An HTTP server that hands each request, once it is read, to `answer`."""

    def __init__(self, answer: Answer, *, clock: Clock) -> None:
        self._answer = answer
        self._clock = clock
        self._runner: web.AppRunner | None = None
        self._stopping = asyncio.Event()
        self.url = ""
        """Of its root, once it serves."""

    async def start(self, host: str, port: int) -> None:
        """Serve; port 0 picks a free one. Raises SettingsError when the address cannot be had."""
        app = web.Application(client_max_size=BODY_BYTES_MAX)
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=1.0)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, host, port).start()
        except OSError as error:
            await self.stop()
            raise SettingsError(f"Cannot listen on {host}:{port}: {error.strerror}.") from None
        address, bound_port = self._runner.addresses[0][:2]
        self.url = f"http://[{address}]:{bound_port}/" if ":" in address else f"http://{address}:{bound_port}/"

    async def stop(self) -> None:
        """Let every answer that waits go, and close. Stopping twice, or what never started, is harmless."""
        self._stopping.set()
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    async def wait_stopped(self) -> None:
        """Return when `stop` was called."""
        await self._stopping.wait()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        arrival = Arrival(
            at=self._clock.now(),
            method=request.method,
            path=request.path_qs,
            headers=request.headers,
            body=await request.read(),
        )
        return await self._answer(request, arrival, self._stopping)


class PrintingAnswer:
    """Prints each arrival and behaves as it is told."""

    def __init__(
        self,
        behavior: Behavior,
        *,
        clock: Clock,
        print_line: Callable[[str], None],
        rng: random.Random,
    ) -> None:
        self._behavior = behavior
        self._clock = clock
        self._print_line = print_line
        self._rng = rng
        self._times_seen: OrderedDict[str, int] = OrderedDict()

    async def __call__(self, request: web.Request, arrival: Arrival, stopping: asyncio.Event) -> web.StreamResponse:
        try:
            behavior = self._behavior.overridden(request.query)
        except ValueError as error:
            return web.Response(status=400, text=f"{error}\n")
        status = 503 if self._rng.random() < behavior.fail_rate else behavior.status
        self._print_line(f"{self._describe(arrival)} -> {_announce(behavior, status)}")
        if arrival.body:
            self._print_line(f"    {_shortened(arrival.body)}")
        if behavior.hang:
            await stopping.wait()
        until = self._clock.now() + timedelta(seconds=behavior.delay_s)
        while self._clock.now() < until and not await self._clock.wait_until(until, stopping):
            pass
        if (behavior.hang or behavior.close) and request.transport is not None:
            request.transport.abort()
        return web.Response(status=status)

    def _describe(self, arrival: Arrival) -> str:
        time = arrival.at.isoformat(sep=" ", timespec="milliseconds").removesuffix("+00:00")
        message_id = arrival.headers.get("webhook-id", "")
        line = f"{time} {arrival.method} {_printable(arrival.path)}"
        if not message_id:
            return line
        times_seen = self._times_seen.pop(message_id, 0) + 1
        self._times_seen[message_id] = times_seen
        if len(self._times_seen) > IDS_MAX:
            self._times_seen.popitem(last=False)
        again = f" (seen {times_seen} times)" if times_seen > 1 else ""
        return f"{line} {_printable(message_id)}{again}"


async def serve_receiver(
    host: str,
    port: int,
    *,
    clock: Clock,
    print_line: Callable[[str], None],
    status: int = 200,
    fail_rate: float = 0.0,
    delay_s: float = 0.0,
    hang: bool = False,
) -> None:
    """Receive until cancelled. Raises SettingsError when the address cannot be had."""
    behavior = Behavior(status=status, fail_rate=fail_rate, delay_s=delay_s, hang=hang)

    answer = PrintingAnswer(behavior, clock=clock, print_line=print_line, rng=random.SystemRandom())
    receiver = Receiver(answer, clock=clock)
    await receiver.start(host, port)
    try:
        print_line(f"Receiving on {receiver.url} - add ?status=503, ?delay=2, ?hang=1 or ?close=1 to try failures.")
        await receiver.wait_stopped()
    finally:
        await receiver.stop()


def _flag(given: str | None, default: bool) -> bool:
    return default if given is None else given not in ("", "0")


def _announce(behavior: Behavior, status: int) -> str:
    if behavior.hang:
        return "hang"
    after = f" after {behavior.delay_s:g} s" if behavior.delay_s else ""
    return f"{'hang up' if behavior.close else status}{after}"


def _shortened(body: bytes) -> str:
    text = _printable(body[: BODY_SHOWN_MAX * 4].decode("utf-8", errors="replace"))
    if len(body) <= BODY_SHOWN_MAX * 4 and len(text) <= BODY_SHOWN_MAX:
        return text
    return f"{text[:BODY_SHOWN_MAX]}… ({len(body):,} bytes)"


def _printable(text: str) -> str:
    """Without anything that could command a terminal."""
    return "".join(character if character.isprintable() else " " for character in text)
