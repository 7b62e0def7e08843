"""SM2 signatures are those of the standard, and of every other program that keeps to it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from gmssl import sm2 as gmssl_sm2
from hypothesis import given, settings
from hypothesis import strategies as st

from xinglin.base.crypto import Keys, Signer, signer, signer_of, verify_signature
from xinglin.base.crypto.signatures import DEFAULT_ID, Sm2Signer, algorithm_of, der_of, key_id_of

SECRET = 0x3945208F7B2144B13F36E38AC6D39F95889393692860B51A42FB81EF4DF7C5B8
X, Y = (
    "09f9df311e5421a150dd7d161e4bc5c672179fad1833fc076bb08ff356f35020",
    "ccea490ce26775a52dc6ea718cc1aa600aed05fbf35e084a6632f6072da9ad13",
)
R, S = (
    0xF5A03B0648D2C4630EEAC513E1BB81A15944DA3827D5B74143AC7EACEEE720B3,
    0xB1B6AA29DF212FD8763182BC0D421CA1BB9038FD1F7F42D4840B69C485BBC1AA,
)
"""GB/T 32918.5-2017, appendix A: private key, public key, and the signature of "message digest" with the default id."""
SM2_OPTIONS = ["-sm3", "-sigopt", f"distid:{DEFAULT_ID.decode()}"]


def openssl(*words: str | Path) -> bytes:
    return subprocess.run(["openssl", *map(str, words)], capture_output=True, check=True).stdout


def test_the_example_of_the_standard() -> None:
    one = Sm2Signer(SECRET)
    assert der_of(one.public)[-64:].hex() == X + Y
    assert verify_signature(one.public, b"message digest", encode_dss_signature(R, S))
    assert not verify_signature(one.public, b"message digest", encode_dss_signature(R, S + 1))


@pytest.mark.parametrize("cipher", ["sm4", "aes"])
def test_openssl_accepts_our_signatures_and_we_its(cipher: str, tmp_path: Path) -> None:
    one, data = signer(b"s" * 32, cipher), tmp_path / "data"
    options = SM2_OPTIONS if cipher == "sm4" else ["-sha256"]
    data.write_bytes("处方".encode())
    (tmp_path / "ours.pem").write_text(one.public)
    (tmp_path / "ours.sig").write_bytes(one.sign(data.read_bytes()))
    assert b"Verified OK" in openssl("dgst", *options, "-verify", tmp_path / "ours.pem", "-signature", tmp_path / "ours.sig", data)
    curve = "SM2" if cipher == "sm4" else "prime256v1"
    openssl("ecparam", "-name", curve, "-genkey", "-noout", "-out", tmp_path / "theirs.key")
    public = openssl("pkey", "-in", tmp_path / "theirs.key", "-pubout").decode()
    signature = openssl("dgst", *options, "-sign", tmp_path / "theirs.key", data)
    assert verify_signature(public, data.read_bytes(), signature)
    assert not verify_signature(public, data.read_bytes() + b" ", signature)


def test_another_implementation_agrees() -> None:
    one = Sm2Signer(SECRET)
    theirs = gmssl_sm2.CryptSM2(private_key=f"{SECRET:064x}", public_key=X + Y, asn1=True)
    assert theirs.verify_with_sm3(one.sign(b"abc").hex(), b"abc")
    assert verify_signature(one.public, b"abc", bytes.fromhex(theirs.sign_with_sm3(b"abc")))


@pytest.mark.parametrize("cipher", ["sm4", "aes"])
def test_a_signature_is_of_one_text_and_one_key(cipher: str) -> None:
    one, other = signer(b"1" * 32, cipher), signer(b"2" * 32, cipher)
    signature = one.sign(b"text")
    assert verify_signature(one.public, b"text", signature)
    assert not verify_signature(one.public, b"Text", signature)
    assert not verify_signature(other.public, b"text", signature)
    assert one.key_id == key_id_of(one.public) != other.key_id
    assert algorithm_of(one.public) == one.algorithm == {"sm4": "SM2-with-SM3", "aes": "ECDSA-with-SHA256"}[cipher]


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(["sm4", "aes"]), st.binary(max_size=100), st.text(max_size=60))
def test_rubbish_is_no_signature_and_no_key(cipher: str, rubbish: bytes, text: str) -> None:
    one = signer(b"1" * 32, cipher)
    assert not verify_signature(one.public, b"text", rubbish)
    assert not verify_signature(text, b"text", one.sign(b"text"))
    assert not verify_signature(one.public.replace("M", "N", 1), b"text", one.sign(b"text"))


def test_a_key_of_another_kind_verifies_nothing() -> None:
    rsa = subprocess.run(["openssl", "genrsa", "2048"], capture_output=True, check=True).stdout
    public = subprocess.run(["openssl", "rsa", "-pubout"], input=rsa, capture_output=True, check=True).stdout.decode()
    assert not verify_signature(public, b"text", b"signature")


class Module:
    """A signer whose key we never see."""

    algorithm, key_id = "SM2-with-SM3", "hsm"
    public = signer(b"inside" * 8).public

    def sign(self, data: bytes) -> bytes:
        return signer(b"inside" * 8).sign(data)


def test_the_installation_signs_by_its_key_or_by_its_module() -> None:
    keys = Keys({1: b"k" * 16}, 1, b"i" * 32, b"t" * 32)
    plain = signer_of(keys)
    assert signer_of(keys).key_id == plain.key_id
    assert signer_of(Keys(keys.data, 1, keys.index, b"u" * 32)).key_id != plain.key_id
    assert signer_of(keys, "aes").algorithm == "ECDSA-with-SHA256"
    module: Signer = Module()
    assert signer_of(Keys(keys.data, 1, keys.index, keys.token, signer=module)) is module


def test_no_secret_shows_in_a_repr() -> None:
    keys = Keys({1: b"k" * 16}, 1, b"i" * 32, b"t" * 32, b"s" * 32)
    shown = repr(keys) + repr(signer_of(keys)) + repr(signer(b"s" * 32, "aes"))
    assert not any(secret in shown for secret in ("kkkk", "iiii", "tttt", "ssss", (b"s" * 8).hex()))
