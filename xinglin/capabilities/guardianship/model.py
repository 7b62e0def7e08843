"""Frozen views of a guardianship, its proof and the person it is about, and the codes they are told by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Self

from xinglin.access.relationships import relations_of
from xinglin.fhir.codec import Resource
from xinglin.kit.coding import Code, codes_of, id_of
from xinglin.kit.i18n import Phrase, t
from xinglin.kit.person import name_of

OWN = "urn:xinglin:"
KIND, PROOF = OWN + "guardianship-kind", OWN + "guardianship-proof"
PROOF_EXTENSION, ENDING_EXTENSION = OWN + "extension:guardianship-proof", OWN + "extension:guardianship-ending"
"""What a RelatedPerson was believed on, and why it was ended; described in `profiles/`."""
ROLE = "http://terminology.hl7.org/CodeSystem/v3-RoleCode"

PARENT = Code(KIND, "parent", "Parent of a minor", "未成年人的父母")
GUARDIAN = Code(KIND, "guardian", "Appointed guardian", "指定监护人")
AGENT = Code(KIND, "agent", "Agent with written authority", "书面委托代理人")
KINDS = (PARENT, GUARDIAN, AGENT)
ROLES: Mapping[str, tuple[tuple[str, str], ...]] = {
    "parent": (("GUARD", "guardian"), ("PRN", "parent")),
    "guardian": (("GUARD", "guardian"),),
    "agent": (("HPOWATT", "healthcare power of attorney"),),
}
"""What each kind is called in HL7's own list, (code, display); the first of them makes the care relationship."""
PROOFS = (
    Code(PROOF, "household", "Household register", "户口簿"),
    Code(PROOF, "birth", "Birth certificate", "出生医学证明"),
    Code(PROOF, "court", "Court decision", "法院文书"),
    Code(PROOF, "committee", "Certificate of the village or community committee", "村（居）委会证明"),
    Code(PROOF, "notarised", "Notarised authority", "公证委托书"),
)
ACCEPTED: Mapping[str, tuple[str, ...]] = {
    "parent": ("household", "birth", "court"),
    "guardian": ("court", "committee", "notarised"),
    "agent": ("notarised", "committee"),
}
"""Which document proves which kind."""
STATES: Mapping[str, Phrase] = {"active": t("Acts now"), "coming": t("Begins later"), "ended": t("Ended")}


@dataclass(frozen=True, slots=True)
class Ward:
    """Someone who may need another to act for them. `number`: of the patient in the store; `born`: None unless known to the day."""

    id: str
    number: int
    name: str
    born: date | None
    numbers: frozenset[str]
    died: bool


@dataclass(frozen=True, slots=True)
class Proof:
    """What was shown: the kind of document, its number and date, and the DocumentReference of its picture."""

    kind: Code | None
    number: str
    day: str
    document: str


@dataclass(frozen=True, slots=True)
class Guardianship:
    """One RelatedPerson that acts for a resident. `kind`, `proof`: None when another system did not say.

    `starts`, `ends`: microseconds, as access counts them; `since`, `until`: as written. `identifiers`: (system, value) by which the
    guardian's own account is known.
    """

    id: str
    ward: str
    kind: Code | None
    name: str
    identifiers: tuple[tuple[str, str], ...]
    phone: str
    since: str
    until: str
    starts: int
    ends: int
    active: bool
    proof: Proof | None
    by: str
    ended_by: str
    reason: str
    version: int

    @classmethod
    def of(cls, resource: Resource) -> Self | None:
        """The view of a RelatedPerson; None for one that gives nobody a say, like a contact for emergencies."""
        relation = next(iter(relations_of(resource | {"active": True})), None)
        if relation is None:
            return None
        proof, ending = _extension(resource, PROOF_EXTENSION), _extension(resource, ENDING_EXTENSION)
        period = resource.get("period", {})
        return cls(
            id=resource["id"],
            ward=relation.patient,
            kind=_known(KINDS, [pair for one in resource["relationship"] for pair in codes_of(one)]),
            name=name_of(resource),
            identifiers=tuple((one["system"], one["value"]) for one in resource["identifier"] if one.get("system") and one.get("value")),
            phone=next((one["value"] for one in resource.get("telecom", ()) if one.get("system") == "phone" and one.get("value")), ""),
            since=str(period.get("start", "")),
            until=str(period.get("end", "")),
            starts=relation.starts,
            ends=relation.ends,
            active=resource.get("active") is not False,
            proof=_proof(proof) if proof else None,
            by=proof.get("by", {}).get("display", ""),
            ended_by=ending.get("by", {}).get("display", ""),
            reason=ending.get("reason", ""),
            version=int(resource.get("meta", {}).get("versionId", "1")),
        )

    def state(self, now_us: int) -> str:
        """Its state at a moment: active, coming or ended."""
        if not self.active or now_us >= self.ends:
            return "ended"
        return "active" if self.starts <= now_us else "coming"

    @property
    def number(self) -> str:
        """The guardian's ID number, or what else they are known by."""
        return self.identifiers[0][1]


def _extension(resource: Resource, url: str) -> Resource:
    """The parts of a complex extension by name; {} when it is not there."""
    parts = next((one.get("extension", []) for one in resource.get("extension", []) if one.get("url") == url), [])
    return {part["url"]: next((value for name, value in part.items() if name.startswith("value")), "") for part in parts if part.get("url")}


def _proof(told: Resource) -> Proof:
    pairs = codes_of({"coding": [told["kind"]]}) if told.get("kind") else ()
    return Proof(_known(PROOFS, pairs), told.get("number", ""), told.get("date", ""), id_of(told.get("document") or None))


def _known(codes: tuple[Code, ...], pairs: object) -> Code | None:
    carried = set(pairs) if isinstance(pairs, (list, tuple)) else set[object]()
    return next((one for one in codes if (one.system, one.code) in carried), None)
