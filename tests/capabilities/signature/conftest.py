"""One county for each test of signatures: a doctor who has written three things about Zhang today, and two who have not."""

from __future__ import annotations

import pytest

from tests.capabilities.watched import HOSPITAL, County, encounter, found
from xinglin.fhir.codec import Resource
from xinglin.store import Store

LI = {"reference": "Practitioner/li", "display": "李医生"}


def prescription(id_: str = "rx", who: str = "zhang", by: Resource = LI, **more: object) -> Resource:
    return {
        "resourceType": "MedicationRequest", "id": id_, "status": "active", "intent": "order", "requester": by,
        "medicationCodeableConcept": {"text": "缬沙坦胶囊"}, "subject": {"reference": f"Patient/{who}"},
        "authoredOn": "2026-11-22T10:20:00+08:00", "encounter": {"reference": f"Encounter/visit-{who}"},
        "dosageInstruction": [{"text": "每日一次，每次80毫克"}],
    } | more  # fmt: skip


def report(id_: str = "ecg", **more: object) -> Resource:
    return {
        "resourceType": "DiagnosticReport", "id": id_, "status": "final", "code": {"text": "心电图报告"}, "performer": [LI],
        "subject": {"reference": "Patient/zhang"}, "effectiveDateTime": "2026-11-22T10:10:00+08:00", "conclusion": "窦性心律",
        "encounter": {"reference": "Encounter/visit-zhang"},
    } | more  # fmt: skip


def letter(id_: str = "letter", **more: object) -> Resource:
    return {
        "resourceType": "Composition", "id": id_, "status": "final", "type": {"text": "出院小结"}, "title": "出院小结",
        "subject": {"reference": "Patient/zhang"}, "date": "2026-11-22T09:00:00+08:00",
        "author": [{"reference": "PractitionerRole/li-post"}],
        "section": [{"title": "诊断", "text": {"status": "generated", "div": "<div>高血压2级</div>"}}],
    } | more  # fmt: skip


@pytest.fixture
async def county(store: Store) -> County:
    made = await found(store)
    post = {"resourceType": "PractitionerRole", "id": "li-post", "practitioner": LI, "organization": {"reference": HOSPITAL}}
    wu = {"individual": {"reference": "Practitioner/wu"}}
    both = encounter(participant=[{"individual": LI}, wu])
    await made.put(post, both, prescription(), report(), letter())
    return made
