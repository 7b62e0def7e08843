"""A resident permits and refuses, is told beforehand what will change, and can take it back; what was stays in the history."""

from __future__ import annotations

from datetime import date

import pytest

from tests.capabilities.watched import HOSPITAL, OTHER, County, encounter
from xinglin.access.consent import consent_relations
from xinglin.base.errors import Malformed
from xinglin.capabilities.consent.model import KIND_GROUPS, Choice, Subject
from xinglin.capabilities.consent.rules import choice_of, consent_of, explained, given_of
from xinglin.fhir.validation import validate
from xinglin.store import Scope

TODAY = date(2026, 11, 22)
ZHANG = Subject("zhang", 1, "张桂兰", own=True)


async def status(client, path: str = "/person/zhang") -> int:
    return (await client.get(path)).status_code


async def test_refusing_an_institution_closes_the_record_to_it_at_once(county: County):
    await county.put(encounter())
    doctor, resident = await county.doctor(), await county.resident()
    assert await status(doctor) == 200
    asked = {"effect": "deny", "who": HOSPITAL, "what": "all"}
    review = (await resident.get("/my-consent/review", params=asked)).text
    assert "县人民医院不能再看档案，直到您撤回。" in review
    assert await status(doctor) == 200, "looking at what would change changes nothing"
    kept = await resident.post("/my-consent", data=asked | {"who_name": "别人"})
    assert kept.status_code == 303
    assert "县人民医院不能再看档案" in (await resident.get("/my-consent")).text
    assert await status(doctor) == 404
    page = kept.headers["location"]
    assert (await resident.post(page.partition("?")[0] + "/withdrawal")).status_code == 303
    assert await status(doctor) == 200
    told = (await resident.get(page)).text
    assert told.count("已撤回") >= 2
    assert "作出选择" in told


async def test_permitting_a_doctor_opens_the_record_until_the_last_day(county: County):
    stranger, resident = await county.doctor("a-wu", "吴医生", OTHER), await county.resident()
    assert await status(stranger) == 404
    asked = {"effect": "permit", "who": "Practitioner/wu", "what": "all", "until": "2026-11-23"}
    assert (await resident.post("/my-consent", data=asked)).status_code == 303
    assert await status(stranger) == 200
    county.clock.later(days=3)
    stranger = await county.doctor("a-wu", "吴医生", OTHER)
    assert await status(stranger) == 404


async def test_a_consent_is_valid_fhir_and_every_version_of_it_stays(county: County):
    resident = await county.resident()
    kept = await resident.post("/my-consent", data={"effect": "deny", "who": "", "what": "sensitive"})
    page = kept.headers["location"].partition("?")[0]
    await resident.post(page + "/withdrawal")
    records = county.store.records(Scope.everyone())
    history = [one.resource() for one in (await records.history("Consent", page.rpartition("/")[2])).entries]
    assert [one["status"] for one in history] == ["inactive", "active"]
    assert all(one.severity != "error" for made in history for one in validate(made))
    assert (await resident.post(page + "/withdrawal")).status_code == 422


async def test_nobody_lays_down_a_consent_for_another_resident(county: County):
    other = await county.resident("chen")
    refused = await other.post("/my-consent", data={"of": "zhang", "effect": "deny", "what": "all"})
    assert refused.status_code == 404


async def test_a_registrar_enters_what_was_signed_on_paper(county: County):
    await county.put(encounter())
    desk = await county.sign_in("a-desk", "registrar", "挂号员", "", (HOSPITAL,))
    asked = {"effect": "deny", "who": HOSPITAL, "what": "some", "kind-results": "1"}
    assert (await desk.get("/person/zhang/consent/review", params=asked)).status_code == 422
    assert (await desk.post("/person/zhang/consent", data=asked | {"paper": "档案室2号柜"})).status_code == 303
    assert "测量和化验结果" in (await desk.get("/person/zhang/consent")).text
    doctor = await county.doctor()
    assert await status(doctor) == 200
    assert (await doctor.get("/person/zhang/consent")).status_code == 200
    assert (await doctor.post("/person/zhang/consent", data=asked)).status_code == 403
    (made,) = await county.store.records(Scope.everyone()).find("Consent")
    assert made["sourceAttachment"]["title"] == "档案室2号柜"
    assert made["verification"][0]["verified"] is True
    assert "您签署的授权已录入" in (await (await county.resident()).get("/notice")).text
    stranger = await county.sign_in("a-far", "registrar", "外院", "", (OTHER,))
    asked["paper"] = "x"
    assert (await stranger.post("/person/zhang/consent", data=asked)).status_code in (403, 404)


@pytest.mark.parametrize(
    "form",
    [
        {"effect": "permit", "what": "all"},
        {"effect": "deny", "what": "some"},
        {"effect": "deny", "who": "Patient/x", "what": "all"},
        {"effect": "permit", "who": HOSPITAL, "what": "sensitive"},
        {"effect": "deny", "what": "all", "until": "2026-11-22"},
        {"effect": "deny", "what": "all", "until": "soon"},
        {"effect": "deny", "what": "all", "purpose": "FUN"},
    ],
)
def test_what_cannot_be_laid_down_is_refused_in_words(form: dict[str, str]):
    with pytest.raises(Malformed):
        choice_of(form, TODAY)


CHOICES = [
    Choice(permit=False),
    Choice(permit=False, only_sensitive=True),
    Choice(permit=False, who=HOSPITAL, who_name="县人民医院", kinds=("results", "medicines"), until="2027-01-01"),
    Choice(permit=True, who="Practitioner/wu", who_name="吴医生", with_sensitive=True),
    Choice(permit=True, who="Practitioner/wu", who_name="吴医生", purpose="HRESCH", paper="柜"),
]


@pytest.mark.parametrize("choice", CHOICES)
def test_a_choice_is_the_same_after_it_was_kept_and_read_again(choice: Choice):
    made = consent_of(choice, ZHANG, ("Patient/zhang", "张桂兰"), "2026-11-22T04:00:00.000Z", on_paper=bool(choice.paper))
    assert given_of(made | {"id": "c", "meta": {"versionId": "1"}}, TODAY).choice == choice
    assert [one for one in validate(made) if one.severity == "error"] == []
    relations = list(consent_relations(made))
    assert relations
    assert {one.holder for one in relations} == {choice.who or "anyone"}, "a permission for one is never one for all"


def test_a_rule_of_another_system_that_we_cannot_say_is_not_said_wrongly():
    strange = {"resourceType": "Consent", "id": "c", "status": "active", "provision": {"type": "deny", "class": [{"code": "Observation"}]}}
    assert given_of(strange, TODAY).choice is None


def test_refusing_everyone_warns_that_treatment_may_be_less_safe():
    assert any("less safe" in one.text for one in explained(Choice(permit=False)))
    assert not any("less safe" in one.text for one in explained(Choice(permit=False, who=HOSPITAL)))


def test_the_kinds_of_data_do_not_overlap():
    types = [type_ for _, ones in KIND_GROUPS.values() for type_ in ones]
    assert len(types) == len(set(types))
