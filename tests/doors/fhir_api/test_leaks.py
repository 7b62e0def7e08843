"""Trying to read what one may not, every way the FHIR door has: nothing of it shows, not even that it is there."""

from __future__ import annotations

import gzip
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.doors.fhir_api import county
from tests.doors.fhir_api.county import APP, COLLEAGUE, HIDDEN, MACHINE, NOON, PLAIN, STRANGER, TREATING, ClientOf, about, shown
from xinglin.access.actor import Actor
from xinglin.access.policy import ENVELOPES
from xinglin.access.reach import Reach
from xinglin.base.crypto import Keys
from xinglin.base.settings import Settings
from xinglin.doors.fhir_api import BearerAccess, FhirDoor
from xinglin.fhir.definitions import RESOURCE_TYPES, search_params
from xinglin.store import Scope, Store, Update
from xinglin.store.exported import folder_of
from xinglin.store.exporting import exporter
from xinglin.store.jobs import Jobs, Run

WHO = sorted(HIDDEN, key=lambda actor: (actor.role, actor.id, actor.client))
BY_NAME = {f"{actor.role} {actor.id} {actor.client}".strip(): actor for actor in WHO}


@pytest.fixture(scope="module")
async def door(module_store: Store, keys: Keys) -> FhirDoor:
    await county.settle(module_store.records(Scope.everyone()))
    reach = Reach(module_store, lambda: NOON)
    own = Settings(home=module_store.ground.settings.home)
    return FhirDoor(module_store, BearerAccess(keys), own, jobs=Jobs(module_store.ground), scope=reach.scope, now=lambda: NOON)


@pytest.fixture(scope="module")
def client_of(door: FhirDoor, keys: Keys) -> ClientOf:
    return county.client_of(door, keys)


# --- reading ---

TYPES = [*PLAIN, "Patient", "Binary", "Bundle", "Person", "Linkage", "Provenance", "Parameters", "MessageHeader", "Subscription",
         "AuditEvent", "Group", "Appointment", "Organization", "Practitioner"]  # fmt: skip
IDS = sorted({one["id"] for one in county.world()} | {"moved", "eased", "own-gone", "other-gone", "nothing"})


@pytest.mark.parametrize("name", BY_NAME)
async def test_nothing_stored_is_shown_to_who_may_not_read_it(client_of: ClientOf, name: str) -> None:
    """Every resource by its address, every version, history, operation; every list of every type."""
    actor = BY_NAME[name]
    stored = [*((one["resourceType"], one["id"]) for one in county.world()), ("Observation", "moved"), ("Observation", "eased")]
    paths = [f"/{type_}/{id_}{end}" for type_, id_ in stored for end in ("", "/_history/1", "/_history", "/$meta")]
    paths += [f"/{type_}{end}" for type_ in TYPES for end in ("?_count=100", "/_history?_count=100", "?_sort=-_lastUpdated", "/$meta")]
    paths += [
        "/Patient/own/$everything?_count=500",
        "/Patient/other/$everything",
        "/Patient/own/*",
        "/?_type=Observation,Task",
        "/_history",
    ]
    async with client_of(actor) as client:
        for path in paths:
            await must_hide(client, actor, path)


async def must_hide(client: httpx.AsyncClient, actor: Actor, path: str, **more: Any) -> httpx.Response:
    """Asks; no secret of the actor's is in the answer, and the platform does not break."""
    answer = await client.request(more.pop("method", "GET"), path, **more)
    assert answer.status_code < 500, (path, answer.text)
    told = shown(answer)
    assert not [secret for secret in HIDDEN[actor] if secret in told], (path, actor.id, told[:2000])
    return answer


INCLUDES = ["_include=*", "_include:iterate=*", "_revinclude=*", "_revinclude:iterate=Observation:derived-from", "_include=List:item",
            "_include=Observation:derived-from", "_include:iterate=Observation:has-member", "_include=Task:focus",
            "_include=Encounter:diagnosis",
            "_revinclude=Provenance:target", "_revinclude=Observation:focus", "_include=Composition:entry",
            "_include:iterate=List:item"]  # fmt: skip
