"""The web door over a real store that holds the drawn world, and a browser-like client for each role."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from zoneinfo import ZoneInfo

import httpx
import pytest

from tests.doors.web.drawn import NOW, settle, world
from xinglin.access.actor import Actor
from xinglin.access.tokens import issue, verify
from xinglin.app.discovery import discover, folder_of
from xinglin.base.crypto import Keys
from xinglin.doors.web import House, web_app
from xinglin.store import AuditRow, Records, Scope, Store

BASE = "http://county.test"
Client = httpx.AsyncClient


@pytest.fixture(scope="module")
async def told(module_store: Store) -> Store:
    """The store, holding the drawn world."""
    await settle(module_store.records(Scope.everyone()), world())
    return module_store


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
def house(told: Store, keys: Keys, trail: list[AuditRow]) -> House:
    now = datetime.fromisoformat(NOW)
    capabilities = discover()
    return House(
        capabilities=capabilities,
        folders={name: folder_of(name) for name in capabilities},
        verify=lambda token: verify(keys, token, now),
        records=everyone(told),
        now=lambda: now,
        language="zh-CN",
        timezone=ZoneInfo("Asia/Shanghai"),
        audit=trail.append,
    )


@pytest.fixture
def client_of(house: House, keys: Keys) -> Callable[..., Client]:
    """Makes clients: signed in by role, or not at all."""
    app = web_app(house)

    def make(role: str | None = "doctor", **cookies: str) -> Client:
        session = {"xinglin_session": issue(keys, role, "7", name="李医生", now=datetime.fromisoformat(NOW))} if role else {}
        return Client(transport=httpx.ASGITransport(app), base_url=BASE, cookies=session | cookies)

    return make


@pytest.fixture
def doctor(client_of: Callable[..., Client]) -> Client:
    return client_of()
