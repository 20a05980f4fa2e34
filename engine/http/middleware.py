"""What every request goes through, from the outside in: the answer, then (`access.py`) strangers, route, key."""

from __future__ import annotations

import uuid

import structlog
from aiohttp import HttpVersion11, hdrs, web

from engine import json_text
from engine.errors import EngineError, StorageError
from engine.http.access import is_allowed_origin
from engine.http.endpoint import ENDPOINT, PATH_PARAMETERS, REQUEST_ID, Next
from engine.http.problems import Problem, problem_of, problem_response
from engine.http.requests import body_too_large
from engine.http.routes import Router
from engine.http.services import services_of

log = structlog.get_logger(__name__)

ROUTER: web.AppKey[Router] = web.AppKey("router", Router)

EXPOSED_HEADERS = "ETag, Link, X-Total-Count, Location, X-Request-Id, Retry-After, Idempotent-Replayed"
REQUEST_HEADERS = "Content-Type, X-API-Key, Authorization, If-Match, Idempotency-Key, Last-Event-ID"
METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"

SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}
"""On every answer that does not say otherwise."""


@web.middleware
async def answer(request: web.Request, handler: Next) -> web.StreamResponse:
    """Give every answer an id, and turn whatever was raised into a problem."""
    request_id = request[REQUEST_ID] = str(uuid.uuid4())
    try:
        return await handler(request)
    except Problem as error:
        problem = error
    except EngineError as error:
        known = problem_of(error)
        problem = known or _unexpected(request, error)
        if isinstance(error, StorageError):
            log.error("the store failed", request_id=request_id, path=request.path, error=str(error))
    except web.HTTPRequestEntityTooLarge:
        problem = body_too_large()
    except web.HTTPException as error:
        problem = Problem(error.status, f"{error.reason}.")
    except Exception as error:
        if isinstance(error, ConnectionError) and (request.transport is None or request.transport.is_closing()):
            raise  # the client has gone; there is nobody to answer
        problem = _unexpected(request, error)
    endpoint = request.get(ENDPOINT)
    if endpoint is not None and endpoint.seed_errors and problem.status < 500:
        return web.Response(
            status=problem.status,
            body=json_text.write({"error": problem.detail}),
            content_type="application/json",
            headers=problem.headers,
        )
    return problem_response(problem, request_id)


async def expect(request: web.Request) -> None:
    """Send 100 Continue where it is waited for; other expectations are passed over, as RFC 9110 allows."""
    if request.version == HttpVersion11 and request.headers.get(hdrs.EXPECT, "").lower() == "100-continue":
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0  # the answer itself has not begun


def malformed_request(status: int, error: BaseException | None) -> web.Response:
    """The answer to what could not even be read as HTTP, or broke where no middleware saw it."""
    request_id = str(uuid.uuid4())
    if status >= 500:
        log.error("unexpected error outside a request", request_id=request_id, exc_info=error)
        problem = Problem(
            500, "Something unexpected happened. The log of the engine has it under the id in `instance`."
        )
    else:
        log.debug("not HTTP", request_id=request_id, error=str(error))
        problem = Problem(status, "This is not a request that HTTP/1.1 allows.")
    response = problem_response(problem, request_id)
    response.headers.update({"X-Request-Id": request_id, **SECURITY_HEADERS})
    return response


async def set_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Signal handler: runs for every answer just before its headers go out."""
    for name, value in SECURITY_HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers["X-Request-Id"] = request.get(REQUEST_ID) or str(uuid.uuid4())
    response.headers["Server"] = "event-trigger-engine"
    settings = services_of(request).settings
    if settings.origins:
        vary = response.headers.get(hdrs.VARY)
        response.headers[hdrs.VARY] = f"{vary}, Origin" if vary else "Origin"
        origin = request.headers.get(hdrs.ORIGIN)
        if origin is not None and is_allowed_origin(origin, settings):
            response.headers[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = origin
            response.headers[hdrs.ACCESS_CONTROL_EXPOSE_HEADERS] = EXPOSED_HEADERS


@web.middleware
async def route(request: web.Request, handler: Next) -> web.StreamResponse:
    """Find the endpoint; answer OPTIONS, 404 and 405 here."""
    match = request.app[ROUTER].match(request.path)
    nothing_here = Problem(404, f"There is nothing under {request.path[:200]!r}.")
    if match is None:
        raise nothing_here
    method = "GET" if request.method == "HEAD" else request.method
    endpoint = match.endpoints.get(method)
    if match.page is not None and method == "GET" and _wants_html(request):
        endpoint = match.page
    if endpoint is None:
        if not match.endpoints:
            raise nothing_here
        allowed = {"OPTIONS", *match.endpoints}
        allow = ", ".join(sorted(allowed | ({"HEAD"} if "GET" in allowed else set())))
        if request.method == "OPTIONS":
            return _options(request, allow)
        raise Problem(405, f"{request.method} is not possible here; {allow} is.", headers={"Allow": allow})
    request[ENDPOINT], request[PATH_PARAMETERS] = endpoint, match.parameters
    return await handler(request)


async def call_endpoint(request: web.Request) -> web.StreamResponse:
    """The one handler the application has: everything was decided on the way."""
    return await request[ENDPOINT].handle(request)


def _options(request: web.Request, allow: str) -> web.Response:
    headers = {"Allow": allow}
    origin = request.headers.get(hdrs.ORIGIN)
    if origin is not None and is_allowed_origin(origin, services_of(request).settings):
        headers |= {
            hdrs.ACCESS_CONTROL_ALLOW_METHODS: METHODS,
            hdrs.ACCESS_CONTROL_ALLOW_HEADERS: REQUEST_HEADERS,
            hdrs.ACCESS_CONTROL_MAX_AGE: "600",
        }
    return web.Response(status=204, headers=headers)


def _wants_html(request: web.Request) -> bool:
    return "text/html" in request.headers.get(hdrs.ACCEPT, "")


def _unexpected(request: web.Request, error: Exception) -> Problem:
    log.error(
        "unexpected error", request_id=request[REQUEST_ID], method=request.method, path=request.path, exc_info=error
    )
    return Problem(500, "Something unexpected happened. The log of the engine has it under the id in `instance`.")
