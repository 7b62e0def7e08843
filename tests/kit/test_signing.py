"""A signed prescription tells who signed it, when, and whether it still says what was signed."""

from __future__ import annotations

import json
import threading
from base64 import b64decode, b64encode
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from xinglin.access.actor import Actor
from xinglin.base.crypto import Keys, digest, signer
from xinglin.base.crypto.certificates import Certificate, issue
from xinglin.base.crypto.signed_message import read_message, sign_message
from xinglin.base.errors import Invalid, Malformed, NotFound, Unavailable
from xinglin.base.ids import new_id
from xinglin.base.settings import Settings
from xinglin.fhir.codec import Resource
from xinglin.kit.gateways.ca import DAYS, Authority, Holder, HttpAuthority, SimulatedAuthority, authority_of, trusted_in
from xinglin.kit.signing import VERIFICATION, canonical, sign, verify
from xinglin.kit.unit import Unit
from xinglin.store import Create, Delete, Records, Store, Stored, Update

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
WANG = Holder("Practitioner/wang", "王医生", "县人民医院")
PRESCRIPTION: Resource = {
    "resourceType": "MedicationRequest",
    "status": "active",
    "intent": "order",
    "medicationCodeableConcept": {"text": "缬沙坦"},
    "subject": {"reference": "Patient/1"},
    "dosageInstruction": [{"text": "每日一次", "doseAndRate": [{"doseQuantity": {"value": 80, "unit": "mg"}}]}],
}


@pytest.fixture(params=["sm4", "aes"])
async def authority(request: pytest.FixtureRequest, module_store: Store, keys: Keys) -> SimulatedAuthority:
    """One of the test's own: nobody else's certificates are its."""
    one = SimulatedAuthority(module_store.ground, replace(keys, token=new_id().encode()), request.param)
    await one.enrol(WANG, NOW)
    return one


@pytest.fixture
def records(module_records: Records) -> Records:
    return module_records


def at_desk(records: Records, now: datetime = NOW, person: str = WANG.reference) -> Unit:
    return Unit(Actor("account-7", "doctor", "王医生", person), records, now)


async def prescribed(records: Records) -> Stored:
    done = (await records.write([Create(PRESCRIPTION)]))[0].stored
    assert done is not None
    return done


def id_of(made: Resource) -> str:
    return made["target"][0]["reference"].split("/")[1]


async def signed(records: Records, authority: Authority, now: datetime = NOW) -> Resource:
    made = await sign(at_desk(records, now), authority, await prescribed(records))
    done = (await records.write([Create(made)]))[0].stored
    assert done is not None
    return (await records.read("Provenance", done.id)).resource()


async def test_a_signature_tells_signer_and_time_and_that_nothing_changed(records: Records, authority: SimulatedAuthority):
    verdict = await verify(records, authority, await signed(records, authority))
    assert (verdict.reference, verdict.name, verdict.at) == (WANG.reference, "王医生", NOW)
    assert (verdict.integrity, verdict.standing, verdict.version, verdict.present, verdict.holds) == ("unchanged", "valid", 1, 1, True)


async def test_it_says_so_when_the_prescription_was_changed_or_deleted_since(records: Records, authority: SimulatedAuthority):
    made = await signed(records, authority)
    await records.write([Update({**PRESCRIPTION, "status": "stopped"}, id_of(made))])
    verdict = await verify(records, authority, made)
    assert (verdict.integrity, verdict.version, verdict.present, verdict.holds) == ("superseded", 1, 2, True)
    await records.write([Delete("MedicationRequest", id_of(made))])
    verdict = await verify(records, authority, made)
    assert (verdict.integrity, verdict.present) == ("superseded", None)


