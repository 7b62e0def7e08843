"""The profiles that ship with the house say what they are meant to say."""

from __future__ import annotations

from typing import Any

from xinglin.fhir.profiles import BLOOD_PRESSURE, RESIDENT, OwnProfiles, own_profiles
from xinglin.fhir.validation import validate

ID_CARD = "urn:oid:2.16.156.10011.1.3"
PERSON: dict[str, Any] = {
    "resourceType": "Patient",
    "meta": {"profile": [RESIDENT]},
    "identifier": [{"system": ID_CARD, "value": "11010519491231002X"}],
    "name": [{"text": "张三"}],
    "gender": "male",
    "birthDate": "1949-12-31",
}


def faults(resource: dict[str, Any], *against: str) -> list[tuple[str, str]]:
    found = validate(resource, profiles=OwnProfiles(), against=against)
    return [(i.text.partition(":")[0] if i.code == "invariant" else i.code, i.at[0]) for i in found if i.severity == "error"]


def test_shipped_profiles_are_valid_themselves() -> None:
    assert set(own_profiles()) == {RESIDENT, BLOOD_PRESSURE}
    assert [i for structure in own_profiles().values() for i in validate(structure) if i.severity == "error"] == []


def test_a_resident_with_an_id_card_is_accepted() -> None:
    assert faults(PERSON) == []


def test_a_profile_is_asked_only_when_a_source_is_given() -> None:
    nameless = {k: v for k, v in PERSON.items() if k != "name"}
    assert [i for i in validate(nameless) if i.severity == "error"] == []
    assert faults(nameless) == [("required", "Patient.name")]


def test_a_resident_without_name_text_sex_or_birth_date_is_refused() -> None:
    assert faults(PERSON | {"name": [{"family": "张"}]}) == [("required", "Patient.name[0].text")]
    assert faults({k: v for k, v in PERSON.items() if k not in ("gender", "birthDate")}) == [
        ("required", "Patient.gender"),
        ("required", "Patient.birthDate"),
    ]


def test_the_check_digit_of_an_id_card_is_checked() -> None:
    assert faults(PERSON | {"identifier": [{"system": ID_CARD, "value": "110105194912310021"}]}) == [("xl-id-2", "Patient.identifier[0]")]
    assert faults(PERSON | {"identifier": [{"system": ID_CARD, "value": "1101051949"}]}) == [("xl-id-1", "Patient.identifier[0]")]


def test_a_resident_has_one_id_card_and_any_other_numbers() -> None:
    card = PERSON["identifier"][0]
    others = [
        {"system": "urn:oid:2.16.156.10011.1.19", "value": "a"},
        {"system": "urn:oid:2.16.156.10011.1.19", "value": "b"},
        {"value": "c"},
    ]
    assert faults(PERSON | {"identifier": [*others, card]}) == []
    assert faults(PERSON | {"identifier": others}) == []
    assert faults(PERSON | {"identifier": [card, card]}) == [("structure", "Patient.identifier")]
    assert faults(PERSON | {"identifier": [{"system": ID_CARD, "use": "official"}]}) == [("required", "Patient.identifier[0].value")]


def pressure(code: str, value: int) -> dict[str, Any]:
    quantity = {"value": value, "unit": "mmHg", "system": "http://unitsofmeasure.org", "code": "mm[Hg]"}
    return {"code": {"coding": [{"system": "http://loinc.org", "code": code}], "text": "血压"}, "valueQuantity": quantity}


READING: dict[str, Any] = {
    "resourceType": "Observation",
    "status": "final",
    "code": {"coding": [{"system": "http://loinc.org", "code": "85354-9", "display": "Blood pressure"}]},
    "subject": {"reference": "Patient/1"},
    "effectiveDateTime": "2021-05-17",
    "component": [pressure("8462-4", 80), pressure("8480-6", 120)],
}


def test_a_blood_pressure_has_its_two_parts_in_any_order() -> None:
    assert faults(READING, BLOOD_PRESSURE) == []
    assert faults(READING | {"component": READING["component"][:1] * 2}, BLOOD_PRESSURE) == [
        ("required", "Observation.component"),
        ("structure", "Observation.component"),
    ]


def test_a_blood_pressure_is_in_millimetres_of_mercury() -> None:
    kilopascal = pressure("8480-6", 16)
    kilopascal["valueQuantity"]["code"] = "kPa"
    broken = READING | {"component": [READING["component"][0], kilopascal]}
    assert faults(broken, BLOOD_PRESSURE) == [("value", "Observation.component[1].value.ofType(Quantity).code")]


def test_a_blood_pressure_is_a_persons_at_a_known_time() -> None:
    assert faults(READING | {"subject": {"reference": "Group/1"}}, BLOOD_PRESSURE) == [("value", "Observation.subject.reference")]
    periodic = {k: v for k, v in READING.items() if k != "effectiveDateTime"} | {"effectivePeriod": {"start": "2021"}}
    assert faults(periodic, BLOOD_PRESSURE) == [("structure", "Observation.effective.ofType(Period)")]
    assert faults({k: v for k, v in READING.items() if k != "effectiveDateTime"}, BLOOD_PRESSURE) == [("required", "Observation.effective")]


def test_another_observation_is_no_blood_pressure() -> None:
    assert ("value", "Observation.code") in faults(READING | {"code": {"text": "脉搏"}}, BLOOD_PRESSURE)
