"""Making, changing and trying out triggers."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import expect

from tests.browser.conftest import Open
from tests.browser.rig import Api, Receiver

pytestmark = pytest.mark.asyncio(loop_scope="session")

REFUSED = ("422", "409")


async def test_a_trigger_made_on_the_page_calls_its_url_and_its_event_appears_by_itself(
    open_page: Open, api: Api, receiver: Receiver
) -> None:
    page = await open_page(f"{api.url}/triggers/new")
    await page.get_by_label("When").fill("in 1s")
    await page.get_by_label("URL to call").fill(f"{receiver.url}/ok")
    await page.get_by_label("Payload").fill('{"n": 9223372036854775808, "one": 1.0, "2": 2, "1": 1}')
    await page.get_by_label("Name", exact=True).fill("made-by-hand")
    await page.get_by_role("button", name="Create trigger").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("made-by-hand")
    row = page.get_by_role("row").filter(has_text="delivered")
    await expect(row).to_have_count(1)
    assert receiver.bodies == [b'{"n": 9223372036854775808, "one": 1.0, "2": 2, "1": 1}']
    await row.get_by_role("link").click()
    await expect(page.get_by_role("heading", level=1)).to_contain_text("Delivered")
    await expect(page.get_by_role("region", name="Attempts")).to_contain_text("9223372036854775808")


async def test_the_preview_comes_from_the_server_and_errors_stand_at_their_fields(open_page: Open, api: Api) -> None:
    await api.trigger("name-in-use")
    page = await open_page(f"{api.url}/triggers/new", expected=REFUSED)
    preview = page.get_by_role("region", name="Preview")
    await page.get_by_role("radio", name="Cron").check()
    await page.get_by_label("Cron expression").fill("30 2 * * MON-FRI")
    await page.get_by_label("Time zone").fill("America/New_York")
    await expect(preview).to_contain_text("02:30")
    await expect(preview.locator("tbody tr")).to_have_count(5)
    await expect(preview.locator("tbody tr").first).to_contain_text(re.compile(r"02:30:00 -0[45]:00"))
    for label, wrong, right in (
        ("Cron expression", "61 * * * *", "5 4 * * *"),
        ("Time zone", "Mars/Olympus", "UTC"),
    ):
        field = page.locator(".field").filter(has=page.get_by_label(label))
        await page.get_by_label(label).fill(wrong)
        await expect(field.locator(".wrong")).not_to_be_empty()
        await expect(page.get_by_label(label)).to_have_attribute("aria-invalid", "true")
        await page.get_by_label(label).fill(right)
        await expect(field.locator(".wrong")).to_be_empty()
    await page.get_by_label("Payload").fill('{"a": 1}, "name": "smuggled"')
    await page.get_by_label("Name", exact=True).fill("name-in-use")
    await page.get_by_role("button", name="Create trigger").click()
    await expect(page.locator("[data-field=payload] .wrong")).to_contain_text("JSON")
    await page.get_by_label("Cron expression").fill("0 4 * * *")
    await expect(preview.locator(".big")).to_contain_text("04:00")
    await expect(page.locator("[data-field=payload] .wrong")).to_contain_text("JSON")
    await page.get_by_label("Payload").fill('{"a": 1}')
    await page.get_by_role("button", name="Create trigger").click()
    await expect(page.locator("[data-field=name] .wrong")).to_contain_text("name-in-use")
    assert "smuggled" not in await api.names()


async def test_trying_a_trigger_out_saves_none(open_page: Open, api: Api, receiver: Receiver) -> None:
    before = await api.names()
    page = await open_page(f"{api.url}/triggers/new")
    await page.get_by_label("URL to call").fill(f"{receiver.url}/ok")
    await page.get_by_label("Payload").fill('{"big": 18446744073709551617}')
    test = page.get_by_role("region", name="Test without saving")
    await expect(test).to_contain_text("Nothing is saved")
    await test.get_by_role("button", name="Render only").click()
    await expect(test).to_contain_text("18446744073709551617")
    assert receiver.bodies == []
    await test.get_by_role("button", name="Send now").click()
    await expect(test).to_contain_text("received")
    await expect(test.locator(".timing")).to_contain_text("in all")
    assert receiver.bodies == [b'{"big": 18446744073709551617}']
    assert await api.names() == before


async def test_editing_sends_only_what_changed(open_page: Open, api: Api) -> None:
    made = await api.trigger(
        "to-edit", schedule={"kind": "interval", "every_s": 7200, "anchor": "2026-01-01T00:00:00Z"}, payload=2**70
    )
    page = await open_page(f"{api.url}/triggers/{made['id']}/edit")
    await expect(page.get_by_label("Payload")).to_have_value(str(2**70))
    await page.get_by_text("Description and tags").click()
    await page.get_by_label("Tags").fill("one, two")
    async with page.expect_request(lambda request: request.method == "PATCH") as sent:
        await page.get_by_role("button", name="Save changes").click()
    assert (await sent.value).post_data == '{"tags": ["one","two"]}'
    await expect(page.get_by_role("heading", level=1)).to_have_text("to-edit")
    after = await api.call("GET", f"/triggers/{made['id']}")
    assert after == {**made, "tags": ["one", "two"], "version": 2, "updated_at": after["updated_at"]}


async def test_by_keyboard_alone(open_page: Open, api: Api) -> None:
    page = await open_page(f"{api.url}/events")
    await page.keyboard.press("g")
    await page.keyboard.press("t")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Triggers")
    await page.keyboard.press("n")
    await expect(page.get_by_label("URL to call")).to_be_focused()
    await page.get_by_label("Name", exact=True).focus()
    await page.keyboard.press("Control+A")
    await page.keyboard.type("typed/n")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_have_text("typed/n")
    await page.keyboard.press("g")
    await page.keyboard.press("t")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Triggers")
    await expect(page.get_by_role("heading", level=1)).to_be_focused()
    await page.keyboard.press("/")
    await page.keyboard.type("typed")
    await expect(page.locator("tbody tr")).to_have_count(1)
    await expect(page).to_have_url(f"{api.url}/triggers?q=typed")
    await page.get_by_role("button", name="Delete typed/n").focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("dialog")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("dialog")).to_have_count(0)
    assert "typed/n" in await api.names()
