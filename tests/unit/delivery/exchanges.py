"""Requests for the tests of the transport, and what is to hold of every exchange that failed."""

from __future__ import annotations

from engine.model.delivery import Exchange, Outcome, Request

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
HEADERS = (("webhook-id", "msg_1"), ("Content-Type", "application/json"), ("X-Own", "a b"))


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
