"""The elements our tracks select are those that fhirpathpy, another reading of FHIRPath, selects.

Known not to be answerable there: `resolve()` (not implemented), and `as` over more than one element (an error; the R4 search
expressions rely on it). Nothing else may fail.
"""

import json
import random
import tarfile
from collections import defaultdict
from functools import cache
from pathlib import Path

import pytest
from fhirpathpy import compile as compile_there
from fhirpathpy.models import models

from xinglin.fhir.codec import decode
from xinglin.fhir.definitions import RESOURCE_TYPES, search_params
from xinglin.fhir.search.extract import elements

ROOT = Path(__file__).parents[3]
SYNTHEA = ROOT.parent / "shared/data/synthea-100.tar.gz"
EXAMPLES = ROOT / "node_modules/hl7.fhir.r4.examples"
CANNOT = ("Not implemented: resolve", "Expected singleton on left side of 'as'")
CHOICE = random.Random(20261121)


@cache
def there(expression):
    return compile_there(expression, models["r4"])


def plain(value):
    """Decimals as floats: fhirpathpy reads numbers in its own way."""
    return json.loads(json.dumps(value, default=float))


def as_set(values):
    """A union of FHIRPath holds no value twice."""
    return {json.dumps(plain(value), sort_keys=True) for value in values}


def differences(resources):
    """(compared, what differs)."""
    compared, wrong = 0, []
    for resource in resources:
        for name, param in search_params(resource["resourceType"]).items():
            if not param.expression or param.kind == "special":
                continue
            expected = selected_there(resource, param)
            compared += expected is not None
            if expected is not None and as_set(elements(resource, param)) != expected:
                wrong.append((resource["resourceType"], resource.get("id"), name))
    return compared, wrong


def selected_there(resource, param):
    """None for what cannot be asked there."""
    try:
        return as_set(there(param.expression)(plain(resource)))
    except Exception as failed:
        if str(failed).startswith(CANNOT):
            return None
        raise


def test_on_synthea_records():
    if not SYNTHEA.exists():
        pytest.skip("the Synthea records are not at ../shared/data")
    by_type = defaultdict(list)
    with tarfile.open(SYNTHEA) as archive:
        for member in archive:
            if member.isfile() and member.name.endswith(".json") and member.size < 3_000_000:
                for entry in decode(archive.extractfile(member).read()).get("entry", ()):
                    by_type[entry["resource"]["resourceType"]].append(entry["resource"])
            if sum(map(len, by_type.values())) > 600:
                break
    compared, wrong = differences([r for found in by_type.values() for r in CHOICE.sample(found, min(len(found), 3))])
    assert wrong == []
    assert compared > 500


def test_on_the_official_examples():
    if not EXAMPLES.is_dir():
        pytest.skip("the official examples are not installed: npm ci")
    by_type = defaultdict(list)
    for file in sorted(EXAMPLES.glob("*.json")):
        if file.name.partition("-")[0] in RESOURCE_TYPES and file.stat().st_size < 60_000:
            by_type[file.name.partition("-")[0]].append(file)
    files = [file for found in by_type.values() for file in CHOICE.sample(found, min(len(found), 2))]
    compared, wrong = differences([decode(file.read_bytes()) for file in files])
    assert wrong == []
    assert compared > 2_000
