"""Residents come in by telephone: a code by SMS, then proof of who they are by ID number and name against the population base."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

import msgspec

from xinglin.access.accounts.attempts import CODES_A_MINUTE, CODES_AN_HOUR, CODES_BY_ADDRESS, PROOFS_A_DAY, PROOFS_BY_ADDRESS
from xinglin.access.accounts.entrance import Entrance, Origin, Refused
from xinglin.access.accounts.model import Account, Hat, Proof
from xinglin.access.accounts.sessions import Live
from xinglin.base.clock import tick_of
from xinglin.base.errors import Conflict, Invalid, Unauthenticated
from xinglin.base.ids import new_id
from xinglin.base.national_ids import parse_phone, parse_resident_id
from xinglin.store.ground import Ground
from xinglin.store.papers import Papers

CODE_DIGITS, CODE_MINUTES, CODE_TRIES = 6, 5, 5
_PUTS = 10

Send = Callable[[str, str], Awaitable[None]]
"""(telephone, text): hand a message to the SMS gateway."""


class Code(msgspec.Struct, frozen=True):
    """A code under way: to which telephone, a hash of it, how often something was tried."""

    phone: str
    mark: str
    tries: int = 0


@dataclass(frozen=True, slots=True)
class Known:
    """A resident whom number and name were found to be: `Patient/…`, the name, and by whom it was compared."""

    person: str
    name: str
    by: str


Match = Callable[[str, str], Awaitable[Known | None]]
"""(ID number, name): the one resident they belong to, or None."""


class Codes:
    """Codes by SMS. A request has a random id of its own; whoever holds it and the code comes in."""

    def __init__(self, ground: Ground, entrance: Entrance, send: Send) -> None:
        self._papers, self._entrance, self._send = Papers(ground, "telephone code", Code), entrance, send

    async def ask(self, typed: str, say: Callable[[str], str], origin: Origin, now: datetime) -> str:
        """Send a code; the id of the request. `say` puts it into words. Raises `Malformed` (no mobile number), `TooMany`."""
        phone = mobile(typed)
        attempts, now_us = self._entrance.attempts, tick_of(now)
        await attempts.take(f"codes of {origin.address}", CODES_BY_ADDRESS, now_us)
        await attempts.take(f"codes to {phone} an hour", CODES_AN_HOUR, now_us)
        await attempts.take(f"codes to {phone} a minute", CODES_A_MINUTE, now_us)
        word, id_ = f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}d}", secrets.token_urlsafe(24)
        await self._papers.add(id_, Code(phone, _mark(id_, word)), ends=now_us + CODE_MINUTES * 60_000_000)
        await self._send(phone, say(word))
        return id_

    async def give(self, id: str, typed: str, now: datetime) -> str:
        """The telephone whose code was given; the code is used up. Raises `Refused`: wrong, too late, or too often."""
        await self._count(id, now)
        paper = await self._papers.look(id[:100], tick_of(now))
        word = "".join(letter for letter in typed if letter.isdigit())
        if paper is None or not hmac.compare_digest(paper.value.mark, _mark(id, word)) or not await self._papers.remove(id):
            raise Refused("The code is wrong or its five minutes are over. Ask for a new one.")
        return paper.value.phone

    async def _count(self, id: str, now: datetime) -> None:
        """One more try, counted before it is compared."""
        for _ in range(_PUTS):
            paper = await self._papers.look(id[:100], tick_of(now))
            if paper is None:
                return
            if paper.value.tries >= CODE_TRIES:
                await self._papers.remove(paper.key)
                return
            try:
                await self._papers.put(paper, msgspec.structs.replace(paper.value, tries=paper.value.tries + 1))
            except Conflict:
                continue
            return
        raise Refused("The code is wrong or its five minutes are over. Ask for a new one.")


async def by_telephone(entrance: Entrance, codes: Codes, id: str, typed: str, origin: Origin, now: datetime) -> str:
    """Come in by a code; the secret of the session. Who comes for the first time gets an account. Raises `Refused`."""
    try:
        phone = await codes.give(id, typed, now)
    except Refused:
        entrance.note(None, "sign-in", 401, origin, "telephone code, refused")
        raise
    account = await entrance.register.by_phone(phone, now)
    if account is None:
        account = await _first_account(entrance, phone, now)
    if account.state != "active":
        raise Refused("The code is wrong or its five minutes are over. Ask for a new one.")
    return await entrance.begin(account, "telephone code", origin, now)


async def again_by_telephone(entrance: Entrance, codes: Codes, live: Live, id: str, typed: str, origin: Origin, now: datetime) -> None:
    """Show a code of one's own telephone again before a dangerous deed. Raises `Refused`."""
    phone = await codes.give(id, typed, now)
    account = await entrance.register.get(live.session.account, now)
    if phone != account.phone:
        raise Refused("The code is wrong or its five minutes are over. Ask for a new one.")
    await entrance.sessions.change(live.id, now, lambda one: msgspec.structs.replace(one, proved=tick_of(now)))
    entrance.note(account, "step-up", 200, origin, "telephone code", "resident")


async def prove_identity(entrance: Entrance, match: Match, live: Live, number: str, name: str, origin: Origin, now: datetime) -> str:
    """Prove who holds the telephone; the secret from here on. Raises `Malformed` (no ID number), `Refused`, `Conflict`, `TooMany`."""
    if live.session.stage != "identity":
        raise Unauthenticated("Please sign in to continue.")
    identity = parse_resident_id(number, today=now.date()).number
    account = await entrance.register.get(live.session.account, now)
    await entrance.attempts.take(f"proofs of {account.id}", PROOFS_A_DAY, tick_of(now))
    await entrance.attempts.take(f"proofs for {identity}", PROOFS_A_DAY, tick_of(now))
    await entrance.attempts.take(f"proofs from {origin.address}", PROOFS_BY_ADDRESS, tick_of(now))
    known = await match(identity, name.strip())
    if known is None:
        entrance.note(account, "identity-proof", 401, origin, "refused", "resident")
        raise Refused("Number and name do not belong together, or you have no record here yet. Ask at your clinic's desk.")
    await entrance.register.claim(known.person, account.id, now)
    hat = Hat("resident", "resident", known.name, known.person)
    proof = Proof("ID number and name", tick_of(now), known.by)
    changed = await entrance.register.change(
        account.id, now, lambda one: msgspec.structs.replace(one, name=known.name, hats=(hat,), proof=proof)
    )
    entrance.note(account, "identity-proof", 200, origin, known.person, "resident")
    return await entrance.enter(changed, msgspec.structs.replace(live.session, name=known.name), live.id, origin, now)


def mobile(typed: str) -> str:
    """A mobile number as digits. Raises `Malformed`, `Invalid`."""
    phone = parse_phone(typed)
    if phone.kind != "mobile":
        raise Invalid("Give the number of a mobile telephone.")
    return phone.number


async def _first_account(entrance: Entrance, phone: str, now: datetime) -> Account:
    try:
        return await entrance.register.create(Account(new_id(), "", phone, "resident", phone=phone), now)
    except Conflict:  # the same telephone, twice at once
        there = await entrance.register.by_phone(phone, now)
        assert there is not None, "who was in the way is there"
        return there


def _mark(id: str, word: str) -> str:
    return hashlib.sha256(f"{id} {word}".encode()).hexdigest()
