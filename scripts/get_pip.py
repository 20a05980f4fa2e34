"""Install pip into the Python that runs this, from the package index, with the standard library alone.

For a machine that has neither pip nor ensurepip. The index, its certificate and a proxy are taken from where pip looks
for them: PIP_* in the environment, then pip's configuration files, then https://pypi.org/simple. The page is read as
JSON (PEP 691) or HTML (PEP 503); what is downloaded must have the SHA-256 that the index gives for it.
"""

from __future__ import annotations

import base64
import configparser
import hashlib
import json
import os
import re
import ssl
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from urllib.error import URLError
from urllib.parse import unquote, urldefrag, urljoin, urlsplit, urlunsplit
from urllib.request import HTTPSHandler, ProxyHandler, Request, build_opener, getproxies

INDEX_DEFAULT = "https://pypi.org/simple"
TIMEOUT_S = 60
PAGE_BYTES_MAX = 64 * 1024 * 1024
ACCEPT = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.5, text/html;q=0.1"
WHEEL = re.compile(r"pip-(?P<version>\d+(?:\.\d+)*)-(?:py2\.)?py3-none-any\.whl")


class PipError(Exception):
    """Why pip could not be fetched, in a sentence."""


@dataclass(frozen=True, kw_only=True)
class Wheel:
    """One file of the index page."""

    filename: str
    url: str
    sha256: str
    requires_python: str

    @property
    def version(self) -> tuple[int, ...]:
        match = WHEEL.fullmatch(self.filename)
        return tuple(map(int, match["version"].split("."))) if match else ()


def setting(name: str) -> str | None:
    """One of pip's settings: PIP_NAME, then the configuration files, of which the most personal one wins."""
    given = os.environ.get(f"PIP_{name.upper().replace('-', '_')}")
    if given:
        return given
    home = Path.home()
    files = [
        Path("/etc/xdg/pip/pip.conf"),
        Path("/etc/pip.conf"),
        home / ".pip" / "pip.conf",
        Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config") / "pip" / "pip.conf",
        Path(sys.prefix) / "pip.conf",
    ]
    chosen = os.environ.get("PIP_CONFIG_FILE")
    if chosen:
        files = [] if chosen == os.devnull else [*files, Path(chosen)]
    # The particular section goes before the general one, whichever file it stands in, as with `pip install`.
    value = None
    for section in ("global", "install"):
        for file in files:
            parser = configparser.RawConfigParser()
            try:
                parser.read(file, encoding="utf-8")
            except (configparser.Error, OSError, ValueError) as error:
                raise PipError(f"{file} cannot be read: {error}") from None
            value = parser.get(section, name, fallback=None) or value
    return value


def fetch(url: str, accept: str = "*/*") -> tuple[bytes, str, str]:
    """The body, its content type, and the address it came from after redirects. Raises PipError."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https"):
        raise PipError(f"{url}: only http and https are understood here.")
    host = parts.netloc.rpartition("@")[2]
    clean = urlunsplit(parts._replace(netloc=host))
    request = Request(clean, headers={"Accept": accept, "User-Agent": "get_pip.py"})  # noqa: S310 - checked above
    if parts.username is not None:
        user = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        # Unredirected: the password is for this host, not for one that it points to.
        request.add_unredirected_header("Authorization", f"Basic {base64.b64encode(user.encode()).decode()}")
    proxy = setting("proxy")
    try:
        opener = build_opener(
            ProxyHandler({"http": proxy, "https": proxy} if proxy else getproxies()),
            HTTPSHandler(context=ssl.create_default_context(cafile=setting("cert"))),
        )
        with opener.open(request, timeout=TIMEOUT_S) as answer:
            body = answer.read(PAGE_BYTES_MAX + 1)
            content_type = answer.headers.get_content_type()
            final = answer.url
    except (URLError, OSError) as error:
        raise PipError(f"{clean}: {getattr(error, 'reason', error)}") from None
    if len(body) > PAGE_BYTES_MAX:
        raise PipError(f"{clean}: more than {PAGE_BYTES_MAX} bytes.")
    return body, content_type, final


def wheels(body: bytes, content_type: str, base: str) -> list[Wheel]:
    """The files of a project's page that were not withdrawn, of whichever of the two forms it is."""
    if content_type.endswith("json"):
        return [
            Wheel(
                filename=file["filename"],
                url=urljoin(base, file["url"]),
                sha256=file.get("hashes", {}).get("sha256", ""),
                requires_python=file.get("requires-python") or "",
            )
            for file in json.loads(body)["files"]
            if not file.get("yanked")
        ]
    page = _Page(base)
    page.feed(body.decode("utf-8", "replace"))
    return page.wheels


