"""Care of lasting illness through the years: pressures and sugars that fall under treatment, or do not.

The rhythm is that of the national basic public health services: three months when in control, two weeks when not,
a stronger treatment and the county hospital after a second failure.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from xinglin.engines.synthesis.codes import Json
from xinglin.engines.synthesis.course import Course
from xinglin.engines.synthesis.illness import COPD, DIABETES, DISEASES, HEART, HYPERTENSION, STROKE, Care
from xinglin.engines.synthesis.medicines import prescribe
from xinglin.engines.synthesis.pen import Record, Visit
from xinglin.engines.synthesis.results import measure, measure_pressure, report, report_image
from xinglin.engines.synthesis.staff import County, Institution
from xinglin.engines.synthesis.visits import open_visit, write_note

_START = {1: (150, 94), 2: (166, 102), 3: (184, 112), 0: (126, 78)}
_PRESSURE_STEPS = ("amlodipine", "valsartan", "hydrochlorothiazide")
_SUGAR_STEPS = ("metformin", "gliclazide", "glargine")
_OTHERS = {HEART: ("aspirin", "atorvastatin"), STROKE: ("clopidogrel", "atorvastatin"), COPD: ("tiotropium",)}
_SPECIALTY = {HYPERTENSION: "心血管内科", DIABETES: "内分泌科", HEART: "心血管内科", STROKE: "神经内科", COPD: "呼吸内科"}


@dataclass(frozen=True, slots=True)
class Rhythm:
    """Where somebody is followed, from which day on record. `notes` and `prescriptions`: the share of visits with them."""

    first: date
    room: Institution
    clinic: Institution
    notes: float = 0.15
    prescriptions: float = 0.2


def course_of(record: Record, cares: list[Care], first: date) -> Course:
    """The course of somebody's pressure and sugar from the first visit on record."""
    rng = record.rng
    by_code = {care.illness.code: care.illness for care in cares}
    pressure, sugar = by_code.get(HYPERTENSION), by_code.get(DIABETES)
    systolic, diastolic = _START[pressure.grade if pressure else 0]
    return Course(
        systolic=systolic + rng.gauss(0, 5),
        diastolic=diastolic + rng.gauss(0, 4),
        pressure_control=pressure.control if pressure else 0.0,
        glucose=rng.uniform(8.6, 12.5) if sugar else rng.uniform(4.6, 5.7),
        sugar_control=sugar.control if sugar else 0.0,
        began=first,
    )


def follow(record: Record, cares: list[Care], county: County, rhythm: Rhythm) -> None:
    """All follow-up visits from the first day on record to `record.until`; sets the record's course."""
    course = record.course = course_of(record, cares, rhythm.first)
    main = min(cares, key=lambda c: (HYPERTENSION, DIABETES, HEART, STROKE, COPD).index(c.illness.code))
    reason = DISEASES[main.illness.code]
    codes = {c.illness.code for c in cares}
    conditions, episodes = [c.condition for c in cares], [c.episode for c in cares]
    day, failures, step, labs_year = rhythm.first, 0, 0, 0
    referred_on = rhythm.first - timedelta(days=400)
    while day <= record.until:
        referred = failures >= 2 and (day - referred_on).days > 240
        place = county.hospital if referred else rhythm.clinic if record.rng.random() < 0.25 else rhythm.room
        workers = place.of(_SPECIALTY[main.illness.code]) if referred else place.of("全科")
        visit = open_visit(
            record, day, place, record.rng.choice(workers), "clinic" if referred else "follow_up", reason,
            conditions=conditions, episodes=episodes,
        )  # fmt: skip
        values = _measure(visit, course, codes)
        failed = _uncontrolled(values, codes)
        if referred:
            step, referred_on = min(2, step + 1), day
        if (record.until - day).days < 86 or record.rng.random() < rhythm.prescriptions:
            _treat(visit, codes, step, reason)
        if record.rng.random() < rhythm.notes or referred:
            write_note(visit, _words(values, codes, failed))
        if place.kind != "village" and labs_year != day.year:
            labs_year = day.year
            _laboratory(visit, values[2], DIABETES in codes)
        failures = failures + 1 if failed and not referred else 0
        day += timedelta(days=_next_visit(record, failures, referred))


def _next_visit(record: Record, failures: int, referred: bool) -> int:
    """Two weeks after a first failure and after a referral; longer when nothing helps; else three months."""
    if failures == 1 or referred:
        return record.rng.randrange(13, 18)
    return record.rng.randrange(50, 70) if failures else record.rng.randrange(80, 100)


