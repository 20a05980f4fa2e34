"""Lengths of time as a person says them."""

from __future__ import annotations

from datetime import timedelta

_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def elapsed(milliseconds: float) -> str:
    """Below a second in milliseconds, else in seconds with one digit where it is not whole: `12 ms`, `1.5 s`."""
    if milliseconds < 1:
        return "under 1 ms"
    if milliseconds < 999.5:
        return f"{milliseconds:.0f} ms"
    seconds = f"{milliseconds / 1000:.1f}".removesuffix(".0")
    return f"{seconds} s"


def span(duration: timedelta) -> str:
    """The two largest units, rounded to seconds: `30 s`, `1 min 52 s`, `8 h`."""
    rest = round(duration.total_seconds())
    if rest <= 0:
        return elapsed(max(duration.total_seconds(), 0.0) * 1000)
    parts: list[str] = []
    for size, unit in _UNITS:
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count} {unit}")
        elif parts:
            break
    return " ".join(parts[:2])