ENDS = [
    "_total=accurate",
    "_summary=count",
    "_summary=text",
    "_elements=id",
    "_sort=-_lastUpdated",
    "_sort=_id",
    "_count=1",
    "_list=between",
    "_contained=true",
]
CHAINS = ["derived-from:Observation.code=urn:c|secret", "derived-from:Observation._id=other-observation", "subject:Patient.gender=male",
          "_has:Observation:derived-from:code=urn:c|secret", "_has:Observation:derived-from:_id=back", "subject=Patient/other",
          "focus:Patient._id=other", "performer:Patient.identifier=urn:test:card|other", "has-member:Observation._security=R",
          "_filter=derived-from.code eq secret", "_filter=subject eq Patient/other or status eq final", "code:not=urn:c|x",
          "subject:Patient.name:missing=true", "result.code=urn:c|secret", "item:Observation.code=secret",
          "entry:Observation._id=other-five",
          "_has:List:item:_id=between", "_text=SECRET", "_content=SECRET", "_id=other-observation,own-five,between,nobody,other-binary",
          "identifier=urn:test:card|other", "_has:Observation:subject:_id=other-five", "_security=R",
          "diagnosis:Condition.code=B20"]  # fmt: skip


@st.composite
def searches(draw: st.DrawFn) -> str:
    type_ = draw(st.sampled_from(TYPES))
    parts = draw(st.lists(st.sampled_from([*INCLUDES, *ENDS]), max_size=3, unique=True))
    parts += draw(st.lists(st.sampled_from(CHAINS), max_size=2, unique=True))
    references = sorted(name for name, param in search_params(type_).items() if param.kind == "reference")
    if references and draw(st.booleans()):
        name = draw(st.sampled_from(references))
        parts.append(f"{name}={draw(st.sampled_from(['Patient', 'Observation', 'Task', 'Binary']))}/{draw(st.sampled_from(IDS))}")
    form = draw(
        st.sampled_from(["{t}?{q}", "Patient/own/{t}?{q}", "Patient/other/{t}?{q}", "?_type={t},Patient&{q}", "Encounter/e/{t}?{q}"])
    )
    return "/" + form.format(t=type_, q="&".join(parts))


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(path=searches(), name=st.sampled_from(sorted(BY_NAME)), xml=st.booleans(), post=st.booleans())
async def test_no_search_shows_what_may_not_be_read(client_of: ClientOf, path: str, name: str, xml: bool, post: bool) -> None:
    actor, (address, _, query) = BY_NAME[name], path.partition("?")
    headers = {"accept": "application/fhir+xml"} if xml else {}
    async with client_of(actor) as client:
        if post and address.count("/") == 1 and address != "/":
            form = headers | {"content-type": "application/x-www-form-urlencoded"}
            await must_hide(client, actor, f"{address}/_search", method="POST", content=query, headers=form)
            return
        answer = await must_hide(client, actor, path, headers=headers)
        for _ in range(5):
            bundle = answer.json() if not xml and answer.status_code == 200 else {}
            links = [link["url"] for link in bundle.get("link", ()) if link["relation"] == "next"]
            if not links:
                return
            answer = await must_hide(client, actor, links[0])


async def total(client: httpx.AsyncClient, query: str) -> int:
    answer = await client.get(f"/{query}&_summary=count")
    assert answer.status_code == 200, answer.text
    return answer.json()["total"]


async def test_counts_tell_nothing_of_what_may_not_be_read(client_of: ClientOf) -> None:
    async with client_of(COLLEAGUE) as client:
        assert await total(client, "Condition?code=B20") == 0
        assert await total(client, "Observation?subject=Patient/other") == 0
        assert await total(client, "Encounter?diagnosis:Condition.code=B20") == 0
        assert await total(client, "Patient?_has:Condition:patient:code=B20") == 0
        assert await total(client, "Observation?derived-from:Observation._id=other-observation") == 0


# --- what is there and may not be seen is not there ---

