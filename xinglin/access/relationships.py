"""Care relationships: what a stored resource says about who may see whose record, from when until when. Pure.

| kind | follows from | sees the most sensitive too |
|---|---|---|
| encounter, ward | Encounter: its participants, while they take part; its location | yes: these treat |
| institution | Encounter: the service provider | no |
| appointment | Appointment, from a week before to a week after | no |
| referral, consultation | ServiceRequest: requester and performers | yes |
| order, request | another ServiceRequest; a Task: requester and owner | no |
| contract, team | Patient.generalPractitioner; CareTeam and EpisodeOfCare with their members | no |
| assignment | Patient.managingOrganization: whose district it is | no |
| guardian | RelatedPerson with a guardian's role, found by its identifier | yes |
| permit, deny | Consent (`consent.py`) | as it says |

What has ended keeps its relation for `AFTER_DAYS`: letters and results still come.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC
from typing import Any

from xinglin.access.consent import consent_relations
from xinglin.base.errors import Malformed
from xinglin.fhir.codec import Resource
from xinglin.fhir.dates import span_of
from xinglin.store.relations import FOREVER_US, Relation

DAY_US = 24 * 3600 * 1_000_000
AFTER_DAYS = 30
APPOINTMENT_DAYS = 7
TREATING = frozenset({"self", "guardian", "encounter", "ward", "referral", "consultation", "break-glass"})
"""Relations in which a person treats (or is) the patient: they open what is labelled most sensitive."""
KINDS = (
    "self", "guardian", "encounter", "ward", "referral", "consultation", "appointment", "order", "request", "contract", "team",
    "assignment", "institution", "permit", "break-glass",
)  # fmt: skip
"""Every relation, that which explains a look best first."""

_REQUESTS = {
    "3457005": "referral", "103696004": "referral", "306206005": "referral", "referral": "referral",
    "11429006": "consultation", "consultation": "consultation", "185389009": "consultation",
}  # fmt: skip
_GUARDIANS = frozenset({"GUARD", "POWATT", "HPOWATT", "DPOWATT", "SPOWATT", "RESPRSN"})
_UTC = UTC


def relations_of(resource: Resource) -> tuple[Relation, ...]:
    """The relations a resource makes; none for a type that makes none, for what was entered in error, and for what names no patient."""
    derive = _DERIVE.get(resource["resourceType"])
    if derive is None or resource.get("status") == "entered-in-error":
        return ()
    return tuple(dict.fromkeys(derive(resource)))


def _encounter(one: Resource) -> Iterator[Relation]:
    patient, status = _patient(one.get("subject")), one.get("status")
    if not patient or status in ("cancelled", "unknown"):
        return
    starts, ends = _span(one, one.get("period"), over=status == "finished")
    for part in one.get("participant", ()):
        began, left = _span(one, part.get("period"), over=False)
        yield from _to(part.get("individual"), patient, "encounter", max(starts, began), min(ends, left))
    for place in one.get("location", ()):
        if place.get("status") not in ("planned", "reserved"):
            began, left = _span(one, place.get("period"), over=place.get("status") == "completed" or status == "finished")
            yield from _to(place.get("location"), patient, "ward", max(starts, began), min(ends, left))
    yield from _to(one.get("serviceProvider"), patient, "institution", starts, ends)


def _appointment(one: Resource) -> Iterator[Relation]:
    if one.get("status") in ("cancelled", "noshow"):
        return
    actors = [part.get("actor", {}) for part in one.get("participant", ()) if part.get("status") != "declined"]
    starts, ends = _bounds({"start": one.get("start"), "end": one.get("end") or one.get("start")})
    starts, ends = max(0, starts - APPOINTMENT_DAYS * DAY_US), min(FOREVER_US, ends + APPOINTMENT_DAYS * DAY_US)
    for patient in (found for actor in actors if (found := _patient(actor))):
        for actor in actors:
            yield from _to(actor, patient, "appointment", starts, ends)


def _service_request(one: Resource) -> Iterator[Relation]:
    patient, status = _patient(one.get("subject")), one.get("status")
    if not patient or status == "unknown":
        return
    codings = [coding for concept in (*one.get("category", ()), one.get("code", {})) for coding in concept.get("coding", ())]
    kind = next((_REQUESTS[coding["code"]] for coding in codings if coding.get("code") in _REQUESTS), "order")
    starts, ends = _span(one, {"start": one.get("authoredOn")}, over=status in ("completed", "revoked"))
    yield from _to(one.get("requester"), patient, kind, starts, ends)
    if status != "draft":
        for performer in one.get("performer", ()):
            yield from _to(performer, patient, kind, starts, ends)


def _task(one: Resource) -> Iterator[Relation]:
    patient, status = _patient(one.get("for")), one.get("status")
    if not patient:
        return
    over = status in ("completed", "cancelled", "rejected", "failed")
    starts, ends = _span(one, {"start": one.get("authoredOn")}, over=over)
    yield from _to(one.get("requester"), patient, "request", starts, ends)
    if status != "draft":
        yield from _to(one.get("owner"), patient, "request", starts, ends)


def _patient_resource(one: Resource) -> Iterator[Relation]:
    if "id" not in one:
        return
    for doctor in one.get("generalPractitioner", ()):
        yield from _to(doctor, one["id"], "contract", 0, FOREVER_US)
    yield from _to(one.get("managingOrganization"), one["id"], "assignment", 0, FOREVER_US)


def _care_team(one: Resource) -> Iterator[Relation]:
    patient = _patient(one.get("subject"))
    if not patient or one.get("status") in ("proposed", "inactive", "suspended"):
        return
    starts, ends = _bounds(one.get("period"))
    for part in one.get("participant", ()):
        began, left = _bounds(part.get("period"))
        yield from _to(part.get("member"), patient, "team", max(starts, began), min(ends, left))
    for organization in one.get("managingOrganization", ()):
        yield from _to(organization, patient, "team", starts, ends)


def _episode(one: Resource) -> Iterator[Relation]:
    patient, status = _patient(one.get("patient")), one.get("status")
    if not patient or status in ("planned", "waitlist", "cancelled"):
        return
    starts, ends = _span(one, one.get("period"), over=status == "finished")
    for holder in (one.get("careManager"), one.get("managingOrganization"), *one.get("team", ())):
        yield from _to(holder, patient, "contract", starts, ends)


def _related_person(one: Resource) -> Iterator[Relation]:
    patient = _patient(one.get("patient"))
    roles = {coding.get("code") for concept in one.get("relationship", ()) for coding in concept.get("coding", ())}
    if not patient or one.get("active") is False or not roles & _GUARDIANS:
        return
    starts, ends = _bounds(one.get("period"))
    for identifier in one.get("identifier", ()):
        if identifier.get("system") and identifier.get("value"):
            yield Relation(identity(identifier["system"], identifier["value"]), patient, "guardian", starts, ends)


_DERIVE: Mapping[str, Callable[[Resource], Iterator[Relation]]] = {
    "Appointment": _appointment,
    "CareTeam": _care_team,
    "Consent": consent_relations,
    "Encounter": _encounter,
    "EpisodeOfCare": _episode,
    "Patient": _patient_resource,
    "RelatedPerson": _related_person,
    "ServiceRequest": _service_request,
    "Task": _task,
}
RELATING = tuple(_DERIVE)
"""The types whose resources make relations."""


def identity(system: str, value: str) -> str:
    """The holder of a guardian's relation: who proved to have this identifier."""
    return f"identity {system}|{value}"


