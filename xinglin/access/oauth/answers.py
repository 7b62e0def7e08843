"""What the token endpoint answers: access token, refresh token, id token, launch context; and what introspection tells.

Sources: RFC 6749 5.1, RFC 7662 2.2, OpenID Connect Core 2 and 3.1.3.6 (at_hash), SMART App Launch 2.2 (launch context, fhirUser).
"""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from joserfc import jwt

from xinglin.access.actor import Actor
from xinglin.access.oauth import grants
from xinglin.access.oauth.applications import Client
from xinglin.access.oauth.keys import ALGORITHM, ring
from xinglin.access.oauth.model import ACCESS_S, ONLINE_ACCESS_S, SECOND_US, Drawers, Grant, Who
from xinglin.access.oauth.refusal import Refused
from xinglin.access.oauth.scopes import about_patient, listed, parse, reduced, within
from xinglin.access.tokens import Claims, issue_for, read_claims
from xinglin.base.clock import tick_of
from xinglin.base.crypto import Keys
from xinglin.base.errors import Unauthenticated

BACKEND_S = 300
"""A backend service's token; it can always ask for another."""
ID_TOKEN_S = 600


@dataclass(frozen=True, slots=True)
class Office:
    """What answering needs: the papers, the secret that signs bearer tokens, who knows people, and our own address."""

    papers: Drawers
    keys: Keys
    people: grants.People
    issuer: str

    @property
    def fhir(self) -> str:
        """The base of the FHIR server."""
        return f"{self.issuer}/fhir"


async def for_code(office: Office, client: Client, form: Mapping[str, str], now: datetime) -> dict[str, Any]:
    """The answer to `authorization_code`. Raises `Refused`."""
    id_, grant, token, code = await grants.begin(office.papers, client, form, _mint(office, now), now)
    return await _answer(office, (id_, grant), token, grant.scopes, code.nonce, now)


async def for_refresh(office: Office, client: Client, form: Mapping[str, str], now: datetime) -> dict[str, Any]:
    """The answer to `refresh_token`. Raises `Refused`."""
    mint = _mint(office, now)
    id_, grant, token, scopes = await grants.renew(office.papers, office.keys, office.people, client, form, mint, now)
    return await _answer(office, (id_, grant), token, scopes, "", now)


def for_backend(office: Office, client: Client, form: Mapping[str, str], now: datetime) -> dict[str, Any]:
    """The answer to `client_credentials`: only what is registered for, only `system/` scopes, never a refresh token. Raises `Refused`."""
    application = client.application
    if not application.role or application.public:
        raise Refused("unauthorized_client", "This application works only for a person who is present.")
    asked = within(listed(form.get("scope", "")), application.scopes)
    scopes = tuple(text for text in reduced(asked, application.role) if (scope := parse(text)) and scope.whose == "system")
    if not scopes:
        raise Refused("invalid_scope", "None of the scopes asked for may be given: a backend service asks for system/ scopes.")
    actor = Actor(client.id, application.role, application.name, client=client.id, scopes=scopes)
    token = issue_for(office.keys, actor, BACKEND_S, now=now)
    return {"access_token": token, "token_type": "Bearer", "expires_in": BACKEND_S, "scope": " ".join(scopes)}


def lifetime_s(grant: Grant) -> int:
    """How long an access token of a grant lasts."""
    return ACCESS_S if grant.offline or not grant.renewable else ONLINE_ACCESS_S


def _mint(office: Office, now: datetime) -> grants.Mint:
    def mint(grant: Grant, scopes: tuple[str, ...]) -> tuple[str, grants.Made]:
        patient = grant.patient if about_patient(scopes) else ""
        who = grant.who if not grant.offline else Who(*(getattr(grant.who, name) for name in _LASTING))
        token = issue_for(office.keys, who.actor(grant.client, scopes, patient), lifetime_s(grant), now=now)
        claims = read_claims(office.keys, token)
        return token, (claims.jti, claims.exp)

    return mint


_LASTING = ("id", "role", "name", "person", "units")
"""What a token that outlasts the sign-in says of a person."""


