"""A small drawn world of diagnoses: which codes a value set holds, what stands above what, and how codes are translated."""

import pytest

from xinglin.base.errors import Invalid, NotFound, TooCostly, Unknown
from xinglin.fhir.definitions import value_set as value_set_of_r4
from xinglin.fhir.definitions import value_set_urls
from xinglin.fhir.terminology import Terminology

DX = "urn:test:dx"
UNIT = "urn:test:unit"


def concept(code: str, display: str, *below: dict, **properties: object) -> dict:
    kinds = {bool: "valueBoolean", int: "valueInteger", str: "valueCode"}
    made: dict = {"code": code, "display": display}
    if properties:
        made["property"] = [{"code": name, kinds[type(value)]: value} for name, value in properties.items()]
    return made | ({"concept": list(below)} if below else {})


def dx(**more: object) -> dict:
    tree = [
        concept(
            "I",
            "循环系统疾病",
            concept(
                "I10-I15",
                "高血压病",
                concept("I10", "特发性高血压", chronic=True, grade=1)
                | {"designation": [{"language": "en", "value": "Essential hypertension"}]},
                concept("I11", "高血压性心脏病", chronic=True, grade=2),
                concept("I15.9", "继发性高血压", inactive=True),
            ),
            concept("I21", "急性心肌梗死", grade=3),
            notSelectable=True,
        ),
        concept("E", "内分泌疾病", concept("E11", "2型糖尿病", chronic=True)),
        concept("I13", "高血压心脏和肾脏病", parent="I11"),
    ]
    return {
        "resourceType": "CodeSystem",
        "id": "dx",
        "url": DX,
        "version": "2",
        "name": "Dx",
        "content": "complete",
        "concept": tree,
    } | more


def value_set(id: str, *include: dict, exclude: list | None = None, **more: object) -> dict:
    compose: dict = {"include": list(include)} | ({"exclude": exclude} if exclude else {})
    return {"resourceType": "ValueSet", "id": id, "url": f"urn:test:vs:{id}", "status": "active", "compose": compose} | more


def by(property: str, op: str, value: str) -> dict:
    return {"system": DX, "filter": [{"property": property, "op": op, "value": value}]}


def codes(*include: dict, others: tuple = (), exclude: list | None = None, **more: object) -> set[str]:
    known = Terminology([dx(), *others, value_set("v", *include, exclude=exclude, **more)])
    found = known.codes_of("urn:test:vs:v")
    assert found is not None
    return {code for _, code in found}


ALL = {"I", "I10-I15", "I10", "I11", "I15.9", "I21", "E", "E11", "I13"}
HYPERTENSION = {"I10-I15", "I10", "I11", "I15.9", "I13"}


@pytest.mark.parametrize(
    ("filter", "kept"),
    [
        (("concept", "is-a", "I10-I15"), HYPERTENSION),
        (("concept", "descendent-of", "I10-I15"), HYPERTENSION - {"I10-I15"}),
        (("concept", "is-not-a", "I10-I15"), ALL - HYPERTENSION),
        (("concept", "generalizes", "I13"), {"I13", "I11", "I10-I15", "I"}),
        (("concept", "=", "I10"), {"I10"}),
        (("concept", "in", "I10, E11"), {"I10", "E11"}),
        (("concept", "not-in", "I10,E11"), ALL - {"I10", "E11"}),
        (("chronic", "=", "true"), {"I10", "I11", "E11"}),
        (("grade", "=", "2"), {"I11"}),
        (("grade", "in", "1,3"), {"I10", "I21"}),
        (("grade", "exists", "true"), {"I10", "I11", "I21"}),
        (("grade", "exists", "false"), ALL - {"I10", "I11", "I21"}),
        (("code", "regex", r"I1\d"), {"I10", "I11", "I13"}),
        (("display", "regex", ".*高血压.*"), {"I10-I15", "I10", "I11", "I15.9", "I13"}),
        (("parent", "=", "I11"), {"I13"}),
        (("child", "exists", "true"), {"I", "I10-I15", "I11", "E"}),
    ],
)
def test_a_filter_keeps_its_codes(filter: tuple[str, str, str], kept: set[str]):
    assert codes(by(*filter)) == kept


