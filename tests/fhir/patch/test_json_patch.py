"""JSON Patch does what RFC 6902 says, to a copy, or not at all."""

import copy

import pytest

from xinglin.base.errors import Invalid, Malformed, TooLarge, XinglinError
from xinglin.fhir.codec import decode
from xinglin.fhir.patch import apply_json_patch

WEI = {
    "resourceType": "Patient",
    "id": "wei",
    "active": True,
    "name": [{"family": "张", "given": ["伟"]}, {"text": "张伟"}],
    "extension": [{"url": "a/b", "valueDecimal": decode(b"1.50")}],
}


def patched(*operations: dict) -> dict:
    before = copy.deepcopy(WEI)
    result = apply_json_patch(WEI, list(operations))
    assert before == WEI, "the argument was changed"
    return result


def test_adding_a_member_and_list_elements():
    result = patched(
        {"op": "add", "path": "/birthDate", "value": "1960-03-01"},
        {"op": "add", "path": "/name/0/given/0", "value": "大"},
        {"op": "add", "path": "/name/-", "value": {"text": "老张"}},
    )
    assert result["birthDate"] == "1960-03-01"
    assert result["name"][0]["given"] == ["大", "伟"]
    assert result["name"][2] == {"text": "老张"}


def test_adding_over_a_member_replaces_it():
    assert patched({"op": "add", "path": "/active", "value": False})["active"] is False


def test_removing_the_last_element_leaves_no_empty_list():
    result = patched({"op": "remove", "path": "/name/0/given/0"}, {"op": "remove", "path": "/extension/0"})
    assert "given" not in result["name"][0]
    assert "extension" not in result


def test_removing_all_of_an_element_removes_the_element():
    assert patched({"op": "remove", "path": "/name/1/text"})["name"] == [{"family": "张", "given": ["伟"]}]


def test_replacing_moving_and_copying():
    result = patched(
        {"op": "replace", "path": "/name/0/family", "value": "章"},
        {"op": "move", "from": "/name/1", "path": "/name/0"},
        {"op": "copy", "from": "/name/1/family", "path": "/name/0/family"},
    )
    assert result["name"] == [{"text": "张伟", "family": "章"}, {"family": "章", "given": ["伟"]}]


def test_a_copy_is_apart_from_what_it_was_copied_from():
    result = patched(
        {"op": "copy", "from": "/name/0", "path": "/name/-"},
        {"op": "replace", "path": "/name/2/given/0", "value": "强"},
    )
    assert result["name"][0]["given"] == ["伟"]


@pytest.mark.parametrize("value", [{"text": "张伟"}, {"text": "张伟 "}])
def test_a_test_compares_deeply(value: dict):
    operation = {"op": "test", "path": "/name/1", "value": value}
    if value == WEI["name"][1]:
        assert patched(operation) == WEI
    else:
        with pytest.raises(Invalid):
            patched(operation)


def test_numbers_are_equal_by_value_and_true_is_not_one():
    assert patched({"op": "test", "path": "/extension/0/valueDecimal", "value": decode(b"1.5")}) == WEI
    with pytest.raises(Invalid):
        patched({"op": "test", "path": "/active", "value": 1})


def test_pointer_escapes_are_undone_in_the_right_order():
    result = apply_json_patch({"resourceType": "Basic", "a/b": 1, "m~n": 2, "~1": 3}, [
        {"op": "test", "path": "/a~1b", "value": 1},
        {"op": "test", "path": "/m~0n", "value": 2},
        {"op": "test", "path": "/~01", "value": 3},
    ])  # fmt: skip
    assert result["~1"] == 3


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "remove", "path": "/deceasedBoolean"},
        {"op": "replace", "path": "/deceasedBoolean", "value": True},
        {"op": "replace", "path": "/name/2", "value": {}},
        {"op": "add", "path": "/name/3", "value": {}},
        {"op": "add", "path": "/name/01", "value": {}},
        {"op": "add", "path": "/name/-1", "value": {}},
        {"op": "remove", "path": "/name/-"},
        {"op": "add", "path": "/telecom/-", "value": {}},
        {"op": "add", "path": "/active/x", "value": 1},
        {"op": "copy", "from": "/telecom", "path": "/name"},
        {"op": "move", "from": "/name", "path": "/name/0/x"},
        {"op": "test", "path": "/gender", "value": None},
        {"op": "remove", "path": ""},
    ],
)
def test_a_place_that_is_not_there_is_refused(operation: dict):
    with pytest.raises(Invalid):
        patched(operation)


@pytest.mark.parametrize(
    "operations",
    [
        [{"op": "replace", "path": "/id", "value": "other"}],
        [{"op": "remove", "path": "/id"}],
        [{"op": "replace", "path": "/resourceType", "value": "Person"}],
        [{"op": "move", "from": "/id", "path": "/language"}],
        [{"op": "replace", "path": "", "value": {"resourceType": "Patient", "id": "other"}}],
        [{"op": "replace", "path": "", "value": []}],
    ],
)
def test_the_id_and_the_type_cannot_be_patched(operations: list):
    with pytest.raises(Invalid):
        patched(*operations)


@pytest.mark.parametrize(
    "document",
    [
        {},
        "x",
        [1],
        [{"path": "/active"}],
        [{"op": "increase", "path": "/active"}],
        [{"op": ["add"], "path": "/active", "value": 1}],
        [{"op": "add", "path": "/active"}],
        [{"op": "add", "value": 1}],
        [{"op": "move", "path": "/active"}],
        [{"op": "remove", "path": "active"}],
        [{"op": "remove", "path": "/a~2"}],
        [{"op": "remove", "path": 5}],
    ],
)
def test_what_is_no_patch_is_malformed(document: object):
    with pytest.raises(Malformed):
        apply_json_patch(WEI, document)


def test_nothing_is_done_when_a_later_operation_fails():
    with pytest.raises(XinglinError):
        patched({"op": "remove", "path": "/active"}, {"op": "test", "path": "/active", "value": True})


def test_copies_of_copies_do_not_grow_without_end():
    doubling = [{"op": "copy", "from": "/name", "path": "/name/0/x"}, {"op": "copy", "from": "/name", "path": "/name/-"}] * 100
    with pytest.raises(TooLarge):
        patched(*doubling)


def test_too_many_operations_are_refused():
    with pytest.raises(TooLarge):
        patched(*[{"op": "test", "path": "/active", "value": True}] * 1001)
