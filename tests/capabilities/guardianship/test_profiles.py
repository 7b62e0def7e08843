"""What is kept beyond plain FHIR is described in FHIR, and the description says what the program writes."""

from __future__ import annotations

from pathlib import Path

import pytest

from xinglin.capabilities import guardianship
from xinglin.capabilities.guardianship.model import ACCEPTED, ENDING_EXTENSION, KINDS, PROOF_EXTENSION, PROOFS, ROLES
from xinglin.fhir.codec import decode
from xinglin.fhir.validation import validate

FILES = sorted((Path(guardianship.__file__).parent / "profiles").glob("*.json"))
TOLD = {file.stem: decode(file.read_bytes()) for file in FILES}


@pytest.mark.parametrize("name", TOLD)
def test_each_definition_is_valid(name: str):
    assert [one for one in validate(TOLD[name]) if one.severity in ("error", "fatal")] == []


@pytest.mark.parametrize(("name", "codes"), [("kinds", KINDS), ("proofs", PROOFS)])
def test_the_lists_are_the_programs(name: str, codes):
    listed = [(TOLD[name]["url"], one["code"], one["designation"][0]["value"], one["display"]) for one in TOLD[name]["concept"]]
    assert listed == [(code.system, code.code, code.en, code.zh) for code in codes]


def test_the_extensions_have_the_addresses_they_are_written_under():
    assert (TOLD["proof"]["url"], TOLD["ending"]["url"]) == (PROOF_EXTENSION, ENDING_EXTENSION)


def test_every_kind_has_a_role_of_hl7_and_a_document_that_proves_it():
    for kind in KINDS:
        assert ROLES[kind.code]
        assert set(ACCEPTED[kind.code]) <= {proof.code for proof in PROOFS}
