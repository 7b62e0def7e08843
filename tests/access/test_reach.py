"""Who treats a patient sees their record, from when until when; nobody else does; and the resident has a say in it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from xinglin.access.actor import Actor
from xinglin.access.breakglass import break_glass, judge
from xinglin.access.reach import Reach
from xinglin.base.errors import Conflict, Forbidden, Malformed, NotFound
from xinglin.fhir.codec import Resource
from xinglin.store import Create, Delete, Records, Scope, Store, Update

NOON = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
HOSPITAL, TOWNSHIP, ROOM = "Organization/hospital", "Organization/township", "Organization/room"
DOCTOR = Actor("a-li", "doctor", "Li", "Practitioner/li", (HOSPITAL,))
VILLAGE = Actor("a-wang", "doctor", "Wang", "Practitioner/wang", (TOWNSHIP,))
RESIDENT = Actor("a-zhang", "resident", "Zhang", "Patient/zhang")
SECURITY = Actor("a-s", "security_admin", "S")
CARD = "urn:test:card"


class Clock:
    """A clock that tests set."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


def patient(id_: str, **more: object) -> Resource:
    return {"resourceType": "Patient", "id": id_, "identifier": [{"system": CARD, "value": f"card-{id_}"}], **more}


def about(type_: str, id_: str, who: str, **more: object) -> Resource:
    return {"resourceType": type_, "id": id_, "subject": {"reference": f"Patient/{who}"}, **more}


def observation(id_: str, who: str, code: str = "8480-6") -> Resource:
    return about("Observation", id_, who, status="final", code={"coding": [{"system": "http://loinc.org", "code": code}]})


def encounter(id_: str, who: str, doctor: str = DOCTOR.person, **more: object) -> Resource:
    base = about("Encounter", id_, who, status="in-progress", participant=[{"individual": {"reference": doctor}}])
    return base | {"class": {"code": "AMB"}, "period": {"start": "2026-11-22T10:00:00+08:00"}} | more


def consent(id_: str, who: str, provision: Resource) -> Resource:
    return {
        "resourceType": "Consent", "id": id_, "status": "active", "patient": {"reference": f"Patient/{who}"}, "provision": provision,
        "scope": {"coding": [{"code": "patient-privacy"}]}, "category": [{"coding": [{"code": "INFA"}]}],
    }  # fmt: skip


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def reach(store: Store, records: Records, clock: Clock) -> Reach:
    """Two residents with a blood pressure and an HIV test each, and nobody's care."""
    room = {"resourceType": "Organization", "id": "room", "partOf": {"reference": TOWNSHIP}, "type": [{"coding": [{"code": "village"}]}]}
    people = [one for who in ("zhang", "chen") for one in (
        patient(who), observation(f"bp-{who}", who), observation(f"hiv-{who}", who, "56888-1"),
    )]  # fmt: skip
    await put(records, {"resourceType": "Organization", "id": "township"}, room, *people)
    return Reach(store, clock)


async def put(records: Records, *resources: Resource) -> None:
    await records.write([Update(one, one["id"]) for one in resources])


async def seen(store: Store, reach: Reach, actor: Actor) -> set[str]:
    """Everything clinical an actor finds, by search and by reading: both must agree."""
    records = store.records(await reach.scope(actor))
    found = {one["id"] for type_ in ("Patient", "Observation") for one in await records.find(type_)}
    there = [("Patient", who) for who in ("zhang", "chen")]
    there += [("Observation", f"{what}-{who}") for what in ("bp", "hiv") for _, who in there]
    for type_, id_ in there:
        try:
            await records.read(type_, id_)
        except NotFound:
            assert id_ not in found
        else:
            assert id_ in found
    return found


WHOLE = {"zhang", "bp-zhang", "hiv-zhang"}
ORDINARY = {"zhang", "bp-zhang"}


async def test_without_a_care_relationship_nothing_is_seen(store: Store, reach: Reach):
    assert await seen(store, reach, DOCTOR) == set()


async def test_who_treats_sees_the_whole_record_until_a_month_after(store: Store, records: Records, reach: Reach, clock: Clock):
    await put(records, encounter("e", "zhang"))
    assert await seen(store, reach, DOCTOR) == WHOLE
    await put(records, encounter("e", "zhang", status="finished", period={"start": "2026-11-22", "end": "2026-11-22T14:00:00+08:00"}))
    clock.now = NOON + timedelta(days=29)
    assert await seen(store, reach, DOCTOR) == WHOLE
    clock.now = NOON + timedelta(days=31)
    assert await seen(store, reach, DOCTOR) == set()


async def test_an_encounter_taken_back_gives_nothing(store: Store, records: Records, reach: Reach):
    await put(records, encounter("e", "zhang"))
    assert await seen(store, reach, DOCTOR) == WHOLE
    await put(records, encounter("e", "zhang", status="entered-in-error"))
    assert await seen(store, reach, DOCTOR) == set()
    await put(records, encounter("e", "zhang"))
    await records.write([Delete("Encounter", "e")])
    assert await seen(store, reach, DOCTOR) == set()


