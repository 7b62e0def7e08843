"""FHIRPath on residents' records: what the HL7 suite does not ask, and the limits."""

import time
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xinglin.base.errors import XinglinError
from xinglin.fhir.definitions import RESOURCE_TYPES, invariants, search_params
from xinglin.fhir.fhirpath import PathError, Temporal, World, compile_path, evaluate, holds
from xinglin.fhir.fhirpath.limits import DEPTH_MAX, LENGTH_MAX

PATIENT: dict[str, Any] = {
    "resourceType": "Patient",
    "id": "p1",
    "contained": [{"resourceType": "Organization", "id": "clinic", "name": "杏林镇卫生院"}],
    "name": [{"use": "official", "family": "李", "given": ["春"]}, {"use": "usual", "text": "小李"}],
    "gender": "female",
    "birthDate": "1990-03",
    "_birthDate": {"extension": [{"url": "urn:said-by", "valueString": "mother"}]},
    "deceasedBoolean": False,
    "managingOrganization": {"reference": "#clinic"},
    "generalPractitioner": [{"reference": "Practitioner/7"}, {"reference": "urn:other"}],
}
PRESSURE: dict[str, Any] = {
    "resourceType": "Observation",
    "status": "final",
    "code": {"coding": [{"system": "http://loinc.org", "code": "85354-9"}]},
    "effectiveDateTime": "2021-05-17T08:30:00+08:00",
    "component": [
        {"code": {"text": "systolic"}, "valueQuantity": {"value": 142, "system": "http://unitsofmeasure.org", "code": "mm[Hg]"}},
        {"code": {"text": "sodium"}, "valueQuantity": {"value": Decimal(140), "comparator": "<", "unit": "mmol/L"}},
        {"code": {"text": "note"}, "valueString": "sitting"},
    ],
}


def test_a_value_is_found_by_its_path() -> None:
    assert evaluate(PATIENT, "Patient.name.where(use = 'official').given") == ["春"]
    assert evaluate(PATIENT, "Observation.value") == []
    assert evaluate(PATIENT, "name[1].text") == ["小李"]


def test_a_choice_element_is_named_without_its_type() -> None:
    assert evaluate(PATIENT, "deceased") == [False]
    assert evaluate(PRESSURE, "component.value.ofType(string)") == ["sitting"]
    assert evaluate(PRESSURE, "(component.value as Quantity).code") == ["mm[Hg]"]
    assert [found.type for found in compile_path("component.value").found(PRESSURE)] == ["Quantity", "Quantity", "string"]


def test_an_extension_on_a_date_is_reached_through_the_date() -> None:
    assert evaluate(PATIENT, "birthDate.extension('urn:said-by').value") == ["mother"]
    assert evaluate(PATIENT, "birthDate.extension.exists() and birthDate.hasValue()") == [True]


def test_a_month_is_neither_before_nor_after_a_day_within_it() -> None:
    assert evaluate(PATIENT, "birthDate < @1990-03-15") == []
    assert evaluate(PATIENT, "birthDate < @1990-04-01") == [True]
    assert evaluate(PRESSURE, "effective = @2021-05-17T00:30:00Z") == [True]


def test_a_pressure_is_compared_across_units() -> None:
    assert evaluate(PRESSURE, "component[0].value > 18 'kPa'") == [True]
    assert evaluate(PRESSURE, "component[0].value > 5 'mmol/L'") == []


def test_a_value_that_is_only_a_bound_is_not_compared() -> None:
    assert evaluate(PRESSURE, "component[1].value < 150 'mmol/L'") == []


def test_references_are_resolved_within_the_record_and_through_the_world() -> None:
    doctor = {"resourceType": "Practitioner", "id": "7", "active": True}
    assert evaluate(PATIENT, "managingOrganization.resolve().name") == ["杏林镇卫生院"]
    known = {"Practitioner/7": doctor}
    assert evaluate(PATIENT, "generalPractitioner.resolve().active", resolve=known.get) == [True]
    assert evaluate(PATIENT, "generalPractitioner.where(resolve() is Practitioner).reference") == ["Practitioner/7"]
    bundle = {"resourceType": "Bundle", "entry": [{"fullUrl": "urn:other", "resource": doctor}, {"resource": PATIENT}]}
    assert evaluate(bundle, "entry.resource.ofType(Patient).generalPractitioner[1].resolve().id") == ["7"]


