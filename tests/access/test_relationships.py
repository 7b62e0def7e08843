"""Which relation follows from which resource, in each status, from when until when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.access.drawn import CARD
from xinglin.access.actor import Actor
from xinglin.access.reach import KEPT_US, Reach
from xinglin.access.relationships import AFTER_DAYS, identity, relations_of
from xinglin.base.clock import tick_of
from xinglin.store import Scope, Store, Update
from xinglin.store.relations import FOREVER_US

LI, HOSPITAL, WARD = "Practitioner/li", "Organization/h", "Location/w"
WHO = {"reference": "Patient/x"}
Resource = dict[str, Any]


def kinds(resource: Resource) -> dict[str, set[str]]:
    """Holder -> kinds."""
    found: dict[str, set[str]] = {}
    for one in relations_of(resource):
        assert one.patient == "x"
        found.setdefault(one.holder, set()).add(one.kind)
    return found


def encounter(status: str = "in-progress", **more: Any) -> Resource:
    return {"resourceType": "Encounter", "id": "e", "status": status, "class": {"code": "AMB"}, "subject": WHO} | more


BY: dict[str, Any] = {"participant": [{"individual": {"reference": LI}}]}
EVERYTHING_ENDED: list[tuple[Resource, str]] = [
    (encounter(**BY), "cancelled unknown entered-in-error"),
    ({"resourceType": "Appointment", "id": "a", "start": "2026-11-22T08:00:00Z",
      "participant": [{"actor": WHO, "status": "accepted"}, {"actor": {"reference": LI}, "status": "accepted"}]},
     "cancelled noshow entered-in-error"),
    ({"resourceType": "ServiceRequest", "id": "s", "subject": WHO, "performer": [{"reference": LI}]}, "draft unknown entered-in-error"),
    ({"resourceType": "Task", "id": "t", "for": WHO, "owner": {"reference": LI}}, "draft entered-in-error"),
    ({"resourceType": "CareTeam", "id": "c", "subject": WHO, "participant": [{"member": {"reference": LI}}]},
     "proposed suspended inactive entered-in-error"),
    ({"resourceType": "EpisodeOfCare", "id": "p", "patient": WHO, "careManager": {"reference": LI}},
     "planned waitlist cancelled entered-in-error"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("resource", "statuses"), EVERYTHING_ENDED, ids=lambda one: one.get("resourceType") if isinstance(one, dict) else ""
)
def test_what_has_not_begun_or_was_a_mistake_gives_nothing(resource: Resource, statuses: str) -> None:
    for status in statuses.split():
        assert kinds(resource | {"status": status}) == {}, status
    assert LI in kinds(resource | {"status": "active"})


@pytest.mark.parametrize(
    ("resource", "found"),
    [
        (encounter(**BY, serviceProvider={"reference": HOSPITAL}, location=[{"location": {"reference": WARD}}]),
         {LI: {"encounter"}, HOSPITAL: {"institution"}, WARD: {"ward"}}),
        (encounter(location=[{"location": {"reference": WARD}, "status": "reserved"}]), {}),
        ({"resourceType": "Patient", "id": "x", "generalPractitioner": [{"reference": LI}],
          "managingOrganization": {"reference": HOSPITAL}},
         {LI: {"contract"}, HOSPITAL: {"assignment"}}),
        ({"resourceType": "ServiceRequest", "id": "s", "status": "active", "subject": WHO, "requester": {"reference": LI},
          "performer": [{"reference": HOSPITAL}], "code": {"coding": [{"code": "consultation"}]}},
         {LI: {"consultation"}, HOSPITAL: {"consultation"}}),
        ({"resourceType": "RelatedPerson", "id": "r", "patient": WHO, "relationship": [{"coding": [{"code": "GUARD"}]}],
          "identifier": [{"system": CARD, "value": "1"}, {"value": "2"}]}, {identity(CARD, "1"): {"guardian"}}),
        ({"resourceType": "RelatedPerson", "id": "r", "patient": WHO, "relationship": [{"coding": [{"code": "FRND"}]}],
          "identifier": [{"system": CARD, "value": "1"}]}, {}),
        ({"resourceType": "RelatedPerson", "id": "r", "patient": WHO, "active": False, "relationship": [{"coding": [{"code": "GUARD"}]}],
          "identifier": [{"system": CARD, "value": "1"}]}, {}),
        ({"resourceType": "Observation", "id": "o", "subject": WHO, "performer": [{"reference": LI}]}, {}),
    ],
)  # fmt: skip
def test_each_resource_makes_the_relations_of_the_table(resource: Resource, found: dict[str, set[str]]) -> None:
    assert kinds(resource) == found


@pytest.mark.parametrize("reference", ["Patient/x/_history/1", "http://elsewhere.test/Patient/x", "#x", "urn:uuid:x", "Group/x", "x", ""])
def test_only_a_plain_reference_to_one_of_our_patients_makes_a_relation(reference: str) -> None:
    assert relations_of(encounter(**BY) | {"subject": {"reference": reference}}) == ()


@pytest.mark.parametrize("reference", ["http://elsewhere.test/Practitioner/li", "#li", "Practitioner/li/_history/2", "", "Patient/y"])
def test_nobody_holds_a_relation_by_an_address_elsewhere(reference: str) -> None:
    assert relations_of(encounter(participant=[{"individual": {"reference": reference}}])) == ()


def span(resource: Resource, holder: str = LI) -> tuple[int, int]:
    (one,) = (relation for relation in relations_of(resource) if relation.holder == holder)
    return one.starts, one.ends


def at(text: str) -> int:
    return tick_of(datetime.fromisoformat(text))


AFTER = AFTER_DAYS * 24 * 3600 * 1_000_000


def test_a_visit_counts_from_its_start_to_a_month_after_its_end() -> None:
    period = {"start": "2026-11-01T08:00:00+08:00", "end": "2026-11-02T08:00:00+08:00"}
    assert span(encounter(**BY, period=period)) == (at(period["start"]), at("2026-11-02T08:00:01+08:00") + AFTER)
    assert span(encounter(**BY, period={"start": "2026-11-01"})) == (at("2026-11-01T00:00:00+00:00"), FOREVER_US)
    over = encounter("finished", **BY, meta={"lastUpdated": "2026-11-05T00:00:00Z"})
    assert span(over)[1] == at("2026-11-05T00:00:01+00:00") + AFTER


def test_who_took_part_for_a_day_does_not_see_it_for_the_rest_of_a_long_stay() -> None:
    period = {"start": "2026-01-01T08:00:00Z", "end": "2026-01-02T08:00:00Z"}
    stay = encounter(participant=[{"individual": {"reference": LI}, "period": period}], period={"start": "2026-01-01T00:00:00Z"})
    assert span(stay) == (at("2026-01-01T08:00:00+00:00"), at("2026-01-02T08:00:01+00:00") + AFTER)


def test_a_ward_sees_who_lies_on_it_while_they_do() -> None:
    place = {"location": {"reference": WARD}, "status": "completed", "period": {"start": "2026-01-01", "end": "2026-01-02"}}
    assert span(encounter(location=[place], period={"start": "2026-01-01"}), WARD)[1] == at("2026-01-03T00:00:00+00:00") + AFTER


def test_an_appointment_counts_for_a_week_on_either_side() -> None:
    parts = [{"actor": WHO, "status": "accepted"}, {"actor": {"reference": LI}, "status": "accepted"}]
    booked = {"resourceType": "Appointment", "id": "a", "status": "booked", "participant": parts, "start": "2026-11-22T08:00:00+08:00"}
    week = timedelta(days=7)
    start = datetime.fromisoformat("2026-11-22T08:00:00+08:00")
    assert span(booked) == (tick_of(start - week), tick_of(start + week) + 1_000_000)
    declined = booked | {"participant": [parts[0], parts[1] | {"status": "declined"}]}
    assert relations_of(declined) == ()


def test_a_member_of_a_team_counts_within_the_teams_time() -> None:
    member = {"member": {"reference": LI}, "period": {"start": "2026-02-01", "end": "2027-12-31"}}
    team = {"resourceType": "CareTeam", "id": "c", "status": "active", "subject": WHO, "participant": [member]}
    assert span(team | {"period": {"start": "2026-01-01", "end": "2026-06-30"}}) == (
        at("2026-02-01T00:00:00+00:00"), at("2026-07-01T00:00:00+00:00")
    )  # fmt: skip


class Clock:
    """A clock that tests set."""

    now = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


async def test_two_stays_on_one_ward_are_two_relations(store: Store) -> None:
    """On the ward in spring and again now: neither stay hides the other, whichever is written first."""
    records, clock = store.records(Scope.everyone()), Clock()
    reach = Reach(store, clock)
    stays = [
        {"location": {"reference": WARD}, "status": "active", "period": {"start": "2026-11-20"}},
        {"location": {"reference": WARD}, "status": "completed", "period": {"start": "2026-03-01", "end": "2026-03-05"}},
    ]
    nurse = Actor("n", "nurse", "N", units=(WARD,))
    await records.write([Update({"resourceType": "Patient", "id": "x"}, "x"), Update(encounter(location=stays), "e")])
    for turned in (stays, stays[::-1]):
        await records.write([Update(encounter(location=turned), "e")])
        assert len(await store.records(await reach.scope(nurse)).find("Patient")) == 1
    await records.write([Update(encounter(location=stays[1:]), "e")])
    assert await store.records(await reach.scope(nurse)).find("Patient") == []


async def test_a_relation_opens_at_its_start_and_closes_at_its_end(store: Store) -> None:
    records, clock = store.records(Scope.everyone()), Clock()
    reach = Reach(store, clock)
    period = {"start": "2026-11-22T12:00:00+08:00", "end": "2026-11-22T13:59:59+08:00"}
    member = [{"member": {"reference": LI}, "period": period}]
    team = {"resourceType": "CareTeam", "id": "c", "status": "active", "subject": WHO, "participant": member}
    await records.write([Update({"resourceType": "Patient", "id": "x"}, "x"), Update(team, "c")])
    doctor = Actor("d", "doctor", "D", LI)
    for moment, seen in (("03:59:59.999999", 0), ("04:00:00", 1), ("05:59:59.999999", 1), ("06:00:00", 0), ("05:00:00", 1)):
        clock.now = datetime.fromisoformat(f"2026-11-22T{moment}+00:00")
        if moment == "05:00:00":
            reach = Reach(store, clock)  # another process, whose clock is behind
        assert len(await store.records(await reach.scope(doctor)).find("Patient")) == seen, moment


async def test_who_someone_is_is_looked_at_again_within_a_minute(store: Store) -> None:
    """A wrong number of a guardian is corrected: no relation changes by it, and the ward's record closes all the same."""
    records, clock = store.records(Scope.everyone()), Clock()
    reach = Reach(store, clock)
    role = [{"coding": [{"code": "GUARD"}]}]
    person = {"resourceType": "RelatedPerson", "id": "r", "patient": WHO, "relationship": role}
    adult: Resource = {"resourceType": "Patient", "id": "g", "identifier": [{"system": CARD, "value": "1"}]}
    both = [Update({"resourceType": "Patient", "id": "x"}, "x"), Update(person | {"identifier": adult["identifier"]}, "r")]
    await records.write([*both, Update(adult, "g")])
    resident = Actor("a", "resident", "A", "Patient/g")
    assert len(await store.records(await reach.scope(resident)).find("Patient")) == 2
    await records.write([Update(adult | {"identifier": [{"system": CARD, "value": "2"}]}, "g")])
    clock.now += timedelta(microseconds=KEPT_US)
    assert [one["id"] for one in await store.records(await reach.scope(resident)).find("Patient")] == ["g"]