async def test_colleagues_of_the_institution_see_all_but_the_most_sensitive(store: Store, records: Records, reach: Reach):
    await put(records, encounter("e", "zhang", "Practitioner/other", serviceProvider={"reference": HOSPITAL}))
    assert await seen(store, reach, DOCTOR) == ORDINARY


async def test_a_township_sees_its_own_residents_and_those_of_its_village_rooms(store: Store, records: Records, reach: Reach):
    await put(records, patient("zhang", managingOrganization={"reference": TOWNSHIP}))
    assert await seen(store, reach, VILLAGE) == ORDINARY
    await put(records, patient("zhang", managingOrganization={"reference": ROOM}))
    assert await seen(store, reach, VILLAGE) == ORDINARY
    await put(records, patient("zhang"))
    assert await seen(store, reach, VILLAGE) == set()


async def test_an_appointment_opens_the_record_a_week_before(store: Store, records: Records, reach: Reach, clock: Clock):
    parts = [{"actor": {"reference": who}, "status": "accepted"} for who in ("Patient/zhang", DOCTOR.person)]
    soon = {"resourceType": "Appointment", "id": "a", "status": "booked", "participant": parts}
    await put(records, soon | {"start": "2026-12-20T02:00:00Z", "end": "2026-12-20T02:10:00Z"})
    assert await seen(store, reach, DOCTOR) == set()
    clock.now = datetime(2026, 12, 14, tzinfo=UTC)
    assert await seen(store, reach, DOCTOR) == ORDINARY


@pytest.mark.parametrize(("code", "finds"), [("3457005", WHOLE), ("11429006", WHOLE), ("26436-6", ORDINARY)])
async def test_a_referral_or_consultation_makes_who_receives_it_a_treating_doctor(
    store: Store, records: Records, reach: Reach, code: str, finds: set[str]
):
    category = [{"coding": [{"code": code}]}]
    asked = about("ServiceRequest", "s", "zhang", status="active", intent="order", category=category)
    await put(records, asked | {"performer": [{"reference": HOSPITAL}], "authoredOn": "2026-11-20"})
    assert await seen(store, reach, DOCTOR) == finds


async def test_a_resident_sees_their_own_and_a_guardian_their_wards(store: Store, records: Records, reach: Reach):
    assert await seen(store, reach, RESIDENT) == WHOLE
    guard = [{"coding": [{"code": "GUARD"}]}]
    person = {"resourceType": "RelatedPerson", "id": "r", "patient": {"reference": "Patient/chen"}, "relationship": guard}
    await put(records, person | {"identifier": [{"system": CARD, "value": "card-zhang"}], "period": {"end": "2026-11-30"}})
    assert await seen(store, reach, RESIDENT) == WHOLE | {"chen", "bp-chen", "hiv-chen"}


@pytest.mark.parametrize("role", ["system_admin", "security_admin", "audit_admin", "regulator"])
async def test_no_administrator_reads_a_record(store: Store, reach: Reach, role: str):
    assert await seen(store, reach, Actor("a", role, "A", units=(HOSPITAL,))) == set()


@pytest.mark.parametrize("role", ["public_health", "insurer", "reader"])
async def test_who_serves_the_whole_county_sees_all_but_the_most_sensitive(store: Store, reach: Reach, role: str):
    assert await seen(store, reach, Actor("a", role, "A")) == ORDINARY | {"chen", "bp-chen"}


async def test_a_registrar_finds_every_person_but_no_medical_record(store: Store, reach: Reach):
    assert await seen(store, reach, Actor("a", "registrar", "A", units=(HOSPITAL,))) == {"zhang", "chen"}


async def test_what_a_resident_denies_is_not_seen_and_what_they_permit_is(store: Store, records: Records, reach: Reach, clock: Clock):
    await put(records, encounter("e", "zhang"))
    await put(records, consent("c", "zhang", {"type": "deny", "actor": [{"role": {"text": "x"}, "reference": {"reference": HOSPITAL}}]}))
    assert await seen(store, reach, DOCTOR) == set()
    assert await seen(store, reach, RESIDENT) == WHOLE
    permit = {"type": "permit", "actor": [{"role": {"text": "x"}, "reference": {"reference": DOCTOR.person}}]}
    await put(records, consent("c", "zhang", {"type": "deny", "provision": [permit]}))
    assert await seen(store, reach, DOCTOR) == WHOLE
    await put(records, consent("c", "zhang", {"type": "deny", "period": {"end": "2026-11-23"}}))
    assert await seen(store, reach, DOCTOR) == set()
    clock.now = NOON + timedelta(days=3)
    assert await seen(store, reach, DOCTOR) == WHOLE
    await put(records, consent("p", "chen", permit | {"period": {"end": "2026-12-01"}}))
    assert await seen(store, reach, DOCTOR) == WHOLE | {"chen", "bp-chen"}


