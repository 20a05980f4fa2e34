"""The HTTP server: one application, one listening socket, started and stopped by the composition root."""

from __future__ import annotations

import asyncio
import functools

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from engine.http.access import authenticate, refuse_foreign_pages
from engine.http.middleware import ROUTER, answer, call_endpoint, expect, malformed_request, route, set_headers
from engine.http.openapi import openapi_document
from engine.http.openapi_page import OPENAPI
from engine.http.pages import PAGE_FILES, Files
from engine.http.requests import BODY_BYTES_MAX
from engine.http.routes import ROUTES, Router
from engine.http.services import SERVICES, Services
from engine.http.stream import STREAMS, Streams

KEEPALIVE_S = 75.0
SHUTDOWN_S = 5.0
"""How long a stop waits for requests under way."""
BACKLOG = 1_024


def make_server_app(services: Services) -> web.Application:
    """The application that serves the API and the page."""
    app = web.Application(
        middlewares=[answer, refuse_foreign_pages, route, authenticate], client_max_size=BODY_BYTES_MAX
    )
    app[SERVICES] = services
    app[ROUTER] = Router()
    app[STREAMS] = Streams()
    app[PAGE_FILES] = Files(services.web_directory)
    app[OPENAPI] = _openapi()
    app.router.add_route("*", "/{path:.*}", call_endpoint, expect_handler=expect)
    app.on_response_prepare.append(set_headers)
    app.on_shutdown.append(_end_streams)
    return app


class Server:
    """Listens on the address of the settings; port 0 takes a free one. Starting and stopping twice are harmless."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self._runner: web.AppRunner | None = None
        self._listener: asyncio.Server | None = None

    async def start(self) -> None:
        """Serve. Raises OSError when the address cannot be had."""
        if self._runner is not None:
            return
        settings = self.services.settings
        runner = web.AppRunner(
            make_server_app(self.services),
            access_log=None,
            # A client that goes away must not cut a write in two: between the commit and the timer, for one.
            handler_cancellation=False,
            shutdown_timeout=SHUTDOWN_S,
        )
        await runner.setup()
        loop = asyncio.get_running_loop()

        def protocol() -> RequestHandler:
            assert runner.server is not None  # noqa: S101 - set up above
            return _Connection(
                runner.server,
                loop=loop,
                access_log=None,  # type: ignore[arg-type]  # its documented way to say: none
                keepalive_timeout=KEEPALIVE_S,
            )

        try:
            self._listener = await loop.create_server(protocol, settings.host, settings.port, backlog=BACKLOG)
        except BaseException:
            await runner.cleanup()
            raise
        self._runner = runner

    async def stop(self) -> None:
        """Take no new connections, end the streams, finish the requests under way."""
        runner, self._runner = self._runner, None
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        if runner is not None:
            await runner.cleanup()

    @property
    def port(self) -> int:
        """The port that is listened on. Raises RuntimeError when the server does not run."""
        if self._listener is None:
            raise RuntimeError("the server does not run")
        port: int = self._listener.sockets[0].getsockname()[1]
        return port

    @property
    def url(self) -> str:
        """Where to find it, without a slash at the end."""
        host = self.services.settings.host
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - what is shown, not listened on
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"


class _Connection(RequestHandler):
    """A connection that answers what is not HTTP as everything else: with a problem, without a stack trace."""

    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        if request.writer.output_size > 0:
            raise ConnectionError("an answer has begun already")
        response = malformed_request(status, exc)
        response.force_close()
        return response


@functools.cache
def _openapi() -> bytes:
    """Made once, and at the start: it takes some 0.2 s, which no fire shall wait for."""
    return openapi_document(ROUTES)


async def _end_streams(app: web.Application) -> None:
    await app[STREAMS].close()
