"""Lasting illness: who has which, since when, and how well it is treated.

Shares are of *recorded* illness by age and sex, our own assumption after public surveys; edit the table, not the code.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

from xinglin.engines.synthesis.codes import (
    ACTIVE,
    ALLERGY_ACTIVE,
    ALLERGY_CONFIRMED,
    CONFIRMED,
    ICD10,
    OWN,
    PROBLEM,
    PROGRAMME,
    SUBSTANCE,
    Json,
    concept,
)
from xinglin.engines.synthesis.ids import make_id
from xinglin.engines.synthesis.pen import Record
from xinglin.engines.synthesis.staff import Institution, Worker

HYPERTENSION, DIABETES, HEART, STROKE, COPD = "I10", "E11.9", "I25.1", "I69.3", "J44.9"

DISEASES = {
    HYPERTENSION: concept(ICD10, "I10", "原发性高血压"),
    DIABETES: concept(ICD10, "E11.9", "2型糖尿病"),
    HEART: concept(ICD10, "I25.1", "冠状动脉粥样硬化性心脏病"),
    STROKE: concept(ICD10, "I69.3", "脑梗死后遗症"),
    COPD: concept(ICD10, "J44.9", "慢性阻塞性肺疾病"),
}
SHARES: dict[str, dict[str, tuple[tuple[int, float], ...]]] = {
    HYPERTENSION: {
        "male": ((35, 0.0), (45, 0.08), (55, 0.17), (65, 0.29), (75, 0.38), (200, 0.44)),
        "female": ((35, 0.0), (45, 0.04), (55, 0.15), (65, 0.31), (75, 0.43), (200, 0.49)),
    },
    DIABETES: {
        "male": ((35, 0.0), (45, 0.03), (55, 0.07), (65, 0.11), (75, 0.14), (200, 0.13)),
        "female": ((35, 0.0), (45, 0.02), (55, 0.05), (65, 0.11), (75, 0.16), (200, 0.15)),
    },
    HEART: {
        "male": ((45, 0.0), (55, 0.02), (65, 0.05), (75, 0.1), (200, 0.15)),
        "female": ((45, 0.0), (55, 0.01), (65, 0.04), (75, 0.1), (200, 0.15)),
    },
    STROKE: {
        "male": ((45, 0.0), (55, 0.01), (65, 0.035), (75, 0.07), (200, 0.09)),
        "female": ((45, 0.0), (55, 0.007), (65, 0.025), (75, 0.055), (200, 0.07)),
    },
    COPD: {
        "male": ((45, 0.0), (55, 0.015), (65, 0.045), (75, 0.085), (200, 0.12)),
        "female": ((45, 0.0), (55, 0.006), (65, 0.018), (75, 0.035), (200, 0.05)),
    },
}
"""Recorded share by sex, as (below this age, share)."""

ALLERGENS = (
    (5, "penicillin", "青霉素", "皮疹伴瘙痒", "high"),
    (2, "cephalosporin", "头孢菌素类", "全身荨麻疹", "high"),
    (2, "sulfonamide", "磺胺类", "皮疹", "low"),
    (1, "seafood", "海鲜", "口周红肿、腹痛", "low"),
    (1, "pollen", "花粉", "打喷嚏、流涕", "low"),
)

_PROGRAMME_NAMES = {
    HYPERTENSION: "高血压患者健康管理", DIABETES: "2型糖尿病患者健康管理", HEART: "冠心病患者健康管理",
    STROKE: "脑卒中康复期健康管理", COPD: "慢性阻塞性肺疾病患者健康管理",
}  # fmt: skip
_PROGRAMMES = {key: concept(PROGRAMME, key, name) for key, name in _PROGRAMME_NAMES.items()}
_GRADES = {n: concept(OWN + "hypertension-grade", str(n), f"高血压{n}级") for n in (1, 2, 3)}
_CARE_PLAN_CATEGORY = [concept(PROGRAMME, "chronic", "慢性病健康管理")]


@dataclass(frozen=True, slots=True)
class Illness:
    """A lasting illness. `control` is how far treatment goes from untreated (0) to its goal (1)."""

    code: str
    since: date
    control: float
    grade: int = 0


@dataclass(frozen=True, slots=True)
class Care:
    """An illness on record: its reference, and that of the programme of care for it."""

    illness: Illness
    condition: Json
    episode: Json


def draw(rng: Random, sex: str, age: float, until: date) -> tuple[Illness, ...]:
    """The lasting illnesses of somebody of an age; heart disease and stroke go with high pressure and sugar."""
    if age < 35:
        return ()
    found: list[Illness] = []
    for code, shares in SHARES.items():
        share = next(s for below, s in shares[sex] if age < below)
        if code in (HEART, STROKE):
            share *= 1.7 if found else 0.75
        elif code == DIABETES:
            share *= 1.6 if found else 0.75
        if rng.random() < share:
            years = min(rng.uniform(0.3, 12), age - 34)
            control = rng.choices((rng.uniform(0.9, 1.1), rng.uniform(0.5, 0.75), rng.uniform(0.0, 0.3)), (66, 23, 11))[0]
            grade = rng.choices((1, 2, 3), (48, 38, 14))[0] if code == HYPERTENSION else 0
            found.append(Illness(code, until - timedelta(days=int(years * 365)), control, grade))
    return tuple(found)


def write_illness(record: Record, illness: Illness, clinic: Institution, doctor: Worker) -> Care:
    """The problem, its programme of care, and the plan."""
    rng, day = record.rng, illness.since.isoformat()
    concept_of = DISEASES[illness.code]
    condition: Json = {
        "resourceType": "Condition",
        "id": make_id(rng),
        "meta": {"source": clinic.source},
        "clinicalStatus": ACTIVE,
        "verificationStatus": CONFIRMED,
        "category": PROBLEM,
        "code": concept_of,
        "subject": record.patient,
        "onsetDateTime": day,
        "recordedDate": day,
        "recorder": doctor.ref,
    }
    if illness.grade:
        condition["stage"] = [{"summary": _GRADES[illness.grade]}]
    on_record = record.put(condition)
    episode = record.put(_episode(record, illness, clinic, doctor, on_record))
    record.put(_care_plan(record, illness, clinic, doctor, on_record))
    return Care(illness, on_record, episode)


def _episode(record: Record, illness: Illness, clinic: Institution, doctor: Worker, condition: Json) -> Json:
    return {
        "resourceType": "EpisodeOfCare",
        "id": make_id(record.rng),
        "meta": {"source": clinic.source},
        "status": "finished" if record.ended else "active",
        "type": [_PROGRAMMES[illness.code]],
        "diagnosis": [{"condition": condition}],
        "patient": record.patient,
        "managingOrganization": clinic.ref,
        "period": _period(record, illness),
        "careManager": doctor.ref,
    }


def _period(record: Record, illness: Illness) -> Json:
    start = {"start": illness.since.isoformat()}
    return start | {"end": record.until.isoformat()} if record.ended else start


def _care_plan(record: Record, illness: Illness, clinic: Institution, doctor: Worker, condition: Json) -> Json:
    return {
        "resourceType": "CarePlan",
        "id": make_id(record.rng),
        "meta": {"source": clinic.source},
        "status": "completed" if record.ended else "active",
        "intent": "plan",
        "category": _CARE_PLAN_CATEGORY,
        "title": _PROGRAMME_NAMES[illness.code],
        "subject": record.patient,
        "period": _period(record, illness),
        "author": doctor.ref,
        "addresses": [condition],
        "activity": [
            {"detail": {"kind": "ServiceRequest", "status": "in-progress", "description": text}} for text in _ACTIVITIES[illness.code]
        ],
    }


_ACTIVITIES = {
    HYPERTENSION: ("每3个月面对面随访1次，测量血压", "低盐饮食，每日食盐不超过5克", "每年健康体检1次"),
    DIABETES: ("每3个月面对面随访1次，测空腹血糖", "控制主食，规律运动", "每年检查糖化血红蛋白、眼底和足部"),
    HEART: ("按时服用抗血小板及调脂药", "胸痛超过15分钟立即呼叫急救"),
    STROKE: ("肢体康复训练，每周5次", "按时服药，预防复发"),
    COPD: ("戒烟，避免烟雾刺激", "长期吸入支气管扩张剂", "秋冬季接种流感疫苗"),
}


def write_allergy(record: Record, clinic: Institution, doctor: Worker, day: date, kind: str) -> None:
    """An allergy of a kind of `ALLERGENS`."""
    name, reaction, weight = next((n, r, w) for _, key, n, r, w in ALLERGENS if key == kind)
    drug = kind in ("penicillin", "cephalosporin", "sulfonamide")
    record.allergic_to_penicillin |= kind == "penicillin"
    record.put({
        "resourceType": "AllergyIntolerance",
        "id": make_id(record.rng),
        "meta": {"source": clinic.source},
        "clinicalStatus": ALLERGY_ACTIVE,
        "verificationStatus": ALLERGY_CONFIRMED,
        "type": "allergy",
        "category": ["medication" if drug else "food" if kind == "seafood" else "environment"],
        "criticality": weight,
        "code": concept(SUBSTANCE, kind, name + ("过敏" if drug else "")),
        "patient": record.patient,
        "recordedDate": day.isoformat(),
        "recorder": doctor.ref,
        "reaction": [{"manifestation": [{"text": reaction}], "severity": "moderate" if weight == "high" else "mild"}],
    })  # fmt: skip
