"""Answers from the cache: an envelope with the headers that go along, then the body."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlencode

import orjson
from aiohttp import web

from engine import json_text
from engine.http.services import services_of
from engine.storage.cache import Scope

Rendered = tuple[Any, dict[str, str]]
"""A document, and the headers that go along."""


def json_response(document: Any, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    """`document` as JSON."""
    return _response(json_text.write(document), status, headers)


async def cached_response(
    request: web.Request, scope: Scope, render: Callable[[], Awaitable[Rendered]]
) -> web.Response:
    """What `render` gives, from the cache where that has it.

    `render` depends on nothing but the store, the path and the query.
    """
    query = urlencode(sorted(request.query.items()))
    path = "/" + request.path.strip("/")

    async def fill() -> bytes:
        document, headers = await render()
        # Header values hold no newline, so the first one ends the envelope.
        return json_text.write(headers) + b"\n" + json_text.write(document)

    envelope, _, body = (await services_of(request).cache.read(scope, f"{path}?{query}", fill)).partition(b"\n")
    return _response(body, 200, orjson.loads(envelope))


def _response(body: bytes, status: int, headers: dict[str, str] | None) -> web.Response:
    return web.Response(body=body, status=status, headers=headers, content_type="application/json")
