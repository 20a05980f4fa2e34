"""`GET /events/stream`: the feed as server-sent events (the `text/event-stream` of the HTML standard)."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from datetime import timedelta

import structlog
from aiohttp import hdrs, web

from engine import json_text
from engine.clock import Clock
from engine.feed import FeedItem, Subscription
from engine.http.endpoint import REQUEST_ID, Answer, endpoint
from engine.http.problems import RETRY_AFTER_S, Problem
from engine.http.queries import StreamQuery, read_query
from engine.http.representations import event_document
from engine.http.services import services_of

log = structlog.get_logger(__name__)

STREAMS_MAX = 100
HEARTBEAT_S = 15.0
RETRY_MS = 2_000
"""How long a client waits before it connects again."""
CLOSE_S = 1.0
"""What a stop grants a stream to end by itself; one whose client does not read is then cut off."""

HEADERS = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "X-Accel-Buffering": "no",  # proxies that would collect the stream before they pass it on
}


class Streams:
    """The open streams, so that their number has a limit and a stop can end them."""

    def __init__(self) -> None:
        self.is_closing = False
        self._open: dict[asyncio.Task[None], Subscription] = {}

    @contextlib.contextmanager
    def entered(self, subscription: Subscription) -> Iterator[None]:
        """Count the stream that the current task serves. Raises Problem when there are too many."""
        if self.is_closing or len(self._open) >= STREAMS_MAX:
            raise Problem(
                503,
                f"At most {STREAMS_MAX} streams are served at once.",
                headers={"Retry-After": str(RETRY_AFTER_S)},
            )
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a handler runs in a task
        self._open[task] = subscription
        try:
            yield
        finally:
            del self._open[task]

    async def close(self) -> None:
        """End every stream, and take no new ones."""
        self.is_closing = True
        for subscription in self._open.values():
            subscription.ready.set()
        if self._open:
            _, stuck = await asyncio.wait(list(self._open), timeout=CLOSE_S)
            for task in stuck:
                task.cancel()


STREAMS: web.AppKey[Streams] = web.AppKey("streams", Streams)


@endpoint(
    summary="Events as they happen",
    description=(
        "Server-sent events. `event: event` has an event that is new or has changed, without its attempts, and without "
        "a payload of more than 4 KiB (then `payload_omitted` is true). `event: reset` says that something was missed: "
        "read the list again. A comment comes every 15 s."
    ),
    tag="events",
    query=StreamQuery,
    headers=("Last-Event-ID",),
    answers={200: Answer(description="The stream", media_type="text/event-stream")},
)
async def stream(request: web.Request) -> web.StreamResponse:
    parameters = read_query(request, StreamQuery)
    last_id = request.headers.get("Last-Event-ID") or parameters.last_event_id
    if request.method == hdrs.METH_HEAD:
        return web.Response(headers=HEADERS)
    services, streams = services_of(request), request.app[STREAMS]
    response = web.StreamResponse(headers=HEADERS)
    with services.feed.subscribe(last_id) as subscription, streams.entered(subscription):
        await response.prepare(request)
        await response.write(f"retry: {RETRY_MS}\n\n".encode())
        try:
            await _follow(request, response, subscription, services.clock, streams)
        except ConnectionError:
            pass  # a client that goes away ends its stream; that is no error
        except Exception as error:
            # The answer has begun, so no problem can be sent: the stream ends, and the client connects again.
            log.error("a stream broke", request_id=request[REQUEST_ID], exc_info=error)
    return response


async def _follow(
    request: web.Request, response: web.StreamResponse, subscription: Subscription, clock: Clock, streams: Streams
) -> None:
    """Pass on what comes until the engine stops or the client has gone."""
    written_at = clock.monotonic()
    while not streams.is_closing and request.transport is not None:
        silence_s = clock.monotonic() - written_at
        if items := subscription.take():
            await response.write(b"".join(map(_render, items)))
            written_at = clock.monotonic()
        elif silence_s >= HEARTBEAT_S:
            await response.write(b": still here\n\n")
            written_at = clock.monotonic()
        else:
            # Never less than a millisecond: what is left of a difference of floats may be no microsecond at all.
            wait_s = max(HEARTBEAT_S - silence_s, 0.001)
            await clock.wait_until(clock.now() + timedelta(seconds=wait_s), subscription.ready)


def _render(item: FeedItem) -> bytes:
    if item.event is None:
        return f"id: {item.id}\nevent: reset\ndata: {{}}\n\n".encode()
    document = event_document(item.event, payload=not item.payload_omitted)
    if item.payload_omitted:
        document["payload_omitted"] = True
    # A payload is copied as it was written, line breaks between its parts included; here one would end the field.
    data = json_text.write(document).replace(b"\r", b" ").replace(b"\n", b" ")
    return f"id: {item.id}\nevent: event\ndata: ".encode() + data + b"\n\n"
