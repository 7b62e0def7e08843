"""`xinglin account`: the first administrator, and the way back in when nobody else can help. Whoever may run this owns the machine."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from xinglin.access.accounts import Account, Entrance, Hat, personas, proving
from xinglin.access.accounts.entrance import Origin
from xinglin.access.accounts.rules import HUMAN_ROLES, hat_from
from xinglin.base.clock import utc_now
from xinglin.base.crypto import Keys
from xinglin.base.errors import NotFound
from xinglin.base.ids import new_id
from xinglin.base.settings import Settings, read_settings
from xinglin.doors.cli.installation import database, keys_of
from xinglin.doors.cli.telling import say
from xinglin.store import Scope, Store, open_store, prepare

T = TypeVar("T")
TERMINAL = Origin(None, "xinglin account")

application = typer.Typer(
    name="account", no_args_is_help=True,
    help="Accounts of people who sign in: create one, list them, let someone in again. The rest is done on the administrator's pages.",
)  # fmt: skip

Home = Annotated[
    Path | None, typer.Option("--home", metavar="DIR", help="Folder of this installation: database, keys, exports. Default: var")
]
Login = Annotated[str, typer.Argument(metavar="LOGIN", help="The name they sign in with.")]


@application.command()
def create(
    login: Login,
    role: Annotated[str, typer.Option("--role", metavar="ROLE", help="One of: " + ", ".join(HUMAN_ROLES))],
    name: Annotated[str, typer.Option("--name", metavar="NAME", help="The person's name.")],
    number: Annotated[str, typer.Option("--number", metavar="ID", help="Their ID number; needed for an administrator.")] = "",
    worker: Annotated[
        str, typer.Option("--practitioner-role", metavar="ID", help="The PractitionerRole they act as: person, institution, places.")
    ] = "",
    home: Home = None,
) -> None:
    """Create an account and print its first password, which must be changed at the first sign-in.

    The first system administrator of an installation is made this way; that one makes all others on the pages.
    """
    word = _within(read_settings(home=home), lambda store: _create(store, login, role, name, number, worker))
    say(f"{login} signs in with this password once, then chooses another: {word}")


@application.command("list")
def list_accounts(home: Home = None) -> None:
    """List the accounts of staff and administrators: sign-in name, name, state, roles, second factor."""
    for account in _within(read_settings(home=home), lambda store: Entrance(store.ground, store.note).register.staff(utc_now())):
        roles = ", ".join(hat.role for hat in account.hats) or "no role"
        say(f"{account.login}\t{account.name}\t{account.state}\t{roles}\t{'second factor' if account.has_factor else 'no second factor'}")


@application.command()
def reset(login: Login, home: Home = None) -> None:
    """Let someone in again: a new first password, no lock, the second factor enrolled anew; every session of theirs ends."""
    word = _within(read_settings(home=home), lambda store: _reset(store, login))
    say(f"{login} signs in with this password once, then chooses another: {word}")


async def _create(store: Store, login: str, role: str, name: str, number: str, worker: str) -> str:
    entrance, now = Entrance(store.ground, store.note), utc_now()
    hat = Hat(new_id(), role, "")
    if worker:
        hat = hat_from(role, (await store.records(Scope.everyone()).read("PractitionerRole", worker)).resource())
    account = await entrance.register.create(Account(new_id(), login, name, hats=(hat,), number=number), now)
    entrance.note(account, "account-created", 200, TERMINAL, role)
    return await entrance.issue_password(account.id, now)


async def _reset(store: Store, login: str) -> str:
    entrance, now = Entrance(store.ground, store.note), utc_now()
    account = await entrance.register.by_login(login, now)
    if account is None:
        raise NotFound("There is no account {login}.", login=login)
    await proving.reset_factors(entrance, account.id, now)
    entrance.note(account, "account-reset", 200, TERMINAL, "password and second factor")
    return await entrance.issue_password(account.id, now)


def has_accounts(settings: Settings, keys: Keys) -> bool:
    """Whether anyone of the staff has an account."""

    async def look(store: Store) -> bool:
        return bool(await Entrance(store.ground, store.note).register.staff(utc_now()))

    return asyncio.run(_opened(settings, settings.database_url, keys, look))


def settle_personas(settings: Settings, keys: Keys, residents: Mapping[str, str] | None) -> int:
    """Make the demo's cast (`residents`: name -> Patient id), or with None see that there is none; how many."""

    async def settle(store: Store) -> int:
        now: datetime = utc_now()
        if residents is None:
            return await personas.dismiss(store.ground, now)
        return await personas.settle(store.ground, store.records(Scope.everyone()), residents, now)

    return asyncio.run(_opened(settings, settings.database_url, keys, settle))


def _within(settings: Settings, work: Callable[[Store], Awaitable[T]]) -> T:
    """Do it on the installation's database, started for it when it is not running."""
    keys = keys_of(settings)
    with database(settings) as record:
        asyncio.run(prepare(settings, record.dsn, keys))
        return asyncio.run(_opened(settings, record.dsn, keys, work))


async def _opened(settings: Settings, dsn: str, keys: Keys, work: Callable[[Store], Awaitable[T]]) -> T:
    store = await open_store(settings, dsn, keys)
    try:
        return await work(store)
    finally:
        await store.close()
