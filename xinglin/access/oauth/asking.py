"""The authorization request: read, checked, answered with a code or an error at the application's own address.

Sources: OAuth 2.1 4.1 (PKCE for everybody), RFC 7636, RFC 9207 (`iss` in the answer), OpenID Connect Core 3.1.2, SMART App Launch
2.2 (`aud`).
"""

from __future__ import annotations

import hashlib
import re
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import urlencode

from xinglin.access.actor import Actor
from xinglin.access.oauth.applications import Client, known
from xinglin.access.oauth.model import CODE_S, LAUNCH_S, SECOND_US, Code, Drawers, Launch, who_is
from xinglin.access.oauth.refusal import Refused
from xinglin.access.oauth.scopes import listed, needs_patient, parse, reduced, within
from xinglin.base.clock import tick_of
from xinglin.base.errors import Forbidden

STATE_CHARACTERS_MAX = 2000
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}\Z")
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}\Z")


@dataclass(frozen=True, slots=True)
class Asked:
    """What an application asks of a person. `issuer`: our own address; `launch`: what the launch says, if it came from our pages."""

    client: Client
    redirect: str
    scopes: tuple[str, ...]
    state: str
    challenge: str
    nonce: str
    issuer: str
    launch: Launch | None = None

    @property
    def wants_patient(self) -> bool:
        """Whether a patient must be chosen: asked for, and not brought by the launch."""
        return needs_patient(self.scopes) and not (self.launch and self.launch.patient)


async def read_request(papers: Drawers, query: Mapping[str, str], issuer: str, actor: Actor, now: datetime) -> Asked:
    """The request of a browser at the authorization endpoint.

    Raises `Refused` without `to` when the application or its address is not known (never go there), else with the address to go to.
    """
    client = await known(papers, query.get("client_id", ""), now)
    redirect = query.get("redirect_uri", "")
    if redirect not in client.application.redirects:
        raise Refused("invalid_request", "This address is not one the application is registered with.")
    try:
        asked = _read(query, client, redirect, issuer)
        launch = await _launch(papers, query.get("launch", ""), asked, actor, now)
    except Refused as refused:
        raise Refused(refused.error, str(refused), to=refusal_address(redirect, refused, query.get("state", ""), issuer)) from refused
    may = tuple(scope for scope in reduced(asked.scopes, actor.role) if not scope.startswith("system/"))
    return replace(asked, scopes=may, launch=launch)


def _read(query: Mapping[str, str], client: Client, redirect: str, issuer: str) -> Asked:
    if query.get("response_type") != "code":
        raise Refused("unsupported_response_type", "response_type must be code.")
    if len(query.get("state", "")) > STATE_CHARACTERS_MAX or len(query.get("nonce", "")) > STATE_CHARACTERS_MAX:
        raise Refused("invalid_request", "state and nonce may be 2000 characters long at most.")
    if not query.get("state"):
        raise Refused("invalid_request", "state is missing.")
    if query.get("code_challenge_method") != "S256" or not _CHALLENGE.match(query.get("code_challenge", "")):
        raise Refused("invalid_request", "A code_challenge with the method S256 is needed.")
    if "request" in query or "request_uri" in query:
        raise Refused("invalid_request", "Request objects are not taken here.")
    if query.get("prompt") == "none":
        raise Refused("consent_required", "The person must be asked.")
    scopes = within(listed(query.get("scope", "")), client.application.scopes)
    meant = query.get("aud", query.get("resource"))
    if (meant is not None or any(map(parse, scopes))) and (meant or "").rstrip("/") != f"{issuer}/fhir":
        raise Refused("invalid_request", "aud must be the address of this FHIR server.")
    if not any(parse(scope) or scope in ("openid", "launch", "launch/patient") for scope in scopes):
        raise Refused("invalid_scope", "None of the scopes asked for may be given to this application.")
    return Asked(client, redirect, scopes, query["state"], query["code_challenge"], query.get("nonce", ""), issuer)


