"""A resident sees every look at their record, with who, when, what and why; and an objection becomes a case that is answered."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.capabilities.watched import HOSPITAL, County, encounter
from xinglin.access.relationships import KINDS
from xinglin.capabilities.consent.model import GROUNDS
from xinglin.capabilities.consent.rules import grounds_of, what_of, where_of
from xinglin.store.ledger.looking import Act


def act(type_: str, query: str | None) -> Act:
    return Act(1, 0, "a", "doctor", "search-type", type_, None, query, 200, None, None, (1,), None)


async def test_a_resident_sees_the_look_of_a_doctor_and_why_it_was_allowed(county: County):
    await county.put(encounter())
    doctor, resident = await county.doctor(), await county.resident()
    assert (await doctor.get("/person/zhang")).status_code == 200
    page = (await resident.get("/who-looked")).text
    assert "李医生" in page
    assert "王庄村卫生室" in page
    assert "医生" in page
    assert "健康档案首页" in page
    assert "给您看过病" in page
    assert "来自卫生专网内" in page
    assert "12:00" not in page or "今天" in page


async def test_an_attempt_that_was_refused_is_shown_too(county: County):
    doctor, resident = await county.doctor(), await county.resident()
    assert (await doctor.get("/person/zhang")).status_code == 404
    page = (await resident.get("/who-looked?refused=1")).text
    assert "被系统拒绝" in page
    assert "李医生" in page


async def test_own_looks_are_folded_away_and_another_resident_sees_none_of_it(county: County):
    resident, other = await county.resident(), await county.resident("chen")
    await resident.get("/person/zhang")
    page = (await resident.get("/who-looked")).text
    assert "没有别人看过" in page
    assert "我自己的查看" in page
    assert "张桂兰" not in (await other.get("/who-looked")).text
    assert (await other.get("/who-looked?of=zhang")).status_code == 404


async def test_looks_are_filtered_by_person(county: County):
    await county.put(encounter(participant=[{"individual": {"reference": who}} for who in ("Practitioner/li", "Practitioner/wu")]))
    li, wu, resident = await county.doctor(), await county.doctor("a-wu", "吴医生"), await county.resident()
    await li.get("/person/zhang")
    await wu.get("/person/zhang")
    page = (await resident.get("/who-looked?who=a-wu")).text
    listed = re.findall(r'<strong class="x-name">(\S+?)</strong>', page)
    assert listed == ["吴医生"]


async def test_an_objection_becomes_a_case_that_is_answered_and_the_resident_is_told(county: County):
    await county.put(encounter())
    doctor, resident, security = await county.doctor(), await county.resident(), await county.administrator()
    await doctor.get("/person/zhang")
    page = (await resident.get("/who-looked")).text
    (form,) = re.findall(r'href="(/who-looked/\d+/objection\?of=zhang)"', page)
    empty = await resident.post(form, data={"of": "zhang", "words": " "})
    assert empty.status_code == 422
    sent = await resident.post(form, data={"of": "zhang", "words": "我张桂兰没有去过这家医院"})
    assert sent.status_code == 303
    case = sent.headers["location"]
    assert (await resident.post(form, data={"of": "zhang", "words": "再说一次"})).status_code == 422
    assert "有居民对档案被查看提出异议" in (await security.get("/notice")).text
    queue = (await security.get("/security/objection")).text
    (address,) = set(re.findall(r'href="(/security/objection/[0-9a-f-]+)"', queue))
    opened = (await security.get(address)).text
    for text in (queue, opened):
        assert "张桂兰" not in text
        assert "张*兰" in text
    assert (await security.post(address + "/answer", data={"move": "uphold", "words": "已核实，将处理"})).status_code == 303
    told = (await resident.get(case)).text
    assert "已核实，将处理" in told
    assert "您的异议成立" in told
    assert "您的异议有答复了" in (await resident.get("/notice")).text
    assert (await security.post(address + "/answer", data={"move": "answer", "words": "又想了想"})).status_code == 409
    assert "没有待答复的异议" in (await security.get("/security/objection")).text


async def test_who_looks_after_data_in_the_institution_is_told_without_a_name(county: County):
    officer = {
        "resourceType": "PractitionerRole", "id": "officer", "practitioner": {"reference": "Practitioner/qian"},
        "organization": {"reference": HOSPITAL}, "code": [{"coding": [{"system": "urn:xinglin:post", "code": "privacy"}]}],
    }  # fmt: skip
    await county.put({"resourceType": "Practitioner", "id": "qian", "name": [{"text": "钱主任"}]}, officer, encounter())
    doctor, resident = await county.doctor(), await county.resident()
    await doctor.get("/person/zhang")
    (form,) = re.findall(r'href="(/who-looked/\d+/objection\?of=zhang)"', (await resident.get("/who-looked")).text)
    await resident.post(form, data={"of": "zhang", "words": "为什么看我"})
    told = (await (await county.sign_in("a-qian", "registrar", "钱主任", "Practitioner/qian", (HOSPITAL,))).get("/notice")).text
    assert "有居民对本机构人员查看其档案提出异议" in told
    assert "张桂兰" not in told
    assert "有居民对本机构人员" not in (await doctor.get("/notice")).text


async def test_a_resident_who_is_not_content_opens_the_case_again(county: County):
    await county.put(encounter())
    doctor, resident, security = await county.doctor(), await county.resident(), await county.administrator()
    await doctor.get("/person/zhang")
    (form,) = re.findall(r'href="(/who-looked/\d+/objection\?of=zhang)"', (await resident.get("/who-looked")).text)
    case = (await resident.post(form, data={"of": "zhang", "words": "为什么看我"})).headers["location"]
    key = case.partition("?")[0].rpartition("/")[2]
    await security.post(f"/security/objection/{key}/answer", data={"move": "answer", "words": "当天您在就诊"})
    assert (await resident.post(f"/my-objection/{key}/reply", data={"of": "zhang", "words": "那天我在家"})).status_code == 303
    assert "那天我在家" in (await security.get(f"/security/objection/{key}")).text
    other = await county.resident("chen")
    assert (await other.get(f"/my-objection/{key}")).status_code == 404


async def test_a_guardian_sees_the_looks_at_their_child(county: County):
    identifier = {"system": "urn:test:id", "value": "580123195906181224"}
    guardian = {
        "resourceType": "RelatedPerson", "id": "mother", "active": True, "patient": {"reference": "Patient/chen"},
        "identifier": [identifier],
        "relationship": [{"coding": [{"code": "GUARD"}]}], "name": [{"text": "张桂兰"}],
    }  # fmt: skip
    await county.put(guardian, encounter("chen"))
    doctor, resident = await county.doctor(), await county.resident()
    await doctor.get("/person/chen")
    page = (await resident.get("/who-looked?of=chen")).text
    assert "李医生" in page
    assert "陈小宝" in page
    assert (await resident.get("/my-consent?of=chen")).status_code == 200


async def test_who_may_look_is_told_with_the_reason_and_the_time(county: County):
    await county.put(encounter())
    resident = await county.resident()
    page = (await resident.get("/my-care")).text
    assert "李医生" in page
    assert "县人民医院" in page
    assert "给您看过病" in page
    await county.put(encounter(status="finished", period={"start": "2026-11-22", "end": "2026-11-22T14:00:00+08:00"}))
    county.clock.now += timedelta(days=40)
    later = await county.resident()
    assert "李医生" not in (await later.get("/my-care")).text


def test_every_kind_of_relation_has_words_for_residents():
    assert set(KINDS) <= set(GROUNDS)


@pytest.mark.parametrize(
    ("patients", "ground", "told"),
    [
        ((1,), "encounter, guardian", ["They treated you at a visit", "A guardian may see it"]),
        ((1, 2), "encounter", ["They treated you at a visit"]),
        ((1, 2), "encounter, permit", ["It stood in a list of several residents"]),
        ((), None, []),
    ],
)
def test_a_list_of_several_residents_tells_none_the_grounds_of_others(patients: tuple[int, ...], ground: str | None, told: list[str]):
    seen = replace(act("Patient", None), patients=patients, ground=ground)
    assert [words.text for words in grounds_of(seen)] == told


@pytest.mark.parametrize(
    ("seen", "words"),
    [
        (act("Patient", "/person/zhang/visit/7"), "the documents of one visit"),
        (act("Patient", "/person/zhang?result=x"), "the overview of the record"),
        (act("Observation", "code=http://loinc.org|85354-9&patient=zhang"), "blood pressure"),
        (act("Observation", "patient=zhang"), "measurements and laboratory values"),
        (act("DiagnosticReport", None), "laboratory and examination reports"),
        (act("MolecularSequence", None), "other parts of the record"),
    ],
)
def test_what_was_looked_at_is_said_in_plain_words(seen: Act, words: str):
    assert what_of(seen).text == words


@pytest.mark.parametrize(("address", "inside"), [("10.1.2.3", True), ("192.168.1.9", True), ("8.8.8.8", False), (None, None)])
def test_an_address_is_said_as_a_place(address: str | None, inside: bool | None):
    told = where_of(address).text
    places = {None: "place not recorded", True: "from inside the health network", False: "from outside, over the internet"}
    assert told == places[inside]
