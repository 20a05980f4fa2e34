"""Attempts to deliver an event, and how they ended. Outcomes are data: a timeout is not an exception."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from engine.model.event import EventStatus
from engine.model.instant import require_aware

RESPONSE_BYTES_MAX = 65_536
"""How much of a response body is kept; the rest is not read."""


class Outcome(StrEnum):
    """How an attempt ended."""

    SUCCEEDED = "succeeded"
    BAD_STATUS = "bad_status"
    """An answer came, and it does not count as success."""
    TIMEOUT = "timeout"
    DNS_ERROR = "dns_error"
    CONNECTION_ERROR = "connection_error"
    TLS_ERROR = "tls_error"
    PROTOCOL_ERROR = "protocol_error"
    """The answer was not HTTP, or broke off."""
    INVALID_REQUEST = "invalid_request"
    """The request could not be built; trying again would not help."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """A request as it goes on the wire."""

    method: str
    url: str
    headers: tuple[tuple[str, str], ...]
    body: bytes | None
    timeout_ms: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Response:
    """A response as it came."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    """At most RESPONSE_BYTES_MAX, not decompressed."""
    truncated: bool
    """True when there was more than was kept."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Timing:
    """Milliseconds by stage; None for a stage that was not reached or not needed (a kept-alive connection)."""

    dns_ms: float | None = None
    connect_ms: float | None = None
    """TCP, and TLS where there is any."""
    wait_ms: float | None = None
    """From the request sent to the first byte of the answer."""
    body_ms: float | None = None
    total_ms: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Exchange:
    """What one attempt gave, whatever happened. This is all a transport returns."""

    request: Request
    outcome: Outcome
    response: Response | None = None
    error: str | None = None
    """One sentence for a person when there was no usable answer."""
    timing: Timing


@dataclass(frozen=True, kw_only=True, slots=True)
class Attempt:
    """A recorded attempt. `exchange.request.body` is not stored with it: it is the event's payload."""

    event_id: int
    number: int
    """1, 2, 3 ..."""
    started_at: datetime
    exchange: Exchange

    def __post_init__(self) -> None:
        require_aware(started_at=self.started_at)


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What an attempt means for its event; written in the same transaction as the attempt."""

    status: EventStatus
    reason: str | None
    details: str
    finished_at: datetime | None
    next_attempt_at: datetime | None

    def __post_init__(self) -> None:
        require_aware(finished_at=self.finished_at, next_attempt_at=self.next_attempt_at)
