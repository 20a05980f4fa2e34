"""From an event to the request that goes on the wire, and which methods and headers a target may ask for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Literal, TypeAlias, get_args

from engine import __version__
from engine.delivery.address import check_url, read_url
from engine.errors import FieldError, InvalidInput
from engine.model.delivery import Request
from engine.model.event import Event
from engine.model.instant import EPOCH

__all__ = ["HEADERS_MAX", "METHODS", "Method", "build_request", "check_headers", "check_method", "check_url"]

Method: TypeAlias = Literal["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"]
METHODS: tuple[str, ...] = get_args(Method)
HEADERS_MAX = 50
HEADERS_BYTES_MAX = 8_192
"""Of all names and values together."""

USER_AGENT = f"event-trigger-engine/{__version__}"

# RFC 9110, section 5.6.2.
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
# RFC 9110, section 5.5, without obs-text: bytes beyond ASCII mean something else to every receiver.
_VALUE = re.compile(r"(?:[\x21-\x7e](?:[\x20-\x7e\t]*[\x21-\x7e])?)?")
# Ours to set, because they frame the message, belong to the connection or are signed. Somebody else's
# Transfer-Encoding next to our Content-Length would let one request pass for two.
_REFUSED = frozenset(
    {"host", "content-length", "transfer-encoding", "connection", "upgrade", "expect", "trailer", "cookie"}
)
_REFUSED_PREFIXES = ("proxy-", "webhook-", "ce-")


def check_method(method: str, field: str = "target.method") -> None:
    """Raise InvalidInput naming `field` unless `method` is one of METHODS, in capitals."""
    if method not in METHODS:
        raise InvalidInput.of(field, method, f"one of {', '.join(METHODS)}")


def check_headers(headers: Mapping[str, str], field: str = "target.headers") -> None:
    """Raise InvalidInput with every header of `headers` that cannot be sent."""
    errors: list[FieldError] = []

    def refuse(where: str, value: object, allowed: str) -> None:
        errors.append(FieldError(field=where, value=value, allowed=allowed))

    if len(headers) > HEADERS_MAX:
        refuse(field, len(headers), f"at most {HEADERS_MAX} headers")
    size = sum(len(name) + len(value) for name, value in headers.items())
    if size > HEADERS_BYTES_MAX:
        refuse(field, size, f"at most {HEADERS_BYTES_MAX:,} bytes of names and values together")
    seen: set[str] = set()
    for name, value in headers.items():
        lower = name.lower()
        if not _TOKEN.fullmatch(name):
            refuse(field, name, "names of letters, digits and !#$%&'*+-.^_`|~")
        elif lower in _REFUSED or lower.startswith(_REFUSED_PREFIXES):
            refuse(f"{field}.{name}", value, "a header that the engine does not set or refuse itself")
        elif lower in seen:
            refuse(f"{field}.{name}", value, "each name once; names that differ only in case are the same")
        elif not _VALUE.fullmatch(value):
            refuse(
                f"{field}.{name}",
                value,
                "visible ASCII characters, spaces and tabs between them, no white space at the ends",
            )
        seen.add(lower)
    if errors:
        raise InvalidInput(*errors)


def build_request(event: Event, attempt_number: int, now: datetime) -> Request:
    """The request of attempt `attempt_number` (1, 2, 3 ...) to deliver `event`, made at `now`.

    `Host` and `Content-Length` are added by the transport; all other headers are in it. Only the timestamp differs
    between the attempts of one event. Raises InvalidInput when the target could never be called, ValueError when
    there is none.
    """
    if event.target is None:
        raise ValueError(f"event {event.id} has no target, so attempt {attempt_number} cannot be made")
    check_method(event.target.method)
    body = None if event.payload is None else event.payload.encode("utf-8")
    ours = {
        # Standard Webhooks 1.0: whole seconds, of the attempt.
        "webhook-id": event.message_id,
        "webhook-timestamp": str(int((now - EPOCH).total_seconds())),
        "User-Agent": USER_AGENT,
        # The response is kept as it came, so it has to come readable.
        "Accept-Encoding": "identity",
    }
    if body is not None:
        ours["Content-Type"] = "application/json"
    chosen = {name.lower() for name, _ in event.target.headers}
    headers = [(name, value) for name, value in ours.items() if name.lower() not in chosen]
    return Request(
        method=event.target.method,
        url=read_url(event.target.url).url,
        headers=(*headers, *event.target.headers),
        body=body,
        timeout_ms=event.target.timeout_ms,
    )