async def test_a_signature_set_under_something_else_proves_nothing(records: Records, authority: SimulatedAuthority):
    made = await signed(records, authority)
    await records.write([Update({**PRESCRIPTION, "status": "draft"}, "other")])
    elsewhere = {**made, "target": [{"reference": "MedicationRequest/other/_history/1"}]}
    nowhere = {**made, "target": [{"reference": "MedicationRequest/none/_history/1"}]}
    told = [(await verify(records, authority, one)) for one in (elsewhere, nowhere)]
    assert [(one.integrity, one.holds) for one in told] == [("altered", False), ("missing", False)]


async def test_a_changed_signature_is_altered(records: Records, authority: SimulatedAuthority):
    made = await signed(records, authority)
    message = bytearray(b64decode(made["signature"][0]["data"]))
    message[-1] ^= 1
    broken = {**made, "signature": [{**made["signature"][0], "data": b64encode(message).decode()}]}
    verdict = await verify(records, authority, broken)
    assert (verdict.integrity, verdict.holds) == ("altered", False)


async def test_the_name_in_the_provenance_is_not_believed(records: Records, authority: SimulatedAuthority):
    made = await signed(records, authority)
    renamed = {**made, "signature": [{**made["signature"][0], "who": {"reference": "Practitioner/li"}, "when": "2020-01-01T00:00:00Z"}]}
    verdict = await verify(records, authority, renamed)
    assert (verdict.reference, verdict.at) == (WANG.reference, NOW)


async def test_a_revoked_certificate_spoils_what_is_signed_after_it(records: Records, authority: SimulatedAuthority):
    before = await signed(records, authority)
    target = await records.read("MedicationRequest", id_of(before))
    certificate = read_message(b64decode(before["signature"][0]["data"])).certificate
    stolen = authority._signer(certificate.serial)
    await authority.revoke(WANG.reference, NOW + timedelta(hours=1))
    late = sign_message(digest(canonical(target.resource()), authority.cipher), stolen, certificate, NOW + timedelta(hours=2))
    after = {**before, "signature": [{**before["signature"][0], "data": b64encode(late).decode()}]}
    told = [await verify(records, authority, one) for one in (before, after)]
    assert [(one.standing, one.holds) for one in told] == [("valid", True), ("revoked", False)]
    assert {one.revoked_at for one in told} == {NOW + timedelta(hours=1)}
    with pytest.raises(NotFound, match="Practitioner/wang has no valid signature certificate"):
        await sign(at_desk(records), authority, target)


async def test_an_expired_certificate_signs_nothing_and_proves_nothing(records: Records, authority: SimulatedAuthority):
    late = NOW + timedelta(days=DAYS + 1)
    made = await signed(records, authority)
    target = await records.read("MedicationRequest", id_of(made))
    with pytest.raises(NotFound):
        await sign(at_desk(records, late), authority, target)
    certificate = read_message(b64decode(made["signature"][0]["data"])).certificate
    message = sign_message(digest(canonical(target.resource()), authority.cipher), authority._signer(certificate.serial), certificate, late)
    expired = {**made, "signature": [{**made["signature"][0], "data": b64encode(message).decode()}]}
    verdict = await verify(records, authority, expired)
    assert (verdict.integrity, verdict.standing, verdict.holds) == ("unchanged", "expired", False)


async def test_an_authority_nobody_knows_counts_for_nothing(records: Records, authority: SimulatedAuthority, keys: Keys):
    made = await signed(records, authority)
    other = SimulatedAuthority(records.store.ground, replace(keys, token=b"another token key, of 32 bytes.."), authority.cipher)
    verdict = await verify(records, other, made)
    assert (verdict.integrity, verdict.standing, verdict.holds) == ("unchanged", "unknown", False)


async def test_who_has_no_certificate_is_told_so(records: Records, authority: SimulatedAuthority):
    with pytest.raises(NotFound, match="Practitioner/li has no valid signature certificate"):
        await sign(at_desk(records, person="Practitioner/li"), authority, await prescribed(records))


