"""$lookup, $validate-code and $subsumes as a client calls them: pairs of a query string or a Parameters resource in, Parameters out."""

from typing import Any

import pytest

from tests.fhir.terminology.world import DX, HEART, LISTED, OLD, SYSTEM, VALUE_SET, WORLD, parameters, properties, read
from xinglin.base.errors import Invalid, Malformed, NotFound
from xinglin.fhir.terminology import Terminology, lookup, subsumes, validate_code_in_system, validate_code_in_value_set

# --- $lookup ---


def test_lookup_tells_the_name_the_words_and_the_properties_of_a_code():
    answer = lookup(WORLD, [("system", DX), ("code", "I10")])
    assert (read(answer, "name"), read(answer, "version"), read(answer, "display")) == ("Diagnoses", "2026", "特发性高血压")
    assert properties(answer) == [("definition", "原因不明的高血压"), ("parent", "I"), ("chronic", True), ("grade", 1)]
    assert sum(p["name"] == "designation" for p in answer["parameter"]) == 2


def test_lookup_by_coding_gives_only_the_properties_asked_for():
    answer = lookup(WORLD, {"resourceType": "Parameters", "parameter": [
        {"name": "coding", "valueCoding": {"system": DX, "code": "I"}}, {"name": "property", "valueCode": "child"}]})  # fmt: skip
    assert properties(answer) == [("child", "I10"), ("child", "I21"), ("child", "I99")]


def test_lookup_answers_in_the_language_asked_for():
    assert read(lookup(WORLD, [("system", DX), ("code", "I10"), ("displayLanguage", "en")]), "display") == "Essential hypertension"
    assert read(lookup(WORLD, [("system", DX), ("code", "I10"), ("displayLanguage", "zh")]), "display") == "特发性高血压"


@pytest.mark.parametrize(
    "pairs",
    [[("system", DX), ("code", "Z")], [("system", "urn:none"), ("code", "I10")], [("system", DX), ("version", "1"), ("code", "I10")]],
)
def test_lookup_of_what_is_not_there_is_not_found(pairs: list):
    with pytest.raises(NotFound):
        lookup(WORLD, pairs)


@pytest.mark.parametrize(
    "given",
    [
        [],
        [("code", "I10")],
        [("code", "a"), ("code", "b"), ("system", DX)],
        {"resourceType": "Patient"},
        parameters(coding={"system": DX}),
        parameters(coding=5),
    ],
)
def test_lookup_without_a_system_and_one_code_is_malformed(given: Any):
    with pytest.raises(Malformed):
        lookup(WORLD, given)


# --- $validate-code ---


def test_a_code_of_the_system_is_valid_with_its_display():
    answer = validate_code_in_system(WORLD, [("url", DX), ("code", "I10")])
    assert (read(answer, "result"), read(answer, "display")) == (True, "特发性高血压")


@pytest.mark.parametrize(
    ("display", "valid"), [("特发性高血压", True), ("essential  HYPERTENSION", True), ("高血压", True), ("糖尿病", False)]
)
def test_a_display_is_checked_against_all_names_of_the_code(display: str, valid: bool):
    answer = validate_code_in_system(WORLD, [("url", DX), ("code", "I10"), ("display", display)])
    assert read(answer, "result") is valid
    assert (read(answer, "message") is None) is valid


def test_an_unknown_code_of_a_part_of_a_system_is_not_called_wrong_outright():
    fragment = Terminology([SYSTEM | {"content": "fragment"}])
    answer = validate_code_in_system(fragment, [("url", DX), ("code", "Z")])
    assert read(answer, "result") is False
    assert "fragment" in read(answer, "message")


def test_a_coding_of_another_system_is_not_valid():
    assert read(validate_code_in_system(WORLD, parameters(url=DX, coding={"system": OLD, "code": "I10"})), "result") is False


def test_a_code_system_sent_along_is_used():
    sent = SYSTEM | {"url": "urn:sent", "concept": [{"code": "S"}]}
    assert read(validate_code_in_system(WORLD, parameters(codeSystem=sent, code="S")), "result") is True


