"""Signing in through pages, as a browser without scripts does it."""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator, Callable
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import httpx
import msgspec
import pyotp
import pytest

from tests.doors.web.conftest import everyone
from tests.doors.web.drawn import settle
from tests.signed_in import COOKIE, QUICK
from xinglin.access.accounts import Account, Hat, StepUp
from xinglin.access.accounts.model import Totp
from xinglin.base.ids import new_id
from xinglin.base.national_ids import make_resident_id
from xinglin.base.settings import Settings
from xinglin.doors.web import House, web_app
from xinglin.doors.web.door import WORKSPACE
from xinglin.doors.web.gate import Gate, gate_of
from xinglin.kit.workspaces import beginning
from xinglin.store import AuditRow, Scope, Store, Update

Client = httpx.AsyncClient
SAME = {"sec-fetch-site": "same-origin"}
PASSWORD, SECRET = "Xing-lin 2026 Chunsheng?", "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
NUMBER = make_resident_id("580123", date(1959, 6, 18), 122)
ROOM = Hat("h1", "doctor", "王庄村卫生室", "Practitioner/7", "r1", ("Organization/room",))
TOWN = Hat("h2", "public_health", "大王镇卫生院", "Practitioner/7", "r2", ("Organization/town",))


class Clock:
    """The time, moved by hand."""

    now = datetime(2026, 11, 22, 4, tzinfo=UTC)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def rows() -> list[AuditRow]:
    return []


@pytest.fixture
def gate(module_store: Store, rows: list[AuditRow]) -> Gate:
    return gate_of(Settings(demo=1), module_store, note=rows.append, passwords=QUICK)


def served(gate: Gate, store: Store, clock: Clock) -> httpx.ASGITransport:
    now = lambda: clock.now  # noqa: E731
    house = House({}, {}, gate=gate, records=everyone(store), now=now, language="zh-CN", timezone=ZoneInfo("Asia/Shanghai"))
    return httpx.ASGITransport(web_app(house))


@pytest.fixture
async def browser(gate: Gate, module_store: Store, clock: Clock) -> AsyncIterator[Client]:
    async with Client(transport=served(gate, module_store, clock), base_url="http://county.test", headers=SAME) as client:
        yield client


@pytest.fixture
def account_of(gate: Gate, clock: Clock) -> Callable:
    """Makes accounts of staff."""

    async def make(*hats: Hat, **known: object) -> Account:
        id_ = new_id()
        account = await gate.entrance.register.create(Account(id_, f"li.{id_[:8]}", "李春生", hats=hats or (ROOM,)), clock.now)
        account = await gate.entrance.set_password(account, PASSWORD, clock.now, issued=False)
        return await gate.entrance.register.change(id_, clock.now, lambda one: msgspec.structs.replace(one, **known))

    return make


def code(clock: Clock, secret: str = SECRET) -> str:
    return pyotp.TOTP(secret).at(clock.now)


async def test_a_doctor_signs_in_with_password_and_code_and_goes_where_they_wanted(browser: Client, account_of, clock: Clock) -> None:
    account = await account_of(totp=Totp(SECRET))
    first = await browser.post("/sign-in", data={"login": account.login, "password": PASSWORD, "next": "/person?q=zgl"})
    assert (first.status_code, first.headers["location"]) == (303, "/sign-in/factor?next=%2Fperson%3Fq%3Dzgl")
    cookie = first.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    before = browser.cookies[COOKIE]
    assert (await browser.get("/hat-less")).status_code == 404
    form = await browser.get(first.headers["location"])
    assert "第二重验证" in form.text
    entered = await browser.post("/sign-in/factor", data={"code": code(clock), "next": "/person?q=zgl"})
    assert (entered.status_code, entered.headers["location"]) == (303, "/person?q=zgl")
    assert browser.cookies[COOKIE] != before, "a session that opens has a new secret"


async def test_half_a_sign_in_opens_no_page_and_leads_back_to_its_step(browser: Client, account_of, clock: Clock) -> None:
    account = await account_of(totp=Totp(SECRET))
    await browser.post("/sign-in", data={"login": account.login, "password": PASSWORD})
    for path in ("/", "/sign-in/hat", "/sign-in/enrolment", "/sign-in/password", "/sign-in/again", "/sign-in/passkey"):
        answer = await browser.get(path)
        assert (answer.status_code, answer.headers["location"].partition("?")[0]) == (303, "/sign-in"), path
    assert (await browser.get("/sign-in?next=/x")).headers["location"] == "/sign-in/factor?next=%2Fx"
    posted = await browser.post("/sign-in/password", data={"present": PASSWORD, "new": "Other-Password-1", "again": "Other-Password-1"})
    assert posted.headers["location"].startswith("/sign-in")


