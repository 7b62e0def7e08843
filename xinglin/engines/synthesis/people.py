"""Residents as resources: Patient, Coverage, and the household as a Group."""

from __future__ import annotations

from datetime import date
from random import Random

from xinglin.engines.synthesis import places
from xinglin.engines.synthesis.codes import (
    ETHNICITIES,
    ETHNICITY_EXTENSION,
    HL7,
    ID_HEALTH_RECORD,
    ID_RESIDENT,
    INSURANCES,
    MARITAL_STATUS,
    OWN,
    Json,
    concept,
)
from xinglin.engines.synthesis.households import Household, Person
from xinglin.engines.synthesis.ids import make_id
from xinglin.engines.synthesis.staff import County

_NATIONAL_ID = {"coding": [{"system": HL7 + "v2-0203", "code": "NI"}], "text": "居民身份证"}
_RECORD_NUMBER = {"text": "健康档案编号"}
_HOUSEHOLD = concept(OWN + "group", "household", "家庭")
_PARENT = {"户主": "父亲", "配偶": "母亲"}


def ref_of(person: Person) -> Json:
    """Reference to a resident, with the name."""
    return {"reference": f"Patient/{person.id}", "display": person.name}


def household_resources(home: Household, county: County, rng: Random, today: date) -> list[Json]:
    """Patients and their insurance, then the household."""
    out: list[Json] = []
    for person in home.members:
        out.append(_patient(person, home, county))
        if person.insurance and not person.death:
            out.append(_coverage(person, county, make_id(rng), today))
    out.append(_group(home, county))
    return out


def _patient(person: Person, home: Household, county: County) -> Json:
    town = places.TOWNS[home.town]
    village = town.villages[home.village]
    clinic, room = county.townships[home.town], county.rooms[home.town][home.village]
    line = f"{town.name}{village.name}{home.house}号"
    record_number = f"{places.AREA}{town.code}{village.code}{person.number % 100000:05d}"
    made: Json = {
        "resourceType": "Patient",
        "id": person.id,
        "meta": {"source": clinic.source},
        "extension": [{"url": ETHNICITY_EXTENSION, "valueCoding": ETHNICITIES[home.ethnicity]}],
        "identifier": [
            {"use": "official", "type": _NATIONAL_ID, "system": ID_RESIDENT, "value": person.card},
            {"use": "usual", "type": _RECORD_NUMBER, "system": ID_HEALTH_RECORD, "value": record_number},
        ],
        "active": person.death is None,
        "name": [{"use": "official", "text": person.name, "family": person.family, "given": [person.given]}],
        "gender": person.sex,
        "birthDate": person.birth.isoformat(),
        "address": [
            {
                "use": "home",
                "text": f"{places.PROVINCE}{places.CITY}{places.COUNTY}{line}",
                "line": [line],
                "city": places.CITY,
                "district": places.COUNTY,
                "state": places.PROVINCE,
                "postalCode": places.POSTCODE,
                "country": "CN",
            }
        ],
        "maritalStatus": MARITAL_STATUS[person.marital],
        "generalPractitioner": [room.workers[0].ref],
        "managingOrganization": clinic.ref,
    }
    if person.phone:
        made["telecom"] = [{"system": "phone", "value": person.phone, "use": "mobile"}]
    if person.death:
        made["deceasedDateTime"] = person.death.isoformat()
    if contact := _contact(person, home):
        made["contact"] = [contact]
    return made


def _contact(person: Person, home: Household) -> Json | None:
    """For children and the old: who to call. A relative with a telephone, if the household has one."""
    age_days = (max(m.birth for m in home.members) - person.birth).days
    young = person.relation in ("子", "女", "孙子", "孙女")
    if not young and (person.relation == "户主" or age_days < 365):
        return None
    for other in home.members:
        if other is not person and other.phone and other.relation in ("户主", "配偶"):
            return {
                "relationship": [{"text": _PARENT.get(other.relation, "家属") if person.relation in ("子", "女") else "家属"}],
                "name": {"text": other.name, "family": other.family, "given": [other.given]},
                "telecom": [{"system": "phone", "value": other.phone, "use": "mobile"}],
            }
    return None


def _coverage(person: Person, county: County, identity: str, today: date) -> Json:
    assert person.insurance
    return {
        "resourceType": "Coverage",
        "id": identity,
        "meta": {"source": county.insurer.source},
        "status": "active",
        "type": INSURANCES[person.insurance],
        "subscriberId": person.card,
        "beneficiary": ref_of(person),
        "period": {"start": f"{today.year}-01-01", "end": f"{today.year}-12-31"},
        "payor": [county.insurer.ref],
    }


def _group(home: Household, county: County) -> Json:
    room = county.rooms[home.town][home.village]
    return {
        "resourceType": "Group",
        "id": home.id,
        "meta": {"source": room.source},
        "active": True,
        "type": "person",
        "actual": True,
        "code": _HOUSEHOLD,
        "name": f"{home.members[0].name}户",
        "quantity": len(home.members),
        "managingEntity": room.ref,
        "member": [{"entity": ref_of(m), "inactive": m.death is not None} for m in home.members],
    }
