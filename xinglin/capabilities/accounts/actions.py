"""Deeds on accounts. Each leaves a row in the trail; what opens a way into the record is told to the security administrator."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from xinglin.access.accounts import Account, Hat, proving
from xinglin.access.accounts.entrance import Origin
from xinglin.access.accounts.rules import hat_from
from xinglin.base.errors import Invalid
from xinglin.base.ids import new_id
from xinglin.capabilities.accounts import queries, rules
from xinglin.kit.i18n import t
from xinglin.kit.notices import notices_of, notify
from xinglin.kit.unit import Unit
from xinglin.kit.workspaces import ROLE_TITLES
from xinglin.store import AuditRow

FRESH_MINUTES = 15
"""How long ago an administrator may have shown both factors before a deed that opens a way in."""


async def create(unit: Unit, form: Mapping[str, str]) -> tuple[Account, str]:
    """A new account with one hat: (the account, its first password). Raises `Invalid`, `Conflict`, `StepUp`."""
    entrance = queries.entrance_of(unit)
    await entrance.sessions.require_fresh(unit.actor, unit.now, FRESH_MINUTES)
    hat = await _hat(unit, form)
    account = Account(new_id(), form.get("login", "").strip(), form.get("name", "").strip(), hats=(hat,))
    made = await entrance.register.create(account, unit.now)
    word = await entrance.issue_password(made.id, unit.now)
    await _told(unit, made, "account-created", hat.role)
    return made, word


async def give_hat(unit: Unit, id: str, form: Mapping[str, str]) -> None:
    """One more hat. Raises `Invalid`, `Conflict`, `StepUp`."""
    entrance = queries.entrance_of(unit)
    await entrance.sessions.require_fresh(unit.actor, unit.now, FRESH_MINUTES)
    hat = await _hat(unit, form)
    rules.check_may_change(unit.actor, await queries.account(unit, id))
    changed = await entrance.register.change(id, unit.now, lambda one: _with(one, hat))
    await _told(unit, changed, "hat-given", hat.role)


async def take_hat(unit: Unit, id: str, hat_id: str) -> None:
    """Take a hat away; the account's sessions end, for one of them may wear it. Raises `Conflict`."""
    entrance = queries.entrance_of(unit)
    account = await queries.account(unit, id)
    rules.check_may_change(unit.actor, account)
    taken = next((hat.role for hat in account.hats if hat.id == hat_id), "none")
    hats = tuple(hat for hat in account.hats if hat.id != hat_id)
    await entrance.register.change(id, unit.now, lambda one: msgspec.structs.replace(one, hats=hats))
    await entrance.sessions.end_of(id, unit.now)
    _noted(unit, account, "hat-taken", taken)


async def set_disabled(unit: Unit, id: str, *, disabled: bool) -> None:
    """Close an account, ending its sessions, or open it again. Raises `Conflict`."""
    entrance = queries.entrance_of(unit)
    account = await queries.account(unit, id)
    rules.check_may_change(unit.actor, account)
    state = "disabled" if disabled else "active"
    await entrance.register.change(id, unit.now, lambda one: msgspec.structs.replace(one, state=state))
    if disabled:
        await entrance.sessions.end_of(id, unit.now)
    _noted(unit, account, "account-disabled" if disabled else "account-enabled", "")


async def reset_password(unit: Unit, id: str) -> tuple[Account, str]:
    """A new first password, shown once. Raises `Conflict`, `StepUp`."""
    entrance = queries.entrance_of(unit)
    account = await queries.account(unit, id)
    rules.check_may_change(unit.actor, account)
    await entrance.sessions.require_fresh(unit.actor, unit.now, FRESH_MINUTES)
    word = await entrance.issue_password(id, unit.now)
    await _told(unit, account, "password-reset", "")
    return account, word


async def reset_factors(unit: Unit, id: str) -> None:
    """Take the second factors away; the next sign-in enrols anew. Raises `Conflict`, `StepUp`."""
    entrance = queries.entrance_of(unit)
    account = await queries.account(unit, id)
    rules.check_may_change(unit.actor, account)
    await entrance.sessions.require_fresh(unit.actor, unit.now, FRESH_MINUTES)
    await proving.reset_factors(entrance, id, unit.now)
    await _told(unit, account, "factors-reset", "")


async def end_session(unit: Unit, session: str, address: str) -> None:
    """End one of one's own sessions."""
    await queries.entrance_of(unit).end_session(unit.actor, session, Origin(address or None), unit.now)


async def end_others(unit: Unit, address: str) -> None:
    """End all of one's own sessions but this one."""
    for session in await queries.sessions(unit, unit.actor.id):
        if not session.mine:
            await end_session(unit, session.id, address)


async def remove_key(unit: Unit, key: str, address: str) -> None:
    """Take one of one's own passkeys away. Raises `StepUp`, `Conflict`."""
    entrance = queries.entrance_of(unit)
    await proving.remove_passkey(entrance, unit.actor, key, Origin(address or None), unit.now)


async def _hat(unit: Unit, form: Mapping[str, str]) -> Hat:
    """The hat a form asks for: a role and the post it is worn in."""
    role, post = form.get("role", ""), form.get("post", "")
    rules.check_role(role)
    if not post:
        raise Invalid("Choose the post: it says for which institution the person works.")
    worker = (await unit.store.read("PractitionerRole", post)).resource()
    return hat_from(role, worker)


def _with(account: Account, hat: Hat) -> Account:
    others = tuple(one for one in account.hats if one.id != hat.id)
    return msgspec.structs.replace(account, hats=(*others, hat))


async def _told(unit: Unit, account: Account, deed: str, role: str) -> None:
    """Into the trail, and to the security administrator."""
    _noted(unit, account, deed, role)
    words = {
        "account-created": t("A new account: {login}, {role}", login=account.login, role=ROLE_TITLES.get(role, "")),
        "hat-given": t("One more role: {login}, {role}", login=account.login, role=ROLE_TITLES.get(role, "")),
        "password-reset": t("A new first password was given: {login}", login=account.login),
        "factors-reset": t("The second factor was taken away: {login}", login=account.login),
    }
    await notify(notices_of(unit.store.store), "role:security_admin", words[deed], "", unit.now, "account")


def _noted(unit: Unit, account: Account, deed: str, told: str) -> None:
    words = f"{account.id} {told}".strip()
    unit.store.store.note(AuditRow(unit.actor.id, unit.actor.role, deed, None, None, words, 200, None, None))
