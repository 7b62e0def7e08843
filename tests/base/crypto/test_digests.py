"""SM3 and its HMAC are those of the standard."""

from __future__ import annotations

import subprocess

import pytest
from gmssl import func
from gmssl import sm3 as gmssl_sm3
from hypothesis import given, settings
from hypothesis import strategies as st

from xinglin.base.crypto import digest, hmac_sm3, keyed_digest, sm3

STANDARD = {
    b"abc": "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0",
    b"abcd" * 16: "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732",
}
"""GB/T 32905-2016, appendix A."""


@pytest.mark.parametrize("text", STANDARD)
def test_the_examples_of_the_standard(text: bytes) -> None:
    assert sm3(text).hex() == STANDARD[text]


@settings(max_examples=25, deadline=None)
@given(st.binary(min_size=1, max_size=300))
def test_another_implementation_agrees(data: bytes) -> None:
    assert sm3(data).hex() == gmssl_sm3.sm3_hash(func.bytes_to_list(data))


def test_openssl_agrees_on_the_hmac() -> None:
    told = subprocess.run(["openssl", "dgst", "-sm3", "-hmac", "杏林", "-r"], input="病历".encode(), capture_output=True, check=True).stdout
    assert hmac_sm3("杏林".encode(), "病历".encode()).hex() == told.split()[0].decode()


def test_one_word_decides_the_digest() -> None:
    assert digest(b"abc") == digest(b"abc", "sm4") == sm3(b"abc")
    assert digest(b"abc", "aes").hex() == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert keyed_digest(b"k", b"abc") == hmac_sm3(b"k", b"abc") != keyed_digest(b"k", b"abc", "aes")
    with pytest.raises(KeyError):
        digest(b"abc", "des")
