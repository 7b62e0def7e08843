"""Search values of a resource by our compiled tracks, against fhirpathpy evaluating the same R4 expressions in the same run.

    python bench/extraction.py [../shared/data/synthea-100.tar.gz]

Prints one row per type: microseconds per resource of each, and the ratio. fhirpathpy only selects elements; ours also makes the values.
"""

from __future__ import annotations

import json
import sys
import tarfile
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

from fhirpathpy import compile as compile_there
from fhirpathpy.models import models

from xinglin.fhir.codec import Resource, decode
from xinglin.fhir.definitions import search_params
from xinglin.fhir.search.extract import extract
from xinglin.fhir.search.grammar import read_search

TYPES = ("Patient", "Observation", "Encounter", "Condition", "MedicationRequest", "DiagnosticReport", "Claim")
PEOPLE = 20
QUERIES = ("code=http://loinc.org|8480-6&patient=Patient/1&date=ge2020-01-01&_count=20", "_id=1", "patient.name=Li&_sort=-date")
DATA = Path(__file__).parents[2] / "shared/data/synthea-100.tar.gz"


def main(archive: Path) -> None:
    """Measure and print."""
    by_type = _records(archive)
    print(f"{'type':20}{'params':>8}{'sampled':>9}{'ours us':>10}{'fhirpathpy us':>15}{'ratio':>8}")
    for kind in TYPES:
        found = by_type[kind]
        ours = _best_us(extract, found[:500], 7)
        peer = _best_us(_there(kind), [json.loads(json.dumps(one, default=float)) for one in found[:12]], 2)
        print(f"{kind:20}{len(search_params(kind)):8}{len(found[:500]):9}{ours:10.1f}{peer:15.1f}{peer / ours:8.1f}")
    for query in QUERIES:
        pairs = [tuple(pair.split("=", 1)) for pair in query.split("&")]
        print(f"{_best_us(lambda _, pairs=pairs: read_search('Observation', pairs), [{}] * 500, 5):8.1f} us to read {query}")


def _records(archive: Path) -> dict[str, list[Resource]]:
    by_type: dict[str, list[Resource]] = defaultdict(list)
    with tarfile.open(archive) as members:
        files = [member for member in members if member.isfile() and member.name.endswith(".json")][:PEOPLE]
        for member in files:
            for entry in decode(members.extractfile(member).read()).get("entry", ()):
                by_type[entry["resource"]["resourceType"]].append(entry["resource"])
    return by_type


def _there(kind: str) -> Callable[[Resource], object]:
    plain = [param for param in search_params(kind).values() if param.expression and param.kind not in ("composite", "special")]
    ways: list[Any] = [compile_there(param.expression, models["r4"]) for param in plain if "resolve()" not in param.expression]

    def evaluate(resource: Resource) -> int:
        held = 0
        for way in ways:
            try:
                held += len(way(resource))
            except Exception:  # noqa: BLE001 - it raises bare Exception for `as` over several elements
                continue
        return held

    return evaluate


def _best_us(work: Callable[[Any], object], resources: list[Any], rounds: int) -> float:
    best = float("inf")
    for _ in range(rounds):
        start = perf_counter()
        for one in resources:
            work(one)
        best = min(best, perf_counter() - start)
    return best / len(resources) * 1e6


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else DATA)
