"""A merge patch (RFC 7396) puts in what it names, takes out what it calls null, and leaves the rest as it was."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from xinglin.base.errors import Invalid, Malformed, TooLarge
from xinglin.fhir.patch import apply_merge_patch

WEI = {
    "resourceType": "Patient",
    "id": "wei",
    "active": True,
    "name": [{"family": "张", "given": ["伟"]}, {"text": "张伟"}],
    "maritalStatus": {"text": "已婚", "coding": [{"code": "M"}]},
}


@pytest.mark.parametrize(
    ("patch", "changed"),
    [
        ({"gender": "male"}, {"gender": "male"}),
        ({"active": None}, {"active": None}),
        ({"unheardOf": None}, {}),
        ({"name": [{"family": "李"}]}, {"name": [{"family": "李"}]}),
        ({"maritalStatus": {"text": None}}, {"maritalStatus": {"coding": [{"code": "M"}]}}),
        ({"maritalStatus": {"text": None, "coding": None}}, {"maritalStatus": None}),
        ({"contact": {"gender": "male", "name": None}}, {"contact": {"gender": "male"}}),
        ({"id": "wei", "resourceType": "Patient"}, {}),
        ({}, {}),
    ],
)
def test_only_what_is_named_changes(patch: dict[str, Any], changed: dict[str, Any]) -> None:
    before = copy.deepcopy(WEI)
    expected = {name: value for name, value in (WEI | changed).items() if value is not None}
    assert apply_merge_patch(WEI, patch) == expected
    assert before == WEI


@pytest.mark.parametrize("patch", [{"id": "li"}, {"id": None}, {"resourceType": "Group"}])
def test_who_it_is_about_cannot_change(patch: dict[str, Any]) -> None:
    with pytest.raises(Invalid, match="id or the resourceType"):
        apply_merge_patch(WEI, patch)


@pytest.mark.parametrize("patch", [None, [], "x", 1])
def test_what_is_no_object_is_no_merge_patch(patch: Any) -> None:
    with pytest.raises(Malformed):
        apply_merge_patch(WEI, patch)


def test_a_bottomless_patch_is_refused() -> None:
    patch: dict[str, Any] = {}
    for _ in range(500):
        patch = {"a": patch}
    with pytest.raises(TooLarge):
        apply_merge_patch(WEI, patch)
