"""What follows from a form, a file and a birthday, decided without a database: refusals in words, the resources, who may end what."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from xinglin.access.actor import Actor
from xinglin.base.clock import tick_of
from xinglin.base.errors import Forbidden, Invalid, Malformed
from xinglin.base.national_ids import ResidentId, parse_phone, parse_resident_id
from xinglin.capabilities.guardianship.model import (
    ACCEPTED,
    AGENT,
    ENDING_EXTENSION,
    KINDS,
    PARENT,
    PROOF_EXTENSION,
    PROOFS,
    ROLE,
    ROLES,
    Guardianship,
    Ward,
)
from xinglin.fhir.codec import Resource
from xinglin.kit.coding import Code
from xinglin.kit.gateways.identity import RESIDENT_NUMBER
from xinglin.kit.i18n import Phrase, t
from xinglin.kit.pages import Upload

ADULT_YEARS = 18
"""Civil Code 17."""
AUTHORITY_YEARS_MAX, APPOINTED_YEARS_MAX = 3, 10
NAME_MAX, PROOF_NUMBER_MAX, REASON_MIN, REASON_MAX = 50, 60, 2, 200
OWN_WISH = "本人撤销"
"""What is kept as the reason when a resident says none: the person withdraws it."""
FILE_BYTES_MAX = 4 * 1024 * 1024
MEDIA: tuple[tuple[bytes, str, str], ...] = (
    (b"%PDF-", "application/pdf", "pdf"), (b"\xff\xd8\xff", "image/jpeg", "jpg"), (b"\x89PNG\r\n\x1a\n", "image/png", "png"),
)  # fmt: skip
"""How a file begins, its media type, and what its name ends in."""
Faults = dict[str, Phrase]
"""Field of the form -> what is wrong with it; "" is about all of it."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A guardianship as it shall be. `ends`: the last moment, with its zone."""

    kind: Code
    name: str
    id: ResidentId
    phone: str
    ends: datetime
    proof: Code
    proof_number: str
    proof_day: date


@dataclass(frozen=True, slots=True)
class Paper:
    """A picture or PDF of the proof."""

    media: str
    ending: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Ids:
    """The ids of the three resources of one entry."""

    related: str
    document: str
    binary: str


# --- days ---


