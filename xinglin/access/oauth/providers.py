"""Signing in through another provider of identities (a government's OpenID Connect server): code flow with PKCE and nonce.

A person of theirs is one of ours by a link that was made once: when a claim they vouch for (a telephone number, a sign-in name) names an
account here. Sources: OpenID Connect Core 3.1 and Discovery 1.0, RFC 7636, RFC 9207.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from urllib.parse import urlencode

import msgspec
from joserfc import jwt
from joserfc.errors import JoseError

from xinglin.access.accounts import Account, Entrance
from xinglin.access.accounts.entrance import Origin, Refused
from xinglin.access.oauth.asking import challenge_of
from xinglin.access.oauth.fetching import Fetcher
from xinglin.access.oauth.model import SECOND_US
from xinglin.access.oauth.registering import key_set
from xinglin.base.clock import tick_of
from xinglin.base.errors import Conflict, Malformed, XinglinError
from xinglin.store.ground import Ground
from xinglin.store.papers import Papers

UNDER_WAY_S = 600
LEEWAY_S = 60
ALGORITHMS = ("ES256", "ES384", "RS256", "RS384", "RS512", "PS256", "PS384")


class Provider(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Another provider. `secret`: the name of the environment variable that holds our secret there, "" for none (PKCE alone).

    `claim`: which of its claims names an account here; `handle`: as what, a telephone number or a sign-in name.
    """

    name: str
    title: str
    issuer: str
    client_id: str
    secret: str = ""
    scope: str = "openid profile"
    claim: str = "phone_number"
    handle: Literal["phone", "login"] = "phone"


class UnderWay(msgspec.Struct, frozen=True):
    """A sign-in that has gone to a provider. `browser`: hash of what only that browser holds."""

    provider: str
    nonce: str
    verifier: str
    browser: str
    onward: str


class Link(msgspec.Struct, frozen=True):
    """Which account a provider's person is."""

    account: str
    made_us: int


@dataclass(frozen=True, slots=True)
class Begun:
    """Where the browser goes, and what it keeps in a cookie until it comes back."""

    address: str
    browser: str


def providers_of(text: str) -> tuple[Provider, ...]:
    """The providers of the setting `identity_providers`, a JSON list. Raises `Malformed`."""
    try:
        found = msgspec.json.decode(text or "[]", type=tuple[Provider, ...])
    except msgspec.DecodeError as broken:
        raise Malformed("The setting identity_providers cannot be read: {why}.", why=str(broken)) from broken
    names = [one.name for one in found]
    if len(set(names)) != len(names) or not all(name.isascii() and name.isalnum() for name in names):
        raise Malformed("Each of identity_providers needs a name of its own, of letters and digits.")
    return found


