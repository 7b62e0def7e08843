"""A doctor signs in and finds a resident."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.async_api import expect

from tests.journeys.conftest import PHONE, WIDE, Person, Region
from tests.signed_in import sign_in

Seat = Callable[..., Person]


async def test_a_doctor_stands_at_the_home_of_the_clinic(at_screen: Seat, region: Region) -> None:
    page = await at_screen().open("/")
    # Given the home of a workspace, its numbers lead to their lists
    await expect(page).to_have_url(region.address + "/clinic")
    await page.get_by_role("link", name="今日就诊").click()
    await expect(page).to_have_url(region.address + "/visit?days=1")
    await expect(page.get_by_role("link", name="张桂兰")).to_be_visible()


async def test_signing_out_closes_every_page(at_screen: Seat, region: Region) -> None:
    doctor = at_screen(role=None, xinglin_session=await sign_in(region.store, "doctor", region.house.now(), id="doctor-7"))
    page = await doctor.open("/clinic")
    await page.locator(".x-drop-end summary").click()
    await page.get_by_role("button", name="退出登录").click()
    await expect(page).to_have_url(region.address + "/sign-in")
    await page.goto(region.address + "/person")
    await expect(page.get_by_label("登录名")).to_be_visible()


@pytest.mark.parametrize("size", [WIDE, PHONE])
async def test_residents_appear_while_their_initials_are_typed_and_the_address_is_kept(at_screen: Seat, region: Region, size) -> None:
    # Given the list of residents
    doctor = at_screen(size)
    page = await doctor.open("/person")
    # When pinyin initials are typed
    await page.get_by_role("searchbox", name="查找居民").last.press_sequentially("zgl")
    # Then the resident appears, and the address can be handed on
    await expect(page.locator("#found")).to_contain_text("****1224")
    await expect(page).to_have_url(region.address + "/person?q=zgl")
    await expect(page.locator("#found")).not_to_contain_text("580123195906181224")
    # And what was typed is still there after a reload
    await page.reload()
    await expect(page.locator("#q")).to_have_value("zgl")
    await page.locator("#found a", has_text="张桂兰").last.click()
    await expect(page.get_by_role("heading", name="张桂兰")).to_be_visible()


async def test_nobody_found_says_what_to_try_next(at_screen: Seat) -> None:
    page = await at_screen().open("/person?q=不存在的人")
    await expect(page.get_by_text("没有找到“不存在的人”")).to_be_visible()
    page = await at_screen(language="en").open("/person?q=1")
    await expect(page.get_by_text("Type a little more")).to_be_visible()


async def test_the_list_goes_on_by_a_link_that_works_with_and_without_scripts(at_screen: Seat) -> None:
    for scripts in (True, False):
        page = await at_screen(scripts=scripts).open("/person")
        first = await page.locator(".x-first a").first.get_attribute("href")
        await page.get_by_role("link", name="下一页").click()
        await expect(page.get_by_role("link", name="第一页")).to_be_visible()
        assert await page.locator(".x-first a").first.get_attribute("href") != first


async def test_without_a_connection_what_was_typed_is_kept_and_the_person_is_told(at_screen: Seat) -> None:
    doctor = at_screen()
    page = await doctor.open("/person")
    await page.context.set_offline(True)
    await page.locator("#q").press_sequentially("zgl")
    await expect(page.get_by_text("网络不通")).to_be_visible()
    await expect(page.locator("#q")).to_have_value("zgl")
    doctor.complaints.clear()  # the browser says that it is offline


async def test_a_list_is_worked_through_with_the_keyboard_alone(at_screen: Seat) -> None:
    page = await at_screen().open("/person?q=1224")
    await page.locator("#q").focus()
    await page.keyboard.press("Tab")  # from the box over the button to the first resident
    await page.keyboard.press("Tab")
    ring = await page.evaluate(
        "getComputedStyle(document.activeElement).outlineStyle + getComputedStyle(document.activeElement).outlineWidth"
    )
    assert ring == "solid3px"
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="张桂兰")).to_be_visible()
