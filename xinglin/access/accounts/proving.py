"""The second factor, shown, enrolled and taken away; and showing it again before a dangerous deed."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import datetime

import msgspec

from xinglin.access.accounts import factors
from xinglin.access.accounts.attempts import BY_LOGIN
from xinglin.access.accounts.entrance import Entrance, Origin, Refused
from xinglin.access.accounts.factors import Site
from xinglin.access.accounts.model import Account, Passkey, Session, Totp
from xinglin.access.accounts.sessions import Live
from xinglin.access.actor import Actor
from xinglin.base.clock import tick_of
from xinglin.base.errors import Conflict, Invalid, Unauthenticated


async def show_code(entrance: Entrance, live: Live, typed: str, origin: Origin, now: datetime) -> str:
    """Show a code of the generator or a recovery code; the secret from here on. Raises `Refused`, `TooMany`."""
    account = await _counted(entrance, live, now)
    way = await _take_code(entrance, account, typed, now)
    return await _shown(entrance, live, account, way, origin, now)


async def ask_passkey(entrance: Entrance, live: Live, site: Site, now: datetime) -> str:
    """What the browser needs to show a passkey, as JSON; the session is held to its challenge."""
    account = await entrance.register.get(live.session.account, now)
    challenge = await _challenge(entrance, live, now)
    return factors.assertion_options(account, site, challenge)


async def show_passkey(entrance: Entrance, live: Live, answer: str, site: Site, origin: Origin, now: datetime) -> str:
    """Show a passkey; the secret from here on. Raises `Refused`, `TooMany`."""
    live = await entrance.sessions.again(live, now)
    account = await _with_shown_key(entrance, live, answer, site, origin, now)
    return await _shown(entrance, live, account, "passkey", origin, now)


async def begin_generator(entrance: Entrance, live: Live, now: datetime) -> str:
    """The secret of a generator to be enrolled, the same until it is confirmed. Raises `StepUp`."""
    await _may_enrol(entrance, live, now)
    if live.session.secret:
        return live.session.secret
    secret = factors.new_secret()
    return (await entrance.sessions.change(live.id, now, lambda one: _replace(one, secret=one.secret or secret))).secret


async def enrol_generator(entrance: Entrance, live: Live, typed: str, origin: Origin, now: datetime) -> tuple[str, tuple[str, ...]]:
    """Confirm the generator with its first code: (the new secret of the session, recovery codes to be shown once). Raises `Refused`."""
    live = await entrance.sessions.again(live, now)
    await _may_enrol(entrance, live, now)
    account = await _counted(entrance, live, now)
    step = factors.step_of_code(Totp(live.session.secret), typed, tick_of(now)) if live.session.secret else None
    if step is None:
        raise _wrong()
    codes = factors.new_recovery_codes()
    marks = tuple(factors.recovery_mark(account.id, code) for code in codes)
    totp = Totp(live.session.secret, step)
    changed = await entrance.register.change(account.id, now, lambda one: msgspec.structs.replace(one, totp=totp, recovery=marks))
    return await _enrolled(entrance, live, changed, "generator", origin, now), codes


async def offer_passkey(entrance: Entrance, live: Live, site: Site, now: datetime) -> str:
    """What the browser needs to make a passkey, as JSON. Raises `StepUp`, `Invalid`."""
    await _may_enrol(entrance, live, now)
    account = await entrance.register.get(live.session.account, now)
    if len(account.passkeys) >= factors.PASSKEYS_MAX:
        raise Invalid("An account has at most {most} passkeys. Remove one first.", most=factors.PASSKEYS_MAX)
    return factors.registration_options(account, site, await _challenge(entrance, live, now))


async def enrol_passkey(entrance: Entrance, live: Live, answer: str, name: str, site: Site, origin: Origin, now: datetime) -> str:
    """Keep the passkey a browser made; the secret from here on. Raises `Invalid`, `StepUp`."""
    live = await entrance.sessions.again(live, now)
    await _may_enrol(entrance, live, now)
    if not live.session.challenge:
        raise Invalid("The passkey could not be checked. Try again.")
    key = factors.registered(answer, site, _held(live), name, tick_of(now))
    changed = await entrance.register.change(live.session.account, now, lambda one: _with_key(one, key))
    return await _enrolled(entrance, live, changed, "passkey", origin, now)


async def remove_passkey(entrance: Entrance, actor: Actor, key_id: str, origin: Origin, now: datetime) -> None:
    """Take one's own passkey away. Raises `StepUp`, and `Conflict` for the last second factor."""
    await entrance.sessions.require_fresh(actor, now)
    account = await entrance.register.change(actor.id, now, lambda one: _without_key(one, key_id))
    entrance.note(account, "factor-change", 200, origin, "passkey removed")


async def prove_again(entrance: Entrance, live: Live, typed: str, origin: Origin, now: datetime) -> None:
    """Show a code again before a dangerous deed (a persona of the demo needs none). Raises `Refused`, `TooMany`."""
    account = await _counted(entrance, live, now)
    way = "demo" if account.kind == "demo" else await _take_code(entrance, account, typed, now)
    await _again(entrance, live, account, way, origin, now)


