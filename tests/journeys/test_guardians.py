"""A registrar enters who acts for an elder; the elder finds the agent on her phone and takes the authority back."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from tests.doors.web.drawn import WANG, ZHANG
from tests.journeys.conftest import PHONE, WIDE, Person, Region
from xinglin.store import Delete, Scope

Seat = Callable[..., Person]
AT = f"/person/{ZHANG}/guardians"
SIDEWAYS = "document.documentElement.scrollWidth > innerWidth"
PICTURES = os.environ.get("XINGLIN_TEST_PICTURES")
"""A folder for pictures of the pages, for whoever wants to look."""


async def picture(page: Page, name: str) -> None:
    assert not await page.evaluate(SIDEWAYS), f"{name} scrolls sideways"
    if PICTURES:
        await page.screenshot(path=Path(PICTURES) / f"{name}.png", full_page=True)


@pytest.fixture
async def afterwards(region: Region):
    """What the journey entered does not stay for others."""
    yield
    records = region.store.records(Scope.everyone())
    for type_ in ("RelatedPerson", "DocumentReference"):
        for one in await records.find(type_, f"patient=Patient/{ZHANG}"):
            await records.write([Delete(type_, one["id"])])


async def test_a_registrar_enters_an_agent_and_the_elder_takes_the_authority_back(at_screen: Seat, region: Region, afterwards) -> None:
    # Given a registrar who looks for the elder by her number
    registrar = at_screen(role="registrar")
    desk = await registrar.open("/guardianship")
    await desk.locator("#q").fill("580123195906181224")
    await desk.locator(".x-search").get_by_role("button", name="查找").click()
    await picture(desk, "search-1440-zh")
    await desk.locator("td a", has_text="张桂兰").click()
    await expect(desk.get_by_text("没有监护人或代理人")).to_be_visible()
    await desk.get_by_role("link", name="登记监护或代理").click()
    # When a parent is tried for an adult, it is refused in words and what was typed stays
    await desk.get_by_label("关系").select_option("parent")
    await desk.get_by_label("对方姓名").fill("王建国")
    await desk.get_by_label("对方身份证号").fill("580123198802290011")
    await desk.get_by_label("对方电话").fill("15400001111")
    await desk.get_by_label("截止日期").fill("2028-06-30")
    await desk.get_by_label("证明材料", exact=False).first.select_option("notarised")
    await desk.get_by_label("材料编号").fill("公证2026-9")
    await desk.get_by_label("材料日期").fill("2026-11-01")
    paper = {"name": "委托书.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.4"}
    await desk.locator("#file").set_input_files(paper)  # type: ignore[arg-type]
    await picture(desk, "form-1440-zh")
    await desk.get_by_role("button", name="保存").click()
    await expect(desk.get_by_text("父母身份只适用于未成年人")).to_be_visible()
    await expect(desk.get_by_label("对方姓名")).to_have_value("王建国")
    await picture(desk, "refused-1440-zh")
    registrar.complaints.clear()  # the browser names the 422
    # Then as an agent it is entered
    await desk.get_by_label("关系").select_option("agent")
    await desk.locator("#file").set_input_files(paper)  # type: ignore[arg-type]
    await desk.get_by_role("button", name="保存").click()
    await expect(desk.get_by_role("heading", name="王建国 代理 张桂兰")).to_be_visible()
    await picture(desk, "entry-1440-zh")
    # And the elder sees it on her phone and takes it back
    phone = await at_screen(PHONE, role="resident").open("/family")
    await expect(phone.get_by_text("到 2028-06-30")).to_be_visible()
    await picture(phone, "family-390-zh")
    await phone.get_by_role("link", name="终止委托").click()
    await picture(phone, "ending-390-zh")
    await phone.get_by_role("button", name="立即终止").click()
    await expect(phone).to_have_url(region.address + "/family")
    await expect(phone.get_by_text("本人撤销")).to_be_visible()
    await expect(phone.get_by_role("link", name="终止委托")).to_have_count(0)


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
async def test_the_pages_stand_in_english_too(at_screen: Seat, size) -> None:
    width = size[0]
    desk = at_screen(size, "en", role="registrar")
    for name, path in (("list", AT), ("form", f"{AT}/new"), ("other", f"/person/{WANG}/guardians")):
        page = await desk.open(path)
        await expect(page.locator("html")).to_have_attribute("lang", "en")
        await picture(page, f"{name}-{width}-en")
    family = await at_screen(size, "en", role="resident").open("/family")
    await expect(family.get_by_role("heading", name="Whom I act for")).to_be_visible()
    await picture(family, f"family-{width}-en")
