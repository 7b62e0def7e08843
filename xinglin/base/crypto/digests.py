"""Digests by suite: SM3 (GB/T 32905) where the word is `sm4`, SHA-256 (FIPS 180-4) where it is `aes`; and their HMACs (RFC 2104)."""

from __future__ import annotations

import hashlib
import hmac

SUITES = {"sm4": "sm3", "aes": "sha256"}
"""The setting `cipher` -> the digest that goes with it."""
DIGEST_BYTES = 32
"""Length of every digest here, and of every HMAC."""


def sm3(data: bytes) -> bytes:
    """The SM3 digest, 32 bytes."""
    return hashlib.new("sm3", data).digest()


def hmac_sm3(key: bytes, data: bytes) -> bytes:
    """HMAC with SM3, 32 bytes."""
    return hmac.digest(key, data, "sm3")


def digest(data: bytes, cipher: str = "sm4") -> bytes:
    """The digest of a suite, 32 bytes: SM3 for `sm4`, SHA-256 for `aes`."""
    return hashlib.new(SUITES[cipher], data).digest()


def keyed_digest(key: bytes, data: bytes, cipher: str = "sm4") -> bytes:
    """The HMAC of a suite, 32 bytes."""
    return hmac.digest(key, data, SUITES[cipher])
