"""A bulk import writes every sound line once, tells about every other, and is not confused by a kill."""

from __future__ import annotations

import asyncio
import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from tests.store.labour import done, ended, killed
from tests.store.test_exporting import held
from xinglin.base.errors import Gone
from xinglin.store import Delete, Records, Scope, Store, importing
from xinglin.store.importing import importer
from xinglin.store.jobs import Jobs, Run


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "BATCH", 40)


@pytest.fixture
def folder(store: Store) -> Path:
    made = store.ground.settings.home_path / "import"
    made.mkdir(parents=True, exist_ok=True)
    return made


def patient(id_: str | None = None, **more: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", **({"id": id_} if id_ else {}), **more}


def ndjson(*resources: object) -> bytes:
    return b"".join(json.dumps(resource).encode() + b"\n" for resource in resources)


def told(store: Store, id_: str, result: Any) -> list[str]:
    return [issue["diagnostics"] for outcome in held(store, id_, result, "error") for issue in outcome["issue"]]


async def count(records: Records, type_: str) -> int:
    return len(await records.find(type_, count=1000))


async def test_files_are_imported_by_id_over_what_is_there(store: Store, records: Records, folder: Path):
    (folder / "a.ndjson").write_bytes(ndjson(*(patient(f"p{n}", gender="male") for n in range(100)), patient("p7", gender="female")))
    (folder / "b.ndjson.gz").write_bytes(gzip.compress(ndjson(patient("p8", gender="other"), patient(), patient())))
    _, result = await done(store, "import", {"files": ["a.ndjson", "b.ndjson.gz"]})
    assert (result["count"], result["output"], result["error"]) == (104, [{"type": "Patient", "count": 104}], [])
    assert await count(records, "Patient") == 102
    seven, eight = await records.read("Patient", "p7"), await records.read("Patient", "p8")
    assert (seven.version, seven.resource()["gender"]) == (2, "female")
    assert (eight.version, eight.resource()["gender"]) == (2, "other")
    assert len(await records.find("Patient", "gender=male", count=1000)) == 98


async def test_what_was_deleted_comes_back_with_the_next_version(store: Store, records: Records, folder: Path):
    (folder / "a.ndjson").write_bytes(ndjson(patient("p1")))
    await done(store, "import", {"files": ["a.ndjson"]})
    await records.write([Delete("Patient", "p1")])
    with pytest.raises(Gone):
        await records.read("Patient", "p1")
    await done(store, "import", {"files": ["a.ndjson"]})
    assert (await records.read("Patient", "p1")).version == 3


async def test_every_line_that_cannot_be_taken_is_told_with_its_reason(store: Store, records: Records, folder: Path):
    lines = [
        ndjson(patient("p1")),
        b"{not json}\n",
        b"\n",
        ndjson({"resourceType": "Starship"}),
        ndjson(patient("p2", birthDate="yesterday")),
        ndjson(patient("no such/id")),
        ndjson({"resourceType": "Observation", "status": "final", "code": {}, "subject": {"reference": "Patient?identifier=1"}}),
        ndjson(patient("p3"))[:-1],
    ]
    (folder / "mixed.ndjson").write_bytes(b"".join(lines))
    (folder / "cut.ndjson.gz").write_bytes(gzip.compress(ndjson(patient("p4")), mtime=0)[:-9])
    id_, result = await done(store, "import", {"files": ["mixed.ndjson", "gone.ndjson", "cut.ndjson.gz"]})
    found = told(store, id_, result)
    assert [line.split(":")[0] for line in found[:5]] == [f"mixed.ndjson line {n}" for n in (2, 4, 5, 6, 7)]
    assert "not valid JSON" in found[0]
    assert "Starship" in found[1]
    assert "gone.ndjson is not there" in " ".join(found)
    assert "cut short" in found[-1]
    assert {"p1", "p3"} <= {patient_["id"] for patient_ in await records.find("Patient")}
    (invalid,) = [outcome for outcome in held(store, id_, result, "error") if "line 5" in outcome["issue"][0]["diagnostics"]]
    assert invalid["issue"][0]["expression"] == ["Patient.birthDate"]


async def test_a_bundle_in_a_json_file_is_taken_apart_with_its_links(store: Store, records: Records, folder: Path):
    observation = {"resourceType": "Observation", "status": "final", "code": {"text": "x"}, "subject": {"reference": "urn:uuid:1"}}
    entries = [{"fullUrl": "urn:uuid:1", "resource": patient()}, *({"resource": observation} for _ in range(90))]
    (folder / "bundle.json").write_text(json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries}))
    (folder / "one.json").write_text(json.dumps(patient("single"), indent=2))
    _, result = await done(store, "import", {"files": ["bundle.json", "one.json"]})
    assert result["output"] == [{"type": "Observation", "count": 90}, {"type": "Patient", "count": 2}]
    (born,) = [found["id"] for found in await records.find("Patient") if found["id"] != "single"]
    assert len(await records.find("Observation", f"patient={born}", count=1000)) == 90