def test_terminology_is_asked_of_the_world() -> None:
    world = World(member_of=lambda value, url: value == "female" and url.endswith("administrative-gender"))
    assert evaluate(PATIENT, "gender.memberOf(%`vs-administrative-gender`)", world=world) == [True]
    with pytest.raises(PathError):
        evaluate(PATIENT, "gender.memberOf('urn:x')")


def test_the_time_is_given_and_never_taken() -> None:
    assert evaluate(PATIENT, "birthDate < today()", variables={"now": datetime(2026, 11, 22, tzinfo=UTC)}) == [True]
    (today,) = evaluate(PATIENT, "today()", variables={"now": "2026-11-22T08:00:00+08:00"})
    assert isinstance(today, Temporal)
    assert today.text == "2026-11-22"
    with pytest.raises(PathError):
        evaluate(PATIENT, "now()")


def test_variables_are_given_by_name() -> None:
    assert evaluate(PATIENT, "%least + 1", variables={"least": 3}) == [4]
    assert evaluate(PATIENT, "%other.status", variables={"other": PRESSURE}) == ["final"]
    with pytest.raises(PathError):
        evaluate(PATIENT, "%unknown")


def test_an_invariant_holds_when_it_is_true_or_empty() -> None:
    contact = {"name": {"text": "张"}}
    assert holds(contact, "name.exists() or telecom.exists()", type="Patient.contact", resource=PATIENT)
    assert not holds({}, "name.exists() or telecom.exists()", type="Patient.contact", resource=PATIENT)
    assert holds({}, "period.start <= period.end", type="Patient.contact")
    reference = {"reference": "#clinic"}
    contained = "reference.startsWith('#').not() or (reference.substring(1) in %rootResource.contained.id)"
    assert holds(reference, contained, type="Reference", resource=PATIENT)
    assert not holds({"reference": "#nobody"}, contained, type="Reference", resource=PATIENT)


def test_the_index_of_an_outer_filter_comes_back_after_an_inner_one() -> None:
    assert evaluate(PATIENT, "name.select(iif(given.where($index = 0).exists(), $index, $index + 10))") == [0, 11]


def test_names_the_type_does_not_have_are_empty_or_refused_as_asked() -> None:
    assert evaluate(PATIENT, "name.familyName") == []
    with pytest.raises(PathError):
        compile_path("name.familyName", type="Patient", strict=True)


@pytest.mark.parametrize("resource_type", RESOURCE_TYPES)
def test_every_search_parameter_of_a_type_names_elements_it_has(resource_type: str) -> None:
    for param in search_params(resource_type).values():
        if param.expression:
            assert compile_path(param.expression, type=resource_type, strict=True).expression == param.expression


def test_every_invariant_of_r4_can_be_read() -> None:
    for rule in invariants():
        assert compile_path(rule.expression).expression == rule.expression


@pytest.mark.parametrize(
    "expression",
    ["", "name.", "name..given", "(name", "name)", "name[", "1 +", "'open", "`open", "name.where()", "@2015-13", "@T25", "name is", "%",
     "$that", "a b", "name.unknownFunction()", "5 'mg' +", "{1}", "name.where(a, b)", "'\\x'", "'\\ud800'", "name.as(Nothing)",
     "Patient as FHIR.Nothing"],
)  # fmt: skip
def test_what_is_no_fhirpath_is_refused(expression: str) -> None:
    with pytest.raises(PathError):
        compile_path(expression)


@pytest.mark.parametrize(
    "expression",
    [
        "a." * LENGTH_MAX,
        "(" * 5000 + "1" + ")" * 5000,
        "1" + " + 1" * (DEPTH_MAX + 1),
        "name" + ".first()" * (DEPTH_MAX + 1),
        "iif(true, " * 300 + "1" + ", 2)" * 300,
        "-" * 6000 + "1",
        "name[" * 300 + "0" + "]" * 300,
    ],
)
def test_an_expression_too_long_or_too_deep_is_refused(expression: str) -> None:
    with pytest.raises(PathError):
        compile_path(expression)


