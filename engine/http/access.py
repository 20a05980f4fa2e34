"""Who may call: keys, and the origins of pages."""

from __future__ import annotations

import ipaddress
import secrets
from urllib.parse import urlsplit

from aiohttp import hdrs, web

from engine.http.endpoint import ENDPOINT, Next
from engine.http.problems import Problem
from engine.http.services import services_of
from engine.settings import Settings


@web.middleware
async def refuse_foreign_pages(request: web.Request, handler: Next) -> web.StreamResponse:
    """Without a key, keep out what a stranger's page makes a browser on this machine send.

    Such a page can send simple requests to loopback (then Origin is its own), or point a name of its own at 127.0.0.1
    (then Host is that name). With a key set, neither helps it: it does not know the key.
    """
    settings = services_of(request).settings
    if settings.api_key is None:
        given = request.headers.get(hdrs.HOST)  # browsers always send it; plain old HTTP/1.0 need not
        host = settings.host if given is None else _host_name(f"//{given}")
        if not _is_loopback_name(host) and host != settings.host:
            raise Problem(403, f"Without a key the engine answers under loopback names only, not {host[:100]!r}.")
        origin = request.headers.get(hdrs.ORIGIN)
        if origin is not None and not _is_own(origin, request) and not is_allowed_origin(origin, settings):
            raise Problem(403, f"The origin {origin[:100]!r} is not in CORS_ORIGINS.")
    return await handler(request)


@web.middleware
async def authenticate(request: web.Request, handler: Next) -> web.StreamResponse:
    """Let through who has the key, and what is open to all."""
    key = services_of(request).settings.api_key
    if key is None or request[ENDPOINT].open or _has_key(request, key):
        return await handler(request)
    given = "X-API-Key" in request.headers or "Authorization" in request.headers
    detail = "The key is wrong." if given else "A key is needed: X-API-Key, or Authorization: Bearer."
    raise Problem(401, detail, headers={"WWW-Authenticate": 'Bearer realm="event-trigger-engine"'})


def is_allowed_origin(origin: str, settings: Settings) -> bool:
    """Whether pages of `origin` may call the API."""
    return "*" in settings.origins or origin.rstrip("/") in settings.origins


def _is_own(origin: str, request: web.Request) -> bool:
    try:
        return urlsplit(origin).netloc == request.headers.get(hdrs.HOST)
    except ValueError:
        return False


def _host_name(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _has_key(request: web.Request, key: str) -> bool:
    """Compares bytes, in a time that does not depend on how much of the key is right."""
    wanted = key.encode()
    given = request.headers.get("X-API-Key")
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    candidates = [] if given is None else [given]
    if scheme.lower() == "bearer":
        candidates.append(token.strip())
    return any(secrets.compare_digest(each.encode("utf-8", "surrogateescape"), wanted) for each in candidates)


def _is_loopback_name(host: str) -> bool:
    """By the name alone: a stranger's name may well resolve to 127.0.0.1."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
