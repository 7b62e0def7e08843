"""An entrance over a module's store, a clock that tests move, and a doctor with two roles."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest

from tests.signed_in import QUICK
from xinglin.access.accounts import Account, Entrance, Hat
from xinglin.access.accounts.entrance import Origin
from xinglin.base.ids import new_id
from xinglin.store import AuditRow, Store

NOON = datetime(2026, 11, 22, 4, tzinfo=UTC)
PASSWORD = "Xing-lin 2026 Chunsheng?"
DESK = Origin("10.1.1.7", "Firefox")


class Clock:
    """The time, moved by hand."""

    def __init__(self) -> None:
        self.now = NOON

    def later(self, **time: float) -> datetime:
        """So much later."""
        self.now += timedelta(**time)
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def trail() -> list[AuditRow]:
    """What the entrance wrote down."""
    return []


@pytest.fixture
def entrance(module_store: Store, trail: list[AuditRow]) -> Entrance:
    return Entrance(module_store.ground, trail.append, passwords=QUICK)


Make = Callable[..., Awaitable[Account]]


@pytest.fixture
def make(entrance: Entrance) -> Make:
    """Makes accounts of staff with a password of their own; every call someone else."""

    async def made(*hats: Hat, password: str = PASSWORD, **known: str) -> Account:
        id_ = new_id()
        account = Account(id_, known.pop("login", f"li.{id_[:8]}"), known.pop("name", "李春生"), hats=hats or (DOCTOR,), **known)  # type: ignore[arg-type]
        await entrance.register.create(account, NOON)
        return await entrance.set_password(account, password, NOON, issued=False)

    return made


DOCTOR = Hat("h1", "doctor", "王庄村卫生室", "Practitioner/7", "r1", ("Organization/room",))
OFFICER = Hat("h2", "public_health", "大王镇卫生院", "Practitioner/7", "r2", ("Organization/town",))
