"""The terminology operations as a client calls them: pairs of a query string or a Parameters resource in, Parameters or a ValueSet out."""

from typing import Any

import pytest

from xinglin.base.errors import Invalid, Malformed, NotFound, TooCostly
from xinglin.fhir.terminology import (
    Terminology,
    expand,
    lookup,
    subsumes,
    translate,
    validate_code_in_system,
    validate_code_in_value_set,
)

DX = "urn:test:dx"
OLD = "urn:test:old"
HEART = "urn:test:vs:heart"

I10 = {
    "code": "I10",
    "display": "特发性高血压",
    "definition": "原因不明的高血压",
    "designation": [
        {"language": "en", "value": "Essential hypertension"},
        {"language": "zh-CN", "use": {"system": "urn:use", "code": "short"}, "value": "高血压"},
    ],
    "property": [{"code": "chronic", "valueBoolean": True}, {"code": "grade", "valueInteger": 1}],
}
SYSTEM = {
    "resourceType": "CodeSystem",
    "id": "dx",
    "url": DX,
    "version": "2026",
    "name": "Diagnoses",
    "status": "active",
    "content": "complete",
    "language": "zh",
    "concept": [
        {
            "code": "I",
            "display": "循环系统疾病",
            "property": [{"code": "notSelectable", "valueBoolean": True}],
            "concept": [I10, {"code": "I21", "display": "急性心肌梗死"}, {"code": "I99", "display": "旧码", "property": [{"code": "status", "valueCode": "retired"}]}],
        },
        {"code": "E11", "display": "2型糖尿病"},
    ],
}
VALUE_SET = {
    "resourceType": "ValueSet",
    "id": "heart",
    "url": HEART,
    "version": "1",
    "status": "active",
    "compose": {"include": [{"system": DX, "filter": [{"property": "concept", "op": "is-a", "value": "I"}]}]},
}
LISTED = {
    "resourceType": "ValueSet",
    "id": "listed",
    "url": "urn:test:vs:listed",
    "status": "active",
    "compose": {"include": [{"system": DX, "concept": [{"code": "E11", "display": "糖尿病"}, {"code": "I10"}]}]},
}
MAP = {
    "resourceType": "ConceptMap",
    "id": "old-dx",
    "url": "urn:test:map",
    "status": "active",
    "sourceUri": "urn:test:vs:old",
    "targetUri": HEART,
    "group": [
        {
            "source": OLD,
            "target": DX,
            "element": [
                {"code": "401", "target": [{"code": "I10", "display": "特发性高血压", "equivalence": "wider"}]},
                {"code": "999", "target": [{"equivalence": "unmatched"}]},
                {
                    "code": "410",
                    "target": [
                        {"code": "I21", "equivalence": "equivalent", "dependsOn": [{"property": "urn:phase", "system": "urn:p", "value": "acute"}]},
                        {"code": "I", "equivalence": "inexact", "product": [{"property": "urn:phase", "system": "urn:p", "value": "unknown"}]},
                    ],
                },
            ],
            "unmapped": {"mode": "fixed", "code": "I99", "display": "旧码"},
        }
    ],
}
WORLD = Terminology([SYSTEM, VALUE_SET, LISTED, MAP])


def parameters(**given: Any) -> dict:
    kinds = {bool: "valueBoolean", int: "valueInteger", str: "valueString"}
    listed = []
    for name, value in given.items():
        if isinstance(value, dict) and "resourceType" in value:
            listed.append({"name": name, "resource": value})
        elif isinstance(value, dict):
            listed.append({"name": name, ("valueCodeableConcept" if "coding" in value or "text" in value else "valueCoding"): value})
        else:
            listed.append({"name": name, kinds[type(value)]: value})
    return {"resourceType": "Parameters", "parameter": listed}


def read(answer: dict, name: str) -> Any:
    found = [next((v for k, v in p.items() if k.startswith("value")), p.get("part")) for p in answer["parameter"] if p["name"] == name]
    return found[0] if found else None


