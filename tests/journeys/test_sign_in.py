"""People sign in: a doctor with a passkey, a resident by telephone, and someone of the demo by one click."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.async_api import CDPSession, Page, expect

from tests.journeys.conftest import Person, Region
from xinglin.access.accounts import Account, Hat
from xinglin.base.ids import new_id

Seat = Callable[..., Person]
PASSWORD = "Xing-lin 2026 Chunsheng?"


@pytest.fixture
async def newcomer(region: Region) -> Account:
    """A doctor who has a password and no second factor yet."""
    entrance, now, id_ = region.house.gate.entrance, region.house.now(), new_id()
    hats = (Hat("h1", "doctor", "王庄村卫生室"), Hat("h2", "public_health", "大王镇卫生院"))
    account = await entrance.register.create(Account(id_, f"li.{id_[:8]}", "李春生", hats=hats), now)
    return await entrance.set_password(account, PASSWORD, now, issued=False)


async def _with_authenticator(page: Page) -> CDPSession:
    """A security key that answers by itself."""
    session = await page.context.new_cdp_session(page)
    await session.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True, "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }  # fmt: skip
    await session.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    return session


async def _give_password(page: Page, account: Account) -> None:
    await page.get_by_label("登录名").fill(account.login)
    await page.get_by_label("密码").fill(PASSWORD)
    await page.get_by_role("button", name="登录").click()


async def test_a_doctor_makes_a_passkey_at_the_first_sign_in_and_uses_it_at_the_next(at_screen: Seat, region: Region, newcomer) -> None:
    # Given a doctor at a device with a fingerprint reader, on an address that may have passkeys
    region = Region(region.address.replace("127.0.0.1", "localhost"), region.house, region.store)
    doctor = at_screen(role=None)
    doctor.region = region
    page = await doctor.open("/sign-in")
    await _with_authenticator(page)
    # When they sign in for the first time and choose a passkey
    await _give_password(page, newcomer)
    await page.get_by_role("link", name="改用通行密钥").click()
    await page.get_by_label("给它起个名字").fill("3 号诊室")
    await page.get_by_role("button", name="生成通行密钥").click()
    # Then they choose their role and stand in their workspace
    await page.get_by_role("button", name="王庄村卫生室").click()
    await expect(page).to_have_url(region.address + "/clinic")
    # And the next time the passkey is the second step
    await page.goto(region.address + "/sign-in")
    await _give_password(page, newcomer)
    await page.get_by_role("button", name="使用通行密钥").click()
    await page.get_by_role("button", name="大王镇卫生院").click()
    await expect(page).to_have_url(region.address + "/clinic")
    # And before something weighty it is shown again
    await page.goto(region.address + "/sign-in/again?next=/account")
    await page.get_by_role("button", name="使用通行密钥").click()
    await expect(page).to_have_url(region.address + "/account")
    await expect(page.get_by_text("3 号诊室")).to_be_visible()


async def test_a_passkey_nobody_answers_is_told_and_the_code_stays_in_reach(at_screen: Seat, region: Region, newcomer) -> None:
    doctor = at_screen(role=None)
    doctor.region = Region(region.address.replace("127.0.0.1", "localhost"), region.house, region.store)
    page = await doctor.open("/sign-in")
    session = await _with_authenticator(page)
    await _give_password(page, newcomer)
    await page.get_by_role("link", name="改用通行密钥").click()
    await page.get_by_label("给它起个名字").fill("钥匙")
    await page.evaluate("() => { navigator.credentials.create = () => Promise.reject(new Error('no')); }")
    await page.get_by_role("button", name="生成通行密钥").click()
    await expect(page.get_by_text("没有生成通行密钥")).to_be_visible()
    await session.detach()
