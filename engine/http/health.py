"""Is it alive, is it ready, and its numbers."""

from __future__ import annotations

from aiohttp import web

from engine.http.answers import AliveOut, ReadyOut
from engine.http.endpoint import Answer, endpoint
from engine.http.queries import NoQuery, read_query
from engine.http.rendering import json_response
from engine.http.services import services_of

TAG = "health"
METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@endpoint(
    summary="Is the process alive",
    tag=TAG,
    open=True,
    answers={200: Answer(description="It is", body=AliveOut)},
)
async def alive(request: web.Request) -> web.Response:
    read_query(request, NoQuery)
    return json_response({"status": "ok"})


@endpoint(
    summary="Can it do its work",
    tag=TAG,
    open=True,
    answers={
        200: Answer(description="It can", body=ReadyOut),
        503: Answer(description="It cannot; `problems` says why", body=ReadyOut),
    },
)
async def ready(request: web.Request) -> web.Response:
    read_query(request, NoQuery)
    problems = await services_of(request).health.ready()
    document = {"status": "not ready" if problems else "ready", "problems": problems}
    return json_response(document, 503 if problems else 200)


@endpoint(
    summary="Metrics",
    tag=TAG,
    answers={200: Answer(description="Prometheus text", media_type="text/plain")},
)
async def metrics(request: web.Request) -> web.Response:
    read_query(request, NoQuery)
    text = services_of(request).health.metrics()
    return web.Response(body=text, headers={"Content-Type": METRICS_TYPE})
