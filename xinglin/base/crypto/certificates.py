"""X.509 certificates (RFC 5280) signed by SM2 with SM3 (GM/T 0015) or ECDSA with SHA-256: reading, checking and, for a CA, issuing.

`cryptography` reads what is common to both; what it does not know of SM2 is put together and taken apart here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.x509.oid import NameOID

from xinglin.base.crypto import der
from xinglin.base.crypto.digests import sm3
from xinglin.base.crypto.signatures import SM2_WITH_SM3, Signer, der_of, pem_of, verify_signature

_SIGNED_BY = {SM2_WITH_SM3: "1.2.156.10197.1.501", "ECDSA-with-SHA256": "1.2.840.10045.4.3.2"}
_VERSION = 0xA0
_ATTRIBUTES = {
    "name": NameOID.COMMON_NAME,
    "number": NameOID.SERIAL_NUMBER,
    "organization": NameOID.ORGANIZATION_NAME,
    "country": NameOID.COUNTRY_NAME,
}


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate as read. `subject`: name, number, organization and country, as far as it tells; times in UTC; `public`: PEM."""

    der: bytes
    serial: int
    subject: dict[str, str]
    subject_der: bytes
    issuer_der: bytes
    not_before: datetime
    not_after: datetime
    public: str
    is_authority: bool

    @property
    def pem(self) -> str:
        """As PEM text."""
        return pem_of(self.der, "CERTIFICATE")

    def holds_at(self, at: datetime) -> bool:
        """Whether a moment is within its time."""
        return self.not_before <= at <= self.not_after

    def issued(self, other: Certificate) -> bool:
        """Whether this one's key signed the other, and this one may sign certificates."""
        if not self.is_authority or other.issuer_der != self.subject_der:
            return False
        body, _, signature = der.inside(other.der)
        return verify_signature(self.public, body.whole, signature.content[1:])


def read_certificate(text: str | bytes) -> Certificate:
    """A certificate from PEM text or DER bytes. Raises `ValueError`."""
    raw = der_of(text) if isinstance(text, str) else text
    parts = der.inside(der.inside(raw)[0].whole)
    if len(parts) < 7 or parts[0].tag != _VERSION or not parts[1].content or parts[1].content[0] & 0x80:
        raise ValueError("not a certificate of version 3 with a positive number")
    try:
        seen = x509.load_der_x509_certificate(raw)
        return _read(raw, seen, parts)
    except (x509.InvalidVersion, x509.DuplicateExtension, x509.UnsupportedGeneralNameType, UnsupportedAlgorithm) as strange:
        raise ValueError("not a certificate this program reads") from strange


def _read(raw: bytes, seen: x509.Certificate, parts: list[der.Value]) -> Certificate:
    return Certificate(
        der=raw,
        serial=seen.serial_number,
        subject=_named(seen.subject),
        subject_der=parts[5].whole,
        issuer_der=parts[3].whole,
        not_before=seen.not_valid_before_utc,
        not_after=seen.not_valid_after_utc,
        public=pem_of(parts[6].whole),
        is_authority=_is_authority(seen),
    )


def issue(
    by: Signer,
    issuer: Certificate | None,
    subject: dict[str, str],
    public: str,
    now: datetime,
    days: int,
    *,
    serial: int,
    authority: bool = False,
) -> Certificate:
    """A certificate for a public key, signed `by` the issuer's key; without an issuer it is its own (a root). From an hour before `now`.

    `subject`: name, and number, organization, country where there are any.
    """
    algorithm = der.sequence(der.oid(_SIGNED_BY[by.algorithm]))
    name = _name(subject)
    body = der.sequence(
        der.tagged(0, der.integer(2)),
        der.integer(serial),
        algorithm,
        issuer.subject_der if issuer else name,
        der.sequence(der.moment(now - timedelta(hours=1)), der.moment(now + timedelta(days=days))),
        name,
        der_of(public),
        der.tagged(3, der.sequence(*_extensions(public, by.public, authority=authority))),
    )
    return read_certificate(der.sequence(body, algorithm, der.bits(by.sign(body))))


def _extensions(public: str, issuer: str, *, authority: bool) -> list[bytes]:
    usage = x509.KeyUsage(
        digital_signature=not authority, content_commitment=not authority, key_encipherment=False, data_encipherment=False,
        key_agreement=False, key_cert_sign=authority, crl_sign=authority, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    basic = x509.BasicConstraints(ca=authority, path_length=0 if authority else None)
    known = x509.SubjectKeyIdentifier(_key_name(public)), x509.AuthorityKeyIdentifier(_key_name(issuer), None, None)
    made: list[tuple[x509.ExtensionType, bool]] = [(basic, True), (usage, True), *((one, False) for one in known)]
    return [_extension(one, critical=critical) for one, critical in made]


def _extension(one: x509.ExtensionType, *, critical: bool) -> bytes:
    mark = [der.value(0x01, b"\xff")] if critical else []
    return der.sequence(der.oid(one.oid.dotted_string), *mark, der.value(der.OCTET_STRING, one.public_bytes()))


def _key_name(public: str) -> bytes:
    return sm3(der_of(public))[:20]


def _name(subject: dict[str, str]) -> bytes:
    """In the usual order: country, organization, name, number."""
    order = ("country", "organization", "name", "number")
    return x509.Name([x509.NameAttribute(_ATTRIBUTES[key], subject[key]) for key in order if subject.get(key)]).public_bytes()


def _named(name: x509.Name) -> dict[str, str]:
    found = {key: name.get_attributes_for_oid(kind) for key, kind in _ATTRIBUTES.items()}
    return {key: str(attributes[0].value) for key, attributes in found.items() if attributes}


def _is_authority(seen: x509.Certificate) -> bool:
    try:
        return seen.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False
