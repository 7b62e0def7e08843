"""What can be signed, and the views of certificates, documents and signatures that pages show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import msgspec

from xinglin.kit.coding import Names
from xinglin.kit.i18n import Phrase, t
from xinglin.kit.signing import Verdict

ENDS_SOON_DAYS = 30
"""So long before its end a certificate may be renewed, and its holder is warned."""
AT_ONCE_MAX = 50
"""Documents signed in one go."""
PROOF_MINUTES = 5
"""How long ago who signs may have shown that it is still them."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A FHIR type that is signed: name, icon, who answers for it (elements), finished states, its time (elements), search of its author."""

    title: Phrase
    icon: str
    by: tuple[str, ...]
    finished: frozenset[str]
    times: tuple[str, ...]
    search: tuple[str, str]


KINDS: Mapping[str, Kind] = {
    "MedicationRequest": Kind(
        t("Prescription"), "pill", ("requester", "recorder"), frozenset({"active", "on-hold", "completed", "stopped"}), ("authoredOn",),
        ("requester", "authoredon"),
    ),
    "DiagnosticReport": Kind(
        t("Report"), "report-medical", ("performer", "resultsInterpreter"), frozenset({"final", "amended", "corrected", "appended"}),
        ("issued", "effectiveDateTime"), ("performer", "date"),
    ),
    "Composition": Kind(t("Document"), "file-text", ("author", "attester"), frozenset({"final", "amended"}), ("date",), ("author", "date")),
    "DocumentReference": Kind(
        t("Document"), "file-text", ("author", "authenticator"), frozenset({"current"}), ("date",), ("author", "date")
    ),
    "Consent": Kind(t("Consent"), "file-check", ("performer",), frozenset({"active", "inactive"}), ("dateTime",), ("consentor", "date")),
}  # fmt: skip
"""FHIR type -> how it is signed."""

VERIFIES: Mapping[str, frozenset[str]] = {"pharmacist": frozenset({"MedicationRequest"})}
"""What a role signs though others wrote it: a pharmacist's signature says that the prescription was checked."""


class Kept(msgspec.Struct, frozen=True, omit_defaults=True):
    """A certificate that was asked for here: PEM, whose, when it was revoked (microseconds since 1970, 0 for never)."""

    certificate: str
    holder: str
    revoked: int = 0


CertificateState = Literal["valid", "ending", "expired", "revoked"]


@dataclass(frozen=True, slots=True)
class Held:
    """A certificate as its holder sees it. Times as instants; `fingerprint`: hexadecimal, by the digest of `algorithm`."""

    serial: str
    name: str
    number: str
    organization: str
    issuer: str
    begins: str
    ends: str
    fingerprint: str
    algorithm: str
    state: CertificateState
    days_left: int
    revoked_at: str


@dataclass(frozen=True, slots=True)
class Pick:
    """A version of something that somebody wants to sign, as they saw it."""

    type: str
    id: str
    version: int

    @property
    def reference(self) -> str:
        """`Type/id`."""
        return f"{self.type}/{self.id}"


@dataclass(frozen=True, slots=True)
class Document:
    """Something to be signed, or signed. `person`: the patient's name, masked; `says`: what it says, in words; `digest`: of its bytes."""

    type: str
    id: str
    version: int
    kind: Phrase
    icon: str
    title: Names
    says: tuple[str, ...]
    time: str
    person: str
    person_id: str
    digest: str

    @property
    def reference(self) -> str:
        """`Type/id`."""
        return f"{self.type}/{self.id}"


State = Literal["intact", "changed", "altered", "missing", "unknown", "expired", "revoked", "unchecked"]


@dataclass(frozen=True, slots=True)
class Told:
    """How a state is told: in a word, in a sentence, with an icon and a tone."""

    word: Phrase
    sentence: Phrase
    icon: str
    tone: str


TOLD: Mapping[State, Told] = {
    "intact": Told(t("intact"), t("Nothing was changed since it was signed."), "rosette-discount-check", "x-chronic"),
    "changed": Told(
        t("changed since"), t("This version is intact, but there is a newer one, which this signature does not cover."), "history",
        "x-attention",
    ),
    "altered": Told(
        t("not what was signed"), t("What is stored is not what was signed. Do not rely on it, and tell the security officer."),
        "alert-octagon", "x-danger",
    ),
    "missing": Told(t("not open to you"), t("What was signed is not there, or you may not see it."), "eye-off", "x-quiet"),
    "unknown": Told(
        t("unknown authority"), t("The certificate comes from no authority trusted here: it proves nothing."), "certificate-off", "x-danger"
    ),
    "expired": Told(
        t("certificate expired"), t("The certificate was not valid when it was used: the signature proves nothing."), "certificate-off",
        "x-danger",
    ),
    "revoked": Told(
        t("certificate revoked"), t("The certificate had been revoked when it was used: the signature proves nothing."), "certificate-off",
        "x-danger",
    ),
    "unchecked": Told(
        t("not checked now"), t("The certification authority does not answer at the moment. Look again in a few minutes."),
        "clock-question", "x-quiet",
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Seal:
    """A signature as shown: of which version, by whom (as the certificate says), when, and what it proves now (None: not to be asked)."""

    id: str
    type: str
    document: str
    version: int
    name: str
    organization: str
    reference: str
    at: datetime
    role: str
    state: State
    verdict: Verdict | None

    @property
    def told(self) -> Told:
        """Its state in words."""
        return TOLD[self.state]
