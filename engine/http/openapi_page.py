"""`/openapi.json`, and `/docs`: Swagger UI from the installed package, so that it works offline."""

from __future__ import annotations

import functools
from importlib.util import find_spec
from pathlib import Path

from aiohttp import web

from engine.http.endpoint import PATH_PARAMETERS, Answer, endpoint
from engine.http.pages import File, Files
from engine.http.problems import Problem

TITLE = "Event trigger engine: API"
# Swagger UI sets style attributes and shows its icons as data: URLs; its scripts come from here alone.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
_PAGE = f"""<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <title>{TITLE}</title>
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <link rel="icon" type="image/svg+xml" href="/docs/images/swagger.svg">
  <link rel="stylesheet" href="/docs/css/swagger-ui.css">
  <script src="/docs/js/swagger-ui-bundle.js" defer></script>
  <script src="/docs/init.js" defer></script>
</head>
<body>
  <div id="swagger-ui"></div>
  <noscript>This page needs JavaScript. The description itself: <a href="/openapi.json">/openapi.json</a></noscript>
</body>
</html>
"""
_SCRIPT = """window.ui = SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  displayRequestDuration: true,
  docExpansion: "list",
  persistAuthorization: true,
  tryItOutEnabled: true,
  validatorUrl: null,
});
"""

OPENAPI: web.AppKey[bytes] = web.AppKey("openapi", bytes)


@endpoint(
    summary="This description",
    tag="about",
    open=True,
    answers={200: Answer(description="OpenAPI 3.1", body=dict[str, object])},
)
async def openapi_json(request: web.Request) -> web.Response:
    return web.Response(
        body=request.app[OPENAPI], content_type="application/json", headers={"Cache-Control": "no-cache"}
    )


@endpoint(
    summary="This description, to read and try",
    tag="about",
    open=True,
    answers={200: Answer(description="Swagger UI", media_type="text/html")},
)
async def docs(request: web.Request) -> web.Response:
    return _served(File(_PAGE.encode(), "text/html"))


@endpoint(
    summary="A file of /docs",
    tag="about",
    open=True,
    answers={200: Answer(description="The file", media_type="*/*")},
)
async def docs_asset(request: web.Request) -> web.Response:
    name = request[PATH_PARAMETERS]["path"]
    if name == "init.js":
        return _served(File(_SCRIPT.encode(), "text/javascript"))
    file = _swagger_files().files.get(name)
    if file is None:
        raise Problem(404, "/docs has no such file.")
    return _served(file)


def _served(file: File) -> web.Response:
    return web.Response(
        body=file.content,
        headers={
            "Content-Type": file.content_type,
            "Content-Security-Policy": CONTENT_SECURITY_POLICY,
            "Cache-Control": "no-cache",
        },
    )


@functools.cache
def _swagger_files() -> Files:
    """Swagger UI's files, where they are installed. The package is only looked up: importing it would need Flask."""
    spec = find_spec("flask_openapi3_swagger")
    origin = None if spec is None else spec.origin
    if origin is None:
        raise Problem(404, "Swagger UI is not installed; /openapi.json works without it.")
    return Files(Path(origin).parent / "templates" / "swagger")
