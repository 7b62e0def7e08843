"""Whatever a client sends, an operation answers or refuses in words; nothing breaks."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fhir.terminology.world import DX, HEART, MAP, OLD, WORLD
from xinglin.base.errors import XinglinError
from xinglin.fhir.terminology import expand, lookup, subsumes, translate, validate_code_in_system, validate_code_in_value_set

WORDS = [DX, OLD, HEART, MAP["url"], "I10", "I", "E11", "401", "true", "false", "1", "-1", "", "|", f"{DX}|I10", f"{DX}?fhir_vs=isa/I", "x"]
LEAVES = st.sampled_from(WORDS) | st.booleans() | st.integers(-2, 10**12) | st.none()
KEYS = st.sampled_from(["system", "code", "version", "display", "coding", "text", "resourceType", "name"])
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=6)
NAMES = (
    "url code system version coding codeableConcept display codeA codeB codingA codingB filter offset count abstract reverse designation "
    "property targetsystem target source dependency displayLanguage activeOnly excludeNested system-version exclude-system inferSystem"
)
PARTS = st.lists(st.fixed_dictionaries({}, optional={"name": st.sampled_from(["element", "concept"]), "valueUri": VALUES}), max_size=2)
PARAMETER = st.fixed_dictionaries({"name": st.sampled_from(NAMES.split())}, optional={"valueString": VALUES, "part": PARTS})


def expand_here(known: Any, asked: Any) -> Any:
    return expand(known, asked, identifier="urn:uuid:e", timestamp="2026")


SENSIBLE = [
    (lookup, {"system": DX, "code": "I10"}),
    (subsumes, {"system": DX, "codeA": "I", "codeB": "I10"}),
    (translate, {"url": MAP["url"], "system": OLD, "code": "401"}),
    (validate_code_in_system, {"url": DX, "code": "I10"}),
    (validate_code_in_value_set, {"url": HEART, "system": DX, "code": "I10"}),
    (expand_here, {"url": HEART}),
]


@pytest.mark.parametrize(("operation", "call"), SENSIBLE)
@settings(max_examples=80, deadline=None)
@given(st.lists(PARAMETER, max_size=3))
def test_junk_is_answered_or_refused_in_words(operation: Any, call: dict, listed: list):
    replaced = {parameter["name"] for parameter in listed}
    kept = [{"name": name, "valueString": value} for name, value in call.items() if name not in replaced]
    with suppress(XinglinError):
        answer = operation(WORLD, {"resourceType": "Parameters", "parameter": [*kept, *listed]})
        assert answer["resourceType"] in ("Parameters", "ValueSet")
