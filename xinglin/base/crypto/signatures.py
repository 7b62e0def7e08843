"""Signatures by suite: SM2 with SM3 (GB/T 32918.2, GM/T 0009: DER, default id) or ECDSA on P-256 with SHA-256 (FIPS 186-5).

SM2 is done by Tongsuo's library, ECDSA by `cryptography`. A public key is PEM (SubjectPublicKeyInfo, RFC 5480), and says by its
curve how its signatures are verified.
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Protocol

from xinglin.base.crypto.digests import keyed_digest, sm3

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from tongsuopy.crypto.asymciphers.ec import EllipticCurvePrivateKey as Sm2PrivateKey

    from xinglin.base.crypto.keys import Keys

SM2_WITH_SM3 = "SM2-with-SM3"
ECDSA_WITH_SHA256 = "ECDSA-with-SHA256"
DEFAULT_ID = b"1234567812345678"
"""The signer's distinguishing identifier that SM2 signatures are made with (GM/T 0009, 10): the library's own default."""
_SM2_ORDER = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123
_P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_SM2_CURVE = bytes.fromhex("06082a811ccf5501822d")
"""1.2.156.10197.1.301, as it stands in a public key."""


class Signer(Protocol):
    """Signs with a private key it keeps to itself: in this process, or in a hardware module."""

    @property
    def algorithm(self) -> str:
        """`SM2-with-SM3` or `ECDSA-with-SHA256`."""
        ...

    @property
    def public(self) -> str:
        """The public key as PEM (SubjectPublicKeyInfo)."""
        ...

    @property
    def key_id(self) -> str:
        """16 hexadecimal digits that name the public key: see `key_id_of`."""
        ...

    def sign(self, data: bytes) -> bytes:
        """The signature of `data` (not of its digest), DER."""
        ...


class Sm2Signer:
    """SM2 in this process. `secret`: the private number, 1 to the order less two."""

    __slots__ = ("_key", "key_id", "public")
    algorithm = SM2_WITH_SM3

    def __init__(self, secret: int) -> None:
        from tongsuopy.crypto.asymciphers import ec

        self._key: Sm2PrivateKey = ec.derive_private_key(secret, ec.SM2())
        self.public = _sm2_pem(self._key)
        self.key_id = key_id_of(self.public)

    def sign(self, data: bytes) -> bytes:
        """The signature with the default id, DER."""
        from tongsuopy.crypto import hashes
        from tongsuopy.crypto.asymciphers import ec

        return self._key.sign(data, ec.ECDSA(hashes.SM3()))


class EcdsaSigner:
    """ECDSA on P-256 in this process. `secret`: the private number, 1 to the order less one."""

    __slots__ = ("_key", "key_id", "public")
    algorithm = ECDSA_WITH_SHA256

    def __init__(self, secret: int) -> None:
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ec

        self._key: EllipticCurvePrivateKey = ec.derive_private_key(secret, ec.SECP256R1())
        kind = serialization.PublicFormat.SubjectPublicKeyInfo
        self.public = self._key.public_key().public_bytes(serialization.Encoding.PEM, kind).decode()
        self.key_id = key_id_of(self.public)

    def sign(self, data: bytes) -> bytes:
        """The signature, DER."""
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ec

        return self._key.sign(data, ec.ECDSA(hashes.SHA256()))


def signer(secret: bytes, cipher: str = "sm4") -> Signer:
    """The signer of a secret of 32 bytes or more: `sm4` means SM2, `aes` ECDSA. The same secret gives the same key."""
    wide = b"".join(keyed_digest(secret, b"xinglin private number %d" % n, cipher) for n in (1, 2))  # no remainder is likelier by 2^-256
    number = int.from_bytes(wide, "big")
    if cipher == "sm4":
        return Sm2Signer(number % (_SM2_ORDER - 2) + 1)
    return EcdsaSigner(number % (_P256_ORDER - 1) + 1)


def signer_of(keys: Keys, cipher: str = "sm4") -> Signer:
    """The installation's own signer: the hardware module's when the keys name one, else that of the signing key."""
    return keys.signer or signer(keys.signing or signing_key(keys.token), cipher)


def signing_key(token: bytes) -> bytes:
    """The signing key of an installation whose key file has none: 32 bytes, following from its token key."""
    return keyed_digest(token, b"xinglin signing key")


def verify_signature(public: str, data: bytes, signature: bytes) -> bool:
    """Whether `signature` (DER) is that of `data` by the private key that belongs to `public` (PEM). False for what is no key."""
    try:
        curve_is_sm2 = _SM2_CURVE in der_of(public)
    except ValueError:
        return False
    return _sm2_verified(public, data, signature) if curve_is_sm2 else _ecdsa_verified(public, data, signature)


def algorithm_of(public: str) -> str:
    """By which algorithm a public key's signatures are made. Raises `ValueError` for what is no PEM."""
    return SM2_WITH_SM3 if _SM2_CURVE in der_of(public) else ECDSA_WITH_SHA256


def key_id_of(public: str) -> str:
    """The name of a public key (PEM): the first 8 bytes of the SM3 of its DER, in hexadecimal."""
    return sm3(der_of(public))[:8].hex()


def der_of(pem: str) -> bytes:
    """The bytes within a PEM text. Raises `ValueError`."""
    lines = pem.strip().splitlines()
    if len(lines) < 3 or not lines[0].startswith("-----BEGIN ") or not lines[-1].startswith("-----END "):
        raise ValueError("not a PEM text")
    try:
        return base64.b64decode("".join(lines[1:-1]), validate=True)
    except binascii.Error as broken:
        raise ValueError("not a PEM text") from broken


def pem_of(der: bytes, kind: str = "PUBLIC KEY") -> str:
    """Bytes as PEM text (RFC 7468)."""
    text = base64.b64encode(der).decode()
    lines = [text[start : start + 64] for start in range(0, len(text), 64)]
    return "\n".join([f"-----BEGIN {kind}-----", *lines, f"-----END {kind}-----", ""])


def _sm2_pem(key: Sm2PrivateKey) -> str:
    from tongsuopy.crypto import serialization

    kind = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.PEM, kind).decode()


def _sm2_verified(public: str, data: bytes, signature: bytes) -> bool:
    from tongsuopy.crypto import hashes, serialization
    from tongsuopy.crypto.asymciphers import ec
    from tongsuopy.crypto.exceptions import InternalError, InvalidSignature, UnsupportedAlgorithm

    try:
        serialization.load_pem_public_key(public.encode()).verify(signature, data, ec.ECDSA(hashes.SM3()))
    except (InvalidSignature, InternalError, UnsupportedAlgorithm, ValueError):  # InternalError: a signature that is no DER
        return False
    return True


def _ecdsa_verified(public: str, data: bytes, signature: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    try:
        key = serialization.load_pem_public_key(public.encode())
        if not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name != "secp256r1":
            return False
        key.verify(signature, data, ec.ECDSA(hashes.SHA256()))
    except (InvalidSignature, UnsupportedAlgorithm, ValueError):
        return False
    return True
