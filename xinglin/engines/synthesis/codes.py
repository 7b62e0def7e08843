"""Code systems and coded values the synthetic county uses. Systems under `urn:xinglin:` are our own; national ones are named by OID.

National value sets and identifier OIDs: GB/T 2261, GB 3304, WS/T 500 (2.16.156.10011). Diagnoses are ICD-10, drugs ATC where one exists.
"""

from __future__ import annotations

from typing import Any

OWN = "urn:xinglin:"
ICD10 = "http://hl7.org/fhir/sid/icd-10"
ICD9_PROCEDURE = "http://hl7.org/fhir/sid/icd-9-cm"
LOINC = "http://loinc.org"
UCUM = "http://unitsofmeasure.org"
ATC = "http://www.whocc.no/atc"
HL7 = "http://terminology.hl7.org/CodeSystem/"
ACT = HL7 + "v3-ActCode"

OID = "urn:oid:2.16.156.10011."
ID_RESIDENT = OID + "1.3"
ID_HEALTH_RECORD = OID + "1.2"
ID_STAFF = OID + "1.4"
ID_INSTITUTION = OID + "1.5"
ID_OUTPATIENT = OID + "1.11"
ID_INPATIENT = OID + "1.12"
ID_PRESCRIPTION = OID + "1.20"
ID_LAB_REPORT = OID + "1.33"
ETHNICITY = OID + "2.3.3.3"
MARITAL = OID + "2.3.3.5"
SHARED_DOCUMENT = OID + "2.4"

DRUG = OWN + "drug"
VACCINE = OWN + "vaccine"
SUBSTANCE = OWN + "substance"
INSURANCE = OWN + "insurance"
INSTITUTION_KIND = OWN + "institution-kind"
POST = OWN + "post"
DEPARTMENT = OWN + "department"
VISIT_KIND = OWN + "visit-kind"
PROGRAMME = OWN + "programme"
ROUTE = OWN + "route"
ETHNICITY_EXTENSION = OWN + "extension:ethnicity"

Json = dict[str, Any]


def concept(system: str, code: str, display: str, *more: Json) -> Json:
    """A CodeableConcept of one coding (and more), with its display as text. Shared between resources: read only."""
    return {"coding": [{"system": system, "code": code, "display": display}, *more], "text": display}


def coding(system: str, code: str, display: str) -> Json:
    """A Coding."""
    return {"system": system, "code": code, "display": display}


AMBULATORY = coding(ACT, "AMB", "门诊")
INPATIENT = coding(ACT, "IMP", "住院")
HOME_VISIT = coding(ACT, "HH", "家庭访视")
EMERGENCY = coding(ACT, "EMER", "急诊")

VITAL_SIGNS = [concept(HL7 + "observation-category", "vital-signs", "生命体征")]
LABORATORY = [concept(HL7 + "observation-category", "laboratory", "检验")]
LAB_REPORT = [concept(HL7 + "v2-0074", "LAB", "检验")]
ECG_REPORT = [concept(HL7 + "v2-0074", "EC", "心电")]
IMAGING_REPORT = [concept(HL7 + "v2-0074", "RAD", "影像")]
NORMAL = [concept(HL7 + "v3-ObservationInterpretation", "N", "正常")]
HIGH = [concept(HL7 + "v3-ObservationInterpretation", "H", "偏高")]
LOW = [concept(HL7 + "v3-ObservationInterpretation", "L", "偏低")]
VERY_HIGH = [concept(HL7 + "v3-ObservationInterpretation", "HH", "危急偏高")]
VERY_LOW = [concept(HL7 + "v3-ObservationInterpretation", "LL", "危急偏低")]

ACTIVE = concept(HL7 + "condition-clinical", "active", "活动")
RESOLVED = concept(HL7 + "condition-clinical", "resolved", "已痊愈")
CONFIRMED = concept(HL7 + "condition-ver-status", "confirmed", "确诊")
PROBLEM = [concept(HL7 + "condition-category", "problem-list-item", "健康问题")]
ENCOUNTER_DIAGNOSIS = [concept(HL7 + "condition-category", "encounter-diagnosis", "就诊诊断")]
ALLERGY_ACTIVE = concept(HL7 + "allergyintolerance-clinical", "active", "活动")
ALLERGY_CONFIRMED = concept(HL7 + "allergyintolerance-verification", "confirmed", "确认")

ORAL = concept(ROUTE, "1", "口服")
SUBCUTANEOUS = concept(ROUTE, "401", "皮下注射")
INTRAVENOUS = concept(ROUTE, "404", "静脉注射")
INHALED = concept(ROUTE, "5", "吸入")
TOPICAL = concept(ROUTE, "6", "局部用药")
ROUTES = {"口服": ORAL, "皮下注射": SUBCUTANEOUS, "静脉滴注": INTRAVENOUS, "吸入": INHALED, "外用": TOPICAL}

OUTPATIENT_NOTE = concept(LOINC, "34108-1", "门诊病历", coding(SHARED_DOCUMENT, "C0002", "门(急)诊病历"))
DISCHARGE_SUMMARY = concept(LOINC, "18842-5", "出院小结", coding(SHARED_DOCUMENT, "C0053", "出院小结"))

ETHNICITIES = {
    "01": coding(ETHNICITY, "01", "汉族"), "03": coding(ETHNICITY, "03", "回族"), "06": coding(ETHNICITY, "06", "苗族"),
    "11": coding(ETHNICITY, "11", "满族"), "15": coding(ETHNICITY, "15", "土家族"),
}  # fmt: skip
MARITAL_STATUS = {
    "10": concept(MARITAL, "10", "未婚", coding(HL7 + "v3-MaritalStatus", "S", "Never Married")),
    "20": concept(MARITAL, "20", "已婚", coding(HL7 + "v3-MaritalStatus", "M", "Married")),
    "30": concept(MARITAL, "30", "丧偶", coding(HL7 + "v3-MaritalStatus", "W", "Widowed")),
    "40": concept(MARITAL, "40", "离婚", coding(HL7 + "v3-MaritalStatus", "D", "Divorced")),
}
INSURANCES = {
    "310": concept(INSURANCE, "310", "职工基本医疗保险"),
    "390": concept(INSURANCE, "390", "城乡居民基本医疗保险"),
}
