"""Care under way on the last day: who is treated, referred, advised on, appointed or looked after by whom. So that access has work to do.

Most of it is in the hands of one doctor of cardiology and of one ward, for a demonstration to look over their shoulders.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

from xinglin.engines.synthesis.codes import AMBULATORY, HL7, ICD10, ID_INPATIENT, ID_OUTPATIENT, ID_RESIDENT, INPATIENT, Json, concept
from xinglin.engines.synthesis.households import Household, Person
from xinglin.engines.synthesis.ids import make_id
from xinglin.engines.synthesis.pen import moment
from xinglin.engines.synthesis.people import ref_of
from xinglin.engines.synthesis.staff import County, Worker
from xinglin.engines.synthesis.visits import KINDS

DEPARTMENT = "心血管内科"
_SNOMED = "http://snomed.info/sct"
_REFERRAL = concept(_SNOMED, "3457005", "转诊")
_CONSULTATION = concept(_SNOMED, "11429006", "会诊")
_KIN = HL7 + "v3-RoleCode"


@dataclass(frozen=True, slots=True)
class Day:
    """A resident on the last day: the county, the doctor, their luck."""

    county: County
    doctor: Worker
    person: Person
    rng: Random
    today: date

    def made(self, type_: str, **rest: object) -> Json:
        """A resource of the hospital's about the resident."""
        return {"resourceType": type_, "id": make_id(self.rng), "meta": {"source": self.county.hospital.source}, **rest}


def cardiologist(county: County) -> Worker:
    """The doctor of cardiology whose position has the lowest id: whom a demonstration takes as the hospital's doctor."""
    posted = {worker.ref["reference"]: worker for worker in county.hospital.of(DEPARTMENT) if worker.post == "doctor"}
    roles = [one for one in county.resources if one["resourceType"] == "PractitionerRole"]
    own = county.hospital.ref["reference"]
    held = [one for one in roles if one["practitioner"]["reference"] in posted and one["organization"]["reference"] == own]
    return posted[min(held, key=lambda one: one["id"])["practitioner"]["reference"]]


def under_way(key: str, home: Household, county: County, rng: Random, today: date) -> Iterator[Json]:
    """What is under way for the first of a story's household, if anything is."""
    tell = _UNDER_WAY.get(key)
    if tell:
        yield from tell(Day(county, cardiologist(county), home.members[0], rng, today))


def guardian_of(ward: Person, guardian: Person, relation: str, words: str, source: str, rng: Random, since: date) -> Json:
    """Who looks after somebody who cannot alone, known by their id number."""
    return {
        "resourceType": "RelatedPerson",
        "id": make_id(rng),
        "meta": {"source": source},
        "active": True,
        "identifier": [{"system": ID_RESIDENT, "value": guardian.card}],
        "patient": ref_of(ward),
        "relationship": [{"coding": [{"system": _KIN, "code": "GUARD"}, {"system": _KIN, "code": relation}], "text": words}],
        "name": [{"use": "official", "text": guardian.name, "family": guardian.family, "given": [guardian.given]}],
        "gender": guardian.sex,
        "period": {"start": since.isoformat()},
    }


def _visit(day: Day, minute: int, reason: Json, status: str) -> Json:
    """In the doctor's rooms today."""
    return day.made(
        "Encounter", identifier=[{"system": ID_OUTPATIENT, "value": f"MZ{day.today:%Y%m%d}{day.rng.randrange(10**6):06d}"}],
        status=status, type=[KINDS["clinic"]], subject=ref_of(day.person), participant=[{"individual": day.doctor.ref}],
        period={"start": moment(day.today, minute)}, reasonCode=[reason], serviceProvider=day.county.hospital.ref,
        serviceType={"text": DEPARTMENT}, **{"class": AMBULATORY},
    )  # fmt: skip


