"""Yearly check-ups of those 65 and older, and the children's: examinations and immunizations by the schedule of their year."""

from __future__ import annotations

from datetime import date, timedelta

from xinglin.engines.synthesis.chronic import lipids_of, renal_of
from xinglin.engines.synthesis.codes import ICD10, VACCINE, Json, concept
from xinglin.engines.synthesis.ids import make_id
from xinglin.engines.synthesis.pen import Record, moment
from xinglin.engines.synthesis.results import measure, measure_pressure, report, report_image
from xinglin.engines.synthesis.staff import Institution
from xinglin.engines.synthesis.visits import open_visit, write_note

_CHECK_UP = concept(ICD10, "Z00.0", "一般医学检查")
_CHILD_CHECK = concept(ICD10, "Z00.1", "常规儿童健康检查")

_VACCINES = {
    "HepB": "乙型肝炎疫苗", "BCG": "卡介苗", "IPV": "脊髓灰质炎灭活疫苗", "bOPV": "二价脊髓灰质炎减毒活疫苗", "DTaP": "百白破疫苗",
    "DT": "白破疫苗", "MMR": "麻腮风疫苗", "JE-L": "乙脑减毒活疫苗", "MenA": "A群流脑多糖疫苗", "MenAC": "A群C群流脑多糖疫苗",
    "HepA-L": "甲肝减毒活疫苗",
}  # fmt: skip
_VACCINE_CODES = {key: concept(VACCINE, key, name) for key, name in _VACCINES.items()}
_ALIKE = (
    ("HepB", (0, 1, 6)), ("BCG", (0,)), ("IPV", (2, 3)), ("bOPV", (4, 48)), ("MMR", (8, 18)), ("JE-L", (8, 24)),
    ("MenA", (6, 9)), ("MenAC", (36, 72)), ("HepA-L", (18,)),
)  # fmt: skip
SCHEDULES = {
    "2021": (*_ALIKE, ("DTaP", (3, 4, 5, 18)), ("DT", (72,))),
    "2026": (*_ALIKE, ("DTaP", (2, 4, 6, 18, 72)),),
}  # fmt: skip
"""Months of age of each dose, by edition of the national schedule; the newer holds for those born from 2024-11 on."""
_NEWER_FROM = date(2024, 11, 1)
_CHILD_MONTHS = (1, 3, 6, 8, 12, 18, 24, 30, 36, 48, 60, 72)


def examine(record: Record, day: date, clinic: Institution, body: tuple[float, float]) -> None:
    """The yearly check-up of an old person. `body` is height (cm) and weight (kg)."""
    rng = record.rng
    visit = open_visit(record, day, clinic, rng.choice(clinic.of("公共卫生科")), "check_up", _CHECK_UP, minutes=40)
    glucose = record.course.at(day)[2] if record.course else rng.gauss(5.3, 0.4)
    measure_pressure(visit, *record.pressure(day))
    height, weight = body[0], body[1] + rng.gauss(0, 0.8)
    measure(visit, "height", height)
    measure(visit, "weight", weight)
    measure(visit, "bmi", weight / (height / 100) ** 2)
    measure(visit, "pulse", max(50, rng.gauss(74, 8)))
    measure(visit, "glucose", max(3.6, glucose))
    number = f"TJ{day:%Y%m%d}{rng.randrange(10**6):06d}"
    report(visit, "lipids", lipids_of(record), number + "1")
    if rng.random() < 0.5:
        report(visit, "renal", renal_of(record), number + "2")
        report_image(visit, "ecg", rng.choice(("窦性心律，大致正常心电图。", "窦性心律，偶发室性早搏。", "窦性心动过缓。")))


def body_of(record: Record, age: float) -> tuple[float, float]:
    """A grown person's height (cm) and weight (kg)."""
    gauss = record.rng.gauss
    height = max(146.0, gauss(167 if record.sex == "male" else 156, 6) - max(0.0, age - 60) * 0.08)
    return height, min(32.0, max(17.5, gauss(23.9, 2.7))) * (height / 100) ** 2


def grow_up(record: Record, clinic: Institution, *, notes: bool = False) -> None:
    """A child's immunizations and examinations up to six years of age."""
    _immunize(record, clinic)
    rng = record.rng
    for months in _CHILD_MONTHS:
        day = record.birth + timedelta(days=int(months * 30.44) + rng.randrange(0, 20))
        if day > record.until:
            return
        if months not in (8, 30) and not notes and rng.random() < 0.6:
            continue
        visit = open_visit(record, day, clinic, rng.choice(clinic.of("公共卫生科")), "child", _CHILD_CHECK, minutes=20)
        height, weight = _size(months, record.sex)
        height, weight = height * rng.gauss(1, 0.02), weight * rng.gauss(1, 0.05)
        measure(visit, "height", height)
        measure(visit, "weight", weight)
        if notes:
            write_note(visit, f"{months}月龄儿童健康检查：身长{height:.1f}cm，体重{weight:.1f}kg，发育正常，喂养指导。")


def _size(months: int, sex: str) -> tuple[float, float]:
    """Usual height (cm) and weight (kg) at an age."""
    boy = sex == "male"
    if months <= 12:
        part = (months / 12) ** 0.6
        return 50 + (26 if boy else 24.5) * part, 3.3 + (6.5 if boy else 6.0) * part
    years = months / 12 - 1
    return (76 if boy else 74.5) + years * 8.6 - years * years * 0.28, (9.8 if boy else 9.3) + years * 2.2


def _immunize(record: Record, clinic: Institution) -> None:
    rng = record.rng
    edition = "2026" if record.birth >= _NEWER_FROM else "2021"
    doses = sorted((m, key, n) for key, months in SCHEDULES[edition] for n, m in enumerate(months, 1))
    nurse = rng.choice(clinic.of("预防接种门诊"))
    for months, key, dose in doses:
        day = record.birth + timedelta(days=int(months * 30.44) + (rng.randrange(1, 25) if months else 0))
        if day > record.until:
            return
        if rng.random() < 0.985:
            record.put(_immunization(record, day, key, dose, clinic, nurse.ref))


def _immunization(record: Record, day: date, key: str, dose: int, clinic: Institution, nurse: Json) -> Json:
    rng = record.rng
    return {
        "resourceType": "Immunization",
        "id": make_id(rng),
        "meta": {"source": clinic.source},
        "status": "completed",
        "vaccineCode": _VACCINE_CODES[key],
        "patient": record.patient,
        "occurrenceDateTime": moment(day, 500 + rng.randrange(180)),
        "primarySource": True,
        "lotNumber": f"{day.year}{rng.randrange(10**5):05d}",
        "location": clinic.location,
        "performer": [{"actor": nurse}],
        "protocolApplied": [{"doseNumberPositiveInt": dose}],
    }