async def test_consent_may_withhold_a_kind_of_data_or_the_most_sensitive_alone(store: Store, records: Records, reach: Reach):
    await put(records, encounter("e", "zhang"))
    await put(records, consent("c", "zhang", {"type": "deny", "class": [{"code": "Observation"}]}))
    assert await seen(store, reach, DOCTOR) == {"zhang"}
    await put(records, consent("c", "zhang", {"type": "deny", "securityLabel": [{"code": "R"}]}))
    assert await seen(store, reach, DOCTOR) == ORDINARY


async def test_consent_for_another_purpose_changes_nothing_here(store: Store, records: Records, reach: Reach):
    await put(records, encounter("e", "zhang"))
    await put(records, consent("c", "zhang", {"type": "deny", "purpose": [{"code": "HRESCH"}]}))
    assert await seen(store, reach, DOCTOR) == WHOLE
    assert "zhang" not in await seen(store, reach, Actor("a", "reader", "R", purpose="HRESCH"))


async def test_an_application_for_one_patient_sees_that_patient_alone(store: Store, records: Records, reach: Reach):
    await put(records, encounter("e", "zhang"), encounter("f", "chen"))
    launched = Actor("a-li", "doctor", "Li", "Practitioner/li", (HOSPITAL,), client="app", scopes=("patient/*.rs",), patient="zhang")
    assert await seen(store, reach, launched) == WHOLE
    assert await seen(store, reach, Actor("m", "system", "m", client="app", scopes=("patient/*.rs",), patient="chen")) == {
        "chen", "bp-chen", "hiv-chen"
    }  # fmt: skip


async def test_breaking_the_glass_opens_at_once_for_hours_and_can_be_judged(store: Store, reach: Reach, clock: Clock):
    assert await seen(store, reach, DOCTOR) == set()
    with pytest.raises(Malformed):
        await break_glass(store, DOCTOR, "zhang", " no ", NOON)
    with pytest.raises(Forbidden):
        await break_glass(store, RESIDENT, "chen", "curious about a neighbour", NOON)
    with pytest.raises(NotFound):
        await break_glass(store, DOCTOR, "nobody", "found unconscious in the street", NOON)
    case = await break_glass(store, DOCTOR, "zhang", "found unconscious in the street", NOON)
    reach.stale()
    assert await seen(store, reach, DOCTOR) == WHOLE
    late = Clock()
    late.now = NOON + timedelta(hours=5)
    assert await seen(store, Reach(store, late), DOCTOR) == set()
    clock.now = NOON + timedelta(hours=1)
    with pytest.raises(Forbidden):
        await judge(store, DOCTOR, case.key, "justified", "I am sure", clock.now)
    await judge(store, SECURITY, case.key, "unjustified", "there was no emergency", clock.now)
    reach.stale()
    assert await seen(store, reach, DOCTOR) == set()
    with pytest.raises(Conflict):
        await judge(store, SECURITY, case.key, "justified", "after all", clock.now)


async def test_nobody_writes_into_the_record_of_a_stranger(store: Store, records: Records, reach: Reach):
    await put(records, encounter("e", "zhang"))
    mine = store.records(await reach.scope(DOCTOR))
    await mine.write([Create(observation("", "zhang"))])
    with pytest.raises(Forbidden):
        await mine.write([Create(observation("", "chen"))])
    with pytest.raises(NotFound):
        await mine.write([Update(observation("bp-chen", "zhang"), "bp-chen")])
    with pytest.raises(NotFound):
        await mine.write([Delete("Observation", "bp-chen")])
    with pytest.raises(Forbidden):
        await mine.write([Update(observation("bp-zhang", "chen"), "bp-zhang")])
    assert (await records.read("Observation", "bp-zhang")).version == 1


async def test_what_another_process_follows_holds_here_too(store: Store, records: Records, reach: Reach, clock: Clock):
    elsewhere = Reach(store, clock)
    assert await seen(store, reach, DOCTOR) == set()
    await put(records, encounter("e", "zhang"))
    await elsewhere.catch_up()
    assert await seen(store, reach, DOCTOR) == WHOLE
    assert (await reach.scope(DOCTOR)).ground_of(0) == "role"


async def test_an_open_transaction_elsewhere_does_not_hide_what_was_just_written(store: Store, records: Records, reach: Reach):
    assert await seen(store, reach, DOCTOR) == set()
    async with store.ground.side.connection() as connection:
        other = connection.transaction()
        await other.start()
        await connection.execute("SELECT pg_current_xact_id()")
        await put(records, encounter("e", "zhang"))
        asked = asyncio.create_task(seen(store, reach, DOCTOR))
        await asyncio.sleep(0.05)
        await other.rollback()
        assert await asked == WHOLE


async def test_a_scope_tells_on_what_ground_a_patient_is_in_it(store: Store, records: Records, reach: Reach):
    await put(records, encounter("e", "zhang", serviceProvider={"reference": HOSPITAL}))
    scope = await reach.scope(DOCTOR)
    number = (await store.records(Scope.everyone()).read("Patient", "zhang")).patient
    assert scope.ground_of(number) == "encounter"
