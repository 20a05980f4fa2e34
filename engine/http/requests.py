"""Reading a request: its body, its id in the path, and the headers that guard a write."""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime, tzinfo
from typing import TypeVar

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from pydantic import BaseModel

from engine import json_text
from engine.errors import FieldError, InvalidInput
from engine.http.endpoint import PATH_PARAMETERS
from engine.http.problems import INTEGER_MAX, Problem
from engine.http.validation_words import checked
from engine.json_text import Document
from engine.model.instant import parse_instant
from engine.storage.port import IdempotencyKey

BODY_BYTES_MAX = 1024 * 1024
_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_ETAG = re.compile(r'"(\d{1,18})"')

Model = TypeVar("Model", bound=BaseModel)


async def read_body(request: web.Request, *, required: bool = True) -> Document | None:
    """The JSON body; None when there is none and none is `required`.

    Raises UnreadableInput for what is no JSON, Problem for too much (413), for another media type (415) and for what
    does not arrive whole (400).
    """
    try:
        data = await request.read()
    except web.HTTPRequestEntityTooLarge:
        raise body_too_large() from None
    except (HttpProcessingError, web.RequestPayloadError):
        raise Problem(400, "The body broke off, or is not encoded as its headers say.") from None
    if not data.strip() and not required:
        return None
    media_type = request.content_type.lower() if "Content-Type" in request.headers else None
    if media_type is None or not (media_type == "application/json" or media_type.endswith("+json")):
        wanted = FieldError(field="Content-Type", value=media_type, allowed="application/json")
        raise Problem(415, "The body must be JSON, with Content-Type: application/json.", errors=[wanted])
    return json_text.read(data)


def body_too_large() -> Problem:
    """The answer to a body beyond the limit."""
    wanted = FieldError(field="", value=None, allowed=f"at most {BODY_BYTES_MAX} bytes")
    return Problem(413, f"A body can have at most {BODY_BYTES_MAX} bytes (1 MiB).", errors=[wanted])


async def read_model(request: web.Request, model: type[Model], *, required: bool = True) -> tuple[Model, Document]:
    """The body, validated, and as it came. Without a body, where none is required, that of `{}`."""
    document = await read_body(request, required=required) or Document("{}", {}, {})
    return checked(model, document.value), document


def path_id(request: web.Request) -> int:
    """The number in the path. Raises InvalidInput for anything else."""
    text = request[PATH_PARAMETERS]["id"]
    number = int(text) if text.isascii() and text.isdecimal() and len(text) <= 19 else 0
    if not 1 <= number <= INTEGER_MAX:
        raise InvalidInput.of("id", text, "a whole number from 1")
    return number


def wanted_version(request: web.Request) -> int | None:
    """The version that If-Match asks for; None for any (`*`, or no such header)."""
    text = request.headers.get("If-Match")
    if text is None or text.strip() == "*":
        return None
    match = _ETAG.fullmatch(text.strip())
    if match is None:
        wanted = FieldError(field="If-Match", value=text, allowed='an ETag as it was given, such as "3", or *')
        raise Problem(400, "If-Match cannot be read.", errors=[wanted])
    return int(match[1])


async def idempotency_key(request: web.Request, scope: str) -> IdempotencyKey | None:
    """The Idempotency-Key of a write, with a fingerprint of the request it came with."""
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return None
    if not _KEY.fullmatch(key):
        wanted = FieldError(field="Idempotency-Key", value=key, allowed="1 to 255 visible ASCII characters")
        raise Problem(400, "Idempotency-Key cannot be read.", errors=[wanted])
    body = (await request.read()).strip()  # read before, hence kept by the request
    canonical = f"{request.method} {scope}\n".encode() + body
    return IdempotencyKey(scope=scope, key=key, fingerprint=hashlib.sha256(canonical).hexdigest())


def read_instant(field: str, text: str, zone: tzinfo = UTC) -> datetime:
    """A time that a person gave. Raises InvalidInput naming `field`."""
    try:
        return parse_instant(text, zone)
    except (ValueError, OverflowError):
        allowed = "a time between the years 1970 and 9998, such as 2026-12-01T09:00:00Z"
        raise InvalidInput.of(field, text, allowed) from None