PROBES: list[tuple[str, str, dict[str, Any]]] = [
    ("GET", "/Observation/{id}", {}),
    ("GET", "/Observation/{id}", {"headers": {"if-none-match": 'W/"1"'}}),
    ("GET", "/Observation/{id}/_history/1", {}),
    ("GET", "/Observation/{id}/_history/7", {}),
    ("GET", "/Observation/{id}/_history", {}),
    ("GET", "/Observation/{id}/$meta", {}),
    ("GET", "/Observation/{id}/$validate", {}),
    ("GET", "/Observation?_id={id}&_total=accurate", {}),
    ("GET", "/Observation?derived-from=Observation/{id}", {}),
    ("GET", "/DiagnosticReport?result:Observation._id={id}", {}),
    ("GET", "/Observation/{id}?_format=xml", {}),
    ("PUT", "/Observation/{id}", {"headers": {"if-match": 'W/"1"'}, "json": "own"}),
    ("PUT", "/Observation/{id}", {"headers": {"if-match": 'W/"9"'}, "json": "own"}),
    ("PATCH", "/Observation/{id}", {"headers": {"content-type": "application/merge-patch+json"}, "content": '{"language": "zh"}'}),
    ("PATCH", "/Observation/{id}", {"headers": {"content-type": "application/merge-patch+json", "if-match": 'W/"1"'}, "content": "{}"}),
    ("PATCH", "/Observation?_id={id}", {"headers": {"content-type": "application/merge-patch+json"}, "content": "{}"}),
    ("POST", "/Observation/{id}/$meta-add", {"json": {"resourceType": "Parameters", "parameter": [{"name": "meta", "valueMeta": {}}]}}),
    ("POST", "/", {"json": {"resourceType": "Bundle", "type": "batch",
                            "entry": [{"request": {"method": "GET", "url": "Observation/{id}"}}]}}),
    ("POST", "/", {"json": {"resourceType": "Bundle", "type": "transaction",
                            "entry": [{"request": {"method": "GET", "url": "Observation/{id}"}}]}}),
    ("POST", "/Basic", {"json": {"resourceType": "Basic", "code": {"text": "x"}, "subject": {"reference": "Observation?_id={id}"}}}),
    ("POST", "/Observation", {"json": about("Observation", "", "own", status="final", code={"text": "x"},
                                            derivedFrom=[{"reference": "Observation?_id={id}"}])}),
]  # fmt: skip


@pytest.mark.parametrize("actor", [STRANGER, COLLEAGUE, TREATING, MACHINE], ids=lambda actor: actor.id)
@pytest.mark.parametrize("probe", range(len(PROBES)))
async def test_what_may_not_be_seen_answers_as_what_is_not_there(client_of: ClientOf, actor: Actor, probe: int) -> None:
    async with client_of(actor) as client:
        answers = {id_: await ask(client, PROBES[probe], id_) for id_ in ("other-observation", "other-five", "other-gone", "other-nothing")}
    assert len(set(answers.values())) == 1, answers


async def ask(client: httpx.AsyncClient, probe: tuple[str, str, dict[str, Any]], id_: str) -> tuple[int, str]:
    """Status and words, without the id asked for."""
    method, path, more = probe[0], probe[1].replace("{id}", id_), dict(probe[2])
    if more.get("json") == "own":
        more["json"] = about("Observation", id_, "own", **PLAIN["Observation"])
    elif "json" in more:
        body = httpx.Request("POST", "http://x", json=more.pop("json")).content
        more["content"] = body.replace(b"{id}", id_.encode())
        more["headers"] = {"content-type": "application/fhir+json"}
    answer = await client.request(method, path, **more)
    assert answer.status_code < 500, answer.text
    words = [answer.headers.get(name, "") for name in ("etag", "last-modified", "location")]
    text = answer.text if answer.status_code != 200 or "Bundle" in answer.text else ""
    return answer.status_code, "".join(one for one in (*words, text)).replace(id_, "{id}")[:3000].partition('"lastUpdated"')[0]


async def test_a_deleted_resource_of_ones_own_patient_is_told_as_deleted(client_of: ClientOf) -> None:
    async with client_of(TREATING) as client:
        assert (await client.get("/Observation/own-gone")).status_code == 410
        assert (await client.get("/Observation/other-gone")).status_code == 404


# --- what the role may not search cannot be asked by a condition either ---


@pytest.mark.parametrize(
    ("actor", "headers", "body"),
    [
        ("registrar", {}, {"resourceType": "Encounter", "status": "planned", "class": {"code": "AMB"},
                           "subject": {"reference": "Patient/own"},
                           "reasonReference": [{"reference": "Condition?code=B20"}]}),
        ("registrar", {"if-none-exist": "patient:Patient._has:Condition:patient:code=urn:c|secret"},
         {"resourceType": "Encounter", "status": "planned", "class": {"code": "AMB"}, "subject": {"reference": "Patient/own"}}),
        ("pharmacist", {"if-none-exist": "patient:Patient._has:Composition:patient:status=final"},
         {"resourceType": "DetectedIssue", "status": "final", "patient": {"reference": "Patient/own"}}),
    ],
)  # fmt: skip
async def test_a_condition_asks_nothing_that_a_search_could_not(
    client_of: ClientOf, actor: str, headers: dict[str, str], body: Any
) -> None:
    who = county.REGISTRAR if actor == "registrar" else county.PHARMACIST
    async with client_of(who) as client:
        answer = await client.post(f"/{body['resourceType']}", json=body, headers=headers)
        assert answer.status_code == 403, answer.text
        bundle = {"resourceType": "Bundle", "type": "transaction", "entry": [
            {"resource": body, "request": {"method": "POST", "url": body["resourceType"], **(
                {"ifNoneExist": headers["if-none-exist"]} if headers else {})}}]}  # fmt: skip
        assert (await client.post("/", json=bundle)).status_code == 403


