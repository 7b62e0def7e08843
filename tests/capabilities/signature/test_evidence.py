"""A stranger checks the downloaded evidence with OpenSSL and nothing of ours, by the commands of `docs/how-to/signatures.md`."""

from __future__ import annotations

import io
import re
import subprocess
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.capabilities.signature.conftest import prescription
from tests.capabilities.watched import County
from xinglin.base.crypto import digest, signer
from xinglin.base.crypto.certificates import Certificate, issue
from xinglin.base.crypto.signed_message import SignedMessage, read_message, sign_message
from xinglin.capabilities.signature.rules import commands, evidence
from xinglin.kit.signing import canonical

NOW = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
HOW_TO = Path(__file__).parents[3] / "docs" / "how-to" / "signatures.md"


def run(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["sh", "-c", command], cwd=folder, capture_output=True, text=True, check=False)


def unpack(packed: bytes, folder: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(packed)) as held:
        held.extractall(folder)


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def check(lines: tuple[str, ...], folder: Path) -> list[bool]:
    """Whether each step says what it should: the digests agree, the signature fits, the chain holds."""
    hashed, told, fits, chain = (run(one, folder) for one in lines)
    fingerprint = hashed.stdout.strip().rpartition("= ")[2].upper()
    return [bool(fingerprint) and fingerprint in told.stdout, "Verified OK" in fits.stdout, chain.stdout.strip() == "signer.pem: OK"]


def made(cipher: str) -> tuple[bytes, bytes, SignedMessage, Certificate]:
    by, own = signer(b"root" * 8, cipher), signer(b"leaf" * 8, cipher)
    root = issue(by, None, {"name": "CA"}, by.public, NOW, 3650, serial=1, authority=True)
    leaf = issue(by, root, {"name": "李医生", "number": "Practitioner/li"}, own.public, NOW, 365, serial=2)
    document = canonical(prescription())
    whole = sign_message(digest(document, cipher), own, leaf, NOW)
    return document, whole, read_message(whole), root


@pytest.mark.parametrize("cipher", ["sm4", "aes"])
def test_the_evidence_holds_before_a_stranger_and_what_was_changed_does_not(cipher: str, tmp_path: Path) -> None:
    document, whole, message, root = made(cipher)
    unpack(evidence(document, message, whole, [root], "read me"), tmp_path)
    assert check(commands(message), tmp_path) == [True, True, True]
    (tmp_path / "document.json").write_bytes(document.replace(b"80", b"800"))
    assert check(commands(message), tmp_path) == [False, True, True]
    attributes = bytearray((tmp_path / "attributes.der").read_bytes())
    attributes[-1] ^= 1
    (tmp_path / "attributes.der").write_bytes(attributes)
    assert check(commands(message), tmp_path)[1] is False
    other = signer(b"else" * 8, cipher)
    false = issue(other, None, {"name": "CA"}, other.public, NOW, 3650, serial=1, authority=True)
    (tmp_path / "authority.pem").write_text(false.pem)
    assert check(commands(message), tmp_path)[2] is False


def test_openssl_checks_the_whole_message_where_it_is_cms(tmp_path: Path) -> None:
    document, whole, message, root = made("aes")
    unpack(evidence(document, message, whole, [root], "read me"), tmp_path)
    (command,) = [one for one in told() if one.startswith("openssl cms")]
    timed = command.replace("-attime 1795320000", f"-attime {int(message.at.timestamp())}")
    assert run(timed, tmp_path).returncode == 0
    (tmp_path / "document.json").write_bytes(b"{}")
    assert run(timed, tmp_path).returncode != 0


def told() -> list[str]:
    """The commands of the how-to."""
    blocks = re.findall(r"```sh\n(.*?)```", HOW_TO.read_text(encoding="utf-8"), re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line.startswith("openssl")]


def test_the_how_to_gives_the_commands_that_the_evidence_gives() -> None:
    message = made("sm4")[2]
    assert message.at == NOW
    assert [line for line in told() if not line.startswith("openssl cms")] == list(commands(message))


async def test_the_download_holds_all_a_stranger_needs(county: County, tmp_path: Path):
    doctor = await county.doctor()
    await doctor.post("/my-certificate")
    page = (await doctor.post("/signature", data={"MedicationRequest/rx": "1"})).headers["location"]
    answer = await doctor.get(f"{page}/evidence")
    assert answer.headers["content-type"] == "application/zip"
    unpack(answer.content, tmp_path)
    text = contents(tmp_path)["README.txt"].decode()
    assert "电子签名证据" in text
    lines = tuple(line.strip() for line in text.splitlines() if line.strip().startswith("openssl"))
    assert check(lines, tmp_path) == [True, True, True]
    files = contents(tmp_path)
    assert "缬沙坦胶囊".encode() in files["document.json"]
    assert not [name for name, content in files.items() if b"PRIVATE" in content]
