"""Applications: registering one, and proving at a machine endpoint that it is the one it says.

Sources: RFC 6749 2 and 3.1.2, OAuth 2.1 2.3 (exact redirect), RFC 7523 (private_key_jwt), SMART App Launch 2.2 (asymmetric authentication).
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
import secrets
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import unquote_plus, urlsplit

import msgspec
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from xinglin.access.oauth.fetching import Fetcher
from xinglin.access.oauth.model import ACCESS_S, SECOND_US, Application, Drawers, Mark
from xinglin.access.oauth.refusal import Refused
from xinglin.access.oauth.scopes import SCOPE_CHARACTERS_MAX, listed
from xinglin.access.oauth.withdrawals import all_of
from xinglin.base.clock import tick_of
from xinglin.base.errors import Conflict, Malformed, XinglinError
from xinglin.fhir.codec import decode
from xinglin.store.papers import Paper

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ASSERTION_ALGORITHMS = ("RS384", "ES384")
ASSERTION_S = 300
"""An assertion may lie at most so far before its end."""
LEEWAY_S = 5
REDIRECTS_MAX = 10
_LOCAL = ("localhost", "127.0.0.1", "[::1]", "::1")
_NEVER_SCHEMES = ("javascript", "data", "file", "vbscript", "blob", "about", "ftp", "ws", "wss", "mailto", "tel")


@dataclass(frozen=True, slots=True)
class Client:
    """An application that has proved who it is, or that is public and needs not."""

    id: str
    application: Application


async def register(papers: Drawers, wanted: Application) -> tuple[str, str]:
    """(client id, secret or "") of a new application; the secret is shown this once and kept as a hash. Raises `Malformed`."""
    check(wanted)
    client = f"app-{secrets.token_hex(8)}"
    shared = wanted.auth in ("client_secret_basic", "client_secret_post")
    secret = secrets.token_urlsafe(32) if shared else ""
    kept = msgspec.structs.replace(wanted, secret=_hashed(secret) if shared else "")
    await papers.applications.add(client, kept, handles=[f"origin {origin}" for origin in origins_of(kept)])
    return client, secret


async def set_disabled(papers: Drawers, client: str, now: datetime, *, disabled: bool) -> None:
    """Let an application do nothing any more, at once and with the tokens it has, or let it ask again. Raises `NotFound`."""
    paper = await papers.applications.get(client, tick_of(now))
    handles = [] if disabled else [f"origin {origin}" for origin in origins_of(paper.value)]
    await papers.applications.put(paper, msgspec.structs.replace(paper.value, disabled=disabled), handles=handles)
    if disabled:
        key = all_of(client, int(now.timestamp()))
        await papers.withdrawn.add(key, Mark("disabled"), ends=tick_of(now) + ACCESS_S * SECOND_US)


def check(wanted: Application) -> None:
    """Raise `Malformed` with what to mend when an application cannot be registered like this."""
    if not wanted.name.strip() or len(wanted.name) > 100:
        raise Malformed("An application needs a name of at most 100 characters.")
    if not wanted.redirects and not wanted.role:
        raise Malformed("An application needs a redirect address, or a role for when nobody is present.")
    if len(wanted.redirects) > REDIRECTS_MAX:
        raise Malformed("An application may have {most} redirect addresses at most.", most=REDIRECTS_MAX)
    for redirect in wanted.redirects:
        _check_redirect(redirect)
    for address in (wanted.launch, wanted.home):
        if address and not _is_web(address):
            raise Malformed("The address {address} must begin with https.", address=address[:200])
    if wanted.role and wanted.auth == "none":
        raise Malformed("An application that works with nobody present must prove who it is.")
    if wanted.role not in ("", "reader", "system"):
        raise Malformed("An application without a person acts as reader or as system.")
    _check_keys(wanted)
    if not wanted.scopes or len(" ".join(wanted.scopes)) > SCOPE_CHARACTERS_MAX:
        raise Malformed("An application needs at least one scope, and not too many.")
    understood = listed(" ".join(wanted.scopes))
    for scope in wanted.scopes:
        if not listed(scope):
            raise Malformed("The scope {scope} is not understood.", scope=scope[:200])
    assert understood


def _check_redirect(redirect: str) -> None:
    parts = urlsplit(redirect)
    odd = parts.fragment or "#" in redirect or "*" in redirect or any(ord(letter) <= 32 or letter in '";,\\<>' for letter in redirect)
    private = "." in parts.scheme and parts.scheme.lower() not in _NEVER_SCHEMES  # RFC 8252 7.1: a reversed domain name
    if odd or not (_is_web(redirect) or private) or parts.username or parts.password:
        raise Malformed(
            "The redirect address {address} must be https (or this machine), without fragment or wildcard.", address=redirect[:200]
        )


def _is_web(address: str) -> bool:
    parts = urlsplit(address)
    return bool(parts.hostname) and (parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOCAL))


def _check_keys(wanted: Application) -> None:
    if wanted.auth != "private_key_jwt":
        return
    if bool(wanted.keys) == bool(wanted.keys_url):
        raise Malformed("An application that signs needs either its JWK set or the address of it.")
    if wanted.keys:
        key_set(decode(wanted.keys.encode()))
    elif not wanted.keys_url.startswith("https://") and not _is_web(wanted.keys_url):
        raise Malformed("The address {address} must begin with https.", address=wanted.keys_url[:200])


def key_set(raw: Any) -> KeySet:
    """A JWK set. Raises `Malformed`: no set, none at all, more than 20 keys, or a private key among them."""
    keys: Any = raw.get("keys") if isinstance(raw, dict) else None
    if not isinstance(keys, list) or not 0 < len(keys) <= 20 or not all(isinstance(key, dict) and "k" not in key for key in keys):
        raise Malformed("This is no JWK set with public keys.")
    if any("d" in key for key in keys):
        raise Malformed("This JWK set holds a private key: register the public half only.")
    try:
        return KeySet.import_key_set({"keys": keys})
    except (JoseError, ValueError, TypeError, KeyError) as broken:
        raise Malformed("This is no JWK set with public keys.") from broken


def origins_of(application: Application) -> tuple[str, ...]:
    """The web origins an application's pages come from."""
    found = (urlsplit(address) for address in (*application.redirects, application.launch) if address)
    return tuple(dict.fromkeys(f"{parts.scheme}://{parts.netloc}" for parts in found if parts.scheme in ("http", "https")))


