"""What a StructureDefinition can ask, one thing at a time."""

from __future__ import annotations

from typing import Any

import pytest

from xinglin.base.errors import Issue
from xinglin.fhir.codec import Resource
from xinglin.fhir.validation import validate

CORE = "http://hl7.org/fhir/StructureDefinition/"
URL = "urn:test:profile"


def element(id: str, **more: Any) -> dict[str, Any]:
    path = ".".join(step.partition(":")[0] for step in id.split("."))
    return {"id": id, "path": path, **more}


def profile(type: str, *elements: dict[str, Any], url: str = URL, base: str = "", **more: Any) -> Resource:
    return {
        "resourceType": "StructureDefinition",
        "url": url,
        "name": "Test",
        "status": "active",
        "kind": "complex-type" if type == "Extension" else "resource",
        "abstract": False,
        "type": type,
        "baseDefinition": base or CORE + type,
        "derivation": "constraint",
        "differential": {"element": [element(type), *elements]},
        **more,
    }


class Known:
    """A source of the given resources alone."""

    def __init__(self, *resources: Resource) -> None:
        self.by_url = {resource["url"]: resource for resource in resources}

    def structure(self, url: str) -> Resource | None:
        return self.by_url.get(url)


def issues(resource: Resource, *known: Resource, url: str = URL) -> tuple[Issue, ...]:
    return tuple(i for i in validate(resource, profiles=Known(*known), against=[url]) if not i.text.startswith("dom-6"))


def faults(resource: Resource, *known: Resource, url: str = URL) -> list[tuple[str, str]]:
    return [(i.code, i.at[0]) for i in issues(resource, *known, url=url) if i.severity == "error"]


PATIENT: dict[str, Any] = {"resourceType": "Patient", "name": [{"family": "张"}, {"family": "王"}], "gender": "male"}


def test_cardinality_is_narrowed() -> None:
    asked = profile("Patient", element("Patient.name", min=1, max="1"), element("Patient.photo", max="0"), element("Patient.gender", min=1))
    assert faults(PATIENT, asked) == [("structure", "Patient.name")]
    assert faults({"resourceType": "Patient", "photo": [{"url": "urn:x"}]}, asked) == [
        ("required", "Patient.name"),
        ("structure", "Patient.photo"),
        ("required", "Patient.gender"),
    ]


def test_a_required_child_is_asked_of_each_parent_that_is_there() -> None:
    asked = profile("Patient", element("Patient.name.given", min=1))
    assert faults({"resourceType": "Patient"}, asked) == []
    assert faults({"resourceType": "Patient", "name": [{"given": ["a"]}, {"text": "b"}]}, asked) == [("required", "Patient.name[1].given")]


def test_a_fixed_value_is_exact_and_a_pattern_is_partial() -> None:
    fixed = profile("Patient", element("Patient.maritalStatus", fixedCodeableConcept={"text": "未婚"}))
    pattern = profile("Patient", element("Patient.maritalStatus", patternCodeableConcept={"text": "未婚"}))
    more = PATIENT | {"maritalStatus": {"text": "未婚", "coding": [{"system": "urn:x", "code": "10"}]}}
    assert faults(more, fixed) == [("value", "Patient.maritalStatus")]
    assert faults(more, pattern) == []
    assert faults(PATIENT | {"maritalStatus": {"text": "未婚"}}, fixed) == []


def test_a_choice_is_narrowed_to_its_types() -> None:
    asked = profile("Observation", element("Observation.value[x]", type=[{"code": "Quantity"}, {"code": "string"}]))
    observation: dict[str, Any] = {"resourceType": "Observation", "status": "final", "code": {"text": "x"}}
    assert faults(observation | {"valueString": "a"}, asked) == []
    assert faults(observation | {"valueInteger": 1}, asked) == [("structure", "Observation.value.ofType(integer)")]


def test_one_type_of_a_choice_may_be_named_by_its_key() -> None:
    asked = profile("Observation", element("Observation.valueQuantity.code", fixedCode="kg"))
    observation: dict[str, Any] = {"resourceType": "Observation", "status": "final", "code": {"text": "x"}}
    wrong = observation | {"valueQuantity": {"value": 1, "code": "g", "system": "http://unitsofmeasure.org"}}
    assert faults(wrong, asked) == [("value", "Observation.value.ofType(Quantity).code")]
    assert faults(observation | {"valueString": "g"}, asked) == []


def test_a_choice_is_sliced_by_type_without_being_told() -> None:
    asked = profile(
        "Observation",
        element("Observation.value[x]:valueQuantity", sliceName="valueQuantity", min=1, type=[{"code": "Quantity"}]),
        element("Observation.value[x]:valueQuantity.unit", min=1),
    )
    observation: dict[str, Any] = {"resourceType": "Observation", "status": "final", "code": {"text": "x"}}
    assert faults(observation | {"valueString": "a"}, asked) == [("required", "Observation.value")]
    assert faults(observation | {"valueQuantity": {"value": 1}}, asked) == [("required", "Observation.value.ofType(Quantity).unit")]