@pytest.mark.parametrize(("code", "valid"), [("I10", True), ("I", True), ("E11", False), ("Z", False)])
def test_a_value_set_holds_its_codes(code: str, valid: bool):
    answer = validate_code_in_value_set(WORLD, [("url", HEART), ("system", DX), ("code", code)])
    assert read(answer, "result") is valid


def test_a_concept_is_valid_when_one_of_its_codings_is():
    both = {"coding": [{"system": OLD, "code": "401"}, {"system": DX, "code": "I10"}]}
    assert read(validate_code_in_value_set(WORLD, parameters(url=HEART, codeableConcept=both)), "result") is True
    none = {"coding": [{"system": OLD, "code": "401"}], "text": "高血压"}
    assert read(validate_code_in_value_set(WORLD, parameters(url=HEART, codeableConcept=none)), "result") is False
    assert read(validate_code_in_value_set(WORLD, parameters(url=HEART, codeableConcept={"text": "高血压"})), "result") is False


def test_abstract_codes_are_refused_where_the_client_says_so():
    pairs = [("url", HEART), ("system", DX), ("code", "I")]
    assert read(validate_code_in_value_set(WORLD, [*pairs, ("abstract", "false")]), "result") is False
    assert read(validate_code_in_value_set(WORLD, [*pairs, ("abstract", "true")]), "result") is True


def test_the_value_sets_own_display_is_right_and_so_is_that_of_the_system():
    for display in ("糖尿病", "2型糖尿病"):
        answer = validate_code_in_value_set(WORLD, [("url", LISTED["url"]), ("system", DX), ("code", "E11"), ("display", display)])
        assert read(answer, "result") is True
        assert read(answer, "display") == "糖尿病"


def test_a_version_the_value_set_does_not_use_is_not_valid():
    answer = validate_code_in_value_set(WORLD, [("url", HEART), ("system", DX), ("systemVersion", "1999"), ("code", "I10")])
    assert read(answer, "result") is False
    assert "2026" in read(answer, "message")


def test_the_system_can_be_inferred_but_only_when_asked():
    assert read(validate_code_in_value_set(WORLD, [("url", HEART), ("code", "I10"), ("inferSystem", "true")]), "result") is True
    with pytest.raises(Malformed):
        validate_code_in_value_set(WORLD, [("url", HEART), ("code", "I10")])


def test_a_value_set_by_id_or_sent_along():
    assert read(validate_code_in_value_set(WORLD, [("system", DX), ("code", "I10")], "heart"), "result") is True
    sent = VALUE_SET | {"compose": {"include": [{"system": DX, "concept": [{"code": "E11"}]}]}}
    assert read(validate_code_in_value_set(WORLD, parameters(valueSet=sent, coding={"system": DX, "code": "I10"})), "result") is False
    with pytest.raises(NotFound):
        validate_code_in_value_set(WORLD, [("system", DX), ("code", "I10")], "nobody")
    with pytest.raises(NotFound):
        validate_code_in_value_set(WORLD, [("url", "urn:none"), ("system", DX), ("code", "I10")])


# --- $subsumes ---


@pytest.mark.parametrize(
    ("a", "b", "outcome"),
    [("I", "I10", "subsumes"), ("I10", "I", "subsumed-by"), ("I10", "I10", "equivalent"), ("I10", "E11", "not-subsumed")],
)
def test_subsumes_says_how_two_codes_stand(a: str, b: str, outcome: str):
    assert read(subsumes(WORLD, [("system", DX), ("codeA", a), ("codeB", b)]), "outcome") == outcome
    assert read(subsumes(WORLD, parameters(codingA={"system": DX, "code": a}, codingB={"system": DX, "code": b})), "outcome") == outcome
    assert read(subsumes(WORLD, [("codeA", a), ("codeB", b)], "dx"), "outcome") == outcome


def test_codes_of_two_systems_cannot_be_compared():
    with pytest.raises(Invalid):
        subsumes(WORLD, parameters(codingA={"system": DX, "code": "I"}, codingB={"system": OLD, "code": "401"}))
    with pytest.raises(NotFound):
        subsumes(WORLD, [("system", DX), ("codeA", "I"), ("codeB", "Z")])
