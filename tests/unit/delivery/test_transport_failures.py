"""Every way in which an attempt fails, over real sockets on loopback."""

import asyncio
import socket
import ssl
import threading
from pathlib import Path

import aiohttp.connector
import aiohttp.web
import pytest

from engine.delivery.transport import AiohttpTransport
from engine.model.delivery import Outcome
from tests.fakes.receiver import FakeReceiver, hanging, raw_receiver
from tests.fakes.tls import server_context, trusting_context
from tests.unit.delivery.exchanges import OK, ended, request


async def test_refused(transport: AiohttpTransport) -> None:
    async with raw_receiver() as raw:
        url = raw.url
    exchange = await transport.send(request(url))
    place = url.removeprefix("http://").removesuffix("/")
    assert ended(exchange, Outcome.CONNECTION_ERROR) == f"Connection refused by {place}."
    assert exchange.response is None


async def test_a_name_that_does_not_resolve(transport: AiohttpTransport, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_args: object, **_kwargs: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    exchange = await transport.send(request("http://no-such.example/"))
    sentence = ended(exchange, Outcome.DNS_ERROR)
    assert sentence == "The name no-such.example does not resolve (Name or service not known)."
    assert exchange.timing.dns_ms is not None
    assert (exchange.timing.connect_ms, exchange.timing.wait_ms) == (None, None)


async def test_a_name_server_that_does_not_answer(transport: AiohttpTransport, monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()

    def silent(*_args: object, **_kwargs: object) -> list[object]:
        over.wait(30)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", silent)
    try:
        exchange = await transport.send(request("http://slow.example/", timeout_ms=100))
    finally:
        over.set()
    assert ended(exchange, Outcome.TIMEOUT) == "The name slow.example was not resolved within 100 ms."
    assert exchange.timing.dns_ms is not None
    assert exchange.timing.dns_ms >= 50
    assert exchange.timing.connect_ms is None


async def test_no_answer_in_time(transport: AiohttpTransport, receiver: FakeReceiver) -> None:
    receiver.script(hanging())
    exchange = await transport.send(request(receiver.url, timeout_ms=150))
    sentence = ended(exchange, Outcome.TIMEOUT)
    assert sentence.startswith("No answer within 150 ms; the connection was made after ")
    assert exchange.response is None
    timing = exchange.timing
    assert timing.total_ms >= 149
    assert timing.connect_ms is not None
    assert timing.wait_ms is not None
    assert 0 < timing.wait_ms <= timing.total_ms
    assert timing.body_ms is None


async def test_a_dripping_body_ends_with_the_attempt_and_is_kept(
    transport: AiohttpTransport, receiver: FakeReceiver
) -> None:
    async def drip(to: aiohttp.web.Request, stopping: asyncio.Event) -> aiohttp.web.StreamResponse:
        response = aiohttp.web.StreamResponse(status=202, headers={"X-A": "b"})
        await response.prepare(to)
        await response.write(b"drop")
        await stopping.wait()
        return response

    receiver.script(drip)
    exchange = await transport.send(request(receiver.url, timeout_ms=200))
    assert ended(exchange, Outcome.TIMEOUT) == (
        "The answer (202) was not complete within 200 ms; 4 bytes of its body came."
    )
    assert exchange.response is not None
    assert (exchange.response.status, exchange.response.body) == (202, b"drop")
    assert ("X-A", "b") in exchange.response.headers


async def test_a_dripping_head_ends_with_the_attempt(transport: AiohttpTransport) -> None:
    async with raw_receiver(b"HTTP/1.1 200 OK\r\nX-A: ", keep_open=True) as raw:
        exchange = await transport.send(request(raw.url, timeout_ms=150))
        await raw.ended.wait()
    ended(exchange, Outcome.TIMEOUT)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nonly this\r\n",
    ],
)
async def test_an_answer_that_breaks_off_is_no_success_and_is_kept(transport: AiohttpTransport, answer: bytes) -> None:
    async with raw_receiver(answer) as raw:
        exchange = await transport.send(request(raw.url))
    assert "broke off its answer (200)" in ended(exchange, Outcome.PROTOCOL_ERROR)
    assert exchange.response is not None
    assert exchange.response.body == b"only this"


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nBad\x00Name: 1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX-Huge: " + b"v" * 20_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-%d: 1\r\n" % number for number in range(1_000)) + b"\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    ],
    ids=["ssh", "status", "name", "huge", "many", "lengths"],
)
async def test_what_is_not_http(transport: AiohttpTransport, answer: bytes) -> None:
    async with raw_receiver(answer) as raw:
        exchange = await transport.send(request(raw.url))
    sentence = ended(exchange, Outcome.PROTOCOL_ERROR)
    assert len(sentence) < 300


