"""What the web door does for every page, whatever its capability."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import httpx
import pytest

from tests.doors.web.conftest import BASE
from tests.doors.web.drawn import NOW, ZHANG
from tests.signed_in import COOKIE, sign_in
from xinglin.access.tokens import issue
from xinglin.base.crypto import Keys
from xinglin.doors.web import House, web_app
from xinglin.doors.web.guards import own_address
from xinglin.kit.capability import Capability
from xinglin.kit.i18n import t
from xinglin.kit.pages import Moved, Page, Request, Shown
from xinglin.kit.unit import Unit
from xinglin.store import AuditRow, Store

Client = httpx.AsyncClient
SAME = {"sec-fetch-site": "same-origin"}


async def test_who_is_not_signed_in_is_asked_to_and_comes_back_to_where_they_wanted(client_of: Callable[..., Client]) -> None:
    stranger = client_of(role=None)
    sent = await stranger.get("/person?q=zgl")
    assert (sent.status_code, sent.headers["location"]) == (303, "/sign-in?next=%2Fperson%3Fq%3Dzgl")
    form = await stranger.get(sent.headers["location"])
    assert 'value="/person?q=zgl"' in form.text


async def test_a_cookie_that_is_no_session_opens_nothing(client_of: Callable[..., Client], keys: Keys) -> None:
    for made_up in ("made up", issue(keys, "doctor", "7"), "x" * 5000, "\u00e9"):
        answer = await client_of(role=None).get("/person", headers={"Cookie": f"{COOKIE}={made_up}".encode("latin-1")})
        assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?next=%2Fperson")


async def test_a_form_from_another_site_is_refused(doctor: Client) -> None:
    for headers in ({"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site"}, {"origin": "http://elsewhere.test"}, {}):
        for path in ("/sign-in", "/sign-out", "/language"):
            answer = await doctor.post(path, data={"language": "en", "token": "x"}, headers=headers)
            assert answer.status_code == 403, (path, headers)


async def test_a_browser_without_fetch_metadata_is_known_by_its_origin(doctor: Client) -> None:
    answer = await doctor.post("/language", data={"language": "en", "next": "/person"}, headers={"origin": BASE})
    assert (answer.status_code, answer.headers["location"]) == (303, "/person")


async def test_signing_out_ends_the_session_for_whoever_kept_its_cookie(client_of: Callable[..., Client], told: Store) -> None:
    doctor = client_of(role=None, **{COOKIE: await sign_in(told, "doctor", datetime.fromisoformat(NOW), id="7")})
    kept = dict(doctor.cookies)
    left = await doctor.post("/sign-out", headers=SAME)
    assert left.headers["location"] == "/sign-in"
    assert f'{COOKIE}=""' in left.headers["set-cookie"]
    again = await client_of(role=None, **kept).get("/person")
    assert (again.status_code, again.headers["location"]) == (303, "/sign-in?next=%2Fperson")


async def test_the_language_is_chinese_until_english_is_chosen(doctor: Client) -> None:
    assert 'lang="zh-CN"' in (await doctor.get("/person")).text
    chosen = await doctor.post("/language", data={"language": "en", "next": "/person"}, headers=SAME)
    doctor.cookies.update(chosen.cookies)
    page = (await doctor.get("/person")).text
    assert '<html lang="en">' in page
    assert "All residents" in page


async def test_every_answer_forbids_inline_script_and_style_and_is_not_kept(doctor: Client) -> None:
    for path in ("/clinic", "/person", f"/person/{ZHANG}", "/nowhere", "/sign-in"):
        answer = await doctor.get(path)
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["cache-control"] == "no-store"
        assert not re.search(r"<style|<script(?![^>]*\bsrc=)|\son\w+=|\sstyle=", answer.text), path


async def test_static_files_are_kept_for_good_under_an_address_that_changes_with_them(doctor: Client) -> None:
    page = (await doctor.get("/clinic")).text
    sheet = re.search(r'href="(/static/[0-9a-f]{12}/xinglin\.css)"', page)
    assert sheet
    answer = await doctor.get(sheet[1])
    assert answer.status_code == 200
    assert "immutable" in answer.headers["cache-control"]


async def test_an_address_that_is_not_there_is_a_page_with_a_way_back(doctor: Client) -> None:
    answer = await doctor.get("/nowhere")
    assert answer.status_code == 404
    assert "这个地址没有页面" in answer.text
    assert "李医生" in answer.text


async def test_an_error_in_an_htmx_request_is_a_notice_that_leaves_the_page_standing(doctor: Client) -> None:
    answer = await doctor.get(f"/person/{ZHANG}/visit/none", headers={"HX-Request": "true", "HX-Target": "document"})
    assert answer.status_code == 404
    assert answer.headers["hx-retarget"] == "#notice"
    assert "<html" not in answer.text


async def test_a_session_that_ended_sends_an_htmx_request_to_the_sign_in_page(client_of: Callable[..., Client]) -> None:
    answer = await client_of(role=None).get("/person", headers={"HX-Request": "true", "HX-Target": "found"})
    assert (answer.status_code, answer.headers["hx-redirect"]) == (401, "/sign-in?next=%2Fperson")


@pytest.mark.parametrize("role", ["audit_admin", "system_admin", "regulator"])
async def test_a_role_that_may_not_read_residents_meets_no_record_and_no_menu_line(client_of: Callable[..., Client], role: str) -> None:
    client = client_of(role)
    assert (await client.get("/person")).status_code == 403
    assert (await client.get(f"/person/{ZHANG}")).status_code == 403
    assert 'href="/person"' not in (await client.get("/clinic")).text


async def test_a_registrar_finds_residents_but_opens_no_record(client_of: Callable[..., Client]) -> None:
    registrar = client_of("registrar")
    assert (await registrar.get("/person")).status_code == 200
    assert (await registrar.get(f"/person/{ZHANG}")).status_code == 403


async def test_each_page_opened_or_refused_leaves_an_audit_row(client_of: Callable[..., Client], trail: list[AuditRow]) -> None:
    await client_of().get(f"/person/{ZHANG}?place=village")
    await client_of("audit_admin").get(f"/person/{ZHANG}")
    seen = [(row.role, row.type, row.id, row.query, row.status) for row in trail]
    assert seen == [
        ("doctor", "Patient", ZHANG, f"/person/{ZHANG}?place=village", 200),
        ("audit_admin", "Patient", ZHANG, f"/person/{ZHANG}", 403),
    ]


async def test_a_mistake_of_ours_is_a_page_that_shows_nothing_of_it(house: House, client_of: Callable[..., Client]) -> None:
    async def breaks(unit: Unit, request: Request) -> Shown:
        raise RuntimeError("the secret of the house")

    broken = Capability(t("Health record"), workspaces=("clinic",), pages=(Page("GET", "/broken", breaks),))
    app = web_app(replace(house, capabilities={"broken": broken}, folders={}))
    cookies = dict(client_of().cookies)
    async with Client(transport=httpx.ASGITransport(app, raise_app_exceptions=False), base_url=BASE, cookies=cookies) as client:
        answer = await client.get("/broken")
    assert answer.status_code == 500
    assert "操作没有成功" in answer.text
    assert "secret" not in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]


async def test_a_deed_moves_on_only_within_this_site(house: House, client_of: Callable[..., Client]) -> None:
    async def moves(unit: Unit, request: Request) -> Moved:
        return Moved(request.form["to"])

    deed = Capability(t("Health record"), workspaces=("clinic",), pages=(Page("POST", "/deed", moves),))
    app = web_app(replace(house, capabilities={"deed": deed}, folders={}))
    async with Client(transport=httpx.ASGITransport(app), base_url=BASE, cookies=dict(client_of().cookies)) as client:
        for to, gone in (("/person/7", "/person/7"), ("https://elsewhere.test/", "/"), ("//elsewhere.test", "/")):
            answer = await client.post("/deed", data={"to": to}, headers=SAME)
            assert (answer.status_code, answer.headers["location"]) == (303, gone)


@pytest.mark.parametrize("address", ["https://a.test/", "//a.test", "/\\a.test", "javascript:alert(1)", "", "person", "/a\nSet-Cookie: b"])
def test_an_address_that_leads_elsewhere_becomes_the_start(address: str) -> None:
    assert own_address(address) == "/"
