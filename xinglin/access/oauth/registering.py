"""Registering an application: what it must be to be trusted at all; stopping one.

Sources: RFC 6749 2 and 3.1.2, OAuth 2.1 2.3 (exact redirect addresses), RFC 8252 7 (installed applications), RFC 7517.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import msgspec
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from xinglin.access.oauth.model import ACCESS_S, SECOND_US, Application, Drawers, Mark
from xinglin.access.oauth.scopes import SCOPE_CHARACTERS_MAX, listed
from xinglin.access.oauth.withdrawals import all_of
from xinglin.base.clock import tick_of
from xinglin.base.errors import Malformed, XinglinError
from xinglin.fhir.codec import decode

REDIRECTS_MAX = 10
_LOCAL = ("localhost", "127.0.0.1", "[::1]", "::1")
_NEVER_SCHEMES = ("javascript", "data", "file", "vbscript", "blob", "about", "ftp", "ws", "wss", "mailto", "tel")


async def register(papers: Drawers, wanted: Application) -> tuple[str, str]:
    """(client id, secret or "") of a new application; the secret is shown this once and kept as a hash. Raises `Malformed`."""
    check(wanted)
    client = f"app-{secrets.token_hex(8)}"
    shared = wanted.auth in ("client_secret_basic", "client_secret_post")
    secret = secrets.token_urlsafe(32) if shared else ""
    kept = msgspec.structs.replace(wanted, secret=hashed(secret) if shared else "")
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
    for scope in wanted.scopes:
        if not listed(scope):
            raise Malformed("The scope {scope} is not understood.", scope=scope[:200])


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
        try:
            raw: Any = decode(wanted.keys.encode())
        except XinglinError:
            raw = None
        key_set(raw)
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


def hashed(secret: str) -> str:
    """What is kept of a secret; it is long and random, so a plain hash is enough."""
    return hashlib.sha256(secret.encode()).hexdigest()
