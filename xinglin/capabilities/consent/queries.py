"""What the resident's pages read: whose records they may ask about, looks at them from the ledger, relationships, consents, cases."""

from __future__ import annotations

from asyncio import gather
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote
from zoneinfo import ZoneInfo

from xinglin.access.accounts import Account, Hat, Register
from xinglin.access.breakglass import Glass, cases
from xinglin.access.consent import consent_relations
from xinglin.access.relationships import RELATING, relations_of
from xinglin.base.clock import instant, tick_of
from xinglin.base.errors import Gone, NotFound
from xinglin.capabilities.consent import rules
from xinglin.capabilities.consent.model import Entry, Given, Objection, Relationship, Someone, Subject
from xinglin.fhir.codec import Resource
from xinglin.kit.i18n import Phrase, t
from xinglin.kit.person import name_of
from xinglin.kit.unit import Unit
from xinglin.store import Store
from xinglin.store.ledger.looking import REFUSED_FROM, Act, act, acts, acts_on, patient_ids
from xinglin.store.papers import Paper, Papers
from xinglin.store.relations import FOREVER_US, Relation

WINDOW = 400
"""Acts one page of looks is made of, at most."""
FOUND_MAX = 12
PLACES_MAX = 3
RESOURCES_MAX = 100
WARDS_MAX = 20

# --- whose record ---


async def subjects(unit: Unit) -> list[Subject]:
    """Whose records a resident's pages may be about: the one they act for now, their own, their wards'. Raises `NotFound` when nobody's."""
    own = unit.actor.person.removeprefix("Patient/") if unit.actor.person.startswith("Patient/") else ""
    guarded = [number for number, kind in unit.store.scope.grounds.items() if kind == "guardian"][:WARDS_MAX]
    wards = await patient_ids(unit.store.store.ground, guarded)
    wanted = dict.fromkeys(one for one in (unit.actor.patient, own, *wards.values()) if one)
    found = [await _subject(unit, id_, own=id_ == own) for id_ in wanted]
    there = [one for one in found if one is not None]
    if not there:
        raise NotFound("Your account is not yet linked to your record. Ask at the registration desk.")
    return there


async def _subject(unit: Unit, id_: str, *, own: bool) -> Subject | None:
    try:
        stored = await unit.store.read("Patient", id_)
    except (NotFound, Gone):
        return None
    return Subject(id_, stored.patient, name_of(stored.resource()), own)


async def subject_at_desk(unit: Unit, id_: str) -> Subject:
    """A resident a member of staff has before them. Raises `NotFound`, `Gone`."""
    stored = await unit.store.read("Patient", id_)
    return Subject(id_, stored.patient, name_of(stored.resource()), own=False)


