"""FHIRPath Patch changes the one element its path leads to, in a copy, or nothing."""

import copy

import pytest

from xinglin.base.errors import Invalid, Malformed, TooLarge, XinglinError
from xinglin.fhir.patch import apply_fhirpath_patch

WEI = {
    "resourceType": "Patient",
    "id": "wei",
    "active": True,
    "name": [{"use": "official", "family": "张", "given": ["伟", "大"]}, {"use": "nickname", "text": "小伟"}],
    "identifier": [{"system": "urn:a", "value": "1"}, {"system": "urn:b", "value": "2"}],
    "birthDate": "1960-03-01",
    "_birthDate": {"extension": [{"url": "urn:time", "valueDateTime": "1960-03-01T08:00:00+08:00"}]},
    "deceasedBoolean": False,
}
KINDS = {"index": "valueInteger", "source": "valueInteger", "destination": "valueInteger", "type": "valueCode"}


def operation(type: str, path: str, value: dict | None = None, **more: object) -> dict:
    parts = [{"name": name, KINDS.get(name, "valueString"): said} for name, said in {"type": type, "path": path, **more}.items()]
    if value is not None:
        parts.append({"name": "value"} | value)
    return {"name": "operation", "part": parts}


def patched(*operations: dict, resource: dict = WEI) -> dict:
    before = copy.deepcopy(resource)
    result = apply_fhirpath_patch(resource, {"resourceType": "Parameters", "parameter": list(operations)})
    assert before == resource, "the argument was changed"
    return result


def test_a_single_element_is_added():
    assert patched(operation("add", "Patient", {"valueCode": "male"}, name="gender"))["gender"] == "male"


def test_an_element_of_a_list_is_added_at_its_end():
    result = patched(operation("add", "Patient", {"valueHumanName": {"text": "老张"}}, name="name"))
    assert result["name"][2] == {"text": "老张"}
    assert patched(operation("add", "Patient.name[0]", {"valueString": "强"}, name="given"))["name"][0]["given"] == ["伟", "大", "强"]


def test_the_first_element_of_a_list_makes_the_list():
    assert patched(operation("add", "Patient", {"valueContactPoint": {"value": "139"}}, name="telecom"))["telecom"] == [{"value": "139"}]


def test_an_element_without_a_type_of_its_own_is_given_in_parts():
    parts = [
        {"name": "relationship", "valueCodeableConcept": {"text": "配偶"}},
        {"name": "name", "valueHumanName": {"text": "李"}},
        {"name": "telecom", "valueContactPoint": {"value": "1"}},
        {"name": "telecom", "valueContactPoint": {"value": "2"}},
    ]
    contact = patched(operation("add", "Patient", {"part": parts}, name="contact"))["contact"]
    assert contact == [{"relationship": [{"text": "配偶"}], "name": {"text": "李"}, "telecom": [{"value": "1"}, {"value": "2"}]}]


def test_what_is_there_once_cannot_be_added_again():
    with pytest.raises(Invalid):
        patched(operation("add", "Patient", {"valueDate": "1961"}, name="birthDate"))
    with pytest.raises(Invalid):
        patched(operation("add", "Patient", {"valueDateTime": "2020"}, name="deceased"))


def test_a_choice_takes_the_key_of_its_value():
    result = patched(operation("replace", "Patient.deceased", {"valueDateTime": "2020-01-01"}))
    assert result["deceasedDateTime"] == "2020-01-01"
    assert "deceasedBoolean" not in result
    added = patched(operation("add", "Patient", {"valueInteger": 2}, name="multipleBirth"))
    assert added["multipleBirthInteger"] == 2


def test_a_replaced_primitive_loses_the_extensions_of_the_old_value():
    result = patched(operation("replace", "Patient.birthDate", {"valueDate": "1961-01-01"}))
    assert result["birthDate"] == "1961-01-01"
    assert "_birthDate" not in result


@pytest.mark.parametrize(
    "path",
    [
        "Patient.name[1].text",
        "name[1].text",
        "Patient.name.where(use = 'nickname').text",
        "Patient.name.where(use='nickname')[0].text",
        "Patient.name.where(use='nickname' and text.contains('.')=false).text",
        "Patient.name.last().text",
        "name.skip(1).first().text",
    ],
)
def test_a_path_may_go_by_index_or_by_condition(path: str):
    assert patched(operation("replace", path, {"valueString": "阿伟"}))["name"][1]["text"] == "阿伟"


def test_one_of_a_list_of_primitives_is_replaced_and_deleted():
    assert patched(operation("replace", "Patient.name[0].given[1]", {"valueString": "强"}))["name"][0]["given"] == ["伟", "强"]
    assert patched(operation("delete", "Patient.name[0].given[0]"))["name"][0]["given"] == ["大"]


def test_a_list_and_what_stands_beside_it_move_together():
    sibling = {"id": "x"}
    person = {"resourceType": "Patient", "name": [{"given": ["a", "b"], "_given": [None, sibling]}]}
    inserted = patched(operation("insert", "Patient.name[0].given", {"valueString": "c"}, index=0), resource=person)
    assert inserted["name"][0] == {"given": ["c", "a", "b"], "_given": [None, None, sibling]}
    moved = patched(operation("move", "Patient.name[0].given", source=1, destination=0), resource=person)
    assert moved["name"][0] == {"given": ["b", "a"], "_given": [sibling, None]}
    deleted = patched(operation("delete", "Patient.name[0].given[1]"), resource=person)
    assert deleted["name"][0] == {"given": ["a"]}


