"""What people allowed: a grant from a code, its turning refresh tokens, its end.

A refresh token names its grant and its turn, and is signed; each use gives the next turn. One of an earlier turn proves that it was copied:
then the grant ends, with every token that came of it. Source: OAuth 2.1 4.3.1, 6.1 and 7.1; RFC 6819 5.2.2.3.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Protocol

import msgspec

from xinglin.access.oauth.applications import Client
from xinglin.access.oauth.asking import used_code
from xinglin.access.oauth.model import OFFLINE_S, ONLINE_S, SECOND_US, Code, Drawers, Grant, Mark, Who
from xinglin.access.oauth.refusal import Refused
from xinglin.access.oauth.scopes import listed, within
from xinglin.base.clock import tick_of
from xinglin.base.crypto import Keys
from xinglin.base.errors import Conflict
from xinglin.store.papers import Paper

_KIND = "xinglin2"
TRIES_MAX = 5

Made = tuple[str, int]
"""(jti, end in seconds) of an access token."""
Mint = Callable[[Grant, tuple[str, ...]], tuple[str, Made]]
"""Makes an access token for a grant with these scopes: (token, what is kept of it)."""


class People(Protocol):
    """What the accounts know of somebody who is perhaps not there any more."""

    async def still(self, who: Who, now: datetime, *, signed_in: bool) -> Who | None:
        """The person as they are now; None when the account has ended or, with `signed_in`, when that sign-in has."""
        ...


class AsTheyWere:
    """People as they were when they allowed it: for an installation without accounts, and for tests."""

    async def still(self, who: Who, now: datetime, *, signed_in: bool) -> Who | None:  # noqa: ARG002 - the Protocol's face
        """The same person."""
        return who


async def begin(papers: Drawers, client: Client, form: Mapping[str, str], mint: Mint, now: datetime) -> tuple[str, Grant, str, Code]:
    """(grant id, grant, access token, its code) for a code. Raises `Refused`; a code used before ends what it became."""
    key, code = await used_code(papers, client, form, now)
    if code.grant:
        await end(papers, code.grant, now)
        raise Refused("invalid_grant", "This code was used before; what came of it has ended.")
    id_, at = secrets.token_hex(16), tick_of(now)
    draft = Grant(
        client=client.id, scopes=code.scopes, who=code.who, made_us=at, signed_in_us=code.signed_in_us, used_us=at,
        patient=code.patient, encounter=code.encounter, turn=1,
    )  # fmt: skip
    token, made = mint(draft, draft.scopes)
    grant = msgspec.structs.replace(draft, live=(made,))
    await papers.grants.add(id_, grant, handles=_handles(grant), ends=_ends(grant, now))
    paper = await papers.codes.get(key, at)
    try:
        if paper.value.grant:
            raise Conflict("This was changed meanwhile; look again.")
        await papers.codes.put(paper, msgspec.structs.replace(code, grant=id_), ends=_ends(grant, now))
    except Conflict:
        await end(papers, id_, now)
        await end(papers, (await papers.codes.get(key, at)).value.grant, now)
        raise Refused("invalid_grant", "This code was used before; what came of it has ended.") from None
    return id_, grant, token, code


async def renew(
    papers: Drawers, keys: Keys, people: People, client: Client, form: Mapping[str, str], mint: Mint, now: datetime
) -> tuple[str, Grant, str, tuple[str, ...]]:
    """(grant id, grant, access token, its scopes) for a refresh token of the right turn. Raises `Refused`."""
    paper, turn = await _genuine(papers, keys, form.get("refresh_token", ""), now)
    if paper is None or paper.value.client != client.id:
        raise Refused("invalid_grant", "This refresh token is not known, has ended, or is another application's.")
    if turn != paper.value.turn:
        await end(papers, paper.key, now)
        raise Refused("invalid_grant", "This refresh token was used before; what came of it has ended.")
    who = await people.still(paper.value.who, now, signed_in=not paper.value.offline)
    if who is None:
        await end(papers, paper.key, now)
        raise Refused("invalid_grant", "The person is not signed in any more.")
    scopes = within(listed(form["scope"]), paper.value.scopes) if form.get("scope") else paper.value.scopes
    if not scopes:
        raise Refused("invalid_scope", "None of these scopes was granted.")
    next_ = msgspec.structs.replace(paper.value, who=who, turn=turn + 1, used_us=tick_of(now))
    token, made = mint(next_, scopes)
    grant = msgspec.structs.replace(next_, live=(*_still_live(next_, now), made))
    try:
        await papers.grants.put(paper, grant, handles=_handles(grant), ends=_ends(grant, now))
    except Conflict:
        await end(papers, paper.key, now)
        raise Refused("invalid_grant", "This refresh token was used twice at once; what came of it has ended.") from None
    return paper.key, grant, token, scopes


async def end(papers: Drawers, id_: str, now: datetime) -> bool:
    """End a grant with all its tokens; whether there was one. Its tokens are withdrawn before it is forgotten."""
    for _ in range(TRIES_MAX):
        paper = await papers.grants.look(id_, tick_of(now)) if id_ else None
        if paper is None:
            return False
        for jti, ends in _still_live(paper.value, now):
            await withdraw(papers, jti, ends)
        try:  # nothing can be renewed over this version, so no further token can have come of it
            ended = await papers.grants.put(paper, msgspec.structs.replace(paper.value, turn=-1, live=()))
        except Conflict:
            continue
        return await papers.grants.remove(ended.key)
    raise Conflict("This was changed meanwhile; look again.")


async def end_session(papers: Drawers, session: str, now: datetime) -> int:
    """End every grant that ends with a sign-in; how many. To be called when somebody signs out or is signed out."""
    found = await papers.grants.find(f"session {session}", tick_of(now)) if session else []
    return sum([await end(papers, paper.key, now) for paper in found if not paper.value.offline])


async def withdraw(papers: Drawers, jti: str, ends_s: int) -> None:
    """Let an access token count no longer; the note of it ends when the token would have."""
    try:
        await papers.withdrawn.add(jti, Mark(), ends=ends_s * SECOND_US)
    except Conflict:
        return


async def of_account(papers: Drawers, account: str, now: datetime) -> list[Paper[Grant]]:
    """What somebody has allowed, oldest first."""
    return await papers.grants.find(f"account {account}", tick_of(now))


async def of_token(papers: Drawers, jti: str, now: datetime) -> Grant | None:
    """The grant an access token came of; None for a backend service's."""
    found = await papers.grants.find(f"token {jti}", tick_of(now), 1)
    return found[0].value if found else None


