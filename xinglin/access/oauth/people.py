"""Whether somebody an application acts for still has the account, the hat and the sign-in they had."""

from __future__ import annotations

from datetime import datetime

import msgspec

from xinglin.access.accounts import Register, Sessions
from xinglin.access.oauth.model import Who
from xinglin.store.ground import Ground


class Accounts:
    """People by their accounts."""

    __slots__ = ("_register", "_sessions")

    def __init__(self, ground: Ground) -> None:
        self._register, self._sessions = Register(ground), Sessions(ground)

    async def still(self, who: Who, now: datetime, *, signed_in: bool) -> Who | None:
        """The person in the same hat with what it works for today; None when account, hat or (with `signed_in`) sign-in have ended."""
        account = await self._register.look(who.id, now)
        if account is None or account.state != "active":
            return None
        if signed_in and not await self._sessions.alive(who.session, now):
            return None
        hat = next((hat for hat in account.hats if (hat.role, hat.person) == (who.role, who.person)), None)
        return None if hat is None else msgspec.structs.replace(who, name=account.name, units=hat.units)
