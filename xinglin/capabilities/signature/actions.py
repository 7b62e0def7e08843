"""The deeds: ask for a certificate, renew it, revoke it; sign. Each wants a fresh proof of who does it, and stands in the trail."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

import msgspec

from xinglin.access.accounts import Sessions
from xinglin.access.policy import allowed
from xinglin.base.clock import tick_of
from xinglin.base.crypto.certificates import Certificate, read_certificate
from xinglin.base.errors import Conflict, Gone, Invalid, NotFound, Stale
from xinglin.capabilities.signature import queries, rules
from xinglin.capabilities.signature.model import PROOF_MINUTES, Kept, Pick
from xinglin.fhir.codec import Resource
from xinglin.kit.gateways.ca import Holder
from xinglin.kit.i18n import t
from xinglin.kit.notices import notices_of, notify
from xinglin.kit.person import name_of
from xinglin.kit.signing import sign, signer_reference
from xinglin.kit.unit import Unit
from xinglin.store import AuditRow, Create, Stored


async def require_proof(unit: Unit) -> None:
    """Raise `StepUp` unless who is signed in showed their factors in the last minutes."""
    await Sessions(unit.store.store.ground).require_fresh(unit.actor, unit.now, PROOF_MINUTES)


# --- certificates ---


async def enrol(unit: Unit, address: str) -> Certificate:
    """A certificate of one's own, the first or the next. Raises `Invalid`, `Conflict` while one goes on, `StepUp`, `Unavailable`."""
    if not unit.actor.person.startswith("Practitioner/"):
        raise Invalid("A certificate is for a person of the staff. This account is not linked to one.")
    await require_proof(unit)
    held = [one for one in await queries.my_certificates(unit) if one.state in ("valid", "ending")]
    rules.check_renewable(held[0] if held else None)
    holder = await _holder(unit)
    certificate = await queries.authority(unit).enrol(holder, unit.now)
    serial = f"{certificate.serial:x}"
    await queries.kept(unit).add(serial, Kept(certificate.pem, holder.reference), [f"holder {holder.reference}"])
    _note(unit, "certificate-renew" if held else "certificate-enrol", serial, address)
    return certificate


async def _holder(unit: Unit) -> Holder:
    """Who one is by the directory: the account's name only where the directory says none."""
    reference, name, house = unit.actor.person, unit.actor.name, ""
    with suppress(NotFound, Gone):
        name = name_of((await unit.store.read("Practitioner", reference.removeprefix("Practitioner/"))).resource())
    unit_ = next((one for one in unit.actor.units if one.startswith("Organization/")), "")
    with suppress(NotFound, Gone):
        house = (await unit.store.read("Organization", unit_.removeprefix("Organization/"))).resource().get("name", "") if unit_ else ""
    return Holder(reference, name if name != "?" else unit.actor.name, house)


async def revoke(unit: Unit, address: str) -> None:
    """End one's certificates at once; the security administrator is told. Raises `Conflict` without one, `StepUp`, `Unavailable`."""
    await require_proof(unit)
    papers = [paper for paper in await queries.my_papers(unit) if not paper.value.revoked]
    if not papers:
        raise Conflict("There is no certificate to revoke.")
    await queries.authority(unit).revoke(signer_reference(unit), unit.now)
    for paper in papers:
        await queries.kept(unit).put(paper, msgspec.structs.replace(paper.value, revoked=tick_of(unit.now)))
        _note(unit, "certificate-revoke", paper.key, address)
    told = t("{name} revoked their signature certificate", name=unit.actor.name)
    await notify(notices_of(unit.store.store), "role:security_admin", told, "", unit.now, "certificate")


def _note(unit: Unit, deed: str, serial: str, address: str) -> None:
    id_ = unit.actor.person.removeprefix("Practitioner/")
    unit.store.store.note(AuditRow(unit.actor.id, unit.actor.role, deed, "Practitioner", id_, serial, 200, address or None, None))


# --- signing ---


async def sign_all(unit: Unit, picks: Sequence[Pick], address: str = "") -> list[Stored]:
    """Sign these versions: the Provenances, in one transaction with their rows of the trail.

    Raises `Forbidden` for another's document, `Invalid` for an unfinished one, `Stale` for a version that is no longer the present one,
    `StepUp`, `NotFound` without a certificate, `Unavailable`.
    """
    queries.permit(unit, "create", "Provenance")
    await require_proof(unit)
    own, ca = await queries.own_references(unit), queries.authority(unit)
    made: list[Resource] = []
    rows: list[AuditRow] = []
    for pick in picks:
        queries.permit(unit, "read", pick.type)
        stored = await unit.store.read(pick.type, pick.id)
        if stored.version != pick.version:
            raise Stale("This was changed meanwhile; look again.")
        resource = stored.resource()
        if not rules.patient_of(resource):
            raise Invalid("Only what is about a patient is signed here.")
        made.append(await sign(unit, ca, stored, rules.capacity(resource, own, unit.actor.role)))
        rows.append(_row(unit, stored, address))
    outcomes = await unit.store.write([Create(one) for one in made], rows)
    await _warn(unit)
    return [outcome.stored for outcome in outcomes if outcome.stored]


def _row(unit: Unit, signed: Stored, address: str) -> AuditRow:
    ground = unit.store.scope.ground_of(signed.patient) or None
    patients = (signed.patient,) if signed.patient else ()
    told = f"version {signed.version}"
    return AuditRow(unit.actor.id, unit.actor.role, "sign", signed.type, signed.id, told, 201, address or None, None, patients, ground)


async def _warn(unit: Unit) -> None:
    """Tell who signs, once, that the certificate ends soon."""
    papers = [paper for paper in await queries.my_papers(unit) if not paper.value.revoked]
    if not papers or not allowed(unit.actor.role, "search", "Practitioner") or not await queries.count_ending(unit):
        return
    day = read_certificate(papers[0].value.certificate).not_after.date().isoformat()
    title = t("Your signature certificate ends on {day}: renew it", day=day)
    key = f"certificate ends {papers[0].key}"
    await notify(notices_of(unit.store.store), unit.actor.id, title, "/my-certificate", unit.now, "certificate", key=key)