class Elsewhere:
    """Sign-ins through providers. `environment`: where their secrets stand."""

    def __init__(self, ground: Ground, fetcher: Fetcher, providers: Sequence[Provider], environment: Mapping[str, str]) -> None:
        self.providers = tuple(providers)
        self._named = {one.name: one for one in providers}
        self._fetcher, self._environment = fetcher, environment
        self._under_way = Papers(ground, "sign-in elsewhere", UnderWay)
        self._links = Papers(ground, "identity link", Link)

    async def begin(self, name: str, site: str, onward: str, now: datetime) -> Begun:
        """Send somebody to a provider. Raises `Refused` for one there is not, `Unavailable`."""
        provider = self._provider(name)
        endpoint = str((await self._about(provider, now))["authorization_endpoint"])
        self._fetcher.check(endpoint)
        state, nonce, verifier, browser = (secrets.token_urlsafe(32) for _ in range(4))
        kept = UnderWay(name, nonce, verifier, _hash(browser), onward)
        await self._under_way.add(_hash(state), kept, ends=tick_of(now) + UNDER_WAY_S * SECOND_US)
        asked = {
            "response_type": "code", "client_id": provider.client_id, "redirect_uri": back_to(site, name), "scope": provider.scope,
            "state": state, "nonce": nonce, "code_challenge": challenge_of(verifier), "code_challenge_method": "S256",
        }  # fmt: skip
        return Begun(f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(asked)}", browser)

    async def finish(
        self, entrance: Entrance, name: str, query: Mapping[str, str], browser: str, site: str, origin: Origin, now: datetime
    ) -> tuple[str, str]:
        """(secret of the session, where they wanted to go) when somebody comes back. Raises `Refused` with the reason in words."""
        kept = await self._came_back(name, query, browser, now)
        provider = self._provider(name)
        try:
            claims = await self._claims(provider, kept, query, site, now)
        except (XinglinError, JoseError, ValueError, TypeError, KeyError) as failed:
            entrance.note(None, "sign-in", 401, origin, f"provider {name}, refused")
            raise _unproved() from failed
        account = await self._account(entrance, provider, claims, now)
        if account is None or account.state != "active":
            entrance.note(account, "sign-in", 401, origin, f"provider {name}, no account")
            raise Refused("You are known there, but no account here is yours. Sign in another way first, or ask your administrator.")
        return await entrance.begin(account, f"provider {name}", origin, now), kept.onward

    def _provider(self, name: str) -> Provider:
        found = self._named.get(name)
        if found is None:
            raise Refused("There is no such way to sign in.")
        return found

    async def _came_back(self, name: str, query: Mapping[str, str], browser: str, now: datetime) -> UnderWay:
        """What was kept, once, for exactly the browser that left (OpenID Connect Core 3.1.2.7; login CSRF)."""
        key = _hash(query.get("state", ""))
        paper = await self._under_way.look(key, tick_of(now))
        ours = paper is not None and secrets.compare_digest(paper.value.browser, _hash(browser)) and paper.value.provider == name
        if paper is None or not ours or not await self._under_way.remove(key):
            raise _unproved()
        issuer = query.get("iss")
        if query.get("error") or (issuer is not None and issuer != self._provider(name).issuer):
            raise _unproved()
        return paper.value

    async def _about(self, provider: Provider, now: datetime) -> Mapping[str, Any]:
        about: Mapping[str, Any] = await self._fetcher.kept(f"{provider.issuer}/.well-known/openid-configuration", now)
        if about.get("issuer") != provider.issuer:
            raise _unproved()
        return about

    async def _claims(self, provider: Provider, kept: UnderWay, query: Mapping[str, str], site: str, now: datetime) -> Mapping[str, Any]:
        about = await self._about(provider, now)
        form = {
            "grant_type": "authorization_code", "code": query["code"], "redirect_uri": back_to(site, provider.name),
            "code_verifier": kept.verifier, "client_id": provider.client_id,
        }  # fmt: skip
        secret = self._environment.get(provider.secret, "") if provider.secret else ""
        said = await self._fetcher.post(str(about["token_endpoint"]), form, (provider.client_id, secret) if secret else None)
        claims = await self._verified(str(about["jwks_uri"]), str(said["id_token"]), now)
        check_claims(claims, provider, kept.nonce, now)
        if provider.claim in claims or "userinfo_endpoint" not in about:
            return claims
        bearer = {"Authorization": f"Bearer {said['access_token']}"}
        more: Mapping[str, Any] = await self._fetcher.get(str(about["userinfo_endpoint"]), bearer)
        return {**more, **claims} if more.get("sub") == claims["sub"] else claims

    async def _verified(self, keys: str, token: str, now: datetime) -> Mapping[str, Any]:
        try:
            return jwt.decode(token, key_set(await self._fetcher.kept(keys, now)), algorithms=ALGORITHMS).claims
        except (JoseError, ValueError):  # perhaps it was signed with a key that is newer than what we keep
            return jwt.decode(token, key_set(await self._fetcher.kept(keys, now, fresh=True)), algorithms=ALGORITHMS).claims

    async def _account(self, entrance: Entrance, provider: Provider, claims: Mapping[str, Any], now: datetime) -> Account | None:
        """The linked account; else the one the provider's claim names, which is linked from now on."""
        key = json.dumps([provider.issuer, claims["sub"]])
        link = await self._links.look(key, tick_of(now))
        if link is not None:
            return await entrance.register.look(link.value.account, now)
        named, vouched = claims.get(provider.claim), claims.get(f"{provider.claim}_verified", True)
        if not isinstance(named, str) or not named or vouched is not True:
            return None
        find = entrance.register.by_phone if provider.handle == "phone" else entrance.register.by_login
        account = await find(named.removeprefix("+86") if provider.handle == "phone" else named, now)
        if account is not None:
            try:
                await self._links.add(key, Link(account.id, tick_of(now)))
            except Conflict:
                return await self._account(entrance, provider, claims, now)
        return account


def check_claims(claims: Mapping[str, Any], provider: Provider, nonce: str, now: datetime) -> None:
    """Raise `Refused` unless an id token is theirs, for us, for this sign-in, and of now (OpenID Connect Core 3.1.3.7)."""
    aud = claims.get("aud")
    audiences: list[Any] = aud if isinstance(aud, list) else [aud]
    moment, end, made = now.timestamp(), claims.get("exp"), claims.get("iat")
    right = (
        claims.get("iss") == provider.issuer
        and provider.client_id in audiences
        and claims.get("azp", provider.client_id) == provider.client_id
        and (len(audiences) == 1 or "azp" in claims)
        and claims.get("nonce") == nonce
        and isinstance(claims.get("sub"), str)
        and bool(claims["sub"])
        and isinstance(end, int | float)
        and moment < end + LEEWAY_S
        and isinstance(made, int | float)
        and made - LEEWAY_S <= moment
    )
    if not right:
        raise _unproved()


def back_to(site: str, name: str) -> str:
    """Our address a provider sends people back to; register it there."""
    return f"{site}/sign-in/from/{name}"


def _unproved() -> Refused:
    return Refused("The other service did not prove who you are. Try again.")


def _hash(secret: str) -> str:
    return urlsafe_b64encode(hashlib.sha256(secret.encode()).digest()).decode()
