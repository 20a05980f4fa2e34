"""Paths in every spelling, methods that are not there, and what is not HTTP at all."""

from __future__ import annotations

import asyncio
import json
import re
from urllib.parse import urlsplit

import pytest

from tests.http.client import Api

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@pytest.mark.parametrize("path", ["/triggers", "/triggers/", "//triggers/", "//triggers", "///triggers/?limit=5"])
async def test_slashes_do_not_matter(api: Api, path: str) -> None:
    made = await api.post(path.partition("?")[0], {"name": path})
    assert made.status == 201
    reply = await api.get(path)
    assert [trigger["name"] for trigger in reply.json] == [path]


async def test_slashes_do_not_matter_elsewhere(api: Api) -> None:
    trigger = await api.create()
    for path in (
        f"/triggers/{trigger['id']}/",
        f"//triggers/{trigger['id']}/upcoming/",
        "/events",
        "/events/aggregate/",
        "/list_triggers/",
        "//list_logs",
        "/healthz/",
        "/openapi.json/",
    ):
        assert (await api.get(path)).status == 200
    for path in ("/test", "/test/scheduled", "//test/api/"):
        assert (await api.post(path, {"x": 1})).status == 200


@pytest.mark.parametrize(
    "path", ["/nothing", "/triggers/1/nothing", "/triggers//1", "/triggers//", "/events/1/2/3", "/%ff", "/triggers/1/"]
)
async def test_not_found_is_a_problem(api: Api, path: str) -> None:
    reply = await api.get(path, headers={"Accept": "text/html" if path == "/nothing" else "*/*"})
    assert reply.status == 404
    assert reply.headers["Content-Type"] == "application/problem+json"
    problem = reply.json
    assert (problem["type"], problem["title"], problem["status"]) == ("about:blank", "Not Found", 404)


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("PUT", "/triggers/", "GET, HEAD, OPTIONS, POST"),
        ("POST", "/triggers/1", "DELETE, GET, HEAD, OPTIONS, PATCH, PUT"),
        ("GET", "/triggers/1/fire", "OPTIONS, POST"),
        ("DELETE", "/events/1", "GET, HEAD, OPTIONS"),
        ("PURGE", "/events/", "GET, HEAD, OPTIONS"),
        ("GET", "/schedule_trigger", "OPTIONS, POST"),
    ],
)
async def test_methods_that_are_not_there(api: Api, method: str, path: str, allow: str) -> None:
    reply = await api.call(method, path)
    assert (reply.status, reply.headers["Allow"]) == (405, allow)
    assert reply.headers["Content-Type"] == "application/problem+json"
    options = await api.call("OPTIONS", path)
    assert (options.status, options.headers["Allow"], options.text) == (204, allow, "")


async def test_head_is_get_without_a_body(api: Api) -> None:
    await api.create()
    get, head = await api.get("/triggers/"), await api.call("HEAD", "/triggers/")
    assert (head.status, head.text) == (200, "")
    for name in ("Content-Type", "Content-Length", "X-Total-Count"):
        assert head.headers[name] == get.headers[name]


async def test_every_answer_has_an_id_and_says_little_of_itself(api: Api) -> None:
    seen = set()
    for path in ("/triggers/", "/triggers/999", "/nothing", "/", "/docs", "/triggers/?x=1"):
        reply = await api.get(path)
        assert UUID.fullmatch(reply.headers["X-Request-Id"])
        seen.add(reply.headers["X-Request-Id"])
        assert reply.headers["X-Content-Type-Options"] == "nosniff"
        assert reply.headers["Referrer-Policy"] == "no-referrer"
        assert "frame-ancestors 'none'" in reply.headers["Content-Security-Policy"]
        assert "aiohttp" not in reply.headers["Server"]
        if reply.status >= 400:
            assert reply.json["instance"] == f"urn:uuid:{reply.headers['X-Request-Id']}"
    assert len(seen) == 6


@pytest.mark.parametrize(
    "raw",
    [
        b"GET /\x01 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET * HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 no HTTP\r\n\r\n",
        b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ],
)
async def test_what_is_not_http_is_a_problem_too(api: Api, raw: bytes) -> None:
    head, _, body = (await _exchange(api, raw)).partition(b"\r\n\r\n")
    assert b" 400 " in head.partition(b"\r\n")[0]
    assert b"application/problem+json" in head
    assert b"X-Request-Id" in head
    assert json.loads(body)["status"] == 400
    assert b"Traceback" not in body
    assert (await api.get("/healthz")).status == 200


JSON_POST = b"POST /triggers/ HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nConnection: close\r\n"


@pytest.mark.parametrize(
    "rest",
    [
        b"Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\nabcd",
        b"Content-Encoding: deflate\r\nContent-Length: 4\r\n\r\nabcd",
        b"Transfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n",
    ],
)
async def test_bodies_that_are_not_encoded_as_they_say(api: Api, rest: bytes) -> None:
    head, _, body = (await _exchange(api, JSON_POST + rest)).partition(b"\r\n\r\n")
    assert b" 400 " in head.partition(b"\r\n")[0]
    assert json.loads(body)["status"] == 400


async def test_expectations(api: Api) -> None:
    body = b'{"name": "x"}'
    length = b"Content-Length: %d\r\n\r\n" % len(body)
    answer = await _exchange(api, JSON_POST + b"Expect: 100-continue\r\n" + length + body)
    assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 ")
    answer = await _exchange(api, JSON_POST + b"Expect: the-unexpected\r\n" + length + body)
    assert answer.startswith(b"HTTP/1.1 409 ")


async def test_http_1_0_without_a_host(api: Api) -> None:
    assert b" 200 OK" in await _exchange(api, b"GET /healthz HTTP/1.0\r\n\r\n")


async def _exchange(api: Api, raw: bytes) -> bytes:
    """Send these bytes, read everything."""
    url = urlsplit(api.url)
    reader, writer = await asyncio.open_connection(url.hostname, url.port)
    writer.write(raw)
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


async def test_an_unexpected_error_shows_an_id_and_nothing_else(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("the secret inside")

    monkeypatch.setattr(api.engine.store, "list_triggers", broken)
    reply = await api.get("/triggers/")
    assert reply.status == 500
    assert reply.headers["Content-Type"] == "application/problem+json"
    assert "secret" not in reply.text
    assert "Traceback" not in reply.text
    assert (await api.get("/healthz")).status == 200