async def test_the_same_words_meet_a_wrong_password_and_an_unknown_name(browser: Client, account_of) -> None:
    account = await account_of()
    wrong = await browser.post("/sign-in", data={"login": account.login, "password": "nothing"})
    unknown = await browser.post("/sign-in", data={"login": "x" * len(account.login), "password": "nothing"})
    assert wrong.status_code == unknown.status_code == 401
    assert "登录名或密码错误" in wrong.text
    assert wrong.text.replace(account.login, "") == unknown.text.replace("x" * len(account.login), "")
    assert COOKIE not in browser.cookies


async def test_a_locked_name_is_told_how_long(browser: Client, account_of) -> None:
    account = await account_of()
    for _ in range(5):
        await browser.post("/sign-in", data={"login": account.login, "password": "nothing"})
    locked = await browser.post("/sign-in", data={"login": account.login, "password": PASSWORD})
    assert locked.status_code == 429
    assert "请等 15 分钟后再试" in locked.text
    assert int(locked.headers["retry-after"]) <= 900


async def test_the_first_sign_in_sets_up_the_second_step_and_shows_recovery_codes_once(browser: Client, account_of, clock: Clock) -> None:
    account = await account_of()
    first = await browser.post("/sign-in", data={"login": account.login, "password": PASSWORD})
    assert first.headers["location"] == "/sign-in/enrolment"
    page = await browser.get("/sign-in/enrolment")
    assert 'src="data:image/svg+xml' in page.text
    key = re.search(r'<code translate="no">([A-Z2-7 ]+)</code>', page.text)
    assert key
    assert (await browser.post("/sign-in/enrolment", data={"code": "000000"})).status_code == 401
    done = await browser.post("/sign-in/enrolment", data={"code": code(clock, key[1].replace(" ", ""))})
    assert done.status_code == 200
    assert len(re.findall(r"<li><code>([a-z2-9]{5}-[a-z2-9]{5})</code>", done.text)) == 8
    assert (await browser.get("/sign-in/hat")).status_code == 200


async def test_who_has_two_roles_chooses_one_and_changes_it_later(browser: Client, account_of, clock: Clock, rows: list[AuditRow]) -> None:
    account = await account_of(ROOM, TOWN, totp=Totp(SECRET))
    await browser.post("/sign-in", data={"login": account.login, "password": PASSWORD})
    step = await browser.post("/sign-in/factor", data={"code": code(clock)})
    assert step.headers["location"] == "/sign-in/hat"
    page = await browser.get("/sign-in/hat")
    assert "王庄村卫生室" in page.text
    assert "大王镇卫生院" in page.text
    await browser.post("/hat", data={"hat": "h2"})
    held = browser.cookies[COOKIE]
    await browser.post("/hat", data={"hat": "h1"})
    assert browser.cookies[COOKIE] != held
    assert (await browser.post("/hat", data={"hat": "h9"})).status_code == 422
    assert [(row.interaction, row.role) for row in rows] == [("sign-in", "public_health"), ("hat-switch", "doctor")]


async def test_staff_of_a_hospital_begin_in_the_hospital_and_each_role_begins_where_its_house_is(
    browser: Client, account_of, clock: Clock, module_store: Store
) -> None:
    records = module_store.records(Scope.everyone())
    for id_, kind in (("general", "hospital"), ("room", "village")):
        types = [{"coding": [{"system": "urn:xinglin:institution-kind", "code": kind}]}]
        await records.write([Update({"resourceType": "Organization", "id": id_, "type": types, "name": kind}, id_)])
    ward = Hat("h3", "doctor", "县人民医院", "Practitioner/7", "r3", ("Organization/general", "Location/ward"))
    account = await account_of(ward, ROOM, totp=Totp(SECRET))
    await browser.post("/sign-in", data={"login": account.login, "password": PASSWORD})
    await browser.post("/sign-in/factor", data={"code": code(clock)})
    assert WORKSPACE not in browser.cookies, "half a sign-in begins nowhere"
    await browser.post("/hat", data={"hat": "h3"})
    assert browser.cookies[WORKSPACE] == "hospital"
    await browser.post("/hat", data={"hat": "h1"})
    assert browser.cookies[WORKSPACE] == "clinic"
    browser.cookies.set(WORKSPACE, "emergency", domain="county.test", path="/")
    await browser.post("/hat", data={"hat": "h1"})
    assert browser.cookies[WORKSPACE] == "emergency", "the same role again keeps the choice"


