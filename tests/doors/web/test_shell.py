"""The frame around every page, as requests and answers: search, numbers in the bar, a whole number, prints, workspaces by role."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import httpx
import pytest

from tests.doors.web.conftest import BASE
from tests.doors.web.drawn import ZHANG
from xinglin.access.actor import ROLES
from xinglin.doors.web import House, web_app
from xinglin.kit.capability import Capability, Finder, Found, MenuEntry, Signal, Waiting
from xinglin.kit.i18n import t
from xinglin.kit.pages import Page, Request, Shown
from xinglin.kit.unit import Unit
from xinglin.kit.workspaces import WORKSPACES
from xinglin.store import AuditRow

Client = httpx.AsyncClient
SAME = {"sec-fetch-site": "same-origin"}
SUGGEST = {"HX-Request": "true", "HX-Target": "suggestions"}
NUMBER = "580123195906181224"


@pytest.mark.parametrize("role", [role for role in ROLES if role != "reader"])
async def test_each_role_begins_in_a_workspace_of_its_own_and_meets_no_other(client_of: Callable[..., Client], role: str) -> None:
    client = client_of(role)
    start = await client.get("/")
    assert start.status_code == 303
    begins = start.headers["location"].strip("/")
    for workspace in WORKSPACES:
        answer = await client.get(f"/{workspace.name}")
        assert answer.status_code == (200 if workspace.is_for(role) else 403), workspace.name
    assert next(one for one in WORKSPACES if one.name == begins).is_for(role)


async def test_the_workspace_last_opened_is_where_the_start_leads(client_of: Callable[..., Client]) -> None:
    doctor = client_of()
    doctor.cookies.update((await doctor.get("/hospital")).cookies)
    assert (await doctor.get("/")).headers["location"] == "/hospital"
    stranger = client_of("pharmacist", xinglin_workspace="hospital")
    assert (await stranger.get("/")).headers["location"] == "/pharmacy"


async def test_suggestions_are_a_piece_of_a_page_with_masked_numbers_and_leave_a_row(
    client_of: Callable[..., Client], trail: list[AuditRow]
) -> None:
    answer = await client_of().get("/find", params={"q": NUMBER}, headers=SUGGEST)
    assert "张桂兰" in answer.text
    assert "****1224" in answer.text
    assert NUMBER not in answer.text.replace(f"q={NUMBER}", "")
    assert "<html" not in answer.text
    assert [(row.type, len(row.patients)) for row in trail] == [("Patient", 1)]


async def test_one_answer_of_a_sent_search_is_opened_several_are_shown(doctor: Client) -> None:
    one = await doctor.get("/find", params={"q": NUMBER, "go": "1"})
    assert (one.status_code, one.headers["location"]) == (303, f"/person/{ZHANG}")
    assert (await doctor.get("/find", params={"q": "j", "go": "1"})).status_code == 200
    assert (await doctor.get("/find", params={"q": NUMBER})).status_code == 200


async def test_finders_are_asked_only_for_roles_that_may_open_their_pages(client_of: Callable[..., Client]) -> None:
    for role, finds in (("doctor", True), ("registrar", True), ("audit_admin", False), ("regulator", False)):
        answer = await client_of(role).get("/find", params={"q": NUMBER})
        assert ("张桂兰" in answer.text) is finds, role


@pytest.mark.parametrize("typed", ["<script>alert(1)</script>", "' OR 1=1 --", "%", "\\", "a" * 5000, "{0}", "\u202e", "｜,$"])
async def test_whatever_is_typed_into_the_search_is_only_text(doctor: Client, typed: str) -> None:
    answer = await doctor.get("/find", params={"q": typed}, headers=SUGGEST)
    assert answer.status_code == 200
    assert "<script>alert" not in answer.text


async def test_a_finder_and_waiting_work_are_found_in_any_capability(house: House, client_of: Callable[..., Client]) -> None:
    async def show(_unit: Unit, _request: Request) -> Shown:
        raise AssertionError("not opened here")

    async def find(_unit: Unit, _request: Request, typed: str, limit: int) -> list[Found]:
        return [Found(f"{typed} {n}", (t("Resident"),), f"/bed/{n}", "bed") for n in range(limit)]

    async def count(_unit: Unit, _request: Request) -> int:
        return 12

    beds = Capability(
        t("Health record"), workspaces=("clinic",), pages=(Page("GET", "/bed", show),), finders=(Finder(t("Residents"), "/bed", find),),
        inbox=(Waiting(t("My record"), "/bed", "bed", count),), menu=(MenuEntry(t("Recent visits"), "/bed", "bed"),),
    )  # fmt: skip
    app = web_app(replace(house, capabilities={**house.capabilities, "beds": beds}))
    async with Client(transport=httpx.ASGITransport(app), base_url=BASE, cookies=dict(client_of().cookies)) as client:
        suggested = (await client.get("/find", params={"q": "heart"}, headers=SUGGEST)).text
        assert suggested.count('href="/bed/') == 8
        assert 'href="/bed?q=heart"' in suggested
        assert "12" in (await client.get("/signals", headers={"HX-Request": "true", "HX-Target": "signals"})).text
        assert 'href="/bed"' in (await client.get("/inbox")).text


@pytest.mark.parametrize("language", ["zh-CN", "en"])
@pytest.mark.parametrize("count", [1, 1200])
async def test_a_number_in_the_bar_is_called_what_it_shows(
    house: House, client_of: Callable[..., Client], language: str, count: int
) -> None:
    async def show(_unit: Unit, _request: Request) -> Shown:
        raise AssertionError("not opened here")

    async def counted(_unit: Unit, _request: Request) -> int:
        return count

    bell = Capability(t("Health record"), pages=(Page("GET", "/bed", show),), signals=(Signal(t("Notices"), "/bed", "bell", counted),))
    app, cookies = web_app(replace(house, capabilities={"bell": bell})), {**client_of().cookies, "xinglin_language": language}
    async with Client(transport=httpx.ASGITransport(app), base_url=BASE, cookies=cookies) as client:
        page = (await client.get("/signals", headers={"HX-Request": "true", "HX-Target": "signals"})).text
    label = re.findall(r'aria-label="([^"]*)"', page)
    shown = [" ".join(re.sub(r"<[^>]+>", "", link).split()) for link in re.findall(r"<a class=\"x-bar-link\".*?</a>", page)]
    assert len(label) == len(shown) == 1
    assert str(min(count, 999)) in shown[0]
    assert shown[0] in label[0]


async def test_the_bar_asks_for_its_numbers_without_leaving_rows_and_says_nothing_to_strangers(
    client_of: Callable[..., Client], trail: list[AuditRow]
) -> None:
    assert (await client_of().get("/signals", headers={"HX-Request": "true", "HX-Target": "signals"})).status_code == 200
    assert trail == []
    ended = await client_of(None).get("/signals", headers={"HX-Request": "true", "HX-Target": "signals"})
    assert (ended.status_code, ended.text) == (204, "")


async def test_a_whole_number_is_shown_to_who_may_read_it_and_leaves_a_row_of_its_own(
    client_of: Callable[..., Client], trail: list[AuditRow]
) -> None:
    shown = await client_of().post(f"/number/{ZHANG}", headers=SAME)
    assert NUMBER in shown.text
    assert [(row.interaction, row.type, row.id, len(row.patients)) for row in trail] == [("reveal", "Patient", ZHANG, 1)]
    assert (await client_of("audit_admin").post(f"/number/{ZHANG}", headers=SAME)).status_code == 403
    assert (await client_of().post("/number/nobody", headers=SAME)).status_code == 404
    assert (await client_of().post(f"/number/{ZHANG}", headers={"sec-fetch-site": "cross-site"})).status_code == 403


async def test_a_print_leaves_a_row_about_whom_it_is(client_of: Callable[..., Client], trail: list[AuditRow]) -> None:
    answer = await client_of().post("/printed", data={"page": f"/person/{ZHANG}?place=village"}, headers=SAME)
    assert answer.status_code == 204
    (row,) = trail
    assert (row.interaction, row.type, row.id, len(row.patients)) == ("print", "Patient", ZHANG, 1)
    assert row.query == f"/person/{ZHANG}?place=village"


@pytest.mark.parametrize("page", ["/clinic", "/nowhere", "https://elsewhere.test/", "", "/\nx"])
async def test_a_print_of_any_other_page_is_noted_too(client_of: Callable[..., Client], trail: list[AuditRow], page: str) -> None:
    assert (await client_of().post("/printed", data={"page": page}, headers=SAME)).status_code == 204
    assert [(row.interaction, row.id) for row in trail] == [("print", None)]


async def test_a_notice_that_is_not_ones_own_cannot_be_opened(doctor: Client) -> None:
    assert (await doctor.post("/notice/of-someone-else/reading", headers=SAME)).status_code == 404


async def test_a_resident_is_led_to_their_own_record(client_of: Callable[..., Client]) -> None:
    unlinked = await client_of("resident").get("/my-record")
    assert unlinked.status_code == 404
    assert "还没有关联健康档案" in unlinked.text
    assert (await client_of("doctor").get("/my-record")).status_code == 403