async def test_the_newest_certificate_signs(records: Records, authority: SimulatedAuthority):
    newer = await authority.enrol(WANG, NOW + timedelta(days=1))
    made = await signed(records, authority, NOW + timedelta(days=2))
    assert read_message(b64decode(made["signature"][0]["data"])).certificate == newer


async def test_the_provenance_is_plain_fhir(records: Records, authority: SimulatedAuthority):
    target = await prescribed(records)
    made = await sign(at_desk(records), authority, target, VERIFICATION)
    assert made["target"] == [{"reference": f"MedicationRequest/{target.id}/_history/1"}, {"reference": "Patient/1"}]
    assert (made["recorded"], made["agent"][0]["who"]) == ("2026-11-22T03:00:00.000Z", {"reference": WANG.reference, "display": "王医生"})
    assert made["signature"][0]["type"][0]["code"] == "1.2.840.10065.1.12.1.5"
    assert made["agent"][0]["type"]["coding"][0]["code"] == "verifier"
    assert made["signature"][0]["sigFormat"] == "application/pkcs7-signature"


@pytest.mark.parametrize(
    "spoilt",
    [
        {"signature": []},
        {"signature": [{"sigFormat": "application/jose"}]},
        {"signature": [{"sigFormat": "application/pkcs7-signature", "data": "####"}]},
        {"signature": [{"sigFormat": "application/pkcs7-signature", "data": "AAAA"}]},
        {"target": [{"reference": "MedicationRequest/rx"}]},
        {"target": []},
    ],
)
async def test_what_is_no_signature_is_refused_in_words(records: Records, spoilt: dict[str, Any], keys: Keys):
    authority = SimulatedAuthority(records.store.ground, keys, "sm4")
    whole = {
        "target": [{"reference": "MedicationRequest/rx/_history/1"}],
        "signature": [{"sigFormat": "application/pkcs7-signature", "data": ""}],
    }
    with pytest.raises(Invalid, match="signature"):
        await verify(records, authority, {"resourceType": "Provenance", **whole, **spoilt})


def test_the_order_of_properties_does_not_matter_and_everything_else_does() -> None:
    one = {"resourceType": "Basic", "id": "1", "code": {"text": "a", "id": "x"}, "extension": [{"url": "u"}, {"url": "v"}]}
    assert canonical(one) == b'{"code":{"id":"x","text":"a"},"extension":[{"url":"u"},{"url":"v"}],"id":"1","resourceType":"Basic"}'
    assert canonical(dict(reversed(one.items()))) == canonical(one)
    assert canonical({**one, "extension": [{"url": "v"}, {"url": "u"}]}) != canonical(one)


# --- over HTTP ---


