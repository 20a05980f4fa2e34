"""The cache in a real Redis, which is hung, killed, flushed and filled with garbage under it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from engine.storage import redis_cache
from engine.storage.cache import ENTRY_BYTES_MAX, ReadCache
from engine.storage.port import Generations
from engine.storage.redis_cache import CALL_TIMEOUT_S, CONNECTIONS_MAX, FAILURES_MAX, OPEN_S, RedisCache
from tests.fakes.clock import FakeClock
from tests.fakes.redis_server import NOT_FOUND, PrivateRedis, find_binary, find_running

SLACK_S = 1.5
"""What a busy test machine may add to a bound. Without the bounds, a call here takes seconds or for ever."""

PATIENCE_S = 10.0
"""The limits where they are not the subject, so that a busy test machine is not taken for a sick Redis."""

BINARY = find_binary()
needs_private = pytest.mark.skipif(BINARY is None, reason=NOT_FOUND)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[PrivateRedis]:
    assert BINARY is not None
    with PrivateRedis(BINARY, tmp_path) as started:
        yield started


@pytest.fixture
def address(tmp_path: Path) -> Iterator[tuple[str, int]]:
    """Any Redis, for tests that only use it."""
    running = find_running()
    if running is not None:
        yield running
    elif BINARY is not None:
        with PrivateRedis(BINARY, tmp_path) as started:
            yield started.host, started.port
    else:
        pytest.skip(NOT_FOUND)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    for limit in ("CONNECT_TIMEOUT_S", "SOCKET_TIMEOUT_S", "CALL_TIMEOUT_S"):
        monkeypatch.setattr(redis_cache, limit, PATIENCE_S)


@pytest.fixture
async def redis(server: PrivateRedis, clock: FakeClock) -> AsyncIterator[RedisCache]:
    cache = RedisCache(server.host, server.port, clock=clock)
    yield cache
    await cache.close()


class Ledger:
    """Stands for the store: one value, and how often it was read."""

    def __init__(self) -> None:
        self.generations = Generations()
        self.value = 0
        self.fills = 0

    def write(self) -> None:
        self.value += 1
        self.generations.events += 1

    async def read(self) -> bytes:
        self.fills += 1
        return b"%d" % self.value


async def check_answers(cache: ReadCache, ledger: Ledger) -> None:
    """Three rounds of write and read: every answer is right."""
    for _ in range(3):
        ledger.write()
        for _ in range(2):
            assert await cache.read("events", "key", ledger.read) == b"%d" % ledger.value


@pytest.mark.usefixtures("patient")
async def test_gives_back_what_was_set(address: tuple[str, int], clock: FakeClock) -> None:
    cache = RedisCache(*address, clock=clock)
    key = f"test:{id(cache)}"
    assert await cache.get(key) is None
    for value in (b"", b"value", bytes(range(256)) * 1_000):
        await cache.set(key, value, 60.0)
        assert await cache.get(key) == value
    assert cache.errors == 0
    await cache.close()
    await cache.close()


@pytest.mark.usefixtures("patient")
async def test_a_hundred_keys_at_once_share_the_connections(address: tuple[str, int], clock: FakeClock) -> None:
    cache = RedisCache(*address, clock=clock)
    keys = [f"test:{id(cache)}:{n}" for n in range(CONNECTIONS_MAX * 5)]
    await asyncio.gather(*(cache.set(key, key.encode(), 60.0) for key in keys))
    answers = await asyncio.gather(*(cache.get(key) for key in keys))
    assert all(answer in (key.encode(), None) for key, answer in zip(keys, answers, strict=True))
    assert cache.errors == 0
    await cache.close()


@needs_private
@pytest.mark.usefixtures("patient")
async def test_entries_expire_by_themselves(server: PrivateRedis, redis: RedisCache) -> None:
    await redis.set("key", b"value", 60.0)
    (stored,) = server.stored_keys()
    left_ms = int(server.command(b"PTTL", stored)[1:])
    assert 50_000 < left_ms <= 60_000


@needs_private
@pytest.mark.usefixtures("patient")
async def test_an_answer_too_large_is_not_sent(server: PrivateRedis, redis: RedisCache) -> None:
    await redis.set("key", bytes(ENTRY_BYTES_MAX + 1), 60.0)
    assert server.stored_keys() == []


@needs_private
@pytest.mark.usefixtures("patient")
async def test_a_hit_reads_no_database(server: PrivateRedis, redis: RedisCache) -> None:
    ledger = Ledger()
    cache = ReadCache(ledger.generations, redis)
    answers = [await cache.read("events", "key", ledger.read) for _ in range(3)]
    assert (answers, ledger.fills, cache.hits, cache.misses, cache.errors) == ([b"0"] * 3, 1, 2, 1, 0)


@needs_private
@pytest.mark.usefixtures("patient")
async def test_nobody_reads_what_another_process_left(server: PrivateRedis, clock: FakeClock) -> None:
    for value in (b"of the process before", b"own"):
        redis = RedisCache(server.host, server.port, clock=clock)
        cache = ReadCache(Generations(), redis)

        async def fill(value: bytes = value) -> bytes:
            return value

        assert await cache.read("events", "key", fill) == value
        await cache.close()


@needs_private
@pytest.mark.usefixtures("patient")
async def test_garbage_under_our_keys_is_a_miss(server: PrivateRedis, redis: RedisCache) -> None:
    await redis.set("key", b"value", 60.0)
    await redis.set("other", b"another value", 60.0)
    names = {name.split(b":")[-1]: name for name in server.stored_keys()}
    stored = server.command(b"GET", names[b"key"]).split(b"\r\n", 1)[1][:-2]
    other = server.command(b"GET", names[b"other"]).split(b"\r\n", 1)[1][:-2]
    assert stored.endswith(b"value")
    for garbage in (b"", b"x", b"\0" * 15, b"\0" * 16, stored[:-1], stored[:-1] + b"X", b"X" + stored[1:], other):
        server.command(b"SET", names[b"key"], garbage)
        errors = redis.errors
        assert await redis.get("key") is None, garbage
        assert redis.errors == errors + 1
    server.command(b"SET", names[b"key"], stored)
    assert await redis.get("key") == b"value"


@needs_private
@pytest.mark.usefixtures("patient")
async def test_a_value_of_another_kind_is_a_miss(server: PrivateRedis, redis: RedisCache) -> None:
    await redis.set("key", b"value", 60.0)
    (stored,) = server.stored_keys()
    server.command(b"DEL", stored)
    server.command(b"LPUSH", stored, b"a", b"b")
    assert await redis.get("key") is None
    await redis.set("key", b"value", 60.0)
    assert await redis.get("key") == b"value"


@needs_private
@pytest.mark.usefixtures("patient")
async def test_flushed_means_filled_again(server: PrivateRedis, redis: RedisCache) -> None:
    ledger = Ledger()
    cache = ReadCache(ledger.generations, redis)
    await check_answers(cache, ledger)
    fills = ledger.fills
    server.command(b"FLUSHALL")
    assert await cache.read("events", "key", ledger.read) == b"%d" % ledger.value
    assert (ledger.fills, cache.errors) == (fills + 1, 0)


@needs_private
async def test_hung_costs_a_bounded_time_and_then_none(
    server: PrivateRedis, redis: RedisCache, clock: FakeClock
) -> None:
    ledger = Ledger()
    cache = ReadCache(ledger.generations, redis)
    await check_answers(cache, ledger)
    with capture_logs() as logs:
        before = redis.errors
        server.hang()
        for number in range(FAILURES_MAX):
            began = time.monotonic()
            assert await redis.get("key") is None
            assert time.monotonic() - began < CALL_TIMEOUT_S + SLACK_S
            assert redis.errors == before + number + 1
        began = time.monotonic()
        for _ in range(20):
            await check_answers(cache, ledger)
        assert time.monotonic() - began < CALL_TIMEOUT_S + SLACK_S
        assert redis.errors == before + FAILURES_MAX, "an open breaker lets nothing through"
        server.resume()
        await clock.advance(OPEN_S)
        await check_answers(cache, ledger)
    assert [entry["log_level"] for entry in logs] == ["warning", "info"], "once each, not at every call"
    fills = ledger.fills
    await cache.read("events", "key", ledger.read)
    assert ledger.fills == fills, "after the probe the cache is in use again"


@needs_private
async def test_hung_under_many_callers_is_bounded_for_each(server: PrivateRedis, redis: RedisCache) -> None:
    await asyncio.gather(*(redis.set(str(n), b"value", 60.0) for n in range(CONNECTIONS_MAX)))
    server.hang()
    began = time.monotonic()
    answers = await asyncio.gather(*(redis.get(str(n)) for n in range(CONNECTIONS_MAX * 10)))
    assert time.monotonic() - began < CALL_TIMEOUT_S + SLACK_S
    assert set(answers) == {None}
    server.resume()


@needs_private
async def test_a_late_reply_never_answers_another_key(
    server: PrivateRedis, redis: RedisCache, clock: FakeClock
) -> None:
    """The classic leak: a reply that comes after its reader has left is read by the next one."""
    keys = [f"key-{n}" for n in range(CONNECTIONS_MAX)]
    for key in keys:
        await redis.set(key, key.encode(), 60.0)
    for _ in range(3):
        server.hang()
        await asyncio.gather(*(redis.get(key) for key in keys))
        server.resume()
        await clock.advance(OPEN_S)
        for key in reversed(keys):
            assert await redis.get(key) in (key.encode(), None)
    assert await redis.get(keys[0]) == keys[0].encode()


@needs_private
async def test_hung_at_the_end_does_not_hold_up_the_close(server: PrivateRedis, clock: FakeClock) -> None:
    redis = RedisCache(server.host, server.port, clock=clock)
    await redis.set("key", b"value", 60.0)
    server.hang()
    began = time.monotonic()
    await redis.close()
    assert time.monotonic() - began < CALL_TIMEOUT_S + SLACK_S


@needs_private
async def test_killed_and_started_again(server: PrivateRedis, redis: RedisCache, clock: FakeClock) -> None:
    ledger = Ledger()
    cache = ReadCache(ledger.generations, redis)
    await check_answers(cache, ledger)
    server.kill()
    before = redis.errors
    began = time.monotonic()
    for _ in range(20):
        await check_answers(cache, ledger)
    assert time.monotonic() - began < FAILURES_MAX * CALL_TIMEOUT_S + SLACK_S
    errors = redis.errors
    assert errors <= before + FAILURES_MAX
    await clock.advance(OPEN_S)
    await check_answers(cache, ledger)
    assert redis.errors == errors + 1, "one probe, and the breaker is open again"
    server.start()
    await check_answers(cache, ledger)
    assert redis.errors == errors + 1, "not asked before its time"
    await clock.advance(OPEN_S)
    await check_answers(cache, ledger)
    assert redis.errors == errors + 1
    assert server.stored_keys() != []


@needs_private
async def test_only_one_call_probes(server: PrivateRedis, redis: RedisCache, clock: FakeClock) -> None:
    server.hang()
    for _ in range(FAILURES_MAX):
        await redis.get("key")
    await clock.advance(OPEN_S)
    await asyncio.gather(*(redis.get("key") for _ in range(20)))
    assert redis.errors == FAILURES_MAX + 1
    server.resume()


@pytest.mark.usefixtures("patient")
async def test_nobody_there_at_all(clock: FakeClock) -> None:
    """A port where nobody listens any more refuses every connection."""
    ledger = Ledger()
    reserved = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0)
    port: int = reserved.sockets[0].getsockname()[1]
    reserved.close()
    await reserved.wait_closed()
    redis = RedisCache("127.0.0.1", port, clock=clock)
    cache = ReadCache(ledger.generations, redis)
    await check_answers(cache, ledger)
    assert redis.errors == FAILURES_MAX
    await cache.close()


@pytest.mark.parametrize("reply", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"$5\r\nab", b"$-9\r\n", b"\xff\xfe\r\n", b""])
async def test_something_else_answers_at_that_port(reply: bytes, clock: FakeClock) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(reply)
        await writer.drain()
        writer.close()

    impostor = await asyncio.start_server(answer, "127.0.0.1", 0)
    ledger = Ledger()
    redis = RedisCache("127.0.0.1", impostor.sockets[0].getsockname()[1], clock=clock)
    cache = ReadCache(ledger.generations, redis)
    await check_answers(cache, ledger)
    assert redis.errors >= FAILURES_MAX
    await cache.close()
    impostor.close()
    await impostor.wait_closed()