class _Page(HTMLParser):
    """Collects the links of a PEP 503 page."""

    def __init__(self, base: str) -> None:
        super().__init__()
        self.base, self.wheels = base, list[Wheel]()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """One link is one file; its fragment holds the checksum."""
        given = dict(attrs)
        if tag == "base" and given.get("href"):
            self.base = urljoin(self.base, given["href"] or "")
        if tag != "a" or not given.get("href") or "data-yanked" in given:
            return
        url, fragment = urldefrag(urljoin(self.base, given["href"] or ""))
        self.wheels.append(
            Wheel(
                filename=unquote(urlsplit(url).path.rpartition("/")[2]),
                url=url,
                sha256=fragment.removeprefix("sha256=") if fragment.startswith("sha256=") else "",
                requires_python=given.get("data-requires-python") or "",
            )
        )


def supports(requires_python: str, python: tuple[int, ...] = sys.version_info[:3]) -> bool:
    """Whether `>=3.9, !=3.10.*` and the like allow `python`. A clause of another kind counts as no."""
    for clause in filter(None, (part.strip() for part in requires_python.split(","))):
        match = re.fullmatch(r"(>=|<=|==|!=|>|<)\s*(\d+(?:\.\d+)*)(\.\*)?", clause)
        if match is None:
            return False
        operator, number, prefix = match[1], tuple(map(int, match[2].split("."))), match[3]
        # Versions are compared as if the shorter one ended in zeros; a `.*` compares the beginning alone.
        ours = python[: len(number)] if prefix else python
        theirs = number if prefix else number + (0,) * (len(python) - len(number))
        allowed = {
            ">=": ours >= theirs,
            "<=": ours <= theirs,
            "==": ours == theirs,
            "!=": ours != theirs,
            ">": ours > theirs,
            "<": ours < theirs,
        }
        if not allowed[operator]:
            return False
    return True


def newest(found: list[Wheel]) -> Wheel:
    """The newest released pip that runs on this Python. Raises PipError where there is none."""
    fitting = [wheel for wheel in found if wheel.version and supports(wheel.requires_python)]
    if not fitting:
        raise PipError("The index offers no pip for this version of Python.")
    return max(fitting, key=lambda wheel: wheel.version)


def main() -> None:
    """Download, verify and install. Raises PipError; pip's own exit code becomes ours."""
    index = setting("index-url") or INDEX_DEFAULT
    page = fetch(f"{index.rstrip('/')}/pip/", ACCEPT)
    try:
        wheel = newest(wheels(*page))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise PipError(f"{page[2]} is no index page.") from None
    if not wheel.sha256:
        raise PipError(f"The index gives no SHA-256 for {wheel.filename}, so it cannot be trusted.")
    url = urlsplit(wheel.url)
    if url.netloc == urlsplit(index).netloc.rpartition("@")[2]:
        # Links come without the user and password of the index, and the file beside the page needs them too.
        url = url._replace(netloc=urlsplit(index).netloc)
    body, _, _ = fetch(urlunsplit(url))
    actual = hashlib.sha256(body).hexdigest()
    if actual != wheel.sha256.lower():
        raise PipError(f"{wheel.filename} has the SHA-256 {actual}, and the index says {wheel.sha256}.")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / wheel.filename
        file.write_bytes(body)
        # A wheel is a zip file, and Python runs a package inside one.
        command = [sys.executable, f"{file}/pip", "install", "--quiet", "--no-index", "--find-links", folder, "pip"]
        sys.exit(subprocess.run(command, check=False).returncode)  # noqa: S603 - our own Python, a verified file


if __name__ == "__main__":
    try:
        main()
    except PipError as error:
        sys.exit(f"pip cannot be fetched: {error}")
