"""What went wrong, as an outcome and one sentence for a person."""

from __future__ import annotations

import errno
import os
import ssl

import aiohttp

from engine.delivery.address import Origin
from engine.delivery.stopwatch import Stopwatch
from engine.delivery.wording import elapsed
from engine.model.delivery import Outcome, Response

_SENTENCE_MAX = 200
"""Characters of a text that came from elsewhere."""


class ConnectionLost(aiohttp.ClientError):
    """The connection broke after it was made and before an answer came. Its cause says how.

    aiohttp would take the error underneath as a reason to send an idempotent request again, within the same call.
    """


def explain(error: Exception, origin: Origin, watch: Stopwatch, partial: Response | None) -> tuple[Outcome, str]:
    """The outcome that `error` stands for, and a sentence. `partial` is what had come of an answer."""
    peer = shown(origin)
    if partial is not None:
        return Outcome.PROTOCOL_ERROR, f"{peer} broke off its answer ({partial.status}) in the middle of the body."
    match error:
        case ConnectionLost():
            return Outcome.CONNECTION_ERROR, _lost(error, peer, watch)
        case aiohttp.ClientConnectorDNSError():
            return Outcome.DNS_ERROR, f"The name {origin.host} does not resolve{_because(error.os_error)}."
        case aiohttp.ClientConnectorCertificateError():
            return Outcome.TLS_ERROR, f"The certificate of {peer} is not valid{_because(error.certificate_error)}."
        case aiohttp.ClientSSLError() | ssl.SSLError():
            return Outcome.TLS_ERROR, f"TLS with {peer} failed{_because(error)}."
        case aiohttp.ClientOSError() | aiohttp.ClientConnectionError() | OSError():
            return Outcome.CONNECTION_ERROR, _not_connected(error, peer)
        case aiohttp.ClientResponseError():
            return Outcome.PROTOCOL_ERROR, f"The answer of {peer} is not valid HTTP: {_one_line(error.message)}."
        case aiohttp.InvalidURL() | aiohttp.NonHttpUrlClientError():
            return Outcome.INVALID_REQUEST, f"The URL cannot be called: {_one_line(str(error))}."
        case ValueError():
            return Outcome.INVALID_REQUEST, f"The request cannot be sent: {_one_line(str(error))}."
        case _:
            return Outcome.PROTOCOL_ERROR, f"The answer of {peer} could not be read: {_one_line(str(error))}."


def explain_timeout(timeout_ms: int, origin: Origin, watch: Stopwatch, partial: Response | None) -> str:
    """A sentence that says how far it came within the limit."""
    limit = elapsed(timeout_ms)
    if partial is not None:
        return (
            f"The answer ({partial.status}) was not complete within {limit}; "
            f"{len(partial.body):,} bytes of its body came."
        )
    if watch.reused:
        return f"No answer within {limit}, on a connection kept from an earlier request."
    if watch.connect_ms is not None:
        return f"No answer within {limit}; the connection was made after {elapsed(watch.connect_ms)}."
    if watch.resolving is not None and watch.resolved is None:
        return f"The name {origin.host} was not resolved within {limit}."
    return f"No connection to {shown(origin)} within {limit}."


def shown(origin: Origin) -> str:
    """Host and port, as in `127.0.0.1:9` or `[::1]:9`."""
    host = f"[{origin.host}]" if ":" in origin.host else origin.host
    return f"{host}:{origin.port}"


def _lost(error: ConnectionLost, peer: str, watch: Stopwatch) -> str:
    verb = "reset" if isinstance(error.__cause__, OSError) else "closed"
    if watch.reused:
        return f"{peer} {verb} a connection kept from an earlier request before it answered."
    return f"{peer} {verb} the connection before it answered."


def _not_connected(error: Exception, peer: str) -> str:
    cause = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    # A peer that hangs up in the middle of a TLS handshake is a reset without a number.
    if isinstance(cause, ConnectionResetError | ConnectionAbortedError | BrokenPipeError):
        return f"{peer} closed the connection while it was being made."
    match cause.errno if isinstance(cause, OSError) else None:
        case errno.ECONNREFUSED:
            return f"Connection refused by {peer}."
        case errno.EHOSTUNREACH | errno.ENETUNREACH:
            return f"There is no route to {peer}."
        case errno.ETIMEDOUT:
            return f"{peer} did not take the connection in time."
        case errno.EMFILE | errno.ENFILE:
            return f"The engine has too many files open to connect to {peer}."
    return f"Connecting to {peer} failed{_because(error)}."


def _because(error: object) -> str:
    """The system's own word for it, in brackets; nothing where it has none."""
    word = ""
    if isinstance(error, aiohttp.ClientConnectorError):
        return _because(error.os_error)
    if isinstance(error, ssl.SSLCertVerificationError):
        word = error.verify_message
    elif isinstance(error, ssl.SSLError):
        word = (error.reason or "").replace("_", " ").lower()
    elif isinstance(error, OSError):
        word = error.strerror or (os.strerror(error.errno) if error.errno else "")
    return f" ({_one_line(word)})" if word else ""


def _one_line(text: str) -> str:
    line = " ".join(text.split()).removesuffix(".")
    line = "".join(character if character.isprintable() else "?" for character in line)
    return line if len(line) <= _SENTENCE_MAX else f"{line[:_SENTENCE_MAX]}…"
