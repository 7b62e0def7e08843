"""The frame around every page: search by keyboard, the bell, numbers revealed, forms that keep what is typed, paper."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pytest
from playwright.async_api import expect

from tests.doors.web.drawn import NOW, ZHANG
from tests.journeys.conftest import PHONE, WIDE, Person, Region
from xinglin.access.actor import Actor
from xinglin.kit.i18n import t
from xinglin.kit.notices import notices_of, notify, unread

Seat = Callable[..., Person]
RECORD = f"/person/{ZHANG}"


async def test_a_resident_is_found_and_opened_with_the_keyboard_alone(at_screen: Seat, region: Region) -> None:
    # Given a doctor somewhere in the platform
    page = await at_screen().open("/visit")
    # When they press Ctrl-K, type pinyin initials and choose with the arrows
    await page.keyboard.press("Control+k")
    await page.keyboard.type("zgl")
    options = page.get_by_role("option")
    await expect(options.first).to_contain_text("张桂兰")
    await expect(page.locator("#suggestions")).not_to_contain_text("580123195906181224")
    chosen = await options.evaluate_all("found => found.findIndex(one => one.textContent.includes('1224'))")
    for _ in range(chosen + 1):
        await page.keyboard.press("ArrowDown")
    await expect(page.get_by_role("combobox")).to_have_attribute("aria-activedescendant", f"option-1-{chosen + 1}")
    await page.keyboard.press("Enter")
    # Then the record stands open
    await expect(page).to_have_url(region.address + RECORD)


@pytest.mark.parametrize("typed", ["1224", "181224", "580123195906181224", "15412347734", "zhangguilan"])
async def test_the_end_of_a_number_a_whole_one_a_telephone_or_pinyin_leads_to_the_resident(at_screen: Seat, typed: str) -> None:
    page = await at_screen().open("/visit")
    await page.keyboard.press("Control+k")
    await page.keyboard.type(typed)
    await expect(page.get_by_role("option", name="****1224")).to_be_visible()


async def test_escape_leaves_the_search_and_returns_to_where_the_person_was(at_screen: Seat) -> None:
    page = await at_screen().open("/visit")
    await page.get_by_role("link", name="居民", exact=True).first.focus()
    await page.keyboard.press("Control+k")
    await page.keyboard.type("zgl")
    await expect(page.get_by_role("option").first).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("option")).to_have_count(0)
    await expect(page.get_by_role("link", name="居民", exact=True).first).to_be_focused()


@pytest.mark.parametrize(
    ("language", "typed", "title"), [("zh-CN", "jqjz", "近期就诊"), ("zh-CN", "recent", "近期就诊"), ("en", "近期", "Recent visits")]
)
async def test_a_page_is_found_by_name_in_either_language_and_by_pinyin(at_screen: Seat, region: Region, language, typed, title) -> None:
    page = await at_screen(language=language).open("/clinic")
    await page.keyboard.press("Control+k")
    await page.keyboard.type(typed)
    await expect(page.get_by_role("option", name=title)).to_be_visible()
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Enter")
    await expect(page).to_have_url(region.address + "/visit")


async def test_without_scripts_the_search_is_a_page_and_one_answer_is_opened_at_once(at_screen: Seat, region: Region) -> None:
    page = await at_screen(scripts=False).open("/clinic")
    await page.locator("#find").fill("zgl")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("link", name="****1224")).to_be_visible()
    await page.locator("#find").fill("580123195906181224")
    await page.keyboard.press("Enter")
    await expect(page).to_have_url(region.address + RECORD)


async def test_a_role_that_may_not_read_residents_finds_pages_only(at_screen: Seat) -> None:
    page = await at_screen(role="audit_admin").open("/find?q=zgl")
    await expect(page.get_by_text("没有找到“zgl”")).to_be_visible()
    await page.goto(page.url.replace("zgl", "sjx"))
    await expect(page.locator("#found").get_by_role("link", name="收件箱")).to_be_visible()


async def test_the_bell_counts_what_is_new_and_opening_it_is_reading_it(at_screen: Seat, region: Region) -> None:
    # Given a notice for dispatchers, told in phrases
    papers, now = notices_of(region.store), datetime.fromisoformat(NOW)
    await notify(papers, "role:dispatcher", t("Born {date}", date="2001-02-03"), "/person", now, "test", key="bell")
    # When a dispatcher opens any page, the bell says one, without anything popping up
    page = await at_screen(role="dispatcher").open("/emergency")
    bell = page.locator("#signals").get_by_role("link", name="提醒 1 项新的")
    await expect(bell).to_be_visible()
    # And the notice stands by its day, in their language
    await bell.click()
    await expect(page.get_by_role("heading", name="今天")).to_be_visible()
    await page.get_by_role("button", name="2001-02-03 出生").click()
    # Then it leads to what it is about, and is read for them, not for others
    await expect(page).to_have_url(region.address + "/person")
    await expect(page.locator("#signals").get_by_role("link", name="提醒", exact=True)).to_be_visible()
    assert await unread(papers, Actor("another", "dispatcher", ""), now) == 1


@pytest.mark.parametrize("scripts", [True, False])
async def test_a_whole_number_is_shown_only_when_asked_for(at_screen: Seat, scripts: bool) -> None:
    page = await at_screen(scripts=scripts).open(RECORD)
    await expect(page.locator("body")).not_to_contain_text("580123195906181224")
    await page.get_by_role("button", name="显示完整号码").click()
    await expect(page.get_by_text("580123195906181224")).to_be_visible()


async def test_typed_text_is_not_left_behind_without_asking(at_screen: Seat, region: Region) -> None:
    # Given a guarded form in which something was typed
    page = await at_screen().open("/sample")
    await page.get_by_label("主诉").fill("头痛三天")
    # When a link is followed
    await page.get_by_role("link", name="居民", exact=True).first.click()
    # Then the person is asked, and staying keeps everything
    dialog = page.get_by_role("dialog")
    await expect(dialog).to_contain_text("本页输入的内容还没有保存")
    await dialog.get_by_role("button", name="留在本页").click()
    await expect(page.get_by_label("主诉")).to_have_value("头痛三天")
    # And leaving leaves
    await page.get_by_role("link", name="居民", exact=True).first.click()
    await dialog.get_by_role("button", name="离开").click()
    await expect(page).to_have_url(region.address + "/person")


async def test_what_was_sent_is_not_asked_about(at_screen: Seat, region: Region) -> None:
    page = await at_screen().open("/sample")
    await page.get_by_label("主诉").fill("头痛三天")
    await page.get_by_label("血压").fill("128")
    await page.get_by_role("button", name="保存").click()
    await expect(page).to_have_url(region.address + "/person")
    await page.goto(region.address + "/sample")
    await expect(page.get_by_label("主诉")).to_have_value("")


async def test_an_error_stands_beside_its_field_and_everything_typed_is_still_there(at_screen: Seat) -> None:
    person = at_screen()
    page = await person.open("/sample")
    await page.get_by_label("主诉").fill("头痛三天")
    await page.get_by_label("血压").fill("900")
    await page.get_by_role("button", name="保存").click()
    field = page.get_by_label("血压")
    await expect(field).to_have_value("900")
    await expect(page.get_by_label("主诉")).to_have_value("头痛三天")
    await expect(field).to_have_attribute("aria-invalid", "true")
    await expect(field).to_have_accessible_description("血压超出可能范围")
    person.complaints.clear()  # the browser names the 422


async def test_a_draft_is_back_after_the_tab_lost_the_page_and_gone_when_started_afresh(at_screen: Seat, region: Region) -> None:
    page = await at_screen().open("/sample")
    await page.get_by_label("主诉").fill("头痛三天")
    page.on("dialog", lambda dialog: dialog.accept())  # the browser's own question
    await page.goto(region.address + "/sample")
    await expect(page.get_by_label("主诉")).to_have_value("头痛三天")
    await expect(page.get_by_text("已保留并恢复")).to_be_visible()
    await page.get_by_role("button", name="清空重填").click()
    await expect(page.get_by_label("主诉")).to_have_value("")


async def test_a_draft_of_one_person_is_never_shown_to_the_next_in_the_same_tab(at_screen: Seat, region: Region) -> None:
    page = await at_screen().open("/sample")
    await page.get_by_label("主诉").fill("头痛三天")
    page.on("dialog", lambda dialog: dialog.accept())
    nurse = {"name": "xinglin_session", "value": await region.session_of("nurse"), "url": region.address}
    await page.context.add_cookies([nurse])  # type: ignore[list-item]
    await page.goto(region.address + "/sample")
    await expect(page.get_by_label("主诉")).to_have_value("")


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
async def test_on_paper_stands_who_printed_it_when_and_where_and_nothing_of_the_screen(at_screen: Seat, size) -> None:
    page = await at_screen(size).open(RECORD)
    await page.emulate_media(media="print")
    head = page.locator(".x-print-head")
    await expect(head).to_contain_text("王庄村卫生室")
    await expect(head).to_contain_text("打印人：李医生")
    for gone in (".x-bar", ".x-menu", ".x-filter"):
        await expect(page.locator(gone).first).to_be_hidden()


async def test_printing_leaves_a_row(at_screen: Seat, region: Region) -> None:
    page = await at_screen().open(RECORD)
    async with page.expect_response("**/printed") as answered:
        await page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert (await answered.value).status == 204