async def test_a_list_the_role_may_not_read_cannot_be_searched_by(client_of: ClientOf) -> None:
    async with client_of(county.REGISTRAR) as client:
        assert (await client.get("/Patient?_list=between")).status_code == 403


# --- an application with narrowed scopes ---


@pytest.mark.parametrize("query", ["Observation?_include=Observation:has-member&_include:iterate=Observation:derived-from",
                                   "Observation?_include=*", "Patient?_id=own&_revinclude=Observation:subject",
                                   "Observation?_revinclude:iterate=Observation:derived-from"])  # fmt: skip
async def test_a_narrowed_application_sees_its_kind_of_result_alone(client_of: ClientOf, query: str) -> None:
    async with client_of(APP) as client:
        found = [one["resource"]["id"] for one in (await client.get(f"/{query}")).json().get("entry", ())]
    assert set(found) <= {"own", "between"}


async def test_includes_do_not_go_on_through_what_a_narrowed_application_may_not_see(client_of: ClientOf, module_store: Store) -> None:
    """A laboratory result from a questionnaire from a laboratory result: the last is not reached through the middle."""
    lab = [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "laboratory"}]}]
    steps = [
        about("Observation", "z1", "own", **PLAIN["Observation"], category=lab, derivedFrom=[{"reference": "Observation/z2"}]),
        about("Observation", "z2", "own", **PLAIN["Observation"], derivedFrom=[{"reference": "Observation/z3"}]),
        about("Observation", "z3", "own", **PLAIN["Observation"], category=lab),
    ]
    await module_store.records(Scope.everyone()).write([Update(one, one["id"]) for one in steps])
    async with client_of(APP) as client:
        answer = await client.get("/Observation?_id=z1&_include=Observation:derived-from&_include:iterate=Observation:derived-from")
    assert [one["resource"]["id"] for one in answer.json()["entry"]] == ["z1"]


@pytest.mark.parametrize("category", ["derivedFrom", "hasMember"])
async def test_a_narrowed_application_cannot_refer_by_a_search_beyond_its_scopes(client_of: ClientOf, category: str) -> None:
    scopes = ("patient/Observation.crus?category=laboratory",)
    app = Actor("a-li", "doctor", "Li", "Practitioner/li", (county.HOSPITAL,), client="app", scopes=scopes, patient="own")
    lab = [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "laboratory"}]}]
    body = about("Observation", "", "own", status="final", code={"text": "x"}, category=lab)
    body[category] = [{"reference": "Observation?_id=own-observation"}]
    async with client_of(app) as client:
        assert (await client.post("/Observation", json={k: v for k, v in body.items() if k != "id"})).status_code in (403, 412)


# --- exports ---


@pytest.mark.parametrize("actor", [COLLEAGUE, TREATING, MACHINE, county.READER], ids=lambda actor: actor.id)
async def test_an_export_holds_only_what_its_owner_may_see(client_of: ClientOf, module_store: Store, actor: Actor) -> None:
    """Every type, past versions too, should a role ever be let export; envelopes and Binaries are left to the machines without limits."""
    reach = Reach(module_store, lambda: NOON)

    async def scope_of(_: object) -> Scope:
        return await reach.scope(actor)

    about_someone = [type_ for type_ in RESOURCE_TYPES if type_ not in ENVELOPES]
    parameters = {"level": "system", "group": None, "types": about_someone, "since": "2026-01-01T00:00:00Z", "type_filters": [],
                  "request": "r", "owner": actor.id, "role": actor.role}  # fmt: skip
    id_ = await Jobs(module_store.ground).start("export", parameters)
    async with module_store.ground.pool.connection() as connection:
        await connection.execute("UPDATE xinglin.job SET state = 'running', attempt = 1 WHERE id = $1", id_)
    result = await exporter(scope_of)(Run(module_store.ground, id_, parameters, {}, 1))
    files = [folder_of(module_store.ground.settings, id_) / part["file"] for part in (*result["output"], *result["deleted"])]
    text = "".join(gzip.decompress(file.read_bytes()).decode() for file in files)
    assert '"id":"own"' in text
    assert not [secret for secret in HIDDEN[actor] if secret in text or county.hidden(secret)[:-4] in text]
