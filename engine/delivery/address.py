"""The URL of a target: which ones are accepted, and how they go on the wire."""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import quote

from yarl import URL

from engine.errors import InvalidInput

URL_LENGTH_MAX = 2_048

_DEFAULT_PORTS = {"http": 80, "https": 443}
# The underscore is no part of a host name by RFC 952, but container networks use it and resolvers accept it.
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_HOST_LENGTH_MAX = 253
# A last label of this form means an address to a resolver (127.1, 0x7f000001, 2130706433), whatever it looks like.
_NUMERIC = re.compile(r"[0-9]+|0x[0-9a-f]*")
# Reserved and unreserved characters of RFC 3986, and the percent sign of what is encoded already.
_KEPT_AS_GIVEN = "%/:?#[]@!$&'()*+,;=-._~"


class Origin(NamedTuple):
    """What a connection goes to."""

    scheme: str
    host: str
    port: int


class Address(NamedTuple):
    """A URL taken apart by the parser that also sends it, so that no two readings of it can differ."""

    origin: Origin
    url: str
    """Plain ASCII: the host in its IDNA form, other characters beyond RFC 3986 percent-encoded as UTF-8."""


def check_url(url: str, field: str = "target.url") -> None:
    """Raise InvalidInput naming `field` unless `url` can be called."""
    read_url(url, field)


def read_url(url: str, field: str = "target.url") -> Address:
    """Take `url` apart. Raises InvalidInput naming `field`, the value and what is allowed."""
    try:
        return _read(url)
    except ValueError as error:
        raise InvalidInput.of(field, url, str(error)) from None


@lru_cache(maxsize=4_096)
def _read(url: str) -> Address:
    """Raises ValueError whose text says what would be allowed."""
    if len(url) > URL_LENGTH_MAX:
        raise ValueError(f"a URL of at most {URL_LENGTH_MAX:,} characters; this one has {len(url):,}")
    if any(character.isspace() or not character.isprintable() for character in url):
        raise ValueError("a URL without white space and control characters")
    scheme, separator, rest = url.partition("://")
    scheme = scheme.lower()
    if not separator or scheme not in _DEFAULT_PORTS:
        raise ValueError("a URL that begins with http:// or https://")
    if "#" in rest:
        raise ValueError("a URL without a fragment (#): it is never sent")
    authority = re.split(r"[/?]", rest, maxsplit=1)[0]
    if "@" in authority:
        raise ValueError("a URL without user information; use an Authorization header")
    try:
        parsed = URL(f"{scheme}://{authority}/")
        host, port = parsed.raw_host, parsed.explicit_port
    except ValueError:
        raise ValueError("a URL with a valid host and a port from 1 to 65535") from None
    if port == 0:
        raise ValueError("a port from 1 to 65535")
    shown_host = _check_host(host or "")
    path = rest[len(authority) :]
    if not path.startswith("/"):
        path = f"/{path}"
    try:
        path = quote(path, safe=_KEPT_AS_GIVEN)
    except UnicodeEncodeError:
        raise ValueError("a URL of valid Unicode text") from None
    shown_port = "" if port is None else f":{port}"
    return Address(
        Origin(scheme, host or "", port or _DEFAULT_PORTS[scheme]),
        f"{scheme}://{shown_host}{shown_port}{path}",
    )


def _check_host(host: str) -> str:
    """The host as it stands in a URL: an IPv6 address in brackets, anything else as it is."""
    if ":" in host:
        if "%" in host:
            raise ValueError("an IPv6 address without a zone")
        try:
            return f"[{ipaddress.IPv6Address(host)}]"
        except ValueError:
            raise ValueError("a valid IPv6 address between the brackets") from None
    name = host.removesuffix(".")
    if not name:
        raise ValueError("a URL with a host")
    if len(name) > _HOST_LENGTH_MAX or not all(_LABEL.fullmatch(label) for label in name.split(".")):
        raise ValueError(
            "a host of letters, digits, hyphens and dots (or an internationalized name), "
            f"at most 63 characters between dots and {_HOST_LENGTH_MAX} in all"
        )
    if _NUMERIC.fullmatch(name.rpartition(".")[2]):
        try:
            return str(ipaddress.IPv4Address(host))
        except ValueError:
            raise ValueError("an IPv4 address of four decimal numbers, such as 192.0.2.1") from None
    return host
