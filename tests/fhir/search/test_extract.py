"""What is found of a resource: one small resource for each rule of FHIR R4 search."""

from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xinglin.base.errors import Malformed
from xinglin.fhir.definitions import RESOURCE_TYPES, search_params
from xinglin.fhir.search.extract import LEFT_OUT, compile_params, extract, extract_param
from xinglin.fhir.search.model import TIME_MAX, TIME_MIN, Amount, Link, Number, SearchParam, Span, Text, Token, Tuple, Uri
from xinglin.fhir.search.tracks import tracks

LOINC = "http://loinc.org"
UCUM = "http://unitsofmeasure.org"
DAY_US = 86_400_000_000


def observation(**elements):
    return {"resourceType": "Observation", **elements}


def test_a_concept_is_found_by_each_coding_and_by_its_text():
    code = {"coding": [{"system": LOINC, "code": "8480-6", "display": "Systolic"}, {"code": "SBP"}], "text": "收缩压"}
    found = extract(observation(code=code))
    assert found["code"] == (Token(LOINC, "8480-6", "Systolic"), Token(None, "SBP"), Token(None, None, "收缩压"))
    assert found["combo-code"] == found["code"]


def test_a_code_a_boolean_and_a_string_are_bare_tokens():
    found = extract({"resourceType": "Patient", "gender": "female", "active": True})
    assert found["gender"] == (Token(None, "female", None, True),)
    assert found["active"] == (Token(None, "true", None, True),)


def test_a_patient_who_is_not_said_to_be_dead_is_found_as_living():
    assert extract({"resourceType": "Patient"})["deceased"][0] == Token(None, "false", None, True)
    assert extract({"resourceType": "Patient", "deceasedBoolean": False})["deceased"][0] == Token(None, "false", None, True)
    assert extract({"resourceType": "Patient", "deceasedDateTime": "2020"})["deceased"][0] == Token(None, "true", None, True)


def test_an_identifier_keeps_its_type_for_of_type():
    kind = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "MR"}], "text": "病案号"}
    found = extract({"resourceType": "Patient", "identifier": [{"system": "urn:h", "value": "7", "type": kind}, {"value": "8"}]})
    assert found["identifier"] == (
        Token("urn:h", "7", "病案号", False, "http://terminology.hl7.org/CodeSystem/v2-0203", "MR"),
        Token(None, "8"),
    )


def test_a_phone_is_found_as_telecom_and_as_phone_but_not_as_email():
    found = extract({"resourceType": "Patient", "telecom": [{"system": "phone", "value": "138"}, {"system": "email", "value": "a@b"}]})
    assert [t.code for t in found["telecom"]] == ["138", "a@b"]
    assert [t.code for t in found["phone"]] == ["138"]
    assert [t.code for t in found["email"]] == ["a@b"]


def test_each_part_of_a_name_and_of_an_address_is_a_text():
    patient = {
        "resourceType": "Patient",
        "name": [{"family": "欧阳", "given": ["小", "红"], "text": "欧阳小红"}],
        "address": [{"line": ["1 Main St"], "city": "杏林", "use": "home"}],
    }
    found = extract(patient)
    assert set(found["name"]) == {Text("欧阳"), Text("小"), Text("红"), Text("欧阳小红")}
    assert found["family"] == (Text("欧阳"),)
    assert found["address"] == (Text("1 Main St"), Text("杏林"))
    assert found["address-city"] == (Text("杏林"),)
    assert found["address-use"] == (Token(None, "home", None, True),)


@pytest.mark.parametrize(
    ("reference", "link"),
    [
        ({"reference": "Patient/7"}, Link("Patient", "7")),
        ({"reference": "Patient/7/_history/3", "display": "Li"}, Link("Patient", "7", None, None, "Li")),
        ({"reference": "http://a.cn/fhir/Patient/7"}, Link(None, None, "http://a.cn/fhir/Patient/7")),
        ({"reference": "urn:uuid:0a"}, Link(None, None, "urn:uuid:0a")),
        ({"identifier": {"system": "urn:id", "value": "110"}, "type": "Patient"}, Link("Patient", None, None, ("urn:id", "110"))),
        ({"reference": "Patient/7", "identifier": {"value": "110"}}, Link("Patient", "7", None, (None, "110"))),
    ],
)
def test_a_reference_in_each_of_its_forms(reference, link):
    assert extract(observation(subject=reference))["subject"] == (link,)


def test_a_contained_resource_is_no_place_a_search_can_go():
    assert "subject" not in extract(observation(subject={"reference": "#p"}))


def test_patient_is_the_subject_only_when_the_subject_is_a_patient():
    assert extract(observation(subject={"reference": "Patient/7"}))["patient"] == (Link("Patient", "7"),)
    assert "patient" in extract(observation(subject={"reference": "http://a.cn/fhir/Patient/7"}))
    assert "patient" not in extract(observation(subject={"reference": "Group/7"}))
    assert "patient" not in extract(observation(subject={"reference": "urn:uuid:0a"}))


