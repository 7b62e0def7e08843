"""Terminology operations per second beside a bare dict probe in the same run, over the 30,501 codes of the insurance edition of ICD-10.

python bench/terminology.py [icd10.csv]
"""

from __future__ import annotations

import csv
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from xinglin.fhir import terminology as fhir
from xinglin.fhir.codec import Resource
from xinglin.fhir.terminology import Terminology

CODES = Path(__file__).parents[2] / "shared" / "data" / "codes" / "icd10_insurance_2.0.csv"
ICD10 = "urn:example:icd10"
CIRCULATORY = "urn:example:icd10-circulatory"
HYPERTENSION = [("url", f"{ICD10}?fhir_vs"), ("filter", "高血压"), ("count", "20")]
SECONDS_EACH = 0.6
EXPANSION: dict[str, str] = {"identifier": "urn:uuid:0", "timestamp": "2026-01-01T00:00:00Z"}


def code_system(rows: list[tuple[str, str]]) -> Resource:
    """A CodeSystem whose codes stand below the longest other code that begins them; categories of three characters on top."""
    concepts: dict[str, Resource] = {}
    top: list[Resource] = []
    known = {code for code, _ in rows}
    categories = sorted({code[:3] for code, _ in rows} - known)
    for code, name in sorted([*rows, *((category, category) for category in categories)]):
        concept = concepts[code] = {"code": code, "display": name}
        above = next((code[:length] for length in range(len(code) - 1, 2, -1) if code[:length] in concepts), None)
        (concepts[above].setdefault("concept", []) if above else top).append(concept)
    return {"resourceType": "CodeSystem", "id": "icd10", "url": ICD10, "status": "active", "content": "complete", "concept": top}


def value_set() -> Resource:
    """All of I10 to I25 that is below those categories."""
    includes = [{"system": ICD10, "filter": [{"property": "concept", "op": "is-a", "value": f"I{n}"}]} for n in (10, 11, 20, 21, 25)]
    return {"resourceType": "ValueSet", "id": "c", "url": CIRCULATORY, "status": "active", "compose": {"include": includes}}


def rate(deed: Callable[[str], Any], codes: list[str]) -> float:
    """Calls per second, codes in turn, the best of three spells."""
    best = 0.0
    for _ in range(3):
        done, start = 0, time.perf_counter()
        while (spent := time.perf_counter() - start) < SECONDS_EACH / 3:
            for code in codes:
                deed(code)
            done += len(codes)
        best = max(best, done / spent)
    return best


def main() -> None:
    """Prints one line for each operation: per second, microseconds, and the ratio to the dict probe."""
    with (Path(sys.argv[1]) if len(sys.argv) > 1 else CODES).open(encoding="utf-8-sig") as file:
        rows = [(row["code"], row["name"]) for row in csv.DictReader(file)]
    start = time.perf_counter()
    known = Terminology([code_system(rows), value_set()])
    known.system(ICD10)
    print(f"{len(rows):,} codes loaded in {time.perf_counter() - start:.2f} s")
    start = time.perf_counter()
    circulatory = sorted(code for _, code in known.codes_of(CIRCULATORY) or ())
    print(f"value set of {len(circulatory)} codes worked out in {1000 * (time.perf_counter() - start):.1f} ms")
    sample = [code for code, _ in rows[:: len(rows) // 500]]
    probe = {(ICD10, code): name for code, name in rows}
    whole = f"{ICD10}?fhir_vs"
    baseline = rate(lambda code: probe.get((ICD10, code)), sample)
    report("dict probe", baseline, baseline)
    for title, deed, codes in deeds(known, whole, sample, circulatory):
        report(title, rate(deed, codes), baseline)


def deeds(known: Terminology, whole: str, sample: list[str], circulatory: list[str]) -> list[tuple[str, Callable[[str], Any], list[str]]]:
    """(title, one call, the codes it is called with)."""
    few = sample[:20]
    return [
        ("has: value set by filters", lambda code: known.has(CIRCULATORY, ICD10, code), [*circulatory[:250], *sample[:250]]),
        ("has: whole code system", lambda code: known.has(whole, ICD10, code), sample),
        ("subsumption", lambda code: known.subsumption(ICD10, code[:3], code), sample),
        ("below", lambda code: known.below(ICD10, code[:3]), sample),
        (
            "ValueSet/$validate-code",
            lambda code: fhir.validate_code_in_value_set(known, [("url", CIRCULATORY), ("system", ICD10), ("code", code)]),
            sample,
        ),
        ("CodeSystem/$validate-code", lambda code: fhir.validate_code_in_system(known, [("url", ICD10), ("code", code)]), sample),
        ("$lookup", lambda code: fhir.lookup(known, [("system", ICD10), ("code", code)]), sample),
        ("$subsumes", lambda code: fhir.subsumes(known, [("system", ICD10), ("codeA", code[:3]), ("codeB", code)]), sample),
        ("$expand, page of 20", lambda _: fhir.expand(known, [("url", whole), ("count", "20")], **EXPANSION), few),
        ("$expand, filter 高血压, 20", lambda _: fhir.expand(known, HYPERTENSION, **EXPANSION), few[:2]),
        ("$expand, 5 categories whole", lambda _: fhir.expand(known, [("url", CIRCULATORY)], **EXPANSION), few[:5]),
        ("$expand, all codes", lambda _: fhir.expand(known, [("url", whole)], **EXPANSION), few[:1]),
    ]


def report(title: str, per_second: float, baseline: float) -> None:
    """One line of the table."""
    print(f"{title:30} {per_second:12,.0f}/s {1e6 / per_second:12.2f} us   {baseline / per_second:10.1f} x dict probe")


if __name__ == "__main__":
    main()
