"""Every route of the API, on one screen; and how a path finds its endpoint.

Matching is our own because a path answers with and without its trailing slash, and with doubled slashes in front,
without a redirect: a redirected POST loses its body with many clients.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from engine.http import events, health, openapi_page, pages, schedules, seed_routes, stream, testing, triggers
from engine.http.endpoint import Endpoint

ROUTES: tuple[tuple[str, str, Endpoint], ...] = (
    ("POST", "/triggers/", triggers.create),
    ("GET", "/triggers/", triggers.list_all),
    ("GET", "/triggers/{id}", triggers.get),
    ("PUT", "/triggers/{id}", triggers.replace),
    ("PATCH", "/triggers/{id}", triggers.patch),
    ("DELETE", "/triggers/{id}", triggers.remove),
    ("POST", "/triggers/{id}/fire", triggers.fire),
    ("POST", "/triggers/{id}/pause", triggers.pause),
    ("POST", "/triggers/{id}/resume", triggers.resume),
    ("GET", "/triggers/{id}/upcoming", schedules.upcoming),
    ("POST", "/schedules/preview", schedules.preview),
    ("GET", "/events/", events.list_all),
    ("GET", "/events/aggregate", events.aggregate),
    ("GET", "/events/stream", stream.stream),
    ("GET", "/events/{id}", events.get),
    ("PUT", "/events/archive/{id}", events.archive),
    ("POST", "/events/{id}/replay", events.replay),
    ("POST", "/test/", testing.test),
    ("POST", "/test/scheduled/", testing.test_scheduled),
    ("POST", "/test/api/", testing.test_api),
    ("POST", "/schedule_trigger", seed_routes.schedule_trigger),
    ("GET", "/list_triggers", seed_routes.list_triggers),
    ("POST", "/remove_trigger", seed_routes.remove_trigger),
    ("POST", "/trigger_api", seed_routes.trigger_api),
    ("GET", "/list_logs", seed_routes.list_logs),
    ("POST", "/test_trigger", seed_routes.test_trigger),
    ("GET", "/healthz", health.alive),
    ("GET", "/readyz", health.ready),
    ("GET", "/metrics", health.metrics),
    ("GET", "/", pages.index),
    ("GET", "/assets/{version}/{path*}", pages.asset),
    ("GET", "/docs", openapi_page.docs),
    ("GET", "/docs/{path*}", openapi_page.docs_asset),
    ("GET", "/openapi.json", openapi_page.openapi_json),
)

PAGE_PATHS = (
    "/triggers", "/triggers/new", "/triggers/{id}", "/triggers/{id}/edit", "/events", "/events/{id}", "/events/compare",
    "/upcoming", "/lab", "/stats", "/settings",
)  # fmt: skip
"""Views of the page: a browser that asks for HTML under one of these gets the page, which then shows that view."""


@dataclass(slots=True)
class _Node:
    """A position in the tree of path segments."""

    children: dict[str, _Node] = field(default_factory=dict)
    parameter: tuple[str, _Node] | None = None
    rest: tuple[str, _Node] | None = None
    endpoints: dict[str, Endpoint] = field(default_factory=dict)
    page: Endpoint | None = None


@dataclass(frozen=True, slots=True)
class Match:
    """What a path leads to."""

    endpoints: dict[str, Endpoint]
    """By method."""
    page: Endpoint | None
    """The view under this path, for those who ask for HTML."""
    parameters: dict[str, str]


class Router:
    """Paths to endpoints, by segment; a literal segment goes before a placeholder."""

    def __init__(self) -> None:
        self._root = _Node()
        for method, path, endpoint in ROUTES:
            self._node(path).endpoints[method] = endpoint
        for path in PAGE_PATHS:
            self._node(path).page = pages.index

    def match(self, path: str) -> Match | None:
        """What `path` leads to; None when it leads nowhere. One trailing slash and all leading ones do not count."""
        segments = path.lstrip("/").removesuffix("/").split("/")
        segments = [] if segments == [""] else segments
        for node, parameters in _walk(self._root, segments):
            if node.endpoints or node.page:
                return Match(node.endpoints, node.page, parameters)
        return None

    def _node(self, path: str) -> _Node:
        node = self._root
        for segment in filter(None, path.split("/")):
            if segment.endswith("*}"):
                node.rest = node.rest or (segment[1:-2], _Node())
                node = node.rest[1]
            elif segment.startswith("{"):
                node.parameter = node.parameter or (segment[1:-1], _Node())
                node = node.parameter[1]
            else:
                node = node.children.setdefault(segment, _Node())
        return node


def _walk(node: _Node, segments: list[str]) -> Iterator[tuple[_Node, dict[str, str]]]:
    """The nodes that `segments` lead to, the most literal first."""
    if not segments:
        yield node, {}
        return
    head, tail = segments[0], segments[1:]
    if head in node.children:
        yield from _walk(node.children[head], tail)
    if node.parameter is not None and head:
        name, child = node.parameter
        for found, parameters in _walk(child, tail):
            yield found, {name: head, **parameters}
    if node.rest is not None:
        name, child = node.rest
        yield child, {name: "/".join(segments)}
