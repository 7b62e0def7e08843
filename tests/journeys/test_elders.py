"""A resident with weak eyes: the large view, measured (MIIT guideline for elders: letters, targets, contrast, nothing that moves)."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.async_api import expect

from tests.doors.web.drawn import ZHANG
from tests.journeys.conftest import PHONE, WIDE, Person, Region

Seat = Callable[..., Person]
PAGES = ("/resident", f"/person/{ZHANG}", "/inbox", "/notice", "/me")
LETTERS_PX_MIN, LINE_MIN, TARGET_PX_MIN, CONTRAST_MIN = 20, 1.7, 60, 7

WORDS = """
  const words = [...document.querySelectorAll('body *')].filter(e => e.checkVisibility() && !e.closest('svg, .visually-hidden, .x-skip')
    && [...e.childNodes].some(node => node.nodeType === 3 && node.data.trim()));
  const said = e => `${e.className} ${e.textContent.trim().slice(0, 30)}`;
"""
SMALL_LETTERS = f"""least => {{ {WORDS}
  const sizes = words.map(e => [e, getComputedStyle(e)]).map(([e, s]) => [e, parseFloat(s.fontSize), parseFloat(s.lineHeight)]);
  const small = sizes.filter(([, px, line]) => px < least.px || line / px < least.line - .01);
  return small.map(([e, px, line]) => `${{said(e)}} ${{px}} ${{line}}`);
}}"""
SMALL_TARGETS = """least => [...document.querySelectorAll('a, button, summary, input:not([type=hidden]), select')]
  .filter(e => e.checkVisibility() && !e.closest('.x-skip') && e.getBoundingClientRect().height < least)
  .map(e => `${e.outerHTML.slice(0, 100)} ${e.getBoundingClientRect().height}`)"""
PALE = f"""least => {{ {WORDS}
  const parse = text => {{ const parts = text.match(/[\\d.]+/g).map(Number); return parts.length > 3 ? parts : [...parts, 1]; }};
  const linear = value => value <= .03928 ? value / 12.92 : ((value + .055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => .2126 * linear(r / 255) + .7152 * linear(g / 255) + .0722 * linear(b / 255);
  const behind = e => {{
    for (; e; e = e.parentElement) {{ const under = parse(getComputedStyle(e).backgroundColor); if (under[3] > .9) return under; }}
    return [255, 255, 255];
  }};
  const ratio = (a, b) => (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
  return words.map(e => [e, ratio(light(parse(getComputedStyle(e).color)), light(behind(e)))])
    .filter(([, found]) => found < least).map(([e, found]) => `${{said(e)}} ${{found.toFixed(1)}}`);
}}"""
"""WCAG 2.1 contrast of each text with the first opaque surface behind it."""
MOVING = """document.getAnimations().length
  + [...document.querySelectorAll('*')].filter(e => getComputedStyle(e).transitionDuration !== '0s').length"""


async def test_one_touch_at_home_makes_everything_larger_and_back(at_screen: Seat, region: Region) -> None:
    page = await at_screen(PHONE, role="resident").open("/")
    await page.get_by_role("main").get_by_role("button", name="长辈版").click()
    await expect(page).to_have_url(region.address + "/resident")
    await expect(page.locator("html")).to_have_class("x-elder")
    await page.get_by_role("main").get_by_role("button", name="标准版").click()
    await expect(page.locator("html")).not_to_have_class("x-elder")


@pytest.mark.parametrize("size", [WIDE, PHONE, (360, 740)], ids=["wide", "phone", "small phone"])
async def test_letters_lines_targets_and_contrast_are_as_large_as_elders_need(at_screen: Seat, size) -> None:
    person = at_screen(size, role="resident", xinglin_elder="1")
    wrong: dict[str, object] = {}
    for path in PAGES:
        page = await person.open(path)
        found = {
            "letters": await page.evaluate(SMALL_LETTERS, {"px": LETTERS_PX_MIN, "line": LINE_MIN}),
            "targets": await page.evaluate(SMALL_TARGETS, TARGET_PX_MIN),
            "pale": await page.evaluate(PALE, CONTRAST_MIN),
            "moving": await page.evaluate(MOVING),
            "sideways": not await page.evaluate("document.documentElement.scrollWidth <= innerWidth"),
        }
        if any(found.values()):
            wrong[path] = {name: told for name, told in found.items() if told}
    assert wrong == {}


async def test_nothing_pops_up_in_the_large_view_and_what_was_typed_is_kept(at_screen: Seat, region: Region) -> None:
    page = await at_screen(PHONE, role="resident", xinglin_elder="1").open("/sample")
    await page.get_by_label("主诉").fill("头痛三天")
    await page.locator(".x-menu").get_by_role("link", name="首页").click()
    await expect(page).to_have_url(region.address + "/resident")
    await page.goto(region.address + "/sample")
    await expect(page.get_by_label("主诉")).to_have_value("头痛三天")


async def test_staff_have_no_large_view_even_with_the_residents_choice_in_their_browser(at_screen: Seat) -> None:
    page = await at_screen(xinglin_elder="1").open("/clinic")
    await expect(page.locator("html")).not_to_have_class("x-elder")


async def test_the_bottom_of_a_residents_phone_has_only_what_exists(at_screen: Seat) -> None:
    page = await at_screen(PHONE, role="resident").open("/resident")
    names = await page.locator(".x-menu > a:visible").all_inner_texts()
    assert names[0] == "首页"
    assert names[-1] == "我的"
    assert "我的档案" in names
    for link in await page.locator(".x-menu > a").all():
        answer = await page.request.get(page.url.rpartition("/")[0] + (await link.get_attribute("href") or ""))
        assert answer.ok