def years_after(day: date, years: int) -> date:
    """The same day so many years later; 29 February becomes 1 March where there is none."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return date(day.year + years, 3, 1)


def adult_from(ward: Ward) -> date | None:
    """The 18th birthday; None when the birth date is not known to the day."""
    return years_after(ward.born, ADULT_YEARS) if ward.born else None


def end_of(day: date, zone: ZoneInfo) -> datetime:
    """The last second of a day."""
    return datetime.combine(day, time(23, 59, 59), zone)


# --- a form ---


def settle(
    form: Mapping[str, str],
    ward: Ward,
    standing: Iterable[Guardianship],
    now: datetime,
    zone: ZoneInfo,
    renewed: Guardianship | None = None,
) -> tuple[Wanted | None, Faults]:
    """What a form says, or what is wrong with it by field. `standing`: who acts for the ward already; `renewed`: which is renewed."""
    today, faults = now.astimezone(zone).date(), Faults()
    kind, proof = _chosen(KINDS, form.get("kind", "")), _chosen(PROOFS, form.get("proof", ""))
    guardian = _guardian(form, ward, today, faults)
    others = [one for one in standing if one.state(tick_of(now)) != "ended" and (not renewed or one.id != renewed.id)]
    if guardian and (double := next((one for one in others if guardian.number in {value for _, value in one.identifiers}), None)):
        faults["number"] = t("{name} acts for this person already. Renew that entry or end it first.", name=double.name)
    if ward.died:
        faults[""] = t("This person has died: nobody can act for them any more.")
    last = _last_day(form, ward, kind, today, faults)
    phone, day = _phone(form, faults), _proof_day(form, today, faults)
    name, proof_number = form.get("name", "").strip(), form.get("proof_number", "").strip()
    if not 2 <= len(name) <= NAME_MAX:
        faults["name"] = t("Write the full name, as in the ID card.")
    if not 1 <= len(proof_number) <= PROOF_NUMBER_MAX:
        faults["proof_number"] = t("Write the number of the document.")
    if proof is None:
        faults["proof"] = t("Choose the document that was shown.")
    elif kind and proof.code not in ACCEPTED[kind.code]:
        faults["proof"] = t("This document does not prove this. The list above says which does.")
    if faults or kind is None or proof is None or guardian is None or last is None or day is None:
        return None, faults
    return Wanted(kind, name, guardian, phone, end_of(last, zone), proof, proof_number, day), faults


def _chosen(codes: tuple[Code, ...], code: str) -> Code | None:
    return next((one for one in codes if one.code == code), None)


def _guardian(form: Mapping[str, str], ward: Ward, today: date, faults: Faults) -> ResidentId | None:
    try:
        found = parse_resident_id(form.get("number", ""), today=today)
    except Malformed as wrong:
        faults["number"] = Phrase(wrong.text)
        return None
    if found.number in ward.numbers:
        faults["number"] = t("Nobody is their own guardian: this is the ID number of the person themselves.")
    elif years_after(found.birth, ADULT_YEARS) > today:
        faults["number"] = t("A minor cannot act for another: by the ID number they were born on {day}.", day=found.birth.isoformat())
    return found


def _last_day(form: Mapping[str, str], ward: Ward, kind: Code | None, today: date, faults: Faults) -> date | None:
    """The last day it holds, for each kind by its own rule."""
    adult = adult_from(ward)
    if kind is None:
        faults["kind"] = t("Choose in which way they act.")
        return None
    if adult is None:
        faults["kind"] = t("The birth date of this person is not known to the day. Correct the register first.")
        return None
    if kind == PARENT:
        if adult <= today:
            faults["kind"] = t("This person is an adult since {day}: a parent acts only for a minor.", day=adult.isoformat())
        return adult - timedelta(days=1)
    if kind == AGENT and adult > today:
        faults["kind"] = t("Only an adult gives written authority: this person is a minor until {day}.", day=adult.isoformat())
        return None
    return _typed_end(form, kind, adult, today, faults)


def _typed_end(form: Mapping[str, str], kind: Code, adult: date, today: date, faults: Faults) -> date | None:
    last = _day(form.get("until", ""))
    years = AUTHORITY_YEARS_MAX if kind == AGENT else APPOINTED_YEARS_MAX
    if last is None:
        faults["until"] = t("An end is needed. Write a day as 2027-11-22.")
    elif last <= today:
        faults["until"] = t("The last day lies before tomorrow.")
    elif adult > today and last >= adult:
        faults["until"] = t(
            "For a minor it ends before the 18th birthday: {day} at the latest.", day=(adult - timedelta(days=1)).isoformat()
        )
    elif last > years_after(today, years):
        faults["until"] = t("At most {years} years; it can be renewed.", years=years)
    return last


def _phone(form: Mapping[str, str], faults: Faults) -> str:
    try:
        return parse_phone(form.get("phone", "")).number
    except Malformed as wrong:
        faults["phone"] = Phrase(wrong.text)
        return ""


def _proof_day(form: Mapping[str, str], today: date, faults: Faults) -> date | None:
    day = _day(form.get("proof_day", ""))
    if day is None:
        faults["proof_day"] = t("Write a day as 2026-11-22.")
    elif day > today:
        faults["proof_day"] = t("This day has not come yet.")
    return day


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        return None


def paper_of(upload: Upload | None) -> Paper | Phrase:
    """The file that was sent, known by how it begins and not by its name; or what is wrong with it."""
    if upload is None or not upload.content:
        return t("Add a photo or a PDF of the document.")
    if len(upload.content) > FILE_BYTES_MAX:
        return t("The file is larger than {most} MB. Take a smaller photo.", most=FILE_BYTES_MAX // (1024 * 1024))
    found = next(((media, ending) for begins, media, ending in MEDIA if upload.content.startswith(begins)), None)
    return Paper(*found, upload.content) if found else t("This is neither a PDF nor a JPEG or PNG photo.")


def reason_of(text: str) -> str:
    """Why it is ended. Raises `Malformed`."""
    told = text.strip()
    if not REASON_MIN <= len(told) <= REASON_MAX:
        raise Malformed("Say why it ends, in a few words.")
    return told


# --- resources ---


def related_of(ward: Ward, wanted: Wanted, ids: Ids, by: Resource, now: datetime) -> Resource:
    """The RelatedPerson of a new guardianship."""
    return renewed_of({"resourceType": "RelatedPerson", "id": ids.related}, ward, wanted, ids, by) | {
        "period": {"start": _moment(now, wanted.ends), "end": wanted.ends.isoformat()}
    }


def renewed_of(resource: Resource, ward: Ward, wanted: Wanted, ids: Ids, by: Resource) -> Resource:
    """A RelatedPerson with another proof and another end; what it says besides stays."""
    extensions = [one for one in resource.get("extension", ()) if one.get("url") not in (PROOF_EXTENSION, ENDING_EXTENSION)]
    codings = [_coding(wanted.kind), *({"system": ROLE, "code": code, "display": said} for code, said in ROLES[wanted.kind.code])]
    return resource | {
        "extension": [*extensions, _proof(wanted, ids, by)],
        "identifier": [{"use": "official", "system": RESIDENT_NUMBER, "value": wanted.id.number}],
        "active": True,
        "patient": {"reference": f"Patient/{ward.id}", "display": ward.name},
        "relationship": [{"coding": codings, "text": wanted.kind.zh}],
        "name": [{"use": "official", "text": wanted.name}],
        "telecom": [{"system": "phone", "value": wanted.phone}],
        "gender": wanted.id.sex,
        "birthDate": wanted.id.birth.isoformat(),
        "period": resource.get("period", {}) | {"end": wanted.ends.isoformat()},
    }


def _proof(wanted: Wanted, ids: Ids, by: Resource) -> Resource:
    parts: list[Resource] = [
        {"url": "kind", "valueCoding": _coding(wanted.proof)},
        {"url": "number", "valueString": wanted.proof_number},
        {"url": "date", "valueDate": wanted.proof_day.isoformat()},
        {"url": "document", "valueReference": {"reference": f"DocumentReference/{ids.document}"}},
        {"url": "by", "valueReference": by},
    ]
    return {"url": PROOF_EXTENSION, "extension": parts}


def document_of(ward: Ward, wanted: Wanted, paper: Paper, ids: Ids, by: Resource, now: datetime) -> Resource:
    """The DocumentReference of the proof."""
    attachment = {
        "contentType": paper.media, "url": f"Binary/{ids.binary}", "size": len(paper.content), "title": wanted.proof.zh,
        "creation": wanted.proof_day.isoformat(),
    }  # fmt: skip
    return {
        "resourceType": "DocumentReference", "id": ids.document, "status": "current", "docStatus": "final",
        "type": {"coding": [_coding(wanted.proof)], "text": wanted.proof.zh},
        "subject": {"reference": f"Patient/{ward.id}", "display": ward.name},
        "date": _moment(now, wanted.ends), "author": [by], "content": [{"attachment": attachment}],
        "context": {"related": [{"reference": f"RelatedPerson/{ids.related}"}]},
    }  # fmt: skip


def binary_of(ward: Ward, paper: Paper, ids: Ids) -> Resource:
    """The Binary of the proof; who may see the ward's record may see it."""
    return {
        "resourceType": "Binary", "id": ids.binary, "contentType": paper.media, "securityContext": {"reference": f"Patient/{ward.id}"},
        "data": b64encode(paper.content).decode(),
    }  # fmt: skip


