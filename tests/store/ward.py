"""A small drawn ward: a dozen patients with observations, encounters, appointments, reports, lists, and some awkward ones among them."""

from __future__ import annotations

import random
from typing import Any

from xinglin.fhir.codec import Resource

CODES = ("pulse", "weight", "height", "pain")
STATES = ("final", "preliminary", "amended")


def ward(seed: int = 7, patients: int = 12, observations: int = 260) -> list[Resource]:
    """All resources in the order they were written; ids tell what they are."""
    chance = random.Random(seed)
    made: list[Resource] = [_practitioner(n) for n in range(3)]
    made += [
        {"resourceType": "Location", "id": "l-0", "name": "Ward", "status": "active"},
        {"resourceType": "Device", "id": "d-0", "type": {"coding": [{"code": "scale"}]}, "patient": {"reference": "Patient/p-1"}},
    ]
    made += [
        {
            "resourceType": "Group",
            "id": "g-0",
            "type": "person",
            "actual": True,
            "code": {"coding": [{"code": "ward"}]},
            "member": [{"entity": {"reference": "Patient/p-2"}}],
        }
    ]
    made += [_patient(n, chance) for n in range(patients)]
    made += [_observation(n, patients, chance) for n in range(observations)]
    made += [_encounter(n, patients, chance) for n in range(30)]
    made += [_report(n, observations, patients, chance) for n in range(15)]
    made += [_appointment(n, patients, chance) for n in range(12)]
    made += [_list(n, patients, observations, chance) for n in range(3)]
    return made


def _ref(type_: str, n: int) -> Resource:
    return {"reference": f"{type_}/{type_[0].lower()}-{n}"}


def _practitioner(n: int) -> Resource:
    return {"resourceType": "Practitioner", "id": f"p-{n}", "name": [{"family": ("Li", "Wang", "Zhao")[n]}], "active": n != 1}


def _patient(n: int, chance: random.Random) -> Resource:
    more: dict[str, Any] = {"birthDate": f"19{40 + n % 5 * 10}-0{1 + n % 9}-11"} if n % 4 else {}
    more |= {"gender": ("male", "female")[n % 2], "generalPractitioner": [_ref("Practitioner", n % 3)]} if n % 5 else {}
    name = {"family": ("Zhang", "Zhou", "Ma", "Müller")[n % 4], "given": [f"G{n}"]}
    identifier = [{"system": "urn:mrn", "value": f"{n:03}"}]
    return {"resourceType": "Patient", "id": f"p-{n}", "active": n % 3 > 0, "name": [name], "identifier": identifier, **more}


def _observation(n: int, patients: int, chance: random.Random) -> Resource:
    more: dict[str, Any] = {"subject": _ref("Patient", chance.randrange(patients))}
    if n % 13 == 0:
        more = {"subject": chance.choice([_ref("Group", 0), _ref("Device", 0), _ref("Location", 0), {"identifier": {"value": "unknown"}}])}
    elif n % 17 == 0:
        more = {}
    if chance.random() < 0.8:
        more |= {"effectiveDateTime": f"2026-{chance.randint(1, 12):02}-{chance.randint(1, 28):02}"}
    if chance.random() < 0.7:
        more |= {
            "valueQuantity": {
                "value": chance.randint(1, 40) / 4,
                "system": "http://unitsofmeasure.org",
                "code": chance.choice(["kg", "g"]),
                "unit": "x",
            }
        }
    elif chance.random() < 0.4:
        more |= {"valueQuantity": {"value": 5, "comparator": "<", "code": "kg", "system": "http://unitsofmeasure.org"}}
    if chance.random() < 0.4:
        more |= {"performer": [_ref("Practitioner", chance.randrange(3))]}
    if chance.random() < 0.3:
        part = {"code": {"coding": [{"code": chance.choice(CODES)}]}, "valueQuantity": {"value": chance.randint(1, 9), "code": "kg"}}
        more |= {"component": [part, {**part, "valueQuantity": {"value": chance.randint(1, 9), "code": "g"}}]}
    if n % 40 == 5:
        more |= {"note": [{"text": "seen at night"}], "category": [{"text": "odd words"}]}
    code = {"coding": [{"system": "urn:c", "code": "pulse" if n < 60 else chance.choice(CODES)}, {"code": f"also-{n % 3}"}]}
    status = "entered-in-error" if n < 4 else chance.choice(STATES)
    return {"resourceType": "Observation", "id": f"o-{n}", "status": status, "code": code, **more}


