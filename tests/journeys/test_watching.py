"""The pages of the resident's say, of emergency access and of the security centre, on a wide screen and a phone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.journeys.conftest import PHONE, WIDE, Person

Seat = Callable[..., Person]
AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
PAGES = {
    "resident": (
        "/who-looked", "/my-care", "/my-consent", "/my-consent/new?q=医", "/my-consent/review?effect=deny&what=all", "/my-objection",
    ),
    "doctor": ("/emergency-access",),
    "security_admin": (
        "/security-centre", "/security/emergency", "/security/objection", "/security/sign-in", "/security/session", "/security/account",
        "/security/key", "/security/asset", "/security/control",
    ),
    "audit_admin": ("/security/audit", "/security/ledger"),
}  # fmt: skip


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
@pytest.mark.parametrize("role", PAGES)
async def test_no_page_scrolls_sideways_or_has_a_serious_barrier(at_screen: Seat, role: str, size: tuple[int, int]) -> None:
    if not AXE.exists():
        pytest.skip("axe-core is not installed: make setup")
    person, found = at_screen(size, role=role), {}
    for path in PAGES[role]:
        page = await person.open(path)
        assert await page.locator("h1").count() == 1, path
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{path} scrolls sideways"
        await page.evaluate(AXE.read_text(encoding="utf-8"))
        report = await page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        serious = [one for one in report["violations"] if one["impact"] in ("serious", "critical")]
        if serious:
            found[path] = [f"{one['id']}: {one['nodes'][0]['html'][:120]}" for one in serious]
    person.complaints.clear()
    assert found == {}


async def test_targets_of_the_residents_forms_are_large_enough_for_a_thumb_and_larger_for_elders(at_screen: Seat) -> None:
    targets = "'.x-main .form-check, .x-main .btn, .x-main .form-control'"
    heights = f"[...document.querySelectorAll({targets})].map(one => one.getBoundingClientRect().height)"
    for least, cookies in ((44, {}), (60, {"xinglin_elder": "1"})):
        page = await at_screen(PHONE, role="resident", **cookies).open("/my-consent/new?q=医")
        measured = await page.evaluate(heights)
        assert measured
        assert min(measured) >= least
