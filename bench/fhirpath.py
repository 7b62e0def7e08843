"""Microseconds for one evaluation of ten typical expressions, beside fhirpathpy (compiled, with its R4 model) in the same run.

    python bench/fhirpath.py

A ratio above 1 is how many times faster this engine is.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from fhirpathpy import compile as compile_there
from fhirpathpy.models import models

from xinglin.fhir.fhirpath import compile_path, holds

PATIENT: dict[str, Any] = {
    "resourceType": "Patient",
    "id": "p1",
    "identifier": [{"system": "urn:oid:2.16.156.10011.1.3", "value": "110101199003070134", "use": "official"}, {"value": "A-7"}],
    "name": [{"use": "official", "text": "杏林", "family": "杏", "given": ["林", "春"]}, {"use": "usual", "given": ["小林"]}],
    "telecom": [{"system": "phone", "value": "13800000000", "use": "mobile"}, {"system": "email", "value": "a@example.org"}],
    "gender": "female",
    "birthDate": "1990-03-07",
    "address": [{"city": "杏林", "line": ["一路 1 号"], "period": {"start": "2010-01-01", "end": "2020-01-01"}}],
    "contact": [{"name": {"text": "李"}, "telecom": [{"system": "phone", "value": "13900000000"}]}],
    "generalPractitioner": [{"reference": "Practitioner/7"}],
}
OBSERVATION: dict[str, Any] = {
    "resourceType": "Observation",
    "id": "o1",
    "status": "final",
    "category": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "vital-signs"}]}],
    "code": {"coding": [{"system": "http://loinc.org", "code": "85354-9", "display": "Blood pressure"}]},
    "subject": {"reference": "Patient/p1"},
    "effectiveDateTime": "2021-05-17T08:30:00+08:00",
    "component": [
        {
            "code": {"coding": [{"system": "http://loinc.org", "code": code}]},
            "valueQuantity": {"value": Decimal(value), "unit": "mmHg", "system": "http://unitsofmeasure.org", "code": "mm[Hg]"},
        }
        for code, value in (("8480-6", "142"), ("8462-4", "91"))
    ],
}
CASES = (
    (PATIENT, "Patient.name.given"),
    (PATIENT, "Patient.name.where(use = 'official').given.first()"),
    (PATIENT, "Patient.telecom.where(system = 'phone' and use = 'mobile').value"),
    (PATIENT, "contact.all(name.exists() or telecom.exists() or address.exists() or organization.exists())"),
    (PATIENT, "Patient.address.period.all(start.empty() or end.empty() or start <= end)"),
    (PATIENT, "Patient.name.family | Patient.name.given"),
    (OBSERVATION, "Observation.component.where(code.coding.exists(system = 'http://loinc.org' and code = '8480-6')).value.value"),
    (OBSERVATION, "Observation.component.value.ofType(Quantity).value"),
    (OBSERVATION, "value.exists().not() or component.empty() or dataAbsentReason.empty()"),
    (OBSERVATION, "Observation.descendants().where(code = '8462-4').count()"),
)
SECONDS = 0.2


def microseconds(run: Callable[[], Any]) -> float:
    """The best of five stretches, µs for one call."""
    run()
    start, count = time.perf_counter(), 0
    while time.perf_counter() - start < SECONDS / 5:
        run()
        count += 1
    best = float("inf")
    for _ in range(5):
        start = time.perf_counter()
        for _ in range(count):
            run()
        best = min(best, (time.perf_counter() - start) / count)
    return best * 1e6


def main() -> None:
    """Print the table."""
    print(f"{'expression':<112} {'here':>8} {'there':>9} {'ratio':>7}")
    for resource, expression in CASES:
        here = compile_path(expression)
        there = compile_there(expression, models["r4"])
        other = json.loads(json.dumps(resource, default=float))
        mine = microseconds(lambda here=here, resource=resource: here(resource))
        theirs = microseconds(lambda there=there, other=other: there(other))
        print(f"{expression:<112} {mine:8.2f} {theirs:9.1f} {theirs / mine:7.0f}")
    name = PATIENT["name"][0]
    rule = microseconds(lambda: holds(name, "family.exists() or text.exists()", type="HumanName"))
    print(f"an invariant on an element, holds(): {rule:.2f} µs")


if __name__ == "__main__":
    main()
