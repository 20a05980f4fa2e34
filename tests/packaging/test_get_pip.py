"""Fetching pip without pip: which wheel is chosen, from where, and what is refused. Over a real HTTP server."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.packaging.scripts import load_script

NEWEST = "pip-26.3-py3-none-any.whl"
BODY = b"not really a wheel"
SHA256 = hashlib.sha256(BODY).hexdigest()


@pytest.fixture
def get_pip(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    """The script, with none of this machine's pip settings but those in /etc."""
    for name in (
        "PIP_INDEX_URL",
        "PIP_CERT",
        "PIP_PROXY",
        "PIP_CONFIG_FILE",
        "XDG_CONFIG_HOME",
        "http_proxy",
        "HTTP_PROXY",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return load_script("get_pip")


@pytest.fixture
def index() -> Iterator[dict[str, tuple[str, bytes]]]:
    """A server on loopback: path -> (content type, body). The key `address` holds where it listens."""
    pages: dict[str, Any] = {"asked": []}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            pages["asked"].append((self.path, self.headers.get("Authorization")))
            kind, body = pages.get(self.path, ("text/plain", b""))
            self.send_response(200 if self.path in pages else 404)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    pages["address"] = f"127.0.0.1:{server.server_port}"
    yield pages
    server.shutdown()
    thread.join()
    server.server_close()


def json_page(sha256: str) -> tuple[str, bytes]:
    files = [
        {"filename": "pip-26.3.tar.gz", "url": "x", "hashes": {}},
        {"filename": "pip-9.0-py2.py3-none-any.whl", "url": "x", "hashes": {"sha256": "0"}},
        {"filename": "pip-27.0-py3-none-any.whl", "url": "x", "hashes": {"sha256": "0"}, "requires-python": ">=9"},
        {"filename": "pip-28.0-py3-none-any.whl", "url": "x", "hashes": {"sha256": "0"}, "yanked": "broken"},
        {"filename": "pip-29.0b1-py3-none-any.whl", "url": "x", "hashes": {"sha256": "0"}},
        {"filename": NEWEST, "url": f"../../files/{NEWEST}", "hashes": {"sha256": sha256}, "requires-python": ">=3.9"},
    ]
    return "application/vnd.pypi.simple.v1+json", json.dumps({"files": files}).encode()


def html_page(sha256: str) -> tuple[str, bytes]:
    links = [
        '<a href="x/pip-26.3.tar.gz">pip-26.3.tar.gz</a>',
        '<a href="x/pip-27.0-py3-none-any.whl#sha256=0" data-requires-python="&gt;=9">pip</a>',
        '<a href="x/pip-28.0-py3-none-any.whl#sha256=0" data-yanked="">pip</a>',
        f'<a href="../../files/{NEWEST}#sha256={sha256}" data-requires-python="&gt;=3.9">pip</a>',
    ]
    return "text/html", f"<html><body>{''.join(links)}</body></html>".encode()


@pytest.mark.parametrize("page", [json_page, html_page])
def test_the_newest_fitting_wheel_is_fetched_and_run(
    page: Any, get_pip: ModuleType, index: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    index["/simple/pip/"], index[f"/files/{NEWEST}"] = page(SHA256), ("application/zip", BODY)
    monkeypatch.setenv("PIP_INDEX_URL", f"http://me:se%2Fcret@{index['address']}/simple/")
    seen: list[list[str]] = []

    def run(command: list[str], **_: object) -> Any:
        seen.append(command)
        assert Path(command[1]).parent.read_bytes() == BODY
        return type("Result", (), {"returncode": 0})

    monkeypatch.setattr(get_pip.subprocess, "run", run)
    with pytest.raises(SystemExit) as ended:
        get_pip.main()
    assert ended.value.code == 0
    assert seen[0][1].endswith(f"{NEWEST}/pip")
    # bWU6c2UvY3JldA== is me:se/cret; both requests carry it.
    basic = "Basic bWU6c2UvY3JldA=="
    assert index["asked"] == [("/simple/pip/", basic), (f"/files/{NEWEST}", basic)]


@pytest.mark.parametrize(("sha256", "words"), [("0" * 64, "the index says"), ("", "no SHA-256")])
def test_a_file_that_the_index_does_not_vouch_for_is_refused(
    sha256: str, words: str, get_pip: ModuleType, index: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    index["/simple/pip/"], index[f"/files/{NEWEST}"] = json_page(sha256), ("application/zip", BODY)
    monkeypatch.setenv("PIP_INDEX_URL", f"http://{index['address']}/simple")
    monkeypatch.setattr(get_pip.subprocess, "run", lambda *_, **__: pytest.fail("an unverified file was run"))
    with pytest.raises(get_pip.PipError, match=words):
        get_pip.main()


def test_an_index_that_is_none_is_named(
    get_pip: ModuleType, index: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", f"http://{index['address']}/simple")
    with pytest.raises(get_pip.PipError, match="Not Found"):
        get_pip.main()
    index["/simple/pip/"] = ("application/json", b"[]")
    with pytest.raises(get_pip.PipError, match="no index page"):
        get_pip.main()
    index["/simple/pip/"] = ("text/html", b"<p>Hello.</p>")
    with pytest.raises(get_pip.PipError, match="offers no pip"):
        get_pip.main()
    with pytest.raises(get_pip.PipError, match="only http"):
        get_pip.fetch("file:///etc/passwd")


def test_settings_come_from_where_pip_looks(
    get_pip: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    personal = tmp_path / ".config" / "pip" / "pip.conf"
    personal.parent.mkdir(parents=True)
    personal.write_text("[global]\nindex-url = https://personal.example/simple\n")
    assert get_pip.setting("index-url") == "https://personal.example/simple"
    chosen = tmp_path / "chosen.conf"
    chosen.write_text("[global]\nindex-url = https://chosen.example/simple\n")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(chosen))
    assert get_pip.setting("index-url") == "https://chosen.example/simple"
    personal.write_text("[install]\nindex-url = https://install.example/simple\n")
    assert get_pip.setting("index-url") == "https://install.example/simple", "[install] goes before [global]"
    monkeypatch.setenv("PIP_INDEX_URL", "https://environment.example/simple")
    assert get_pip.setting("index-url") == "https://environment.example/simple"
    monkeypatch.delenv("PIP_INDEX_URL")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    assert get_pip.setting("index-url") is None


@pytest.mark.parametrize(
    ("requires", "allowed"),
    [
        ("", True),
        (">=3.9", True),
        (">=3.11.2", True),
        (">=3.11.3", False),
        (">=3.12", False),
        (">3.11", True),
        ("<3.11", False),
        ("<4,>=3.9", True),
        (">=2.7,!=3.0.*,!=3.11.*", False),
        ("==3.11.*", True),
        ("==3.*", True),
        ("<=3.11", False),
        ("~=3.11", False),
        ("nonsense", False),
    ],
)
def test_requires_python(requires: str, allowed: bool, get_pip: ModuleType) -> None:
    assert get_pip.supports(requires, (3, 11, 2)) is allowed
