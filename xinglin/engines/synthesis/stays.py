"""Stays in hospital: why, how long, what was done; ending in a discharge summary."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from itertools import starmap

from xinglin.engines.synthesis.acute import blood_count_of
from xinglin.engines.synthesis.chronic import renal_of
from xinglin.engines.synthesis.codes import ICD9_PROCEDURE, ICD10, Json, concept
from xinglin.engines.synthesis.ids import make_id
from xinglin.engines.synthesis.medicines import prescribe
from xinglin.engines.synthesis.pen import Record, Visit, moment
from xinglin.engines.synthesis.results import measure, measure_pressure, report, report_image
from xinglin.engines.synthesis.staff import Institution
from xinglin.engines.synthesis.tables import rows
from xinglin.engines.synthesis.visits import diagnose, open_visit, write_summary


@dataclass(frozen=True, slots=True)
class Reason:
    """Why somebody is admitted. `sex` is empty for both; `procedure` None when nothing is operated on."""

    key: str
    disease: Json
    sex: str
    youngest: int
    oldest: int
    weight: int
    days: tuple[int, int]
    department: str
    drugs: tuple[str, ...]
    procedure: Json | None
    course: str
    advice: str


_KEPT_IN_TOWN = {"pneumonia": 0.5, "copd": 0.35, "lumbar": 0.3}


def _read(
    key: str,
    code: str,
    name: str,
    sex: str,
    youngest: str,
    oldest: str,
    weight: str,
    days: str,
    department: str,
    drugs: str,
    procedure: str,
    course: str,
    advice: str,
) -> Reason:
    operation = None
    if procedure:
        number, words = procedure.split(" ")
        operation = concept(ICD9_PROCEDURE, number, words)
    low, high = (int(d) for d in days.split())
    return Reason(
        key, concept(ICD10, code, name), sex, int(youngest), int(oldest), int(weight), (low, high), department,
        tuple(drugs.split()), operation, course, advice,
    )  # fmt: skip


REASONS = {reason.key: reason for reason in starmap(_read, rows("stays"))}


def draw_reason(record: Record, day: date) -> Reason | None:
    """A reason somebody of this age and sex may be admitted for."""
    age = record.age(day)
    fits = [r for r in REASONS.values() if r.youngest <= age <= r.oldest and r.sex in ("", record.sex)]
    return record.rng.choices(fits, [r.weight for r in fits])[0] if fits else None


def clinic_takes(record: Record, reason: Reason) -> bool:
    """Whether the township clinic keeps the patient rather than the county hospital."""
    return record.rng.random() < _KEPT_IN_TOWN.get(reason.key, 0.0)


def admit(record: Record, day: date, place: Institution, reason: Reason) -> Visit | None:
    """A stay and its papers; None when it would not be over by `record.until`."""
    rng = record.rng
    days = rng.randint(*reason.days)
    if day + timedelta(days=days) > record.until:
        return None
    department = "全科" if place.kind == "township" else reason.department
    visit = open_visit(record, day, place, rng.choice(place.of(department)), "stay", reason.disease, setting="inpatient", days=days)
    diagnosis = diagnose(visit, reason.disease, over_after_days=days + rng.randrange(0, 30))
    measure_pressure(visit, *record.pressure(day))
    measure(visit, "temperature", rng.uniform(37.8, 39.4) if reason.key == "pneumonia" else rng.uniform(36.3, 37.2))
    measure(visit, "pulse", max(52, rng.gauss(84, 11)))
    number = f"JY{day:%Y%m%d}{rng.randrange(10**6):06d}"
    report(visit, "blood_count", blood_count_of(record, 38.4 if reason.key in ("pneumonia", "appendix") else 36.8), number + "1")
    if place.kind == "hospital":
        report(visit, "renal", renal_of(record), number + "2")
    if reason.key == "pneumonia":
        report_image(visit, "chest", "右下肺斑片状密度增高影，考虑肺炎。")
    if reason.key in ("angina", "stent"):
        report_image(visit, "ecg", "窦性心律，胸前导联ST段改变。")
    if reason.procedure:
        _operate(visit, reason, day + timedelta(days=1 if reason.key != "stent" else 0), diagnosis)
    for key in reason.drugs:
        prescribe(visit, key, days, reason.disease, f"{day:%Y%m%d}{rng.randrange(10**7):07d}")
    name = reason.disease["text"]
    write_summary(visit, day + timedelta(days=days), {
        "admission": f"{name}。", "course": reason.course, "discharge": f"{name}，好转。", "orders": reason.advice,
    })  # fmt: skip
    return visit


def _operate(visit: Visit, reason: Reason, day: date, diagnosis: Json) -> None:
    start = 540 + visit.record.rng.randrange(240)
    visit.record.put({
        "resourceType": "Procedure",
        "id": make_id(visit.record.rng),
        "meta": {"source": visit.place.source},
        "status": "completed",
        "code": reason.procedure,
        "subject": visit.record.patient,
        "encounter": visit.ref,
        "performedPeriod": {"start": moment(day, start), "end": moment(day, start + 45 + visit.record.rng.randrange(90))},
        "performer": [{"actor": visit.doctor.ref, "onBehalfOf": visit.place.ref}],
        "reasonReference": [diagnosis],
        "outcome": {"text": "好转"},
    })  # fmt: skip
