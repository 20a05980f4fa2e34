"""Who may call: keys, origins, and pages of strangers."""

from __future__ import annotations

import pytest

from engine.http.routes import ROUTES
from tests.http.client import Api
from tests.http.conftest import StartApi

KEY = "clé-secrète-123"
OPEN = {"/healthz", "/readyz", "/", "/docs", "/openapi.json"}
PATHS = sorted({(method, path.replace("{id}", "1")) for method, path, _ in ROUTES if "*}" not in path})


@pytest.mark.parametrize(("method", "path"), PATHS)
async def test_what_is_open_without_the_key(start_api: StartApi, method: str, path: str) -> None:
    api = await start_api(key=KEY)
    reply = await api.call(method, path)
    if path in OPEN:
        assert reply.status == 200
    else:
        assert reply.status == 401
        assert reply.headers["WWW-Authenticate"].startswith("Bearer")


async def test_the_keys_that_fit(start_api: StartApi) -> None:
    api = await start_api(key=KEY)
    for name, value in (
        ("X-API-Key", KEY),
        ("x-api-key", KEY),
        ("Authorization", f"Bearer {KEY}"),
        ("Authorization", f"bearer  {KEY}"),
    ):
        assert (await api.get("/triggers/", headers={name: value})).status == 200
    for name, value in (
        ("X-API-Key", ""),
        ("X-API-Key", KEY[:-1]),
        ("X-API-Key", KEY + "x"),
        ("X-API-Key", "ключ"),
        ("Authorization", KEY),
        ("Authorization", f"Basic {KEY}"),
        ("Authorization", "Bearer"),
    ):
        assert (await api.get("/triggers/", headers={name: value})).status == 401
    assert (await api.get("/triggers/?x_api_key=" + KEY)).status == 401


async def test_the_page_and_its_files_are_open(start_api: StartApi) -> None:
    api = await start_api(key=KEY)
    assert (await api.get("/triggers", headers={"Accept": "text/html"})).status == 200
    assert (await api.get("/assets/x/index.html")).status == 200
    assert (await api.get("/docs/init.js")).status == 200


async def test_without_a_key_everything_is_open_on_loopback(api: Api) -> None:
    assert (await api.get("/triggers/")).status == 200
    assert (await api.get("/triggers/", headers={"X-API-Key": "whatever"})).status == 200


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8000", "localhost.evil.example", "10.0.0.1", "", "["])
async def test_names_of_strangers_that_point_here(api: Api, host: str) -> None:
    assert (await api.get("/triggers/", headers={"Host": host})).status == 403


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:8000", "[::1]:8000", "127.8.9.1", "app.localhost"])
async def test_names_of_this_machine(api: Api, host: str) -> None:
    assert (await api.get("/triggers/", headers={"Host": host})).status == 200


async def test_a_strangers_page_cannot_write(api: Api, start_api: StartApi) -> None:
    trigger = await api.create()
    fire = f"/triggers/{trigger['id']}/fire"
    assert (await api.post(fire, headers={"Origin": "https://evil.example"})).status == 403
    assert (await api.post(fire, headers={"Origin": "null"})).status == 403
    assert (await api.post(fire, headers={"Origin": api.url})).status == 202
    with_key = await start_api(key=KEY)
    headers = {"X-API-Key": KEY, "Origin": "https://behind.a.proxy", "Host": "engine.example"}
    assert (await with_key.post("/triggers/", {"name": "x"}, headers=headers)).status == 201


async def test_cors_for_the_origins_that_are_listed(start_api: StartApi) -> None:
    api = await start_api(key=KEY, cors_origins="http://localhost:5500, https://page.example/")
    origin = {"Origin": "http://localhost:5500"}
    reply = await api.get("/triggers/", headers={**origin, "X-API-Key": KEY})
    assert reply.headers["Access-Control-Allow-Origin"] == "http://localhost:5500"
    exposed = reply.headers["Access-Control-Expose-Headers"]
    for name in ("ETag", "Link", "X-Total-Count", "Location", "X-Request-Id", "Retry-After", "Idempotent-Replayed"):
        assert name in exposed
    assert "Origin" in reply.headers["Vary"]
    # A page has to be able to read the refusal too.
    refused = await api.get("/triggers/", headers=origin)
    assert (refused.status, refused.headers["Access-Control-Allow-Origin"]) == (401, "http://localhost:5500")

    preflight = {**origin, "Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "x-api-key"}
    reply = await api.call("OPTIONS", "/triggers/1", headers=preflight)
    assert reply.status == 204
    assert "PUT" in reply.headers["Access-Control-Allow-Methods"]
    allowed = reply.headers["Access-Control-Allow-Headers"]
    for name in ("Content-Type", "X-API-Key", "Authorization", "If-Match", "Idempotency-Key", "Last-Event-ID"):
        assert name in allowed

    for other in ("https://evil.example", "http://localhost:5501", "http://localhost:5500.evil.example"):
        reply = await api.call("OPTIONS", "/triggers/1", headers={**preflight, "Origin": other})
        assert "Access-Control-Allow-Origin" not in reply.headers
        assert "Access-Control-Allow-Methods" not in reply.headers
        assert "Origin" in reply.headers["Vary"]


async def test_cors_for_any_origin(start_api: StartApi) -> None:
    api = await start_api(cors_origins="*")
    reply = await api.post("/triggers/", {"name": "x"}, headers={"Origin": "https://any.example"})
    assert (reply.status, reply.headers["Access-Control-Allow-Origin"]) == (201, "https://any.example")


async def test_no_cors_unless_it_is_asked_for(api: Api) -> None:
    reply = await api.get("/triggers/", headers={"Origin": api.url})
    assert "Access-Control-Allow-Origin" not in reply.headers


async def test_an_origin_that_is_no_url_is_refused(api: Api) -> None:
    reply = await api.get("/triggers/", headers={"Origin": "http://[::1"})
    assert reply.status == 403
