"""An engine that wants a key."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.browser.conftest import Open
from tests.browser.rig import running_engine

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_without_the_key_the_page_asks_for_it_and_goes_on_where_it_was(open_page: Open, tmp_path: Path) -> None:
    async with running_engine(tmp_path, X_API_KEY="correct horse") as api:
        await api.trigger("behind-the-key")
        page = await open_page(f"{api.url}/triggers?q=behind", expected=("401",))
        await expect(page.get_by_role("alert")).to_contain_text("asks for an API key")
        await expect(page.get_by_label("API key")).to_be_focused()
        await page.get_by_label("API key").fill("wrong")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("alert")).to_contain_text("does not accept")
        await page.get_by_label("API key").fill("correct horse")
        await page.keyboard.press("Enter")
        await expect(page).to_have_url(f"{api.url}/triggers?q=behind")
        await expect(page.get_by_role("link", name="behind-the-key", exact=True)).to_be_visible()
        await expect(page.get_by_text("Live", exact=True)).to_be_visible()
        await page.context.close()