@pytest.mark.parametrize(
    "expression",
    [
        "1.repeat($this + 1)",
        "'a'.repeat($this & $this)",
        "('0123456789'.toChars()).select(" * 9 + "1" + ")" * 9,
        "'0123456789012345678901234567890123456789'.toChars().aggregate($total & $total & 'ab', 'xyz')",
        "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!'.matches('^(a+)+$')",
        "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!'.matches('^(a|aa)+$')",
        "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!'.matches('^((a*)b?)*$')",
        "'x'.matches('[')",
    ],
)
def test_an_evaluation_that_would_not_end_is_refused_within_seconds(expression: str) -> None:
    start = time.perf_counter()
    with pytest.raises(PathError):
        evaluate(PATIENT, expression)
    assert time.perf_counter() - start < 10


def test_numbers_that_overflow_are_empty() -> None:
    assert evaluate(PATIENT, "9223372036854775807 + 1") == []
    assert evaluate(PATIENT, "10.power(400)") == []
    assert evaluate(PATIENT, "@9999-12-31 + 1 day") == []
    assert evaluate(PATIENT, "0.1 + 0.2 = 0.3") == [True]


@pytest.mark.parametrize(
    "pattern",
    [r"^[^.:]{1,9}(\\.[^.:]{1,9}(\\:[^.\\s]+)?)*$", "[A-Z]([A-Za-z0-9_]){0,254}", r"urn:oid:[0-2](\\.(0|[1-9]\\d*))+", "^(a|b)+$"],
)
def test_patterns_as_r4_uses_them_are_taken(pattern: str) -> None:
    assert evaluate(PATIENT, f"'Aa.b[x]:c'.matches('{pattern}')") in ([True], [False])


def test_amounts_are_added_in_the_smaller_unit() -> None:
    assert evaluate(PATIENT, "(5 'mg' + 1 'g').toString()") == ["1005 'mg'"]
    assert evaluate(PATIENT, "(1 week + 1 day) = 8 days") == [True]
    assert evaluate(PATIENT, "5 'mg' + 1 'mL'") == []


def test_a_date_moves_by_the_calendar() -> None:
    assert evaluate(PATIENT, "@2014-01-31 + 1 month = @2014-02-28") == [True]
    assert evaluate(PATIENT, "@2016-02-29 - 1 year = @2015-02-28") == [True]
    assert evaluate(PATIENT, "@T23:30 + 1 hour = @T00:30") == [True]
    assert evaluate(PATIENT, "@2014-01 + 40 days = @2014-02") == [True]


def test_the_end_of_a_text_is_not_before_a_line_end() -> None:
    assert evaluate(PATIENT, "'ab\\n'.matches('^ab$')") == [False]


@pytest.mark.parametrize(
    "resource",
    [
        {"resourceType": "Patient", "name": "李"},
        {"resourceType": "Patient", "name": [["a"], 3, None, {"given": {"x": 1}, "period": {"start": 5, "end": "yesterday"}}]},
        {"resourceType": "Patient", "birthDate": {"a": 1}, "_birthDate": [None], "gender": ["x"], "deceasedBoolean": "no"},
        {"resourceType": "Patient", "contained": {"resourceType": 5}, "extension": "x", "meta": []},
    ],
)
def test_a_resource_of_wrong_shape_never_breaks_the_engine(resource: dict[str, Any]) -> None:
    for rule in (rule.expression for rule in invariants()):
        try:
            evaluate(resource, rule)
        except XinglinError:
            continue
    assert evaluate(resource, "descendants().exists()") == [True]


NAMES = ["name", "given", "birthDate", "'x'", "1", "2.5", "true", "@2015-02", "5 'mg'", "{}", "$this", "first()", "count()", "lower()",
         "toString()", "where($this = 'x')", "lowBoundary()", "Patient", "abs()", "sort()", "type()", "exists()"]  # fmt: skip
SIGNS = [".", "+", "-", "*", "/", "=", "~", "<", "|", " and ", " or ", " is ", " in ", "&", " div ", "[0]", "(", ")"]


def outcome(expression: str) -> list[Any] | str:
    """What comes of an expression: its values, or why it is refused."""
    try:
        return evaluate(PATIENT, expression)
    except PathError as refused:
        return str(refused)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(NAMES + SIGNS), max_size=12).map("".join))
def test_any_text_is_evaluated_or_refused_with_words(expression: str) -> None:
    found = outcome(expression)
    assert found == [] or all(value is not None and value != "" for value in found)
