"""The pages of signatures: one's certificate, what waits to be signed, the look before signing, and what a signature proves."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from urllib.parse import urlencode

from xinglin.access.accounts import StepUp
from xinglin.access.policy import allowed
from xinglin.base.clock import instant, tick_of
from xinglin.base.errors import NotFound, Stale
from xinglin.capabilities.signature import actions, queries, rules
from xinglin.capabilities.signature.model import KINDS, PROOF_MINUTES, Seal
from xinglin.kit.capability import Mark
from xinglin.kit.i18n import Phrase, t
from xinglin.kit.pages import Download, Moved, Request, Shown
from xinglin.kit.signing import AUTHOR
from xinglin.kit.times import exactly
from xinglin.kit.unit import Unit

# --- my certificate ---


async def show_certificate(unit: Unit, _request: Request) -> Shown:
    """One's certificates, and what can be done with them."""
    linked = unit.actor.person.startswith("Practitioner/")
    held = await queries.my_certificates(unit) if linked else []
    current = next((one for one in held if one.state in ("valid", "ending")), None)
    past = [one for one in held if one is not current]
    return Shown("signature/certificate.html", {"linked": linked, "current": current, "past": past})


async def enrol(unit: Unit, request: Request) -> Moved:
    """Asks the authority for one, or for the next one."""
    await actions.enrol(unit, request.address)
    return Moved("/my-certificate")


async def revoke(unit: Unit, request: Request) -> Moved:
    """Ends it at once."""
    await actions.revoke(unit, request.address)
    return Moved("/my-certificate")


# --- signing ---


async def show_to_sign(unit: Unit, request: Request) -> Shown:
    """What one wrote in the last `days` and has not signed."""
    asked = request.query.get("days", "")
    days = int(asked) if asked.isdigit() and int(asked) in queries.DAYS else 1
    documents = await queries.to_sign(unit, request.timezone, days=days)
    values = {"documents": documents, "days": days, "choices": queries.DAYS, "person_id": "", "signed": request.query.get("signed", "")}
    return Shown("signature/to_sign.html", values | {"certificate": await queries.valid_certificate(unit)})


async def show_persons_to_sign(unit: Unit, request: Request) -> Shown:
    """What one wrote about this patient and has not signed. Raises `NotFound`."""
    person_id = request.path["id"]
    await unit.store.read("Patient", person_id)
    documents = await queries.to_sign(unit, request.timezone, person_id=person_id)
    values = {"documents": documents, "days": 0, "choices": (), "person_id": person_id, "signed": ""}
    return Shown("signature/to_sign.html", values | {"certificate": await queries.valid_certificate(unit)})


async def show_review(unit: Unit, request: Request) -> Shown:
    """What will be signed, in words, and whether a fresh proof of oneself is still to be given. Raises `Malformed`."""
    picks = rules.picks_of(request.query)
    documents = await queries.picked(unit, picks)
    if {(one.reference, one.version) for one in documents} != {(one.reference, one.version) for one in picks}:
        raise Stale("This was changed meanwhile; look again.")
    back = "/sign/review?" + urlencode({one.reference: one.version for one in picks})
    values = {"documents": documents, "certificate": await queries.valid_certificate(unit), "minutes": PROOF_MINUTES}
    return Shown("signature/review.html", values | {"proved": await _proved(unit), "again": f"/sign-in/again?{urlencode({'next': back})}"})


async def _proved(unit: Unit) -> bool:
    try:
        await actions.require_proof(unit)
    except StepUp:
        return False
    return True


async def sign(unit: Unit, request: Request) -> Moved:
    """Signs what was reviewed: goes to the signature, or with several back to the list."""
    made = await actions.sign_all(unit, rules.picks_of(request.form), request.address)
    return Moved(f"/signature/{made[0].id}" if len(made) == 1 else f"/to-sign?signed={len(made)}")


# --- what signatures prove ---


async def show_signature(unit: Unit, request: Request) -> Shown:
    """Who signed what, when, and what it proves now."""
    opened = await queries.opened(unit, request.path["id"])
    message, seal = opened.message, opened.seal
    issuer = opened.issuer
    held = rules.held_of(message.certificate, opened.trusted, seal.verdict.revoked_at if seal.verdict else None, message.at, message.cipher)
    root = rules.issuer_of(issuer, opened.trusted, message.at, message.cipher) if issuer else None
    values = {
        "seal": seal, "document": opened.document, "holder": held, "root": root, "at": instant(tick_of(seal.at)),
        "kind": KINDS[seal.type].title if seal.type in KINDS else None, "algorithm": rules.ALGORITHMS[message.cipher],
        "digest_name": rules.DIGESTS[message.cipher], "signed_digest": message.digest.hex(), "value": message.signature.hex(),
        "is_author": seal.role == AUTHOR,
    }  # fmt: skip
    return Shown("signature/signature.html", values)


async def download_evidence(unit: Unit, request: Request) -> Download:
    """The signed bytes, the signature and the certificates, for a stranger to check. Raises `NotFound` without the signed version."""
    opened = await queries.opened(unit, request.path["id"])
    content = opened.content
    if content is None:
        raise NotFound("What was signed is not there, or you may not see it.")

    def made(say: Callable[[Phrase], str]) -> bytes:
        lines = (say(one) if isinstance(one, Phrase) else one for one in rules.readme(opened.message))
        return rules.evidence(content, opened.message, opened.whole, opened.trusted, "\n".join(lines) + "\n")

    return Download(f"signature-{request.path['id']}.zip", "application/zip", made)


async def show_person_signatures(unit: Unit, request: Request) -> Shown:
    """Every signature in a record."""
    patient = (await unit.store.read("Patient", request.path["id"])).resource()
    seals = await queries.seals_of_person(unit, request.path["id"])
    rows = [(seal, KINDS[seal.type].title if seal.type in KINDS else None, instant(tick_of(seal.at))) for seal in seals]
    return Shown("signature/signatures.html", {"rows": rows, "person": patient, "most": queries.SEALS_MAX})


# --- within the record ---


async def load_person(unit: Unit, request: Request, person_id: str) -> Mapping[str, object] | None:
    """How many documents of this patient wait for the reader's signature, and how many signatures there are; None for neither."""
    if not allowed(unit.actor.role, "search", "Provenance"):
        return None
    signs = allowed(unit.actor.role, "create", "Provenance") and unit.actor.person.startswith("Practitioner/")
    waiting = len(await queries.to_sign(unit, request.timezone, person_id=person_id)) if signs else 0
    there = await queries.count_of_person(unit, person_id)
    return {"waiting": waiting, "there": there, "person_id": person_id} if waiting or there else None


async def mark(unit: Unit, request: Request, references: Sequence[str]) -> Mapping[str, Sequence[Mark]]:
    """Who signed each of these documents, when, and whether it is intact."""
    wanted = [one for one in references if one.partition("/")[0] in KINDS]
    found = await queries.seals_on(unit, wanted)
    return {reference: [_mark(seal, request) for seal in seals] for reference, seals in found.items()}


def _mark(seal: Seal, request: Request) -> Mark:
    at = exactly(seal.at.isoformat(), request.timezone)[:16]
    text = t("Signed by {name} {at} · {state}", name=seal.name, at=at, state=seal.told.word)
    return Mark(text, f"/signature/{seal.id}", seal.told.icon, seal.told.tone)
