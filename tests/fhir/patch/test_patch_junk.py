"""Whatever a patch says, it is done or refused in words, and the resource it was for stays as it was."""

import copy
from contextlib import suppress
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from xinglin.base.errors import XinglinError
from xinglin.fhir.codec import encode
from xinglin.fhir.patch import apply_fhirpath_patch, apply_json_patch

WEI = {
    "resourceType": "Patient",
    "id": "wei",
    "active": True,
    "name": [{"family": "张", "given": ["伟", "大"], "_given": [None, {"id": "x"}]}, {"text": "张伟"}],
    "contact": [{"name": {"text": "李"}}],
    "deceasedBoolean": False,
}
LEAVES = st.sampled_from([None, True, 1, "x", "male"])
OBJECTS = st.sampled_from("ab")
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(OBJECTS, inner, max_size=2), max_leaves=4)

POINTERS = st.sampled_from(
    ["", "/", "/active", "/name", "/name/0", "/name/-", "/name/0/given/0", "/name/0/_given/1/id", "/id", "/x/y", "/~2", "a", 7]
)
OPERATION = st.fixed_dictionaries(
    {"op": st.sampled_from(["add", "remove", "replace", "move", "copy", "test", "x", 1]), "path": POINTERS},
    optional={"from": POINTERS, "value": VALUES},
)

PATHS = [
    *("Patient", "Patient.active", "Patient.name", "name[0]", "name[1].text", "Patient.name.given", "Patient.name[0].given[1]"),
    *("Patient.deceased", "Patient.id", "Patient.name.where(text.exists())", "Patient.name.first().given", "name[0].given[1].id"),
    *("x.y", "Patient.contact[0].name", "Patient.contact", "(", "name[9]", "Patient.name.given.first()", "1 + 1", "name[0].given.x", ""),
]
NAMES = ["given", "name", "extension", "gender", "deceased", "x", "id", "contact", "deceasedBoolean"]
PLACES = [0, 1, 2, 9, -1, True, "0"]
KEYS = st.sampled_from(["valueString", "valueBoolean", "valueHumanName", "_valueString", "resource", "name"])
SIMPLE = st.dictionaries(KEYS, VALUES | st.sampled_from([{"text": "x"}, {"resourceType": "Patient"}]), max_size=2)
INNER = SIMPLE.flatmap(lambda value: st.sampled_from([value | {"name": name} for name in (*NAMES, "text", "relationship")]))
PARTS = st.fixed_dictionaries(
    {"type": st.sampled_from(["add", "insert", "delete", "replace", "move"]), "path": st.sampled_from(PATHS)},
    optional={
        "name": st.sampled_from(NAMES),
        "index": st.sampled_from(PLACES),
        "source": st.sampled_from(PLACES),
        "destination": st.sampled_from(PLACES),
        "value": SIMPLE | st.fixed_dictionaries({"part": st.lists(INNER, max_size=3) | VALUES}),
    },
)


def part(name: str, value: Any) -> dict:
    return {"name": name} | (value if name == "value" else {"valueString": value})


def done_or_refused(apply: Any, patch: Any) -> None:
    before = copy.deepcopy(WEI)
    with suppress(XinglinError):
        result = apply(WEI, patch)
        assert (result["resourceType"], result["id"]) == ("Patient", "wei")
        assert encode(result)
    assert before == WEI


@settings(max_examples=200, deadline=None)
@given(st.lists(OPERATION, max_size=4))
def test_a_json_patch_is_done_or_refused(operations: list):
    done_or_refused(apply_json_patch, operations)


@settings(max_examples=400, deadline=None)
@given(st.lists(PARTS, min_size=1, max_size=2))
def test_a_fhirpath_patch_is_done_or_refused(operations: list):
    listed = [{"name": "operation", "part": [part(*said) for said in parts.items()]} for parts in operations]
    done_or_refused(apply_fhirpath_patch, {"resourceType": "Parameters", "parameter": listed})
