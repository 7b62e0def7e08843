"""Coming in: by password, as a persona of the demo, in a hat, for a ward; and going out. Each deed leaves a row in the trail."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec

from xinglin.access.accounts import rules
from xinglin.access.accounts.attempts import BY_ADDRESS, BY_LOGIN, Attempts
from xinglin.access.accounts.model import Account, Session
from xinglin.access.accounts.passwords import OURS, Passwords, make_password
from xinglin.access.accounts.register import Register
from xinglin.access.accounts.sessions import Live, Sessions
from xinglin.access.actor import Actor
from xinglin.base.clock import tick_of
from xinglin.base.errors import Invalid, TooMany, Unauthenticated
from xinglin.store import AuditRow
from xinglin.store.ground import Ground

BROWSER_CHARACTERS_MAX = 200
UNKNOWN = "unknown"
"""The actor of a failed sign-in by a name there is not: what was typed is never written down, it may be a password."""


class Refused(Unauthenticated):
    """What was shown does not prove anything. The message is the same whatever was wrong."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request comes from: network address, and what the browser calls itself."""

    address: str | None = None
    browser: str = ""


@dataclass(frozen=True, slots=True)
class Ward:
    """Someone a resident may act for: `Patient/…`, and the name."""

    person: str
    name: str


async def no_wards(_actor: Actor, _now: datetime) -> Sequence[Ward]:
    """Nobody acts for anybody."""
    return ()


Wards = Callable[[Actor, datetime], Awaitable[Sequence[Ward]]]


