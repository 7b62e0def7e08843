"""The way to another provider of identities and back, as a browser goes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

import httpx
import pytest

from tests.doors.web.conftest import BASE
from xinglin.access.accounts import Entrance
from xinglin.access.accounts.entrance import Origin, Refused
from xinglin.access.oauth.providers import Begun, Provider
from xinglin.doors.web import House, web_app
from xinglin.doors.web.elsewhere import COOKIE, offered

PROVIDER = Provider("gov", "省统一身份认证", "https://id.gov.example", "x")


class Known:
    """A provider that vouches for the person of one persona, in the browser that left."""

    providers = (PROVIDER,)

    def __init__(self, secret: str) -> None:
        self.secret = secret

    async def begin(self, name: str, site: str, onward: str, now: datetime) -> Begun:
        if name != "gov":
            raise Refused("There is no such way to sign in.")
        return Begun(f"https://id.gov.example/authorize?from={site}&next={onward}", "browser-1")

    async def finish(
        self, entrance: Entrance, name: str, query: Mapping[str, str], browser: str, site: str, origin: Origin, now: datetime
    ) -> tuple[str, str]:
        if browser != "browser-1":
            raise Refused("The other service did not prove who you are. Try again.")
        return self.secret, "/person"


@pytest.fixture
def browser(house: House, sessions: dict[str, str]) -> httpx.AsyncClient:
    known: Any = Known(sessions["doctor"])
    gate = replace(house.gate, providers=offered(known))
    app = web_app(replace(house, gate=gate, elsewhere=known))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=BASE)


async def test_the_sign_in_page_offers_the_provider_and_leads_there_and_back_signed_in(browser: httpx.AsyncClient) -> None:
    page = (await browser.get("/sign-in?next=/person")).text
    assert 'href="/sign-in/with/gov' in page
    assert "省统一身份认证" in page
    away = await browser.get("/sign-in/with/gov?next=/person")
    assert (away.status_code, away.headers["location"]) == (303, f"https://id.gov.example/authorize?from={BASE}&next=/person")
    assert "HttpOnly" in away.headers["set-cookie"]
    back = await browser.get("/sign-in/from/gov?code=c&state=s")
    assert (back.status_code, back.headers["location"]) == (303, "/person")
    assert "xinglin_session=" in back.headers["set-cookie"]


async def test_another_browser_that_comes_back_meets_the_sign_in_page_with_the_reason(browser: httpx.AsyncClient) -> None:
    browser.cookies.set(COOKIE, "guessed")
    back = await browser.get("/sign-in/from/gov?code=c&state=s")
    assert back.status_code == 401
    assert "对方平台没有证明您的身份" in back.text
    assert "xinglin_session=" not in back.headers.get("set-cookie", "")


async def test_a_provider_there_is_not_is_no_way_in(browser: httpx.AsyncClient) -> None:
    assert (await browser.get("/sign-in/with/nobody")).status_code == 401
