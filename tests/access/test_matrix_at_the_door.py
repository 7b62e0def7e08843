"""The same statement, asked of the FHIR door over real records: a sample of roles, patients, resources and interactions."""

from __future__ import annotations

import itertools
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from tests.access import statement
from tests.access.drawn import CARD, CARD_OF_RESIDENT, DOCTOR, RESIDENT, UNITS, consenting, labelled, relating
from tests.access.statement import Case
from xinglin.access.actor import Actor
from xinglin.access.reach import Reach
from xinglin.access.tokens import issue_for
from xinglin.base.clock import tick_of
from xinglin.base.crypto import Keys
from xinglin.base.settings import Settings
from xinglin.doors.fhir_api import BearerAccess, FhirDoor
from xinglin.store import Scope, Store, Update
from xinglin.store.jobs import Jobs
from xinglin.store.relations import Relation, Source, follow_now

NOON = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
ASKED = 4_000
"""Requests of the sample."""
UNENDING = ("referral", "consultation", "order", "request")
"""Over, these last a month from when it was written down; here all is written at once."""
ROLES = [role for role in statement.ROLES if role != "system"]
Resource = dict[str, Any]


@dataclass(frozen=True)
class Story:
    """One patient: what relation there is to them, and what they consented to about Observations."""

    id: str
    relation: str
    when: str
    consent: str

    def case(self, role: str, type_: str, level: int) -> Case:
        """What the statement is asked of one of their resources."""
        consent = self.consent
        if type_ != "Observation" and "this type" in consent:
            consent = "denied another type" if "denied" in consent else "none"
        return Case(role, type_, self.relation, self.when, consent, level)


def stories() -> list[Story]:
    """Each relation at each time, and each consent beside three of them."""
    kinds = itertools.product(["none", *statement.RELATIONS], statement.WHEN, ["none"])
    beside = itertools.product(["none", "encounter", "institution", "self", "break-glass"], ["now"], statement.CONSENTS)
    told = dict.fromkeys((*kinds, *beside))
    timed = [one for one in told if one[1] == "now" or (one[0] not in ("none", "self", "break-glass", "assignment"))]
    return [Story(f"p{n}", *one) for n, one in enumerate(timed) if one[1] != "ended" or one[0] not in UNENDING]


STORIES = stories()


def resources(story: Story) -> list[Resource]:
    who = {"reference": f"Patient/{story.id}"}
    case = Case("doctor", "Observation", story.relation, story.when, story.consent)
    patient: Resource = {"resourceType": "Patient", "id": story.id}
    if story.relation == "assignment":
        patient["managingOrganization"] = {"reference": UNITS[0]}
    made = [patient, *relating(case, story.id, f"r-{story.id}"), *consenting(case, story.id, f"c-{story.id}")]
    made += [one | {"id": f"{one['id']}-{level}", "meta": labelled(level)} for level in range(1, 6) for one in drafts(story.id, who)]
    return made


def drafts(id_: str, who: Resource) -> list[Resource]:
    """Something a doctor, a pharmacist, a registrar and a resident may write."""
    return [
        {"resourceType": "Observation", "id": f"o-{id_}", "status": "final", "code": {"text": "x"}, "subject": who},
        {"resourceType": "Task", "id": f"t-{id_}", "status": "draft", "intent": "order", "for": who},
        {"resourceType": "Coverage", "id": f"v-{id_}", "status": "active", "beneficiary": who, "payor": [{"display": "x"}]},
        {"resourceType": "QuestionnaireResponse", "id": f"q-{id_}", "status": "completed", "subject": who},
    ]


@pytest.fixture(scope="module")
async def door(module_store: Store, keys: Keys) -> FhirDoor:
    records = module_store.records(Scope.everyone())
    resident = {"resourceType": "Patient", "id": "guardian", "identifier": [{"system": CARD, "value": CARD_OF_RESIDENT}]}
    all_ = [resident, *(one for story in STORIES for one in resources(story))]
    for start in range(0, len(all_), 400):
        await records.write([Update(one, one["id"]) for one in all_[start : start + 400]])
    for story in STORIES:
        if story.relation == "break-glass":
            relations = [Relation(f"account a-{role}", story.id, "break-glass", 0, tick_of(NOON) + 10) for role in ROLES]
            await follow_now(module_store, Source("AuditEvent", story.id), relations)
    reach = Reach(module_store, lambda: NOON)
    settings = Settings(home=module_store.ground.settings.home)
    return FhirDoor(module_store, BearerAccess(keys), settings, jobs=Jobs(module_store.ground), scope=reach.scope, now=lambda: NOON)


@pytest.fixture
async def client(door: FhirDoor) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(door), base_url="http://hie.test/fhir") as client:
        yield client


def actor(role: str, story: Story) -> Actor:
    """Who asks. A resident is the patient, where the relation says so, and else somebody else."""
    if role == "resident":
        return Actor("a-resident", role, "R", f"Patient/{story.id}" if story.relation == "self" else RESIDENT)
    return Actor(f"a-{role}", role, role, DOCTOR, UNITS)


