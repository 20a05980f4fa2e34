"""Take the pictures of the page that the README shows: `.venv/bin/python -m scripts.take_pictures`.

Needs Chromium at /usr/bin/chromium (Debian: apt-get install chromium).
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
from pathlib import Path

import aiohttp
from playwright.async_api import async_playwright

from tests.fakes.engine_process import EngineProcess

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync"]


async def main() -> None:
    with tempfile.TemporaryDirectory() as directory:
        engine = EngineProcess(Path(directory), LOG_LEVEL="error")
        fill = [sys.executable, "-m", "engine", "sample-data", "--events", "400"]
        environment = {"DATABASE_URL": f"sqlite:///{engine.database}", "PYTHONPATH": str(ROOT)}
        await asyncio.to_thread(subprocess.run, fill, check=True, cwd=directory, env=environment)
        url = await engine.start()
        try:
            await _add_life(url)
            for scheme in ("light", "dark"):
                await _take(url, scheme)
        finally:
            await engine.stop()


async def _add_life(url: str) -> None:
    """A one-off that is about to fire and a trigger that is paused, so that more than one state is seen."""
    async with aiohttp.ClientSession() as client:
        for body in (
            {"name": "invoice-reminder", "schedule": "in 10m", "target": {"url": "https://example.org/hook"}},
            {"name": "cache-warmup", "schedule": "*/15 8-18 * * MON-FRI", "timezone": "America/New_York"},
        ):
            async with client.post(f"{url}/triggers/", json=body) as answer:
                trigger = await answer.json()
        async with client.post(f"{url}/triggers/{trigger['id']}/pause", json={"note": "deploy"}) as answer:
            answer.raise_for_status()


async def _take(url: str, scheme: str) -> None:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=ARGUMENTS)
        context = await browser.new_context(
            viewport={"width": 1280, "height": 640},
            color_scheme="dark" if scheme == "dark" else "light",
        )
        page = await context.new_page()
        for name, path in (("page", "/triggers"), ("new-trigger", "/triggers/new"), ("events", "/events")):
            await page.goto(url + path)
            await page.wait_for_load_state("load")
            await page.wait_for_selector("tbody tr")
            suffix = "" if scheme == "light" else "-dark"
            await page.screenshot(path=DOCS / f"{name}{suffix}.png")
        await browser.close()


if __name__ == "__main__":
    asyncio.run(main())
