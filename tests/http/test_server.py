"""Starting and stopping."""

from __future__ import annotations

import socket
from dataclasses import replace
from urllib.parse import urlsplit

import aiohttp
import pytest

from engine.http.server import Server
from tests.http.client import Api


async def test_starting_and_stopping_twice_are_harmless(api: Api) -> None:
    server = api.engine.server
    url = server.url
    assert urlsplit(url).port == server.port
    await server.start()
    assert server.url == url
    await server.stop()
    await server.stop()
    with pytest.raises(RuntimeError):
        _ = server.port
    with pytest.raises(aiohttp.ClientConnectorError):
        await api.session.get(url)
    await server.start()
    async with api.session.get(f"{server.url}/healthz") as response:
        assert response.status == 200


async def test_a_port_that_is_taken(api: Api) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        services = api.engine.server.services
        settings = services.settings.model_copy(update={"port": taken.getsockname()[1]})
        server = Server(replace(services, settings=settings))
        with pytest.raises(OSError, match="in use"):
            await server.start()
        await server.stop()