def test_all_filters_of_an_include_must_hold_and_any_include_suffices():
    both = {
        "system": DX,
        "filter": [{"property": "concept", "op": "is-a", "value": "I"}, {"property": "chronic", "op": "=", "value": "true"}],
    }
    assert codes(both) == {"I10", "I11"}
    assert codes(both, {"system": DX, "concept": [{"code": "E11"}]}) == {"I10", "I11", "E11"}


def test_excluded_codes_are_out():
    assert codes({"system": DX}, exclude=[by("concept", "is-a", "I")]) == {"E", "E11"}


def test_inactive_codes_are_out_when_the_value_set_says_so():
    left = Terminology([dx(), value_set("v") | {"compose": {"inactive": False, "include": [{"system": DX}]}}]).codes_of("urn:test:vs:v")
    assert left is not None
    assert (DX, "I15.9") not in left
    assert len(left) == len(ALL) - 1


def test_imported_value_sets_are_intersected_within_an_include():
    chronic, heart = value_set("chronic", by("chronic", "=", "true")), value_set("heart", by("concept", "is-a", "I"))
    imports = ["urn:test:vs:chronic", "urn:test:vs:heart"]
    assert codes({"valueSet": imports}, others=(chronic, heart)) == {"I10", "I11"}
    assert codes({"valueSet": imports[:1]}, {"valueSet": imports[1:]}, others=(chronic, heart)) == (ALL - {"E"})
    assert codes({"system": DX, "concept": [{"code": "E11"}, {"code": "E"}], "valueSet": imports[:1]}, others=(chronic,)) == {"E11"}


def test_a_value_set_that_contains_itself_is_refused():
    known = Terminology([value_set("a", {"valueSet": ["urn:test:vs:b"]}), value_set("b", {"valueSet": ["urn:test:vs:a"]})])
    with pytest.raises(Invalid):
        known.has("urn:test:vs:a", DX, "I10")


def test_listed_codes_need_no_loaded_code_system():
    known = Terminology([value_set("v", {"system": UNIT, "concept": [{"code": "mg"}]})])
    assert known.has("urn:test:vs:v", UNIT, "mg") is True
    assert known.has("urn:test:vs:v", UNIT, "kg") is False


def test_what_rests_on_a_missing_system_cannot_be_denied():
    known = Terminology([value_set("v", {"system": UNIT}, {"system": DX, "concept": [{"code": "I10"}]})])
    assert known.has("urn:test:vs:v", DX, "I10") is True
    assert known.has("urn:test:vs:v", UNIT, "mg") is None
    assert known.codes_of("urn:test:vs:v") is None
    assert known.has("urn:test:vs:nowhere", DX, "I10") is None


def test_an_expansion_made_elsewhere_stands_in_for_a_missing_system():
    contains = [{"system": UNIT, "code": "mass", "abstract": True, "contains": [{"system": UNIT, "code": "mg", "display": "毫克"}]}]
    known = Terminology([value_set("v", {"system": UNIT}, expansion={"timestamp": "2026-01-01", "contains": contains})])
    assert known.codes_of("urn:test:vs:v") == {(UNIT, "mass"), (UNIT, "mg")}


def test_part_of_an_expansion_does_not_stand_in():
    expansion = {"timestamp": "2026-01-01", "total": 9, "contains": [{"system": UNIT, "code": "mg"}]}
    assert Terminology([value_set("v", {"system": UNIT}, expansion=expansion)]).codes_of("urn:test:vs:v") is None