@pytest.mark.parametrize(
    ("role", "kinds", "begins"),
    [
        ("nurse", ["maternal"], "hospital"), ("registrar", ["township"], "clinic"), ("doctor", [], "clinic"),
        ("pharmacist", ["hospital"], "pharmacy"), ("resident", [], "resident"), ("reader", [], ""),
    ],
)  # fmt: skip
def test_a_role_begins_in_a_workspace_of_its_own(role: str, kinds: list[str], begins: str) -> None:
    assert beginning(role, kinds) == begins


async def test_over_https_the_cookie_is_bound_to_this_host(module_store: Store, gate: Gate, account_of, clock: Clock) -> None:
    account = await account_of(totp=Totp(SECRET))
    async with Client(transport=served(gate, module_store, clock), base_url="https://county.test", headers=SAME) as browser:
        cookie = (await browser.post("/sign-in", data={"login": account.login, "password": PASSWORD})).headers["set-cookie"]
    assert cookie.startswith("__Host-xinglin_session=")
    for word in ("Secure", "Path=/", "HttpOnly"):
        assert word in cookie
    assert "Domain" not in cookie


async def test_a_session_ends_after_twenty_idle_minutes_and_a_clock_keeps_none_awake(browser: Client, account_of, clock: Clock) -> None:
    account = await account_of(totp=Totp(SECRET))
    await browser.post("/sign-in", data={"login": account.login, "password": PASSWORD})
    await browser.post("/sign-in/factor", data={"code": code(clock)})
    clock.now += timedelta(minutes=19)
    assert (await browser.get("/sign-in/hat")).status_code == 200
    clock.now += timedelta(minutes=19)
    assert (await browser.get("/sign-in/hat")).status_code == 200, "its use kept it awake"
    clock.now += timedelta(minutes=15)
    await browser.get("/signals")
    clock.now += timedelta(minutes=6)
    assert (await browser.get("/sign-in/hat")).status_code == 303


async def test_a_password_is_changed_on_its_page_and_a_slip_is_told(browser: Client, account_of, clock: Clock) -> None:
    account = await account_of(totp=Totp(SECRET), issued=True)
    await browser.post("/sign-in", data={"login": account.login, "password": PASSWORD})
    step = await browser.post("/sign-in/factor", data={"code": code(clock)})
    assert step.headers["location"] == "/sign-in/password"
    assert "当前密码由管理员发放" in (await browser.get("/sign-in/password")).text
    new = "Apricot-grove-2027"
    slip = await browser.post("/sign-in/password", data={"present": PASSWORD, "new": new, "again": "Apricot-grove-2028"})
    assert "两次输入的新密码不一致" in slip.text
    weak = await browser.post("/sign-in/password", data={"present": PASSWORD, "new": "apricotgrove", "again": "apricotgrove"})
    assert weak.status_code == 422
    assert "密码须包含" in weak.text
    done = await browser.post("/sign-in/password", data={"present": PASSWORD, "new": new, "again": new})
    assert (done.status_code, done.headers["location"]) == (303, "/")
    assert (await browser.get("/sign-in/password")).status_code == 200


async def test_before_something_weighty_the_code_is_asked_for_again(browser: Client, gate: Gate, account_of, clock: Clock) -> None:
    account = await account_of(totp=Totp(SECRET))
    await browser.post("/sign-in", data={"login": account.login, "password": PASSWORD})
    await browser.post("/sign-in/factor", data={"code": code(clock)})
    live = await gate.entrance.sessions.find(browser.cookies[COOKIE], clock.now)
    await gate.entrance.sessions.require_fresh(live.session.actor(live.id), clock.now)
    clock.now += timedelta(minutes=6)
    with pytest.raises(StepUp):
        await gate.entrance.sessions.require_fresh(live.session.actor(live.id), clock.now)
    asked = await browser.get("/sign-in/enrolment?next=/account")
    assert asked.headers["location"].startswith("/sign-in/again?next=%2Fsign-in%2Fenrolment")
    assert (await browser.get("/sign-in/again")).status_code == 200
    assert (await browser.post("/sign-in/again", data={"code": "000000", "next": "/x"})).status_code == 401
    assert (await browser.post("/sign-in/again", data={"code": code(clock), "next": "/x"})).headers["location"] == "/x"
    await gate.entrance.sessions.require_fresh(live.session.actor(live.id), clock.now)
    assert (await browser.get("/sign-in/enrolment")).status_code == 200


