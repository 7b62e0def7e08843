"""What the pages read: one's certificates, what waits for one's signature, the signatures of a record and what they prove."""

from __future__ import annotations

from asyncio import gather
from base64 import b64decode
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from urllib.parse import quote
from zoneinfo import ZoneInfo

from xinglin.access.oauth.scopes import permits
from xinglin.access.policy import allowed, require
from xinglin.base.clock import moment_of, tick_of
from xinglin.base.crypto.certificates import Certificate, read_certificate
from xinglin.base.crypto.signed_message import SignedMessage
from xinglin.base.errors import Forbidden, Gone, Invalid, NotFound, Unavailable
from xinglin.capabilities.signature import rules
from xinglin.capabilities.signature.model import KINDS, VERIFIES, Document, Held, Kept, Pick, Seal
from xinglin.fhir.codec import Resource
from xinglin.kit.gateways.ca import Authority, authority_of
from xinglin.kit.signing import Verdict, canonical, read_signature, signer_reference, verify
from xinglin.kit.unit import Unit
from xinglin.store.papers import Paper, Papers

SHOWN_MAX = 200
SEALS_MAX = 200
POSTS_MAX = 20
DAYS = (1, 7, 30)
"""The periods the list of what waits offers."""


def authority(unit: Unit) -> Authority:
    """The certification authority. Raises `Unavailable`."""
    ground = unit.store.store.ground
    return authority_of(ground.settings, ground, ground.contents.keys)


def kept(unit: Unit) -> Papers[Kept]:
    """The certificates asked for here."""
    return Papers(unit.store.store.ground, "signature certificate", Kept)


def permit(unit: Unit, deed: str, type_: str) -> None:
    """Raise `Forbidden` unless the actor's role and application may do this to a type: an operation is asked like a page."""
    require(unit.actor, deed, type_)
    if unit.actor.scopes is not None and not permits(unit.actor.scopes, type_, deed):
        raise Forbidden("The application was given no scope to {interaction} {type}.", interaction=deed, type=type_)


# --- certificates ---


async def my_papers(unit: Unit) -> list[Paper[Kept]]:
    """The papers of one's certificates, the newest first."""
    found = await kept(unit).find(f"holder {signer_reference(unit)}", tick_of(unit.now))
    return list(reversed(found))


async def my_certificates(unit: Unit) -> list[Held]:
    """One's certificates, the newest first."""
    ca = authority(unit)
    papers = await my_papers(unit)
    certificates = [read_certificate(paper.value.certificate) for paper in papers]
    revoked = await gather(*(_revoked_at(ca, one, paper.value) for one, paper in zip(certificates, papers, strict=True)))
    return [rules.held_of(one, ca.trusted, at, unit.now, ca.cipher) for one, at in zip(certificates, revoked, strict=True)]


async def _revoked_at(ca: Authority, certificate: Certificate, told: Kept) -> datetime | None:
    """Since when it is revoked: as the authority says, or, while it does not answer, as we know."""
    if told.revoked:
        return moment_of(told.revoked)
    try:
        return await ca.revoked_at(certificate)
    except Unavailable:
        return None


async def valid_certificate(unit: Unit) -> Held | None:
    """The certificate one signs with."""
    return next((one for one in await my_certificates(unit) if one.state in ("valid", "ending")), None)


async def count_ending(unit: Unit) -> int:
    """1 in the last days of one's only certificate."""
    if not unit.actor.person.startswith("Practitioner/"):
        return 0
    papers = [paper for paper in await my_papers(unit) if not paper.value.revoked]
    if not papers:
        return 0
    own = read_certificate(papers[0].value.certificate)
    return int(unit.now <= own.not_after < unit.now + timedelta(days=rules.ENDS_SOON_DAYS))


# --- documents ---


async def own_references(unit: Unit) -> frozenset[str]:
    """By what a document may name the signer: as a person, and in each of their posts."""
    person = signer_reference(unit)
    if not person.startswith("Practitioner/") or not allowed(unit.actor.role, "search", "PractitionerRole"):
        return frozenset({person})
    posts = await unit.store.find("PractitionerRole", f"practitioner={quote(person)}", POSTS_MAX)
    return frozenset({person, *(f"PractitionerRole/{one['id']}" for one in posts)})


async def to_sign(unit: Unit, timezone: ZoneInfo, *, person_id: str = "", days: int = 1) -> list[Document]:
    """What one may sign and has not signed in its present version, the newest first: of one patient, or of anyone since some days."""
    own = await own_references(unit)
    types = [type_ for type_ in KINDS if allowed(unit.actor.role, "search", type_)]
    found = await gather(*(_written(unit, type_, own, timezone, person_id, days) for type_ in types))
    mine = [one for resources in found for one in resources if rules.may_sign(one, own, unit.actor.role)]
    signed = await _signed_versions(unit, mine)
    return await _documents(unit, [one for one in mine if _version_of(one) not in signed])


async def _written(unit: Unit, type_: str, own: Iterable[str], timezone: ZoneInfo, person_id: str, days: int) -> list[Resource]:
    author, date = KINDS[type_].search
    asked = [] if type_ in VERIFIES.get(unit.actor.role, ()) else [f"{author}={quote(','.join(sorted(own)), safe=',/')}"]
    if person_id:
        asked.append(f"patient=Patient/{quote(person_id)}")
    else:
        first = unit.now.astimezone(timezone).date() - timedelta(days=days - 1)
        asked.append(f"{date}=ge{first.isoformat()}")
    return await unit.store.find(type_, "&".join(asked), SHOWN_MAX)


