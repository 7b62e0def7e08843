"""What validation costs beside reading the JSON: µs per Synthea resource, and the ratio to decoding it, in one run.

    python bench/validation.py [ARCHIVE]

Bars: form of a median Observation within 100 µs; with invariants within 80 µs where the baseline (decode) is 2-4 µs.
"""

from __future__ import annotations

import sys
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from time import process_time
from typing import Any

from xinglin.fhir.codec import Resource, decode, decode_resource, encode
from xinglin.fhir.profiles import RESIDENT, OwnProfiles
from xinglin.fhir.validation import validate

ARCHIVE = Path(__file__).parents[2] / "shared" / "data" / "synthea-100.tar.gz"
TYPES = ("Observation", "Condition", "Encounter", "Patient", "Claim", "ExplanationOfBenefit")
FILES_MAX = 12
RESOURCES_MAX = 300
ROUNDS = 5


def resources(archive: Path) -> Iterator[Resource]:
    """The resources of the first files of the archive."""
    with tarfile.open(archive) as opened:
        for member in [m for m in opened if m.name.endswith(".json")][:FILES_MAX]:
            file = opened.extractfile(member)
            assert file is not None
            yield from (entry["resource"] for entry in decode_resource(file.read()).get("entry", ()))


def timed_us(work: Callable[[Any], object], inputs: list[Any]) -> float:
    """Processor µs for one input: the best of some rounds over all of them."""
    best = float("inf")
    for _ in range(ROUNDS):
        started = process_time()
        for one in inputs:
            work(one)
        best = min(best, process_time() - started)
    return best / len(inputs) * 1e6


def main(archive: Path) -> None:
    """Print the table."""
    found = list(resources(archive))
    print(f"{'type':22}{'count':>6}{'bytes':>7}{'decode':>9}{'form':>9}{'ratio':>7}{'+rules':>9}{'ratio':>7}  µs per resource")
    for type in TYPES:
        chosen = [one for one in found if one["resourceType"] == type][:RESOURCES_MAX]
        raws = [encode(one) for one in chosen]
        validate(chosen[0])  # compiles the type
        read, form, whole = timed_us(decode, raws), timed_us(lambda r: validate(r, invariants=False), chosen), timed_us(validate, chosen)
        size = median(len(raw) for raw in raws)
        print(f"{type:22}{len(chosen):6}{size:7.0f}{read:9.1f}{form:9.1f}{form / read:7.1f}{whole:9.1f}{whole / read:7.1f}")
    people = [one for one in found if one["resourceType"] == "Patient"]
    own = OwnProfiles()
    cost = timed_us(lambda r: validate(r, profiles=own, against=[RESIDENT]), people)
    print(f"Patient with the profile of a resident: {cost:.1f} µs")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ARCHIVE)
