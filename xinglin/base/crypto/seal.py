"""Sealing: authenticated encryption of stored content, bound to the row it belongs to.

A sealed text is nonce (12 bytes, random), ciphertext, tag (16 bytes). SM4-GCM (GB/T 32907 with NIST SP 800-38D's mode)
is the default; AES-128-GCM is a setting. Opening with another key, or for another row, fails loudly.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE_BYTES = 12
TAG_BYTES = 16


class Broken(Exception):
    """A sealed content does not open: another key, another row, or changed bytes."""


class Sealer:
    """Seals and opens with one key. `bound` is what the content belongs to; it is authenticated, not stored."""

    __slots__ = ("_open", "_seal")

    def __init__(self, seal: Callable[[bytes, bytes, bytes], bytes], open_: Callable[[bytes, bytes, bytes], bytes]) -> None:
        self._seal = seal
        self._open = open_

    def seal(self, plain: bytes, bound: bytes) -> bytes:
        """Nonce + ciphertext + tag."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._seal(nonce, plain, bound)

    def open(self, sealed: bytes, bound: bytes) -> bytes:
        """The plain bytes; raises `Broken`."""
        try:
            return self._open(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], bound)
        except (InvalidTag, ValueError) as broken:
            raise Broken("sealed content does not open with this key for this row") from broken


def sealer(algorithm: str, key: bytes) -> Sealer:
    """A sealer for `sm4` or `aes` with a 16-byte key."""
    if algorithm == "aes":
        gcm = AESGCM(key)
        return Sealer(gcm.encrypt, gcm.decrypt)
    if algorithm != "sm4":
        raise ValueError(f"unknown sealing algorithm {algorithm!r}: sm4 or aes")
    sm4 = algorithms.SM4(key)

    def seal(nonce: bytes, plain: bytes, bound: bytes) -> bytes:
        encryptor = Cipher(sm4, modes.GCM(nonce)).encryptor()
        encryptor.authenticate_additional_data(bound)
        return encryptor.update(plain) + encryptor.finalize() + encryptor.tag

    def open_(nonce: bytes, sealed: bytes, bound: bytes) -> bytes:
        decryptor = Cipher(sm4, modes.GCM(nonce, sealed[-TAG_BYTES:])).decryptor()
        decryptor.authenticate_additional_data(bound)
        return decryptor.update(sealed[:-TAG_BYTES]) + decryptor.finalize()

    return Sealer(seal, open_)