def _encounter(n: int, patients: int, chance: random.Random) -> Resource:
    period = {"start": f"2026-0{1 + n % 9}-01T08:00:00Z"} | ({"end": f"2026-0{1 + n % 9}-0{1 + n % 7}T20:00:00Z"} if n % 3 else {})
    more: dict[str, Any] = {"partOf": {"reference": f"Encounter/e-{n - 1}"}} if n % 3 == 1 else {}
    return {
        "resourceType": "Encounter",
        "id": f"e-{n}",
        "status": ("finished", "planned")[n % 2],
        "class": {"code": "AMB"},
        "period": period,
        "subject": _ref("Patient", chance.randrange(patients)),
        **more,
    }


def _report(n: int, observations: int, patients: int, chance: random.Random) -> Resource:
    results = [_ref("Observation", chance.randrange(observations)) for _ in range(3)]
    return {
        "resourceType": "DiagnosticReport",
        "id": f"d-{n}",
        "status": STATES[n % 3],
        "code": {"coding": [{"code": "lab"}]},
        "subject": _ref("Patient", n % patients),
        "result": results,
    }


def _appointment(n: int, patients: int, chance: random.Random) -> Resource:
    actors = [_ref("Patient", n % patients), _ref("Practitioner", n % 3)] + ([_ref("Patient", (n + 5) % patients)] if n % 2 else [])
    if n == 7:
        actors = [_ref("Location", 0)]
    return {
        "resourceType": "Appointment",
        "id": f"a-{n}",
        "status": "booked",
        "start": f"2026-05-{n + 1:02}T08:00:00Z",
        "participant": [{"status": "accepted", "actor": one} for one in actors],
    }


def _list(n: int, patients: int, observations: int, chance: random.Random) -> Resource:
    entries: list[Resource] = [
        {"item": _ref("Patient", n)},
        {"item": _ref("Patient", n + 4)},
        {"item": _ref("Patient", n + 5), "deleted": True},
    ]
    entries += [{"item": _ref("Observation", chance.randrange(observations))} for _ in range(5)]
    more = {"subject": _ref("Patient", n)} if n else {}
    return {"resourceType": "List", "id": f"l-{n}", "status": "current", "mode": "working", "entry": entries, **more}


