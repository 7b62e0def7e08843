"""Bearer tokens: compact, signed with HMAC-SHA256 (RFC 2104, FIPS 180-4), valid for a time. The store is not asked to verify one.

A token is `xinglin1.CLAIMS.SIGNATURE`: base64url of JSON with role, sub, name, iat, exp (seconds since 1970) and jti, and of the actor's
other fields those that are set.
"""

from __future__ import annotations

import binascii
import hmac
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import datetime

import msgspec

from xinglin.access.actor import ROLES, Actor
from xinglin.base.clock import utc_now
from xinglin.base.crypto import Keys
from xinglin.base.errors import Malformed, Unauthenticated

LIFETIME_S = 30 * 24 * 3600
"""How long a token lasts when the issuer does not say."""

TOKEN_CHARACTERS_MAX = 8192
_KIND = "xinglin1"


class Claims(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a token says; times in whole seconds since 1970 UTC. The fields with a default are those of the `Actor`."""

    role: str
    sub: str
    name: str
    iat: int
    exp: int
    jti: str
    person: str = ""
    units: tuple[str, ...] = ()
    session: str = ""
    client: str = ""
    scopes: tuple[str, ...] | None = None
    patient: str = ""
    purpose: str = "TREAT"

    def actor(self) -> Actor:
        """Whom the token stands for."""
        return Actor(
            self.sub, self.role, self.name, self.person, self.units, self.session, self.client, self.scopes, self.patient, self.purpose
        )  # fmt: skip


def issue(keys: Keys, role: str, subject: str, lifetime_s: int = LIFETIME_S, *, name: str = "", now: datetime | None = None) -> str:
    """A new token for `subject` in `role`. Raises `Malformed` for a role there is not."""
    return issue_for(keys, Actor(subject, role, name or subject), lifetime_s, now=now)


def issue_for(keys: Keys, actor: Actor, lifetime_s: int, *, now: datetime | None = None) -> str:
    """A new token for an actor with all that is known of it. Raises `Malformed` for a role there is not."""
    if actor.role not in ROLES:
        raise Malformed("There is no role {role}; the roles are {roles}.", role=actor.role, roles=", ".join(ROLES))
    if lifetime_s <= 0:
        raise Malformed("A token must last longer than {lifetime_s} seconds.", lifetime_s=lifetime_s)
    issued = int((now or utc_now()).timestamp())
    claims = Claims(
        actor.role, actor.id, actor.name, issued, issued + lifetime_s, secrets.token_hex(8), actor.person, actor.units, actor.session,
        actor.client, actor.scopes, actor.patient, actor.purpose,
    )  # fmt: skip
    body = _text(msgspec.json.encode(claims))
    return f"{_KIND}.{body}.{_text(_signature(keys, body))}"


def verify(keys: Keys, token: str, now: datetime) -> Actor:
    """The actor a token stands for. Raises `Unauthenticated`: another key, changed, or past its time."""
    claims = read_claims(keys, token)
    if now.timestamp() >= claims.exp:
        raise Unauthenticated("This token has expired; ask for a new one.")
    return claims.actor()


def read_claims(keys: Keys, token: str) -> Claims:
    """The claims of a token with a valid signature, whatever its time. Raises `Unauthenticated`."""
    parts = token.split(".") if len(token) <= TOKEN_CHARACTERS_MAX and token.isascii() else []
    if len(parts) != 3 or parts[0] != _KIND:
        raise Unauthenticated("This is not a token of this platform.")
    try:
        genuine = hmac.compare_digest(_signature(keys, parts[1]), _bytes(parts[2]))
        claims = msgspec.json.decode(_bytes(parts[1]), type=Claims) if genuine else None
    except (binascii.Error, msgspec.DecodeError) as broken:
        raise Unauthenticated("This is not a token of this platform.") from broken
    if claims is None or claims.role not in ROLES:
        raise Unauthenticated("This token was not issued by this installation, or was changed.")
    return claims


def _signature(keys: Keys, body: str) -> bytes:
    return hmac.digest(keys.token, f"{_KIND}.{body}".encode("ascii"), "sha256")


def _text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def _bytes(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
