"""Every outcome, over real sockets on loopback."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp.connector
import aiohttp.web
import pytest
from aioresponses import aioresponses

from engine.clock import SystemClock
from engine.delivery.transport import AiohttpTransport
from engine.model.delivery import RESPONSE_BYTES_MAX, Exchange, Outcome, Request
from tests.fakes.receiver import FakeReceiver, hanging, held, raw_receiver
from tests.fakes.tls import server_context, trusting_context

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
HEADERS = (("webhook-id", "msg_1"), ("Content-Type", "application/json"), ("X-Own", "a b"))


@pytest.fixture
async def transport() -> AsyncIterator[AiohttpTransport]:
    transport = AiohttpTransport(clock=SystemClock())
    yield transport
    await transport.close()


@pytest.fixture
async def receiver() -> AsyncIterator[FakeReceiver]:
    async with FakeReceiver() as receiver:
        yield receiver


def request(
    url: str,
    *,
    method: str = "POST",
    body: bytes | None = b'{"a":1}',
    timeout_ms: int = 5_000,
    headers: tuple[tuple[str, str], ...] = HEADERS,
) -> Request:
    return Request(method=method, url=url, headers=headers, body=body, timeout_ms=timeout_ms)


def ended(exchange: Exchange, outcome: Outcome) -> str:
    """Check the outcome; return its sentence."""
    assert exchange.outcome is outcome, exchange
    assert exchange.error is not None
    assert exchange.error.endswith(".")
    assert "\n" not in exchange.error
    return exchange.error


# --- what goes out ------------------------------------------------------------------------------------------------


async def test_the_wire_has_our_headers_plus_host_and_length_and_nothing_else(transport: AiohttpTransport) -> None:
    async with raw_receiver(OK) as raw:
        exchange = await transport.send(request(f"{raw.url}a%2Fb/../c?x=%7E"))
    assert exchange.outcome is Outcome.SUCCEEDED
    host = raw.url.removeprefix("http://").removesuffix("/")
    head, _, body = raw.requests[0].partition(b"\r\n\r\n")
    line, *headers = head.decode().split("\r\n")
    assert line == "POST /a%2Fb/../c?x=%7E HTTP/1.1"
    assert sorted(headers) == sorted(
        [f"Host: {host}", "Content-Length: 7", "webhook-id: msg_1", "Content-Type: application/json", "X-Own: a b"]
    )
    assert body == b'{"a":1}'


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "GET", "DELETE"])
async def test_without_a_body_none_is_announced_beyond_its_length(transport: AiohttpTransport, method: str) -> None:
    async with raw_receiver(OK) as raw:
        await transport.send(request(raw.url, method=method, body=None, headers=(("webhook-id", "m"),)))
    head = raw.requests[0].lower()
    assert raw.requests[0].startswith(f"{method} / HTTP/1.1\r\n".encode())
    for absent in (b"content-type", b"user-agent", b"accept", b"transfer-encoding", b"cookie", b"connection"):
        assert absent not in head


async def test_a_large_body_arrives_whole(transport: AiohttpTransport, receiver: FakeReceiver) -> None:
    body = b"[" + b"1," * 1_500_000 + b"1]"
    exchange = await transport.send(request(receiver.url, body=body))
    assert exchange.outcome is Outcome.SUCCEEDED
    assert receiver.arrivals[0].body == body
    assert receiver.arrivals[0].headers["Content-Length"] == str(len(body))


async def test_proxies_of_the_environment_are_not_used(
    transport: AiohttpTransport, receiver: FakeReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9/")
    monkeypatch.delenv("no_proxy", raising=False)
    assert (await transport.send(request(receiver.url))).outcome is Outcome.SUCCEEDED


async def test_cookies_are_not_kept(transport: AiohttpTransport) -> None:
    answer = b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n"
    async with raw_receiver(answer, answer) as raw:
        for _ in range(2):
            await transport.send(request(raw.url))
    assert b"cookie" not in raw.requests[1].lower()


async def test_a_header_that_would_split_the_request_is_never_sent(
    transport: AiohttpTransport, receiver: FakeReceiver
) -> None:
    exchange = await transport.send(request(receiver.url, headers=(("X-A", "a\r\nX-B: b"),)))
    ended(exchange, Outcome.INVALID_REQUEST)
    assert receiver.arrivals == []


async def test_a_url_that_cannot_be_called(transport: AiohttpTransport) -> None:
    for url in ("ftp://127.0.0.1/", "http:///x"):
        ended(await transport.send(request(url)), Outcome.INVALID_REQUEST)


# --- what comes back ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [200, 201, 204, 299, 301, 304, 404, 410, 429, 500, 503, 599])
async def test_any_status_is_an_answer(transport: AiohttpTransport, receiver: FakeReceiver, status: int) -> None:
    receiver.script(status)
    exchange = await transport.send(request(receiver.url))
    assert exchange.outcome is (Outcome.SUCCEEDED if status < 300 else Outcome.BAD_STATUS)
    assert exchange.error is None
    assert exchange.response is not None
    assert exchange.response.status == status


async def test_a_redirect_is_not_followed(transport: AiohttpTransport, receiver: FakeReceiver) -> None:
    for status in (301, 302, 303, 307, 308):
        receiver.script(aiohttp.web.Response(status=status, headers={"Location": f"{receiver.url}other"}))
        exchange = await transport.send(request(receiver.url))
        assert exchange.outcome is Outcome.BAD_STATUS
    assert [arrival.path for arrival in receiver.arrivals] == ["/"] * 5


async def test_the_response_is_recorded_as_it_came(transport: AiohttpTransport) -> None:
    packed = b"\x1f\x8b not really gzip"
    answer = (
        b"HTTP/1.1 200 Fine\r\nContent-Encoding: gzip\r\nx-Two: 1\r\nx-Two: 2\r\nX-Bytes: \xe9\xff\r\n"
        b"X-Text: \xc3\xa9\r\nContent-Length: %d\r\n\r\n%b" % (len(packed), packed)
    )
    async with raw_receiver(answer) as raw:
        exchange = await transport.send(request(raw.url))
    response = exchange.response
    assert response is not None
    assert (response.body, response.truncated) == (packed, False)
    assert response.headers == (
        ("Content-Encoding", "gzip"),
        ("x-Two", "1"),
        ("x-Two", "2"),
        ("X-Bytes", "éÿ"),
        ("X-Text", "é"),
        ("Content-Length", str(len(packed))),
    )


@pytest.mark.parametrize(("size", "truncated"), [(RESPONSE_BYTES_MAX, False), (RESPONSE_BYTES_MAX + 1, True)])
async def test_64_kib_of_a_body_are_kept(transport: AiohttpTransport, size: int, truncated: bool) -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + b"x" * size
    async with raw_receiver(answer, keep_open=True) as raw:
        exchange = await transport.send(request(raw.url))
        assert exchange.outcome is Outcome.SUCCEEDED
        assert exchange.response is not None
        assert len(exchange.response.body) == RESPONSE_BYTES_MAX
        assert exchange.response.truncated is truncated


async def test_an_endless_body_is_cut_and_its_connection_closed(
    transport: AiohttpTransport, receiver: FakeReceiver
) -> None:
    hung_up = asyncio.Event()

    async def endless(to: aiohttp.web.Request, _stopping: asyncio.Event) -> aiohttp.web.StreamResponse:
        response = aiohttp.web.StreamResponse()
        await response.prepare(to)
        try:
            while True:
                await response.write(b"x" * 10_000)
        except ConnectionError:
            hung_up.set()
        return response

    receiver.script(endless)
    exchange = await transport.send(request(receiver.url))
    assert exchange.outcome is Outcome.SUCCEEDED
    assert exchange.response is not None
    assert exchange.response.truncated
    await hung_up.wait()


async def test_recorded_headers_are_bounded(transport: AiohttpTransport) -> None:
    many = b"".join(b"X-%d: 1\r\n" % number for number in range(120))
    long = b"".join(b"X-%d: %b\r\n" % (number, b"v" * 4_000) for number in range(8))
    answers = [b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n" + headers + b"\r\n" for headers in (many, long)]
    async with raw_receiver(*answers) as raw:
        first, second = [await transport.send(request(raw.url)) for _ in answers]
    assert first.response is not None
    assert second.response is not None
    assert len(first.response.headers) == 100
    assert len(second.response.headers) == 5  # Content-Length and four long ones


async def test_head_has_no_body_and_leaves_the_connection_usable(transport: AiohttpTransport) -> None:
    async with raw_receiver(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", OK) as raw:
        head = await transport.send(request(raw.url, method="HEAD", body=None))
        again = await transport.send(request(raw.url))
    assert head.outcome is again.outcome is Outcome.SUCCEEDED
    assert head.response is not None
    assert head.response.body == b""
    assert raw.connections == 1


async def test_interim_answers_are_passed_over(transport: AiohttpTransport) -> None:
    async with raw_receiver(b"HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" + OK) as raw:
        exchange = await transport.send(request(raw.url))
    assert exchange.outcome is Outcome.SUCCEEDED
    assert exchange.response is not None
    assert exchange.response.body == b"ok"


@pytest.mark.parametrize("headers", [b"Connection: upgrade\r\nUpgrade: x\r\n", b""])
async def test_an_answer_that_switches_protocols_ends_there(transport: AiohttpTransport, headers: bytes) -> None:
    answer = b"HTTP/1.1 101 Switching Protocols\r\n" + headers + b"\r\nbytes of x"
    async with raw_receiver(answer, keep_open=True) as raw:
        exchange = await transport.send(request(raw.url))
        await raw.ended.wait()
    assert exchange.outcome is Outcome.BAD_STATUS


async def test_a_body_that_ends_with_the_connection_is_whole(transport: AiohttpTransport) -> None:
    async with raw_receiver(b"HTTP/1.0 200 OK\r\n\r\nuntil the end") as raw:
        exchange = await transport.send(request(raw.url))
    assert exchange.outcome is Outcome.SUCCEEDED
    assert exchange.response is not None
    assert exchange.response.body == b"until the end"


# --- what goes wrong ----------------------------------------------------------------------------------------------


async def test_refused(transport: AiohttpTransport) -> None:
    async with raw_receiver() as raw:
        url = raw.url
    exchange = await transport.send(request(url))
    place = url.removeprefix("http://").removesuffix("/")
    assert ended(exchange, Outcome.CONNECTION_ERROR) == f"Connection refused by {place}."
    assert exchange.response is None


async def test_a_name_that_does_not_resolve(transport: AiohttpTransport) -> None:
    exchange = await transport.send(request("http://no-such-host.invalid/"))
    assert ended(exchange, Outcome.DNS_ERROR).startswith("The name no-such-host.invalid does not resolve")
    assert exchange.timing.dns_ms is not None
    assert (exchange.timing.connect_ms, exchange.timing.wait_ms) == (None, None)


async def test_no_answer_in_time(transport: AiohttpTransport, receiver: FakeReceiver) -> None:
    receiver.script(hanging())
    exchange = await transport.send(request(receiver.url, timeout_ms=150))
    sentence = ended(exchange, Outcome.TIMEOUT)
    assert sentence.startswith("No answer within 150 ms; the connection was made after ")
    assert exchange.response is None
    timing = exchange.timing
    # Not rounded up to a whole second either.
    assert 150 <= timing.total_ms < 900
    assert timing.connect_ms is not None
    assert timing.wait_ms is not None
    assert timing.wait_ms > 100
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


# --- timing and life ----------------------------------------------------------------------------------------------


async def test_timing_by_stage(transport: AiohttpTransport, receiver: FakeReceiver) -> None:
    url = receiver.url.replace("127.0.0.1", "localhost")
    first, second = [(await transport.send(request(url))).timing for _ in range(2)]
    assert first.dns_ms is not None
    assert first.connect_ms is not None
    assert first.wait_ms is not None
    assert first.body_ms is not None
    parts = first.dns_ms + first.connect_ms + first.wait_ms + first.body_ms
    assert 0 < parts <= first.total_ms + 0.01
    assert (second.dns_ms, second.connect_ms) == (None, None), "a kept connection needs neither"
    assert second.wait_ms is not None


async def test_one_hung_host_does_not_delay_another(transport: AiohttpTransport, receiver: FakeReceiver) -> None:
    """aiohttp's default of 100 connections over all hosts would."""
    release = asyncio.Event()
    receiver.script(*[held(release)] * 120)
    hung = [asyncio.create_task(transport.send(request(f"{receiver.url}{number}"))) for number in range(120)]
    await receiver.arrived(120)
    async with raw_receiver(OK) as other:
        exchange = await transport.send(request(other.url))
    assert exchange.outcome is Outcome.SUCCEEDED
    release.set()
    assert {result.outcome for result in await asyncio.gather(*hung)} == {Outcome.SUCCEEDED}


async def test_cancelling_closes_the_connection(transport: AiohttpTransport) -> None:
    async with raw_receiver(b"", keep_open=True) as raw:
        sending = asyncio.create_task(transport.send(request(raw.url, timeout_ms=60_000)))
        while not raw.requests:
            await asyncio.sleep(0)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        await raw.ended.wait()


async def test_closing_twice_or_before_anything_was_sent_is_harmless(receiver: FakeReceiver) -> None:
    transport = AiohttpTransport(clock=SystemClock())
    await transport.close()
    await transport.send(request(receiver.url))
    await transport.close()
    await transport.close()


async def test_with_aioresponses(transport: AiohttpTransport) -> None:
    with aioresponses() as mocked:
        mocked.post("http://receiver.test/hook", status=202, body="taken")
        exchange = await transport.send(request("http://receiver.test/hook"))
    assert exchange.outcome is Outcome.SUCCEEDED
    assert exchange.response is not None
    assert exchange.response.body == b"taken"