# --- looks ---


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which looks: by account, by institution, refused ones only; those before an act."""

    account: str = ""
    place: str = ""
    refused: bool = False
    before: int | None = None


@dataclass(frozen=True, slots=True)
class Looks:
    """A page of looks, newest first. `people`, `places`: whom one may filter by. `next`: the act to go on before, None at the end."""

    entries: list[Entry]
    own: list[Entry]
    people: list[Someone]
    places: list[str]
    next: int | None


async def looks(unit: Unit, subject: Subject, wanted: Wanted, timezone: ZoneInfo) -> Looks:
    """Who looked at a record, refused attempts too."""
    store = unit.store.store
    await store.trail.flush()  # what this process saw a moment ago belongs to it
    found, more = await _acts_about(store, subject, wanted.before)
    people = await people_of(store, (one.actor for one in found), unit.now)
    glasses, open_cases = await gather(_glasses(store, subject.id, unit.now), objections_of(store).find(_about(subject), tick_of(unit.now)))
    own = {unit.actor.id} | {account for account, one in people.items() if one.person == f"Patient/{subject.id}"}
    matching = [one for one in found if _wanted(one, people[one.actor], wanted)]
    told = rules.entries(matching, people, frozenset(own), glasses, {case.value.act: case.key for case in open_cases}, timezone)
    others = [one for account, one in people.items() if account not in own]
    return Looks(
        [one for one in told if not one.own],
        [one for one in told if one.own],
        sorted(others, key=lambda one: one.name),
        sorted({one.place for one in others if one.place}),
        found[-1].n if more else None,
    )


async def _acts_about(store: Store, subject: Subject, before: int | None) -> tuple[list[Act], bool]:
    """The acts that showed the record and the refused ones that asked for it; whether there are older ones."""
    seen, refused = await gather(
        acts_on(store.ground, subject.number, before=before, limit=WINDOW),
        acts(store.ground, type="Patient", id=subject.id, refused_only=True, before=before, limit=WINDOW),
    )
    merged = sorted({one.n: one for one in (*seen, *refused)}.values(), key=lambda one: (one.at, one.n), reverse=True)
    return merged[:WINDOW], len(merged) >= WINDOW


def _wanted(one: Act, who: Someone, wanted: Wanted) -> bool:
    by_who = not wanted.account or one.actor == wanted.account
    return by_who and (not wanted.place or who.place == wanted.place) and (not wanted.refused or one.status >= REFUSED_FROM)


async def act_about(unit: Unit, subject: Subject, number: int) -> Act:
    """One act that concerned a record. Raises `NotFound`."""
    found = await act(unit.store.store.ground, number)
    refused = found is not None and found.type == "Patient" and found.id == subject.id
    if found is None or not (refused or subject.number in found.patients):
        raise NotFound("There is no such look at this record.")
    return found


async def people_of(store: Store, accounts: Iterable[str], now: datetime) -> dict[str, Someone]:
    """Who the accounts of the ledger are."""
    register = Register(store.ground)
    wanted = list(dict.fromkeys(accounts))
    found = await gather(*(register.look(account, now) for account in wanted))
    return {id_: _someone(id_, account) for id_, account in zip(wanted, found, strict=True)}


def _someone(id_: str, account: Account | None) -> Someone:
    if account is None:
        return Someone(id_, "", "", "", "")
    hat = account.hats[0] if account.hats else Hat("", "", "")
    return Someone(id_, account.name, hat.role, _place(hat.title) if hat.role != "resident" else "", hat.person)


def _place(title: str) -> str:
    return title.partition(" · ")[0]


async def _glasses(store: Store, patient: str, now: datetime) -> list[Glass]:
    return [paper.value for paper in await cases(store).find(f"patient {patient}", tick_of(now))]


# --- objections ---


def objections_of(store: Store) -> Papers[Objection]:
    """Every case about a look."""
    return Papers(store.ground, "objection", Objection)


async def objections_about(unit: Unit, subject: Subject) -> list[Paper[Objection]]:
    """The cases about looks at a record, newest first."""
    found = await objections_of(unit.store.store).find(_about(subject), tick_of(unit.now))
    return [paper for paper in reversed(found) if paper.value.patient == subject.id]


async def objection(unit: Unit, subject: Subject, key: str) -> Paper[Objection]:
    """One case about a record. Raises `NotFound`."""
    paper = await objections_of(unit.store.store).look(key, tick_of(unit.now))
    if paper is None or paper.value.patient != subject.id:
        raise NotFound("There is no such case.")
    return paper


def _about(subject: Subject) -> str:
    return f"patient {subject.id}"


# --- who may see it now ---


async def relationships(unit: Unit, subject: Subject) -> list[Relationship]:
    """Who has a care relationship now, from the resident's own documents, and who broke the glass; those who treat first."""
    types = [type_ for type_ in RELATING if type_ not in ("Consent", "Patient")]
    query = f"patient=Patient/{quote(subject.id)}&_sort=-_lastUpdated"
    found = await gather(*(unit.store.find(type_, query, RESOURCES_MAX) for type_ in types))
    patient = (await unit.store.read("Patient", subject.id)).resource()
    now_us = tick_of(unit.now)
    told: dict[tuple[str, str], Relationship] = {}
    for resource in (one for ones in (*found, [patient]) for one in ones):
        for relation in relations_of(resource):
            if relation.patient == subject.id and relation.starts <= now_us < relation.ends:
                name = await _holder(unit, relation, resource)
                told.setdefault((name, relation.kind), _relationship(name, relation, _FOLLOWS[resource["resourceType"]]))
    for glass in await _glasses(unit.store.store, subject.id, unit.now):
        if glass.ends > now_us and glass.state != "unjustified":
            told[glass.account, "break-glass"] = Relationship(
                glass.name, "break-glass", instant(glass.began), instant(glass.ends), t("an emergency")
            )
    order = list(rules.GROUNDS)
    return sorted(told.values(), key=lambda one: order.index(one.kind) if one.kind in order else len(order))


