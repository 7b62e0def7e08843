"""SM4 is that of the standard, and what was sealed opens for its own place only."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given, settings
from hypothesis import strategies as st

from xinglin.base.crypto.seal import Broken, sealer

KEY = bytes.fromhex("0123456789abcdeffedcba9876543210")


def test_a_block_of_the_standard() -> None:
    """GB/T 32907-2016, appendix A.1."""
    encryptor = Cipher(algorithms.SM4(KEY), modes.ECB()).encryptor()
    assert (encryptor.update(KEY) + encryptor.finalize()).hex() == "681edf34d206965e86b3e94f536e4246"


def test_the_gcm_example_of_rfc_8998() -> None:
    """RFC 8998, appendix A.1."""
    bound = bytes.fromhex("feedfacedeadbeeffeedfacedeadbeefabaddad2")
    plain = b"".join(bytes((two,)) * 8 for two in bytes.fromhex("aabbccddeeffeeaa"))
    sealed = bytes.fromhex(
        "00001234567800000000abcd"
        "17f399f08c67d5ee19d0dc9969c4bb7d5fd46fd3756489069157b282bb200735d82710ca5c22f0ccfa7cbf93d496ac15a56834cbcf98c397b4024a2691233b8d"
        "83de3541e4c2b58177e065a9bf7b62ec"
    )
    assert sealer("sm4", KEY).open(sealed, bound) == plain


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(["sm4", "aes"]), st.binary(max_size=80), st.binary(max_size=20), st.data())
def test_no_bit_of_it_can_be_changed(cipher: str, plain: bytes, bound: bytes, data: st.DataObject) -> None:
    one = sealer(cipher, KEY)
    sealed = one.seal(plain, bound)
    assert one.open(sealed, bound) == plain
    at = data.draw(st.integers(0, len(sealed) * 8 - 1))
    changed = bytearray(sealed)
    changed[at // 8] ^= 1 << at % 8
    for wrong, place in ((bytes(changed), bound), (sealed[:-1], bound), (sealed, bound + b"x"), (b"", bound)):
        with pytest.raises(Broken):
            one.open(wrong, place)


def test_a_cipher_there_is_not_is_refused() -> None:
    with pytest.raises(ValueError, match="des"):
        sealer("des", KEY)
