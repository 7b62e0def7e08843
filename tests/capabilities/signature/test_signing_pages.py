"""A doctor gets a certificate, signs what they wrote, and everyone who may read it sees who signed, when, and that it is intact."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import httpx
import pytest

from tests.capabilities.signature.conftest import LI, prescription, report
from tests.capabilities.watched import HOSPITAL, County
from xinglin.access.actor import Actor
from xinglin.base.errors import Unavailable
from xinglin.capabilities.signature import queries
from xinglin.kit.gateways.ca import Holder, SimulatedAuthority
from xinglin.kit.signing import sign
from xinglin.kit.unit import Unit
from xinglin.store import Delete, Scope, Update
from xinglin.store.ledger.looking import acts

RX = {"MedicationRequest/rx": "1"}
Client = httpx.AsyncClient


async def ready(county: County) -> Client:
    """Doctor Li with a certificate."""
    doctor = await county.doctor()
    assert (await doctor.post("/my-certificate")).status_code == 303
    return doctor


async def signed(county: County) -> tuple[Client, str]:
    """Doctor Li, and the page of the signature on the prescription."""
    doctor = await ready(county)
    answer = await doctor.post("/signature", data=RX)
    assert answer.status_code == 303, answer.text
    return doctor, answer.headers["location"]


# --- the certificate ---


async def test_a_doctor_gets_a_certificate_that_names_them_and_their_institution(county: County):
    doctor = await county.doctor()
    assert "您没有有效的证书" in (await doctor.get("/my-certificate")).text
    assert (await doctor.post("/my-certificate")).status_code == 303
    page = (await doctor.get("/my-certificate")).text
    for told in ("李医生", "县人民医院", "Practitioner/li", "Xinglin simulated CA", "序列号", "指纹（SM3）"):
        assert told in page
    assert (await doctor.post("/my-certificate")).status_code == 409, "one at a time"


async def test_a_certificate_is_asked_for_only_with_a_fresh_second_factor(county: County):
    doctor = await county.doctor()
    county.clock.later(minutes=6)
    answer = await doctor.post("/my-certificate")
    assert answer.headers["location"].startswith("/sign-in/again")


async def test_the_last_thirty_days_warn_and_allow_renewal(county: County):
    doctor = await ready(county)
    assert "您的证书即将到期" not in (await doctor.get("/inbox")).text
    county.clock.later(days=340)
    doctor = await county.doctor()
    assert "您的证书即将到期" in (await doctor.get("/inbox")).text
    assert "天后到期" in (await doctor.get("/my-certificate")).text
    assert (await doctor.post("/signature", data=RX)).status_code == 303
    assert "您的签名证书将于2027-11-22到期" in (await doctor.get("/notice")).text
    assert (await doctor.post("/my-certificate")).status_code == 303
    page = (await doctor.get("/my-certificate")).text
    assert "以前的证书" in page
    assert "您的证书即将到期" not in (await doctor.get("/inbox")).text


async def test_who_is_no_person_of_the_staff_gets_none(county: County):
    clerk = await county.sign_in("a-desk", "registrar", "挂号员", "", (HOSPITAL,))
    assert "没有关联到工作人员" in (await clerk.get("/my-certificate")).text
    assert (await clerk.post("/my-certificate")).status_code == 422
    assert (await (await county.resident()).get("/my-certificate")).status_code == 403


async def test_revoking_is_told_to_the_security_administrator_and_stops_signing(county: County):
    doctor, page = await signed(county)
    county.clock.later(minutes=1)
    assert (await doctor.post("/my-certificate/revocation")).status_code == 303
    assert "李医生吊销了自己的签名证书" in (await (await county.administrator()).get("/notice")).text
    assert (await doctor.post("/signature", data={"DiagnosticReport/ecg": "1"})).status_code == 404
    told = (await doctor.get(page)).text
    assert "完好" in told, "what was signed before stays signed"
    assert "证书在签名之后被吊销" in told
    assert (await doctor.post("/my-certificate/revocation")).status_code == 409


# --- signing ---


async def test_what_one_wrote_today_waits_and_is_signed_at_once(county: County):
    doctor = await ready(county)
    page = (await doctor.get("/to-sign")).text
    for told in ("缬沙坦胶囊", "心电图报告", "出院小结", "张*兰"):
        assert told in page
    assert "张桂兰" not in page, "a list that others can see over the shoulder masks names"
    chosen = {"MedicationRequest/rx": "1", "DiagnosticReport/ecg": "1", "Composition/letter": "1"}
    review = (await doctor.get("/sign/review", params=chosen)).text
    for told in ("每日一次，每次80毫克", "窦性心律", "高血压2级", "确认签名", "版本"):
        assert told in review
    assert (await doctor.post("/signature", data=chosen)).headers["location"] == "/to-sign?signed=3"
    assert "没有待签名的文书" in (await doctor.get("/to-sign")).text
    assert len(await county.store.records(Scope.everyone()).find("Provenance")) == 3


async def test_only_the_own_and_only_the_finished_is_signed(county: County):
    await ready(county)
    other = await county.doctor("a-wu", "吴医生")
    assert (await other.post("/my-certificate")).status_code == 303
    assert "缬沙坦" not in (await other.get("/to-sign")).text
    assert (await other.get("/sign/review", params=RX)).status_code == 403
    refused = await other.post("/signature", data=RX)
    assert refused.status_code == 403
    assert "只有书写、执行或开具的人可以签名" in refused.text
    await county.put(prescription("draft", status="draft"), report("early", status="preliminary"))
    doctor = await county.doctor()
    assert "draft" not in (await doctor.get("/to-sign")).text
    assert (await doctor.post("/signature", data={"MedicationRequest/draft": "1"})).status_code == 422
    assert (await doctor.post("/signature", data={"DiagnosticReport/early": "1"})).status_code == 422
    assert await county.store.records(Scope.everyone()).find("Provenance") == []


async def test_who_does_not_treat_finds_nothing_to_sign(county: County):
    far = await county.doctor("a-far", "外院医生", "Organization/other")
    await far.post("/my-certificate")
    assert (await far.post("/signature", data=RX)).status_code == 404
    assert (await far.get("/person/zhang/to-sign")).status_code == 404


async def test_what_was_changed_between_look_and_signature_is_not_signed(county: County):
    doctor = await ready(county)
    await county.put(prescription(dosageInstruction=[{"text": "每日两次"}]))
    assert (await doctor.post("/signature", data=RX)).status_code == 412
    assert (await doctor.get("/sign/review", params=RX)).status_code == 412
    assert await county.store.records(Scope.everyone()).find("Provenance") == []


async def test_of_several_none_is_signed_when_one_is_refused(county: County):
    doctor = await ready(county)
    assert (await doctor.post("/signature", data=RX | {"DiagnosticReport/ecg": "7"})).status_code == 412
    assert await county.store.records(Scope.everyone()).find("Provenance") == []
    assert (await doctor.post("/signature", data={})).status_code == 400
    assert (await doctor.post("/signature", data={f"Consent/{n}": "1" for n in range(51)})).status_code == 400


async def test_signing_wants_a_fresh_second_factor_and_leads_back_to_the_review(county: County):
    doctor = await ready(county)
    county.clock.later(minutes=6)
    review = (await doctor.get("/sign/review", params=RX)).text
    assert "先验证身份，再签名" in review
    assert "/sign-in/again?next=%2Fsign%2Freview%3FMedicationRequest%252Frx%3D1" in review
    answer = await doctor.post("/signature", data=RX, headers={"referer": "http://county.test/sign/review?MedicationRequest%2Frx=1"})
    assert answer.headers["location"].startswith("/sign-in/again?next=%2Fsign%2Freview")
    assert await county.store.records(Scope.everyone()).find("Provenance") == []


async def test_without_a_certificate_one_is_led_to_get_one(county: County):
    doctor = await county.doctor()
    review = (await doctor.get("/sign/review", params=RX)).text
    assert 'href="/my-certificate"' in review
    assert "确认签名" not in review
    assert (await doctor.post("/signature", data=RX)).status_code == 404


async def test_the_signature_and_its_row_of_the_trail_are_written_together(county: County):
    _, page = await signed(county)
    await county.store.trail.flush()
    (row,) = await acts(county.store.ground, interaction="sign")
    assert (row.actor, row.type, row.id, row.query, row.ground) == ("a-li", "MedicationRequest", "rx", "version 1", "encounter")
    assert len(await acts(county.store.ground, interaction="certificate-enrol")) == 1
    (made,) = await county.store.records(Scope.everyone()).find("Provenance")
    assert page == f"/signature/{made['id']}"
    assert [one["reference"] for one in made["target"]] == ["MedicationRequest/rx/_history/1", "Patient/zhang"]


# --- what it proves ---


async def test_the_visit_shows_who_signed_and_that_it_is_intact(county: County):
    doctor, page = await signed(county)
    visit = (await doctor.get("/person/zhang/visit/visit-zhang")).text
    assert "已签名 李医生 2026-11-22 12:00 · 完好" in visit
    assert f'href="{page}"' in visit
    record = (await doctor.get("/person/zhang")).text
    assert "本档案中的签名：1" in record
    assert "待您签名：2" in record
    told = (await doctor.get(page)).text
    for words in ("李医生", "县人民医院", "2026-11-22 12:00:00", "签名后内容未被改动", "缬沙坦胶囊", "SM2 + SM3", "Xinglin simulated CA"):
        assert words in told


async def test_a_document_changed_since_is_told_apart_from_the_signed_version(county: County):
    doctor, page = await signed(county)
    await county.put(prescription(status="stopped"))
    told = (await doctor.get(page)).text
    assert "签名后有新版本" in told
    assert "是更新的版本" in told
    assert "· 签名后有新版本" in (await doctor.get("/person/zhang/visit/visit-zhang")).text
    assert "缬沙坦胶囊" in (await doctor.get("/to-sign")).text, "the new version waits for a new signature"
    await county.store.records(Scope.everyone()).write([Delete("MedicationRequest", "rx")])
    told = (await doctor.get(page)).text
    assert "签名的内容不存在，或您无权查看" in told, "of what was deleted nothing is shown, and nothing is vouched for"
    assert (await doctor.get(f"{page}/evidence")).status_code == 404


async def test_a_signature_set_under_another_document_is_found_out(county: County):
    doctor, _ = await signed(county)
    records = county.store.records(Scope.everyone())
    (made,) = await records.find("Provenance")
    await county.put(prescription("forged", dosageInstruction=[{"text": "每次800毫克"}]))
    targets = [{"reference": "MedicationRequest/forged/_history/1"}, {"reference": "Patient/zhang"}]
    await records.write([Update(made | {"target": targets}, "moved")])
    told = (await doctor.get("/signature/moved")).text
    assert "与签名内容不符" in told
    assert "· 与签名内容不符" in (await doctor.get("/person/zhang/visit/visit-zhang")).text
    assert "缬沙坦胶囊" in (await doctor.get("/sign/review", params={"MedicationRequest/forged": "1"})).text


async def test_a_resident_checks_the_signatures_of_their_own_record_and_of_no_other(county: County):
    _, page = await signed(county)
    own, other = await county.resident(), await county.resident("chen")
    assert "完好" in (await own.get(page)).text
    assert "李医生" in (await own.get("/person/zhang/signatures")).text
    assert "本档案中的签名：1" in (await own.get("/person/zhang")).text
    assert (await own.get(f"{page}/evidence")).status_code == 200
    assert (await own.post("/signature", data=RX)).status_code == 403
    for path in (page, f"{page}/evidence", "/person/zhang/signatures"):
        assert (await other.get(path)).status_code == 404


async def test_the_signature_on_what_is_most_sensitive_is_as_closed_as_the_document(county: County):
    doctor = await ready(county)
    label = [{"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R"}]
    await county.put(prescription("secret", meta={"security": label}))
    page = (await doctor.post("/signature", data={"MedicationRequest/secret": "1"})).headers["location"]
    assert (await doctor.get(page)).status_code == 200
    officer = await county.sign_in("a-cdc", "public_health", "防保员", "", (HOSPITAL,))
    assert (await officer.get(page)).status_code == 404


async def test_the_pages_speak_english(county: County):
    doctor, page = await signed(county)
    doctor.cookies.set("xinglin_language", "en")
    assert "Nothing was changed since it was signed." in (await doctor.get(page)).text
    assert "Valid until" in (await doctor.get("/my-certificate")).text
    assert "Signed by 李医生 2026-11-22 12:00 · intact" in (await doctor.get("/person/zhang/visit/visit-zhang")).text


async def test_a_signature_of_another_authority_is_shown_as_unknown(county: County):
    doctor = await ready(county)
    stranger = SimulatedAuthority(county.store.ground, replace(county.store.ground.contents.keys, signing=None, token=b"other" * 8), "sm4")
    await stranger.enrol(Holder(LI["reference"], "李医生"), county.clock.now)
    records = county.store.records(Scope.everyone())
    unit = Unit(Actor("a-li", "doctor", "李医生", LI["reference"]), records, county.clock.now)
    made = await sign(unit, stranger, await records.read("MedicationRequest", "rx"))
    await records.write([Update(made, "strange")])
    told = (await doctor.get("/signature/strange")).text
    assert "未知的发证机构" in told
    assert "签名后内容未被改动" not in told
    assert "· 未知的发证机构" in (await doctor.get("/person/zhang/visit/visit-zhang")).text


async def test_a_certificate_revoked_or_ended_before_it_was_used_proves_nothing(county: County):
    doctor, page = await signed(county)
    unit = Unit(Actor("a-li", "doctor", "李医生", LI["reference"]), county.store.records(Scope.everyone()), county.clock.now)
    await queries.authority(unit).revoke(LI["reference"], county.clock.now - timedelta(hours=1))
    told = (await doctor.get(page)).text
    assert "签名时证书已被吊销，签名无效" in told
    assert "· 证书已吊销" in (await doctor.get("/person/zhang/visit/visit-zhang")).text


async def test_while_the_authority_does_not_answer_nothing_is_vouched_for(county: County, monkeypatch: pytest.MonkeyPatch):
    doctor, page = await signed(county)

    async def away(*_: object) -> None:
        raise Unavailable("away")

    monkeypatch.setattr(SimulatedAuthority, "revoked_at", away)
    told = (await doctor.get(page)).text
    assert "电子认证机构暂时没有应答" in told
    assert "签名后内容未被改动" not in told
    assert (await doctor.get("/my-certificate")).status_code == 200