def _version_of(resource: Resource) -> str:
    return f"{resource['resourceType']}/{resource['id']}/_history/{resource['meta']['versionId']}"


async def _signed_versions(unit: Unit, resources: Sequence[Resource]) -> set[str]:
    """Of which versions there is a signature of the reader's."""
    found: set[str] = set()
    for provenance in await _provenances(unit, [f"{one['resourceType']}/{one['id']}" for one in resources]):
        message, (type_, id_, version) = read_signature(provenance)
        if message.genuine and message.certificate.subject.get("number") == signer_reference(unit):
            found.add(f"{type_}/{id_}/_history/{version}")
    return found


async def _documents(unit: Unit, resources: Iterable[Resource]) -> list[Document]:
    """Documents with their patients' names, newest first."""
    all_ = list(resources)
    people = sorted({rules.patient_of(one) for one in all_})
    patients = dict(zip(people, await gather(*(_patient(unit, one) for one in people)), strict=True))
    cipher = authority(unit).cipher
    told = [rules.document_of(one, patients[rules.patient_of(one)], cipher) for one in all_]
    return sorted(told, key=lambda one: one.time, reverse=True)


async def _patient(unit: Unit, id_: str) -> Resource | None:
    try:
        return (await unit.store.read("Patient", id_)).resource()
    except (NotFound, Gone):
        return None


async def picked(unit: Unit, picks: Sequence[Pick]) -> list[Document]:
    """What was chosen, as it stands now; raises `NotFound`, `Forbidden`, `Invalid` for what is not to be signed."""
    own = await own_references(unit)
    resources = [(await unit.store.read(one.type, one.id)).resource() for one in picks]
    for one in resources:
        rules.capacity(one, own, unit.actor.role)
    return await _documents(unit, resources)


# --- signatures ---


async def _provenances(unit: Unit, references: Sequence[str]) -> list[Resource]:
    """The Provenances with a signature about any of these, the newest first; none for who may not see any."""
    if not references or not allowed(unit.actor.role, "search", "Provenance"):
        return []
    targets = quote(",".join(references), safe=",/")
    found = await unit.store.find("Provenance", f"target={targets}&_sort=-recorded", SEALS_MAX)
    return [one for one in found if _is_signature(one)]


def _is_signature(provenance: Resource) -> bool:
    try:
        read_signature(provenance)
    except Invalid:
        return False
    return True


async def seals_on(unit: Unit, references: Sequence[str]) -> Mapping[str, list[Seal]]:
    """The signatures on each of these documents."""
    found: dict[str, list[Seal]] = {}
    for seal in await _sealed(unit, await _provenances(unit, references)):
        found.setdefault(f"{seal.type}/{seal.document}", []).append(seal)
    return found


async def seals_of_person(unit: Unit, person_id: str) -> list[Seal]:
    """The signatures in a patient's record, the newest first, at most `SEALS_MAX`."""
    return await _sealed(unit, await _of_person(unit, person_id))


async def count_of_person(unit: Unit, person_id: str) -> int:
    """How many there are, at most `SEALS_MAX`."""
    return len(await _of_person(unit, person_id))


async def _of_person(unit: Unit, person_id: str) -> list[Resource]:
    found = await unit.store.find("Provenance", f"patient=Patient/{quote(person_id)}&_sort=-recorded", SEALS_MAX)
    return [one for one in found if _is_signature(one)]


async def _sealed(unit: Unit, provenances: Sequence[Resource]) -> list[Seal]:
    ca = authority(unit)
    return list(await gather(*(_seal(unit, ca, one) for one in provenances)))


async def _seal(unit: Unit, ca: Authority, provenance: Resource) -> Seal:
    message, (type_, id_, version) = read_signature(provenance)
    subject = message.certificate.subject
    verdict: Verdict | None = None
    with suppress(Unavailable):  # the authority is away: the signature is shown, what it proves is not said
        verdict = await verify(unit.store, ca, provenance)
    return Seal(
        id=provenance["id"], type=type_, document=id_, version=version, name=subject.get("name", ""),
        organization=subject.get("organization", ""), reference=subject.get("number", ""), at=message.at,
        role=provenance["signature"][0].get("type", [{}])[0].get("code", ""),
        state=rules.state_of(verdict) if verdict else "unchecked", verdict=verdict,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Opened:
    """One signature with everything that proves it. `document` None: the reader may not see what was signed, or it is gone."""

    seal: Seal
    message: SignedMessage
    whole: bytes
    trusted: tuple[Certificate, ...]
    content: bytes | None
    document: Document | None

    @property
    def issuer(self) -> Certificate | None:
        """The authority that issued the signer's certificate, if we trust it."""
        return next((one for one in self.trusted if one.issued(self.message.certificate)), None)


async def opened(unit: Unit, id_: str) -> Opened:
    """A signature by the id of its Provenance. Raises `NotFound`, `Gone`, and `Invalid` for a Provenance without one."""
    provenance = (await unit.store.read("Provenance", id_)).resource()
    ca = authority(unit)
    message, (type_, target, version) = read_signature(provenance)
    seal = await _seal(unit, ca, provenance)
    whole = b64decode(provenance["signature"][0]["data"])
    bare = Opened(seal, message, whole, ca.trusted, None, None)
    if type_ not in KINDS or not allowed(unit.actor.role, "read", type_):
        return bare
    try:
        signed = (await unit.store.vread(type_, target, version)).resource()
    except (NotFound, Gone):
        return bare
    (document,) = await _documents(unit, [signed])
    return replace(bare, content=canonical(signed), document=document)
