"""Pages of accounts: the administrator's list and one account; one's own account."""

from __future__ import annotations

from collections.abc import Mapping

from xinglin.access.accounts import StepUp
from xinglin.base.errors import XinglinError
from xinglin.capabilities.accounts import actions, queries, rules
from xinglin.kit.i18n import Phrase
from xinglin.kit.pages import Moved, Request, Shown
from xinglin.kit.unit import Unit

# --- the system administrator ---


async def show_accounts(unit: Unit, request: Request) -> Shown:
    """Accounts of staff, found by name or sign-in name (`q`), or of a role (`role`)."""
    typed, role = request.query.get("q", "").strip()[:80], request.query.get("role", "")
    values = {"accounts": await queries.found(unit, typed, role), "typed": typed, "role": role, "most": queries.SHOWN_MAX}
    return Shown("accounts/list.html", values | {"given": rules.GIVEN_ROLES})


async def show_form(unit: Unit, request: Request) -> Shown:
    """The form for a new account: first the person is looked for among the staff (`find`), then name, role and post."""
    return await _form(unit, request.query.get("find", ""), {})


async def create(unit: Unit, request: Request) -> Shown:
    """Creates it and shows its first password, this once."""
    try:
        account, word = await actions.create(unit, request.form)
    except StepUp:
        raise
    except XinglinError as wrong:
        return await _form(unit, request.form.get("find", ""), request.form, wrong)
    return Shown("accounts/password.html", {"one": queries.view(account), "word": word})


async def show_one(unit: Unit, request: Request) -> Shown:
    """One account: roles, state, second factor, sessions."""
    return await _one(unit, request)


async def give_hat(unit: Unit, request: Request) -> Shown | Moved:
    """Gives one more role."""
    try:
        await actions.give_hat(unit, request.path["account"], request.form)
    except StepUp:
        raise
    except XinglinError as wrong:
        return await _one(unit, request, wrong)
    return Moved(f"/accounts/{request.path['account']}")


async def take_hat(unit: Unit, request: Request) -> Moved:
    """Takes a role away."""
    await actions.take_hat(unit, request.path["account"], request.path["hat"])
    return Moved(f"/accounts/{request.path['account']}")


async def disable(unit: Unit, request: Request) -> Moved:
    """Closes the account."""
    await actions.set_disabled(unit, request.path["account"], disabled=True)
    return Moved(f"/accounts/{request.path['account']}")


async def enable(unit: Unit, request: Request) -> Moved:
    """Opens it again."""
    await actions.set_disabled(unit, request.path["account"], disabled=False)
    return Moved(f"/accounts/{request.path['account']}")


async def reset_password(unit: Unit, request: Request) -> Shown:
    """Gives a new first password and shows it, this once."""
    account, word = await actions.reset_password(unit, request.path["account"])
    return Shown("accounts/password.html", {"one": queries.view(account), "word": word})


async def reset_factors(unit: Unit, request: Request) -> Moved:
    """Takes the second factors away."""
    await actions.reset_factors(unit, request.path["account"])
    return Moved(f"/accounts/{request.path['account']}")


async def _form(unit: Unit, find: str, typed: Mapping[str, str], wrong: XinglinError | None = None) -> Shown:
    name = find.strip()[:80]
    values = {"find": name, "posts": await queries.posts(unit, name), "typed": typed, "given": rules.GIVEN_ROLES, "wrong": _told(wrong)}
    return Shown("accounts/form.html", values, wrong.status if wrong else 200)


async def _one(unit: Unit, request: Request, wrong: XinglinError | None = None) -> Shown:
    account = await queries.account(unit, request.path["account"])
    changeable = account.id != unit.actor.id and account.kind == "staff" and not queries.view(account).administrator
    values = {
        "one": queries.view(account),
        "sessions": await queries.sessions(unit, account.id),
        "posts": await queries.posts(unit, account.name) if changeable else (),
        "given": rules.GIVEN_ROLES,
        "changeable": changeable,
        "wrong": _told(wrong),
    }
    return Shown("accounts/one.html", values, wrong.status if wrong else 200)


def _told(wrong: XinglinError | None) -> Phrase | None:
    return Phrase(wrong.text, tuple(wrong.places.items())) if wrong else None


# --- one's own account ---


async def show_mine(unit: Unit, _request: Request) -> Shown:
    """One's own account: what signs one in, and where one is signed in."""
    one = queries.view(await queries.account(unit, unit.actor.id))
    return Shown("accounts/mine.html", {"one": one, "sessions": await queries.sessions(unit, unit.actor.id)})


async def end_session(unit: Unit, request: Request) -> Moved:
    """Ends one of one's sessions."""
    await actions.end_session(unit, request.path["session"], request.address)
    return Moved("/account")


async def end_others(unit: Unit, request: Request) -> Moved:
    """Ends all others."""
    await actions.end_others(unit, request.address)
    return Moved("/account")


async def remove_key(unit: Unit, request: Request) -> Moved:
    """Takes a passkey away."""
    await actions.remove_key(unit, request.path["key"], request.address)
    return Moved("/account")