def properties(answer: dict) -> list[tuple]:
    return [tuple(part[key] for part in p["part"] for key in part if key != "name") for p in answer["parameter"] if p["name"] == "property"]


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


@pytest.mark.parametrize("pairs", [[("system", DX), ("code", "Z")], [("system", "urn:none"), ("code", "I10")], [("system", DX), ("version", "1"), ("code", "I10")]])
def test_lookup_of_what_is_not_there_is_not_found(pairs: list):
    with pytest.raises(NotFound):
        lookup(WORLD, pairs)


@pytest.mark.parametrize("given", [[], [("code", "I10")], [("code", "a"), ("code", "b"), ("system", DX)], {"resourceType": "Patient"}, parameters(coding={"system": DX}), parameters(coding=5)])
def test_lookup_without_a_system_and_one_code_is_malformed(given: Any):
    with pytest.raises(Malformed):
        lookup(WORLD, given)


# --- $validate-code ---


def test_a_code_of_the_system_is_valid_with_its_display():
    answer = validate_code_in_system(WORLD, [("url", DX), ("code", "I10")])
    assert (read(answer, "result"), read(answer, "display")) == (True, "特发性高血压")


@pytest.mark.parametrize(("display", "valid"), [("特发性高血压", True), ("essential  HYPERTENSION", True), ("高血压", True), ("糖尿病", False)])
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


@pytest.mark.parametrize(("a", "b", "outcome"), [("I", "I10", "subsumes"), ("I10", "I", "subsumed-by"), ("I10", "I10", "equivalent"), ("I10", "E11", "not-subsumed")])
def test_subsumes_says_how_two_codes_stand(a: str, b: str, outcome: str):
    assert read(subsumes(WORLD, [("system", DX), ("codeA", a), ("codeB", b)]), "outcome") == outcome
    assert read(subsumes(WORLD, parameters(codingA={"system": DX, "code": a}, codingB={"system": DX, "code": b})), "outcome") == outcome
    assert read(subsumes(WORLD, [("codeA", a), ("codeB", b)], "dx"), "outcome") == outcome


def test_codes_of_two_systems_cannot_be_compared():
    with pytest.raises(Invalid):
        subsumes(WORLD, parameters(codingA={"system": DX, "code": "I"}, codingB={"system": OLD, "code": "401"}))
    with pytest.raises(NotFound):
        subsumes(WORLD, [("system", DX), ("codeA", "I"), ("codeB", "Z")])


# --- $expand ---


def expanded(*pairs: tuple[str, str], id: str | None = None, world: Terminology = WORLD) -> dict:
    return expand(world, list(pairs), id, identifier="urn:uuid:e", timestamp="2026-11-22T00:00:00Z")["expansion"]


def listed(expansion: dict) -> list[str]:
    return [entry["code"] for entry in expansion.get("contains", [])]


def test_an_expansion_lists_every_code_with_its_display_and_marks():
    expansion = expanded(("url", HEART))
    assert (expansion["identifier"], expansion["timestamp"], expansion["total"]) == ("urn:uuid:e", "2026-11-22T00:00:00Z", 4)
    assert expansion["contains"][0] == {"system": DX, "abstract": True, "version": "2026", "code": "I", "display": "循环系统疾病"}
    assert expansion["contains"][3]["inactive"] is True
    assert {"name": "version", "valueUri": f"{DX}|2026"} in expansion["parameter"]


def test_pages_follow_each_other_and_know_the_total():
    first, second = expanded(("url", HEART), ("count", "3")), expanded(("url", HEART), ("count", "3"), ("offset", "3"))
    assert listed(first) + listed(second) == ["I", "I10", "I21", "I99"]
    assert first["total"] == second["total"] == 4
    assert (first["offset"], second["offset"]) == (0, 3)
    assert listed(expanded(("url", HEART), ("count", "0"))) == []