def is_told(role: str, story: Story) -> bool:
    """Whether the story can be one of this role's: a resident holds no post, and no consent names them here."""
    case = story.case(role, "Observation", 3)
    if role == "resident":
        by_name = story.relation == "permit" or story.consent in ("denied", "this type permitted", "denied to all but this one")
        return statement.can_be(case) and not by_name
    return statement.can_be(case)


TYPES = ["Observation", "Task", "Coverage", "QuestionnaireResponse"]
SHORT = {"Observation": "o", "Task": "t", "Coverage": "v", "QuestionnaireResponse": "q"}
INTERACTIONS = ["read", "vread", "history", "search", "create", "update", "patch", "delete"]


async def test_the_door_answers_as_the_statement_says(client: httpx.AsyncClient, keys: Keys) -> None:
    drawn = sample()
    assert sum(statement.may_act(role, interaction, type_) for role, _, type_, _, interaction in drawn) > ASKED // 2
    tokens: dict[Actor, str] = {}
    wrong: list[tuple[object, ...]] = []
    for role, story, type_, level, interaction in drawn:
        who = actor(role, story)
        token = tokens.setdefault(who, issue_for(keys, who, 3600, now=NOON))
        case = story.case(role, type_, level)
        answer = await asked(client, token, story, case, interaction)
        if answer != (expected := meant(case, interaction)):
            wrong.append((interaction, case, answer, expected))
    assert wrong[:5] == []


def sample() -> list[tuple[str, Story, str, int, str]]:
    """So many requests, most of them such as the role may make at all."""
    random_ = random.Random(3)
    everything = list(itertools.product(ROLES, STORIES, TYPES, range(1, 6), INTERACTIONS))
    told = (one for one in random_.sample(everything, len(everything)) if is_told(one[0], one[1]))
    fitting = (one for one in told if statement.may_act(one[0], one[4], one[2]) or random_.random() < 0.1)
    return list(itertools.islice(fitting, ASKED))


def meant(case: Case, interaction: str) -> int | str:
    """The status of the answer; of a search, whether it finds."""
    if not statement.may_act(case.role, interaction, case.type):
        return 403
    if interaction == "create":
        return 201 if statement.may_create(case) else 403
    if interaction == "search":
        return "found" if statement.sees(case) else "nothing"
    if not statement.sees(case):
        return 404
    if interaction in ("update", "patch"):
        return 200 if statement.may_change(case) else 403
    return 200


async def asked(client: httpx.AsyncClient, token: str, story: Story, case: Case, interaction: str) -> int | str:
    id_ = f"{SHORT[case.type]}-{story.id}-{case.level}"
    path, bearer = f"/{case.type}/{id_}", {"authorization": f"Bearer {token}"}
    who = {"reference": f"Patient/{story.id}"}
    draft = next(one for one in drafts(story.id, who) if one["resourceType"] == case.type)
    draft = draft | {"id": id_, "meta": labelled(case.level)}
    merge = bearer | {"content-type": "application/merge-patch+json"}
    match interaction:
        case "read":
            return (await client.get(path, headers=bearer)).status_code
        case "vread":
            return (await client.get(f"{path}/_history/1", headers=bearer)).status_code
        case "history":
            return (await client.get(f"{path}/_history", headers=bearer)).status_code
        case "create":
            return (await client.post(f"/{case.type}", json={k: v for k, v in draft.items() if k != "id"}, headers=bearer)).status_code
        case "update":
            return (await client.put(path, json=draft, headers=bearer)).status_code
        case "patch":
            return (await client.patch(path, json={"language": "zh"}, headers=merge)).status_code
        case "delete":
            return (await client.delete(path, headers=bearer)).status_code
        case _:
            answer = await client.get(f"/{case.type}?_id={id_}", headers=bearer)
            found = [one["resource"]["id"] for one in answer.json().get("entry", ())] if answer.status_code == 200 else []
            return answer.status_code if answer.status_code != 200 else "found" if found == [id_] else "nothing"


@pytest.mark.parametrize("role", ROLES)
async def test_nobody_but_the_machines_exports_imports_or_asks_the_whole_system(client: httpx.AsyncClient, keys: Keys, role: str) -> None:
    bearer = {"authorization": f"Bearer {issue_for(keys, actor(role, STORIES[0]), 3600, now=NOON)}"}
    for path in ("/$export", "/Patient/$export", "/_history"):
        assert (await client.get(path, headers=bearer)).status_code == 403
    assert (await client.post("/$import", json={"resourceType": "Parameters", "parameter": []}, headers=bearer)).status_code == 403


async def test_a_machine_that_may_do_everything_sees_every_resource(client: httpx.AsyncClient, keys: Keys) -> None:
    bearer = {"authorization": f"Bearer {issue_for(keys, Actor('m', 'system', 'm'), 3600, now=NOON)}"}
    for story in STORIES[::7]:
        assert (
            await asked(client, bearer["authorization"].partition(" ")[2], story, replace(story.case("system", "Task", 5)), "read") == 200
        )
