"""One browser and one engine for all browser tests; a fresh page for each, watched for everything it must not do."""

from __future__ import annotations

import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import pytest
import pytest_asyncio
from playwright._impl._driver import compute_driver_executable
from playwright.async_api import Browser, Page, async_playwright

from tests.browser.rig import Api, Receiver, receiving, running_engine

CHROMIUM = Path("/usr/bin/chromium")
MISSING = "the browser tests need Chromium at /usr/bin/chromium (on Debian: apt-get install chromium)"
UNABLE = "the browser tests need Playwright's driver, which does not start (on Debian: apt-get install libatomic1)"
ARGUMENTS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
WIDE = {"width": 1280, "height": 900}

Open: TypeAlias = Callable[..., Awaitable[Page]]


@dataclass(slots=True)
class Watch:
    """What went wrong in a page, apart from what a test says it expects."""

    origin: str
    expected: list[str] = field(default_factory=list)
    """Parts of console messages; a browser reports every refused or failed request there."""
    found: list[str] = field(default_factory=list)

    def attach(self, page: Page) -> None:
        page.on("console", lambda message: self._said(message.type, message.text))
        page.on("pageerror", lambda error: self.found.append(f"uncaught: {error}"))
        page.on("request", lambda request: self._asked(request.url))

    def verify(self) -> None:
        left = [text for text in self.found if not any(part in text for part in self.expected)]
        assert left == []

    def _said(self, kind: str, text: str) -> None:
        if kind in ("error", "warning"):
            self.found.append(f"{kind}: {text}")

    def _asked(self, url: str) -> None:
        if not url.startswith(self.origin):
            self.found.append(f"foreign request: {url}")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    if not CHROMIUM.exists():
        pytest.skip(MISSING)
    driver = subprocess.run([*compute_driver_executable(), "--version"], capture_output=True, text=True, check=False)
    if driver.returncode != 0:
        pytest.skip(f"{UNABLE}: {driver.stderr.strip()}")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        await browser.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def api(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Api]:
    async with running_engine(tmp_path_factory.mktemp("engine")) as api:
        yield api


@pytest_asyncio.fixture(loop_scope="session")
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


@pytest_asyncio.fixture(loop_scope="session")
async def open_page(browser: Browser) -> AsyncIterator[Open]:
    """Opens a page; afterwards none of them may have logged an error, broken the policy or called elsewhere."""
    contexts, watches = [], []

    async def open_page(url: str, *, expected: tuple[str, ...] = (), **options: Any) -> Page:
        context = await browser.new_context(**{"viewport": WIDE, "timezone_id": "Europe/Berlin", **options})
        contexts.append(context)
        page = await context.new_page()
        page.set_default_timeout(10_000)
        watch = Watch("/".join(url.split("/")[:3]), list(expected))
        watches.append(watch)
        watch.attach(page)
        await page.goto(url)
        await page.wait_for_selector("h1")
        return page

    yield open_page
    for context in contexts:
        await context.close()
    for watch in watches:
        watch.verify()
