"""Coming in and going out, over the real store."""

from __future__ import annotations

import asyncio
from datetime import date

import msgspec
import pyotp
import pytest

from tests.access.accounts.conftest import DESK, DOCTOR, NOON, OFFICER, PASSWORD, Clock, Make
from xinglin.access.accounts import Account, Entrance, Hat, proving
from xinglin.access.accounts.entrance import Origin, Refused
from xinglin.access.accounts.model import Totp
from xinglin.access.actor import Actor
from xinglin.base.errors import Conflict, Invalid, TooMany, Unauthenticated
from xinglin.base.national_ids import make_resident_id
from xinglin.store import AuditRow

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


async def with_generator(entrance: Entrance, account: Account) -> Account:
    return await entrance.register.change(account.id, NOON, lambda one: msgspec.structs.replace(one, totp=Totp(SECRET)))


def code(clock: Clock) -> str:
    return pyotp.TOTP(SECRET).at(clock.now)


async def come_in(entrance: Entrance, account: Account, clock: Clock) -> str:
    """All steps to an open session; its secret."""
    secret = await entrance.by_password(account.login, PASSWORD, DESK, clock.now)
    return await proving.show_code(entrance, await entrance.sessions.find(secret, clock.now), code(clock), DESK, clock.now)


async def test_a_doctor_comes_in_with_password_and_code_and_is_known_by_hat(entrance: Entrance, make: Make, clock: Clock) -> None:
    account = await with_generator(entrance, await make())
    first = await entrance.by_password(account.login.upper(), PASSWORD, DESK, clock.now)
    with pytest.raises(Unauthenticated):
        await entrance.sessions.actor(first, clock.now)
    secret = await proving.show_code(entrance, await entrance.sessions.find(first, clock.now), code(clock), DESK, clock.now)
    actor = await entrance.sessions.actor(secret, clock.now)
    assert (actor.id, actor.role, actor.person, actor.units) == (account.id, "doctor", "Practitioner/7", ("Organization/room",))
    assert secret != first
    with pytest.raises(Unauthenticated):
        await entrance.sessions.find(first, clock.now)


async def test_an_unknown_name_a_wrong_password_and_a_disabled_account_hear_the_same(entrance: Entrance, make: Make, clock: Clock) -> None:
    account = await make()
    disabled = await make()
    await entrance.register.change(disabled.id, NOON, lambda one: msgspec.structs.replace(one, state="disabled"))
    heard = set()
    for login, password in ((account.login, "wrong"), ("nobody", PASSWORD), (disabled.login, PASSWORD)):
        with pytest.raises(Refused) as refused:
            await entrance.by_password(login, password, DESK, clock.now)
        heard.add(str(refused.value))
    assert len(heard) == 1


