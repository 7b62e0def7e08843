"""Certificates and signed messages are those every other program reads."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xinglin.base.crypto import der, digest, signer
from xinglin.base.crypto.certificates import Certificate, issue, read_certificate
from xinglin.base.crypto.signatures import DEFAULT_ID
from xinglin.base.crypto.signed_message import read_message, sign_message

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
CIPHERS = ["sm4", "aes"]
DOCTOR = {"country": "CN", "organization": "县人民医院", "name": "王医生", "number": "Practitioner/7"}


def root(cipher: str) -> Certificate:
    by = signer(b"root" * 8, cipher)
    return issue(by, None, {"country": "CN", "name": "根证书"}, by.public, NOW, 3650, serial=1, authority=True)


def leaf(cipher: str, secret: bytes = b"root" * 8) -> Certificate:
    return issue(signer(secret, cipher), root(cipher), DOCTOR, signer(b"leaf" * 8, cipher).public, NOW, 365, serial=2**112 + 7)


def message(cipher: str, data: bytes) -> bytes:
    return sign_message(digest(data, cipher), signer(b"leaf" * 8, cipher), leaf(cipher), NOW)


def openssl(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["openssl", *map(str, words)], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("cipher", CIPHERS)
def test_a_certificate_tells_what_was_put_into_it(cipher: str) -> None:
    one = read_certificate(leaf(cipher).pem)
    assert (one.subject, one.serial, one.is_authority) == (DOCTOR, 2**112 + 7, False)
    assert (one.not_before, one.not_after) == (NOW - timedelta(hours=1), NOW + timedelta(days=365))
    assert one.public == signer(b"leaf" * 8, cipher).public
    assert root(cipher).issued(one)
    assert (one.holds_at(NOW), one.holds_at(NOW + timedelta(days=366)), one.holds_at(NOW - timedelta(days=1))) == (True, False, False)


@pytest.mark.parametrize("cipher", CIPHERS)
def test_openssl_verifies_it_up_to_the_root(cipher: str, tmp_path: Path) -> None:
    for name, one in (("root", root(cipher)), ("leaf", leaf(cipher)), ("forged", leaf(cipher, b"else" * 8))):
        (tmp_path / name).write_text(one.pem)
    options = ["-vfyopt", f"distid:{DEFAULT_ID.decode()}"] if cipher == "sm4" else []
    asked = ["verify", *options, "-x509_strict", "-attime", str(int(NOW.timestamp())), "-CAfile", tmp_path / "root"]
    assert openssl(*asked, tmp_path / "leaf").stdout == f"{tmp_path / 'leaf'}: OK\n"
    assert "verification failed" in openssl(*asked, tmp_path / "forged").stderr
    shown = openssl("x509", "-in", tmp_path / "leaf", "-noout", "-text", "-nameopt", "utf8").stdout
    for told in ("CN=王医生", "serialNumber=Practitioner/7", "Digital Signature, Non Repudiation", "CA:FALSE"):
        assert told in shown
    assert ("SM2-with-SM3" if cipher == "sm4" else "ecdsa-with-SHA256") in shown


@pytest.mark.parametrize("cipher", CIPHERS)
def test_only_an_authority_issues_and_only_under_its_name(cipher: str) -> None:
    assert not root(cipher).issued(leaf(cipher, b"else" * 8))
    assert not leaf(cipher).issued(root(cipher))
    by = signer(b"leaf" * 8, cipher)
    below = issue(by, leaf(cipher), DOCTOR, by.public, NOW, 1, serial=9)
    assert not leaf(cipher).issued(below)
    assert not root(cipher).issued(below)


@pytest.mark.parametrize("cipher", CIPHERS)
def test_a_signed_message_is_of_one_content_one_signer_one_time(cipher: str) -> None:
    seen = read_message(message(cipher, b"text"))
    assert (seen.certificate.subject, seen.at, seen.genuine) == (DOCTOR, NOW, True)
    assert (seen.covers(b"text"), seen.covers(b"Text")) == (True, False)
    stamped = der.moment(NOW)
    moved = message(cipher, b"text").replace(stamped, der.moment(NOW + timedelta(seconds=1)))
    assert read_message(moved).at == NOW + timedelta(seconds=1)
    assert not read_message(moved).genuine


def test_openssl_verifies_a_cms_message(tmp_path: Path) -> None:
    (tmp_path / "message").write_bytes(message("aes", b"text"))
    (tmp_path / "root").write_text(root("aes").pem)
    (tmp_path / "content").write_bytes(b"text")
    asked = ["cms", "-verify", "-inform", "DER", "-in", tmp_path / "message", "-CAfile", tmp_path / "root", "-purpose", "any", "-content"]
    asked = [*asked[:1], "-attime", str(int(NOW.timestamp())), *asked[1:]]
    assert openssl(*asked, tmp_path / "content").returncode == 0
    (tmp_path / "content").write_bytes(b"Text")
    assert openssl(*asked, tmp_path / "content").returncode != 0


def test_openssl_verifies_the_signature_in_an_sm2_message(tmp_path: Path) -> None:
    seen = read_message(message("sm4", b"text"))
    for name, content in (("attributes", seen.attributes), ("signature", seen.signature), ("key", seen.certificate.public.encode())):
        (tmp_path / name).write_bytes(content)
    options = ["-sm3", "-sigopt", f"distid:{DEFAULT_ID.decode()}", "-verify", tmp_path / "key", "-signature", tmp_path / "signature"]
    assert openssl("dgst", *options, tmp_path / "attributes").stdout == "Verified OK\n"


MESSAGES = {cipher: message(cipher, b"text") for cipher in CIPHERS}


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(CIPHERS), st.data())
def test_a_changed_message_is_unreadable_or_not_genuine_or_changed_where_nothing_is_proved(cipher: str, data: st.DataObject) -> None:
    whole = MESSAGES[cipher]
    at = data.draw(st.integers(0, len(whole) * 8 - 1))
    changed = bytearray(whole)
    changed[at // 8] ^= 1 << at % 8
    try:
        seen = read_message(bytes(changed))
    except ValueError:
        return
    proved = seen.genuine and seen.covers(b"text") and root(cipher).issued(seen.certificate)
    assert not proved or (seen.at, seen.certificate.subject) == (NOW, DOCTOR)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200))
def test_rubbish_is_no_message_and_no_certificate(rubbish: bytes) -> None:
    for read in (read_message, read_certificate):
        with pytest.raises(ValueError):  # noqa: PT011 - which words, is the library's affair
            read(rubbish)


@pytest.mark.parametrize("cut", range(0, 780, 13))
def test_a_message_cut_short_is_none(cut: int) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - as above
        read_message(MESSAGES["sm4"][:cut])


@given(st.integers(0, 2**130))
def test_numbers_are_written_as_der_wants_them(number: int) -> None:
    written = der.one(der.integer(number))
    assert int.from_bytes(written.content, "big", signed=True) == number
    assert len(written.content) == 1 or written.content[0] or written.content[1] & 0x80


def test_lengths_and_names_are_written_as_der_wants_them() -> None:
    assert der.oid("1.2.156.10197.1.301").hex() == "06082a811ccf5501822d"
    for length in (0, 127, 128, 255, 256, 70_000):
        assert der.one(der.value(der.OCTET_STRING, bytes(length))).content == bytes(length)
    late = datetime(2051, 2, 3, 4, 5, 6, tzinfo=UTC)
    assert [der.read_moment(der.one(der.moment(at))) for at in (NOW, late)] == [NOW, late]