async def test_no_session_lasts_longer_than_twelve_hours(browser: Client, account_of, clock: Clock) -> None:
    account = await account_of(totp=Totp(SECRET))
    await browser.post("/sign-in", data={"login": account.login, "password": PASSWORD})
    await browser.post("/sign-in/factor", data={"code": code(clock)})
    for _ in range(47):
        clock.now += timedelta(minutes=15)
        assert (await browser.get("/sign-in/hat")).status_code == 200
    clock.now += timedelta(minutes=15)
    assert (await browser.get("/sign-in/hat")).status_code == 303


async def test_a_resident_comes_in_by_telephone_and_proves_who_they_are_once(
    browser: Client, module_store: Store, clock: Clock, rows: list[AuditRow]
) -> None:
    patient = {
        "resourceType": "Patient", "id": "gui-lan", "name": [{"text": "张桂兰"}], "birthDate": "1959-06-18",
        "identifier": [{"system": "urn:oid:2.16.156.10011.1.3", "value": NUMBER}],
    }  # fmt: skip
    await settle(module_store.records(Scope.everyone()), [patient])
    await _by_telephone(browser, "15412347734")
    assert (await browser.get("/sign-in")).headers["location"] == "/sign-in/identity"
    wrong = await browser.post("/sign-in/identity", data={"name": "王秀英", "number": NUMBER})
    assert wrong.status_code == 401
    assert "身份证号与姓名不符" in wrong.text
    right = await browser.post("/sign-in/identity", data={"name": "张 桂兰", "number": NUMBER.lower()})
    assert (right.status_code, right.headers["location"]) == (303, "/")
    assert [(row.interaction, row.status) for row in rows] == [("identity-proof", 401), ("identity-proof", 200), ("sign-in", 200)]
    assert rows[-1].role == "resident"
    await browser.post("/sign-out")
    clock.now += timedelta(minutes=2)
    assert (await _by_telephone(browser, "15412347734")).headers["location"] == "/", "the second time nothing more is asked"
    await browser.post("/sign-out")
    await _by_telephone(browser, "15400009999")
    taken = await browser.post("/sign-in/identity", data={"name": "张桂兰", "number": NUMBER})
    assert taken.status_code == 409, "a record belongs to one telephone"


async def _by_telephone(browser: Client, phone: str) -> httpx.Response:
    sent = await browser.post("/sign-in/telephone", data={"phone": phone})
    id_ = html.unescape(sent.headers["location"]).partition("id=")[2].partition("&")[0]
    messages = await browser.get("/demo/messages")
    word = re.search(r"<strong class=\"x-digits\">(\d{6})</strong>", messages.text)
    assert word
    return await browser.post("/sign-in/code", data={"id": id_, "code": word[1]})


async def test_codes_are_sent_no_faster_than_one_a_minute(browser: Client) -> None:
    assert (await browser.post("/sign-in/telephone", data={"phone": "15411110000"})).status_code == 303
    soon = await browser.post("/sign-in/telephone", data={"phone": "15411110000"})
    assert soon.status_code == 429
    assert (await browser.post("/sign-in/telephone", data={"phone": "0620-7000000"})).status_code == 422


async def test_a_code_dies_after_five_wrong_guesses(browser: Client, clock: Clock) -> None:
    sent = await browser.post("/sign-in/telephone", data={"phone": "15411110001"})
    id_ = sent.headers["location"].partition("id=")[2]
    word = re.search(r"<strong class=\"x-digits\">(\d{6})</strong>", (await browser.get("/demo/messages")).text)
    assert word
    other = f"{(int(word[1]) + 1) % 10**6:06d}"
    for _ in range(5):
        assert (await browser.post("/sign-in/code", data={"id": id_, "code": other})).status_code == 401
    assert (await browser.post("/sign-in/code", data={"id": id_, "code": word[1]})).status_code == 401


async def test_without_the_demo_there_is_no_page_of_people_no_simulator_and_no_link(module_store: Store, clock: Clock) -> None:
    gate = gate_of(Settings(), module_store, passwords=QUICK)
    async with Client(transport=served(gate, module_store, clock), base_url="http://county.test", headers=SAME) as browser:
        for path in ("/demo/people", "/demo/messages"):
            assert (await browser.get(path)).status_code == 404
        assert (await browser.post("/demo/people", data={"persona": "nurse"})).status_code == 404
        assert "/demo/" not in (await browser.get("/sign-in")).text
