"""Illness that only those who treat may see, as records hold it: coded (HIV, schizophrenia), and its papers labelled restricted."""

from __future__ import annotations

from datetime import date, timedelta

from xinglin.engines.synthesis.codes import ACTIVE, CONFIRMED, HL7, ICD10, LABORATORY, LOINC, PROBLEM, Json, coding, concept
from xinglin.engines.synthesis.ids import make_id
from xinglin.engines.synthesis.medicines import prescribe
from xinglin.engines.synthesis.pen import Record, Visit
from xinglin.engines.synthesis.results import measure
from xinglin.engines.synthesis.staff import Institution, Worker
from xinglin.engines.synthesis.visits import open_visit, write_note

RESTRICTED = coding(HL7 + "v3-Confidentiality", "R", "restricted")
HIV = concept(ICD10, "B24", "人类免疫缺陷病毒病")
SCHIZOPHRENIA = concept(ICD10, "F20.0", "偏执型精神分裂症")
_ANTIBODY = concept(LOINC, "75622-1", "HIV 1/2抗体确证试验")
_POSITIVE = concept("http://snomed.info/sct", "10828004", "阳性")


def treat_hiv(record: Record, place: Institution, doctor: Worker, since_days: int) -> None:
    """Found by a test, treated since, seen every three months: the virus falls below what can be measured."""
    first = record.until - timedelta(days=since_days)
    _problem(record, HIV, place, doctor, first)
    visit = open_visit(record, first, place, doctor, "clinic", HIV)
    _test(visit)
    for number in range(since_days // 90 + 1):
        visit = open_visit(record, first + timedelta(days=7 + number * 90), place, doctor, "clinic", HIV)
        measure(visit, "cd4", 262 + min(number, 6) * 48)
        measure(visit, "viral_load", 48_200 if number == 0 else 20)
        prescribe(visit, "dolutegravir", 90, HIV, f"{visit.day:%Y%m%d}0000724", long_term=True)
        write_note(visit, "抗病毒治疗随访：无发热，无消瘦，服药规律，无漏服。\n处理：继续抗病毒治疗，3个月后复查CD4细胞及病毒载量。")
    _label(record)


def treat_schizophrenia(record: Record, place: Institution, doctor: Worker, since_days: int) -> None:
    """Known for years, stable under medicine, seen every two months."""
    first = record.until - timedelta(days=since_days)
    _problem(record, SCHIZOPHRENIA, place, doctor, first)
    for number in range(since_days // 60 + 1):
        visit = open_visit(record, first + timedelta(days=number * 60), place, doctor, "clinic", SCHIZOPHRENIA)
        prescribe(visit, "olanzapine", 60, SCHIZOPHRENIA, f"{visit.day:%Y%m%d}0000520", long_term=True)
        write_note(visit, "精神科随访：睡眠好，无幻听，接触可，能做家务。\n处理：继续口服奥氮平，监测体重、血糖、心电图，2个月后复诊。")
    _label(record)


def _problem(record: Record, disease: Json, place: Institution, doctor: Worker, day: date) -> None:
    record.put({
        "resourceType": "Condition",
        "id": make_id(record.rng),
        "meta": {"source": place.source},
        "clinicalStatus": ACTIVE,
        "verificationStatus": CONFIRMED,
        "category": PROBLEM,
        "code": disease,
        "subject": record.patient,
        "onsetDateTime": day.isoformat(),
        "recordedDate": day.isoformat(),
        "recorder": doctor.ref,
    })  # fmt: skip


def _test(visit: Visit) -> None:
    visit.record.put({
        "resourceType": "Observation",
        "id": make_id(visit.record.rng),
        "meta": {"source": visit.place.source},
        "status": "final",
        "category": LABORATORY,
        "code": _ANTIBODY,
        "subject": visit.record.patient,
        "encounter": visit.ref,
        "effectiveDateTime": visit.at,
        "performer": [visit.place.ref],
        "valueCodeableConcept": _POSITIVE,
    })  # fmt: skip


def _label(record: Record) -> None:
    """Codes tell it of most; a note has none, so all of it says so."""
    for resource in record.out:
        resource["meta"]["security"] = [RESTRICTED]
