"""A bulk export holds everything of its moment and its level once, whatever is written and whoever is killed meanwhile."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from tests.store.labour import done, ended, killed
from xinglin.fhir.definitions import RESOURCE_TYPES, compartment
from xinglin.store import Create, Delete, Records, Scope, Store, Update, exporting
from xinglin.store.exported import Output, folder_of
from xinglin.store.exporting import exporter
from xinglin.store.jobs import Jobs, Run
from xinglin.store.layout import layout
from xinglin.store.snapshot import Whose, page, settled_tick

CLINICAL = tuple(sorted(compartment("Patient")))


def patient(id_: str, **more: Any) -> Update:
    return Update({"resourceType": "Patient", "id": id_, **more}, id_)


def observation(id_: str, of: str | None, **more: Any) -> Update:
    subject = {"subject": {"reference": f"Patient/{of}"}} if of else {}
    return Update({"resourceType": "Observation", "id": id_, "status": "final", "code": {"text": "pulse"}, **subject, **more}, id_)


def system(**more: Any) -> dict[str, Any]:
    return {"level": "system", "group": None, "types": list(RESOURCE_TYPES), "since": None, "type_filters": [], "request": "r", **more}


def held(store: Store, id_: str, result: Mapping[str, Any], part: str = "output") -> list[dict[str, Any]]:
    """Every resource in a job's files, whose counts must be true."""
    found: list[dict[str, Any]] = []
    for entry in result[part]:
        lines = gzip.decompress((folder_of(store.ground.settings, id_) / entry["file"]).read_bytes()).splitlines()
        assert len(lines) == entry["count"]
        found += [json.loads(line) for line in lines]
        assert {resource["resourceType"] for resource in found[-len(lines) :]} == {entry["type"]}
    return found


def ids(resources: list[dict[str, Any]]) -> list[str]:
    return sorted(f"{resource['resourceType']}/{resource['id']}" for resource in resources)


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporting, "PAGE_MAX", 40)
    monkeypatch.setattr(exporting, "_PAGE_FIRST", 7)


async def test_everything_of_the_asked_types_is_exported_once_as_it_is_stored(store: Store, records: Records):
    await records.write([patient(f"p{n}") for n in range(150)])
    await records.write([patient("p3", gender="female"), Delete("Patient", "p4"), observation("o1", "p3"), observation("o2", None)])
    id_, result = await done(store, "export", system(types=["Patient", "Observation"]))
    found = held(store, id_, result)
    assert ids(found) == sorted([*(f"Patient/p{n}" for n in range(150) if n != 4), "Observation/o1", "Observation/o2"])
    stored = (await records.read("Patient", "p3")).resource()
    assert [resource for resource in found if resource["id"] == "p3"] == [stored]
    assert result["deleted"] == []
    assert result["request"] == "r"
    everything = await done(store, "export", system())
    assert len(held(store, *everything)) == 151


async def test_a_file_is_one_gzip_stream_as_web_clients_read_it(store: Store, records: Records):
    await records.write([patient(f"p{n}") for n in range(100)])
    id_, result = await done(store, "export", system(types=["Patient"]))
    content = (folder_of(store.ground.settings, id_) / result["output"][0]["file"]).read_bytes()
    response = httpx.Response(200, headers={"content-encoding": "gzip"}, content=content)
    assert len(response.text.splitlines()) == 100


async def test_what_changes_meanwhile_is_exported_as_it_was(store: Store, records: Records):
    await records.write([patient(f"p{n}", gender="male") for n in range(60)])
    ground, spot = store.ground, layout("Patient")
    upto = await settled_tick(ground)
    seen: list[tuple[str, str]] = []
    after, last = 0, False
    while not last:
        async with ground.pool.connection() as connection:
            found = await page(ground, connection, spot, Whose(Scope.everyone()), after, upto, 10)
        seen += [(row.stored.id, row.stored.resource()["gender"]) for row in found.rows]
        after, last = found.upto, found.last
        n = len(seen)
        changed = [patient(f"p{(n * 7 + k) % 60}", gender="female") for k in (1, 2, 3)]
        await records.write([*changed, Delete("Patient", f"p{(n * 7 + 5) % 60}"), patient(f"new{n}", gender="female")])
    assert sorted(seen) == sorted((f"p{n}", "male") for n in range(60))


async def test_since_brings_what_is_newer_and_what_was_deleted(store: Store, records: Records):
    await records.write([patient(id_) for id_ in ("old", "changed", "gone", "back")])
    await records.write([Create({"resourceType": "Basic", "code": {"text": "x"}}, id="b")])
    _, result = await done(store, "export", system(types=["Patient"]))
    await records.write([patient("changed", gender="other"), Delete("Patient", "gone"), Delete("Patient", "back"), Delete("Basic", "b")])
    await records.write([patient("back")])
    id_, result = await done(store, "export", system(types=["Patient"], since=result["transactionTime"]))
    assert ids(held(store, id_, result)) == ["Patient/back", "Patient/changed"]
    (bundle,) = held(store, id_, result, "deleted")
    assert bundle["entry"] == [{"request": {"method": "DELETE", "url": "Patient/gone"}}]