def _to(reference: Any, patient: str, kind: str, starts: int, ends: int) -> Iterable[Relation]:
    holder = (reference or {}).get("reference", "")
    if holder.count("/") == 1 and not holder.startswith("Patient/") and starts < ends:
        yield Relation(holder, patient, kind, starts, ends)


def _patient(reference: Any) -> str:
    type_, _, id_ = (reference or {}).get("reference", "").partition("/")
    return id_ if type_ == "Patient" and "/" not in id_ else ""


def _span(one: Resource, period: Any, *, over: bool) -> tuple[int, int]:
    """[start, end) of what is under way until it is over; then `AFTER_DAYS` more. Over without a word when: at its last change."""
    starts, ends = _bounds(period)
    if over and ends == FOREVER_US:
        ends = _bounds({"end": one.get("meta", {}).get("lastUpdated")})[1]
    return starts, ends if ends == FOREVER_US else ends + AFTER_DAYS * DAY_US


def _bounds(period: Any) -> tuple[int, int]:
    """[start, end) in microseconds of a Period; what it leaves out, or what is no date, is without bound."""
    period = period or {}
    return _moment(period.get("start"), 0, 0), _moment(period.get("end"), 1, FOREVER_US)


def _moment(text: Any, edge: int, otherwise: int) -> int:
    if not text:
        return otherwise
    try:
        return span_of(str(text), _UTC)[edge]
    except Malformed:
        return otherwise