def _stay(day: Day, since_days: int, reason: Json) -> Json:
    """On the ward for some days."""
    since = day.today - timedelta(days=since_days)
    hospital = day.county.hospital
    return day.made(
        "Encounter", identifier=[{"system": ID_INPATIENT, "value": f"ZY{since:%Y%m%d}{day.rng.randrange(10**6):06d}"}],
        status="in-progress", type=[KINDS["stay"]], subject=ref_of(day.person), participant=[{"individual": day.doctor.ref}],
        period={"start": moment(since, 540 + day.rng.randrange(300))}, reasonCode=[reason], serviceProvider=hospital.ref,
        serviceType={"text": DEPARTMENT}, location=[{"location": hospital.wards[DEPARTMENT], "status": "active"}], **{"class": INPATIENT},
    )  # fmt: skip


def _request(day: Day, kind: Json, by: Worker, days_ago: int, reason: Json, note: str) -> Iterator[Json]:
    """A referral or consultation to the doctor, and the task that carries it."""
    at = moment(day.today - timedelta(days=days_ago), 480 + day.rng.randrange(10))
    request = day.made(
        "ServiceRequest", status="active", intent="order", category=[kind], code=kind, priority="urgent", subject=ref_of(day.person),
        authoredOn=at, requester=by.ref, performer=[day.doctor.ref], reasonCode=[reason], note=[{"text": note}],
    )  # fmt: skip
    yield request
    yield day.made(
        "Task", status="requested", intent="order", focus={"reference": f"ServiceRequest/{request['id']}"},
        authoredOn=at, lastModified=at, description=note, requester=by.ref, owner=day.doctor.ref, **{"for": ref_of(day.person)},
    )  # fmt: skip


def _appointment(day: Day, days: int, minute: int, reason: Json) -> Json:
    at = day.today + timedelta(days=days)
    actors = (ref_of(day.person), day.doctor.ref)
    return day.made(
        "Appointment", status="booked", serviceType=[{"text": DEPARTMENT}], reasonCode=[reason], start=moment(at, minute),
        end=moment(at, minute + 20), participant=[{"actor": actor, "status": "accepted"} for actor in actors],
    )  # fmt: skip


def _zhang_guilan(day: Day) -> Iterator[Json]:
    reason = concept(ICD10, "I10", "原发性高血压")
    room = day.county.rooms[1][0].workers[0]
    yield from _request(day, _REFERRAL, room, 0, reason, "血压162/98mmHg，头晕3天，两种降压药未达标，请心内科评估。")
    yield _appointment(day, 1, 570, reason)


def _li_defu(day: Day) -> Iterator[Json]:
    yield _stay(day, 3, concept(ICD10, "I50.9", "心力衰竭"))


def _wu_changgen(day: Day) -> Iterator[Json]:
    yield _stay(day, 5, concept(ICD10, "I48.9", "心房颤动"))


def _zhao_jianguo(day: Day) -> Iterator[Json]:
    yield _visit(day, 481, concept(ICD10, "I10", "原发性高血压"), "arrived")


def _zhou_min(day: Day) -> Iterator[Json]:
    yield _appointment(day, 0, 930, concept(ICD10, "R00.2", "心悸"))


def _he_zhiqiang(day: Day) -> Iterator[Json]:
    yield _visit(day, 480, concept(ICD10, "R07.4", "胸痛"), "in-progress")


def _ma_chunmei(day: Day) -> Iterator[Json]:
    reason = concept(ICD10, "I45.8", "QT间期延长")
    asks = day.county.hospital.of("神经内科")[0]
    yield from _request(day, _CONSULTATION, asks, 1, reason, "服抗精神病药期间心电图QTc 480ms，请心内科会诊。")


_UNDER_WAY: Mapping[str, Callable[[Day], Iterator[Json]]] = {
    "zhang_guilan": _zhang_guilan,
    "li_defu": _li_defu,
    "wu_changgen": _wu_changgen,
    "zhao_jianguo": _zhao_jianguo,
    "zhou_min": _zhou_min,
    "he_zhiqiang": _he_zhiqiang,
    "ma_chunmei": _ma_chunmei,
}
