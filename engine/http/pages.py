"""The page: one document for every view, and its files under a path that changes when any of them does."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from engine.http.endpoint import PATH_PARAMETERS, Answer, endpoint
from engine.http.problems import Problem

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'"
)
FOREVER = "public, max-age=31536000, immutable"
VERSION_MARK = b"@version@"
# Not from the machine's own tables: those differ, and a module with another type is not run.
_TYPES = {
    ".css": "text/css",
    ".html": "text/html",
    ".ico": "image/x-icon",
    ".js": "text/javascript",
    ".json": "application/json",
    ".map": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
    ".webmanifest": "application/manifest+json",
}
_BINARY = ("image/png", "image/x-icon")


@dataclass(frozen=True, slots=True)
class File:
    """A file that is served."""

    content: bytes
    media_type: str

    @property
    def content_type(self) -> str:
        return self.media_type if self.media_type in _BINARY else f"{self.media_type}; charset=utf-8"


class Files:
    """Everything under a directory, read once. What is not in here cannot be asked for, whatever the path says."""

    def __init__(self, directory: Path) -> None:
        self.files: dict[str, File] = {}
        digest = hashlib.sha256()
        for path in sorted(path for path in directory.rglob("*") if path.is_file() and path.suffix in _TYPES):
            name, content = path.relative_to(directory).as_posix(), path.read_bytes()
            self.files[name] = File(content, _TYPES[path.suffix])
            digest.update(f"{name}\0{len(content)}\0".encode() + content)
        self.version = digest.hexdigest()[:12]


PAGE_FILES: web.AppKey[Files] = web.AppKey("page_files", Files)


@endpoint(
    summary="The page",
    tag="page",
    open=True,
    answers={200: Answer(description="HTML", media_type="text/html")},
)
async def index(request: web.Request) -> web.Response:
    files = request.app[PAGE_FILES]
    page = files.files.get("index.html")
    if page is None:
        raise Problem(404, "This engine was installed without its page; the API works without it.")
    return web.Response(
        body=page.content.replace(VERSION_MARK, files.version.encode()),
        headers={
            "Content-Type": page.content_type,
            "Content-Security-Policy": CONTENT_SECURITY_POLICY,
            "Cache-Control": "no-cache",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Vary": "Accept",
        },
    )


@endpoint(
    summary="A file of the page",
    tag="page",
    open=True,
    answers={200: Answer(description="The file", media_type="*/*")},
)
async def asset(request: web.Request) -> web.Response:
    files, parameters = request.app[PAGE_FILES], request[PATH_PARAMETERS]
    file = files.files.get(parameters["path"])
    if file is None:
        raise Problem(404, "The page has no such file.")
    current = parameters["version"] == files.version
    # A page that was open across an upgrade may still ask for a file under the version before.
    return web.Response(
        body=file.content,
        headers={"Content-Type": file.content_type, "Cache-Control": FOREVER if current else "no-cache"},
    )
