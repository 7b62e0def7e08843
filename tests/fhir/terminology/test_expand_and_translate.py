"""$expand and $translate as a client calls them."""

import pytest

from tests.fhir.terminology.world import DX, HEART, LISTED, MAP, OLD, SYSTEM, VALUE_SET, WORLD, parameters, read
from xinglin.base.errors import Invalid, Malformed, NotFound, TooCostly
from xinglin.fhir.terminology import Terminology, expand, translate

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


@pytest.mark.parametrize(
    ("typed", "found"), [("高血压", ["I10"]), ("hypert ESS", ["I10"]), ("i21", ["I21"]), ("nothing", []), ("循环", ["I"])]
)
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
    asked["parameter"].append(
        {"name": "dependency", "part": [{"name": "element", "valueUri": "urn:phase"}, {"name": "concept", "valueCodeableConcept": acute}]}
    )
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
