"""Someone signed in, for tests of pages: an account and an open session in the store, and the secret for its cookie."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime

from xinglin.access.accounts import Account, Hat, Register, Session, Sessions
from xinglin.access.accounts.passwords import Passwords
from xinglin.access.accounts.rules import HUMAN_ROLES
from xinglin.base.clock import tick_of
from xinglin.base.errors import Conflict
from xinglin.store import Store

COOKIE = "xinglin_session"
QUICK = Passwords(time_cost=1, memory_kib=64)
"""Hashes that take no time."""


async def sign_in(
    store: Store, role: str, now: datetime, *, id: str = "", name: str = "李医生", person: str = "", units: tuple[str, ...] = ()
) -> str:
    """The secret of an open session of someone in a role, all factors shown a moment ago."""
    account = staff(role, id=id or f"{role}-7", name=name, person=person, units=units)
    if role in HUMAN_ROLES:
        with suppress(Conflict):  # they have been here before
            await Register(store.ground).create(account, now)
    now_us = tick_of(now)
    session = Session(
        account.id, name, "staff", "open", now_us, now_us, "test", proved=now_us, factor_shown=True, hat=account.hats[0], hats=account.hats
    )
    return await Sessions(store.ground).open(session, now)


def staff(role: str, *, id: str = "7", name: str = "李医生", person: str = "", units: tuple[str, ...] = ()) -> Account:
    """An account with one hat, without a password."""
    hat = Hat(f"{role}-hat", role, "王庄村卫生室", person, units=units)
    return Account(id, f"{role}.{id}", name, hats=(hat,), persona="test")
