"""JSON in and out, with the two promises the standard parser does not make.

In: what comes out of `read` can always be written again (no NaN, no lone surrogates, no bottomless nesting), and the
text of a part survives byte for byte, so that 2^63, 1.0 and key order arrive at a receiver as they were given.
Out: `write` puts such a text into a larger document without parsing it again.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any, NoReturn

import orjson

from engine.errors import UnreadableInput

DEPTH_MAX = 100
"""Levels of arrays and objects that are read."""

_WHITESPACE = " \t\n\r"


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed JSON text."""

    text: str
    """The whole text, without white space around it."""
    value: Any
    members: dict[str, str]
    """For an object: the text of each member's value, exactly as it was given; else empty."""


def read(data: bytes) -> Document:
    """Parse one JSON text. Raises UnreadableInput saying what is wrong and where."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _unreadable(f"valid UTF-8; byte {error.start} is not") from None
    text = text.strip(_WHITESPACE)
    _check_depth(text)
    try:
        value = _DECODER.decode(text)
        members = _members(text) if isinstance(value, dict) else {}
    except json.JSONDecodeError as error:
        raise _unreadable(f"valid JSON; {error.msg} at line {error.lineno}, column {error.colno}") from None
    except RecursionError:
        raise _unreadable(f"JSON nested at most {DEPTH_MAX} levels deep") from None
    except ValueError as error:  # NaN, a number out of range, or an integer of more digits than Python converts
        raise _unreadable(f"valid JSON; {error}") from None
    if "\\u" in text:
        _check_surrogates(value)
    return Document(text, value, members)


def write(value: Any) -> bytes:
    """Serialise to compact UTF-8. `raw` fragments are copied as they are.

    Raises TypeError for an integer beyond 64 bits: such numbers travel as text, through `raw`.
    """
    return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS)


def raw(text: str | None) -> orjson.Fragment | None:
    """JSON text to be copied into a document by `write`; None becomes `null`."""
    return None if text is None else orjson.Fragment(text)


def _unreadable(allowed: str) -> UnreadableInput:
    return UnreadableInput.of("", None, allowed)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _read_float(text: str) -> float:
    """Refuse what would be read as infinity, such as 1e999: written again, it would be `null`."""
    value = float(text)
    if math.isinf(value):
        raise ValueError(f"{text[:20]} is beyond the range of a double")
    return value


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant, parse_float=_read_float)


def _check_depth(text: str) -> None:
    """Refuse deep nesting before the recursive parser sees it. Brackets inside strings do not count."""
    if text.count("[") + text.count("{") <= DEPTH_MAX:
        return
    depth, in_string, escaped = 0, False, False
    for character in text:
        if in_string:
            if escaped:
                escaped = False
            elif character == "\\":
                escaped = True
            elif character == '"':
                in_string = False
        elif character == '"':
            in_string = True
        elif character in "[{":
            depth += 1
            if depth > DEPTH_MAX:
                raise _unreadable(f"JSON nested at most {DEPTH_MAX} levels deep")
        elif character in "]}":
            depth -= 1


def _members(text: str) -> dict[str, str]:
    """The text of each member of the object `text`, which is known to be valid."""
    members: dict[str, str] = {}
    index = _skip(text, 1)
    while text[index] != "}":
        name, index = _DECODER.raw_decode(text, index)
        start = _skip(text, _skip(text, index) + 1)  # past the colon
        _, end = _DECODER.raw_decode(text, start)
        members[name] = text[start:end]
        index = _skip(text, end)
        if text[index] == ",":
            index = _skip(text, index + 1)
    return members


def _skip(text: str, index: int) -> int:
    while text[index] in _WHITESPACE:
        index += 1
    return index


def _check_surrogates(value: Any) -> None:
    """Half of a surrogate pair cannot be written as UTF-8, so it is refused at the door."""
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, str):
            try:
                item.encode("utf-8")
            except UnicodeEncodeError:
                raise _unreadable("text without lone surrogates (half of a \\ud800-\\udfff pair)") from None
        elif isinstance(item, dict):
            stack.extend(item.keys())
            stack.extend(item.values())
        elif isinstance(item, list):
            stack.extend(item)
