"""Measurements: Observations of vital signs and laboratory, and the DiagnosticReports that gather them.

Reference ranges are common adult ones, for display; no laboratory's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from xinglin.engines.synthesis.codes import (
    ECG_REPORT,
    HIGH,
    ID_LAB_REPORT,
    IMAGING_REPORT,
    LAB_REPORT,
    LABORATORY,
    LOINC,
    LOW,
    NORMAL,
    OWN,
    VERY_HIGH,
    VERY_LOW,
    VITAL_SIGNS,
    Json,
    concept,
)
from xinglin.engines.synthesis.ids import make_id
from xinglin.engines.synthesis.pen import Visit, hundredths, quantity, tenths


@dataclass(frozen=True, slots=True)
class Item:
    """Something measured: code, unit, reference range, places after the point, critical bounds."""

    concept: Json
    unit: str
    ucum: str
    low: Decimal | None
    high: Decimal | None
    places: int
    category: list[Json]
    range: list[Json]
    critical_low: float = -1e9
    critical_high: float = 1e9


def _item(
    code: str,
    name: str,
    unit: str,
    ucum: str,
    low: str,
    high: str,
    places: int,
    vital: bool = False,
    critical: tuple[float, float] = (-1e9, 1e9),
) -> Item:
    bounds: Json = {}
    if low:
        bounds["low"] = quantity(Decimal(low), unit, ucum)
    if high:
        bounds["high"] = quantity(Decimal(high), unit, ucum)
    ends = (Decimal(low) if low else None, Decimal(high) if high else None)
    category = VITAL_SIGNS if vital else LABORATORY
    return Item(concept(LOINC, code, name), unit, ucum, *ends, places, category, [bounds] if bounds else [], *critical)


ITEMS = {
    "weight": _item("29463-7", "体重", "kg", "kg", "", "", 1, True),
    "height": _item("8302-2", "身高", "cm", "cm", "", "", 1, True),
    "bmi": _item("39156-5", "体质指数", "kg/m2", "kg/m2", "18.5", "23.9", 1, True),
    "pulse": _item("8867-4", "心率", "次/分", "/min", "60", "100", 0, True, (40, 150)),
    "temperature": _item("8310-5", "体温", "℃", "Cel", "36.0", "37.2", 1, True, (34, 40.5)),
    "saturation": _item("2708-6", "血氧饱和度", "%", "%", "95", "100", 0, True, (85, 1e9)),
    "glucose": _item("14771-0", "空腹血糖", "mmol/L", "mmol/L", "3.9", "6.1", 1, critical=(2.8, 22.0)),
    "hba1c": _item("4548-4", "糖化血红蛋白", "%", "%", "4.0", "6.0", 1),
    "cholesterol": _item("14647-2", "总胆固醇", "mmol/L", "mmol/L", "", "5.20", 2),
    "triglyceride": _item("14927-8", "甘油三酯", "mmol/L", "mmol/L", "", "1.70", 2),
    "hdl": _item("14646-4", "高密度脂蛋白胆固醇", "mmol/L", "mmol/L", "1.00", "", 2),
    "ldl": _item("22748-8", "低密度脂蛋白胆固醇", "mmol/L", "mmol/L", "", "3.40", 2),
    "creatinine": _item("14682-9", "血肌酐", "μmol/L", "umol/L", "44", "106", 0, critical=(0, 650)),
    "urea": _item("22664-7", "尿素", "mmol/L", "mmol/L", "2.8", "8.2", 1),
    "uric": _item("14933-6", "尿酸", "μmol/L", "umol/L", "150", "420", 0),
    "leukocytes": _item("6690-2", "白细胞计数", "10^9/L", "10*9/L", "3.5", "9.5", 1, critical=(1.5, 30)),
    "haemoglobin": _item("718-7", "血红蛋白", "g/L", "g/L", "115", "175", 0, critical=(50, 230)),
    "platelets": _item("777-3", "血小板计数", "10^9/L", "10*9/L", "125", "350", 0, critical=(30, 1000)),
    "cd4": _item("24467-3", "CD4+T淋巴细胞计数", "个/μL", "/uL", "500", "1600", 0),
    "viral_load": _item("20447-9", "HIV-1病毒载量", "拷贝/mL", "{copies}/mL", "", "50", 0),
    "crp": _item("1988-5", "C反应蛋白", "mg/L", "mg/L", "", "8.0", 1),
}
_PANELS = {
    "blood_count": concept(LOINC, "58410-2", "血常规"),
    "lipids": concept(LOINC, "24331-1", "血脂四项"),
    "renal": concept(LOINC, "24362-6", "肾功能"),
    "diabetes": concept(OWN + "panel", "diabetes", "糖代谢检测"),
}
PANEL_ITEMS = {
    "blood_count": ("leukocytes", "haemoglobin", "platelets"),
    "lipids": ("cholesterol", "triglyceride", "hdl", "ldl"),
    "renal": ("creatinine", "urea", "uric"),
    "diabetes": ("glucose", "hba1c"),
}
_PRESSURE = concept(LOINC, "85354-9", "血压")
_SYSTOLIC = concept(LOINC, "8480-6", "收缩压")
_DIASTOLIC = concept(LOINC, "8462-4", "舒张压")
_SYSTOLIC_RANGE = [{"low": quantity(90, "mmHg", "mm[Hg]"), "high": quantity(139, "mmHg", "mm[Hg]")}]
_DIASTOLIC_RANGE = [{"low": quantity(60, "mmHg", "mm[Hg]"), "high": quantity(89, "mmHg", "mm[Hg]")}]
_ECG = concept(LOINC, "11524-6", "心电图检查")
_CHEST = concept(LOINC, "36643-5", "胸部X线检查")
_EXAMINATIONS = {"ecg": (_ECG, ECG_REPORT), "chest": (_CHEST, IMAGING_REPORT)}


def measure(visit: Visit, key: str, value: float) -> Json:
    """An Observation of an item; returns its reference."""
    item = ITEMS[key]
    number: Decimal | int = int(value + 0.5) if item.places == 0 else tenths(value) if item.places == 1 else hundredths(value)
    made: Json = {
        "resourceType": "Observation",
        "id": make_id(visit.record.rng),
        "meta": {"source": visit.place.source},
        "status": "final",
        "category": item.category,
        "code": item.concept,
        "subject": visit.record.patient,
        "encounter": visit.ref,
        "effectiveDateTime": visit.at,
        "performer": [visit.place.ref],
        "valueQuantity": {"value": number, "unit": item.unit, "system": "http://unitsofmeasure.org", "code": item.ucum},
    }
    if item.range:
        made["interpretation"] = _interpret(item, number)
        made["referenceRange"] = item.range
    return visit.record.put(made)


def _interpret(item: Item, number: Decimal | int) -> list[Json]:
    if item.high is not None and number > item.high:
        return VERY_HIGH if number > item.critical_high else HIGH
    if item.low is not None and number < item.low:
        return VERY_LOW if number < item.critical_low else LOW
    return NORMAL


def measure_pressure(visit: Visit, systolic: float, diastolic: float) -> Json:
    """A blood pressure: one Observation with two components."""
    high, low = int(systolic + 0.5), int(diastolic + 0.5)
    upper = VERY_HIGH if high >= 180 else HIGH if high >= 140 else LOW if high < 90 else NORMAL
    lower = VERY_HIGH if low >= 110 else HIGH if low >= 90 else LOW if low < 60 else NORMAL
    return visit.record.put({
        "resourceType": "Observation",
        "id": make_id(visit.record.rng),
        "meta": {"source": visit.place.source},
        "status": "final",
        "category": VITAL_SIGNS,
        "code": _PRESSURE,
        "subject": visit.record.patient,
        "encounter": visit.ref,
        "effectiveDateTime": visit.at,
        "performer": [visit.place.ref],
        "interpretation": _worse(upper, lower),
        "component": [
            {
                "code": _SYSTOLIC,
                "valueQuantity": quantity(high, "mmHg", "mm[Hg]"),
                "interpretation": upper,
                "referenceRange": _SYSTOLIC_RANGE,
            },
            {
                "code": _DIASTOLIC,
                "valueQuantity": quantity(low, "mmHg", "mm[Hg]"),
                "interpretation": lower,
                "referenceRange": _DIASTOLIC_RANGE,
            },
        ],
    })  # fmt: skip


def _worse(upper: list[Json], lower: list[Json]) -> list[Json]:
    return next((found for found in (VERY_HIGH, HIGH, LOW) if upper is found or lower is found), NORMAL)


def report(visit: Visit, panel: str, values: dict[str, float], number: str) -> Json:
    """A laboratory report: its Observations, then the DiagnosticReport that lists them."""
    results = [measure(visit, key, values[key]) for key in PANEL_ITEMS[panel]]
    return visit.record.put({
        "resourceType": "DiagnosticReport",
        "id": make_id(visit.record.rng),
        "meta": {"source": visit.place.source},
        "identifier": [{"system": ID_LAB_REPORT, "value": number}],
        "status": "final",
        "category": LAB_REPORT,
        "code": _PANELS[panel],
        "subject": visit.record.patient,
        "encounter": visit.ref,
        "effectiveDateTime": visit.at,
        "issued": visit.at,
        "performer": [visit.place.ref],
        "result": results,
    })  # fmt: skip


def report_image(visit: Visit, kind: str, finding: str) -> Json:
    """An ECG (`ecg`) or chest film (`chest`) report in words."""
    code, category = _EXAMINATIONS[kind]
    return visit.record.put({
        "resourceType": "DiagnosticReport",
        "id": make_id(visit.record.rng),
        "meta": {"source": visit.place.source},
        "status": "final",
        "category": category,
        "code": code,
        "subject": visit.record.patient,
        "encounter": visit.ref,
        "effectiveDateTime": visit.at,
        "issued": visit.at,
        "performer": [visit.place.ref],
        "conclusion": finding,
    })  # fmt: skip
