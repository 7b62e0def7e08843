"""What a real exporter writes validates: every resource of the shared Synthea people."""

from __future__ import annotations

import tarfile
from collections import Counter
from pathlib import Path

import pytest

from xinglin.fhir.codec import decode_resource
from xinglin.fhir.validation import validate

ARCHIVE = Path(__file__).parents[3] / "shared" / "data" / "synthea-100.tar.gz"


@pytest.mark.skipif(not ARCHIVE.exists(), reason="the shared Synthea archive is not beside the repository")
def test_every_synthea_file_validates_whole() -> None:
    counted: Counter[str] = Counter()
    with tarfile.open(ARCHIVE) as archive:
        for member in archive:
            file = archive.extractfile(member) if member.name.endswith(".json") else None
            if file is None:
                continue
            whole = decode_resource(file.read())  # a bundle for each person, hospital and practitioner file, and one group
            assert [i for i in validate(whole) if i.severity == "error"] == [], member.name
            counted.update(entry["resource"]["resourceType"] for entry in whole.get("entry", ()))
    assert counted.total() == 38970
    assert len(counted) > 15
