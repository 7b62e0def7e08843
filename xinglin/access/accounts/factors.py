"""The second factor: time-based codes (RFC 6238), recovery codes, passkeys (WebAuthn). Values in, values out."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from typing import Any

import msgspec
import pyotp
import segno
from pyotp.totp import TOTP
from webauthn import (
    base64url_to_bytes,
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import bytes_to_base64url
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from xinglin.access.accounts.model import Account, Passkey, Totp
from xinglin.base.errors import Invalid

STEP_S = 30
STEPS_AROUND = 1
"""A code of the step before or after counts too: telephones' clocks differ."""
RECOVERY_CODES = 8
PASSKEYS_MAX = 10
ISSUER = "杏林 Xinglin"


@dataclass(frozen=True, slots=True)
class Site:
    """Where the browser stands, for passkeys: the host name and the whole origin."""

    host: str
    origin: str


def new_secret() -> str:
    """A secret for a code generator: 160 random bits, base32."""
    return pyotp.random_base32()


def enrolment_uri(secret: str, login: str) -> str:
    """What an authenticator application reads (`otpauth://…`)."""
    return TOTP(secret).provisioning_uri(name=login, issuer_name=ISSUER)


def qr_svg(text: str) -> str:
    """A QR code as an SVG `data:` address, for an `img`."""
    return segno.make(text, error="m").svg_data_uri(scale=4, border=2)


def step_of_code(totp: Totp, typed: str, now_us: int) -> int | None:
    """The time step a code belongs to, or None: wrong, too old, or taken before (RFC 6238, 5.2: a code counts once)."""
    code = "".join(letter for letter in typed if letter.isdigit())
    present = now_us // 1_000_000 // STEP_S
    generator = TOTP(totp.secret)
    for step in range(present - STEPS_AROUND, present + STEPS_AROUND + 1):
        if hmac.compare_digest(generator.at(step * STEP_S), code) and step > totp.last_step:
            return step
    return None


def new_recovery_codes() -> tuple[str, ...]:
    """Codes for the day the telephone is lost, each good once: 50 random bits as `xxxxx-xxxxx`."""
    letters = "abcdefghjkmnpqrstuvwxyz23456789"
    words = ["".join(secrets.choice(letters) for _ in range(10)) for _ in range(RECOVERY_CODES)]
    return tuple(f"{word[:5]}-{word[5:]}" for word in words)


def recovery_mark(account_id: str, typed: str) -> str:
    """What is kept of a recovery code."""
    word = "".join(letter for letter in typed.casefold() if letter.isalnum())
    return hashlib.sha256(f"{account_id} {word}".encode()).hexdigest()


def registration_options(account: Account, site: Site, challenge: bytes) -> str:
    """What the browser needs to make a passkey, as JSON."""
    return options_to_json(
        generate_registration_options(
            rp_id=site.host, rp_name=ISSUER, user_name=account.login, user_id=account.id.encode(), user_display_name=account.name,
            challenge=challenge,
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.PREFERRED, user_verification=UserVerificationRequirement.PREFERRED
            ),
            exclude_credentials=[PublicKeyCredentialDescriptor(base64url_to_bytes(key.id)) for key in account.passkeys],
        )
    )  # fmt: skip


def registered(answer: str, site: Site, challenge: bytes, name: str, now_us: int) -> Passkey:
    """The passkey a browser made. Raises `Invalid`."""
    try:
        made = verify_registration_response(
            credential=_object(answer), expected_challenge=challenge, expected_rp_id=site.host, expected_origin=site.origin
        )
    except (WebAuthnException, ValueError, KeyError, TypeError) as refused:
        raise Invalid("The passkey could not be checked. Try again.") from refused
    return Passkey(
        bytes_to_base64url(made.credential_id), bytes_to_base64url(made.credential_public_key), made.sign_count, name.strip()[:40], now_us
    )


def assertion_options(account: Account, site: Site, challenge: bytes) -> str:
    """What the browser needs to show one of the account's passkeys, as JSON."""
    known = [PublicKeyCredentialDescriptor(base64url_to_bytes(key.id)) for key in account.passkeys]
    return options_to_json(generate_authentication_options(rp_id=site.host, challenge=challenge, allow_credentials=known))


def asserted(account: Account, answer: str, site: Site, challenge: bytes) -> Passkey | None:
    """The account's passkey that signed the challenge, with its counter as it is now; None when none did."""
    try:
        given = _object(answer)
        key = next((one for one in account.passkeys if one.id == given.get("id")), None)
        if key is None:
            return None
        shown = verify_authentication_response(
            credential=given, expected_challenge=challenge, expected_rp_id=site.host, expected_origin=site.origin,
            credential_public_key=base64url_to_bytes(key.public_key), credential_current_sign_count=key.count,
        )  # fmt: skip
    except (WebAuthnException, ValueError, KeyError, TypeError):
        return None
    return msgspec.structs.replace(key, count=shown.new_sign_count)


def _object(answer: str) -> dict[str, Any]:
    return msgspec.json.decode(answer[:20_000], type=dict[str, Any])