# --- refresh tokens ---


def refresh_token(keys: Keys, id_: str, turn: int) -> str:
    """The refresh token of one turn of a grant."""
    return f"{_KIND}.{id_}.{turn}.{_signature(keys, id_, str(turn))}"


async def of_refresh_token(papers: Drawers, keys: Keys, token: str, now: datetime) -> Paper[Grant] | None:
    """The grant a refresh token of ours belongs to, of whatever turn; None for anything else."""
    return (await _genuine(papers, keys, token, now))[0]


async def _genuine(papers: Drawers, keys: Keys, token: str, now: datetime) -> tuple[Paper[Grant] | None, int]:
    parts = token.split(".") if len(token) < 300 and token.isascii() else []
    if len(parts) != 4 or parts[0] != _KIND or not hmac.compare_digest(_signature(keys, parts[1], parts[2]), parts[3]):
        return None, 0
    return await papers.grants.look(parts[1], tick_of(now)), int(parts[2])


def _signature(keys: Keys, id_: str, turn: str) -> str:
    return hmac.digest(keys.token, f"{_KIND}.{id_}.{turn}".encode(), "sha256").hex()


def _handles(grant: Grant) -> list[str]:
    live = [f"token {jti}" for jti, _ in grant.live]
    return [f"account {grant.who.id}", f"client {grant.client}", f"session {grant.who.session}", *live]


def _still_live(grant: Grant, now: datetime) -> tuple[Made, ...]:
    return tuple(made for made in grant.live if made[1] > now.timestamp())


def _ends(grant: Grant, now: datetime) -> int:
    """When a grant ends by itself: with its last token when it cannot be renewed."""
    seconds = OFFLINE_S if grant.offline else ONLINE_S if grant.renewable else 0
    last = max((ends for _, ends in grant.live), default=0)
    from_first = grant.made_us if not grant.offline else tick_of(now)
    return max(from_first + seconds * SECOND_US, (last + 1) * SECOND_US)