async def test_a_role_imports_only_what_it_may(store: Store, records: Records, folder: Path):
    (folder / "a.ndjson").write_bytes(ndjson(patient("p1"), {"resourceType": "Basic", "code": {"text": "x"}}))
    parameters = {"files": ["a.ndjson"], "owner": "d-1", "role": "registrar"}
    id_ = await Jobs(store.ground).start("import", parameters)
    async with store.ground.pool.connection() as connection:
        await connection.execute("UPDATE xinglin.job SET state = 'running', attempt = 1 WHERE id = $1", id_)
    work = importer(lambda role, type_: (role, type_) == ("registrar", "Patient"))
    result = await work(Run(store.ground, id_, parameters, {}, 1))
    assert result["output"] == [{"type": "Patient", "count": 1}]
    assert "may not import Basic" in told(store, id_, result)[0]


async def test_one_resource_the_store_refuses_does_not_keep_the_others_out(store: Store, records: Records, folder: Path, monkeypatch):
    (folder / "a.ndjson").write_bytes(ndjson(*(patient(f"p{n}") for n in range(60))))
    apply = importing.apply

    async def picky(ground, connection, steps, *rest):
        done_ = await apply(ground, connection, steps, *rest)
        if any(step.id == "p44" for step in steps):
            raise ValueError("the store stumbles")
        return done_

    monkeypatch.setattr(importing, "apply", picky)
    id_, result = await done(store, "import", {"files": ["a.ndjson"]})
    assert result["count"] == 59
    assert told(store, id_, result) == ["a.ndjson line 45: The store cannot take this resource."]
    assert await count(records, "Patient") == 59


@pytest.mark.parametrize("name", ["a.ndjson", "a.ndjson.gz", "a.json"])
@pytest.mark.parametrize(("saves", "before"), [(1, True), (2, False), (3, True)])
async def test_a_killed_import_writes_each_line_once(store: Store, records: Records, folder: Path, name: str, saves: int, before: bool):
    resources = [patient(f"p{n}") if n % 3 else patient(gender="other") for n in range(150)]
    resources[70] = patient("bad", birthDate="soon")
    content = ndjson(*resources)
    if name == "a.json":
        content = json.dumps({"resourceType": "Bundle", "type": "collection", "entry": [{"resource": r} for r in resources]}).encode()
    (folder / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    id_ = await Jobs(store.ground).start("import", {"owner": "d-1", "role": "system", "files": [name]})
    await killed(store, saves, before=before)
    status = await ended(store, id_)
    assert (status.state, status.error) == ("done", None)
    assert status.result is not None
    assert status.result["count"] == 149
    assert len(told(store, id_, status.result)) == 1
    found = await records.find("Patient", count=1000)
    assert (len(found), {resource["meta"]["versionId"] for resource in found}) == (149, {"1"})
    assert (await store.records(Scope.everyone()).history(count=1)).entries[0].version == 1


async def test_of_very_many_refused_lines_the_first_are_told_and_the_rest_counted(
    store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(importing, "OUTCOMES_MAX", 50)
    monkeypatch.setattr(importing, "ISSUES_MAX", 3)
    bad = patient(gender="x", birthDate="y", active="z", name=5, link=6)
    (folder / "bad.ndjson").write_bytes(ndjson(bad) * 130)
    id_, result = await done(store, "import", {"files": ["bad.ndjson"]})
    outcomes = held(store, id_, result, "error")
    assert len(outcomes) == 51
    assert all(len(outcome["issue"]) == 4 and "more findings" in outcome["issue"][3]["diagnostics"] for outcome in outcomes[:50])
    assert outcomes[50]["issue"][0]["diagnostics"].startswith("80 more lines were refused")


@pytest.mark.parametrize("ending", ["done", "failed", "cancelled"])
async def test_a_body_that_was_sent_goes_with_the_end_of_its_job_and_an_operators_file_stays(store: Store, folder: Path, ending: str):
    sent, placed = folder / "sent.ndjson", folder / "placed.ndjson"
    for file in (sent, placed):
        file.write_bytes(ndjson(patient()))
    jobs = Jobs(store.ground)
    files = ["sent.ndjson", "placed.ndjson"] if ending != "failed" else ["../outside.ndjson"]
    id_ = await jobs.start("import", {"owner": "a", "role": "system", "files": files, "uploads": ["sent.ndjson"]})
    if ending == "cancelled":
        await jobs.cancel(id_)
    else:
        assert (await ended(store, id_)).state == ending
    for _ in range(100):
        if not sent.exists():
            break
        await asyncio.sleep(0.02)
    assert (sent.exists(), placed.exists()) == (False, True)