class Service:
    """A certification authority's service: its certificates, and what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, str], str]] = []
        self.root_signer, self.signer = signer(b"http root" * 4), signer(b"http leaf" * 4)
        subject = {"country": "CN", "name": "省级 CA"}
        self.root = issue(self.root_signer, None, subject, self.root_signer.public, NOW, 3650, serial=1, authority=True)
        self.certificate: Certificate | None = None
        self.revoked: str | None = None
        self.wrong: object = None

    def answer(self, what: str, value: dict[str, str]) -> object:
        if self.wrong is not None:
            return self.wrong
        if what == "certificates":
            subject = {"country": "CN", "organization": value["organization"], "name": value["name"], "number": value["holder"]}
            self.certificate = issue(self.root_signer, self.root, subject, self.signer.public, NOW, 100, serial=77)
            return {"certificate": self.certificate.pem}
        if what == "signatures":
            own = self.certificate
            message = sign_message(b64decode(value["digest"]), self.signer, own, NOW) if own and not self.revoked else None
            return {"message": b64encode(message).decode() if message else None}
        if what == "revocations":
            self.revoked = "2026-11-22T04:00:00Z"
            return None
        return {"revoked": self.revoked}


@pytest.fixture
def service() -> Iterator[tuple[Service, HttpAuthority]]:
    there = Service()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            value = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            there.asked.append((self.path, value, self.headers["Authorization"]))
            body = json.dumps(there.answer(self.path.rpartition("/")[2], value)).encode()
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield there, HttpAuthority(f"http://127.0.0.1:{server.server_port}/ca/", "secret", "sm4", (there.root,))
    server.shutdown()
    thread.join()
    server.server_close()


async def test_an_outside_authority_signs_and_sees_digests_only(records: Records, service: tuple[Service, HttpAuthority]):
    there, authority = service
    with pytest.raises(NotFound, match="no valid signature certificate"):
        await authority.sign(WANG.reference, b"d" * 32, NOW)
    assert (await authority.enrol(WANG, NOW)).subject["name"] == "王医生"
    made = await signed(records, authority)
    verdict = await verify(records, authority, made)
    assert (verdict.name, verdict.holds, verdict.revoked_at) == ("王医生", True, None)
    await authority.revoke(WANG.reference, NOW)
    verdict = await verify(records, authority, made)
    assert (verdict.holds, verdict.revoked_at) == (True, datetime(2026, 11, 22, 4, tzinfo=UTC))
    assert {path for path, _, _ in there.asked} == {"/ca/certificates", "/ca/signatures", "/ca/revocations", "/ca/status"}
    assert {key for _, _, key in there.asked} == {"Bearer secret"}
    assert "缬沙坦" not in json.dumps(there.asked, ensure_ascii=False)


async def test_a_signature_that_does_not_fit_is_not_taken(records: Records, service: tuple[Service, HttpAuthority]):
    there, authority = service
    certificate = await authority.enrol(WANG, NOW)
    target = await prescribed(records)
    wrong = sign_message(b"another digest, of 32 bytes long", there.signer, certificate, NOW)
    for answer in ({"message": b64encode(wrong).decode()}, {"message": "AAAA"}):
        there.wrong = answer
        with pytest.raises(Unavailable, match="does not fit"):
            await sign(at_desk(records), authority, target)
    there.wrong = None
    with pytest.raises(Unavailable, match="does not fit"):  # by another authority than those we trust
        await sign(at_desk(records), replace(authority, trusted=()), target)


@pytest.mark.parametrize("wrong", [[], {}, {"certificate": 5}, {"certificate": "x"}, "text"])
async def test_an_answer_that_cannot_be_read_is_told(service: tuple[Service, HttpAuthority], wrong: object):
    there, authority = service
    there.wrong = wrong
    with pytest.raises(Unavailable, match="cannot be read"):
        await authority.enrol(WANG, NOW)
    with pytest.raises(Unavailable, match="cannot be read"):
        await authority.sign(WANG.reference, b"d" * 32, NOW)


async def test_the_settings_choose_the_authority(module_store: Store, keys: Keys, tmp_path: Path):
    assert isinstance(authority_of(Settings(), module_store.ground, keys), SimulatedAuthority)
    root = Service().root
    (tmp_path / "trusted.pem").write_text(root.pem + root.pem)
    settings = Settings(ca_url="https://ca.example.cn", ca_trusted=str(tmp_path / "trusted.pem"))
    assert authority_of(settings, module_store.ground, keys).trusted == (root, root)
    with pytest.raises(Unavailable, match=r"none\.pem"):
        trusted_in(tmp_path / "none.pem")
    with pytest.raises(Malformed, match="https"):
        await HttpAuthority("http://ca.example.cn", "", "sm4", ()).enrol(WANG, NOW)


async def test_two_processes_have_one_simulated_authority(module_store: Store, keys: Keys):
    one, other = (SimulatedAuthority(module_store.ground, keys, "sm4") for _ in range(2))
    certificate = await one.enrol(Holder("Practitioner/zhao", "赵"), NOW)
    assert other.trusted[0].issued(certificate)
    message = read_message(await other.sign("Practitioner/zhao", b"d" * 32, NOW))
    assert (message.genuine, message.certificate.serial) == (True, certificate.serial)
