"""An endpoint: a handler together with what it takes and answers. `/openapi.json` is generated from these."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from aiohttp import web

from engine.http.queries import NoQuery, Query

Next: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]
"""What a middleware hands on to."""
Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]

PATH_PARAMETERS: web.RequestKey[dict[str, str]] = web.RequestKey("path_parameters", dict)
"""What the placeholders of the route matched."""
REQUEST_ID: web.RequestKey[str] = web.RequestKey("request_id", str)


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """One successful answer."""

    description: str
    body: Any = None
    """A type that pydantic can describe; None: `media_type` decides."""
    media_type: str = "application/json"
    headers: tuple[str, ...] = ()
    """Names from `openapi.HEADERS`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Endpoint:
    """A handler and its description."""

    handle: Handler
    summary: str
    tag: str
    answers: Mapping[int, Answer]
    description: str = ""
    query: type[Query] = NoQuery
    body: Any = None
    """A type that pydantic can describe; None: there is no body."""
    body_required: bool = True
    headers: tuple[str, ...] = ()
    """Request headers: If-Match, Idempotency-Key, Last-Event-ID."""
    problems: tuple[int, ...] = ()
    """Statuses beyond those that every endpoint of its kind can answer."""
    open: bool = False
    """Served without a key."""
    seed_errors: bool = False
    """Errors are `{"error": ...}`, as the clients of the second seed read them."""


def endpoint(
    *,
    summary: str,
    tag: str,
    answers: Mapping[int, Answer],
    description: str = "",
    query: type[Query] = NoQuery,
    body: Any = None,
    body_required: bool = True,
    headers: tuple[str, ...] = (),
    problems: tuple[int, ...] = (),
    open: bool = False,  # noqa: A002 - reads best where it is used
    seed_errors: bool = False,
) -> Callable[[Handler], Endpoint]:
    """Describe the handler below. The fields are those of `Endpoint`."""

    def describe(handle: Handler) -> Endpoint:
        return Endpoint(
            handle=handle,
            summary=summary,
            tag=tag,
            answers=answers,
            description=description,
            query=query,
            body=body,
            body_required=body_required,
            headers=headers,
            problems=problems,
            open=open,
            seed_errors=seed_errors,
        )

    return describe


ENDPOINT: web.RequestKey[Endpoint] = web.RequestKey("endpoint", Endpoint)
"""The endpoint that serves a request."""