def test_a_canonical_loses_its_version():
    found = extract({"resourceType": "QuestionnaireResponse", "questionnaire": "http://a.cn/Questionnaire/q|2"})
    assert found["questionnaire"] == (Link(None, None, "http://a.cn/Questionnaire/q"),)


def test_the_common_parameters_are_found_in_meta():
    meta = {"tag": [{"system": "s", "code": "t"}], "security": [{"code": "R"}], "profile": ["http://p|1"], "source": "urn:x"}
    found = extract(observation(meta=meta, id="1"))
    assert found == {
        "_tag": (Token("s", "t"),),
        "_security": (Token(None, "R"),),
        "_profile": (Uri("http://p"),),
        "_source": (Uri("urn:x"),),
    }


def test_id_and_last_updated_are_found_only_when_asked_for_one_by_one():
    resource = observation(id="7", meta={"lastUpdated": "2020-01-01T00:00:00Z"})
    assert not LEFT_OUT & set(extract(resource))
    params = search_params("Observation")
    assert extract_param(resource, params["_id"]) == (Token(None, "7", None, True),)
    assert extract_param(resource, params["_lastUpdated"]) == (Span(1_577_836_800_000_000, 1_577_836_801_000_000),)


def test_a_date_covers_its_precision_in_the_zone_of_the_region():
    shanghai = extract({"resourceType": "Patient", "birthDate": "1970-01-02"})["birthdate"][0]
    assert shanghai == Span(16 * 3_600_000_000, 40 * 3_600_000_000)
    utc = extract({"resourceType": "Patient", "birthDate": "1970-01-02"}, ZoneInfo("UTC"))["birthdate"][0]
    assert utc == Span(DAY_US, 2 * DAY_US)


def test_a_period_without_an_end_is_open():
    zoned = {"start": "1970-01-02T00:00:00Z"}
    assert extract(observation(effectivePeriod=zoned))["date"] == (Span(DAY_US, TIME_MAX),)
    assert extract(observation(effectivePeriod={"end": "1970-01-02T00:00:00Z"}))["date"] == (Span(TIME_MIN, DAY_US + 1_000_000),)
    assert "date" not in extract(observation(effectivePeriod={}))


def test_a_timing_is_its_outer_limits():
    timing = {"event": ["1970-01-02T00:00:00Z", "1970-01-05T00:00:00Z"], "repeat": {"boundsPeriod": {"end": "1970-01-09T00:00:00Z"}}}
    assert extract(observation(effectiveTiming=timing))["date"] == (Span(TIME_MIN, 8 * DAY_US + 1_000_000),)
    del timing["repeat"]
    assert extract(observation(effectiveTiming=timing))["date"] == (Span(DAY_US, 4 * DAY_US + 1_000_000),)


def test_a_quantity_keeps_unit_and_comparator():
    quantity = {"value": Decimal("5.40"), "unit": "mmol/L", "system": UCUM, "code": "mmol/L"}
    assert extract(observation(valueQuantity=quantity))["value-quantity"] == (
        Amount(Decimal("5.40"), Decimal("5.40"), UCUM, "mmol/L", "mmol/L"),
    )
    below = extract(observation(valueQuantity={"value": 5, "comparator": "<"}))["value-quantity"]
    assert below == (Amount(None, Decimal(5)),)
    above = extract(observation(valueQuantity={"value": 5, "comparator": ">="}))["value-quantity"]
    assert above == (Amount(Decimal(5), None),)


def test_a_range_is_an_amount_from_low_to_high_and_an_age_is_an_amount():
    onset = {"low": {"value": 30, "code": "a", "system": UCUM}, "high": {"value": 40, "code": "a", "system": UCUM}}
    assert extract({"resourceType": "Condition", "onsetRange": onset})["onset-age"] == (Amount(Decimal(30), Decimal(40), UCUM, "a"),)
    age = extract({"resourceType": "Condition", "onsetAge": {"value": 30, "code": "a", "system": UCUM}})
    assert age["onset-age"] == (Amount(Decimal(30), Decimal(30), UCUM, "a"),)


def test_money_has_its_currency_for_a_unit():
    found = extract({"resourceType": "Invoice", "totalNet": {"value": Decimal("9.90"), "currency": "CNY"}})
    assert found["totalnet"] == (Amount(Decimal("9.90"), Decimal("9.90"), "urn:iso:std:iso:4217", "CNY", "CNY"),)


def test_a_number_is_kept_as_written():
    assert extract({"resourceType": "RiskAssessment", "prediction": [{"probabilityDecimal": Decimal("0.10")}]})["probability"] == (
        Number(Decimal("0.10")),
    )


def test_a_composite_joins_the_values_of_one_element_only():
    systolic = {"code": {"coding": [{"code": "S"}]}, "valueQuantity": {"value": 120}}
    diastolic = {"code": {"coding": [{"code": "D"}]}, "valueQuantity": {"value": 80}}
    missing = {"code": {"coding": [{"code": "M"}]}}
    found = extract(observation(code={"coding": [{"code": "BP"}]}, component=[systolic, diastolic, missing]))
    pairs = (
        Tuple(((Token(None, "S"),), (Amount(Decimal(120), Decimal(120)),))),
        Tuple(((Token(None, "D"),), (Amount(Decimal(80), Decimal(80)),))),
    )
    assert found["component-code-value-quantity"] == pairs
    assert found["combo-code-value-quantity"] == pairs
    assert "code-value-quantity" not in found


