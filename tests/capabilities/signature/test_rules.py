"""Who may sign what, and how a verdict is told."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.capabilities.signature.conftest import letter, prescription, report
from xinglin.base.errors import Forbidden, Invalid, Malformed
from xinglin.capabilities.signature.model import KINDS, TOLD, Pick
from xinglin.capabilities.signature.rules import capacity, document_of, may_sign, paired, picks_of, state_of
from xinglin.fhir.search.grammar import read_search
from xinglin.kit.signing import AUTHOR, VERIFICATION, Verdict

OWN = frozenset({"Practitioner/li", "PractitionerRole/li-post"})
AT = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)


def test_who_wrote_ordered_or_performed_signs_as_author() -> None:
    assert {capacity(one, OWN, "doctor") for one in (prescription(), report(), letter())} == {AUTHOR}
    attested = letter(author=[{"display": "打字员"}], attester=[{"mode": "legal", "party": {"reference": "Practitioner/li"}}])
    assert capacity(attested, OWN, "doctor") == AUTHOR


def test_a_pharmacist_signs_the_prescription_they_checked_and_nothing_else_of_others() -> None:
    assert capacity(prescription(), {"Practitioner/yao"}, "pharmacist") == VERIFICATION
    with pytest.raises(Forbidden):
        capacity(report(), {"Practitioner/yao"}, "pharmacist")
    with pytest.raises(Forbidden):
        capacity(prescription(), {"Practitioner/yao"}, "doctor")


@pytest.mark.parametrize(
    "unfinished",
    [prescription(status="draft"), prescription(status="entered-in-error"), report(status="preliminary"), letter(status="preliminary")],
    ids=lambda one: f"{one['resourceType']} {one['status']}",
)
def test_what_is_not_finished_is_not_signed(unfinished: dict[str, Any]) -> None:
    with pytest.raises(Invalid, match="not finished"):
        capacity(unfinished, OWN, "doctor")
    assert not may_sign(unfinished, OWN, "doctor")


def test_other_kinds_are_not_signed() -> None:
    with pytest.raises(Invalid):
        capacity({"resourceType": "Observation", "performer": [{"reference": "Practitioner/li"}]}, OWN, "doctor")


def test_what_is_about_nobody_does_not_wait_for_a_signature() -> None:
    assert may_sign(prescription(), OWN, "doctor")
    assert not may_sign(prescription(subject={"reference": "Group/g"}), OWN, "doctor")


def test_a_choice_names_versions() -> None:
    assert picks_of({"MedicationRequest/rx": "3", "q": "x", "Observation/1": "1"}) == (Pick("MedicationRequest", "rx", 3),)
    for wrong in ({}, {"MedicationRequest/rx": "x"}, {"MedicationRequest/": "1"}, {"MedicationRequest/rx": "²"}):
        with pytest.raises(Malformed):
            picks_of(wrong)


def test_the_page_before_signing_masks_the_patient_and_says_what_stands_there() -> None:
    patient = {"resourceType": "Patient", "name": [{"text": "张桂兰"}]}
    one = document_of(letter(meta={"versionId": "4"}), patient, "sm4")
    assert (one.person, one.version, one.title, one.says, len(one.digest)) == ("张*兰", 4, ("出院小结",), ("诊断 高血压2级",), 64)


@pytest.mark.parametrize(
    ("integrity", "standing", "state"),
    [
        ("unchanged", "valid", "intact"), ("superseded", "valid", "changed"), ("missing", "valid", "missing"),
        ("altered", "valid", "altered"), ("altered", "unknown", "altered"), ("unchanged", "revoked", "revoked"),
        ("superseded", "expired", "expired"), ("missing", "unknown", "unknown"),
    ],
)  # fmt: skip
def test_the_worst_is_told_first(integrity: Any, standing: Any, state: str) -> None:
    assert state_of(Verdict("Practitioner/li", "李医生", AT, integrity, standing, 1)) == state
    assert state in TOLD


def test_a_fingerprint_is_compared_in_pairs() -> None:
    assert paired("00ab3f") == "00:AB:3F"


@pytest.mark.parametrize("type_", KINDS)
def test_what_somebody_wrote_can_be_searched_for(type_: str) -> None:
    author, date = KINDS[type_].search
    asked = [(author, "Practitioner/li,PractitionerRole/p"), ("patient", "Patient/1"), (date, "ge2026-11-22")]
    assert read_search(type_, asked, strict=True).where
