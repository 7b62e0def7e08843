"""Encounters, and what is written at them: diagnoses and notes."""

from __future__ import annotations

from base64 import b64encode
from datetime import date, timedelta
from xml.sax.saxutils import escape

from xinglin.engines.synthesis.codes import (
    ACTIVE,
    AMBULATORY,
    CONFIRMED,
    DISCHARGE_SUMMARY,
    EMERGENCY,
    ENCOUNTER_DIAGNOSIS,
    HOME_VISIT,
    ID_INPATIENT,
    ID_OUTPATIENT,
    INPATIENT,
    LOINC,
    OUTPATIENT_NOTE,
    RESOLVED,
    VISIT_KIND,
    Json,
    concept,
)
from xinglin.engines.synthesis.ids import make_id
from xinglin.engines.synthesis.pen import Record, Visit, moment
from xinglin.engines.synthesis.staff import Institution, Worker

CLASSES = {"outpatient": AMBULATORY, "home": HOME_VISIT, "emergency": EMERGENCY, "inpatient": INPATIENT}
KINDS = {
    "clinic": concept(VISIT_KIND, "clinic", "门诊就诊"),
    "follow_up": concept(VISIT_KIND, "follow-up", "慢性病随访"),
    "check_up": concept(VISIT_KIND, "check-up", "健康体检"),
    "child": concept(VISIT_KIND, "child", "儿童健康检查"),
    "antenatal": concept(VISIT_KIND, "antenatal", "产前检查"),
    "rehabilitation": concept(VISIT_KIND, "rehabilitation", "康复治疗"),
    "stay": concept(VISIT_KIND, "stay", "住院"),
}
SECTIONS = {
    "admission": ("入院诊断", concept(LOINC, "46241-6", "入院诊断")),
    "course": ("住院过程", concept(LOINC, "8648-8", "住院过程")),
    "discharge": ("出院诊断", concept(LOINC, "11535-2", "出院诊断")),
    "orders": ("出院医嘱", concept(LOINC, "46209-3", "医嘱")),
}


def open_visit(
    record: Record,
    day: date,
    place: Institution,
    doctor: Worker,
    kind: str,
    reason: Json,
    *,
    setting: str = "outpatient",
    minutes: int = 15,
    days: int = 0,
    conditions: list[Json] | None = None,
    episodes: list[Json] | None = None,
) -> Visit:
    """An Encounter on a day, at an hour people come. `days` is the length of a stay."""
    rng = record.rng
    start = 480 + int(rng.random() * 500)
    at = moment(day, start)
    stay = setting == "inpatient"
    serial = f"{'ZY' if stay else 'MZ'}{day:%Y%m%d}{rng.randrange(10**6):06d}"
    made: Json = {
        "resourceType": "Encounter",
        "id": make_id(rng),
        "meta": {"source": place.source},
        "identifier": [{"system": ID_INPATIENT if stay else ID_OUTPATIENT, "value": serial}],
        "status": "finished",
        "class": CLASSES[setting],
        "type": [KINDS[kind]],
        "subject": record.patient,
        "participant": [{"individual": doctor.ref}],
        "period": {"start": at, "end": moment(day + timedelta(days=days), start + minutes)},
        "reasonCode": [reason],
        "serviceProvider": place.ref,
    }
    if conditions:
        made["diagnosis"] = [{"condition": c, "rank": n + 1} for n, c in enumerate(conditions)]
    if episodes:
        made["episodeOfCare"] = episodes
    if place.kind not in ("village", "township"):
        made["serviceType"] = {"text": doctor.department}
    if stay:
        made["location"] = [{"location": place.wards.get(doctor.department, place.location)}]
    return Visit(record, at, day, place, doctor, record.put(made))


def diagnose(visit: Visit, disease: Json, *, over_after_days: int = 10) -> Json:
    """The diagnosis of an acute illness; resolved when that many days have passed."""
    record = visit.record
    over = visit.day + timedelta(days=over_after_days)
    made: Json = {
        "resourceType": "Condition",
        "id": make_id(record.rng),
        "meta": {"source": visit.place.source},
        "clinicalStatus": RESOLVED if over <= record.until else ACTIVE,
        "verificationStatus": CONFIRMED,
        "category": ENCOUNTER_DIAGNOSIS,
        "code": disease,
        "subject": record.patient,
        "encounter": visit.ref,
        "onsetDateTime": visit.day.isoformat(),
        "recordedDate": visit.at,
        "recorder": visit.doctor.ref,
    }
    if over <= record.until:
        made["abatementDateTime"] = over.isoformat()
    return record.put(made)


def write_note(visit: Visit, text: str) -> Json:
    """A visit's note as a plain-text attachment."""
    return visit.record.put({
        "resourceType": "DocumentReference",
        "id": make_id(visit.record.rng),
        "meta": {"source": visit.place.source},
        "status": "current",
        "docStatus": "final",
        "type": OUTPATIENT_NOTE,
        "subject": visit.record.patient,
        "date": visit.at,
        "author": [visit.doctor.ref],
        "custodian": visit.place.ref,
        "content": [
            {
                "attachment": {
                    "contentType": "text/plain; charset=utf-8",
                    "language": "zh-CN",
                    "data": b64encode(text.encode()).decode(),
                    "title": "门诊病历",
                    "creation": visit.at,
                }
            }
        ],
        "context": {"encounter": [visit.ref], "period": {"start": visit.at}},
    })  # fmt: skip


def write_summary(visit: Visit, until: date, words: dict[str, str]) -> Json:
    """A discharge summary: a Composition with the sections of `SECTIONS`."""
    return visit.record.put({
        "resourceType": "Composition",
        "id": make_id(visit.record.rng),
        "meta": {"source": visit.place.source},
        "status": "final",
        "type": DISCHARGE_SUMMARY,
        "subject": visit.record.patient,
        "encounter": visit.ref,
        "date": moment(until, 600),
        "author": [visit.doctor.ref],
        "title": "出院小结",
        "custodian": visit.place.ref,
        "section": [_section(SECTIONS[key], text) for key, text in words.items()],
    })  # fmt: skip


def _section(section: tuple[str, Json], text: str) -> Json:
    title, code = section
    div = f'<div xmlns="http://www.w3.org/1999/xhtml"><p>{escape(text)}</p></div>'
    return {"title": title, "code": code, "text": {"status": "generated", "div": div}}