# --- at the token endpoint ---


async def authenticate(
    papers: Drawers, fetcher: Fetcher, form: Mapping[str, str], authorization: str, endpoint: tuple[str, ...], now: datetime
) -> Client:
    """The application of a request, by the one means it is registered with. `endpoint`: addresses an assertion may be made for.

    Raises `Refused` (invalid_client); which of the reasons it was is not told.
    """
    used = [
        name for name, given in (("basic", authorization), ("post", "client_secret" in form), ("jwt", "client_assertion" in form)) if given
    ]
    if len(used) > 1:
        raise Refused("invalid_request", "Use one way of client authentication.")
    way = used[0] if used else "none"
    if way == "jwt":
        return await _by_assertion(papers, fetcher, form, endpoint, now)
    id_, secret = _basic(authorization) if way == "basic" else (form.get("client_id", ""), form.get("client_secret", ""))
    client = await known(papers, id_, now)
    if form.get("client_id", id_) != id_:
        raise _unproved()
    wanted = {"basic": "client_secret_basic", "post": "client_secret_post", "none": "none"}[way]
    if client.application.auth != wanted:
        raise _unproved()
    if wanted != "none" and not hmac.compare_digest(_hashed(secret), client.application.secret):
        raise _unproved()
    return client


async def known(papers: Drawers, id_: str, now: datetime) -> Client:
    """A registered application that is not disabled. Raises `Refused` (invalid_client)."""
    paper: Paper[Application] | None = await papers.applications.look(id_, tick_of(now)) if id_ and len(id_) < 200 else None
    if paper is None or paper.value.disabled:
        raise _unproved()
    return Client(id_, paper.value)


