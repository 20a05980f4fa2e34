"""Whether a column contains a text, without case, in SQLite's own functions.

A function written in Python could do it in one line, but it would have to win the GIL for every cell it looks at, and
hold it while it folds: a search beside a busy event loop would slow down both.
"""

from __future__ import annotations

import re
from functools import cache

from engine.storage.codec import Cell

_CODE_POINTS = range(0x80, 0x20000)
"""Those beyond ASCII that may have a case; the planes above hold none."""

_PLAIN_RUN = re.compile(r"[\x01-\x7f]+")
_BEYOND_ASCII = frozenset("KkSs")
"""The letters of ASCII that have another form outside it: the Kelvin sign and the long s."""


def contains(column: str, text: str) -> tuple[str, list[Cell]]:
    """A condition that `column` has `text` in it, and its parameters.

    An ASCII text is compared with A-Z folded alone, which is the fastest. In any other, each character stands for all
    that Unicode folds to the same as it.
    """
    plain = f"instr(lower({column}), lower(?))"
    if text.isascii() or "\0" in text:  # a pattern would end at the NUL
        return plain, [text]
    pattern = f"*{''.join(map(_character_class, text))}*"
    runs = _PLAIN_RUN.findall("".join("\0" if letter in _BEYOND_ASCII else letter for letter in text))
    if not runs:
        return f"{column} GLOB ?", [pattern]
    # GLOB takes seven times as long, so it is spared those that lack even the ASCII part.
    return f"({plain} AND {column} GLOB ?)", [max(runs, key=len), pattern]


def _character_class(character: str) -> str:
    """As a pattern of GLOB. One that is alone in its class stands for itself, whatever it means elsewhere."""
    forms = _forms().get(character.casefold(), "")
    if len(forms) > 1:
        return f"[{forms}]"
    return f"[{character}]" if character in "*?[" else character


@cache
def _forms() -> dict[str, str]:
    """What characters fold to, and the characters that do."""
    forms: dict[str, str] = {}
    for letter in "abcdefghijklmnopqrstuvwxyz":
        forms[letter] = letter + letter.upper()
    for character in map(chr, _CODE_POINTS):
        folded = character.casefold()
        if folded != character:
            # The folded form itself is met as a character of its own only if it is a single one.
            forms.setdefault(folded, folded if len(folded) == 1 else "")
            forms[folded] += character
    return forms