def sliced(rules: str, ordered: bool = False) -> Resource:
    by_use = {"discriminator": [{"type": "value", "path": "use"}], "rules": rules, "ordered": ordered}
    return profile(
        "Patient",
        element("Patient.name", slicing=by_use),
        element("Patient.name:official", sliceName="official", min=1, max="1"),
        element("Patient.name:official.use", fixedCode="official"),
        element("Patient.name:nick", sliceName="nick", max="1"),
        element("Patient.name:nick.use", fixedCode="nickname"),
    )


def named(*uses: str) -> Resource:
    return {"resourceType": "Patient", "name": [{"use": use, "text": use} for use in uses]}


@pytest.mark.parametrize(
    ("rules", "ordered", "uses", "expected"),
    [
        ("open", False, ["old", "official"], []),
        ("open", False, ["nickname"], [("required", "Patient.name")]),
        ("open", False, ["official", "nickname", "nickname"], [("structure", "Patient.name")]),
        ("closed", False, ["official", "old"], [("structure", "Patient.name[1]")]),
        ("openAtEnd", False, ["official", "old"], []),
        ("openAtEnd", False, ["old", "official"], [("structure", "Patient.name")]),
        ("open", True, ["official", "nickname"], []),
        ("open", True, ["nickname", "official"], [("structure", "Patient.name")]),
    ],
)
def test_slices_are_counted_and_placed(rules: str, ordered: bool, uses: list[str], expected: list[tuple[str, str]]) -> None:
    assert faults(named(*uses), sliced(rules, ordered)) == expected


def test_slices_are_told_apart_by_presence() -> None:
    by_period = {"discriminator": [{"type": "exists", "path": "period"}], "rules": "open"}
    asked = profile(
        "Patient",
        element("Patient.name", slicing=by_period),
        element("Patient.name:past", sliceName="past", max="1"),
        element("Patient.name:past.period", min=1),
        element("Patient.name:past.text", min=1),
        element("Patient.name:now", sliceName="now", min=1),
        element("Patient.name:now.period", max="0"),
    )
    now, past = {"family": "张"}, {"family": "王", "period": {"end": "2020"}}
    assert faults({"resourceType": "Patient", "name": [now, past | {"text": "王"}]}, asked) == []
    assert faults({"resourceType": "Patient", "name": [past]}, asked) == [
        ("required", "Patient.name[0].text"),
        ("required", "Patient.name"),
    ]


def test_slices_are_told_apart_by_a_bound_value_set() -> None:
    asked = profile(
        "Patient",
        element("Patient.contact", slicing={"discriminator": [{"type": "value", "path": "relationship"}], "rules": "open"}),
        element("Patient.contact:kin", sliceName="kin", min=1),
        element("Patient.contact:kin.relationship", binding={"strength": "required", "valueSet": "urn:test:kin|1"}),
    )
    kin = {
        "resourceType": "ValueSet",
        "url": "urn:test:kin",
        "status": "active",
        "compose": {"include": [{"system": "urn:k", "concept": [{"code": "son"}]}]},
    }

    def related(code: str) -> Resource:
        return {
            "resourceType": "Patient",
            "contact": [{"relationship": [{"coding": [{"system": "urn:k", "code": code}]}], "name": {"text": "x"}}],
        }

    assert faults(related("son"), asked, kin) == []
    assert faults(related("friend"), asked, kin) == [("required", "Patient.contact")]


def test_entries_are_sliced_by_the_type_of_their_resource() -> None:
    asked = profile(
        "Bundle",
        element("Bundle.entry", slicing={"discriminator": [{"type": "type", "path": "resource"}], "rules": "open"}),
        element("Bundle.entry:patient", sliceName="patient", min=1, max="1"),
        element("Bundle.entry:patient.resource", type=[{"code": "Patient"}]),
    )
    entry = {"resource": PATIENT}
    assert faults({"resourceType": "Bundle", "type": "collection", "entry": [entry]}, asked) == []
    assert faults({"resourceType": "Bundle", "type": "collection", "entry": [entry, entry]}, asked) == [("structure", "Bundle.entry")]


def test_slicing_that_cannot_be_followed_is_said() -> None:
    asked = profile(
        "Patient",
        element("Patient.link", slicing={"discriminator": [{"type": "profile", "path": "other.resolve()"}], "rules": "open"}),
        element("Patient.link:a", sliceName="a", min=1),
    )
    assert [(i.severity, i.code, i.at) for i in issues(PATIENT, asked)] == [("information", "not-supported", ("Patient.link",))]


BIRTHPLACE = profile(
    "Extension",
    element("Extension.url", fixedUri="urn:test:place"),
    element("Extension.value[x]", min=1, type=[{"code": "string"}]),
    url="urn:test:place",
)