def test_a_loaded_code_system_changes_the_answer_and_dropping_it_takes_it_back():
    known = Terminology([value_set("v", {"system": DX})])
    assert known.has("urn:test:vs:v", DX, "I10") is None
    known.put(dx())
    assert known.has("urn:test:vs:v", DX, "I10") is True
    known.put(dx(concept=[{"code": "Z"}]))
    assert known.has("urn:test:vs:v", DX, "I10") is False
    known.drop("CodeSystem", "dx")
    assert known.has("urn:test:vs:v", DX, "Z") is None


def test_the_newest_version_answers_unless_another_is_named():
    versions = [dx(id=v, version=v, status="active", concept=[{"code": f"C{v}"}]) for v in ("2", "10", "9")]
    one, any = value_set("one", {"system": DX, "version": "9"}), value_set("any", {"system": DX})
    known = Terminology([*versions, one, any])
    assert known.codes_of("urn:test:vs:any") == {(DX, "C10")}
    assert known.codes_of("urn:test:vs:one") == {(DX, "C9")}
    assert known.codes_of(f"{DX}?fhir_vs|2") == {(DX, "C2")}
    system = known.system(DX, "2")
    assert system is not None
    assert list(system.concepts) == ["C2"]


def test_versions_of_a_value_set_are_told_apart():
    first, second = (
        value_set(v, {"system": DX, "concept": [{"code": c}]}, url="urn:v", version=v) for v, c in (("1", "I10"), ("2", "E11"))
    )
    known = Terminology([first, second])
    assert known.codes_of("urn:v|1") == {(DX, "I10")}
    assert known.codes_of("urn:v") == {(DX, "E11")}
    assert known.codes_of("urn:v|3") is None


@pytest.mark.parametrize(
    ("address", "held"),
    [
        (f"{DX}?fhir_vs", ALL),
        (f"{DX}?fhir_vs=isa/I10-I15", HYPERTENSION),
        (DX, ALL),
        ("urn:test:all-of-dx", ALL),
        (f"{UNIT}?fhir_vs", None),
        (f"{DX}?fhir_vs=refset/1", None),
    ],
)
def test_a_code_system_has_implicit_value_sets(address: str, held: set[str] | None):
    found = Terminology([dx(valueSet="urn:test:all-of-dx")]).codes_of(address)
    assert (None if found is None else {code for _, code in found}) == held


def test_above_and_below_include_the_code_itself():
    known = Terminology([dx()])
    assert known.below(DX, "I11") == {"I11", "I13"}
    assert known.above(DX, "I13") == {"I13", "I11", "I10-I15", "I"}
    assert known.below(DX, "nothing") is None
    assert known.above(UNIT, "mg") is None


def test_subsumption_is_transitive_and_has_a_direction():
    known = Terminology([dx()])
    assert known.subsumption(DX, "I", "I13") == "subsumes"
    assert known.subsumption(DX, "I13", "I") == "subsumed-by"
    assert known.subsumption(DX, "I10", "I10") == "equivalent"
    assert known.subsumption(DX, "I10", "E11") == "not-subsumed"
    assert known.subsumption(DX, "I10", "Z") is None


def test_a_hierarchy_in_a_circle_does_no_harm():
    circle = [concept("A", "a", parent="B"), concept("B", "b", parent="A")]
    known = Terminology([dx(concept=circle)])
    assert known.below(DX, "A") == {"A", "B"}
    assert known.above(DX, "A") == {"A", "B"}


def test_letter_case_matters_only_where_the_system_says_so():
    loose = Terminology([dx(caseSensitive=False), value_set("v", {"system": DX})])
    assert loose.has("urn:test:vs:v", DX, "i10") is True
    assert loose.below(DX, "i13") == {"I13"}
    strict = Terminology([dx(), value_set("v", {"system": DX})])
    assert strict.has("urn:test:vs:v", DX, "i10") is False


@pytest.mark.parametrize(
    "pattern", ["(a+)+b", "(a|aa)*b", "(a*)*", r"(a)\1", "(?=a)b", "a*a*a*a*b", "a?" * 30, "((a{1,9}){1,9}){1,9}", "x" * 300]
)
def test_a_regular_expression_that_could_run_away_is_too_costly(pattern: str):
    with pytest.raises(TooCostly):
        codes(by("code", "regex", pattern))


