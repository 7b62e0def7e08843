"""An application proves at a machine endpoint that it is the one it says.

Sources: RFC 6749 2.3, RFC 7523 (private_key_jwt), SMART App Launch 2.2 (asymmetric authentication).
"""

from __future__ import annotations

import binascii
import hmac
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import unquote_plus

from joserfc import jws, jwt
from joserfc.errors import JoseError

from xinglin.access.oauth.fetching import Fetcher
from xinglin.access.oauth.model import SECOND_US, Application, Drawers, Mark
from xinglin.access.oauth.refusal import Refused
from xinglin.access.oauth.registering import hashed, key_set
from xinglin.base.clock import tick_of
from xinglin.base.errors import Conflict, XinglinError
from xinglin.fhir.codec import decode
from xinglin.store.papers import Paper

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ASSERTION_ALGORITHMS = ("RS384", "ES384")
ASSERTION_S = 300
"""An assertion may lie at most so far before its end."""
LEEWAY_S = 5


@dataclass(frozen=True, slots=True)
class Client:
    """An application that has proved who it is, or that is public and needs not."""

    id: str
    application: Application


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
    if wanted != "none" and not hmac.compare_digest(hashed(secret), client.application.secret):
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