async def _answer(
    office: Office, found: tuple[str, Grant], token: str, scopes: tuple[str, ...], nonce: str, now: datetime
) -> dict[str, Any]:
    id_, grant = found
    said: dict[str, Any] = {"access_token": token, "token_type": "Bearer", "expires_in": lifetime_s(grant), "scope": " ".join(scopes)}
    if grant.renewable:
        said["refresh_token"] = grants.refresh_token(office.keys, id_, grant.turn)
    if "openid" in scopes:
        said["id_token"] = await id_token(office, grant, token, scopes, nonce, now)
    return said | context_of(grant)


def context_of(grant: Grant) -> dict[str, Any]:
    """The launch context: whom it is about."""
    said = {"patient": grant.patient, "encounter": grant.encounter}
    kept: dict[str, Any] = {name: value for name, value in said.items() if value}
    return kept | ({"need_patient_banner": not grant.encounter} if grant.patient else {})


async def id_token(office: Office, grant: Grant, token: str, scopes: tuple[str, ...], nonce: str, now: datetime) -> str:
    """Who signed in, signed with the key of now."""
    kid, key = (await ring(office.papers.keys, tick_of(now))).now
    half = hashlib.sha256(token.encode()).digest()[:16]
    claims: dict[str, Any] = {
        "iss": office.issuer,
        "aud": grant.client,
        "iat": int(now.timestamp()),
        "exp": int(now.timestamp()) + ID_TOKEN_S,
        "auth_time": grant.signed_in_us // SECOND_US,
        "at_hash": urlsafe_b64encode(half).rstrip(b"=").decode(),
        **({"nonce": nonce} if nonce else {}),
        **person_claims(office, grant.who, scopes),
    }
    return jwt.encode({"alg": ALGORITHM, "kid": kid, "typ": "JWT"}, claims, key, algorithms=[ALGORITHM])


def person_claims(office: Office, who: Who, scopes: tuple[str, ...]) -> dict[str, Any]:
    """What an application may know of the person."""
    said: dict[str, Any] = {"sub": who.id}
    if "fhirUser" in scopes and who.person:
        said["fhirUser"] = f"{office.fhir}/{who.person}"
    return said | ({"name": who.name} if "profile" in scopes else {})


async def introspected(office: Office, token: str, client: Client, now: datetime) -> dict[str, Any]:
    """What a token means now, to the application it was given to or to one that acts as the system; anything else is not active."""
    claims = valid_claims(office.keys, token, now)
    sees_all = client.application.role == "system"
    if claims is None or (claims.client != client.id and not sees_all):
        return {"active": False}
    if await office.papers.withdrawn.look(claims.jti, tick_of(now)):
        return {"active": False}
    grant = await grants.of_token(office.papers, claims.jti, now)
    told = {
        "client_id": claims.client,
        "username": claims.name,
        "iss": office.issuer,
        "aud": office.fhir,
        "scope": " ".join(claims.scopes or ()),
    }
    said: dict[str, Any] = {
        "active": True,
        "token_type": "Bearer",
        "sub": claims.sub,
        "exp": claims.exp,
        "iat": claims.iat,
        "jti": claims.jti,
    }
    person = {"fhirUser": f"{office.fhir}/{claims.person}"} if claims.person and "fhirUser" in (claims.scopes or ()) else {}
    return said | told | person | (context_of(grant) if grant else {})


def valid_claims(keys: Keys, token: str, now: datetime) -> Claims | None:
    """The claims of an access token that has not ended by time, None for anything else."""
    try:
        claims = read_claims(keys, token)
    except Unauthenticated:
        return None
    return claims if now.timestamp() < claims.exp else None


async def revoke(office: Office, token: str, client: Client, now: datetime) -> None:
    """End a token of this application: a refresh token with its whole grant, an access token alone. Others: nothing."""
    paper = await grants.of_refresh_token(office.papers, office.keys, token, now)
    if paper is not None:
        if paper.value.client == client.id:
            await grants.end(office.papers, paper.key, now)
        return
    claims = valid_claims(office.keys, token, now)
    if claims is not None and claims.client == client.id:
        await grants.withdraw(office.papers, claims.jti, claims.exp)
