"""Names in both languages for the measurements most records hold, for records that carry only one."""

from __future__ import annotations

from xinglin.kit.coding import Code

LOINC = "http://loinc.org"


def _loinc(code: str, en: str, zh: str) -> Code:
    return Code(LOINC, code, en, zh)


MEASUREMENTS = (
    _loinc("85354-9", "Blood pressure", "血压"),
    _loinc("8480-6", "Systolic", "收缩压"),
    _loinc("8462-4", "Diastolic", "舒张压"),
    _loinc("8867-4", "Heart rate", "心率"),
    _loinc("9279-1", "Respiratory rate", "呼吸"),
    _loinc("8310-5", "Body temperature", "体温"),
    _loinc("8302-2", "Height", "身高"),
    _loinc("29463-7", "Weight", "体重"),
    _loinc("39156-5", "Body mass index", "体质指数"),
    _loinc("8280-0", "Waist circumference", "腰围"),
    _loinc("9843-4", "Head circumference", "头围"),
    _loinc("2708-6", "Oxygen saturation", "血氧饱和度"),
    _loinc("59408-5", "Oxygen saturation", "血氧饱和度"),
    _loinc("72514-3", "Pain score", "疼痛评分"),
    _loinc("59576-9", "BMI percentile", "体质指数百分位"),
    _loinc("77606-2", "Weight-for-length percentile", "身长别体重百分位"),
    _loinc("2339-0", "Glucose", "血糖"),
    _loinc("2345-7", "Glucose", "血糖"),
    _loinc("1558-6", "Fasting glucose", "空腹血糖"),
    _loinc("4548-4", "Hemoglobin A1c", "糖化血红蛋白"),
    _loinc("6299-2", "Urea nitrogen", "尿素氮"),
    _loinc("38483-4", "Creatinine", "肌酐"),
    _loinc("2160-0", "Creatinine", "肌酐"),
    _loinc("33914-3", "Glomerular filtration rate", "肾小球滤过率"),
    _loinc("49765-1", "Calcium", "钙"),
    _loinc("2947-0", "Sodium", "钠"),
    _loinc("6298-4", "Potassium", "钾"),
    _loinc("2069-3", "Chloride", "氯"),
    _loinc("20565-8", "Carbon dioxide", "二氧化碳"),
    _loinc("2093-3", "Total cholesterol", "总胆固醇"),
    _loinc("2571-8", "Triglycerides", "甘油三酯"),
    _loinc("18262-6", "LDL cholesterol", "低密度脂蛋白胆固醇"),
    _loinc("13457-7", "LDL cholesterol", "低密度脂蛋白胆固醇"),
    _loinc("2085-9", "HDL cholesterol", "高密度脂蛋白胆固醇"),
    _loinc("718-7", "Hemoglobin", "血红蛋白"),
    _loinc("6690-2", "White blood cells", "白细胞"),
    _loinc("789-8", "Red blood cells", "红细胞"),
    _loinc("777-3", "Platelets", "血小板"),
    _loinc("4544-3", "Hematocrit", "红细胞压积"),
    _loinc("787-2", "MCV", "平均红细胞体积"),
    _loinc("785-6", "MCH", "平均红细胞血红蛋白量"),
    _loinc("786-4", "MCHC", "平均红细胞血红蛋白浓度"),
    _loinc("21000-5", "Red cell distribution width", "红细胞分布宽度"),
    _loinc("32207-3", "Platelet distribution width", "血小板分布宽度"),
    _loinc("32623-1", "Mean platelet volume", "平均血小板体积"),
    _loinc("2885-2", "Total protein", "总蛋白"),
    _loinc("1751-7", "Albumin", "白蛋白"),
    _loinc("10834-0", "Globulin", "球蛋白"),
    _loinc("1975-2", "Total bilirubin", "总胆红素"),
    _loinc("6768-6", "Alkaline phosphatase", "碱性磷酸酶"),
    _loinc("1742-6", "ALT", "丙氨酸氨基转移酶"),
    _loinc("1920-8", "AST", "天门冬氨酸氨基转移酶"),
    _loinc("3084-1", "Uric acid", "尿酸"),
    _loinc("72166-2", "Tobacco smoking", "吸烟情况"),
)

UNITS = {
    "mm[Hg]": "mmHg",
    "Cel": "°C",
    "[degF]": "°F",
    "kg/m2": "kg/m²",
    "10*3/uL": "10³/µL",
    "10*6/uL": "10⁶/µL",
    "10*9/L": "10⁹/L",
    "10^9/L": "10⁹/L",
    "10*12/L": "10¹²/L",
    "10^12/L": "10¹²/L",
    "umol/L": "µmol/L",
    "ug/L": "µg/L",
    "uIU/mL": "µIU/mL",
    "mL/min/{1.73_m2}": "mL/min/1.73m²",
}
"""UCUM codes that stand where a person's unit should, and how a person writes them."""


def unit_said(unit: str) -> str:
    """A unit as a person writes it; an annotation alone, as {score}, is no unit."""
    return UNITS.get(unit) or ("" if unit.startswith("{") and unit.endswith("}") else unit)
