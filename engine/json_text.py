"""JSON in and out, with the two promises the standard parser does not make.

In: what comes out of `read` can always be written again (no NaN, no lone surrogates, no bottomless nesting), and the
text of a part survives byte for byte, so that 2^63, 1.0 and key order arrive at a receiver as they were given.
Out: `write` puts such a text into a larger document without parsing it again.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any

import orjson

from engine.errors import UnreadableInput

DEPTH_MAX = 100
"""Levels of arrays and objects that are read."""

EXCERPT = 20
"""Characters before and after a mistake that an error shows."""

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
        byte = f"byte 0x{data[error.start]:02x} at {error.start}"
        raise UnreadableInput.of("", byte, "valid UTF-8") from None
    text = text.strip(_WHITESPACE)
    _check_depth(text)
    misfits: list[_NoNumber] = []
    try:
        value = _decoder(misfits).decode(text)
        members = _members(text) if isinstance(value, dict) else {}
    except json.JSONDecodeError as error:
        allowed = f"valid JSON: {error.msg} at line {error.lineno}, column {error.colno}"
        raise UnreadableInput.of("", text[max(error.pos - EXCERPT, 0) : error.pos + EXCERPT], allowed) from None
    except RecursionError:
        raise _too_deep(DEPTH_MAX) from None
    except ValueError:  # Python refuses to convert integers of several thousand digits
        raise UnreadableInput.of("", "a longer one", "integers of at most 4,300 digits") from None
    if misfits or "\\u" in text:
        _check_values(value)
    if misfits:  # a later member of the same name has put it out of the value; in the text it still is
        raise UnreadableInput.of("", misfits[0].text, _NUMBERS)
    return Document(text, value, members)


def write(value: Any) -> bytes:
    """Serialise to compact UTF-8. `raw` fragments are copied as they are.

    Raises TypeError for an integer beyond 64 bits: such numbers travel as text, through `raw`.
    """
    return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS)


def raw(text: str | None) -> orjson.Fragment | None:
    """JSON text to be copied into a document by `write`; None becomes `null`."""
    return None if text is None else orjson.Fragment(text)


@dataclass(frozen=True, slots=True)
class _NoNumber:
    """NaN and Infinity, which Python reads and JSON does not have, or a number that Python reads as infinity."""

    text: str


def _decoder(misfits: list[_NoNumber]) -> json.JSONDecoder:
    """Reads, and adds what is no number to `misfits`, so that a walk in search of one is made only where there is."""

    def misfit(text: str) -> _NoNumber:
        misfits.append(_NoNumber(text[:EXCERPT]))
        return misfits[-1]

    def number(text: str) -> float | _NoNumber:
        value = float(text)
        return misfit(text) if math.isinf(value) else value

    return json.JSONDecoder(parse_constant=misfit, parse_float=number)


def _too_deep(levels: int) -> UnreadableInput:
    return UnreadableInput.of("", f"{levels} levels or more", f"JSON nested at most {DEPTH_MAX} levels deep")


_DECODER = json.JSONDecoder()


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
                raise _too_deep(depth)
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


def _check_values(value: Any) -> None:
    """Refuse what parses and could not be written again, naming where it is: constants that JSON does not have, and
    halves of surrogate pairs, which have no form in UTF-8."""
    stack: list[tuple[str, Any]] = [("", value)]
    while stack:
        path, item = stack.pop()
        if isinstance(item, _NoNumber):
            raise UnreadableInput.of(path, item.text, _NUMBERS)
        if isinstance(item, str) and not _is_writable(item):
            raise UnreadableInput.of(path, ascii(item), _NO_SURROGATES)
        if isinstance(item, dict):
            for name, member in item.items():
                if not _is_writable(name):
                    raise UnreadableInput.of(path, ascii(name), _NO_SURROGATES)
                stack.append((f"{path}.{name}" if path else name, member))
        elif isinstance(item, list):
            stack.extend((f"{path}.{index}" if path else str(index), member) for index, member in enumerate(item))


_NUMBERS = "a number of JSON within the range of a double"
_NO_SURROGATES = "text without lone surrogates (half of a \\ud800-\\udfff pair)"


def _is_writable(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
