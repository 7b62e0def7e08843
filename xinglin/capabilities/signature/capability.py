"""The table of contents of signatures."""

from __future__ import annotations

from xinglin.capabilities.signature import operations, pages, queries
from xinglin.capabilities.signature.model import KINDS
from xinglin.kit.capability import Capability, MenuEntry, Operation, PersonPanel, Waiting
from xinglin.kit.i18n import t
from xinglin.kit.pages import Page, Request
from xinglin.kit.unit import Unit

HOLDERS = ("doctor", "nurse", "pharmacist", "public_health", "registrar")
"""Staff who may hold a certificate."""
SIGNERS = ("doctor", "nurse", "pharmacist")
_READS = ("Provenance", "Patient")


async def _ending(unit: Unit, _request: Request) -> int | None:
    return await queries.count_ending(unit)


CAPABILITY = Capability(
    title=t("Signatures"),
    systems=("S-CA",),
    workspaces=("clinic", "hospital", "pharmacy", "public-health", "resident"),
    pages=(
        Page("GET", "/my-certificate", pages.show_certificate, roles=HOLDERS),
        Page("POST", "/my-certificate", pages.enrol, roles=HOLDERS),
        Page("POST", "/my-certificate/revocation", pages.revoke, roles=HOLDERS),
        Page("GET", "/to-sign", pages.show_to_sign, _READS, SIGNERS),
        Page("GET", "/person/{id}/to-sign", pages.show_persons_to_sign, _READS, SIGNERS),
        Page("GET", "/sign/review", pages.show_review, _READS, SIGNERS),
        Page("POST", "/signature", pages.sign, _READS, SIGNERS),
        Page("GET", "/signature/{id}", pages.show_signature, ("Provenance",)),
        Page("GET", "/signature/{id}/evidence", pages.download_evidence, ("Provenance",)),
        Page("GET", "/person/{id}/signatures", pages.show_person_signatures, _READS),
    ),
    operations=(
        Operation("sign", ("instance",), tuple(KINDS), operations.sign, affects_state=True),
        Operation("verify-signature", ("instance",), ("Provenance",), operations.verify_signature),
    ),
    menu=(MenuEntry(t("To sign"), "/to-sign", "signature", ("clinic", "hospital", "pharmacy"), 60),),
    mine=(MenuEntry(t("My certificate"), "/my-certificate", "certificate", place=20),),
    person_panels=(PersonPanel("signature/person.html", pages.load_person),),
    markings=(pages.mark,),
    inbox=(Waiting(t("Your certificate ends soon"), "/my-certificate", "certificate", _ending),),
)
