"""The county's institutions and staff in a real store, and the administrator who keeps the directory."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest

from tests.doors.web.drawn import NOW, settle
from xinglin.access.actor import Actor
from xinglin.engines.synthesis import staff
from xinglin.kit.pages import Request, Upload
from xinglin.kit.unit import Unit
from xinglin.store import Scope, Store

ZONE = ZoneInfo("Asia/Shanghai")
TODAY = date.fromisoformat(NOW[:10])


@pytest.fixture(scope="module")
async def told(module_store: Store) -> Store:
    await settle(module_store.records(Scope.everyone()), staff.build(7, TODAY).resources)
    return module_store


@pytest.fixture
def as_role(told: Store) -> Callable[..., Unit]:
    """Makes units of work: someone in a role."""
    return lambda role, who="7": Unit(Actor(who, role, "王管理"), told.records(Scope.everyone()), datetime.fromisoformat(NOW))


@pytest.fixture
def unit(as_role: Callable[..., Unit]) -> Unit:
    return as_role("system_admin")


@pytest.fixture
def ask() -> Callable[..., Request]:
    """Makes requests: parts of the path, then what was asked and sent."""

    def make(
        path: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
        file: Upload | None = None,
        language: str = "zh-CN",
        **query: str,
    ) -> Request:
        return Request(path or {}, query, form or {}, language, ZONE, files={"file": file} if file else {})

    return make
