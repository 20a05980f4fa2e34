"""The cache in Redis. Redis may hang, die, lose or garble everything: that costs speed, never an answer.

redis-py retries by default, which turns a timeout of 50 ms into one of seconds; here it never does. What bounds a
call is one timeout around the whole of it, and what bounds many calls is a breaker.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import secrets
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.maint_notifications import MaintNotificationsConfig

from engine.clock import Clock
from engine.storage.cache import ENTRY_BYTES_MAX, CacheBackend

CONNECT_TIMEOUT_S = 0.05
SOCKET_TIMEOUT_S = 0.05
CALL_TIMEOUT_S = 0.1
"""For a whole call: the wait for a connection, connecting, sending and reading."""
CONNECTIONS_MAX = 8
FAILURES_MAX = 3
"""Failures in a row that open the breaker."""
OPEN_S = 5.0
"""How long Redis is then left alone, before one call probes it."""

_KEY_PREFIX = "event-trigger-engine:"
_DIGEST_BYTES = 16

log = structlog.get_logger(__name__)

Answer = TypeVar("Answer")


class RedisCache(CacheBackend):
    """A cache backend over one Redis server. Nothing is connected before the first call."""

    def __init__(self, host: str, port: int, *, clock: Clock) -> None:
        self.errors = 0
        self._address = f"{host}:{port}"
        self._secret = secrets.token_bytes(32)
        self._breaker = _Breaker(clock, self._address)
        self._connections = asyncio.Semaphore(CONNECTIONS_MAX)
        self._client = Redis(
            host=host,
            port=port,
            retry=Retry(NoBackoff(), 0),
            socket_connect_timeout=CONNECT_TIMEOUT_S,
            socket_timeout=SOCKET_TIMEOUT_S,
            max_connections=CONNECTIONS_MAX,
            # The old protocol needs no handshake, so a connection is ready as soon as it stands.
            protocol=2,
            driver_info=None,
            maint_notifications_config=MaintNotificationsConfig(enabled=False),
        )

    def peek(self, key: str) -> bytes | None:
        """Nothing is known without asking Redis."""
        return None

    async def get(self, key: str) -> bytes | None:
        """What this object set under `key`. Anything else that lies there is a miss, and counted as an error."""
        found = await self._call(lambda: self._client.get(_KEY_PREFIX + key))
        if found is None:
            return None
        value = found[_DIGEST_BYTES:] if isinstance(found, bytes) else b""
        if not isinstance(found, bytes) or found[:_DIGEST_BYTES] != self._digest(key, value):
            self.errors += 1
            return None
        return value

    async def set(self, key: str, value: bytes, ttl_s: float) -> None:
        """Keep it if Redis takes it in time. Answers over ENTRY_BYTES_MAX are not sent at all."""
        if len(value) <= ENTRY_BYTES_MAX:
            entry = self._digest(key, value) + value
            await self._call(lambda: self._client.set(_KEY_PREFIX + key, entry, px=max(1, round(ttl_s * 1000))))

    async def close(self) -> None:
        # A server that hangs does not answer a goodbye either; the sockets are closed on our side all the same.
        with contextlib.suppress(Exception):
            async with asyncio.timeout(CALL_TIMEOUT_S):
                await self._client.aclose()

    def _digest(self, key: str, value: bytes) -> bytes:
        """Ties a value to its key and to this object, which a plain checksum of the value would not."""
        digest = hashlib.blake2b(key.encode(), digest_size=_DIGEST_BYTES, key=self._secret)
        digest.update(b"\0")
        digest.update(value)
        return digest.digest()

    async def _call(self, command: Callable[[], Awaitable[Answer]]) -> Answer | None:
        """Run one command within CALL_TIMEOUT_S, if the breaker lets it. None when it fails, whatever the failure."""
        if not self._breaker.admit():
            return None
        succeeded: bool | None = None
        try:
            async with asyncio.timeout(CALL_TIMEOUT_S), self._connections:
                succeeded = False
                answer = await command()
                succeeded = True
                return answer
        except Exception as error:
            # The client raises its own errors, the socket's, and ValueError for an answer it cannot read.
            self.errors += 1
            self._breaker.fault = f"{type(error).__name__}: {error}".rstrip(": ")
            return None
        finally:
            self._breaker.settle(succeeded)


class _Breaker:
    """Closed: every call goes through. Open: none. After OPEN_S one call probes, and its outcome decides."""

    def __init__(self, clock: Clock, address: str) -> None:
        self.fault = ""
        """What the last failure was, for the log."""
        self._monotonic = clock.monotonic
        self._address = address
        self._failures = 0
        self._open_until: float | None = None
        self._probing = False

    def admit(self) -> bool:
        """Whether a call may be made now. Each True is followed by one `settle`."""
        if self._open_until is None:
            return True
        if self._probing or self._monotonic() < self._open_until:
            return False
        self._probing = True
        return True

    def settle(self, succeeded: bool | None) -> None:
        """Take note of how an admitted call ended. None: it never got a connection, which says nothing of Redis."""
        self._probing = False
        if succeeded is None:
            return
        if succeeded:
            if self._open_until is not None:
                log.info("redis answers again", address=self._address)
            self._failures, self._open_until = 0, None
            return
        self._failures += 1
        if self._failures >= FAILURES_MAX:
            if self._open_until is None:
                log.warning("redis fails; the engine does without it", address=self._address, error=self.fault)
            self._open_until = self._monotonic() + OPEN_S