def test_an_extension_meets_its_own_definition() -> None:
    asked = profile(
        "Patient",
        element("Patient.extension:place", sliceName="place", min=1, max="1", type=[{"code": "Extension", "profile": ["urn:test:place"]}]),
    )
    other = {"url": "urn:other", "valueCode": "x"}
    assert faults(PATIENT | {"extension": [other, {"url": "urn:test:place", "valueString": "北京"}]}, asked, BIRTHPLACE) == []
    assert faults(PATIENT | {"extension": [other]}, asked, BIRTHPLACE) == [("required", "Patient.extension")]
    wrong = PATIENT | {"extension": [{"url": "urn:test:place", "valueCode": "BJ"}]}
    assert faults(wrong, asked, BIRTHPLACE) == [("structure", "Patient.extension[0].value.ofType(code)")]


def test_a_required_binding_may_be_to_a_value_set_of_the_source() -> None:
    asked = profile("Patient", element("Patient.maritalStatus", binding={"strength": "required", "valueSet": "urn:test:marital"}))
    marital = {
        "resourceType": "ValueSet",
        "url": "urn:test:marital",
        "status": "active",
        "compose": {"include": [{"system": "urn:m", "concept": [{"code": "10"}]}]},
    }

    def married(code: str) -> Resource:
        return PATIENT | {"maritalStatus": {"coding": [{"system": "urn:m", "code": code}]}}

    assert faults(married("10"), asked, marital) == []
    assert faults(married("99"), asked, marital) == [("code-invalid", "Patient.maritalStatus")]
    assert faults(married("99"), asked) == []


def test_a_profiles_own_rule_is_asked() -> None:
    rule = {
        "key": "t-1",
        "severity": "error",
        "human": "A man is named 张",
        "expression": "gender = 'male' implies name.family.first() = '张'",
    }
    asked = profile("Patient") | {"differential": {"element": [element("Patient", constraint=[rule])]}}
    assert faults(PATIENT, asked) == []
    assert [i.text for i in issues(PATIENT | {"name": [{"family": "李"}]}, asked)] == ["t-1: A man is named 张"]


def test_a_rule_that_cannot_be_read_is_said_and_refuses_nothing() -> None:
    rule = {"key": "t-1", "severity": "error", "human": "x", "expression": "name.(("}
    asked = profile("Patient") | {"differential": {"element": [element("Patient", constraint=[rule])]}}
    assert [(i.severity, i.code) for i in issues(PATIENT, asked)] == [("warning", "not-supported")]


def test_a_profile_on_a_profile_asks_both() -> None:
    base = profile("Patient", element("Patient.gender", min=1), url="urn:test:base")
    asked = profile("Patient", element("Patient.birthDate", min=1), base="urn:test:base")
    assert faults({"resourceType": "Patient", "active": True}, base, asked) == [
        ("required", "Patient.gender"),
        ("required", "Patient.birthDate"),
    ]


def test_profiles_that_build_on_each_other_end() -> None:
    one, two = profile("Patient", url=URL, base="urn:test:two"), profile("Patient", url="urn:test:two", base=URL)
    assert [(i.severity, i.code) for i in issues(PATIENT, one, two)] == [("warning", "too-long")]


def test_a_profile_of_another_type_is_refused() -> None:
    assert faults(PATIENT, profile("Observation")) == [("structure", "Patient")]
    assert faults(PATIENT, url=CORE + "Observation") == [("structure", "Patient")]
    assert faults(PATIENT, url=CORE + "Patient") == []


def test_an_unknown_or_broken_profile_is_said_and_refuses_nothing() -> None:
    assert [(i.severity, i.code) for i in issues(PATIENT)] == [("information", "not-found")]
    assert [(i.severity, i.code) for i in issues(PATIENT, profile("Patient", {"min": "one"}))] == [("information", "not-found")]


def test_a_profile_that_has_only_an_extension_is_no_profile() -> None:
    why = {"extension": [{"url": "urn:x", "valueCode": "unknown"}]}
    claiming = PATIENT | {"meta": {"profile": [None, URL], "_profile": [why, None]}}
    found = validate(claiming, profiles=Known(profile("Patient", element("Patient.birthDate", min=1))))
    assert [i.at[0] for i in found if i.severity == "error"] == ["Patient.birthDate"]


def test_a_discriminator_that_says_nothing_is_not_followed() -> None:
    why = {"extension": [{"url": "urn:x", "valueCode": "unknown"}]}
    slicing = {"discriminator": [{"_type": why, "_path": why}], "rules": "open"}
    asked = profile("Patient", element("Patient.name", slicing=slicing), element("Patient.name:a", sliceName="a", min=1, max="²"))
    assert [(i.severity, i.code) for i in issues(PATIENT, asked)] == [("information", "not-supported")]


def test_resources_within_a_bundle_meet_what_they_claim() -> None:
    claiming = PATIENT | {"meta": {"profile": [URL]}}
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": PATIENT}, {"resource": claiming}]}
    found = validate(bundle, profiles=Known(profile("Patient", element("Patient.birthDate", min=1))))
    assert [i.at[0] for i in found if i.severity == "error"] == ["Bundle.entry[1].resource.birthDate"]


def test_a_snapshot_stands_for_itself() -> None:
    asked = profile(
        "Patient", snapshot={"element": [element("Patient"), element("Patient.birthDate", min=1, max="1")]}, base="urn:not:asked"
    )
    assert faults(PATIENT, asked) == [("required", "Patient.birthDate")]