def ended(resource: Resource, by: Resource, reason: str, now: datetime, zone: ZoneInfo) -> Resource:
    """A RelatedPerson that acts no more from this moment. Raises `Invalid` when it has ended already."""
    one = Guardianship.of(resource)
    state = one.state(tick_of(now)) if one else "ended"
    if state == "ended":
        raise Invalid("This has ended already.")
    parts: list[Resource] = [{"url": "reason", "valueString": reason}, {"url": "by", "valueReference": by}]
    extensions = [part for part in resource.get("extension", ()) if part.get("url") != ENDING_EXTENSION]
    moment = now.astimezone(zone).isoformat(timespec="seconds")
    period = resource.get("period", {}) if state == "active" else {}
    return resource | {
        "active": False,
        "extension": [*extensions, {"url": ENDING_EXTENSION, "extension": parts}],
        "period": period | {"end": moment},
    }


def by_of(actor: Actor) -> Resource:
    """Who did it, as a reference keeps it."""
    return ({"reference": actor.person} if actor.person else {}) | {"display": actor.name or actor.id}


def _moment(now: datetime, alike: datetime) -> str:
    return now.astimezone(alike.tzinfo).isoformat(timespec="seconds")


def _coding(code: Code) -> Resource:
    return {"system": code.system, "code": code.code, "display": code.zh}


# --- who may end it ---


def is_own_agency(actor: Actor, one: Guardianship, now_us: int) -> bool:
    """Whether a resident gave this authority themselves, and it holds: then they end it whenever they like (Civil Code 173)."""
    themselves = actor.role == "resident" and actor.person == f"Patient/{one.ward}" and actor.patient in ("", one.ward)
    return themselves and not actor.client and one.kind == AGENT and one.state(now_us) != "ended"


def require_own_agency(actor: Actor, one: Guardianship, now_us: int) -> None:
    """Raise `Forbidden` unless it is theirs to end. It is what the platform's own write stands on: residents may write no RelatedPerson."""
    if not is_own_agency(actor, one, now_us):
        raise Forbidden("You end only an authority that you gave yourself. For everything else go to the registration desk.")
