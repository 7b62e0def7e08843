"""The web door over a real store that holds the drawn world, and a browser-like client for each role."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from zoneinfo import ZoneInfo

import httpx
import pytest

from tests.doors.web.drawn import NOW, settle, world
from tests.signed_in import COOKIE, QUICK, sign_in
from xinglin.access.actor import ROLES, Actor
from xinglin.app.discovery import discover, folder_of
from xinglin.base.settings import Settings
from xinglin.doors.web import House, web_app
from xinglin.doors.web.gate import gate_of
from xinglin.store import AuditRow, Records, Scope, Store

BASE = "http://county.test"
Client = httpx.AsyncClient


@pytest.fixture(scope="module")
async def told(module_store: Store) -> Store:
    """The store, holding the drawn world."""
    await settle(module_store.records(Scope.everyone()), world())
    return module_store


@pytest.fixture(scope="module")
async def sessions(told: Store) -> dict[str, str]:
    """The secret of an open session in each role."""
    return {role: await sign_in(told, role, datetime.fromisoformat(NOW), id="7" if role == "doctor" else "") for role in ROLES}


@pytest.fixture
def trail() -> list[AuditRow]:
    """The audit rows pages leave."""
    return []


def everyone(store: Store) -> Callable[[Actor], Awaitable[Records]]:
    """Records as the door asks for them: of everyone, for whoever asks."""

    async def records(_: Actor) -> Records:
        return store.records(Scope.everyone())

    return records


@pytest.fixture
def house(told: Store, trail: list[AuditRow]) -> House:
    now = datetime.fromisoformat(NOW)
    capabilities = discover()
    return House(
        capabilities=capabilities,
        folders={name: folder_of(name) for name in capabilities},
        gate=gate_of(Settings(demo=1), told, note=trail.append, passwords=QUICK),
        records=everyone(told),
        now=lambda: now,
        language="zh-CN",
        timezone=ZoneInfo("Asia/Shanghai"),
        audit=trail.append,
    )


@pytest.fixture
def client_of(house: House, sessions: dict[str, str]) -> Callable[..., Client]:
    """Makes clients: signed in by role, or not at all."""
    app = web_app(house)

    def make(role: str | None = "doctor", **cookies: str) -> Client:
        session = {COOKIE: sessions[role]} if role else {}
        return Client(transport=httpx.ASGITransport(app), base_url=BASE, cookies=session | cookies)

    return make


@pytest.fixture
def doctor(client_of: Callable[..., Client]) -> Client:
    return client_of()