def test_a_composite_may_reach_back_to_the_whole_resource():
    found = extract({
        "resourceType": "MolecularSequence",
        "referenceSeq": {"chromosome": {"coding": [{"code": "1"}]}},
        "variant": [{"start": 5, "end": 6}],
    })  # fmt: skip
    assert found["chromosome-variant-coordinate"] == (Tuple(((Token(None, "1"),), (Number(Decimal(5)),), (Number(Decimal(6)),))),)


def test_the_composition_of_a_document_is_its_first_entry():
    entries = [{"resource": {"resourceType": "Composition", "id": "c"}}, {"resource": {"resourceType": "Patient", "id": "p"}}]
    assert extract({"resourceType": "Bundle", "entry": entries})["composition"] == (Link("Composition", "c"),)


def custom(expression, kind="token", type="Patient"):
    return SearchParam(type, "own", kind, expression)


ETHNICITY = {"url": "http://a.cn/ethnicity", "valueCoding": {"system": "urn:mz", "code": "01"}}


@pytest.mark.parametrize(
    ("expression", "kind", "patient", "value"),
    [
        ("Patient.extension('http://a.cn/ethnicity').value", "token", {"extension": [ETHNICITY]}, Token("urn:mz", "01")),
        ("Patient.extension.where(url='http://a.cn/ethnicity').value.ofType(Coding)", "token", {"extension": [ETHNICITY]},
         Token("urn:mz", "01")),
        ("Patient.birthDate.extension('http://a.cn/lunar').value", "string",
         {"_birthDate": {"extension": [{"url": "http://a.cn/lunar", "valueString": "腊月"}]}}, Text("腊月")),
        ("Patient.contact.where(relationship.coding.code = 'N' and name.exists()).name.family", "string",
         {"contact": [{"name": {"family": "C"}}, {"name": {"family": "N"}, "relationship": [{"coding": [{"code": "N"}]}]}]}, Text("N")),
        ("Patient.name.where(use='official' or use='usual').family", "string", {"name": [{"use": "usual", "family": "A"}]}, Text("A")),
        ("Patient.name[1].family", "string", {"name": [{"family": "A"}, {"family": "B"}]}, Text("B")),
        ("Patient.name.first().family", "string", {"name": [{"family": "A"}, {"family": "B"}]}, Text("A")),
        ("Patient.link.exists()", "token", {"link": [{"type": "refer"}]}, Token(None, "true", None, True)),
        ("(Patient.deceased as dateTime)", "date", {"deceasedDateTime": "1970-01-02T00:00:00Z"}, Span(DAY_US, DAY_US + 1_000_000)),
    ],
)  # fmt: skip
def test_an_own_parameter_over_what_profiles_add(expression, kind, patient, value):
    found = compile_params([custom(expression, kind)])({"resourceType": "Patient", **patient})
    assert found == {"own": (value,)}


@pytest.mark.parametrize("expression", ["Patient.name.count() > 1", "Patient.(", "a + b", "iif(a, b, c)", "(" * 500, "Patient.x[a]"])
def test_an_expression_search_cannot_index_is_refused(expression):
    with pytest.raises(Malformed):
        compile_params([custom(expression)])


def test_every_parameter_of_r4_is_understood():
    lost = [
        (type, name)
        for type in RESOURCE_TYPES
        for name, param in search_params(type).items()
        if param.expression and "exists()" not in param.expression and not tracks(param.expression, type)
    ]
    assert lost == []


def test_a_code_system_of_many_codes_is_extracted_in_one_go():
    codes = [{"code": str(n)} for n in range(50_000)]
    assert len(extract({"resourceType": "CodeSystem", "concept": codes})["code"]) == 50_000


KEYS = ("coding", "system", "value", "code", "reference", "start", "end", "low", "event", "repeat", "family", "given", "line", "url",
        "valueQuantity", "valueCodeableConcept", "identifier", "extension", "type", "comparator",
        "component", "resource", "id")  # fmt: skip
TEXTS = ("Patient/1", "#a", "", "2020-02-30", "2020-13", "urn:", "0" * 30, "2020", "|", "\ud800", "<")
WORDS = st.sampled_from(TEXTS) | st.text(max_size=5)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | WORDS | st.decimals(allow_nan=True, allow_infinity=True)
SHAPES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4))
TYPES = ("Patient", "Observation", "Bundle", "Condition", "MolecularSequence", "ValueSet", "Invoice")


def first_keys(type):
    ways = [way for param in search_params(type).values() if param.expression for way in tracks(param.expression, type)]
    return sorted({way.steps[0].name for way in ways if way.steps})


def drawn(kind):
    return st.dictionaries(st.sampled_from(first_keys(kind)), SHAPES, max_size=6).map(lambda body: {"resourceType": kind, **body})


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(TYPES).flatmap(drawn))
def test_no_shape_however_wrong_raises(resource):
    assert all(extract(resource).values())
