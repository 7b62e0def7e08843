"""`$sign` and `$verify-signature` at the FHIR door: the same deeds as the pages, for programs."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from tests.capabilities.signature.conftest import prescription
from tests.capabilities.watched import HOSPITAL, County
from tests.signed_in import sign_in
from xinglin.access.accounts.sessions import public_id
from xinglin.access.actor import Actor
from xinglin.access.tokens import issue_for
from xinglin.base.crypto import Keys
from xinglin.base.settings import Settings
from xinglin.capabilities.signature.capability import CAPABILITY
from xinglin.doors.fhir_api.bearer import BearerAccess
from xinglin.doors.fhir_api.door import FhirDoor
from xinglin.fhir.codec import Resource
from xinglin.fhir.validation import validate
from xinglin.store.jobs import Jobs


@pytest.fixture
async def client(county: County, keys: Keys) -> AsyncIterator[httpx.AsyncClient]:
    store = county.store
    settings = Settings(home=store.ground.settings.home)
    door = FhirDoor(
        store, BearerAccess(keys), settings, CAPABILITY.operations, jobs=Jobs(store.ground), scope=county.reach.scope, now=county.clock
    )
    async with httpx.AsyncClient(transport=httpx.ASGITransport(door), base_url="http://hie.test/fhir") as client:
        yield client


async def bearer(county: County, keys: Keys, role: str = "doctor", person: str = "Practitioner/li", **more: object) -> dict[str, str]:
    """Someone with a session a moment old."""
    id_, units = f"a-{person.rpartition('/')[2]}", () if role == "resident" else (HOSPITAL,)
    secret = await sign_in(county.store, role, county.clock.now, id=id_, name="李医生", person=person, units=units)
    one = Actor(id_, role, "李医生", person, units, public_id(secret), **more)
    return {"Authorization": f"Bearer {issue_for(keys, one, 3600, now=county.clock.now)}"}


def values(answer: Resource) -> dict[str, object]:
    return {part["name"]: next(value for key, value in part.items() if key.startswith("value")) for part in answer["parameter"]}


async def test_a_program_signs_and_another_verifies(county: County, client: httpx.AsyncClient, keys: Keys):
    await (await county.doctor()).post("/my-certificate")
    asked = {"resourceType": "Parameters", "parameter": [{"name": "version", "valuePositiveInt": 1}]}
    headers = await bearer(county, keys)
    made = (await client.post("/MedicationRequest/rx/$sign", json=asked, headers=headers)).json()
    assert made["resourceType"] == "Provenance", made
    assert made["target"][0]["reference"] == "MedicationRequest/rx/_history/1"
    assert [one for one in validate(made) if one.severity == "error"] == []
    ours = await bearer(county, keys, "resident", "Patient/zhang")
    answer = (await client.get(f"/Provenance/{made['id']}/$verify-signature", headers=ours)).json()
    assert [one for one in validate(answer) if one.severity == "error"] == []
    told = values(answer)
    assert (told["result"], told["state"], told["integrity"], told["certificate"]) == (True, "intact", "unchanged", "valid")
    assert told["signer"] == {"reference": "Practitioner/li", "display": "李医生"}
    assert (told["version"], told["present-version"], told["organization"]) == ("1", "1", "县人民医院")
    await county.put(prescription(status="stopped"))
    told = values((await client.get(f"/Provenance/{made['id']}/$verify-signature", headers=ours)).json())
    assert (told["result"], told["state"], told["present-version"]) == (True, "changed", "2")
    theirs = await bearer(county, keys, "resident", "Patient/chen")
    assert (await client.get(f"/Provenance/{made['id']}/$verify-signature", headers=theirs)).status_code == 404


async def test_a_program_signs_no_other_version_than_it_saw(county: County, client: httpx.AsyncClient, keys: Keys):
    await (await county.doctor()).post("/my-certificate")
    headers = await bearer(county, keys)
    refused = await client.post("/MedicationRequest/rx/$sign?version=2", headers=headers)
    assert refused.status_code == 412
    assert (await client.post("/MedicationRequest/rx/$sign?version=two", headers=headers)).status_code == 400
    assert (await client.get("/MedicationRequest/rx/$sign", headers=headers)).status_code == 405


async def test_a_program_needs_the_session_of_one_who_proved_themselves_lately(county: County, client: httpx.AsyncClient, keys: Keys):
    await (await county.doctor()).post("/my-certificate")
    headers = await bearer(county, keys)
    county.clock.later(minutes=6)
    assert (await client.post("/MedicationRequest/rx/$sign", headers=headers)).status_code == 401
    bare = issue_for(keys, Actor("a-li", "doctor", "李医生", "Practitioner/li", (HOSPITAL,)), 3600, now=county.clock.now)
    refused = await client.post("/MedicationRequest/rx/$sign", headers={"Authorization": f"Bearer {bare}"})
    assert refused.status_code == 401


async def test_an_application_signs_only_with_the_scope_to(county: County, client: httpx.AsyncClient, keys: Keys):
    await (await county.doctor()).post("/my-certificate")
    headers = await bearer(county, keys, scopes=("user/MedicationRequest.rs",))
    assert (await client.post("/MedicationRequest/rx/$sign", headers=headers)).status_code == 403
    headers = await bearer(county, keys, scopes=("user/MedicationRequest.rs", "user/Provenance.cr"))
    assert (await client.post("/MedicationRequest/rx/$sign", headers=headers)).status_code == 200


NOT_THEIRS = [("resident", "Patient/zhang"), ("public_health", "Practitioner/li"), ("nurse", "Practitioner/wu")]


@pytest.mark.parametrize(("role", "person"), NOT_THEIRS)
async def test_who_may_not_sign_is_refused(county: County, client: httpx.AsyncClient, keys: Keys, role: str, person: str):
    refused = await client.post("/MedicationRequest/rx/$sign", headers=await bearer(county, keys, role, person))
    assert refused.status_code == 403
    assert refused.json()["resourceType"] == "OperationOutcome"
