"""Views of single resources: what a page shows of them, and where it says they come from."""

from __future__ import annotations

from base64 import b64encode
from decimal import Decimal

from xinglin.capabilities.health_record.model import Allergy, Measure, Medicine, Paper, Problem, Result, Visit, source_of
from xinglin.kit.banner import is_current

PLACES = {"v1": "王庄村卫生室"}


def test_an_entry_says_the_institution_of_its_visit_else_who_wrote_it_else_the_sending_system_else_nothing() -> None:
    recorder = {"recorder": {"display": "李医生"}}
    assert source_of({"encounter": {"reference": "Encounter/v1"}, **recorder}, PLACES, "recorder") == "王庄村卫生室"
    assert source_of({"context": {"encounter": [{"reference": "Encounter/v1"}]}}, PLACES) == "王庄村卫生室"
    assert source_of({"encounter": {"reference": "Encounter/v2"}, **recorder}, PLACES, "recorder") == "李医生"
    assert source_of({"performer": [{"actor": {"display": "王护士"}}]}, PLACES) == "王护士"
    assert source_of({"meta": {"source": "urn:his:1"}}, PLACES) == "urn:his:1"
    assert source_of({}, PLACES) == ""


def test_blood_pressure_reads_systolic_first_however_it_was_sent() -> None:
    parts = [{"code": {"coding": [{"code": code}]}, "valueQuantity": {"value": value}} for code, value in (("8462-4", 90), ("8480-6", 140))]
    result = Result.of({"resourceType": "Observation", "id": "1", "code": {"text": "血压"}, "component": parts}, {})
    assert [measure.number for measure in result.measures] == [Decimal(140), Decimal(90)]


def test_a_value_keeps_its_written_digits_and_a_unit_is_written_as_people_do() -> None:
    measure = Measure.of({"valueQuantity": {"value": Decimal("5.50"), "unit": "mm[Hg]"}})
    assert (str(measure.number), measure.unit) == ("5.50", "mmHg")
    assert Measure.of({"valueQuantity": {"value": 3, "unit": "{score}"}}).unit == ""


def test_a_value_may_be_words() -> None:
    assert Measure.of({"valueCodeableConcept": {"text": "阴性"}}).text == ("阴性",)
    assert Measure.of({"valueString": "清亮"}).text == ("清亮",)


def test_a_problem_that_ended_is_past_and_only_an_icd_code_is_shown() -> None:
    condition = {"id": "1", "code": {"coding": [{"system": "http://snomed.info/sct", "code": "38341003"}], "text": "高血压"}}
    assert Problem.of(condition, {}).active
    assert Problem.of(condition, {}).code == ""
    assert not Problem.of(condition | {"abatementDateTime": "2020"}, {}).active
    icd = condition | {"code": {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10", "code": "I10"}]}}
    assert (Problem.of(icd, {}).code, Problem.of(icd, {}).name) == ("I10", ("I10",))


def test_a_medicine_without_written_dosage_says_dose_and_frequency() -> None:
    dosage = {
        "doseAndRate": [{"doseQuantity": {"value": 1, "unit": "片"}}],
        "timing": {"repeat": {"frequency": 2, "period": 1, "periodUnit": "d"}},
    }
    request = {"id": "1", "status": "active", "medicationReference": {"display": "二甲双胍"}, "dosageInstruction": [dosage]}
    medicine = Medicine.of(request, {})
    assert (medicine.name, medicine.dosage, medicine.active) == (("二甲双胍",), "1 片 2/1d", True)
    assert not Medicine.of(request | {"status": "stopped"}, {}).active


def test_an_allergy_is_severe_by_criticality_or_by_a_reaction_and_a_denial_is_no_allergy() -> None:
    allergy = {"id": "1", "code": {"text": "青霉素"}}
    assert not Allergy.of(allergy, {}).severe
    assert Allergy.of(allergy | {"criticality": "high"}, {}).severe
    assert Allergy.of(allergy | {"reaction": [{"severity": "severe"}]}, {}).severe
    assert Allergy.of({"id": "2", "code": {"coding": [{"code": "716186003"}]}}, {}).denies


def test_a_refuted_or_resolved_allergy_does_not_stand() -> None:
    assert is_current({})
    assert not is_current({"verificationStatus": {"coding": [{"code": "refuted"}]}})
    assert not is_current({"clinicalStatus": {"coding": [{"code": "resolved"}]}})


def test_what_a_document_says_is_shown_as_plain_text_and_a_broken_attachment_is_not() -> None:
    section = {"title": "主诉", "text": {"div": "<div><p>头痛&amp;恶心</p><script>alert(1)</script></div>"}}
    note = {"resourceType": "Composition", "id": "1", "title": "门诊病历", "section": [section]}
    ((heading, words),) = Paper.of(note, {}).body
    assert (heading, words.split("\n")[0]) == ("主诉", "头痛&恶心")
    assert "<" not in words
    plain = {"contentType": "text/plain;charset=utf-8", "data": b64encode("出院小结：好转".encode()).decode()}
    broken = {"contentType": "text/plain", "data": "###"}
    document = {"resourceType": "DocumentReference", "id": "2", "content": [{"attachment": plain}, {"attachment": broken}]}
    assert Paper.of(document, {}).body == (("", "出院小结：好转"),)


def test_a_stay_lasts_into_another_day() -> None:
    stay = {"id": "1", "class": {"code": "IMP"}, "period": {"start": "2025-03-02T10:00:00+08:00", "end": "2025-03-09T09:00:00+08:00"}}
    assert Visit.of(stay, {}).is_stay
    assert not Visit.of(stay | {"period": {"start": "2025-03-02T10:00:00+08:00", "end": "2025-03-02T11:00:00+08:00"}}, {}).is_stay