def test_an_extension_is_added_to_a_primitive_and_taken_from_it():
    extension = {"valueExtension": {"url": "urn:x", "valueString": "y"}}
    result = patched(operation("add", "Patient.active", extension, name="extension"))
    assert result["_active"] == {"extension": [{"url": "urn:x", "valueString": "y"}]}
    taken = patched(operation("delete", "Patient.birthDate.extension[0]"))
    assert "_birthDate" not in taken
    assert patched(operation("delete", "Patient.birthDate.extension('urn:time')")) == taken


def test_deleting_what_is_not_there_changes_nothing():
    assert patched(operation("delete", "Patient.maritalStatus")) == WEI
    assert patched(operation("delete", "Patient.name.where(use = 'old')")) == WEI


def test_deleting_the_last_of_a_list_leaves_no_list():
    result = patched(operation("delete", "Patient.identifier[0]"), operation("delete", "Patient.identifier[0]"))
    assert "identifier" not in result


def test_inserting_and_moving_within_a_list():
    result = patched(
        operation("insert", "Patient.identifier", {"valueIdentifier": {"value": "0"}}, index=0),
        operation("move", "Patient.identifier", source=2, destination=1),
    )
    assert [one["value"] for one in result["identifier"]] == ["0", "2", "1"]


def test_elements_of_backbones_and_contained_resources_are_reached():
    observation = {
        "resourceType": "Observation",
        "status": "final",
        "contained": [{"resourceType": "Device", "id": "d", "status": "active"}],
        "component": [{"code": {"text": "a"}, "valueQuantity": {"value": 1}}],
        "referenceRange": [{"low": {"value": 1}}],
    }
    result = patched(
        operation("replace", "Observation.contained[0].status", {"valueCode": "inactive"}),
        operation("replace", "Observation.component[0].value", {"valueString": "neg"}),
        operation("add", "Observation.component[0]", {"part": [{"name": "text", "valueString": "normal"}]}, name="referenceRange"),
        resource=observation,
    )
    assert result["contained"][0]["status"] == "inactive"
    assert result["component"][0] == {"code": {"text": "a"}, "valueString": "neg", "referenceRange": [{"text": "normal"}]}


@pytest.mark.parametrize(
    "one",
    [
        operation("replace", "Patient.name", {"valueHumanName": {}}),
        operation("replace", "Patient.maritalStatus", {"valueCodeableConcept": {}}),
        operation("delete", "Patient.name"),
        operation("delete", "Patient"),
        operation("replace", "Patient", {"resource": {"resourceType": "Patient"}}),
        operation("add", "Patient", {"valueString": "x"}, name="height"),
        operation("add", "Patient", {"valueString": "x"}, name="maritalStatus"),
        operation("add", "Patient", {"valueCodeableConcept": {"text": "x"}}, name="gender"),
        operation("add", "Patient", {"valueQuantity": {"value": 1}}, name="deceased"),
        operation("insert", "Patient.name", {"valueHumanName": {"text": "x"}}, index=3),
        operation("insert", "Patient.birthDate", {"valueDate": "1960"}, index=0),
        operation("move", "Patient.name", source=0, destination=2),
        operation("replace", "Patient.name.given.where($this = '伟')", {"valueString": "x"}),
        operation("replace", "Patient.id", {"valueId": "other"}),
        operation("delete", "Patient.id"),
        operation("move", "Patient", source=0, destination=1),
    ],
)
def test_what_cannot_be_done_is_invalid(one: dict):
    with pytest.raises(Invalid):
        patched(one)


@pytest.mark.parametrize(
    "document",
    [
        {"resourceType": "Patient"},
        [],
        {"resourceType": "Parameters"},
        {"resourceType": "Parameters", "parameter": [{"name": "deed", "part": []}]},
        {"resourceType": "Parameters", "parameter": [{"name": "operation"}]},
        {"resourceType": "Parameters", "parameter": [operation("change", "Patient.name")]},
        {"resourceType": "Parameters", "parameter": [operation("replace", "Patient.name[0]")]},
        {"resourceType": "Parameters", "parameter": [operation("add", "Patient", {"valueCode": "male"})]},
        {"resourceType": "Parameters", "parameter": [operation("insert", "Patient.name", {"valueHumanName": {}})]},
        {"resourceType": "Parameters", "parameter": [operation("delete", "")]},
        {"resourceType": "Parameters", "parameter": [operation("delete", "Patient.name[")]},
        {"resourceType": "Parameters", "parameter": [operation("delete", "Patient.name[x]")]},
        {"resourceType": "Parameters", "parameter": [operation("delete", "Patient..name")]},
        {"resourceType": "Parameters", "parameter": [operation("delete", "Patient.name.where(use = 'a")]},
        {"resourceType": "Parameters", "parameter": [operation("delete", "Patient.name | Patient.active")]},
    ],
)
def test_what_is_no_patch_is_malformed(document: object):
    with pytest.raises(Malformed):
        apply_fhirpath_patch(WEI, document)


def test_an_expression_the_engine_refuses_is_the_clients_error():
    with pytest.raises(XinglinError):
        patched(operation("delete", "Patient.name.where(use ==== 'x')"))


def test_too_many_operations_are_refused():
    with pytest.raises(TooLarge):
        patched(*[operation("delete", "Patient.photo")] * 1001)
