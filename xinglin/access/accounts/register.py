"""The register of accounts: found by sign-in name, telephone or person; changed only over the version that was read."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import msgspec

from xinglin.access.accounts import rules
from xinglin.access.accounts.model import Account
from xinglin.base.clock import tick_of
from xinglin.base.errors import Conflict, NotFound
from xinglin.base.national_ids import parse_resident_id
from xinglin.store.ground import Ground
from xinglin.store.papers import Paper, Papers

_TRIES = 5


class Owner(msgspec.Struct, frozen=True):
    """Which account a person of the record belongs to."""

    account: str


class Register:
    """Accounts in the store. Key: the account's id."""

    def __init__(self, ground: Ground) -> None:
        self._papers = Papers(ground, "account", Account)
        self._owners = Papers(ground, "account owner", Owner)

    async def get(self, id: str, now: datetime) -> Account:
        """The account; raises `NotFound`."""
        paper = await self._papers.look(id, tick_of(now))
        if paper is None:
            raise NotFound("There is no such account.")
        return paper.value

    async def look(self, id: str, now: datetime) -> Account | None:
        """The account, or None."""
        paper = await self._papers.look(id, tick_of(now))
        return None if paper is None else paper.value

    async def by_login(self, login: str, now: datetime) -> Account | None:
        """The account of a sign-in name as typed."""
        form = rules.login_form(login)
        return next((one for one in await self._find(f"login:{form}", now) if rules.login_form(one.login) == form), None)

    async def by_phone(self, phone: str, now: datetime) -> Account | None:
        """The resident's account of a telephone number."""
        return next((one for one in await self._find(f"phone:{phone}", now) if one.phone == phone), None)

    async def named(self, name: str, now: datetime) -> list[Account]:
        """Accounts of people of a name."""
        return [one for one in await self._find(f"name:{name.strip()}", now) if one.name == name.strip()]

    async def in_role(self, role: str, now: datetime) -> list[Account]:
        """Accounts with a hat of a role."""
        return [one for one in await self._find(f"role:{role}", now) if any(hat.role == role for hat in one.hats)]

    async def staff(self, now: datetime) -> list[Account]:
        """Accounts of staff and administrators, oldest first, up to the store's limit."""
        return await self._find("kind:staff", now)

    async def personas(self, now: datetime) -> list[Account]:
        """The demo's accounts."""
        return await self._find("kind:demo", now)

    async def create(self, account: Account, now: datetime) -> Account:
        """Keep a new account. Raises `Conflict`: the sign-in name is taken, or the person is an administrator already."""
        rules.check_new(account)
        number = parse_resident_id(account.number).number if account.number else ""
        made = msgspec.structs.replace(account, made=tick_of(now), number=number)
        try:
            await self._papers.add(made.id, made, _handles(made), alone=_alone(made))
        except Conflict:
            raise Conflict("This sign-in name is taken, or this person is an administrator already.") from None
        return made

    async def change(self, id: str, now: datetime, change: Callable[[Account], Account]) -> Account:
        """Apply a change to the account as it stands; what it raises goes through. Raises `NotFound`, `Conflict`."""
        for _ in range(_TRIES):
            paper = await self._papers.look(id, tick_of(now))
            if paper is None:
                raise NotFound("There is no such account.")
            try:
                return await self._put(paper, change(paper.value))
            except Conflict as met:
                if met.text != "This was changed meanwhile; look again.":
                    raise
        raise Conflict("This account is being changed by someone else; try again.")

    async def claim(self, person: str, id: str, now: datetime) -> None:
        """Bind a person of the record to one account for good. Raises `Conflict` when another has them."""
        try:
            await self._owners.add(person, Owner(id))
        except Conflict:
            held = await self._owners.look(person, tick_of(now))
            if held is None or held.value.account != id:
                raise Conflict("This record belongs to another telephone already. Ask at your clinic's desk.") from None

    async def remove(self, id: str, now: datetime) -> None:
        """Take an account away for good; its names and its person are free again."""
        account = await self.get(id, now)
        await self._papers.remove(id)
        for hat in account.hats:
            held = await self._owners.look(hat.person, tick_of(now)) if hat.person else None
            if held is not None and held.value.account == id:
                await self._owners.remove(hat.person)

    async def _put(self, paper: Paper[Account], account: Account) -> Account:
        rules.check_change_of_hats(paper.value.hats, account.hats)
        same = (paper.value.login, paper.value.phone, paper.value.number) == (account.login, account.phone, account.number)
        assert same, "what an account is found by stays as it was made"
        if account != paper.value:
            await self._papers.put(paper, account, [*_handles(account), *_alone(account)])
        return account

    async def _find(self, handle: str, now: datetime) -> list[Account]:
        return [paper.value for paper in await self._papers.find(handle, tick_of(now))]


def _alone(account: Account) -> list[str]:
    """The handles only one account may carry."""
    names = {"login": rules.login_form(account.login), "phone": account.phone}
    if rules.is_administrator(account.hats):
        names["administrator"] = account.number
    return [f"{kind}:{name}" for kind, name in names.items() if name]


def _handles(account: Account) -> list[str]:
    """The handles that others may carry too."""
    return [f"name:{account.name.strip()}", f"kind:{account.kind}", *{f"role:{hat.role}" for hat in account.hats}]
