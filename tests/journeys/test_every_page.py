"""What holds for every page that a menu reaches: 1440 and 390 px, Chinese and English, with data, empty and error."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.doors.web.drawn import WANG, ZHANG
from tests.journeys.conftest import PHONE, WIDE, Person
from tests.kit.phrases import folders
from xinglin.kit.i18n import read_catalogues

Seat = Callable[..., Person]
PAGES = {
    "home": "/clinic",
    "residents": "/person",
    "found": "/person?q=zgl",
    "nobody": "/person?q=qqqq",
    "record": f"/person/{ZHANG}",
    "empty record": f"/person/{WANG}",
    "visit": f"/person/{ZHANG}/visit/stay",
    "year": f"/person/{ZHANG}/year/2025",
    "result": f"/person/{ZHANG}/result?code=http://loinc.org|85354-9",
    "recent visits": "/visit?days=30",
    "no such page": "/nowhere",
    "sign-in": "/sign-in",
}
AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
WORDS = read_catalogues(folders())["zh-CN"].words
LABELS = "[...document.querySelectorAll('[aria-label],[placeholder],[title]')].flatMap(e => [e.ariaLabel, e.placeholder, e.title])"
SMALL = """
[...document.querySelectorAll('.x-menu a, .x-bar summary, .btn, .form-control, .form-select, .card summary, .x-visit')]
  .filter(e => e.offsetParent !== null && e.getBoundingClientRect().height < 44).map(e => e.outerHTML.slice(0, 120))
"""
ONLY_ENGLISH = {text for text, chinese in WORDS.items() if "{" not in text and len(text) > 3 and text not in chinese}


@pytest.mark.parametrize("language", ["zh-CN", "en"])
@pytest.mark.parametrize("size", [WIDE, PHONE, (360, 740)], ids=["wide", "phone", "small phone"])
async def test_no_page_scrolls_sideways_or_leaves_words_of_the_other_language(at_screen: Seat, size, language: str) -> None:
    person = at_screen(size, language)
    for name, path in PAGES.items():
        page = await person.open(path)
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{name} scrolls sideways"
        assert await page.locator("html").get_attribute("lang") == language
        lines = {line.strip() for line in (await page.locator("body").inner_text()).splitlines()}
        labels = set(await page.evaluate(LABELS))
        if language == "zh-CN":
            assert (lines | labels) & ONLY_ENGLISH == set(), name
        else:
            assert (lines | labels) & set(WORDS.values()) <= {"English"}, name
        if path == "/nowhere":
            person.complaints.clear()  # the browser names the 404


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
async def test_no_page_has_a_serious_barrier(at_screen: Seat, size) -> None:
    if not AXE.exists():
        pytest.skip("axe-core is not installed: make setup")
    person = at_screen(size)
    found: dict[str, list[str]] = {}
    for name, path in PAGES.items():
        page = await person.open(path)
        await page.evaluate(AXE.read_text(encoding="utf-8"))
        report = await page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        serious = [one for one in report["violations"] if one["impact"] in ("serious", "critical")]
        if serious:
            found[name] = [f"{one['id']}: {one['nodes'][0]['html'][:160]} ({one['nodes'][0]['failureSummary'][:200]})" for one in serious]
    person.complaints.clear()
    assert found == {}


async def test_targets_on_a_phone_are_large_enough_for_a_thumb(at_screen: Seat) -> None:
    person = at_screen(PHONE)
    for path in ("/clinic", "/person", f"/person/{ZHANG}"):
        page = await person.open(path)
        small = await page.evaluate(SMALL)
        assert small == [], path
