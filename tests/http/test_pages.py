"""The page, its files, and /docs."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import quote

import pytest

from engine.http.pages import Files
from engine.http.routes import PAGE_PATHS
from tests.http.client import Api

HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'"
)


async def test_the_page(api: Api) -> None:
    reply = await api.get("/", headers=HTML)
    assert reply.status == 200
    assert reply.headers["Content-Type"] == "text/html; charset=utf-8"
    assert reply.headers["Content-Security-Policy"] == POLICY
    assert reply.headers["Cache-Control"] == "no-cache"
    assert "@version@" not in reply.text
    assets = re.findall(r'(?:href|src)="(/assets/[^"]+)"', reply.text)
    assert assets
    for path in assets:
        asset = await api.get(path)
        assert asset.status == 200
        assert asset.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        kind = {"js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"}[path.rpartition(".")[2]]
        assert asset.headers["Content-Type"] == f"{kind}; charset=utf-8"


@pytest.mark.parametrize("path", [path.replace("{id}", "17") for path in PAGE_PATHS])
async def test_a_browser_gets_the_page_and_a_client_the_api(api: Api, path: str) -> None:
    for spelling in (path, f"{path}/", f"{path}?state=active"):
        page = await api.get(spelling, headers=HTML)
        assert (page.status, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
        assert page.headers["Vary"] == "Accept"
    for accept in ("application/json", "*/*"):
        reply = await api.get(path, headers={"Accept": accept})
        assert "html" not in reply.headers["Content-Type"]


async def test_files_of_another_version(api: Api) -> None:
    reply = await api.get("/assets/000000000000/js/main.js")
    assert (reply.status, reply.headers["Cache-Control"]) == (200, "no-cache")


@pytest.mark.parametrize(
    "name",
    ["js/none.js", "../pyproject.toml", "js/../../engine/app.py", "/etc/passwd", "js", "..\\..\\x", "\0"],
)
async def test_nothing_else_is_served(api: Api, name: str) -> None:
    for path in (f"/assets/x/{quote(name, safe='')}", f"/docs/{quote(name, safe='')}"):
        reply = await api.get(path)
        assert (reply.status, reply.headers["Content-Type"]) == (404, "application/problem+json")


def test_the_version_follows_the_content(tmp_path: Path) -> None:
    (tmp_path / "js").mkdir()
    (tmp_path / "js" / "a.js").write_text("1")
    (tmp_path / ".env").write_text("secret")
    first = Files(tmp_path)
    assert list(first.files) == ["js/a.js"]
    assert Files(tmp_path).version == first.version
    (tmp_path / "js" / "a.js").write_text("2")
    assert Files(tmp_path).version != first.version


async def test_docs_work_offline_and_without_inline_scripts(api: Api) -> None:
    reply = await api.get("/docs")
    assert reply.status == 200
    assert "script-src 'self';" in reply.headers["Content-Security-Policy"]
    paths = re.findall(r'(?:href|src)="([^"]+)"', reply.text)
    assert all(path.startswith("/") and not path.startswith("//") for path in paths)
    for path in paths:
        assert (await api.get(path)).status == 200
    assert not re.search(r"<script(?![^>]* src=)", reply.text)
    assert "SwaggerUIBundle" in (await api.get("/docs/init.js")).text
    assert (await api.get("/docs/js/swagger-ui-bundle.js")).headers["Content-Type"].startswith("text/javascript")
