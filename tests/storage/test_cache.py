"""The read-through cache: memory bounds, one fill for all, failures, cancelling, and no stale answer ever."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Literal

import pytest

from engine.errors import StorageClosed
from engine.storage.cache import ENTRY_OVERHEAD_BYTES, CacheBackend, MemoryCache, ReadCache
from engine.storage.port import Generations
from tests.fakes.clock import FakeClock, settle


class Fill:
    """A fill that finishes when the test says so, and counts how often it was asked."""

    def __init__(self) -> None:
        self.calls: list[asyncio.Future[bytes]] = []

    async def __call__(self) -> bytes:
        call: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self.calls.append(call)
        return await call


def answering(value: bytes) -> Callable[[], Awaitable[bytes]]:
    async def fill() -> bytes:
        return value

    return fill


async def unexpected() -> bytes:
    raise AssertionError("the database was read although the cache has the answer")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def generations() -> Generations:
    return Generations()


@pytest.fixture
def memory(clock: FakeClock) -> MemoryCache:
    return MemoryCache(clock)


@pytest.fixture
def cache(generations: Generations, memory: MemoryCache) -> ReadCache:
    return ReadCache(generations, memory)


# --- memory ---------------------------------------------------------------------------------------------------------


async def test_memory_gives_back_what_was_set_until_it_expires(clock: FakeClock, memory: MemoryCache) -> None:
    await memory.set("key", b"value", 60.0)
    await clock.advance(59.9)
    assert await memory.get("key") == b"value"
    await clock.advance(0.1)
    assert await memory.get("key") is None
    assert memory.bytes_used == 0


async def test_memory_expiry_does_not_look_at_the_wall_clock(clock: FakeClock, memory: MemoryCache) -> None:
    await memory.set("key", b"value", 60.0)
    await clock.step(86_400)
    assert await memory.get("key") == b"value"


async def test_the_least_recently_used_goes_first(clock: FakeClock) -> None:
    memory = MemoryCache(clock, bytes_max=3 * (ENTRY_OVERHEAD_BYTES + 11))
    for key in "abc":
        await memory.set(key, b"0123456789", 60.0)
    assert await memory.get("a") is not None
    await memory.set("d", b"0123456789", 60.0)
    assert [key for key in "abcd" if await memory.get(key)] == ["a", "c", "d"]


async def test_memory_never_holds_more_than_its_bound(clock: FakeClock) -> None:
    rng = random.Random(7)
    memory = MemoryCache(clock, bytes_max=20_000, entry_bytes_max=5_000)
    for _ in range(2_000):
        await memory.set(str(rng.randrange(50)), bytes(rng.randrange(6_000)), 60.0)
        assert 0 < memory.bytes_used <= 20_000
        kept = [(key, await memory.get(key)) for key in map(str, range(50))]
        held = sum(len(key) + len(value) + ENTRY_OVERHEAD_BYTES for key, value in kept if value is not None)
        assert held == memory.bytes_used


async def test_an_entry_too_large_is_not_kept_and_removes_the_old_one(clock: FakeClock) -> None:
    memory = MemoryCache(clock, entry_bytes_max=1_000)
    await memory.set("other", b"kept", 60.0)
    await memory.set("key", b"small", 60.0)
    await memory.set("key", bytes(1_000), 60.0)
    assert await memory.get("key") is None
    assert await memory.get("other") == b"kept"


async def test_close_empties_the_memory(memory: MemoryCache) -> None:
    await memory.set("key", b"value", 60.0)
    await memory.close()
    await memory.close()
    assert await memory.get("key") is None
    assert memory.bytes_used == 0


# --- reading --------------------------------------------------------------------------------------------------------


async def test_the_second_read_is_a_hit(cache: ReadCache) -> None:
    assert await cache.read("events", "page=1", answering(b"[]")) == b"[]"
    assert await cache.read("events", "page=1", unexpected) == b"[]"
    assert (cache.hits, cache.misses, cache.errors) == (1, 1, 0)


async def test_an_empty_answer_is_an_answer(cache: ReadCache) -> None:
    assert await cache.read("events", "none", answering(b"")) == b""
    assert await cache.read("events", "none", unexpected) == b""


async def test_keys_and_scopes_are_apart(cache: ReadCache) -> None:
    assert await cache.read("events", "1", answering(b"event")) == b"event"
    assert await cache.read("triggers", "1", answering(b"trigger")) == b"trigger"
    assert await cache.read("events", "2", answering(b"other")) == b"other"
    assert await cache.read("triggers", "1", unexpected) == b"trigger"


@pytest.mark.parametrize(("moved", "other"), [("events", "triggers"), ("triggers", "events")])
async def test_a_write_makes_its_scope_read_again(
    cache: ReadCache,
    generations: Generations,
    moved: Literal["triggers", "events"],
    other: Literal["triggers", "events"],
) -> None:
    await cache.read(moved, "key", answering(b"old"))
    await cache.read(other, "key", answering(b"kept"))
    setattr(generations, moved, 1)
    assert await cache.read(moved, "key", answering(b"new")) == b"new"
    assert await cache.read(other, "key", unexpected) == b"kept"


async def test_answers_expire(clock: FakeClock, generations: Generations, memory: MemoryCache) -> None:
    cache = ReadCache(generations, memory, ttl_s=5.0)
    await cache.read("events", "key", answering(b"first"))
    await clock.advance(5.0)
    assert await cache.read("events", "key", answering(b"second")) == b"second"


async def test_nothing_of_another_process_is_read(generations: Generations, memory: MemoryCache) -> None:
    await ReadCache(generations, memory).read("events", "key", answering(b"of the process before"))
    assert await ReadCache(generations, memory).read("events", "key", answering(b"own")) == b"own"


# --- one fill for all -----------------------------------------------------------------------------------------------


async def test_a_thousand_misses_are_one_fill(cache: ReadCache) -> None:
    fill = Fill()
    readers = [asyncio.ensure_future(cache.read("events", "key", fill)) for _ in range(1_000)]
    await settle()
    (call,) = fill.calls
    call.set_result(b"once")
    assert await asyncio.gather(*readers) == [b"once"] * 1_000
    assert (cache.hits, cache.misses) == (0, 1_000)


async def test_a_reader_after_a_write_does_not_join_the_fill_before_it(
    cache: ReadCache, generations: Generations
) -> None:
    before, after = Fill(), Fill()
    first = asyncio.ensure_future(cache.read("events", "key", before))
    await settle()
    generations.events += 1
    second = asyncio.ensure_future(cache.read("events", "key", after))
    await settle()
    assert len(after.calls) == 1
    after.calls[0].set_result(b"new")
    before.calls[0].set_result(b"old")
    assert list(await asyncio.gather(first, second)) == [b"old", b"new"]
    assert await cache.read("events", "key", unexpected) == b"new"


async def test_a_fill_overtaken_by_a_write_is_not_kept(
    cache: ReadCache, generations: Generations, memory: MemoryCache
) -> None:
    fill = Fill()
    reader = asyncio.ensure_future(cache.read("events", "key", fill))
    await settle()
    generations.events += 1
    fill.calls[0].set_result(b"old")
    assert await reader == b"old"
    assert memory.bytes_used == 0


async def test_a_failure_reaches_everybody_and_leaves_nothing(cache: ReadCache) -> None:
    fill = Fill()
    readers = [asyncio.ensure_future(cache.read("events", "key", fill)) for _ in range(3)]
    await settle()
    fill.calls[0].set_exception(LookupError("gone"))
    results = await asyncio.gather(*readers, return_exceptions=True)
    assert [type(result) for result in results] == [LookupError] * 3
    assert await cache.read("events", "key", answering(b"recovered")) == b"recovered"


async def test_a_reader_that_gives_up_does_not_take_the_others_along(cache: ReadCache) -> None:
    fill = Fill()
    readers = [asyncio.ensure_future(cache.read("events", "key", fill)) for _ in range(3)]
    await settle()
    readers[0].cancel()
    await settle()
    fill.calls[0].set_result(b"answer")
    results = await asyncio.gather(*readers, return_exceptions=True)
    assert isinstance(results[0], asyncio.CancelledError)
    assert results[1:] == [b"answer", b"answer"]
    assert len(fill.calls) == 1


async def test_a_fill_that_nobody_waits_for_any_more_is_kept(cache: ReadCache) -> None:
    fill = Fill()
    reader = asyncio.ensure_future(cache.read("events", "key", fill))
    await settle()
    reader.cancel()
    await settle()
    fill.calls[0].set_result(b"answer")
    await settle()
    assert await cache.read("events", "key", unexpected) == b"answer"


async def test_a_failure_that_nobody_waits_for_is_not_reported_as_lost(cache: ReadCache) -> None:
    lost: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: lost.append(context))
    fill = Fill()
    reader = asyncio.ensure_future(cache.read("events", "key", fill))
    await settle()
    reader.cancel()
    await settle()
    fill.calls.pop().set_exception(LookupError("gone"))
    await settle()
    assert lost == []


# --- closing --------------------------------------------------------------------------------------------------------


async def test_readers_that_wait_are_told(cache: ReadCache) -> None:
    fill = Fill()
    readers = [asyncio.ensure_future(cache.read("events", "key", fill)) for _ in range(2)]
    await settle()
    await cache.close()
    results = await asyncio.gather(*readers, return_exceptions=True)
    assert [type(result) for result in results] == [StorageClosed] * 2


async def test_a_fill_that_has_not_begun_is_stopped_too(cache: ReadCache) -> None:
    reader = asyncio.ensure_future(cache.read("events", "key", unexpected))
    await asyncio.sleep(0)  # the reader has asked, the fill's task has not had its turn
    await cache.close()
    with pytest.raises(StorageClosed):
        await reader


async def test_a_cancelled_reader_stays_cancelled(cache: ReadCache) -> None:
    reader = asyncio.ensure_future(cache.read("events", "key", Fill()))
    await settle()
    reader.cancel()
    await cache.close()
    with pytest.raises(asyncio.CancelledError):
        await reader


async def test_closed_is_closed_and_twice_is_harmless(cache: ReadCache) -> None:
    await cache.read("events", "key", answering(b"answer"))
    await cache.close()
    await cache.close()
    with pytest.raises(StorageClosed):
        await cache.read("events", "key", answering(b"answer"))


class SlowBackend(CacheBackend):
    """A backend over a network, as far as order goes: every call suspends until the test lets it go on."""

    def __init__(self) -> None:
        self.errors = 0
        self.entries: dict[str, bytes] = {}
        self.held: list[asyncio.Future[None]] = []

    def peek(self, key: str) -> bytes | None:
        return None

    async def get(self, key: str) -> bytes | None:
        await self._hold()
        return self.entries.get(key)

    async def set(self, key: str, value: bytes, ttl_s: float) -> None:
        await self._hold()
        self.entries[key] = value

    async def close(self) -> None:
        self.entries.clear()

    async def _hold(self) -> None:
        gate: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.held.append(gate)
        await gate


class Register:
    """A database of one number, with the store's order: commit, then the generation, then the writer is told.

    A read takes its snapshot at a moment of its own between its start and its end.
    """

    def __init__(self, generations: Generations) -> None:
        self.committed = 0
        self.acknowledged = 0
        self.steps: list[Callable[[], None]] = []
        """What may happen next: snapshots to be taken, results to be returned, writes to be moved on."""
        self._generations = generations

    async def read(self) -> bytes:
        loop = asyncio.get_running_loop()
        snapshot: asyncio.Future[None] = loop.create_future()
        self.steps.append(lambda: snapshot.set_result(None))
        await snapshot
        seen = self.committed
        returned: asyncio.Future[None] = loop.create_future()
        self.steps.append(lambda: returned.set_result(None))
        await returned
        return b"%d" % seen

    def begin_write(self) -> None:
        self.steps.append(self._commit)

    def _commit(self) -> None:
        self.committed += 1
        value = self.committed
        self.steps.append(lambda: self._move(value))

    def _move(self, value: int) -> None:
        self._generations.events += 1
        self.steps.append(lambda: self._acknowledge(value))

    def _acknowledge(self, value: int) -> None:
        self.acknowledged = max(self.acknowledged, value)


async def stale_reads(make_cache: Callable[[Generations], tuple[ReadCache, CacheBackend]], seed: int) -> int:
    """Run one random interleaving; returns how many reads gave less than was acknowledged when they began."""
    rng = random.Random(seed)
    generations = Generations()
    cache, backend = make_cache(generations)
    register = Register(generations)
    reads: list[tuple[int, asyncio.Future[bytes]]] = []

    def choices() -> list[Callable[[], None]]:
        held = backend.held if isinstance(backend, SlowBackend) else []
        return [lambda: held.pop(rng.randrange(len(held))).set_result(None)] * len(held) + [
            lambda: register.steps.pop(rng.randrange(len(register.steps)))()
        ] * len(register.steps)

    for _ in range(60):
        action = rng.random()
        if action < 0.3:
            reads.append((register.acknowledged, asyncio.ensure_future(cache.read("events", "key", register.read))))
        elif action < 0.4:
            register.begin_write()
        elif possible := choices():
            rng.choice(possible)()
        await settle(rng.choice((0, 1, 2, 6)))
    await settle()
    while possible := choices():
        rng.choice(possible)()
        await settle(6)
    answers = await asyncio.gather(*(answer for _, answer in reads))
    await cache.close()
    return sum(int(answer) < floor for (floor, _), answer in zip(reads, answers, strict=True))


def over_memory(generations: Generations) -> tuple[ReadCache, CacheBackend]:
    backend = MemoryCache(FakeClock())
    return ReadCache(generations, backend), backend


def over_network(generations: Generations) -> tuple[ReadCache, CacheBackend]:
    backend = SlowBackend()
    return ReadCache(generations, backend), backend


def without_generations(generations: Generations) -> tuple[ReadCache, CacheBackend]:
    """The rule broken on purpose: a cache that never hears of a write."""
    return over_memory(Generations())


# --- no stale answer: no read that begins after a write was acknowledged gives less than that write -----------------


@pytest.mark.parametrize("make_cache", [over_memory, over_network])
async def test_no_stale_answer_over_random_interleavings(
    make_cache: Callable[[Generations], tuple[ReadCache, CacheBackend]],
) -> None:
    for seed in range(400):
        assert await stale_reads(make_cache, seed) == 0, f"seed {seed}"


async def test_the_interleavings_see_a_broken_cache() -> None:
    assert sum([await stale_reads(without_generations, seed) for seed in range(20)]) > 0
