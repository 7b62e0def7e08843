"""What the pages of accounts need to read."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlencode

from xinglin.access.accounts import Account, Entrance
from xinglin.access.accounts.rules import is_administrator
from xinglin.capabilities.accounts.model import One, Opened, Post
from xinglin.kit.unit import Unit

SHOWN_MAX = 200
POSTS_SHOWN = 30


def entrance_of(unit: Unit) -> Entrance:
    """The deeds of accounts, over the unit's store."""
    return Entrance(unit.store.store.ground, unit.store.store.note)


async def found(unit: Unit, typed: str, role: str) -> Sequence[One]:
    """Accounts of staff: by sign-in name or name, by role, or the first there are."""
    register = entrance_of(unit).register
    if typed:
        by_login = await register.by_login(typed, unit.now)
        named = await register.named(typed, unit.now)
        accounts = list({one.id: one for one in ([by_login] if by_login else []) + named}.values())
    else:
        accounts = await (register.in_role(role, unit.now) if role else register.staff(unit.now))
    return [view(one) for one in accounts if one.kind != "resident"][:SHOWN_MAX]


async def account(unit: Unit, id: str) -> Account:
    """One account; raises `NotFound`."""
    return await entrance_of(unit).register.get(id, unit.now)


def view(one: Account) -> One:
    """An account as it is shown."""
    return One.of(one, administrator=is_administrator(one.hats))


async def sessions(unit: Unit, account_id: str) -> Sequence[Opened]:
    """The open sessions of an account, the newest first."""
    lives = await entrance_of(unit).sessions.of(account_id, unit.now)
    return sorted((Opened.of(live, unit.actor.session) for live in lives), key=lambda one: one.began, reverse=True)


async def posts(unit: Unit, name: str) -> Sequence[Post]:
    """Posts of the staff of this name."""
    if not name:
        return ()
    workers = await unit.store.find("Practitioner", urlencode({"name": name, "_sort": "_id"}), count=10)
    if not workers:
        return ()
    who = ",".join(f"Practitioner/{worker['id']}" for worker in workers)
    held = await unit.store.find("PractitionerRole", urlencode({"practitioner": who, "_sort": "_id"}), count=POSTS_SHOWN)
    return [Post.of(one) for one in held]
