"""Signed documents and prescriptions: a Provenance with the signature over one version of a resource, and what a signature proves.

The signature covers the canonical JSON of the version with its id and meta (R4 json, canonical form: properties in order of their
names, no space between), so it holds for anyone who has that version, whatever server it came from.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, cast

from xinglin.base.clock import instant, tick_of
from xinglin.base.crypto import digest
from xinglin.base.crypto.certificates import Certificate
from xinglin.base.crypto.signed_message import MEDIA_TYPE, SignedMessage, read_message
from xinglin.base.errors import Gone, Invalid, NotFound, Unavailable
from xinglin.fhir.codec import Resource, encode
from xinglin.fhir.sensitivity import CONFIDENTIALITY, RESTRICTED, level_of
from xinglin.kit.gateways.ca import Authority
from xinglin.kit.unit import Unit
from xinglin.store import Records, Stored

CANONICAL = "application/fhir+json; canonicalization=http://hl7.org/fhir/canonicalization/json"
SIGNATURE_TYPES = "urn:iso-astm:E1762-95:2013"
AUTHOR = "1.2.840.10065.1.12.1.1"
VERIFICATION = "1.2.840.10065.1.12.1.5"
"""Whose signature it is (R4 value set signature-type): the author's; that of one who verified, such as a reviewing pharmacist."""
_NAMES = {AUTHOR: "Author's Signature", VERIFICATION: "Verification Signature"}
_PARTICIPANTS = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"
_ROLES = {AUTHOR: "author", VERIFICATION: "verifier"}
_PATIENT = re.compile(r"Patient/[A-Za-z0-9.-]{1,64}")
_VERSION = re.compile(r"([A-Za-z]+)/([A-Za-z0-9.-]{1,64})/_history/([0-9]{1,9})")