@pytest.mark.parametrize(("typed", "found"), [("高血压", ["I10"]), ("hypert ESS", ["I10"]), ("i21", ["I21"]), ("nothing", []), ("循环", ["I"])])
def test_a_typed_filter_hits_codes_displays_and_designations(typed: str, found: list[str]):
    expansion = expanded(("url", HEART), ("filter", typed))
    assert listed(expansion) == found
    assert expansion["total"] == len(found)


def test_a_typed_filter_hits_the_value_sets_own_words():
    known = Terminology([SYSTEM, LISTED | {"compose": {"include": [{"system": DX, "concept": [{"code": "E11", "display": "甜病"}]}]}}])
    assert listed(expanded(("url", LISTED["url"]), ("filter", "甜"), world=known)) == ["E11"]


def test_inactive_and_abstract_codes_can_be_left_out():
    assert listed(expanded(("url", HEART), ("activeOnly", "true"))) == ["I", "I10", "I21"]
    assert listed(expanded(("url", HEART), ("excludeNotForUI", "true"))) == ["I10", "I21", "I99"]
    assert listed(expanded(("url", HEART), ("exclude-system", DX))) == []


def test_an_expansion_is_nested_when_asked():
    expansion = expanded(("url", f"{DX}?fhir_vs"), ("excludeNested", "false"))
    assert listed(expansion) == ["I", "E11"]
    assert [entry["code"] for entry in expansion["contains"][0]["contains"]] == ["I10", "I21", "I99"]
    assert expansion["total"] == 5


def test_designations_and_definitions_come_when_asked():
    entry = expanded(("url", LISTED["url"]), ("includeDesignations", "true"), ("includeDefinition", "true"))["contains"][1]
    assert [said["value"] for said in entry["designation"]] == ["Essential hypertension", "高血压"]
    assert entry["extension"][0]["valueString"] == "原因不明的高血压"
    chosen = expanded(("url", LISTED["url"]), ("designation", "urn:use|short"))["contains"][1]
    assert [said["value"] for said in chosen["designation"]] == ["高血压"]


def test_the_display_is_the_value_sets_own_or_in_the_language_asked_for():
    assert expanded(("url", LISTED["url"]))["contains"][0]["display"] == "糖尿病"
    assert expanded(("url", LISTED["url"]), ("displayLanguage", "en"))["contains"][1]["display"] == "Essential hypertension"


def test_an_expansion_keeps_the_value_sets_head_without_its_compose():
    answer = expand(WORLD, [], "heart", identifier="urn:uuid:e", timestamp="2026-11-22T00:00:00Z")
    assert (answer["url"], answer["id"], "compose" in answer) == (HEART, "heart", False)


def test_an_expansion_too_large_is_too_costly_unless_paged():
    small = Terminology([SYSTEM], expansion_codes_max=3)
    with pytest.raises(TooCostly):
        expanded(("url", f"{DX}?fhir_vs"), world=small)
    assert len(listed(expanded(("url", f"{DX}?fhir_vs"), ("count", "3"), world=small))) == 3


def test_an_expansion_without_its_code_system_is_not_found():
    with pytest.raises(NotFound):
        expanded(("url", HEART), world=Terminology([VALUE_SET]))


def test_the_version_of_a_code_system_can_be_asked_for_forced_and_checked():
    known = Terminology([SYSTEM, SYSTEM | {"id": "old", "version": "2025", "concept": [{"code": "I"}]}, VALUE_SET])
    assert listed(expanded(("url", HEART), ("system-version", f"{DX}|2025"), world=known)) == ["I"]
    assert listed(expanded(("url", HEART), ("force-system-version", f"{DX}|2025"), world=known)) == ["I"]
    assert len(listed(expanded(("url", HEART), world=known))) == 4
    with pytest.raises(Invalid):
        expanded(("url", HEART), ("check-system-version", f"{DX}|2025"), world=known)


