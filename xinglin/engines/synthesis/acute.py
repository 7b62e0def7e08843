"""Passing illness: why people go to the village room, the township clinic and the county hospital, and what is done there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from itertools import starmap

from xinglin.engines.synthesis.codes import ICD10, Json, concept
from xinglin.engines.synthesis.medicines import prescribe, suitable
from xinglin.engines.synthesis.pen import Record
from xinglin.engines.synthesis.results import measure, measure_pressure, report, report_image
from xinglin.engines.synthesis.staff import Institution
from xinglin.engines.synthesis.tables import rows
from xinglin.engines.synthesis.visits import diagnose, open_visit, write_note


@dataclass(frozen=True, slots=True)
class Complaint:
    """A passing illness: who gets it (years of age, weight in the draw), what they say, what is found, what is given."""

    disease: Json
    youngest: int
    oldest: int
    weight: int
    says: str
    found: str
    drugs: tuple[str, ...]
    fever: bool
    blood_count: bool
    department: str


def _read(
    code: str,
    name: str,
    youngest: str,
    oldest: str,
    weight: str,
    says: str,
    found: str,
    drugs: str,
    fever: str,
    blood: str,
    department: str,
) -> Complaint:
    disease = concept(ICD10, code, name)
    return Complaint(
        disease, int(youngest), int(oldest), int(weight), says, found, tuple(drugs.split()), fever == "f", blood == "b", department
    )


COMPLAINTS = tuple(starmap(_read, rows("complaints")))


def _by_age() -> tuple[tuple[list[Complaint], list[int]], ...]:
    rows = ([c for c in COMPLAINTS if c.youngest <= age <= c.oldest] for age in range(121))
    return tuple((found, [c.weight for c in found]) for found in rows)


_BY_AGE = _by_age()


def fall_ill(record: Record, day: date, place: Institution, *, notes: float = 0.5) -> None:
    """One passing illness and the visit for it."""
    rng = record.rng
    age = int(record.age(day))
    found, weights = _BY_AGE[max(0, age)]
    complaint = rng.choices(found, weights)[0]
    emergency = place.kind == "hospital" and rng.random() < 0.15
    doctor = rng.choice(place.of("急诊医学科" if emergency else complaint.department if place.kind == "hospital" else "全科"))
    visit = open_visit(record, day, place, doctor, "clinic", complaint.disease, setting="emergency" if emergency else "outpatient")
    diagnose(visit, complaint.disease, over_after_days=rng.randrange(5, 15))
    warmth = rng.uniform(37.4, 39.3) if complaint.fever and rng.random() < 0.7 else rng.uniform(36.2, 37.1)
    pressure = record.pressure(day)
    if complaint.fever:
        measure(visit, "temperature", warmth)
    elif age >= 18:
        measure_pressure(visit, *pressure)
    if complaint.blood_count and place.kind != "village":
        number = f"JY{day:%Y%m%d}{rng.randrange(10**7):07d}"
        report(visit, "blood_count", blood_count_of(record, warmth), number)
    if complaint.disease["text"] == "肺炎" and place.kind == "hospital":
        report_image(visit, "chest", "右下肺斑片状密度增高影，考虑肺炎。")
    number = f"{day:%Y%m%d}{rng.randrange(10**7):07d}"
    keys = complaint.drugs[: rng.randrange(1, len(complaint.drugs) + 1)]
    for key in keys:
        prescribe(visit, key, rng.randrange(3, 8), complaint.disease, number)
    if rng.random() < notes:
        write_note(visit, _words(record, complaint, day, rng.randrange(1, 8), warmth, pressure, age))


def blood_count_of(record: Record, warmth: float) -> dict[str, float]:
    """A plausible blood count; leukocytes rise with the temperature (℃)."""
    gauss = record.rng.gauss
    return {
        "leukocytes": max(2.5, gauss(6.4 + max(0.0, warmth - 37) * 2.4, 1.4)),
        "haemoglobin": gauss(146 if record.sex == "male" and record.age(record.until) > 14 else 129, 9),
        "platelets": gauss(225, 45),
    }


def _words(record: Record, complaint: Complaint, day: date, days: int, warmth: float, pressure: tuple[float, float], age: int) -> str:
    says = complaint.says.format(d=days)
    name = complaint.disease["text"]
    signs = f"体温{warmth:.1f}℃，" + (f"血压{pressure[0]:.0f}/{pressure[1]:.0f}mmHg，" if age >= 18 else "")
    drugs = "、".join(suitable(record, k, day).name for k in complaint.drugs)
    history = "既往史：青霉素过敏。\n" if record.allergic_to_penicillin else ""
    return (
        f"主诉：{says}。\n现病史：患者{days}天前无明显诱因出现上述症状，未予特殊处理，精神、饮食尚可。\n"
        f"{history}体格检查：{signs}{complaint.found}。\n诊断：{name}。\n处理：对症治疗（可选{drugs}），注意休息，不适随诊。"
    )
