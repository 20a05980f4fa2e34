"""What goes out and what comes back, over real sockets on loopback."""

import asyncio

import aiohttp.web
import pytest
from aioresponses import aioresponses

from engine.clock import SystemClock
from engine.delivery.transport import AiohttpTransport
from engine.model.delivery import RESPONSE_BYTES_MAX, Outcome
from tests.fakes.receiver import FakeReceiver, held, raw_receiver
from tests.unit.delivery.exchanges import OK, ended, request

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


async def test_an_answer_that_switches_protocols_ends_there(transport: AiohttpTransport) -> None:
    answer = b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nbytes of x"
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