@pytest.mark.parametrize("pair", [("count", "many"), ("count", "--1"), ("activeOnly", "perhaps"), ("offset", "9999999999999")])
def test_a_parameter_of_the_wrong_form_is_malformed(pair: tuple[str, str]):
    with pytest.raises(Malformed):
        expanded(("url", HEART), pair)


def test_a_negative_page_is_invalid():
    with pytest.raises(Invalid):
        expanded(("url", HEART), ("count", "-1"))


# --- $translate ---


def matches(answer: dict) -> list[tuple]:
    found = []
    for match in (p["part"] for p in answer["parameter"] if p["name"] == "match"):
        by_name = {part["name"]: part for part in match}
        found.append((by_name["equivalence"]["valueCode"], by_name.get("concept", {}).get("valueCoding", {}).get("code")))
    return found


def test_a_code_is_translated_by_its_map():
    answer = translate(WORLD, [("url", MAP["url"]), ("system", OLD), ("code", "401")])
    assert read(answer, "result") is True
    assert matches(answer) == [("wider", "I10")]


def test_a_translation_back_turns_wider_into_narrower():
    answer = translate(WORLD, [("url", MAP["url"]), ("system", DX), ("code", "I10"), ("reverse", "true")])
    assert matches(answer) == [("narrower", "401")]


def test_unmatched_is_said_but_is_no_translation():
    answer = translate(WORLD, [("url", MAP["url"]), ("system", OLD), ("code", "999")])
    assert read(answer, "result") is False
    assert matches(answer) == [("unmatched", None)]


def test_a_code_the_map_does_not_name_gets_the_fixed_code():
    assert matches(translate(WORLD, [("url", MAP["url"]), ("system", OLD), ("code", "123")])) == [("inexact", "I99")]


def test_a_target_that_depends_on_more_holds_only_when_that_is_given():
    without = translate(WORLD, [("url", MAP["url"]), ("system", OLD), ("code", "410")])
    assert matches(without) == [("inexact", "I")]
    asked = parameters(url=MAP["url"], coding={"system": OLD, "code": "410"})
    acute = {"coding": [{"system": "urn:p", "code": "acute"}]}
    asked["parameter"].append({"name": "dependency", "part": [{"name": "element", "valueUri": "urn:phase"}, {"name": "concept", "valueCodeableConcept": acute}]})
    assert matches(translate(WORLD, asked)) == [("equivalent", "I21"), ("inexact", "I")]


def test_maps_are_found_by_their_value_sets_and_target_system():
    assert matches(translate(WORLD, [("system", OLD), ("code", "401"), ("target", HEART)])) == [("wider", "I10")]
    assert matches(translate(WORLD, [("system", OLD), ("code", "401"), ("target", "urn:other")])) == []
    assert matches(translate(WORLD, [("system", OLD), ("code", "401"), ("targetsystem", "urn:other")])) == []
    assert matches(translate(WORLD, [("system", OLD), ("code", "401")], "old-dx")) == [("wider", "I10")]


def test_a_concept_is_translated_coding_by_coding():
    concept = {"coding": [{"system": OLD, "code": "401"}, {"system": OLD, "code": "999"}]}
    assert matches(translate(WORLD, parameters(url=MAP["url"], codeableConcept=concept))) == [("wider", "I10"), ("unmatched", None)]


def test_a_map_that_is_not_loaded_is_not_found():
    with pytest.raises(NotFound):
        translate(WORLD, [("url", "urn:none"), ("system", OLD), ("code", "401")])


def test_maps_that_lead_to_each_other_are_refused():
    def leading(id: str, other: str) -> dict:
        unmapped = {"mode": "other-map", "url": f"urn:{other}"}
        return {"resourceType": "ConceptMap", "id": id, "url": f"urn:{id}", "group": [{"source": OLD, "target": DX, "unmapped": unmapped}]}

    with pytest.raises(Invalid):
        translate(Terminology([leading("a", "b"), leading("b", "a")]), [("url", "urn:a"), ("system", OLD), ("code", "1")])
