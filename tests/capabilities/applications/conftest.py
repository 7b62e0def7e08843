"""The pages over a real store with two residents, and a browser-like client for each role."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import httpx
import pytest

from tests.signed_in import COOKIE, QUICK, sign_in
from xinglin.app.discovery import folder_of
from xinglin.base.settings import Settings
from xinglin.capabilities.applications.capability import CAPABILITY
from xinglin.doors.web import House, web_app
from xinglin.doors.web.gate import gate_of
from xinglin.store import Records, Scope, Store, Update

NOW = datetime(2026, 11, 22, 4, tzinfo=UTC)
SITE = "http://county.test"
SAME = {"sec-fetch-site": "same-origin"}
Client = httpx.AsyncClient


@pytest.fixture(scope="module")
async def told(module_store: Store) -> Store:
    """A store with 张桂兰, who is everybody's patient here, and a scope of her alone for residents."""
    world = [
        {"resourceType": "Patient", "id": "zhang", "name": [{"text": "张桂兰"}], "gender": "female"},
        {"resourceType": "Patient", "id": "wang", "name": [{"text": "王建国"}], "gender": "male"},
    ]
    await module_store.records(Scope.everyone()).write([Update(one, one["id"]) for one in world])
    return module_store


@pytest.fixture
async def client_of(told: Store) -> Callable[..., Awaitable[Client]]:
    """Makes clients signed in by role."""

    async def records(_actor: object) -> Records:
        return told.records(Scope.everyone())

    house = House(
        capabilities={"applications": CAPABILITY},
        folders={"applications": folder_of("applications")},
        gate=gate_of(Settings(), told, passwords=QUICK),
        records=records,
        now=lambda: NOW,
        language="en",
        timezone=ZoneInfo("Asia/Shanghai"),
    )
    app = web_app(house)

    async def make(role: str, person: str = "") -> Client:
        secret = await sign_in(told, role, NOW, id=f"{role}{person.replace('/', '-')}", person=person)
        return Client(transport=httpx.ASGITransport(app), base_url=SITE, cookies={COOKIE: secret}, headers=SAME)

    return make


def hidden(page: str, name: str) -> str:
    """The value of a hidden field."""
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    return found[1].replace("&amp;", "&") if found else ""
