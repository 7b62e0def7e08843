"""A token that was withdrawn is known everywhere at once, and a process that cannot know lets none pass."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from xinglin.access.accounts import Account, Hat, Register, Session, Sessions
from xinglin.access.oauth import withdrawals as room
from xinglin.access.oauth.grants import withdraw
from xinglin.access.oauth.model import Mark, Who, drawers
from xinglin.access.oauth.people import Accounts
from xinglin.access.oauth.withdrawals import Withdrawals, all_of
from xinglin.access.tokens import Claims
from xinglin.base.clock import tick_of
from xinglin.base.errors import Unavailable
from xinglin.store import Store

NOON = datetime(2026, 11, 22, 4, tzinfo=UTC)
END_S = int(NOON.timestamp()) + 600


def token(jti: str, client: str = "app", made: datetime = NOON) -> Claims:
    return Claims("reader", "x", "x", int(made.timestamp()), END_S, jti, client=client)


async def test_another_process_sees_a_withdrawn_token_at_its_next_look(module_store: Store) -> None:
    papers = drawers(module_store.ground)
    one, other = (Withdrawals(papers.withdrawn, lambda: NOON) for _ in range(2))
    for process in (one, other):
        await process.ask()
        assert not process.holds(token("t-1"))
    await withdraw(papers, "t-1", END_S)
    await withdraw(papers, "t-1", END_S)  # twice is no error
    for process in (one, other):
        await process.ask()
        assert process.holds(token("t-1"))
        assert not process.holds(token("t-2"))


async def test_a_stopped_application_loses_the_tokens_it_had_and_not_those_it_gets_later(module_store: Store) -> None:
    papers = drawers(module_store.ground)
    process = Withdrawals(papers.withdrawn, lambda: NOON)
    await papers.withdrawn.add(all_of("app-9", int(NOON.timestamp())), Mark(), ends=END_S * 1_000_000)
    await process.ask()
    assert process.holds(token("a", "app-9"))
    assert not process.holds(token("b", "app-9", NOON + timedelta(seconds=1)))
    assert not process.holds(token("c", "app-8"))


async def test_notes_that_became_visible_late_are_not_passed_over(module_store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    papers, process = drawers(module_store.ground), Withdrawals(drawers(module_store.ground).withdrawn, lambda: NOON)
    await withdraw(papers, "early", END_S)
    await process.ask()
    monkeypatch.setattr(room, "SETTLED_S", 0.0)
    await withdraw(papers, "settled", END_S)
    await process.ask()
    await withdraw(papers, "later", END_S)
    await process.ask()
    assert all(process.holds(token(jti)) for jti in ("early", "settled", "later"))


async def test_the_list_forgets_what_has_ended_when_it_is_read_anew(module_store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    moments = [NOON]
    papers, process = drawers(module_store.ground), Withdrawals(drawers(module_store.ground).withdrawn, lambda: moments[-1])
    await withdraw(papers, "ending", END_S)
    await process.ask()
    assert process.holds(token("ending"))
    monkeypatch.setattr(room, "WHOLE_S", -1.0)
    moments.append(NOON + timedelta(seconds=601))
    await process.ask()
    assert not process.holds(token("ending"))


async def test_a_process_that_could_not_look_lets_no_token_pass(module_store: Store) -> None:
    with pytest.raises(Unavailable):
        Withdrawals(drawers(module_store.ground).withdrawn, lambda: NOON).holds(token("t-3"))


async def test_a_person_is_still_who_they_were_only_with_account_hat_and_sign_in(module_store: Store) -> None:
    ground = module_store.ground
    register, sessions, people = Register(ground), Sessions(ground), Accounts(ground)
    hat = Hat("h", "doctor", "", "Practitioner/li", units=("Organization/new",))
    account = await register.create(Account("dr-1", "dr.1", "李春生", hats=(hat,)), NOON)
    now_us = tick_of(NOON)
    await sessions.open(Session(account.id, account.name, "staff", "open", now_us, now_us, "test", proved=now_us, hat=hat), NOON)
    session = (await sessions.of(account.id, NOON))[0].id
    who = Who(account.id, "doctor", "李", "Practitioner/li", ("Organization/old",), session)
    still = await people.still(who, NOON, signed_in=True)
    assert still is not None
    assert (still.name, still.units) == ("李春生", ("Organization/new",))
    assert await people.still(Who(account.id, "nurse", "李", "Practitioner/li"), NOON, signed_in=False) is None
    assert await people.still(Who("nobody", "doctor", "李"), NOON, signed_in=False) is None
    await sessions.end(session)
    later = NOON + timedelta(seconds=2)
    assert await people.still(who, later, signed_in=True) is None
    assert await people.still(who, later, signed_in=False) is not None