class Entrance:
    """The deeds of signing in, for a door. `note` keeps a row of the trail; `wards` tells whom a resident may act for."""

    def __init__(
        self, ground: Ground, note: Callable[[AuditRow], None], wards: Wards = no_wards, passwords: Passwords | None = None
    ) -> None:
        self.register, self.sessions, self.attempts = Register(ground), Sessions(ground), Attempts(ground)
        self.passwords = passwords or OURS
        self.password_days = ground.settings.password_days
        self._note, self.wards = note, wards

    async def by_password(self, login: str, password: str, origin: Origin, now: datetime) -> str:
        """Start a sign-in; the secret of its session. Raises `Refused`, and `TooMany` when the name or address is locked."""
        keys = {f"login:{rules.login_form(login)}": BY_LOGIN, f"address:{origin.address}": BY_ADDRESS}
        account = await self.register.by_login(login, now)
        try:
            for key, limit in keys.items():
                await self.attempts.take(key, limit, tick_of(now))
        except TooMany as locked:
            self.note(account, "sign-in", locked.status, origin, "password, locked")
            raise
        right = await self.passwords.matches(password, account.password if account else "")
        if account is None or not right or account.state != "active":
            self.note(account, "sign-in", 401, origin, "password, refused")
            raise Refused("The sign-in name or the password is wrong.")
        for key in keys:
            await self.attempts.give_back(key, tick_of(now))
        await self.attempts.clear(f"login:{rules.login_form(login)}")
        return await self.begin(account, "password", origin, now)

    async def by_persona(self, key: str, origin: Origin, now: datetime) -> str:
        """Sign in as a persona of the demo; raises `Refused` when there is none of that name."""
        account = next((one for one in await self.register.personas(now) if one.persona == key), None)
        if account is None or account.kind != "demo" or account.state != "active":
            raise Refused("There is no such person in the demo.")
        return await self.begin(account, "demo", origin, now)

    async def begin(self, account: Account, method: str, origin: Origin, now: datetime) -> str:
        """A session for an account that has shown its first proof; its secret."""
        now_us = tick_of(now)
        browser = origin.browser[:BROWSER_CHARACTERS_MAX]
        session = Session(
            account.id, account.name, account.kind, "factor", now_us, now_us, method, address=origin.address or "", browser=browser
        )
        return await self.enter(account, session, None, origin, now)

    async def enter(self, account: Account, session: Session, old: str | None, origin: Origin, now: datetime) -> str:
        """The session at its next stage, under a new secret; `old` is the public id it had. Writes the sign-in down when it opens."""
        ahead = rules.moved_on(account, session, tick_of(now), self.password_days)
        secret = await self.sessions.open(ahead, now) if old is None else await self.sessions.renew(old, ahead, now)
        live = await self.sessions.find(secret, now)
        again = await self.register.look(account.id, now)
        if again is None or again.state != "active":  # disabled between the look and now
            await self.sessions.end(live.id)
            raise Refused("The sign-in name or the password is wrong.")
        if ahead.stage == "open" and session.stage != "open":
            self.note(account, "sign-in", 200, origin, f"{ahead.method}, session {live.id}", _role(ahead))
        return secret

    async def choose_hat(self, live: Live, hat_id: str, origin: Origin, now: datetime) -> str:
        """Put on one of the account's hats; the secret of the session from here on. Raises `Invalid`."""
        if live.session.stage not in ("hat", "open"):
            raise Unauthenticated("Please sign in to continue.")
        account = await self.register.get(live.session.account, now)
        hat = rules.hat_of(account, hat_id)
        session = msgspec.structs.replace(live.session, hat=hat, ward="", ward_name="")
        secret = await self.enter(account, session, live.id, origin, now)
        if live.session.stage == "open":
            self.note(account, "hat-switch", 200, origin, f"from {_role(live.session)} to {hat.role}", hat.role)
        return secret

    async def choose_ward(self, live: Live, person: str, origin: Origin, now: datetime) -> str:
        """Act for a ward, or with "" for oneself again; the new secret. Raises `Invalid`."""
        if live.session.stage != "open":
            raise Unauthenticated("Please sign in to continue.")
        offered = await self.wards(live.session.actor(live.id), now) if person else ()
        ward = next((one for one in offered if one.person == person), Ward("", ""))
        if ward.person != person:
            raise Invalid("You may not act for this person.")
        account = await self.register.get(live.session.account, now)
        self.note(account, "act-for", 200, origin, person or "oneself", _role(live.session))
        return await self.enter(account, msgspec.structs.replace(live.session, ward=ward.person, ward_name=ward.name), live.id, origin, now)

    async def sign_out(self, secret: str, origin: Origin, now: datetime) -> None:
        """End the session of a secret, if it has not ended."""
        try:
            live = await self.sessions.find(secret, now)
        except Unauthenticated:
            return
        await self.sessions.end(live.id)
        self._note(_row(live.session.account, _role(live.session), "sign-out", 200, origin, f"session {live.id}"))

    async def end_session(self, by: Actor, id: str, origin: Origin, now: datetime) -> bool:
        """End someone's session: one's own, or anyone's for the security administrator. Whether there was one."""
        session = await self.sessions.look(id, now)
        if session is None or (session.account != by.id and by.role != "security_admin"):
            return False
        await self.sessions.end(id)
        self._note(_row(by.id, by.role, "session-ended", 200, origin, f"session {id} of {session.account}"))
        return True

    async def change_password(self, live: Live, old: str, new: str, origin: Origin, now: datetime) -> str:
        """Choose a new password; every other session of the account ends; the new secret. Raises `Refused`, `Invalid`, `TooMany`."""
        if live.session.stage not in ("password", "open"):
            raise Unauthenticated("Please sign in to continue.")
        account = await self.register.get(live.session.account, now)
        await self.attempts.take(f"password:{account.id}", BY_LOGIN, tick_of(now))
        if not await self.passwords.matches(old, account.password):
            self.note(account, "password-change", 401, origin, "refused", _role(live.session))
            raise Refused("The present password is wrong.")
        await self.attempts.clear(f"password:{account.id}")
        changed = await self.set_password(account, new, now, issued=False)
        await self.sessions.end_of(account.id, now, besides=live.id)
        self.note(account, "password-change", 200, origin, "", _role(live.session))
        return await self.enter(changed, live.session, live.id, origin, now)

    async def set_password(self, account: Account, new: str, now: datetime, *, issued: bool) -> Account:
        """Check and keep a password. Raises `Invalid`: too weak, or one of the last five."""
        rules.check_password(new, account)
        former = tuple(one for one in (account.password, *account.history) if one)[: rules.PASSWORD_HISTORY]
        for hashed in former:
            if await self.passwords.matches(new, hashed):
                raise Invalid("This is one of your last {count} passwords. Choose another.", count=rules.PASSWORD_HISTORY)
        hashed = await self.passwords.hash(new)
        return await self.register.change(
            account.id,
            now,
            lambda one: msgspec.structs.replace(one, password=hashed, history=former, issued=issued, changed=tick_of(now)),
        )

    async def issue_password(self, id: str, now: datetime) -> str:
        """Give an account a password to be changed at first use; all its sessions end. The password is shown once and kept nowhere."""
        account, word = await self.register.get(id, now), make_password()
        await self.set_password(account, word, now, issued=True)
        await self.sessions.end_of(id, now)
        await self.attempts.clear(f"login:{rules.login_form(account.login)}")
        return word

    def note(self, account: Account | None, interaction: str, status: int, origin: Origin, told: str, role: str = "") -> None:
        """Keep a row of the trail about an account's own deed."""
        self._note(_row(account.id if account else UNKNOWN, role, interaction, status, origin, told))


def _role(session: Session) -> str:
    return session.hat.role if session.hat else ""


def _row(actor: str, role: str, interaction: str, status: int, origin: Origin, told: str) -> AuditRow:
    return AuditRow(actor, role, interaction, None, None, told or None, status, origin.address, None)