async def prove_again_by_passkey(entrance: Entrance, live: Live, answer: str, site: Site, origin: Origin, now: datetime) -> None:
    """Show a passkey again. Raises `Refused`, `TooMany`."""
    live = await entrance.sessions.again(live, now)
    account = await _with_shown_key(entrance, live, answer, site, origin, now)
    await _again(entrance, live, account, "passkey", origin, now)


async def reset_factors(entrance: Entrance, id: str, now: datetime) -> Account:
    """Take every second factor from an account (an administrator's deed); its sessions end, the next sign-in enrols anew."""
    changed = await entrance.register.change(id, now, lambda one: msgspec.structs.replace(one, totp=None, passkeys=(), recovery=()))
    await entrance.sessions.end_of(id, now)
    return changed


async def _counted(entrance: Entrance, live: Live, now: datetime) -> Account:
    """The account of a session, one more attempt counted against it."""
    await entrance.attempts.take(f"factor:{live.session.account}", BY_LOGIN, tick_of(now))
    return await entrance.register.get(live.session.account, now)


async def _take_code(entrance: Entrance, account: Account, typed: str, now: datetime) -> str:
    """Use a code up: which kind it was. The register's compare-and-set lets only one of two uses through."""
    mark = factors.recovery_mark(account.id, typed)
    if mark in account.recovery:
        await entrance.register.change(account.id, now, lambda one: _without_mark(one, mark))
        return "recovery code"
    step = factors.step_of_code(account.totp, typed, tick_of(now)) if account.totp else None
    if step is None:
        entrance.note(account, "second-factor", 401, Origin(), "code, refused")
        raise _wrong()
    await entrance.register.change(account.id, now, _with_step(step))
    return "generator"


async def _with_shown_key(entrance: Entrance, live: Live, answer: str, site: Site, origin: Origin, now: datetime) -> Account:
    """The account with the counter of the passkey that signed the session's challenge."""
    account = await _counted(entrance, live, now)
    key = factors.asserted(account, answer, site, _held(live)) if live.session.challenge else None
    if key is None:
        entrance.note(account, "second-factor", 401, origin, "passkey, refused")
        raise Refused("The passkey was not accepted. Try again, or use a code.")
    keys = tuple(key if one.id == key.id else one for one in account.passkeys)
    return await entrance.register.change(account.id, now, lambda one: msgspec.structs.replace(one, passkeys=keys))


def _with_step(step: int) -> Callable[[Account], Account]:
    def change(account: Account) -> Account:
        if account.totp is None or account.totp.last_step >= step:
            raise _wrong()
        return msgspec.structs.replace(account, totp=Totp(account.totp.secret, step))

    return change


def _without_mark(account: Account, mark: str) -> Account:
    if mark not in account.recovery:
        raise _wrong()
    return msgspec.structs.replace(account, recovery=tuple(one for one in account.recovery if one != mark))


async def _shown(entrance: Entrance, live: Live, account: Account, way: str, origin: Origin, now: datetime) -> str:
    if live.session.stage != "factor":
        raise Unauthenticated("Please sign in to continue.")
    await entrance.attempts.clear(f"factor:{account.id}")
    session = _replace(live.session, factor_shown=True, method=f"{live.session.method}, {way}", challenge="")
    return await entrance.enter(account, session, live.id, origin, now)


async def _enrolled(entrance: Entrance, live: Live, account: Account, what: str, origin: Origin, now: datetime) -> str:
    await entrance.attempts.clear(f"factor:{account.id}")
    entrance.note(account, "factor-change", 200, origin, f"{what} enrolled")
    await entrance.sessions.end_of(account.id, now, besides=live.id)
    return await entrance.enter(account, _replace(live.session, factor_shown=True, secret="", challenge=""), live.id, origin, now)


async def _again(entrance: Entrance, live: Live, account: Account, way: str, origin: Origin, now: datetime) -> None:
    await entrance.attempts.clear(f"factor:{account.id}")
    await entrance.sessions.change(live.id, now, lambda one: _replace(one, proved=tick_of(now), challenge=""))
    entrance.note(account, "step-up", 200, origin, way, live.session.hat.role if live.session.hat else "")


async def _may_enrol(entrance: Entrance, live: Live, now: datetime) -> None:
    """At the first sign-in, or when the factors were shown in the last minutes."""
    if live.session.stage == "open":
        await entrance.sessions.require_fresh(live.session.actor(live.id), now)
    elif live.session.stage != "enrolment":
        raise Unauthenticated("Please sign in to continue.")


async def _challenge(entrance: Entrance, live: Live, now: datetime) -> bytes:
    challenge = secrets.token_bytes(32)
    await entrance.sessions.change(live.id, now, lambda one: _replace(one, challenge=challenge.hex()))
    return challenge


def _held(live: Live) -> bytes:
    return bytes.fromhex(live.session.challenge)


def _with_key(account: Account, key: Passkey) -> Account:
    return msgspec.structs.replace(account, passkeys=(*account.passkeys, key))


def _without_key(account: Account, key_id: str) -> Account:
    left = tuple(one for one in account.passkeys if one.id != key_id)
    if not left and account.totp is None:
        raise Conflict("This is your only second factor. Add another before you remove it.")
    return msgspec.structs.replace(account, passkeys=left)


def _replace(session: Session, **changes: object) -> Session:
    return msgspec.structs.replace(session, **changes)


def _wrong() -> Refused:
    return Refused("The code is wrong, or was used already. Wait for the next one.")
