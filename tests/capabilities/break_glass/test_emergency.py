"""An emergency look from the request to the judgement: exact look-up, a reason, at once, everybody told, and checked."""

from __future__ import annotations

import re

import httpx
import pytest

from tests.capabilities.watched import NUMBERS, PHONES, County, encounter
from xinglin.base.errors import Malformed
from xinglin.capabilities.break_glass.actions import LOOKUPS
from xinglin.capabilities.break_glass.rules import lookup_of, reason_of
from xinglin.kit.gateways.sms import SimulatedSms
from xinglin.store.ledger.looking import acts

REASON = {"preset": "unconscious", "reason": "车祸，昏迷"}


async def look_up(client: httpx.AsyncClient, **typed: str) -> httpx.Response:
    return await client.post("/emergency-access", data=typed)


async def test_from_the_request_to_the_judgement(county: County):
    doctor, resident, security = await county.doctor(), await county.resident(), await county.administrator()
    assert (await doctor.get("/person/zhang")).status_code == 404
    found = (await look_up(doctor, number=NUMBERS["zhang"])).headers["location"]
    masked = (await doctor.get(found)).text
    assert "张*兰" in masked
    for known in ("张桂兰", NUMBERS["zhang"], PHONES["zhang"], "/person/zhang"):
        assert known not in masked
    assert (await doctor.post(found, data={"preset": "own", "reason": ""})).status_code == 400
    opened = await doctor.post(found, data=REASON)
    assert opened.headers["location"] == "/person/zhang"
    record = (await doctor.get("/person/zhang")).text
    assert "紧急调阅" in record
    assert "剩 4:00" in record
    assert "将被审核" in record
    assert "剩 4:00" in (await doctor.get("/emergency-access")).text.replace("还剩", "剩")
    assert "李医生 紧急调阅了您的档案" in (await resident.get("/notice")).text
    (message,) = await SimulatedSms(county.store.ground).messages(county.clock.now)
    assert message.phone == PHONES["zhang"]
    assert "张" not in message.text
    assert "车祸" in (await resident.get("/who-looked")).text
    queue = (await security.get("/security/emergency")).text
    (case,) = set(re.findall(r"/security/emergency/[0-9a-f-]+", queue))
    page = (await security.get(case)).text
    assert "健康档案首页" in page
    for text in (queue, page):
        assert "张桂兰" not in text
        assert "张*兰" in text
    assert (await security.post(case + "/judgement", data={"state": "unjustified", "words": "当时不在急诊"})).status_code == 303
    assert (await doctor.get("/person/zhang")).status_code == 404, "an unjustified look is closed at once"
    assert "当时不在急诊" in (await doctor.get("/emergency-access")).text
    assert "不合理" in (await resident.get("/who-looked")).text
    assert (await security.post(case + "/judgement", data={"state": "justified", "words": "改主意了"})).status_code == 409


async def test_a_guardian_is_told_of_an_emergency_look_at_their_child(county: County):
    guardian = {
        "resourceType": "RelatedPerson", "id": "mother", "active": True, "patient": {"reference": "Patient/chen"},
        "identifier": [{"system": "urn:test:id", "value": NUMBERS["zhang"]}], "relationship": [{"coding": [{"code": "GUARD"}]}],
    }  # fmt: skip
    await county.put(guardian)
    doctor, mother = await county.doctor(), await county.resident()
    await doctor.post((await look_up(doctor, number=NUMBERS["chen"])).headers["location"], data=REASON)
    assert "李医生 紧急调阅了您的档案" in (await mother.get("/notice")).text
    assert "车祸" in (await mother.get("/who-looked?of=chen")).text


async def test_the_record_closes_by_itself_after_four_hours(county: County):
    doctor = await county.doctor()
    await doctor.post((await look_up(doctor, number=NUMBERS["zhang"])).headers["location"], data=REASON)
    assert (await doctor.get("/person/zhang")).status_code == 200
    county.clock.later(hours=1, minutes=30)
    doctor = await county.doctor()
    assert "剩 2:30" in (await doctor.get("/person/zhang")).text
    county.clock.later(hours=3)
    doctor = await county.doctor()
    assert (await doctor.get("/person/zhang")).status_code == 404
    listed = (await doctor.get("/emergency-access")).text
    assert "已关闭" in listed
    assert "张桂兰" not in listed


