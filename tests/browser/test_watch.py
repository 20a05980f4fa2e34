"""Reading lists and events, and acting on what is there."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, expect

from tests.browser.conftest import Open
from tests.browser.rig import HOSTILE, Api, Line, Receiver

pytestmark = pytest.mark.asyncio(loop_scope="session")

LOST = ("ERR_CONNECTION", "ERR_INCOMPLETE", "ERR_EMPTY", "ERR_SOCKET", "ERR_NETWORK")
BACKGROUND = "getComputedStyle(document.body).backgroundColor"


async def test_pause_resume_fire_and_delete(open_page: Open, api: Api) -> None:
    await api.trigger("acted-on", schedule="every 1h")
    page = await open_page(f"{api.url}/triggers?q=acted-on")
    row = page.locator("tbody tr")
    await row.get_by_role("button", name="Pause").click()
    await expect(row).to_contain_text("paused")
    await row.get_by_role("button", name="Resume").click()
    await expect(row).to_contain_text("active")
    await row.get_by_role("button", name="Fire now").click()
    await expect(page.locator(".notices")).to_contain_text("event")
    await expect(row).not_to_contain_text("never")
    await row.get_by_role("button", name="Delete").click()
    await page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    await expect(page.get_by_text("No trigger matches.")).to_be_visible()
    assert "acted-on" not in await api.names()


async def test_a_hostile_answer_is_shown_as_text_and_replayed_both_ways(
    open_page: Open, api: Api, receiver: Receiver
) -> None:
    trigger = await api.trigger("hostile", target={"url": f"{receiver.url}/hostile"}, payload="<b>bold</b>")
    event = await api.fire(trigger)
    page = await open_page(f"{api.url}/events/{event['id']}")
    await expect(page.locator("pre").last).to_have_text(HOSTILE)
    assert await page.locator("main b, main img, main script, pre h1").count() == 0
    await expect(page).to_have_title(f"Event {event['id']} · Event triggers")
    await api.call("PATCH", f"/triggers/{trigger['id']}", {"target": {"url": f"{receiver.url}/ok"}})
    for choice, outcome in (("The same bytes", "failed"), ("Through the trigger", "delivered")):
        await page.goto(f"{api.url}/events/{event['id']}")
        await page.get_by_role("button", name="Replay").click()
        await page.get_by_role("dialog").get_by_text(choice).click()
        await page.get_by_role("dialog").get_by_role("button", name="Replay").click()
        await expect(page.get_by_text(f"· {outcome}")).to_be_visible()
        await expect(page.get_by_role("link", name=f"event {event['id']}")).to_be_visible()
    assert receiver.bodies == [b'"<b>bold</b>"'] * 3


async def test_the_stream_is_taken_up_again_without_doubles_and_old_rows_stay(
    open_page: Open, api: Api, receiver: Receiver
) -> None:
    trigger = await api.trigger("streamed", target={"url": f"{receiver.url}/ok"})
    line = Line(api.url)
    await line.mend()
    page = await open_page(f"{line.url}/events?trigger_name=streamed", expected=LOST)
    try:
        await expect(page.get_by_text("Live", exact=True)).to_be_visible()
        first = await api.fire(trigger)
        await expect(page.locator("tbody tr")).to_have_count(1)
        await line.cut()
        second = await api.fire(trigger)
        await expect(page.get_by_text("reconnecting")).to_be_visible(timeout=10_000)
        await expect(page.get_by_text("Last updated")).to_be_visible()
        await expect(page.locator("tbody tr")).to_have_count(1)
        await page.get_by_role("combobox", name="Age").select_option("all")
        await expect(page.get_by_role("alert")).to_contain_text("The events could not be read.")
        await expect(page.locator("tbody tr")).to_have_count(1)
        await line.mend()
        await expect(page.get_by_text("Live", exact=True)).to_be_visible(timeout=15_000)
        await page.get_by_role("button", name="Try again").click()
        await expect(page.locator("tbody tr")).to_have_count(2)
        third = await api.fire(trigger)
        await expect(page.locator("tbody tr")).to_have_count(3)
        await expect(page.locator("tbody").get_by_text("delivered")).to_have_count(3)
        await api.call("PUT", f"/events/archive/{third['id']}")
        await expect(page.locator("tbody tr").first).to_contain_text("archived")
        await expect(page.get_by_role("navigation", name="Pages")).to_have_text("3 events")
        assert await _ids(page) == [third["id"], second["id"], first["id"]]
        await expect(page.get_by_text("reconnecting")).to_be_hidden()
    finally:
        await page.context.close()
        await line.cut()


async def test_new_rows_wait_while_older_ones_are_read(open_page: Open, api: Api) -> None:
    trigger = await api.trigger("many")
    for _ in range(40):
        await api.fire(trigger)
    page = await open_page(f"{api.url}/events?trigger_name=many")
    await expect(page.locator("tbody tr")).to_have_count(40)
    await page.mouse.wheel(0, 800)
    await expect(page.get_by_role("heading", name="Events")).not_to_be_in_viewport()
    await api.fire(trigger)
    await api.fire(trigger)
    waiting = page.get_by_role("button", name="2 new")
    await expect(waiting).to_be_visible()
    await expect(page.locator("tbody tr")).to_have_count(40)
    await waiting.click()
    await expect(page.locator("tbody tr")).to_have_count(42)
    assert len(set(await _ids(page))) == 42
    await page.locator("tbody a").last.click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Recorded; there was nothing to send")
    await page.go_back()
    await expect(page.locator("tbody tr")).to_have_count(42)
    await expect(page.get_by_role("heading", name="Events")).not_to_be_in_viewport()


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_a_phone_shows_every_view_without_scrolling_sideways(open_page: Open, api: Api, scheme: str) -> None:
    name = f"on-a-phone-{scheme}-" + "x" * 120
    trigger = await api.trigger(name, target={"url": "http://127.0.0.1:9/" + "y" * 300}, retry={"attempts_max": 1})
    event = await api.fire(trigger)
    page = await open_page(f"{api.url}/triggers", viewport={"width": 390, "height": 844}, color_scheme=scheme)
    paths = (
        "/triggers",
        "/triggers/new",
        f"/triggers/{trigger['id']}",
        "/events",
        f"/events/{event['id']}",
        "/settings",
    )
    for path in paths:
        await page.goto(api.url + path)
        await expect(page.get_by_role("heading", level=1)).to_be_visible()
        await page.wait_for_load_state("load")
        assert await page.evaluate("document.documentElement.scrollWidth") <= 390, path
        small = await page.evaluate(
            "[...document.querySelectorAll('main button:not(.chip), main input:not([type=radio]), main select')]"
            ".filter((one) => one.offsetHeight > 0 && one.offsetHeight < 44).map((one) => one.outerHTML)"
        )
        assert small == [], path


async def test_the_theme_follows_the_system_until_one_is_chosen(open_page: Open, api: Api) -> None:
    page = await open_page(f"{api.url}/settings", color_scheme="dark")
    assert await page.evaluate(BACKGROUND) == "rgb(18, 19, 22)"
    await page.get_by_role("radio", name="Light").check()
    await expect(page.locator("html")).to_have_attribute("data-theme", "light")
    await page.goto(f"{api.url}/events")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Events")
    assert await page.evaluate(BACKGROUND) == "rgb(250, 249, 246)"


async def _ids(page: Page) -> list[int]:
    return [int(str(await row.get_attribute("data-id"))) for row in await page.locator("tbody tr").all()]