@pytest.mark.parametrize("pattern", ["I1[0-5]", "(I10|I11|E11)", r"[A-Z]\d{2}(\.\d)?", ".*", "I.*1", "(?:I1)[01]"])
def test_an_everyday_regular_expression_is_taken(pattern: str):
    assert "I11" in codes(by("code", "regex", pattern))


@pytest.mark.parametrize(
    "include",
    [
        {},
        by("concept", "is-a", "unknown"),
        by("concept", "resembles", "I10"),
        by("code", "regex", "(I10"),
        {"system": DX, "filter": [{"property": "concept", "op": "="}]},
        {"system": DX, "concept": [{"code": "I10"}], "filter": [{"property": "concept", "op": "=", "value": "I10"}]},
        {"system": DX, "concept": [{}]},
    ],
)
def test_a_rule_that_makes_no_sense_is_invalid(include: dict):
    with pytest.raises(Invalid):
        codes(include)


def test_an_exclusion_that_cannot_be_worked_out_is_an_error_not_a_wrong_yes():
    known = Terminology([dx(), value_set("v", {"system": DX}, exclude=[{"system": UNIT}])])
    with pytest.raises(NotFound):
        known.has("urn:test:vs:v", DX, "I10")


def test_a_supplement_adds_words_and_properties_but_no_system_of_its_own():
    supplement = dx(id="s", url="urn:test:dx-s", content="supplement", supplements=f"{DX}|2", concept=[concept("I21", "", emergency=True)])
    known = Terminology([dx(), supplement, value_set("v", by("emergency", "=", "true"))])
    assert known.codes_of("urn:test:vs:v") == {(DX, "I21")}
    assert known.system("urn:test:dx-s") is None


def test_search_modifiers_get_their_codes_or_a_loud_no():
    known = Terminology([dx(), value_set("v", by("concept", "is-a", "I11"))])
    assert set(known.codes("in", "urn:test:vs:v")) == {(DX, "I11"), (DX, "I13")}
    assert set(known.codes("below", f"{DX}|I11")) == {(DX, "I11"), (DX, "I13")}
    assert set(known.codes("above", "E11")) == {(DX, "E11"), (DX, "E")}
    for how, operand in (("in", "urn:test:vs:none"), ("below", f"{DX}|Z"), ("above", f"{UNIT}|mg")):
        with pytest.raises(Unknown):
            known.codes(how, operand)


def test_the_codes_of_r4_itself_are_known_where_wanted():
    known = Terminology(published=True)
    genders = "http://hl7.org/fhir/ValueSet/administrative-gender"
    assert known.codes_of(genders) == {("http://hl7.org/fhir/administrative-gender", c) for c in ("male", "female", "other", "unknown")}
    assert known.has(genders + "|4.0.1", "http://hl7.org/fhir/administrative-gender", "male") is True
    assert known.has(genders + "|3.0.0", "http://hl7.org/fhir/administrative-gender", "male") is None
    act = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
    assert known.subsumption(act, "_ActEncounterCode", "AMB") == "subsumes"
    assert Terminology().codes_of(genders) is None


def test_every_value_set_r4_publishes_agrees_with_its_table():
    known = Terminology(published=True)
    for url in value_set_urls():
        parts = value_set_of_r4(url) or ()
        assert known.codes_of(url) == {(system.partition("|")[0], code) for system, codes in parts for code in codes}, url


def test_a_loaded_code_system_goes_before_the_published_one():
    url = "http://hl7.org/fhir/administrative-gender"
    own = {"resourceType": "CodeSystem", "id": "g", "url": url, "content": "complete", "concept": [{"code": "x"}]}
    known = Terminology([own], published=True)
    assert known.below(url, "x") == {"x"}
    assert known.below(url, "male") is None