async def test_a_password_is_hashed_for_an_unknown_name_too(entrance: Entrance, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[str] = []
    kept = entrance.passwords.matches

    async def seen(password: str, hashed: str) -> bool:
        compared.append(hashed)
        return await kept(password, hashed)

    monkeypatch.setattr(entrance.passwords, "matches", seen)
    with pytest.raises(Refused):
        await entrance.by_password("nobody.at.all", PASSWORD, DESK, clock.now)
    assert compared == [""]


@pytest.mark.parametrize("known", [True, False])
async def test_five_failures_lock_a_name_for_fifteen_minutes_whether_there_is_such_a_name_or_not(
    entrance: Entrance, make: Make, clock: Clock, known: bool
) -> None:
    account = await make()
    login, here = (account.login if known else f"no.{account.login}"), Origin("10.9.9.1" if known else "10.9.9.2")
    for _ in range(5):
        with pytest.raises(Refused):
            await entrance.by_password(login, "wrong", here, clock.later(seconds=1))
    with pytest.raises(TooMany, match="15 minutes") as locked:
        await entrance.by_password(login, PASSWORD, here, clock.later(seconds=1))
    assert locked.value.retry_after_s is not None
    clock.later(minutes=15)
    if known:
        assert await entrance.by_password(login, PASSWORD, here, clock.now)


async def test_many_guesses_at_once_get_no_more_than_five_answers(entrance: Entrance, make: Make, clock: Clock) -> None:
    account = await make()
    guesses = [entrance.by_password(account.login, f"guess {n}", Origin("10.9.9.3"), clock.now) for n in range(12)]
    answers = await asyncio.gather(*guesses, return_exceptions=True)
    assert sum(isinstance(answer, Refused) for answer in answers) <= 5
    assert all(isinstance(answer, Refused | TooMany) for answer in answers)


async def test_one_address_that_tries_many_names_is_locked(entrance: Entrance, clock: Clock) -> None:
    here = Origin("10.9.9.4")
    for n in range(30):
        with pytest.raises(Refused):
            await entrance.by_password(f"name {n}", "wrong", here, clock.now)
    with pytest.raises(TooMany):
        await entrance.by_password("name 31", "wrong", here, clock.now)


async def test_a_code_counts_once_even_when_it_is_used_twice_at_the_same_moment(entrance: Entrance, make: Make, clock: Clock) -> None:
    account = await with_generator(entrance, await make())
    lives = [
        await entrance.sessions.find(await entrance.by_password(account.login, PASSWORD, DESK, clock.now), clock.now) for _ in range(3)
    ]
    tried = await asyncio.gather(
        *(proving.show_code(entrance, live, code(clock), DESK, clock.now) for live in lives), return_exceptions=True
    )
    assert sum(isinstance(one, str) for one in tried) == 1
    assert all(isinstance(one, str | Refused | Conflict) for one in tried)


async def test_a_recovery_code_lets_in_once(entrance: Entrance, make: Make, clock: Clock) -> None:
    account = await make()
    live = await entrance.sessions.find(await entrance.by_password(account.login, PASSWORD, DESK, clock.now), clock.now)
    assert live.session.stage == "enrolment"
    key = await proving.begin_generator(entrance, live, clock.now)
    assert key == await proving.begin_generator(entrance, await entrance.sessions.again(live, clock.now), clock.now)
    secret, codes = await proving.enrol_generator(entrance, live, pyotp.TOTP(key).at(clock.now), DESK, clock.now)
    assert (await entrance.sessions.actor(secret, clock.now)).role == "doctor"
    assert len(set(codes)) == 8
    live = await entrance.sessions.find(await entrance.by_password(account.login, PASSWORD, DESK, clock.now), clock.now)
    assert await proving.show_code(entrance, live, codes[3].upper(), DESK, clock.now)
    live = await entrance.sessions.find(await entrance.by_password(account.login, PASSWORD, DESK, clock.now), clock.now)
    with pytest.raises(Refused):
        await proving.show_code(entrance, live, codes[3], DESK, clock.now)


async def test_five_wrong_codes_lock_the_second_step(entrance: Entrance, make: Make, clock: Clock) -> None:
    account = await with_generator(entrance, await make())
    live = await entrance.sessions.find(await entrance.by_password(account.login, PASSWORD, DESK, clock.now), clock.now)
    for _ in range(5):
        with pytest.raises(Refused):
            await proving.show_code(entrance, live, "000000", DESK, clock.later(seconds=1))
    with pytest.raises(TooMany):
        await proving.show_code(entrance, live, code(clock), DESK, clock.now)


async def test_who_has_two_roles_chooses_and_each_choice_is_a_new_session(
    entrance: Entrance, make: Make, clock: Clock, trail: list[AuditRow]
) -> None:
    account = await with_generator(entrance, await make(DOCTOR, OFFICER))
    secret = await come_in(entrance, account, clock)
    live = await entrance.sessions.find(secret, clock.now)
    assert live.session.stage == "hat"
    second = await entrance.choose_hat(live, "h2", DESK, clock.now)
    assert (await entrance.sessions.actor(second, clock.now)).role == "public_health"
    third = await entrance.choose_hat(await entrance.sessions.find(second, clock.now), "h1", DESK, clock.now)
    assert (await entrance.sessions.actor(third, clock.now)).role == "doctor"
    for old in (secret, second):
        with pytest.raises(Unauthenticated):
            await entrance.sessions.find(old, clock.now)
    with pytest.raises(Invalid):
        await entrance.choose_hat(await entrance.sessions.find(third, clock.now), "h9", DESK, clock.now)
    assert [(row.interaction, row.role) for row in trail] == [("sign-in", "public_health"), ("hat-switch", "doctor")]


async def test_a_password_given_by_an_administrator_is_changed_at_first_use(entrance: Entrance, make: Make, clock: Clock) -> None:
    account = await with_generator(entrance, await make())
    word = await entrance.issue_password(account.id, clock.now)
    live = await entrance.sessions.find(await entrance.by_password(account.login, word, DESK, clock.now), clock.now)
    live = await entrance.sessions.find(await proving.show_code(entrance, live, code(clock), DESK, clock.now), clock.now)
    assert live.session.stage == "password"
    with pytest.raises(Invalid, match="last 5"):
        await entrance.change_password(live, word, PASSWORD, DESK, clock.now)
    secret = await entrance.change_password(live, word, "Apricot-grove-2027", DESK, clock.now)
    assert (await entrance.sessions.actor(secret, clock.now)).role == "doctor"


async def test_a_new_password_ends_every_other_session(entrance: Entrance, make: Make, clock: Clock) -> None:
    account = await with_generator(entrance, await make())
    elsewhere = await come_in(entrance, account, clock)
    clock.later(minutes=1)
    here = await entrance.sessions.find(await come_in(entrance, account, clock), clock.now)
    with pytest.raises(Refused):
        await entrance.change_password(here, "wrong", "Apricot-grove-2027", DESK, clock.now)
    assert await entrance.change_password(here, PASSWORD, "Apricot-grove-2027", DESK, clock.now)
    with pytest.raises(Unauthenticated):
        await entrance.sessions.find(elsewhere, clock.now)


async def test_nobody_is_two_administrators_through_two_accounts(entrance: Entrance) -> None:
    number = make_resident_id("580123", date(1959, 6, 18), 122)
    await entrance.register.create(Account("a1", "sun", "孙系统", hats=(Hat("a", "system_admin", ""),), number=number), NOON)
    with pytest.raises(Conflict):
        await entrance.register.create(Account("a2", "sun2", "孙系统", hats=(Hat("b", "audit_admin", ""),), number=number), NOON)
    await entrance.register.remove("a1", NOON)
    assert await entrance.register.create(Account("a2", "sun2", "孙系统", hats=(Hat("b", "audit_admin", ""),), number=number), NOON)


async def test_a_sign_in_name_is_given_once_whatever_its_case(entrance: Entrance, make: Make) -> None:
    await make(login="Zhou.Min")
    with pytest.raises(Conflict):
        await make(login="zhou.min")


async def test_the_trail_tells_of_each_deed_and_holds_no_password_and_no_typed_name(
    entrance: Entrance, make: Make, clock: Clock, trail: list[AuditRow]
) -> None:
    account = await with_generator(entrance, await make())
    with pytest.raises(Refused):
        await entrance.by_password("my secret typed here", PASSWORD, DESK, clock.now)
    secret = await come_in(entrance, account, clock)
    await entrance.sign_out(secret, DESK, clock.now)
    assert [(row.interaction, row.actor, row.status) for row in trail] == [
        ("sign-in", "unknown", 401),
        ("sign-in", account.id, 200),
        ("sign-out", account.id, 200),
    ]
    assert all(row.address == "10.1.1.7" for row in trail)
    told = " ".join(str(row) for row in trail)
    for hidden in (PASSWORD, "my secret typed here", secret, SECRET):
        assert hidden not in told


async def test_only_oneself_or_the_security_administrator_ends_a_session(entrance: Entrance, make: Make, clock: Clock) -> None:
    account = await with_generator(entrance, await make())
    live = await entrance.sessions.find(await come_in(entrance, account, clock), clock.now)
    assert not await entrance.end_session(Actor("other", "system_admin", "孙"), live.id, DESK, clock.now)
    assert await entrance.sessions.alive(live.id, clock.now)
    assert await entrance.end_session(Actor("other", "security_admin", "吴"), live.id, DESK, clock.now)
    assert not await entrance.sessions.alive(live.id, clock.now)
