"""Detached signed messages: GB/T 35275 (SM2 and SM3 in the frame of PKCS #7), or CMS (RFC 5652) with ECDSA. What a CA's service returns.

One signer, with its certificate and three signed attributes: kind of content, digest of the content, time of signing.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import datetime

from xinglin.base.crypto import der
from xinglin.base.crypto.certificates import Certificate, read_certificate
from xinglin.base.crypto.digests import digest
from xinglin.base.crypto.signatures import SM2_WITH_SM3, Signer, algorithm_of, verify_signature

MEDIA_TYPE = "application/pkcs7-signature"
_CONTENT_TYPE, _MESSAGE_DIGEST, _SIGNING_TIME = "1.2.840.113549.1.9.3", "1.2.840.113549.1.9.4", "1.2.840.113549.1.9.5"


@dataclass(frozen=True, slots=True)
class _Frame:
    """The object identifiers of a suite's frame, and the word of its digest."""

    signed: str
    data: str
    digest: str
    signature: str
    cipher: str


_SM2 = _Frame("1.2.156.10197.6.1.4.2.2", "1.2.156.10197.6.1.4.2.1", "1.2.156.10197.1.401", "1.2.156.10197.1.301.1", "sm4")
_CMS = _Frame("1.2.840.113549.1.7.2", "1.2.840.113549.1.7.1", "2.16.840.1.101.3.4.2.1", "1.2.840.10045.4.3.2", "aes")


@dataclass(frozen=True, slots=True)
class SignedMessage:
    """A message as read: the signer's certificate, when it was signed by the signer's own account, and what proves it."""

    certificate: Certificate
    at: datetime
    digest: bytes
    attributes: bytes
    signature: bytes
    cipher: str

    @property
    def genuine(self) -> bool:
        """Whether the holder of the certificate signed this digest and time."""
        return verify_signature(self.certificate.public, self.attributes, self.signature)

    def covers(self, data: bytes) -> bool:
        """Whether this is the digest of `data`."""
        return hmac.compare_digest(self.digest, digest(data, self.cipher))


def sign_message(hashed_data: bytes, by: Signer, certificate: Certificate, now: datetime) -> bytes:
    """The signed message of what has this digest (by the digest of the signer's suite); DER. The content itself is never needed."""
    frame = _SM2 if by.algorithm == SM2_WITH_SM3 else _CMS
    hashed = der.sequence(der.oid(frame.digest), der.value(der.NULL))
    attributes = der.set_of([
        _attribute(_CONTENT_TYPE, der.oid(frame.data)),
        _attribute(_MESSAGE_DIGEST, der.value(der.OCTET_STRING, hashed_data)),
        _attribute(_SIGNING_TIME, der.moment(now)),
    ])  # fmt: skip
    signer = der.sequence(
        der.integer(1),
        der.sequence(certificate.issuer_der, der.integer(certificate.serial)),
        hashed,
        der.tagged(0, der.one(attributes).content),
        der.sequence(der.oid(frame.signature)),
        der.value(der.OCTET_STRING, by.sign(attributes)),
    )
    held = der.sequence(der.oid(frame.data))
    body = der.sequence(der.integer(1), der.set_of([hashed]), held, der.tagged(0, certificate.der), der.set_of([signer]))
    return der.sequence(der.oid(frame.signed), der.tagged(0, body))


def read_message(message: bytes) -> SignedMessage:
    """A signed message from its DER. Raises `ValueError` for what is none, or has not exactly one signer with these attributes."""
    try:
        kind, body = der.inside(message)
        frame = next(one for one in (_SM2, _CMS) if der.oid(one.signed) == kind.whole)
        _, _, _, certificates, signers = der.inside(der.one(body.content).whole)
        _, named, _, attributes, _, signature = der.inside(der.one(signers.content).whole)
    except StopIteration:
        raise ValueError("not a signed message") from None
    held = [read_certificate(one.whole) for one in der.each(certificates.content)]
    issuer, serial = der.each(named.content)
    own = next((one for one in held if one.issuer_der == issuer.whole and der.integer(one.serial) == serial.whole), None)
    if own is None or (algorithm_of(own.public) == SM2_WITH_SM3) != (frame is _SM2):
        raise ValueError("the signer's certificate is not in the message")
    told = _attributes(attributes.content)
    signed = der.value(der.SET, attributes.content)
    return SignedMessage(own, der.read_moment(told[_SIGNING_TIME]), told[_MESSAGE_DIGEST].content, signed, signature.content, frame.cipher)


def _attribute(kind: str, value: bytes) -> bytes:
    return der.sequence(der.oid(kind), der.set_of([value]))


def _attributes(content: bytes) -> dict[str, der.Value]:
    """The one value of each of the three. Raises `ValueError` when one is missing."""
    kinds = {der.oid(kind): kind for kind in (_CONTENT_TYPE, _MESSAGE_DIGEST, _SIGNING_TIME)}
    pairs = [list(der.each(one.content)) for one in der.each(content)]
    found = {kinds[kind.whole]: der.one(values.content) for kind, values in pairs if kind.whole in kinds}
    if len(found) != len(kinds):
        raise ValueError("a signed attribute is missing")
    return found