async def test_a_connection_closed_without_an_answer(transport: AiohttpTransport) -> None:
    async with raw_receiver(b"") as raw:
        exchange = await transport.send(request(raw.url))
    assert ended(exchange, Outcome.CONNECTION_ERROR).endswith("closed the connection before it answered.")


@pytest.mark.parametrize("method", ["POST", "GET", "PUT"])
async def test_a_kept_connection_that_breaks_is_not_tried_twice(transport: AiohttpTransport, method: str) -> None:
    """aiohttp would send idempotent methods again, within the same call."""
    async with raw_receiver(OK, b"") as raw:
        await transport.send(request(raw.url, method=method))
        exchange = await transport.send(request(raw.url, method=method))
    assert "kept from an earlier request" in ended(exchange, Outcome.CONNECTION_ERROR)
    assert (len(raw.requests), raw.connections) == (2, 1)


async def test_tls_with_something_that_does_not_speak_it(transport: AiohttpTransport) -> None:
    async with raw_receiver(greeting=b"220 mail.example ESMTP\r\n") as raw:
        exchange = await transport.send(request(raw.url.replace("http:", "https:")))
    assert ended(exchange, Outcome.TLS_ERROR).startswith("TLS with 127.0.0.1:")


async def test_a_certificate_that_is_not_trusted(transport: AiohttpTransport, tmp_path: Path) -> None:
    async with raw_receiver(OK, context=server_context(tmp_path)) as raw:
        exchange = await transport.send(request(raw.url))
    sentence = ended(exchange, Outcome.TLS_ERROR)
    assert sentence.startswith("The certificate of 127.0.0.1:")
    assert "self" in sentence
    assert raw.requests == [], "nothing is sent to somebody who is not who he says"


@pytest.mark.parametrize(("host", "outcome"), [("localhost", Outcome.SUCCEEDED), ("127.0.0.1", Outcome.TLS_ERROR)])
async def test_a_trusted_certificate_is_good_for_its_own_name(
    transport: AiohttpTransport, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, host: str, outcome: Outcome
) -> None:
    monkeypatch.setattr(aiohttp.connector, "_SSL_CONTEXT_VERIFIED", trusting_context())
    async with raw_receiver(OK, context=server_context(tmp_path)) as raw:
        exchange = await transport.send(request(raw.url.replace("127.0.0.1", host)))
    assert exchange.outcome is outcome
    assert len(raw.requests) == (outcome is Outcome.SUCCEEDED)


async def test_a_peer_that_hangs_up_in_the_handshake(
    transport: AiohttpTransport, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, server = trusting_context(), server_context(tmp_path)
    client.minimum_version = ssl.TLSVersion.TLSv1_3
    server.maximum_version = ssl.TLSVersion.TLSv1_2
    monkeypatch.setattr(aiohttp.connector, "_SSL_CONTEXT_VERIFIED", client)
    async with raw_receiver(OK, context=server) as raw:
        exchange = await transport.send(request(raw.url))
    assert ended(exchange, Outcome.CONNECTION_ERROR).endswith("closed the connection while it was being made.")
