"""Whatever comes in, `validate` answers with issues; it never raises and never hangs."""

from __future__ import annotations

import time
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from xinglin.fhir.definitions import choice_key, type_table
from xinglin.fhir.profiles import BLOOD_PRESSURE, RESIDENT, OwnProfiles
from xinglin.fhir.validation import validate

LEAVES = st.none() | st.booleans() | st.integers() | st.decimals() | st.floats() | st.text(max_size=8) | st.binary(max_size=4)
TEXTS = st.sampled_from(["Patient/1", "#x", "#", "2021-02-30", "final", "male", "urn:x", "<div>a</div>", "Bundle", "1"])
JSON = st.recursive(
    LEAVES | TEXTS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3), max_leaves=12
)
SETTINGS = settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])


def keys_of(type: str) -> list[str]:
    table = type_table(type)
    assert table is not None
    own = [choice_key(e.name, kind) if e.choice else e.name for e in table.elements for kind in e.types]
    return ["resourceType", *own, *(f"_{key}" for key in own)]


def resources(type: str, depth: int = 2) -> st.SearchStrategy[dict[str, Any]]:
    """Objects with the keys of a type, and values of any kind in them: often an object or array where one belongs."""
    inner = st.dictionaries(st.sampled_from("coding system code value reference extension url start id _value".split()), JSON, max_size=3)
    values = JSON | inner | st.lists(inner, max_size=2)
    if depth:
        values |= st.lists(resources(type, depth - 1), max_size=2)
    return st.dictionaries(st.sampled_from(keys_of(type)), values, max_size=6).map(lambda found: {**found, "resourceType": type})


@given(JSON)
@SETTINGS
def test_any_json_is_answered(value: Any) -> None:
    validate(value, profiles=OwnProfiles(), against=[RESIDENT])


@pytest.mark.parametrize("type", ["Patient", "Observation", "Bundle", "Questionnaire", "StructureDefinition", "Parameters"])
@SETTINGS
@given(data=st.data())
def test_any_object_with_the_keys_of_a_type_is_answered(type: str, data: st.DataObject) -> None:
    validate(data.draw(resources(type)), profiles=OwnProfiles(), against=[RESIDENT, BLOOD_PRESSURE])


def test_keys_that_are_no_text_are_answered() -> None:
    odd: Any = {"resourceType": "Patient", 5: 1, None: 2, ("a",): 3}
    assert len([i for i in validate(odd) if i.severity == "error"]) == 3


def nested(depth: int) -> dict[str, Any]:
    inner: dict[str, Any] = {"url": "urn:x", "valueBoolean": True}
    for _ in range(depth):
        inner = {"url": "urn:x", "extension": [inner]}
    return {"resourceType": "Patient", "extension": [inner]}


@pytest.mark.parametrize(
    "number",
    [10**5000, -(10**5000), Decimal("1E+999999"), Decimal("sNaN"), float("nan")],
    ids=["long", "longer", "power", "signalling", "nan"],
)
def test_numbers_beyond_all_measure_are_answered(number: Any) -> None:
    found = validate({"resourceType": "Patient", "multipleBirthInteger": number, "extension": [{"url": "urn:x", "valueDecimal": number}]})
    assert [i.at[0] for i in found if i.severity == "error"] == [
        "Patient.multipleBirth.ofType(integer)",
        "Patient.extension[0].value.ofType(decimal)",
    ]


def test_many_faults_of_one_object_cost_no_more_than_their_number() -> None:
    started = time.perf_counter()
    found = validate({"resourceType": "Patient", **{f"pet{i}": i for i in range(200_000)}})
    assert time.perf_counter() - started < 5
    assert len(found) <= 201


def test_many_contained_resources_cost_no_more_than_their_number() -> None:
    parts = [{"resourceType": "Organization", "id": f"o{i}", "name": "x", "partOf": {"reference": f"#o{i + 1}"}} for i in range(5000)]
    whole = {"resourceType": "Patient", "managingOrganization": {"reference": "#o0"}, "contained": [*parts, parts[0] | {"id": "o5000"}]}
    started = time.perf_counter()
    assert [i for i in validate(whole) if i.severity == "error"] == []
    assert time.perf_counter() - started < 5


def test_deep_nesting_is_answered() -> None:
    assert [i for i in validate(nested(100)) if i.severity == "error"] == []
    assert [i.code for i in validate(nested(100_000)) if i.severity == "error"] == ["too-long"]


def test_deep_faults_cost_no_more_than_their_depth() -> None:
    broken = nested(200)
    inner = broken["extension"][0]
    while "extension" in inner:
        inner["nonsense"] = 1
        inner = inner["extension"][0]
    started = time.perf_counter()
    found = validate(broken)
    assert time.perf_counter() - started < 1
    assert len([i for i in found if i.severity == "error"]) == 200


def test_endless_faults_are_cut_off_and_still_refuse() -> None:
    found = validate({"resourceType": "Patient", "name": [{"petName": i} for i in range(10_000)]})
    assert len(found) <= 201
    assert found[0].severity == "error"


def test_an_error_after_many_warnings_still_refuses() -> None:
    warned = {"resource": {"resourceType": "Patient", "active": True}}
    wrong = {"resource": {"resourceType": "Patient", "active": 1}}
    found = validate({"resourceType": "Bundle", "type": "collection", "entry": [*[warned] * 500, wrong]})
    assert any(i.severity == "error" for i in found)


def test_a_message_shows_little_of_a_long_value() -> None:
    found = validate({"resourceType": "Patient", "gender": "x" * 100_000})
    assert all(len(i.text) < 300 for i in found)
