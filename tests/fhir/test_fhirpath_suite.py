"""HL7's own FHIRPath suite for R4 (937 tests): all pass but those listed here, each with its reason.

Inputs are the official examples (`hl7.fhir.r4.examples`). Five inputs of the suite are not among them; they are written below, as small as
the tests that read them need. A test marked invalid must raise; the suite's strict mode is the engine's.
"""

import os
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from xinglin.fhir.codec import decode
from xinglin.fhir.fhirpath import Found, PathError, Quantity, Temporal, World, compile_path

ROOT = Path(__file__).parents[2]
SUITE = ROOT.parent / "shared" / "data" / "fhirpath-r4" / "tests-fhir-r4.xml"
EXAMPLES = Path(os.environ.get("XINGLIN_EXAMPLES") or ROOT / "node_modules" / "hl7.fhir.r4.examples")

KNOWN = {
    "testCombine1": "the suite's own CodeSystem has nested concepts with repeated codes; the example has none",
    "testPlusDate19": "0.1 's' is a tenth of a second; the suite drops it, against its own specification (seconds may be decimal)",
    "HighBoundaryDateTimeMillisecond1": "hour 08 lasts until 08:59:59.999; the suite takes an hour alone for its first minute",
    "HighBoundaryDateTimeMillisecond3": "as HighBoundaryDateTimeMillisecond1",
}

FILES = {
    "patient-example.xml": "Patient-example",
    "observation-example.xml": "Observation-example",
    "questionnaire-example.xml": "Questionnaire-3141",
    "valueset-example-expansion.xml": "ValueSet-example-expansion",
    "codesystem-example.xml": "CodeSystem-example",
    "explanationofbenefit-example.json": "ExplanationOfBenefit-EB3500",
    "appointment-examplereq.json": "Appointment-examplereq",
}
WRITTEN: dict[str, dict[str, Any]] = {
    "patient-example-period.xml": {
        "resourceType": "Patient",
        "identifier": [{"period": {"start": "2001-05-06", "end": "2001-05"}}, {"period": {"start": "2001-05-06", "end": "2001-05-06"}}],
    },
    "parameters-example-types.xml": {
        "resourceType": "Parameters",
        "parameter": [
            {"name": "string", "valueString": "string"},
            {"name": "integer", "valueInteger": 1},
            {"name": "uuid", "valueUuid": "urn:uuid:0a8a5b3c-5f0b-4bd2-a5f8-2d4f9a3c7e11"},
            {"name": "decimal", "valueDecimal": Decimal("1.0")},
        ],
    },
    "patient-container-example.json": {
        "resourceType": "Patient",
        "contained": [{"resourceType": "Organization", "id": "1", "name": "Contained"}],
        "managingOrganization": {"reference": "#1"},
    },
    "patient-name-extensions.json": {
        "resourceType": "Patient",
        "name": [{"given": [None, "Jim"], "_given": [{"extension": [{"url": "http://example.com/absent", "valueCode": "unknown"}]}, None]}],
    },
}
AGE = {"value": 40, "system": "http://unitsofmeasure.org", "code": "a"}
AMENDED: dict[str, dict[str, Any]] = {  # what the suite's copy has and the published example has not
    "observation-example.xml": {"extension": [{"url": "http://example.com/fhir/StructureDefinition/patient-age", "valueAge": AGE}]},
    "valueset-example-expansion.xml": {"version": "20150622"},
}
NOW = World(variables={"now": "2026-11-22T08:30:00.000+08:00"})


@dataclass(frozen=True)
class Case:
    """One test of the suite; `outputs`: type and text of each result."""

    name: str
    input: str
    expression: str
    invalid: bool
    predicate: bool
    outputs: tuple[tuple[str | None, str], ...]


def cases() -> Iterator[Case]:
    if not SUITE.exists():
        return
    seen: dict[str, int] = {}
    for test in ET.parse(SUITE).getroot().iter("test"):
        name = test.attrib["name"]
        seen[name] = seen.get(name, 0) + 1
        expression = test.find("expression")
        assert expression is not None
        yield Case(
            name if seen[name] == 1 else f"{name}-{seen[name]}",
            test.get("inputfile", "patient-example.xml"),
            expression.text or "",
            expression.get("invalid") is not None,
            test.get("predicate") == "true",
            tuple((output.get("type"), output.text or "") for output in test.iter("output")),
        )


@cache
def resource(name: str) -> dict[str, Any]:
    if name in WRITTEN:
        return WRITTEN[name]
    found = decode((EXAMPLES / f"{FILES[name]}.json").read_bytes())
    return found | AMENDED.get(name, {})


def written(found: Found) -> str:
    value = found.value
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Temporal):
        return f"@{'T' if value.kind == 'Time' else ''}{value.text}"
    if found.type in ("date", "dateTime", "instant"):
        return f"@{value}"
    return value.text if isinstance(value, Quantity) else str(value)


def same(found: Found, kind: str | None, expected: str) -> bool:
    if kind is not None and found.type.removeprefix("System.").lower() != kind.lower():
        return False
    text = written(found)
    if text == expected:
        return True
    return type(found.value) in (Decimal, int) and Decimal(text) == Decimal(expected)


def passes(case: Case) -> bool:
    context = resource(case.input)
    try:
        found = compile_path(case.expression, type=context["resourceType"], strict=True).found(context, world=NOW)
    except PathError:
        return case.invalid
    if case.invalid:
        return False
    if case.predicate:
        return case.outputs == (("boolean", "true" if found else "false"),)
    return len(found) == len(case.outputs) and all(same(one, kind, text) for one, (kind, text) in zip(found, case.outputs, strict=True))


@pytest.mark.skipif(not SUITE.exists(), reason="../shared/data is absent: the HL7 suite is not here")
def test_the_hl7_suite_passes_but_for_the_known_cases() -> None:
    every = list(cases())
    failed = {case.name for case in every if not passes(case)}
    assert len(every) > 900
    assert failed == set(KNOWN)
    assert len(failed) <= len(every) * 0.03