@pytest.mark.parametrize(
    "typed",
    [
        {"number": "580123195906181225"},
        {"number": NUMBERS["zhang"][:17]},
        {"number": NUMBERS["zhang"], "name": "陈小宝"},
        {"phone": PHONES["zhang"], "name": "张桂"},
        {"phone": PHONES["zhang"][:8], "name": "张桂兰"},
    ],
)
async def test_only_what_is_exact_finds_someone(module_county: County, typed: dict[str, str]):
    doctor = await module_county.doctor("a-x" + "".join(typed), "某医生")
    assert (await look_up(doctor, **typed)).status_code == 404


async def test_telephone_and_full_name_find_someone_too(module_county: County):
    doctor = await module_county.doctor("a-phone", "某医生")
    assert (await look_up(doctor, phone=PHONES["zhang"], name="张桂兰")).status_code == 303


async def test_who_sees_the_record_anyway_is_led_there(county: County):
    await county.put(encounter())
    doctor = await county.doctor()
    page = (await doctor.get((await look_up(doctor, number=NUMBERS["zhang"])).headers["location"])).text
    assert "不需要紧急调阅" in page
    assert 'href="/person/zhang"' in page


async def test_nobody_goes_through_a_list_and_each_try_is_written_down(county: County):
    doctor = await county.doctor()
    answers = [(await look_up(doctor, number=f"58012319590618{n:04d}")).status_code for n in range(LOOKUPS.most + 1)]
    assert answers == [404] * LOOKUPS.most + [429]
    assert "次" in (await look_up(doctor, number=NUMBERS["zhang"])).text
    await county.store.trail.flush()
    assert len(await acts(county.store.ground, interaction="emergency-lookup")) == LOOKUPS.most


async def test_what_one_found_another_cannot_open(county: County):
    doctor, colleague = await county.doctor(), await county.doctor("a-wu", "吴医生")
    found = (await look_up(doctor, number=NUMBERS["zhang"])).headers["location"]
    assert (await colleague.get(found)).status_code == 404
    assert (await colleague.post(found, data=REASON)).status_code == 404
    county.clock.later(minutes=16)
    again = await county.doctor()
    assert (await again.get(found)).status_code == 404


async def test_a_proof_of_oneself_that_is_too_old_is_asked_for_again(county: County):
    doctor = await county.doctor()
    found = (await look_up(doctor, number=NUMBERS["zhang"])).headers["location"]
    county.clock.later(minutes=14, seconds=30)
    assert (await doctor.get(found)).status_code == 200
    county.clock.later(minutes=1)
    assert (await doctor.get(found)).headers["location"].startswith("/sign-in/again?next=%2Femergency-access")


async def test_only_who_treats_in_emergencies_may_and_a_hint_leads_there(county: County):
    for role in ("registrar", "pharmacist", "public_health", "security_admin"):
        other = await county.sign_in(f"a-{role}", role, "某人")
        assert (await other.get("/emergency-access")).status_code == 403, role
    doctor = await county.doctor()
    missing = await doctor.get("/person/zhang")
    assert missing.status_code == 404
    assert 'href="/emergency-access"' in missing.text
    assert 'href="/emergency-access"' in (await doctor.get("/person?q=张桂兰")).text
    registrar = await county.sign_in("a-r", "registrar", "某人")
    assert 'href="/emergency-access"' not in (await registrar.get("/person/nobody")).text


@pytest.mark.parametrize("form", [{}, {"number": "123"}, {"phone": "15412347734"}, {"name": "张桂兰"}, {"number": "9" * 41}])
def test_too_little_is_no_look_up(form: dict[str, str]):
    with pytest.raises(Malformed):
        lookup_of(form)


def test_a_reason_is_a_preset_or_words_or_both():
    assert reason_of({"preset": "life"}, "en") == "Danger to life, rescue under way"
    assert reason_of({"preset": "life", "reason": "大出血"}, "zh-CN") == "有生命危险，正在抢救；大出血"
    assert reason_of({"preset": "own", "reason": "家属求助"}, "zh-CN") == "家属求助"
    for empty in ({}, {"preset": "own"}, {"preset": "nothing", "reason": ""}):
        with pytest.raises(Malformed):
            reason_of(empty, "en")
