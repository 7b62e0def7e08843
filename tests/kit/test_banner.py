"""What stands above everything about a resident, for each reader only what their role and scope let through."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.doors.web.drawn import NOW, WANG, ZHANG, settle, world
from xinglin.access.actor import Actor
from xinglin.base.errors import NotFound
from xinglin.kit.banner import chronic_labels, is_severe, read_banner
from xinglin.kit.i18n import t
from xinglin.kit.unit import Unit
from xinglin.store import Scope, Store

ZONE = ZoneInfo("Asia/Shanghai")
ABOUT_WANG: dict[str, Any] = {"reference": f"Patient/{WANG}"}


@pytest.fixture(scope="module")
async def told(module_store: Store) -> Store:
    more = [
        {"resourceType": "Practitioner", "id": "li", "name": [{"text": "李医生"}]},
        {
            "resourceType": "CareTeam", "id": "team", "status": "active", "subject": ABOUT_WANG,
            "participant": [{"member": {"reference": "Practitioner/li"}}],
        },
        {
            "resourceType": "Coverage", "id": "cover", "status": "active", "beneficiary": ABOUT_WANG, "payor": [{"display": "县医保局"}],
            "type": {"text": "城乡居民基本医疗保险"},
        },
        {
            "resourceType": "Condition", "id": "mental", "subject": ABOUT_WANG,
            "code": {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10", "code": "F20.0"}]},
        },
        {
            "resourceType": "Flag", "id": "fall", "status": "active", "subject": ABOUT_WANG, "code": {"text": "跌倒高风险"},
        },
        {
            "resourceType": "Flag", "id": "past", "status": "inactive", "subject": ABOUT_WANG, "code": {"text": "隔离"},
        },
    ]  # fmt: skip
    await settle(module_store.records(Scope.everyone()), [*world(), *more])
    return module_store


def _as(store: Store, role: str, scope: Scope | None = None) -> Unit:
    return Unit(Actor("7", role, "李医生"), store.records(scope or Scope.everyone()), datetime.fromisoformat(NOW))


async def test_it_holds_the_allergy_the_chronic_disease_and_a_masked_number(told: Store) -> None:
    banner = await read_banner(_as(told, "doctor"), ZHANG, ZONE)
    assert (banner.person.name, banner.person.number, banner.person.age and banner.person.age.value) == ("张桂兰", "****1224", 67)
    assert banner.allergies is not None
    assert [(one.name, one.severe) for one in banner.allergies] == [(("青霉素",), True)]
    assert banner.chronic == (t("Hypertension"),)
    assert banner.restricted is False


async def test_it_names_the_contract_doctor_the_insurance_the_danger_and_that_something_is_most_sensitive(told: Store) -> None:
    banner = await read_banner(_as(told, "doctor"), WANG, ZONE)
    assert (banner.doctor, banner.insurance, banner.flags) == ("李医生", (("城乡居民基本医疗保险",),), (("跌倒高风险",),))
    assert banner.chronic == (t("Severe mental disorder"),)
    assert banner.restricted is True


async def test_who_does_not_treat_sees_neither_the_sensitive_label_nor_its_mark(told: Store) -> None:
    number = (await told.records(Scope.everyone()).read("Patient", WANG)).patient
    banner = await read_banner(_as(told, "doctor", Scope.of([number], treated=[])), WANG, ZONE)
    assert (banner.chronic, banner.restricted, banner.flags) == ((), False, (("跌倒高风险",),))


async def test_a_role_that_may_not_read_allergies_is_not_told_that_there_are_none(told: Store) -> None:
    banner = await read_banner(_as(told, "insurer"), ZHANG, ZONE)
    assert (banner.allergies, banner.chronic, banner.flags) == (None, (), ())


async def test_it_says_on_what_ground_the_record_is_seen(told: Store) -> None:
    number = (await told.records(Scope.everyone()).read("Patient", ZHANG)).patient
    scope = replace(Scope.of([number]), grounds={number: "contract"})
    assert (await read_banner(_as(told, "doctor", scope), ZHANG, ZONE)).ground == t("you are the contract doctor")
    assert (await read_banner(_as(told, "doctor"), ZHANG, ZONE)).ground is None


async def test_nobody_outside_the_scope_has_a_banner(told: Store) -> None:
    with pytest.raises(NotFound):
        await read_banner(_as(told, "doctor", Scope.of([])), ZHANG, ZONE)


def _condition(system: str, code: str, **more: object) -> dict[str, Any]:
    return {"resourceType": "Condition", "code": {"coding": [{"system": system, "code": code}]}, **more}


def test_hypertension_is_a_chronic_label_by_icd_or_snomed_only_while_it_is_active() -> None:
    icd, snomed = "http://hl7.org/fhir/sid/icd-10", "http://snomed.info/sct"
    assert chronic_labels([_condition(icd, "I10")]) == (t("Hypertension"),)
    assert chronic_labels([_condition(snomed, "59621000")]) == (t("Hypertension"),)
    assert chronic_labels([_condition(icd, "I10", abatementDateTime="2020")]) == ()
    assert chronic_labels([_condition(icd, "J06.9")]) == ()


@pytest.mark.parametrize(
    ("code", "label"),
    [("E11.9", "Diabetes"), ("I25.1", "Coronary heart disease"), ("I63", "Stroke"), ("J44.0", "COPD"), ("F20", "Severe mental disorder")],
)
def test_each_managed_disease_has_its_label(code: str, label: str) -> None:
    assert [one.text for one in chronic_labels([_condition("http://hl7.org/fhir/sid/icd-10", code)])] == [label]


def test_an_allergy_is_severe_by_its_criticality_or_by_a_reaction() -> None:
    assert is_severe({"criticality": "high"})
    assert is_severe({"reaction": [{"severity": "mild"}, {"severity": "severe"}]})
    assert not is_severe({"reaction": [{"severity": "mild"}]})
