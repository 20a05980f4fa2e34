"""How long each stage of one exchange took, told by aiohttp's own signals."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import aiohttp

from engine.clock import Clock
from engine.model.delivery import Timing


class Stopwatch:
    """Marks of one exchange, in monotonic seconds; None for what has not happened."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._started = clock.monotonic()
        self.resolving: float | None = None
        self.resolved: float | None = None
        self.connecting: float | None = None
        self.connected: float | None = None
        self.reused = False
        """Whether a connection kept from an earlier exchange was taken."""
        self.sent: float | None = None
        """When the last part of the request was handed to the socket."""
        self.answered: float | None = None
        """When status and headers of the answer were there."""

    def mark(self, name: str) -> None:
        """Note that `name` (an attribute above) happened now; a later mark of the same name counts."""
        setattr(self, name, self._clock.monotonic())

    @property
    def connect_ms(self) -> float | None:
        """How long connecting took, without resolving; None unless there is a connection made for this exchange."""
        return self._connecting_ms(self.connected) if self.connected is not None else None

    def timing(self) -> Timing:
        """The stages until now. One that began and did not end has lasted until now; later ones are None."""
        now = self._clock.monotonic()
        dns_ms = connect_ms = wait_ms = body_ms = None
        if self.resolving is not None:
            dns_ms = _ms(self.resolving, self.resolved or now)
        if self.connecting is not None and (self.resolving is None or self.resolved is not None):
            connect_ms = self._connecting_ms(self.connected or now)
        if self.sent is not None:
            # An answer may overtake a large body that is still being sent.
            wait_ms = _ms(self.sent, now) if self.answered is None else max(_ms(self.sent, self.answered), 0.0)
        if self.answered is not None:
            body_ms = _ms(self.answered, now)
        return Timing(
            dns_ms=dns_ms,
            connect_ms=connect_ms,
            wait_ms=wait_ms,
            body_ms=body_ms,
            total_ms=_ms(self._started, now),
        )

    def _connecting_ms(self, until: float) -> float | None:
        return None if self.connecting is None else _ms(self.resolved or self.connecting, until)


def _ms(start: float, end: float) -> float:
    return round((end - start) * 1000, 3)


def trace_config() -> aiohttp.TraceConfig:
    """Signals that mark the Stopwatch given to a request as its `trace_request_ctx`."""
    config = aiohttp.TraceConfig()
    config.on_dns_resolvehost_start.append(_marking("resolving"))
    config.on_dns_resolvehost_end.append(_marking("resolved"))
    config.on_connection_create_start.append(_marking("connecting"))
    config.on_connection_create_end.append(_marking("connected"))
    config.on_request_headers_sent.append(_marking("sent"))
    config.on_request_chunk_sent.append(_marking("sent"))

    async def reused(_session: aiohttp.ClientSession, context: SimpleNamespace, _params: object) -> None:
        context.trace_request_ctx.reused = True

    config.on_connection_reuseconn.append(reused)
    return config


def _marking(name: str) -> Callable[[aiohttp.ClientSession, SimpleNamespace, Any], Awaitable[None]]:
    async def mark(_session: aiohttp.ClientSession, context: SimpleNamespace, _params: object) -> None:
        context.trace_request_ctx.mark(name)

    return mark
