"""Cursors: where a page ended, as opaque text."""

from __future__ import annotations

import base64
import binascii
from typing import Any
from urllib.parse import urlencode

from aiohttp import web
from orjson import JSONDecodeError, loads

from engine import json_text
from engine.errors import InvalidInput
from engine.http.problems import INTEGER_MAX

Key = list[str | int | None]


def encode_cursor(key: Key) -> str:
    """Opaque to the client: base64url of a JSON array."""
    return base64.urlsafe_b64encode(json_text.write(key)).decode().rstrip("=")


def decode_cursor(text: str, *shapes: tuple[type, ...]) -> list[Any]:
    """What `encode_cursor` was given, if its parts are of the types in `shapes`. Raises InvalidInput on `cursor`."""
    try:
        key = loads(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True))
    except (binascii.Error, JSONDecodeError, ValueError):
        key = None
    if not isinstance(key, list) or len(key) != len(shapes) or not all(map(_fits, key, shapes)):
        raise InvalidInput.of("cursor", text, "a cursor as the Link header of the page before has it")
    return key


def next_link(request: web.Request, path: str, cursor: str) -> str:
    """The Link header to the page that begins after `cursor`; all other parameters stay."""
    parameters = {name: value for name, value in request.query.items() if name not in ("cursor", "page")}
    return f'<{path}?{urlencode({**parameters, "cursor": cursor})}>; rel="next"'


def _fits(part: Any, types: tuple[type, ...]) -> bool:
    return (
        isinstance(part, types)
        and not isinstance(part, bool)
        and (not isinstance(part, int) or -INTEGER_MAX <= part <= INTEGER_MAX)
    )
