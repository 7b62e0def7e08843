"""The system administrator's pages, and one's own account."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import httpx
import pytest

from tests.doors.web.conftest import everyone
from tests.doors.web.drawn import settle
from tests.signed_in import COOKIE, QUICK, sign_in
from xinglin.access.accounts import Account, Hat
from xinglin.app.discovery import folder_of
from xinglin.base.errors import Unauthenticated
from xinglin.base.settings import Settings
from xinglin.capabilities.accounts.capability import CAPABILITY
from xinglin.doors.web import House, web_app
from xinglin.doors.web.gate import Gate, gate_of
from xinglin.store import AuditRow, Scope, Store

Client = httpx.AsyncClient
NOON = datetime(2026, 11, 22, 4, tzinfo=UTC)
SAME = {"sec-fetch-site": "same-origin"}


class Clock:
    """The time, moved by hand."""

    now = NOON


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module")
async def county(module_store: Store) -> Store:
    """One institution with Li Mei, who has one post there."""
    named = {"reference": "Practitioner/li-mei", "display": "李梅"}
    room = {"reference": "Organization/room", "display": "王庄村卫生室"}
    await settle(
        module_store.records(Scope.everyone()),
        [
            {"resourceType": "Organization", "id": "room", "name": "王庄村卫生室"},
            {"resourceType": "Practitioner", "id": "li-mei", "name": [{"text": "李梅", "family": "李", "given": ["梅"]}]},
            {"resourceType": "PractitionerRole", "id": "post", "practitioner": named, "organization": room, "code": [{"text": "乡村医生"}]},
        ],
    )
    return module_store


@pytest.fixture
def gate(county: Store, trail: list[AuditRow]) -> Gate:
    return gate_of(Settings(), county, note=trail.append, passwords=QUICK)


@pytest.fixture
def trail() -> list[AuditRow]:
    return []


@pytest.fixture
async def client_of(county: Store, gate: Gate, clock: Clock) -> AsyncIterator[Callable]:
    now = lambda: clock.now  # noqa: E731
    zone, folders = ZoneInfo("Asia/Shanghai"), {"accounts": folder_of("accounts")}
    house = House({"accounts": CAPABILITY}, folders, gate=gate, records=everyone(county), now=now, language="zh-CN", timezone=zone)
    app = web_app(house)
    opened: list[Client] = []

    async def make(role: str) -> Client:
        cookies = {COOKIE: await sign_in(county, role, clock.now)}
        opened.append(Client(transport=httpx.ASGITransport(app), base_url="http://county.test", cookies=cookies, headers=SAME))
        return opened[-1]

    yield make
    for client in opened:
        await client.aclose()


async def test_an_account_is_made_for_a_post_and_its_first_password_is_shown_once(client_of: Callable, gate: Gate) -> None:
    admin = await client_of("system_admin")
    assert "王庄村卫生室" in (await admin.get("/accounts/new?find=李梅")).text
    made = await admin.post("/accounts", data={"name": "李梅", "login": "li.mei", "role": "doctor", "post": "post", "find": "李梅"})
    word = re.search(r'<code class="x-digits" translate="no">([^<]+)</code>', made.text)
    assert made.status_code == 200
    assert word
    account = await gate.entrance.register.by_login("LI.MEI", NOON)
    assert account is not None
    assert [(hat.role, hat.person, hat.units) for hat in account.hats] == [("doctor", "Practitioner/li-mei", ("Organization/room",))]
    assert account.issued
    assert word[1] not in (await admin.get(f"/accounts/{account.id}")).text
    assert "li.mei" in (await admin.get("/accounts?q=李梅")).text
    again = await admin.post("/accounts", data={"name": "李梅", "login": "Li.Mei", "role": "doctor", "post": "post"})
    assert again.status_code == 409


@pytest.mark.parametrize("role", ["doctor", "security_admin", "audit_admin", "resident", "regulator"])
async def test_only_the_system_administrator_opens_the_list(client_of: Callable, role: str) -> None:
    client = await client_of(role)
    for path in ("/accounts", "/accounts/new", "/accounts/x"):
        assert (await client.get(path)).status_code == 403
    assert (await client.post("/accounts", data={"name": "x", "login": "x", "role": "doctor", "post": "post"})).status_code == 403
    assert (await client.get("/account")).status_code == 200


@pytest.mark.parametrize("role", ["system_admin", "security_admin", "audit_admin", "resident", "system"])
async def test_no_administrator_and_no_machine_is_made_on_a_page(client_of: Callable, role: str) -> None:
    admin = await client_of("system_admin")
    answer = await admin.post("/accounts", data={"name": "李梅", "login": f"x.{role}", "role": role, "post": "post"})
    assert answer.status_code == 422
    assert "这里不能授予该角色" in answer.text


async def test_administrators_do_not_change_each_others_accounts_nor_their_own(client_of: Callable) -> None:
    admin = await client_of("system_admin")
    await client_of("audit_admin")
    for deed in ("password", "factors", "disable", "hats/audit_admin-hat/end"):
        assert (await admin.post(f"/accounts/audit_admin-7/{deed}")).status_code == 403
        assert (await admin.post(f"/accounts/system_admin-7/{deed}")).status_code == 409


async def test_a_closed_account_is_out_at_once(client_of: Callable, gate: Gate, county: Store, clock: Clock) -> None:
    admin = await client_of("system_admin")
    await gate.entrance.register.create(Account("leaver", "leaver", "赵某", hats=(Hat("h", "nurse", ""),)), NOON)
    secret = await sign_in(county, "nurse", clock.now, id="leaver")
    assert (await gate.entrance.sessions.actor(secret, clock.now)).role == "nurse"
    assert (await admin.post("/accounts/leaver/disable")).status_code == 303
    clock.now += timedelta(seconds=2)
    with pytest.raises(Unauthenticated):
        await gate.entrance.sessions.actor(secret, clock.now)


async def test_a_way_in_is_opened_only_by_who_proved_themselves_lately(client_of: Callable, clock: Clock) -> None:
    admin = await client_of("system_admin")
    clock.now += timedelta(minutes=16)
    answer = await admin.post("/accounts", data={"name": "李梅", "login": "late", "role": "doctor", "post": "post"})
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/sign-in/again")


async def test_one_sees_where_one_is_signed_in_and_ends_the_others(client_of: Callable, gate: Gate, clock: Clock) -> None:
    here, there = await client_of("nurse"), await client_of("nurse")
    page = (await here.get("/account")).text
    assert page.count("本次") >= 1
    assert (await here.post("/account/sessions/end")).status_code == 303
    clock.now += timedelta(seconds=2)
    assert (await here.get("/account")).status_code == 200
    assert (await there.get("/account")).status_code == 303


async def test_nobody_ends_the_session_of_another(client_of: Callable, gate: Gate, clock: Clock) -> None:
    nurse, doctor = await client_of("nurse"), await client_of("doctor")
    live = await gate.entrance.sessions.find(doctor.cookies[COOKIE], clock.now)
    await nurse.post(f"/account/sessions/{live.id}/end")
    clock.now += timedelta(seconds=2)
    assert (await doctor.get("/account")).status_code == 200
