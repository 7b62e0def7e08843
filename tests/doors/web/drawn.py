"""A small drawn world: one village room, one county hospital, three residents whose records a clinician can check by eye."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from xinglin.fhir.codec import Resource
from xinglin.store import Records, Update

NOW = "2026-11-21T09:30:00+08:00"
ZHANG, WANG, SMITH = "zhang-guilan", "wang-jianguo", "smith"
VILLAGE, HOSPITAL = "village", "hospital"
ICD10, LOINC = "http://hl7.org/fhir/sid/icd-10", "http://loinc.org"
HL7 = "http://terminology.hl7.org/CodeSystem/"


async def settle(records: Records, resources: Iterable[Resource], at_once: int = 500) -> None:
    """Write resources under the ids they carry."""
    waiting: list[Update] = []
    for resource in resources:
        waiting.append(Update(resource, resource["id"]))
        if len(waiting) == at_once:
            await records.write(waiting)
            waiting = []
    if waiting:
        await records.write(waiting)


def world() -> list[Resource]:
    """Institutions, three residents, and the record of Zhang Guilan: hypertension, penicillin allergy, rising blood pressure."""
    return [*_places(), *_people(), *_visits(), *_findings(), *_pressures()]


def visit(id_: str, start: str, place: str | None, kind: str = "AMB", reason: str = "头痛", person: str = ZHANG) -> Resource:
    made: Resource = {
        "resourceType": "Encounter",
        "id": id_,
        "status": "finished",
        "class": {"system": HL7 + "v3-ActCode", "code": kind},
        "subject": {"reference": f"Patient/{person}"},
        "period": {"start": start, "end": start},
        "reasonCode": [{"text": reason}],
        "participant": [{"individual": {"display": "李医生"}}],
    }
    return made | ({"serviceProvider": {"reference": f"Organization/{place}"}} if place else {})


def _places() -> list[Resource]:
    names = {VILLAGE: "王庄村卫生室", HOSPITAL: "杏溪县人民医院"}
    return [{"resourceType": "Organization", "id": id_, "name": name} for id_, name in names.items()]


def _people() -> list[Resource]:
    return [
        _person(ZHANG, "张桂兰", "female", "1959-06-18", "580123195906181224", "15412347734"),
        _person(WANG, "王建国", "male", "1988-02-29", "580123198802290011", "15400001111"),
        {"resourceType": "Patient", "id": SMITH, "name": [{"family": "Smith", "given": ["Anna"]}], "gender": "female", "birthDate": "1990"},
    ]


def _person(id_: str, name: str, sex: str, born: str, number: str, phone: str) -> Resource:
    return {
        "resourceType": "Patient",
        "id": id_,
        "name": [{"use": "official", "text": name, "family": name[0], "given": [name[1:]]}],
        "gender": sex,
        "birthDate": born,
        "identifier": [{"system": "urn:oid:2.16.156.10011.1.3", "value": number}],
        "telecom": [{"system": "phone", "value": phone}],
    }


def _visits() -> list[Resource]:
    return [
        visit("today", "2026-11-21T08:05:00+08:00", VILLAGE),
        visit("stay", "2025-03-02T10:00:00+08:00", HOSPITAL, "IMP", "高血压急症"),
        visit("nowhere", "2024-05-01T10:00:00+08:00", None, "EMER", "外伤"),
        visit("other", "2026-11-20T08:05:00+08:00", VILLAGE, person=WANG),
    ]


def _findings() -> list[Resource]:
    about: dict[str, Any] = {"subject": {"reference": f"Patient/{ZHANG}"}, "encounter": {"reference": "Encounter/stay"}}
    clinical = {"coding": [{"system": HL7 + "condition-clinical", "code": "active"}]}
    return [
        {
            "resourceType": "Condition",
            "id": "hypertension",
            "clinicalStatus": clinical,
            "code": {"coding": [{"system": ICD10, "code": "I10", "display": "Essential hypertension"}], "text": "原发性高血压"},
            "onsetDateTime": "2019-04",
            "recordedDate": "2019-04-02",
            **about,
        },
        {
            "resourceType": "AllergyIntolerance",
            "id": "penicillin",
            "clinicalStatus": {"coding": [{"system": HL7 + "allergyintolerance-clinical", "code": "active"}]},
            "criticality": "high",
            "code": {"text": "青霉素"},
            "patient": {"reference": f"Patient/{ZHANG}"},
            "recordedDate": "2010-01-05",
            "reaction": [{"manifestation": [{"text": "皮疹"}]}],
        },
        {
            "resourceType": "MedicationRequest",
            "id": "amlodipine",
            "status": "active",
            "intent": "order",
            "medicationCodeableConcept": {"text": "氨氯地平片 5mg"},
            "dosageInstruction": [{"text": "每次1片，每日1次"}],
            "authoredOn": "2026-11-21",
            **about,
        },
        {
            "resourceType": "DiagnosticReport",
            "id": "report",
            "status": "final",
            "code": {"text": "胸部X线检查"},
            "conclusion": "心影增大 <b>请复查</b>",
            "effectiveDateTime": "2025-03-02",
            **about,
        },
    ]


def _pressures() -> list[Resource]:
    days = (("p1", "2025-03-02T10:10:00+08:00", 185, 115, "stay"), ("p2", "2026-11-21T08:10:00+08:00", 162, 98, "today"))
    return [_pressure(*day) for day in days]


def _pressure(id_: str, time: str, systolic: int, diastolic: int, encounter: str) -> Resource:
    def part(code: str, value: int, high: int) -> Resource:
        unit = {"unit": "mmHg", "system": "http://unitsofmeasure.org", "code": "mm[Hg]"}
        return {
            "code": {"coding": [{"system": LOINC, "code": code}]},
            "valueQuantity": {"value": value, **unit},
            "referenceRange": [{"high": {"value": high, **unit}}],
        }

    return {
        "resourceType": "Observation",
        "id": id_,
        "status": "final",
        "category": [{"coding": [{"system": HL7 + "observation-category", "code": "vital-signs"}]}],
        "code": {"coding": [{"system": LOINC, "code": "85354-9"}]},
        "subject": {"reference": f"Patient/{ZHANG}"},
        "encounter": {"reference": f"Encounter/{encounter}"},
        "effectiveDateTime": time,
        "component": [part("8462-4", diastolic, 89), part("8480-6", systolic, 139)],
    }