async def test_filters_of_a_type_narrow_that_type_alone(store: Store, records: Records):
    await records.write([patient(f"p{n}", gender="male" if n % 2 else "female") for n in range(60)])
    await records.write([observation(f"o{n}", f"p{n}") for n in range(60)])
    filters = ["Observation?subject:Patient.gender=female", "Observation?_id=o1,o3"]
    id_, result = await done(store, "export", system(types=["Patient", "Observation"], type_filters=filters))
    counts = Counter(resource["resourceType"] for resource in held(store, id_, result))
    assert counts == {"Patient": 60, "Observation": 32}


async def test_the_patient_level_holds_the_compartments_of_patients(store: Store, records: Records):
    await records.write([patient("p1"), observation("of-a-patient", "p1"), observation("of-none", None)])
    performed = observation("by-a-patient", None, performer=[{"reference": "Patient/p1"}])
    await records.write([performed, Create({"resourceType": "Organization"})])
    id_, result = await done(store, "export", system(level="patient", types=list(CLINICAL)))
    assert ids(held(store, id_, result)) == ["Observation/by-a-patient", "Observation/of-a-patient", "Patient/p1"]


async def test_a_group_level_holds_the_compartments_of_its_members(store: Store, records: Records):
    await records.write([patient(f"p{n}") for n in range(5)])
    await records.write([observation(f"o{n}", f"p{n}") for n in range(5)])
    await records.write([observation("performed", "p4", performer=[{"reference": "Patient/p1"}]), observation("o5", "p1")])
    inner = {"resourceType": "Group", "type": "person", "actual": True, "member": [{"entity": {"reference": "Patient/p2"}}]}
    await records.write([Create(inner, id="inner")])
    members = [{"entity": {"reference": "Patient/p1"}}, {"entity": {"reference": "Group/inner"}}]
    members += [{"entity": {"reference": "Patient/p3"}, "inactive": True}]
    await records.write([Create(inner | {"member": members}, id="g")])
    id_, result = await done(store, "export", system(level="group", group="g", types=list(CLINICAL)))
    assert ids(held(store, id_, result)) == [
        "Group/g", "Group/inner", "Observation/o1", "Observation/o2", "Observation/o5", "Observation/performed", "Patient/p1", "Patient/p2",
    ]  # fmt: skip


async def test_an_export_stays_within_its_owners_scope(store: Store, records: Records):
    await records.write([patient("mine"), patient("theirs"), observation("m", "mine"), observation("t", "theirs")])
    async with store.ground.pool.connection() as connection:
        number = await connection.fetchval("SELECT n FROM xinglin.person WHERE id = $1", store.ground.hashes.id("mine"))
    parameters = {"owner": "d-1", "role": "doctor"} | system(types=["Patient", "Observation"])
    id_ = await Jobs(store.ground).start("export", parameters)
    async with store.ground.pool.connection() as connection:
        await connection.execute("UPDATE xinglin.job SET state = 'running', attempt = 1 WHERE id = $1", id_)

    async def scope_of(_parameters: object) -> Scope:
        return Scope.of([number])

    result = await exporter(scope_of)(Run(store.ground, id_, parameters, {}, 1))
    assert ids(held(store, id_, result)) == ["Observation/m", "Patient/mine"]


@pytest.mark.parametrize("before", [True, False], ids=["before-the-place-is-stored", "after"])
@pytest.mark.parametrize("saves", [2, 4, 6])
async def test_a_killed_export_goes_on_and_repeats_nothing(store: Store, records: Records, saves: int, before: bool):
    await records.write([patient(f"p{n}") for n in range(100)])
    await records.write([observation(f"o{n}", f"p{n}") for n in range(100)])
    id_ = await Jobs(store.ground).start("export", {"owner": "d-1", "role": "system", **system(types=["Patient", "Observation"])})
    await killed(store, saves, before=before)
    await records.write([patient("p0", gender="male"), patient("late")])
    status = await ended(store, id_)
    assert status.state == "done"
    assert status.result is not None
    found = held(store, id_, status.result)
    assert Counter(ids(found)).most_common(1)[0][1] == 1
    assert len(found) == 200
    kept = {file.name for file in folder_of(store.ground.settings, id_).iterdir()}
    assert kept == {part["file"] for part in status.result["output"]}


def test_a_new_file_is_begun_when_one_is_full(tmp_path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("xinglin.store.exported.FILE_RESOURCES_MAX", 4)
    output = Output.resumed(tmp_path, 1, "", {})
    for _ in range(3):
        output.write("Patient", b"{}\n{}\n{}\n", 3)
    output.close()
    assert [part["count"] for part in output.parts] == [6, 3]


async def test_two_exports_at_once_do_not_meet(store: Store, records: Records):
    await records.write([patient(f"p{n}") for n in range(90)])
    jobs = Jobs(store.ground)
    parameters = {"owner": "d-1", "role": "system", **system(types=["Patient"])}
    started = [await jobs.start("export", parameters) for _ in range(3)]
    statuses = [await ended(store, id_) for id_ in started]
    for id_, status in zip(started, statuses, strict=True):
        assert status.result is not None
        assert len(held(store, id_, status.result)) == 90
    await asyncio.gather(*(jobs.cancel(id_) for id_ in started))
    assert not any(folder_of(store.ground.settings, id_).exists() for id_ in started)
