"""How a request gets out and what comes back. Nothing here raises: exceptions become outcomes."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Iterable
from typing import Protocol

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from engine.clock import Clock
from engine.delivery.address import Origin
from engine.delivery.failures import ConnectionLost, explain, explain_timeout
from engine.delivery.stopwatch import Stopwatch, trace_config
from engine.model.delivery import RESPONSE_BYTES_MAX, Exchange, Outcome, Request, Response

RESPONSE_HEADERS_MAX = 100
RESPONSE_HEADERS_BYTES_MAX = 16_384
"""How much of the response's headers is recorded."""

_KEPT_ALIVE_S = 4.0
# Many servers close an idle connection after 5 s; taking one up just then loses the request.
_DNS_CACHE_S = 10
_LARGE_BODY_BYTES = 2**20
"""Beyond this aiohttp wants a stream, which it sends in pieces, so that one body does not hold up the loop."""
_NOT_ADDED = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")
"""Headers that aiohttp would add by itself: a request goes out with those it has."""


class Transport(Protocol):
    """One exchange over the wire. `tests/fakes/transport.py` has one that is scripted."""

    async def send(self, request: Request) -> Exchange:
        """Make one attempt, within `request.timeout_ms` in all. Never raises for what the network or the peer does.

        The outcome is SUCCEEDED for a whole 2xx answer and BAD_STATUS for any other; which codes count for a target
        is decided by `verdict.graded`. Cancelling it closes the connection.
        """
        ...

    async def close(self) -> None:
        """Close every kept connection. Closing twice, or before anything was sent, is harmless."""
        ...


class AiohttpTransport:
    """Kept-alive HTTP/1.1 without redirects, cookies, proxies, decompression or a limit over all hosts.

    A request is written to one connection, once. Where the peer closes a kept connection just as it is taken up, the
    attempt ends with CONNECTION_ERROR and the retry policy decides, because nobody can tell whether the request was
    read; keeping idle connections for 4 s only makes that rare.
    """

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
        self._session: aiohttp.ClientSession | None = None

    async def send(self, request: Request) -> Exchange:
        watch = Stopwatch(self._clock)
        answer = _Answer()
        error: str | None = None
        try:
            async with asyncio.timeout(request.timeout_ms / 1000):
                await self._converse(request, watch, answer)
        except TimeoutError:
            outcome = Outcome.TIMEOUT
            error = explain_timeout(request.timeout_ms, _origin(request), watch, answer.response())
        except (aiohttp.ClientError, OSError, ValueError) as problem:
            outcome, error = explain(problem, _origin(request), watch, answer.response())
        else:
            outcome = Outcome.SUCCEEDED if 200 <= answer.status <= 299 else Outcome.BAD_STATUS
        return Exchange(
            request=request, outcome=outcome, response=answer.response(), error=error, timing=watch.timing()
        )

    async def close(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _converse(self, request: Request, watch: Stopwatch, answer: _Answer) -> None:
        body: bytes | io.BytesIO | None = request.body
        if request.body is not None and len(request.body) > _LARGE_BODY_BYTES:
            body = io.BytesIO(request.body)
        response = await self._opened().request(
            request.method,
            # Already in its final form: quoting it again would change signed query strings.
            URL(request.url, encoded=True),
            headers=CIMultiDict(request.headers),
            skip_auto_headers=_NOT_ADDED,
            data=body,
            allow_redirects=False,
            trace_request_ctx=watch,
        )
        try:
            watch.mark("answered")
            answer.begin(response.status, response.raw_headers)
            async for chunk in response.content.iter_any():
                answer.add(chunk)
                if answer.truncated:
                    break
        finally:
            # A connection whose answer was read to its end is back in the pool by now; any other is cut here.
            response.close()

    def _opened(self) -> aiohttp.ClientSession:
        """The session, made on first use because it belongs to the running loop."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=0, limit_per_host=0, ttl_dns_cache=_DNS_CACHE_S, keepalive_timeout=_KEPT_ALIVE_S
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,
                auto_decompress=False,
                # The limit of the whole attempt is ours: aiohttp rounds its own up to whole seconds.
                timeout=aiohttp.ClientTimeout(total=None),
                trace_configs=[trace_config()],
                middlewares=(_sent_once,),
            )
        return self._session


async def _sent_once(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Keep aiohttp from sending again what may have arrived, as it does for idempotent methods (RFC 9112, 9.3.1)."""
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError:
        raise  # nothing was sent, and aiohttp does not try again
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise ConnectionLost(str(error)) from error


class _Answer:
    """What has come of a response so far, within the limits of what is recorded."""

    def __init__(self) -> None:
        self.status = 0
        """0 until there is one."""
        self.truncated = False
        self._headers: tuple[tuple[str, str], ...] = ()
        self._body = bytearray()

    def begin(self, status: int, raw_headers: Iterable[tuple[bytes, bytes]]) -> None:
        self.status = status
        headers: list[tuple[str, str]] = []
        room = RESPONSE_HEADERS_BYTES_MAX
        for name, value in raw_headers:
            room -= len(name) + len(value)
            if room < 0 or len(headers) == RESPONSE_HEADERS_MAX:
                break
            headers.append((_text(name), _text(value)))
        self._headers = tuple(headers)

    def add(self, chunk: bytes) -> None:
        self._body += chunk
        if len(self._body) > RESPONSE_BYTES_MAX:
            del self._body[RESPONSE_BYTES_MAX:]
            self.truncated = True

    def response(self) -> Response | None:
        if not self.status:
            return None
        return Response(status=self.status, headers=self._headers, body=bytes(self._body), truncated=self.truncated)


def _text(header: bytes) -> str:
    """Bytes beyond ASCII have no defined meaning in a header: UTF-8 where it is that, else each byte a character."""
    try:
        return header.decode("utf-8")
    except UnicodeDecodeError:
        return header.decode("latin-1")


def _origin(request: Request) -> Origin:
    url = URL(request.url, encoded=True)
    return Origin(url.scheme, url.raw_host or "", url.port or 0)
