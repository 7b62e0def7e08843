"""Whom a resident may act for: those whose RelatedPerson names the resident's own proven identifier in a guardian's role."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from xinglin.access.accounts.entrance import Ward, Wards
from xinglin.access.actor import Actor
from xinglin.access.relationships import relations_of
from xinglin.base.clock import tick_of
from xinglin.fhir.codec import Resource
from xinglin.store import Records

WARDS_MAX = 20


def wards_in(records: Records) -> Wards:
    """Finds wards in these records, which must see everyone."""

    async def wards(actor: Actor, now: datetime) -> Sequence[Ward]:
        if actor.role != "resident" or not actor.person.startswith("Patient/"):
            return ()
        own = await records.find("Patient", f"_id={actor.person.partition('/')[2]}", 1)
        found: set[str] = set()
        for system, value in _identifiers(own):
            for one in await records.find("RelatedPerson", f"identifier={system}|{value}", WARDS_MAX):
                found |= {relation.patient for relation in relations_of(one) if relation.starts <= tick_of(now) < relation.ends}
        patients = await records.find("Patient", f"_id={','.join(sorted(found))}", WARDS_MAX) if found else []
        return [Ward(f"Patient/{one['id']}", _name(one)) for one in patients]

    return wards


def _identifiers(patients: Sequence[Resource]) -> Iterator[tuple[str, str]]:
    for patient in patients:
        for one in patient.get("identifier", ()):
            if one.get("system") and one.get("value"):
                yield one["system"], one["value"]


def _name(patient: Resource) -> str:
    told = next(iter(patient.get("name", ())), {})
    return told.get("text") or f"{told.get('family', '')}{''.join(told.get('given', ()))}"
