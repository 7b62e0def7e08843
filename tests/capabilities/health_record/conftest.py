"""The drawn world in a real store, and a doctor who works on it."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from tests.doors.web.drawn import NOW, settle, world
from xinglin.access.actor import Actor
from xinglin.kit.unit import Unit
from xinglin.store import Scope, Store

ZONE = ZoneInfo("Asia/Shanghai")


@pytest.fixture(scope="module")
async def told(module_store: Store) -> Store:
    await settle(module_store.records(Scope.everyone()), world())
    return module_store


@pytest.fixture
def unit(told: Store) -> Unit:
    return Unit(Actor("7", "doctor", "李医生"), told.records(Scope.everyone()), datetime.fromisoformat(NOW))