async def _launch(papers: Drawers, opaque: str, asked: Asked, actor: Actor, now: datetime) -> Launch | None:
    if not opaque:
        if "launch" in asked.scopes:
            raise Refused("invalid_request", "The scope launch needs the launch that this server gave.")
        return None
    paper = await papers.launches.look(_hash(opaque), tick_of(now))
    if paper is None or paper.value.client != asked.client.id or paper.value.actor != actor.id:
        raise Refused("invalid_request", "This launch has ended, or was made for somebody else. Start the application again.")
    return paper.value


async def allow(papers: Drawers, asked: Asked, actor: Actor, patient: str, now: datetime) -> str:
    """Where the browser goes once the person has allowed it: the application's address with a new code, good for a minute, once."""
    code = secrets.token_urlsafe(32)
    launch = asked.launch
    made = Code(
        client=asked.client.id,
        redirect=asked.redirect,
        challenge=asked.challenge,
        scopes=asked.scopes,
        who=who_is(actor),
        signed_in_us=tick_of(now),
        patient=launch.patient if launch and launch.patient else patient,
        encounter=launch.encounter if launch else "",
        nonce=asked.nonce,
    )
    await papers.codes.add(_hash(code), made, ends=tick_of(now) + CODE_S * SECOND_US)
    return with_query(asked.redirect, code=code, state=asked.state, iss=asked.issuer)


def deny(asked: Asked) -> str:
    """Where the browser goes when the person has not allowed it."""
    return refusal_address(asked.redirect, Refused("access_denied", "The person did not allow it."), asked.state, asked.issuer)


def refusal_address(redirect: str, refused: Refused, state: str, issuer: str) -> str:
    """The application's address with an error (RFC 6749 4.1.2.1)."""
    said = {"error": refused.error, "error_description": str(refused), "state": state[:STATE_CHARACTERS_MAX], "iss": issuer}
    return with_query(redirect, **{name: value for name, value in said.items() if value})


def with_query(address: str, **more: str) -> str:
    """An address with further parameters."""
    return f"{address}{'&' if '?' in address else '?'}{urlencode(more)}"


async def launch_for(papers: Drawers, client: str, actor: Actor, patient: str, encounter: str, issuer: str, now: datetime) -> str:
    """The address that starts an application from our pages, about a patient (SMART EHR launch). Raises `Forbidden`, `Refused`."""
    found = await known(papers, client, now)
    if not found.application.launch:
        raise Forbidden("This application cannot be started from here.")
    opaque = secrets.token_urlsafe(24)
    ends = tick_of(now) + LAUNCH_S * SECOND_US
    await papers.launches.add(_hash(opaque), Launch(client, actor.id, patient, encounter), ends=ends)
    return with_query(found.application.launch, iss=f"{issuer}/fhir", launch=opaque)


async def used_code(papers: Drawers, client: Client, form: Mapping[str, str], now: datetime) -> tuple[str, Code]:
    """(key, code) for a token request that proves to come from who asked for it. Raises `Refused`; the code may have been used before."""
    key = _hash(form.get("code", ""))
    paper = await papers.codes.look(key, tick_of(now))
    if paper is None or paper.value.client != client.id:
        raise Refused("invalid_grant", "This code is not known, has ended, or is another application's.")
    if form.get("redirect_uri") != paper.value.redirect:
        raise Refused("invalid_grant", "redirect_uri is not the one the code was asked with.")
    verifier = form.get("code_verifier", "")
    if not _VERIFIER.match(verifier) or not secrets.compare_digest(challenge_of(verifier), paper.value.challenge):
        raise Refused("invalid_grant", "code_verifier does not fit the challenge the code was asked with.")
    return key, paper.value


def challenge_of(verifier: str) -> str:
    """The S256 challenge of a verifier (RFC 7636 4.2)."""
    return urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
