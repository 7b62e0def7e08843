"""What holds for every page that a menu reaches, in each role: 1440, 390 and 360 px, Chinese and English, with data, empty and error."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx
import pytest
from playwright.async_api import Page

from tests.doors.web.drawn import WANG, ZHANG
from tests.journeys.conftest import PHONE, WIDE, Person, Region
from tests.kit.phrases import folders
from tests.signed_in import COOKIE
from xinglin.kit.i18n import read_catalogues

Seat = Callable[..., Person]
ROLES = (
    "doctor", "nurse", "registrar", "public_health", "pharmacist", "dispatcher", "insurer", "regulator", "resident",
    "system_admin", "security_admin", "audit_admin",
)  # fmt: skip
BESIDES = {
    "doctor": (
        "/person?q=zgl", "/person?q=qqqq", "/find?q=zgl", "/find?q=jm", "/find", "/visit?days=30", f"/person/{ZHANG}", f"/person/{WANG}",
        f"/person/{ZHANG}/visit/stay", f"/person/{ZHANG}/year/2025", f"/person/{ZHANG}/result?code=http://loinc.org|85354-9", "/nowhere",
    ),
    "resident": (f"/person/{ZHANG}",),
}  # fmt: skip
"""Pages with data, without, and of errors, that no menu names."""
AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
WORDS = read_catalogues(folders())["zh-CN"].words
LABELS = "[...document.querySelectorAll('[aria-label],[placeholder],[title]')].flatMap(e => [e.ariaLabel, e.placeholder, e.title])"
SMALL = """
[...document.querySelectorAll(
    '.x-menu a, .x-bar summary, .x-bar-link, .btn, .form-control, .form-select, .card summary, .x-visit, .x-answers a')]
  .filter(e => e.offsetParent !== null && e.getBoundingClientRect().height < 44).map(e => e.outerHTML.slice(0, 120))
"""
BARRIERS = """
async () => (await axe.run(document, {resultTypes: ['violations']})).violations
  .filter(one => ['serious', 'critical'].includes(one.impact))
  .map(one => `${one.id}: ${one.nodes[0].html.slice(0, 160)} (${one.nodes[0].failureSummary.slice(0, 200)})`)
"""
ONLY_ENGLISH = {text for text, chinese in WORDS.items() if "{" not in text and len(text) > 3 and text not in chinese}
SMALLEST = (360, 740)
LED_TO = re.compile(r"<(?:nav|header).*?</(?:nav|header)>", re.DOTALL)
HREF = re.compile(r'href="(/[^"#]*)"')


@pytest.fixture(scope="module")
async def reached(region: Region) -> dict[str, list[str]]:
    """Role -> the pages its menus lead to, each page under the first role that reaches it."""
    found: dict[str, list[str]] = {}
    for role in ROLES:
        known = {path for paths in found.values() for path in paths}
        found[role] = [path for path in await _menus(region, role) if path not in known]
    return found


async def _menus(region: Region, role: str) -> list[str]:
    cookies = {COOKIE: await region.session_of(role)}
    async with httpx.AsyncClient(base_url=region.address, cookies=cookies, follow_redirects=True) as client:
        home = await client.get("/")
        assert home.status_code == 200, f"{role} has no home"
        homes = {home.url.path} | {path for path in _led_to(home.text) if path.count("/") == 1}
        pages = [await client.get(path) for path in sorted(homes)]
        return sorted({home.url.path} | {path for page in pages if page.status_code == 200 for path in _led_to(page.text)})


def _led_to(html: str) -> set[str]:
    return {path for part in LED_TO.findall(html) for path in HREF.findall(part)} - {"/static"}


@pytest.mark.parametrize("language", ["zh-CN", "en"])
@pytest.mark.parametrize("role", ROLES)
async def test_a_page_is_in_one_language_fits_the_screen_and_bars_nobody(
    at_screen: Seat, reached: dict[str, list[str]], role: str, language: str
) -> None:
    if not AXE.exists():
        pytest.skip("axe-core is not installed: make setup")
    person = at_screen(WIDE, language, role=role)
    wrong: dict[str, object] = {}
    for path in (*reached[role], *BESIDES.get(role, ())):
        page = await person.open(path)
        if found := [one async for one in _wrong_with(page, language)]:
            wrong[path] = found
        if path == "/nowhere":
            person.complaints.clear()  # the browser names the 404
        await page.set_viewport_size({"width": WIDE[0], "height": WIDE[1]})
    assert wrong == {}


async def _wrong_with(page: Page, language: str) -> AsyncIterator[str]:
    if await page.locator("html").get_attribute("lang") != language:
        yield "another language is declared"
    lines = {line.strip() for line in (await page.locator("body").inner_text()).splitlines()}
    said = lines | set(await page.evaluate(LABELS))
    strange = said & ONLY_ENGLISH if language == "zh-CN" else said & set(WORDS.values()) - {"English"}
    if strange:
        yield f"in the other language: {strange}"
    await page.evaluate(AXE.read_text(encoding="utf-8"))
    for width, height in (WIDE, PHONE, SMALLEST):
        await page.set_viewport_size({"width": width, "height": height})
        if not await page.evaluate("document.documentElement.scrollWidth <= innerWidth"):
            yield f"scrolls sideways at {width}"
        if width == PHONE[0] and (small := await page.evaluate(SMALL)):
            yield f"too small for a thumb: {small}"
        if width != SMALLEST[0]:
            for barrier in await page.evaluate(BARRIERS):
                yield f"at {width}: {barrier}"
