import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest

from engine.clock import Clock, SystemClock
from engine.errors import SettingsError
from engine.receiver import serve_receiver
from tests.fakes.clock import FakeClock, settle

Lines = asyncio.Queue[str]


@asynccontextmanager
async def serving(clock: Clock, **behavior: float | bool) -> AsyncIterator[tuple[str, Lines]]:
    """The receiver's address and the lines it prints, after the first."""
    lines: Lines = asyncio.Queue()
    work = serve_receiver("127.0.0.1", 0, clock=clock, print_line=lines.put_nowait, **behavior)  # type: ignore[arg-type]
    serving = asyncio.create_task(work)
    url = (await lines.get()).removeprefix("Receiving on ").split(" ")[0]
    try:
        yield url, lines
    finally:
        serving.cancel()
        async with asyncio.timeout(5):
            await asyncio.gather(serving, return_exceptions=True)


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as client:
        yield client


async def test_it_prints_what_arrives_and_answers_200(client: aiohttp.ClientSession) -> None:
    async with serving(FakeClock()) as (url, lines):
        for line in (
            "2026-11-22 09:00:00.000 POST /hook?a=1 msg_1 -> 200",
            "2026-11-22 09:00:00.000 POST /hook?a=1 msg_1 (seen 2 times) -> 200",
        ):
            async with client.post(f"{url}hook?a=1", headers={"webhook-id": "msg_1"}, data=b'{"a":1}') as answer:
                assert answer.status == 200
            assert await lines.get() == line
            assert await lines.get() == '    {"a":1}'
        async with client.get(url) as answer:
            assert answer.status == 200
        assert await lines.get() == "2026-11-22 09:00:00.000 GET / -> 200"
        assert lines.empty()


async def test_long_and_hostile_bodies_are_shortened_and_harmless(client: aiohttp.ClientSession) -> None:
    async with serving(FakeClock()) as (url, lines):
        for body, shown in (
            (b"x" * 5_000, f"    {'x' * 200}… (5,000 bytes)"),
            (b"\x1b[2J\xff\n", "     [2J\ufffd "),
        ):
            async with client.post(url, data=body):
                pass
            await lines.get()
            assert await lines.get() == shown


@pytest.mark.parametrize("status", [204, 302, 404, 503])
async def test_a_status_by_option_and_by_query(client: aiohttp.ClientSession, status: int) -> None:
    async with serving(FakeClock(), status=status) as (url, _), client.get(url, allow_redirects=False) as answer:
        assert answer.status == status
    async with serving(FakeClock(), fail_rate=1.0) as (url, _):
        async with client.get(f"{url}?status={status}", allow_redirects=False) as answer:
            assert answer.status == status
        async with client.get(url) as answer:
            assert answer.status == 503


@pytest.mark.parametrize("query", ["status=abc", "status=99", "status=600", "delay=-1", "delay=nan", "delay=1e9"])
async def test_a_query_out_of_range_is_a_400(client: aiohttp.ClientSession, query: str) -> None:
    async with serving(FakeClock()) as (url, _), client.get(f"{url}?{query}") as answer:
        assert answer.status == 400


@pytest.mark.parametrize("by_query", [True, False])
async def test_a_delay(client: aiohttp.ClientSession, by_query: bool) -> None:
    clock = FakeClock()
    behavior = {} if by_query else {"delay_s": 2.0}
    async with serving(clock, **behavior) as (url, lines):
        asking = asyncio.create_task(client.get(f"{url}?delay=2" if by_query else url))
        assert (await lines.get()).endswith("-> 200 after 2 s")
        await settle()
        await clock.advance(1.9)
        assert not asking.done()
        await clock.advance(0.1)
        async with asyncio.timeout(5):
            (await asking).close()


@pytest.mark.parametrize(("query", "hang"), [("?hang=1", False), ("", True)])
async def test_it_hangs_until_it_is_stopped(client: aiohttp.ClientSession, query: str, hang: bool) -> None:
    async with serving(SystemClock(), hang=hang) as (url, lines):
        asking = asyncio.create_task(client.get(f"{url}{query}"))
        assert (await lines.get()).endswith("-> hang")
        await settle()
        assert not asking.done()
    with pytest.raises(aiohttp.ClientError):
        await asking


async def test_it_hangs_up(client: aiohttp.ClientSession) -> None:
    async with serving(FakeClock()) as (url, lines):
        with pytest.raises(aiohttp.ClientError):
            await client.post(f"{url}?close=1", data=b"1")
        assert (await lines.get()).endswith("-> hang up")


async def test_a_port_that_is_taken() -> None:
    async with serving(FakeClock()) as (url, _):
        port = int(url.rstrip("/").rpartition(":")[2])
        with pytest.raises(SettingsError, match=f"Cannot listen on 127.0.0.1:{port}"):
            await serve_receiver("127.0.0.1", port, clock=FakeClock(), print_line=lambda _line: None)