def _basic(header: str) -> tuple[str, str]:
    scheme, _, packed = header.partition(" ")
    try:
        name, _, secret = b64decode(packed, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise _unproved() from None
    if scheme.lower() != "basic":
        raise _unproved()
    return unquote_plus(name), unquote_plus(secret)


async def _by_assertion(papers: Drawers, fetcher: Fetcher, form: Mapping[str, str], endpoint: tuple[str, ...], now: datetime) -> Client:
    if form.get("client_assertion_type") != ASSERTION_TYPE:
        raise Refused("invalid_request", "client_assertion_type must be {type}.", type=ASSERTION_TYPE)
    assertion = form["client_assertion"]
    id_ = _claimed(assertion)
    client = await known(papers, id_, now)
    if client.application.auth != "private_key_jwt" or form.get("client_id", id_) != id_:
        raise _unproved()
    claims = await _verified(client.application, fetcher, assertion, now)
    check_assertion(claims, id_, endpoint, now)
    ends = (int(claims["exp"]) + LEEWAY_S + 1) * SECOND_US
    try:
        await papers.assertions.add(f"{id_} {claims['jti']}", Mark(), ends=ends)
    except Conflict:
        raise Refused("invalid_client", "This client assertion was used before.") from None
    return client


def _claimed(assertion: str) -> str:
    """Whose assertion it says it is; nothing is proved by it."""
    try:
        found = decode(jws.extract_compact(assertion.encode()).payload)
        return str(found["iss"])
    except (JoseError, XinglinError, KeyError, TypeError, ValueError, UnicodeError):
        raise _unproved() from None


async def _verified(application: Application, fetcher: Fetcher, assertion: str, now: datetime) -> Mapping[str, Any]:
    """The claims, by the application's keys; a key that is not known yet makes the set be fetched once more."""
    for fresh in (False, True):
        try:
            raw = decode(application.keys.encode()) if application.keys else await fetcher.kept(application.keys_url, now, fresh=fresh)
            return jwt.decode(assertion, key_set(raw), algorithms=ASSERTION_ALGORITHMS).claims
        except (JoseError, ValueError, TypeError, KeyError):
            if fresh or application.keys:
                break
        except XinglinError:
            break
    raise _unproved()


def check_assertion(claims: Mapping[str, Any], client: str, endpoint: tuple[str, ...], now: datetime) -> None:
    """Raise `Refused` unless the claims are those of RFC 7523 3 and SMART: iss and sub the client, our endpoint, a near end, a jti."""
    aud, end, jti = claims.get("aud"), claims.get("exp"), claims.get("jti")
    audiences: list[Any] = aud if isinstance(aud, list) else [aud]
    if claims.get("iss") != client or claims.get("sub") != client or not any(one in endpoint for one in audiences):
        raise Refused("invalid_client", "The client assertion is for somebody or something else.")
    moment = now.timestamp()
    if isinstance(end, bool) or not isinstance(end, int | float) or not moment - LEEWAY_S < end <= moment + ASSERTION_S + LEEWAY_S:
        raise Refused("invalid_client", "The client assertion has ended, or ends more than 5 minutes from now.")
    begins = claims.get("nbf", 0)
    if isinstance(begins, bool) or not isinstance(begins, int | float) or begins > moment + LEEWAY_S:
        raise Refused("invalid_client", "The client assertion is not valid yet.")
    if not isinstance(jti, str) or not 0 < len(jti) <= 200:
        raise Refused("invalid_client", "The client assertion has no jti.")


def _unproved() -> Refused:
    return Refused("invalid_client", "This application is not known, or has not proved who it is.")


def _hashed(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