Integrity = Literal["unchanged", "superseded", "altered", "missing"]
Standing = Literal["valid", "expired", "revoked", "unknown"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a signature proves. `reference` and `name` are the signer's, and `at` the time, by the certificate and the signature themselves.

    `integrity`: the version is what was signed and is the present one (`unchanged`), or there is a newer one (`superseded`); it is not
    what was signed (`altered`); it is not to be seen (`missing`). `standing`: how the certificate was when it was used; `unknown`: no
    authority we trust issued it. `revoked_at`: when it was revoked since.
    """

    reference: str
    name: str
    at: datetime
    integrity: Integrity
    standing: Standing
    version: int
    present: int | None = None
    revoked_at: datetime | None = None

    @property
    def holds(self) -> bool:
        """Whether the signer stands by this version."""
        return self.integrity in ("unchanged", "superseded") and self.standing == "valid"


def canonical(resource: Resource) -> bytes:
    """The canonical JSON of a resource."""
    return encode(_ordered(resource))


async def sign(unit: Unit, authority: Authority, target: Stored, kind: str = AUTHOR) -> Resource:
    """The Provenance by which the actor signs a version; who calls writes it. Raises `NotFound` without a certificate, `Unavailable`."""
    who = signer_reference(unit)
    signed = target.resource()
    hashed = digest(canonical(signed), authority.cipher)
    message = await authority.sign(who, hashed, unit.now)
    if not _fits(message, hashed, who, authority):
        raise Unavailable("The certification authority gave a signature that does not fit; try again in a moment.", retry_after_s=60)
    signature: Resource = {
        "type": [{"system": SIGNATURE_TYPES, "code": kind, "display": _NAMES[kind]}],
        "when": instant(tick_of(unit.now)),
        "who": {"reference": who, "display": unit.actor.name},
        "targetFormat": CANONICAL,
        "sigFormat": MEDIA_TYPE,
        "data": b64encode(message).decode(),
    }
    made: Resource = {
        "resourceType": "Provenance",
        "target": [{"reference": f"{target.type}/{target.id}/_history/{target.version}"}, *_whose(signed)],
        "recorded": instant(tick_of(unit.now)),
        "agent": [{"type": {"coding": [{"system": _PARTICIPANTS, "code": _ROLES[kind]}]}, "who": signature["who"]}],
        "signature": [signature],
    }
    if level_of(signed) >= RESTRICTED:  # who may not see the document sees no word about it
        made["meta"] = {"security": [{"system": CONFIDENTIALITY, "code": "R"}]}
    return made


async def verify(records: Records, authority: Authority, provenance: Resource) -> Verdict:
    """What the signature of a Provenance proves. Raises `Invalid` when it carries none of ours, `Unavailable` when the CA is away."""
    message, (type_, id_, version) = read_signature(provenance)
    reference, name = message.certificate.subject.get("number", ""), message.certificate.subject.get("name", "")
    integrity, present = await _integrity(records, message, type_, id_, version)
    revoked = None
    standing: Standing = "unknown"
    if _issued_by(message.certificate, authority):
        revoked = await authority.revoked_at(message.certificate)
        standing = _standing(message, revoked)
    return Verdict(reference, name, message.at, integrity, standing, version, present, revoked)


def signer_reference(unit: Unit) -> str:
    """Whose certificate signs for the actor: the person's, not the account's."""
    return unit.actor.person or unit.actor.id


async def _integrity(records: Records, message: SignedMessage, type_: str, id_: str, version: int) -> tuple[Integrity, int | None]:
    try:
        signed = await records.vread(type_, id_, version)
    except (NotFound, Gone):
        return ("missing" if message.genuine else "altered"), None
    if not (message.genuine and message.covers(canonical(signed.resource()))):
        return "altered", None
    try:
        present = (await records.read(type_, id_)).version
    except Gone:
        return "superseded", None
    return ("unchanged" if present == version else "superseded"), present


def _standing(message: SignedMessage, revoked: datetime | None) -> Standing:
    if revoked is not None and revoked <= message.at:
        return "revoked"
    return "valid" if message.certificate.holds_at(message.at) else "expired"


def read_signature(provenance: Resource) -> tuple[SignedMessage, tuple[str, str, int]]:
    """The signature of a Provenance and the version (type, id, number) it is about. Raises `Invalid`."""
    signatures: list[Resource] = provenance.get("signature") or []
    targets: list[Resource] = [one for one in provenance.get("target") or [] if not _PATIENT.fullmatch(one.get("reference", ""))]
    found = _VERSION.fullmatch(targets[0].get("reference", "")) if len(targets) == 1 else None
    if found is None or len(signatures) != 1 or signatures[0].get("sigFormat") != MEDIA_TYPE:
        raise Invalid("This Provenance carries no signature of one version of one resource.")
    try:
        message = read_message(b64decode(signatures[0].get("data", ""), validate=True))
    except ValueError as broken:
        raise Invalid("The signature cannot be read.") from broken
    return message, (found[1], found[2], int(found[3]))


def _whose(signed: Resource) -> list[Resource]:
    """The patient a resource is about, as a further target: by it the Provenance lies in that patient's record."""
    about = (signed.get("subject") or signed.get("patient") or {}).get("reference", "")
    return [{"reference": about}] if _PATIENT.fullmatch(about) else []


def _fits(message: bytes, hashed: bytes, who: str, authority: Authority) -> bool:
    try:
        seen = read_message(message)
    except ValueError:
        return False
    own = seen.certificate.subject.get("number") == who
    return own and seen.genuine and seen.digest == hashed and _issued_by(seen.certificate, authority)


def _issued_by(certificate: Certificate, authority: Authority) -> bool:
    return any(one.issued(certificate) for one in authority.trusted)


def _ordered(value: Any) -> Any:
    if isinstance(value, dict):
        held = cast("dict[str, Any]", value)
        return {key: _ordered(held[key]) for key in sorted(held)}
    if isinstance(value, list):
        return [_ordered(one) for one in cast("list[Any]", value)]
    return value
