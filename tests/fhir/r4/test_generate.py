"""The committed tables are those the published definitions give."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from xinglin.fhir.r4.generate import HERE, main

PUBLISHED = Path(os.environ.get("XINGLIN_EXAMPLES") or Path(__file__).parents[3] / "node_modules" / "hl7.fhir.r4.examples")


@pytest.mark.skipif(not PUBLISHED.exists(), reason="the published definitions are not installed: npm ci, or set XINGLIN_EXAMPLES")
def test_the_tables_are_made_again_byte_for_byte(tmp_path: Path) -> None:
    main(PUBLISHED, into=tmp_path)
    made = {file.name: file.read_bytes() for file in tmp_path.glob("*.json")}
    assert len(made) == 6
    assert made == {file.name: file.read_bytes() for file in HERE.glob("*.json")}