_FOLLOWS: Mapping[str, Phrase] = {
    "Appointment": t("an appointment"),
    "CareTeam": t("a care team"),
    "Encounter": t("a visit"),
    "EpisodeOfCare": t("a contract"),
    "Patient": t("your entry in the register"),
    "RelatedPerson": t("a guardianship"),
    "ServiceRequest": t("an order or referral"),
    "Task": t("a request"),
}


def _relationship(name: str, relation: Relation, follows: Phrase) -> Relationship:
    since = instant(relation.starts) if relation.starts else ""
    return Relationship(name, relation.kind, since, "" if relation.ends >= FOREVER_US else instant(relation.ends), follows)


async def _holder(unit: Unit, relation: Relation, resource: Resource) -> str:
    if resource["resourceType"] == "RelatedPerson":
        return name_of(resource)
    return await name_at(unit, relation.holder)


async def name_at(unit: Unit, reference: str) -> str:
    """The name of a person or institution by reference; the reference's own words are not trusted."""
    type_, _, id_ = reference.partition("/")
    if type_ not in ("Practitioner", "PractitionerRole", "Organization", "Location", "CareTeam", "HealthcareService", "Device"):
        return ""
    try:
        found = (await unit.store.read(type_, id_)).resource()
    except (NotFound, Gone):
        return ""
    if type_ == "Practitioner":
        return name_of(found)
    if type_ == "PractitionerRole":
        return found.get("practitioner", {}).get("display", "")
    name = found.get("name", "")
    return name if isinstance(name, str) else ""


# --- consents ---


async def consents(unit: Unit, subject: Subject, timezone: ZoneInfo) -> list[Given]:
    """Every consent of a resident, those that hold first, then the newest."""
    found = await unit.store.find("Consent", f"patient=Patient/{quote(subject.id)}&_sort=-_lastUpdated", RESOURCES_MAX)
    today = unit.now.astimezone(timezone).date()
    told = [rules.given_of(one, today) for one in found if one.get("status") != "entered-in-error"]
    return sorted(told, key=lambda one: one.state != "active")


async def consent(unit: Unit, subject: Subject, id_: str) -> Resource:
    """One consent of a resident. Raises `NotFound`, `Gone`."""
    found = (await unit.store.read("Consent", id_)).resource()
    if found.get("patient", {}).get("reference") != f"Patient/{subject.id}":
        raise NotFound("There is no such permission in this record.")
    return found


async def versions(unit: Unit, id_: str, timezone: ZoneInfo) -> list[tuple[str, Given]]:
    """Every version of a consent, newest first: when it was written, and what it said."""
    page = await unit.store.history("Consent", id_, count=50)
    today = unit.now.astimezone(timezone).date()
    return [(one.last_updated, rules.given_of(one.resource(), today)) for one in page.entries if one.content]


def holds(consent_: Resource) -> bool:
    """Whether a consent makes any rule that can be enforced."""
    return next(consent_relations(consent_), None) is not None


@dataclass(frozen=True, slots=True)
class Candidate:
    """Somebody a rule can name: reference, name, where they work."""

    reference: str
    name: str
    place: str


async def candidates(unit: Unit, typed: str) -> list[Candidate]:
    """Staff and institutions of a name, a few of each."""
    word = quote(typed.strip()[:40])
    if not word:
        return []
    people, places = await gather(
        unit.store.find("Practitioner", f"name={word}", FOUND_MAX), unit.store.find("Organization", f"name:contains={word}", FOUND_MAX)
    )
    roles = await gather(*(unit.store.find("PractitionerRole", f"practitioner=Practitioner/{one['id']}", PLACES_MAX) for one in people))
    staff = [Candidate(f"Practitioner/{one['id']}", name_of(one), _works_at(role)) for one, role in zip(people, roles, strict=True)]
    return [*(Candidate(f"Organization/{one['id']}", one.get("name", ""), "") for one in places), *staff]


def _works_at(roles: Sequence[Resource]) -> str:
    places = (one.get("organization", {}).get("display", "") for one in roles)
    return "、".join(dict.fromkeys(place for place in places if place))