def _measure(visit: Visit, course: Course, codes: set[str]) -> tuple[float, float, float]:
    rng = visit.record.rng
    systolic, diastolic = visit.record.pressure(visit.day)
    glucose = course.at(visit.day)[2]
    glucose = max(3.4, glucose + rng.gauss(0, 0.7 if DIABETES in codes else 0.25))
    measure_pressure(visit, systolic, diastolic)
    if DIABETES in codes:
        measure(visit, "glucose", glucose)
    if COPD in codes:
        measure(visit, "saturation", rng.uniform(91, 97))
    return systolic, diastolic, glucose


def _uncontrolled(values: tuple[float, float, float], codes: set[str]) -> bool:
    systolic, diastolic, glucose = values
    high = HYPERTENSION in codes and (systolic >= 140 or diastolic >= 90)
    return high or (DIABETES in codes and glucose >= 7.0 + 1.0)


def _treat(visit: Visit, codes: set[str], step: int, reason: Json) -> None:
    rng = visit.record.rng
    keys: list[str] = []
    if HYPERTENSION in codes:
        keys += _PRESSURE_STEPS[: step + 1]
    if DIABETES in codes:
        keys += _SUGAR_STEPS[: step + 1]
    for code in (HEART, STROKE, COPD):
        if code in codes:
            keys += [k for k in _OTHERS[code] if k not in keys]
    number = f"{visit.day:%Y%m%d}{rng.randrange(10**7):07d}"
    for key in keys:
        prescribe(visit, key, 84 if visit.place.kind != "hospital" else 28, reason, number, long_term=True)


def _laboratory(visit: Visit, glucose: float, diabetic: bool) -> None:
    rng = visit.record.rng
    number = f"JY{visit.day:%Y%m%d}{rng.randrange(10**6):06d}"
    report(visit, "lipids", lipids_of(visit.record), number + "1")
    if diabetic:
        report(visit, "diabetes", {"glucose": glucose, "hba1c": hba1c_of(glucose)}, number + "2")
    if visit.place.kind == "hospital":
        report(visit, "renal", renal_of(visit.record), number + "3")
        report_image(visit, "ecg", rng.choice(("窦性心律，大致正常心电图。", "窦性心律，左心室高电压。", "窦性心律，ST-T改变。")))


def hba1c_of(glucose: float) -> float:
    """The glycated haemoglobin (%) that goes with a usual fasting glucose (mmol/L)."""
    return min(14.5, (glucose * 1.12 + 2.59) / 1.59)


def lipids_of(record: Record) -> dict[str, float]:
    """A plausible lipid profile (mmol/L)."""
    gauss = record.rng.gauss
    ldl, hdl, triglyceride = max(1.0, gauss(2.9, 0.7)), max(0.6, gauss(1.3, 0.25)), max(0.5, gauss(1.6, 0.6))
    return {"cholesterol": ldl + hdl + triglyceride / 2.2, "triglyceride": triglyceride, "hdl": hdl, "ldl": ldl}


def renal_of(record: Record) -> dict[str, float]:
    """Plausible kidney values; they rise with age."""
    gauss = record.rng.gauss
    base = 58 if record.sex == "female" else 74
    return {
        "creatinine": max(35, gauss(base + record.age(record.until) * 0.12, 12)),
        "urea": max(2.0, gauss(5.2, 1.2)),
        "uric": max(120, gauss(340 if record.sex == "male" else 285, 60)),
    }


def _words(values: tuple[float, float, float], codes: set[str], failed: bool) -> str:
    names = "、".join(str(DISEASES[c]["text"]) for c in DISEASES if c in codes)
    sugar = f"空腹血糖{values[2]:.1f}mmol/L，" if DIABETES in codes else ""
    verdict = "控制不满意，调整治疗方案，2周后复诊" if failed else "控制满意，继续目前治疗，3个月后随访"
    return (
        f"主诉：{names}随访。\n现病史：按时服药，近期无明显头晕、胸闷不适。\n"
        f"体格检查：血压{values[0]:.0f}/{values[1]:.0f}mmHg，{sugar}神志清，心肺听诊未见明显异常。\n"
        f"诊断：{names}。\n处理：{verdict}；嘱低盐饮食、规律运动、戒烟限酒。"
    )