QUESTIONS = """
Observation?status=final
Observation?status=entered-in-error
Observation?status=final,amended
Observation?status:not=final
Observation?code=pulse
Observation?code=urn:c|pulse
Observation?code=|also-1
Observation?code=also-1,also-2
Observation?code=urn:c|
Observation?code=pulse&status=final
Observation?code=pulse,pain&status=preliminary
Observation?code=pain&date=ge2026-06
Observation?code=pain&date=2026-03
Observation?code=weight&date=ge2026-02&date=lt2026-05
Observation?code=height&value-quantity=gt5
Observation?code=height&value-quantity=5|http://unitsofmeasure.org|kg
Observation?value-quantity=lt0.006|http://unitsofmeasure.org|kg
Observation?value-quantity=3000|http://unitsofmeasure.org|g
Observation?code=nothing
Observation?code=pulse&code=also-1
Observation?code:text=pulse
Observation?date=2026-05
Observation?date=ne2026-05
Observation?date=ap2026-05-11
Observation?date:missing=true
Observation?date:missing=false&status=final
Observation?value-quantity:missing=true&code=pain
Observation?patient=p-1
Observation?patient=Patient/p-1,Patient/p-2
Observation?patient=p-1&code=pulse
Observation?patient=nobody
Observation?subject=Group/g-0
Observation?subject=Device/d-0
Observation?subject=Location/l-0
Observation?subject:missing=true
Observation?subject:identifier=|unknown
Observation?performer=Practitioner/p-0&status=final
Observation?performer=Practitioner/p-0&code=pain&_lastUpdated=gt2020
Observation?_id=o-1,o-2,o-3,nobody
Observation?_content=night
Observation?_content=night&status=final
Observation?category:text=odd
Observation?combo-code=pain
Observation?combo-value-quantity=gt7
Observation?component-code=pain
Observation?component-code=pain&code=pulse
Observation?code-value-quantity=pulse$gt5
Observation?component-code-value-quantity=pain$gt5
Observation?combo-code-value-quantity=pain$lt4
Observation?combo-code-value-quantity=urn:c|pain$5
Observation?patient.name=zh
Observation?patient.gender=female&patient.active=true
Observation?subject:Patient.name=ma&code=pulse
Observation?subject.name=mü
Observation?patient.birthdate=gt1960
Observation?patient.general-practitioner.name=li
Observation?patient.name:contains=hou
Observation?patient.birthdate:missing=true&status=final
Observation?subject:Group.code=ward
Observation?subject:Device.type=scale
Observation?subject:Location.name=ward
Observation?performer:Practitioner.name=wang&status=final
Observation?performer:Practitioner.name=nobody
Observation?_has:DiagnosticReport:result:status=final
Observation?_has:DiagnosticReport:result:patient.gender=male
Patient?_has:Observation:patient:code=pulse
Patient?_has:Observation:patient:code=pain&active=true
Patient?_has:Observation:patient:code=pulse,pain
Patient?_has:Observation:patient:status=entered-in-error
Patient?_has:Observation:subject:code:text=weight
Patient?_has:Observation:patient:_has:DiagnosticReport:result:status=amended
Patient?_has:Appointment:patient:status=booked
Patient?_has:Appointment:actor:date=2026-05-02
Patient?_has:Observation:patient:code=pain&_has:Encounter:patient:status=planned
Patient?_has:Observation:patient:performer.name=zhao
Practitioner?_has:Observation:performer:code=pain
Practitioner?_has:Patient:general-practitioner:active=false
Patient?general-practitioner.name=wang
Patient?name=zh
Patient?name:contains=ho
Patient?name:exact=Ma
Patient?identifier=urn:mrn|003
Patient?identifier=urn:mrn|
Patient?active=true&gender=female
Patient?birthdate=lt1970
Patient?birthdate:missing=true
Patient?_list=l-0
Patient?_list=l-1&active=true
Patient?_list=nobody
Observation?_list=l-2
Patient?_filter=name eq "Ma" or birthdate gt 1970-01-01
Patient?_filter=not (gender eq male) and active eq true
Observation?_filter=status eq final and (code eq pulse or value-quantity gt 8)
Observation?_filter=patient.name sw "zh" or status eq amended
Observation?_filter=patient.name sw "zh" or component-value-quantity gt 8
Observation?_filter=not (patient.name sw "zh" or component-value-quantity gt 8) and status eq final
Observation?_filter=not (patient.name sw "zh")
Observation?_filter=(patient.name co "hou" and status eq final) or patient.gender eq female
Patient?_filter=name co "hou" or general-practitioner.name eq "Wang"
Encounter?date=2026-03
Encounter?date=gt2026-08-03
Encounter?date=lt2026-02-02&status=finished
Encounter?part-of=Encounter/e-3
Encounter?part-of.status=planned
Encounter?part-of:missing=false
Encounter?patient=p-3&date=ge2026-04
Appointment?patient=p-5
Appointment?patient=p-0
Appointment?patient=nobody
Appointment?actor=Practitioner/p-1
Appointment?actor=Location/l-0
Appointment?patient.name=zh
Appointment?actor:Practitioner.name=li
Appointment?actor:Location.name=ward
DiagnosticReport?result=Observation/o-7
DiagnosticReport?result.code=pain
DiagnosticReport?result.status=final&status=final
DiagnosticReport?result.patient.gender=male
DiagnosticReport?subject.name=mü&status=final,amended
Group?member=Patient/p-2
MolecularSequence?type=dna
Observation?code:not=pulse
Observation?code:not=pulse&status:not=final
Observation?patient:missing=true
Observation?_filter=code eq pulse and not (status eq final)
Patient?_has:Observation:patient:code=pain&name:contains=ho
Patient?_has:Observation:patient:code=pain,pulse&name:contains=ho
Patient?_has:Observation:patient:code=pain&_id=p-1,p-2
Observation?status=final&status=amended
Observation?patient=p-1&patient=p-2
Observation?subject:Patient=p-1&status=final
Observation?_id=o-1,o-9&status=final
Observation?_id:not=o-1&code=height
Observation?date=sa2026-06&date=eb2026-08
Patient?_has:List:subject:status=current
Patient?_has:Group:member:code=ward
Encounter?subject.name=ma
Observation?patient._has:Encounter:patient:status=planned
Observation?patient.identifier=urn:mrn|003&code=pain,pulse
Observation?performer:Practitioner.name:missing=false
Observation?code=pain&date:missing=true
Observation?code=pain&category:text=odd
Observation?code=pulse,pain,weight&patient.active=true
Observation?status=final&patient.active=true&patient.gender=male
Observation?patient.name=zh&performer:Practitioner.name=li
Appointment?patient=p-1,p-5&date=ge2026-05-03
Patient?_has:Appointment:patient:actor=Practitioner/p-1
Observation?value-quantity=ne5|http://unitsofmeasure.org|kg&code=pain
Observation?value-quantity=lt5||kg
Encounter?date=sa2026-03-01T08:00:00Z&status=planned
""".strip().splitlines()
"""Searches worth asking of the ward: every kind of parameter, alone and together, chained and reversed."""
